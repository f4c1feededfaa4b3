#!/usr/bin/env bash
# The published numbers on MNIST: every cell of docs/results/mnist.md, or some, and the page.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

usage() {
  cat << TEXT
Usage: launch/mnist_numbers.sh [--only=CELLS] [--seeds=N] [--data_dir=DIR] [--runs_dir=DIR]
                               [--workers=N]

Makes a virtual environment (.venv in the clone, or \$SOS_VENV), installs the package, trains
LeNet-300-100 and LeNet-5 on MNIST dense and with every technique, and writes the page with tables
and plots. All cells with 3 seeds take hours on 2 cores.

It can be interrupted and run again at any time: finished runs are left alone, the others go on
where they were.

  --only=CELLS    cells to run, separated by commas, e.g. variational_dropout/lenet_300_100 or
                  dense,magnitude_global (default: all; a wrong name lists them)
  --seeds=N       seeds of each cell, from 0 on (default: 3)
  --data_dir=DIR  a folder with the four idx files of MNIST, or the data_dir of TensorFlow Datasets
                  (default: data/mnist in the clone or shared/data/mnist beside it, where it is
                  there; else TensorFlow Datasets downloads MNIST to its own folder)
  --runs_dir=DIR  where runs, table and page go (default: runs/mnist_numbers in the clone)
  --workers=N     processes that train at the same time (default: 2)
TEXT
}

only=
seeds=3
data_dir=
runs_dir="$ROOT/runs/mnist_numbers"
workers=2
for argument in "$@"; do
  case "$argument" in
    -h | --help) usage && exit 0 ;;
    --only=*) only="${argument#*=}" ;;
    --seeds=*) seeds="${argument#*=}" ;;
    --data_dir=*) data_dir="${argument#*=}" ;;
    --runs_dir=*) runs_dir="${argument#*=}" ;;
    --workers=*) workers="${argument#*=}" ;;
    *) echo "Error: unknown argument $argument; see --help." >&2 && exit 2 ;;
  esac
done
if [[ ! "$seeds" =~ ^[1-9][0-9]*$ ]]; then
  echo "Error: --seeds must be a number of seeds, at least 1. Received: $seeds." >&2 && exit 2
fi
for folder in "$ROOT/data/mnist" "$ROOT/../shared/data/mnist"; do
  if [[ -z "$data_dir" && -d "$folder" ]]; then
    data_dir="$(cd "$folder" && pwd)"
  fi
done

install_package experiments

numbers="SEED=$(seq -s, 0 $((seeds - 1)))"
grids=()
for network in lenet_300_100 lenet_5; do
  for technique in dense variational_dropout l0_groups magnitude_global magnitude_learned \
    magnitude_erdos_renyi_kernel magnitude_pruning random_pruning; do
    grids+=("--grid=lenet/$technique/$network.gin $numbers")
  done
done
grids+=(
  "--grid=lenet/l0_regularization/lenet_300_100.gin L0_WEIGHT=3e-5,1e-4,3e-4,1e-3 $numbers"
  "--grid=lenet/l0_regularization/lenet_5.gin L0_WEIGHT=1e-4,3e-4 $numbers"
)

echo "==> Training into $runs_dir; MNIST from ${data_dir:-TensorFlow Datasets}."
"$VENV/bin/python" -m state_of_sparsity.bin.sweep --sweep_dir="$runs_dir" --workers="$workers" \
  --table="$runs_dir/mnist/runs.csv" ${data_dir:+"--data_dir=$data_dir"} ${only:+"--only=$only"} \
  "${grids[@]}"

echo "==> Writing the page."
"$VENV/bin/python" "$ROOT/studies/mnist/page.py" --table="$runs_dir/mnist/runs.csv" \
  --output="$runs_dir/mnist.md"

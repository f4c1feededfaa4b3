#!/usr/bin/env bash
# One training run on this machine: its CPU, its GPU, or all of its GPUs.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

usage() {
  cat << TEXT
Usage: launch/train.sh FLAGS OF state_of_sparsity.bin.train

Makes a virtual environment (.venv in the clone, or \$SOS_VENV), installs the package, and trains.
With several GPUs each takes its part of every batch. Run again after an interruption, it goes on
where it was; a finished run is left alone. For example:

  launch/train.sh --gin_file=quickstart/magnitude_pruning.gin --gin_binding='SPARSITY = 0.9' \\
    --gin_file=hardware/gpu.gin --run_dir=runs/magnitude_pruning

All flags: launch/train.sh --helpfull
TEXT
}

case "${1:-}" in
  '' | -h | --help) usage && exit 0 ;;
esac

install_package experiments
command=("$VENV/bin/python" -m state_of_sparsity.bin.train "$@")
say_command "${command[@]}"
exec "${command[@]}"

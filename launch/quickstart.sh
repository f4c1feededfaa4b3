#!/usr/bin/env bash
# Dense training and four sparsity techniques on handwritten digits, then a report with plots.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

usage() {
  cat << TEXT
Usage: launch/quickstart.sh [--runs_dir=DIR] [--workers=N]

Makes a virtual environment (.venv in the clone, or \$SOS_VENV), installs the package, trains
LeNet-300-100 on scikit-learn's handwritten digits (nothing is downloaded but packages) dense and
with magnitude pruning, random pruning, variational dropout and L0 regularization at several
sparsities, 3 seeds each, and writes a report. About 3 minutes on 2 cores once installed.

It can be interrupted and run again at any time: finished runs are left alone.

  --runs_dir=DIR  where runs and report go (default: runs/quickstart in the clone)
  --workers=N     processes that train at the same time (default: 2)
TEXT
}

runs_dir="$ROOT/runs/quickstart"
workers=2
parse_runs_dir_and_workers "$@"

install_package experiments

echo "==> Training into $runs_dir."
"$VENV/bin/python" -m state_of_sparsity.bin.sweep --sweep_dir="$runs_dir" --workers="$workers" \
  --grid="quickstart/dense.gin SEED=0,1,2" \
  --grid="quickstart/magnitude_pruning.gin SPARSITY=0.5,0.9,0.95,0.98 SEED=0,1,2" \
  --grid="quickstart/random_pruning.gin SPARSITY=0.5,0.9,0.95,0.98 SEED=0,1,2" \
  --grid="quickstart/variational_dropout.gin KL_WEIGHT=8e-6,8e-5,3e-4 SEED=0,1,2" \
  --grid="quickstart/l0_regularization.gin L0_WEIGHT=9e-4,4e-3,1e-2 SEED=0,1,2"

echo "==> Writing the report."
"$VENV/bin/python" -m state_of_sparsity.bin.report \
  --runs_glob="$runs_dir/*/*" --output_dir="$runs_dir/report"

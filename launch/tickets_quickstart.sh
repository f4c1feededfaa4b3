#!/usr/bin/env bash
# Lottery tickets, rewinding and scratch runs on handwritten digits, then a report with plots.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

usage() {
  cat << TEXT
Usage: launch/tickets_quickstart.sh [--runs_dir=DIR] [--workers=N]

Makes a virtual environment (.venv in the clone, or \$SOS_VENV), installs the package, and prunes
LeNet-300-100 on scikit-learn's handwritten digits (nothing is downloaded but packages) to 98 %. From
the masks of these runs it trains lottery tickets, late-rewound tickets, scratch-E, scratch-B,
re-initialized tickets, learning-rate rewinding and fine-tuning, 3 seeds each, and writes a report.
About a minute on 2 cores once installed.

It can be interrupted and run again at any time: finished runs are left alone.

  --runs_dir=DIR  where runs and report go (default: runs/tickets_quickstart in the clone)
  --workers=N     processes that train at the same time (default: 2)
TEXT
}

runs_dir="$ROOT/runs/tickets_quickstart"
workers=2
parse_runs_dir_and_workers "$@"

sweep() {
  "$VENV/bin/python" -m state_of_sparsity.bin.sweep \
    --sweep_dir="$runs_dir" --workers="$workers" "$@"
}

install_package experiments

echo "==> Training into $runs_dir: the runs that all others begin from, with step 200 kept."
sweep --gin_binding="Experiment.kept_steps = (200,)" \
  --grid="quickstart/dense.gin SEED=0,1,2" \
  --grid="quickstart/magnitude_pruning.gin SPARSITY=0.98 SEED=0,1,2"

echo "==> Training from their masks: each seed from its own run."
pruned="{directory}/../../magnitude_pruning/sparsity_0.98_seed"
sweep --gin_binding="MASKS_OF = '${pruned}_{seed}'" \
  --grid="quickstart/lottery_ticket.gin SEED=0,1,2" \
  --grid="quickstart/scratch_e.gin SEED=0,1,2" \
  --grid="quickstart/scratch_b.gin SEED=0,1,2" \
  --grid="quickstart/learning_rate_rewinding.gin SEED=0,1,2" \
  --grid="quickstart/fine_tuning.gin SEED=0,1,2"

sweep --gin_binding="MASKS_OF = '${pruned}_{seed}'" \
  --gin_binding="WEIGHTS_OF = '{directory}/../../dense/seed_{seed}'" \
  --grid="quickstart/late_rewinding.gin SEED=0,1,2"

echo "==> Training the masks of seed 0 with weights drawn anew three times."
sweep --gin_binding="MASKS_OF = '${pruned}_0'" \
  --grid="quickstart/reinitialized.gin SEED=10,11,12"

echo "==> Writing the report."
"$VENV/bin/python" -m state_of_sparsity.bin.report \
  --runs_glob="$runs_dir/*/*" --output_dir="$runs_dir/report"

#!/usr/bin/env bash
# The lines between runs that the page shows: studies/tickets/lines.sh RUNS DATA SEED...
#
# RUNS is the folder of the study's runs, DATA that of MNIST; each line is a file in RUNS/lines.
set -euo pipefail

runs="$1"
data="$2"
shift 2
mkdir -p "$runs/lines"

line() { # NAME FIRST SECOND ARGUMENTS...
  local name="$1" first="$2" second="$3"
  shift 3
  if [[ ! -f "$runs/lines/$name.csv" && -f "$first/result.json" && -f "$second/result.json" ]]; then
    python -m state_of_sparsity.bin.interpolate --run_dir="$first" --run_dir="$second" \
      --data_dir="$data" --split=train --split=test --points=11 --output_dir="$runs/lines/$name" "$@"
    mv "$runs/lines/$name/interpolation.csv" "$runs/lines/$name.csv"
  fi
}

for seed in "$@"; do
  run() { echo "$runs/barrier/$1/seed_$seed"; }
  for first in scratch_e:scratch lottery_ticket:ticket dense:dense \
    sparse_initialization:sparse_initialization; do
    line "${first#*:}_to_pruned_seed_$seed" "$(run "${first%:*}")" "$(run pruned)"
  done
  line "first_weights_to_pruned_seed_$seed" "$(run scratch_e)" "$(run pruned)" \
    --step=0 --step=last
  line "scratch_to_scratch_seed_$seed" "$(run scratch_e)" "$(run sparse_initialization)"
done
for kind in dense round_07 round_15; do
  copies="$runs/instability/$kind"
  line "${kind}_0_seed_0" "$copies/seed_100" "$copies/seed_101"
done

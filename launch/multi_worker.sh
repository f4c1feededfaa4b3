#!/usr/bin/env bash
# One training run in several processes, on several machines or on this one.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

usage() {
  cat << TEXT
Usage: launch/multi_worker.sh --workers=HOST:PORT,HOST:PORT --index=N FLAGS
       launch/multi_worker.sh --local=N FLAGS

Trains with MultiWorkerMirroredStrategy: every worker takes its part of each batch, on all of its
GPUs. FLAGS are those of state_of_sparsity.bin.train, the same for all workers; --run_dir must be on
storage that all of them share. Makes the virtual environment (.venv in the clone, or \$SOS_VENV)
first; where machines share the clone, give each a \$SOS_VENV of its own. When a worker dies, end the
others (--local does) and start all of them again: they go on from the last checkpoint.

  --workers=LIST  every worker's address, the same list on each machine; the first writes the run
  --index=N       which of them this machine is, from 0 (one command for each machine)
  --local=N       starts N workers on this machine instead, at free ports of 127.0.0.1 and on its
                  processor (unless CUDA_VISIBLE_DEVICES says otherwise)

For example, on one machine:

  launch/multi_worker.sh --local=2 --gin_file=quickstart/magnitude_pruning.gin \\
    --gin_binding='SPARSITY = 0.9' --gin_binding='STEPS_PER_EXECUTION = 1' --run_dir=runs/two_workers
TEXT
}

workers='' index='' local_workers='' flags=()
for argument in "$@"; do
  case "$argument" in
    -h | --help) usage && exit 0 ;;
    --workers=*) workers="${argument#*=}" ;;
    --index=*) index="${argument#*=}" ;;
    --local=*) local_workers="${argument#*=}" ;;
    *) flags+=("$argument") ;;
  esac
done

fail() {
  echo "Error: $1; see --help." >&2
  exit 2
}

[[ -n "$workers" || -n "$local_workers" ]] || fail "give --workers and --index, or --local"
[[ -z "$local_workers" || -z "$index" ]] || fail "--index is for --workers"
[[ -z "$workers" || -z "$local_workers" ]] || fail "--workers and --local exclude each other"
[[ -z "$local_workers" || "$local_workers" =~ ^[1-9][0-9]*$ ]] || fail "--local must be a number"
[[ -z "$workers" || "$index" =~ ^[0-9]+$ ]] || fail "--index must be a number from 0"
(( ${#flags[@]} )) || fail "flags of the training program are missing"

# Usage: worker N, becomes the N-th of $workers.
worker() {
  TF_CONFIG="$(printf '{"cluster": {"worker": ["%s"]}, "task": {"type": "worker", "index": %d}}' \
    "${workers//,/'", "'}" "$1")"
  export TF_CONFIG
  echo "==> TF_CONFIG='$TF_CONFIG'"
  local command=("$VENV/bin/python" -m state_of_sparsity.bin.train --strategy=multi_worker)
  say_command "${command[@]}" "${flags[@]}"
  exec "${command[@]}" "${flags[@]}"
}

free_ports() {
  "$VENV/bin/python" - "$1" << 'PYTHON'
import socket, sys
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(int(sys.argv[1]))]
print(",".join(f"127.0.0.1:{s.getsockname()[1]}" for s in sockets))
PYTHON
}

install_package experiments
if [[ -n "$workers" ]]; then
  worker "$index"
fi

workers="$(free_ports "$local_workers")"
export CUDA_VISIBLE_DEVICES="${CUDA_VISIBLE_DEVICES:-}" # workers cannot share a GPU
processes=()
# TensorFlow's workers do not end by themselves, nor for SIGTERM; no run is hurt by SIGKILL.
trap 'kill -KILL "${processes[@]}" 2> /dev/null || true' EXIT
trap 'exit 130' INT TERM
for (( index = 0; index < local_workers; index++ )); do
  worker "$index" &
  processes+=("$!")
done
for (( index = 0; index < local_workers; index++ )); do
  status=0
  wait -n || status=$?
  if (( status == 2 )); then
    echo "Error: a worker ended with the error above; the others are ended too." >&2
    exit 2
  elif (( status )); then
    echo "Error: a worker failed; the others are ended. Run the same command to go on." >&2
    exit 1
  fi
done
trap - EXIT

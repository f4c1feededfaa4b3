#!/usr/bin/env bash
# One training run on a TPU machine (Cloud TPU VM).
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

TPU_TENSORFLOW="${TPU_TENSORFLOW:-2.20.0}"

usage() {
  cat << TEXT
Usage: launch/tpu_vm.sh FLAGS OF state_of_sparsity.bin.train

To be run on the TPU machine itself, from a clone. Makes a virtual environment (.venv in the clone,
or \$SOS_VENV) with TensorFlow for TPU, installs the package, and trains with TPUStrategy. --run_dir
must be on a disk of the machine or a network file system that knows locks. Run again after an
interruption (preemption included), it goes on where it was. For example:

  launch/tpu_vm.sh --gin_file=quickstart/magnitude_pruning.gin --gin_binding='SPARSITY = 0.9' \\
    --gin_file=hardware/tpu.gin --run_dir=runs/magnitude_pruning

  TPU_TENSORFLOW  version of tensorflow-tpu (default: 2.20.0, the newest when this was written)
  PIP_FIND_LINKS  where pip finds libtpu, if it does not: see Cloud TPU's guide to TensorFlow

It has not been run on a TPU by the developers: what stands in for one in the tests is that every
step compiles with XLA.
TEXT
}

case "${1:-}" in
  '' | -h | --help) usage && exit 0 ;;
esac

install_package experiments
if ! "$VENV/bin/python" -c 'from importlib.metadata import version; version("tensorflow-tpu")' \
  2> /dev/null; then
  echo "==> Installing tensorflow-tpu $TPU_TENSORFLOW over tensorflow of the same version."
  pip=("$VENV/bin/python" -m pip install --disable-pip-version-check)
  "${pip[@]}" "tensorflow==$TPU_TENSORFLOW" "tf_keras==${TPU_TENSORFLOW%.*}.*"
  "${pip[@]}" "tensorflow-tpu==$TPU_TENSORFLOW"
fi
command=("$VENV/bin/python" -m state_of_sparsity.bin.train --strategy=tpu --tpu=local "$@")
say_command "${command[@]}"
exec "${command[@]}"

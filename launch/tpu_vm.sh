#!/usr/bin/env bash
# One training run on a TPU machine (Cloud TPU VM).
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

usage() {
  cat << TEXT
Usage: launch/tpu_vm.sh FLAGS OF state_of_sparsity.bin.train

To be run on the TPU machine itself, from a clone. Makes a virtual environment (.venv in the clone,
or \$SOS_VENV) with TensorFlow for TPU, installs the package, and trains with TPUStrategy. --run_dir
and --data_dir may be Cloud Storage folders that are mounted as directories. Run again after an
interruption (preemption included), it goes on where it was. Where pip does not find libtpu, set
PIP_FIND_LINKS as Cloud TPU's guide to TensorFlow says. For example:

  launch/tpu_vm.sh --gin_file=quickstart/magnitude_pruning.gin --gin_binding='SPARSITY = 0.9' \\
    --gin_file=hardware/tpu.gin --run_dir=runs/magnitude_pruning

It has not been run on a TPU by the developers: what stands in for one in the tests is that every
step compiles with XLA.
TEXT
}

case "${1:-}" in
  '' | -h | --help) usage && exit 0 ;;
esac

install_package ''
version="$("$VENV/bin/python" -c 'from importlib.metadata import version; print(version("tensorflow"))')"
if ! "$VENV/bin/python" -c 'from importlib.metadata import version; version("tensorflow-tpu")' 2> /dev/null; then
  echo "==> Installing tensorflow-tpu $version in place of tensorflow, as TensorFlow's guide says."
  "$VENV/bin/python" -m pip install --disable-pip-version-check "tensorflow-tpu==$version"
fi
command=("$VENV/bin/python" -m state_of_sparsity.bin.train --strategy=tpu --tpu=local "$@")
say_command "${command[@]}"
exec "${command[@]}"

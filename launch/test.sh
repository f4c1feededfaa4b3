#!/usr/bin/env bash
# Lint and tests, in an environment of their own.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

usage() {
  cat << TEXT
Usage: launch/test.sh [PYTEST ARGUMENTS]

Makes a virtual environment (.venv in the clone, or \$SOS_VENV), installs the package with what its
tests need, runs ruff and mypy, then pytest in 2 processes on all tests not marked slow. Arguments
go to pytest, e.g. launch/test.sh tests/bin -k sweep, or launch/test.sh -m '' for the slow ones too.
TEXT
}

case "${1:-}" in
  -h | --help) usage && exit 0 ;;
esac

install_package test
cd "$ROOT"
echo "==> ruff check, ruff format --check"
"$VENV/bin/ruff" check .
"$VENV/bin/ruff" format --check .
echo "==> mypy"
"$VENV/bin/mypy"
echo "==> pytest -n 2 --dist worksteal -m 'not slow' $*"
exec "$VENV/bin/python" -m pytest -n 2 --dist worksteal -m "not slow" "$@"

# shellcheck shell=bash
# Sourced by the other scripts: the virtual environment of this clone, made once and kept.
#
# SOS_VENV  where it lies (default: .venv in the clone)
# PYTHON    the Python to make it with (default: the first of those below that is 3.11 or newer)

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
VENV="${SOS_VENV:-$ROOT/.venv}"

find_python() {
  local candidate
  for candidate in ${PYTHON:+"$PYTHON"} python3.11 python3 python3.12 python3.13; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null; then
      echo "$candidate"
      return
    fi
  done
  echo "Error: no Python 3.11 or newer found; name one with PYTHON=/path/to/python." >&2
  return 1
}

# Usage: install_package EXTRAS, as in install_package experiments or install_package test,release.
install_package() {
  local extras="$1" python state
  state="$(cksum < "$ROOT/setup.py") $ROOT"
  if grep -qsxF "$extras $state" "$VENV/.installed"; then
    echo "==> Environment $VENV is ready."
    return
  fi
  python="$(find_python)"
  echo "==> Making the environment $VENV with $("$python" --version)."
  [[ -x "$VENV/bin/python" ]] || "$python" -m venv "$VENV"
  echo "==> Installing this package and what it needs (about 2 GB; minutes the first time)."
  "$VENV/bin/python" -m pip install --disable-pip-version-check -e "${ROOT}[$extras]"
  # Whatever a script asks for has the extra `experiments` in it.
  printf '%s\n' "experiments $state" "$extras $state" | sort -u > "$VENV/.installed"
}

# Usage: parse_runs_dir_and_workers ARGUMENTS; sets runs_dir and workers, or calls usage.
parse_runs_dir_and_workers() {
  local argument
  for argument in "$@"; do
    case "$argument" in
      -h | --help) usage && exit 0 ;;
      --runs_dir=*) runs_dir="${argument#*=}" ;;
      --workers=*) workers="${argument#*=}" ;;
      *) echo "Error: unknown argument $argument; see --help." >&2 && exit 2 ;;
    esac
  done
}

# Usage: say_command COMMAND ARGUMENTS; says what is done next.
say_command() {
  printf '==> Running:' && printf ' %q' "$@" && printf '\n'
}

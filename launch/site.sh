#!/usr/bin/env bash
# Makes the site of docs/, with the API pages.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

usage() {
  cat << TEXT
Usage: launch/site.sh [--output_dir=DIR]

Makes a virtual environment (.venv in the clone, or \$SOS_VENV), installs the clone in it (with -e)
and Sphinx, and makes a site of docs/, examples/ and the docstrings of what is public. A link that
leads nowhere is an error, as are a page in no list and a docstring that cannot be read. Open
index.html in it.

  --output_dir=DIR  where the site goes (default: site in the clone)
TEXT
}

output_dir="$ROOT/site"
for argument in "$@"; do
  case "$argument" in
    -h | --help) usage && exit 0 ;;
    --output_dir=?*) output_dir="${argument#*=}" ;;
    *) echo "Error: unknown argument $argument; see --help." >&2 && exit 2 ;;
  esac
done

install_package site
cd "$ROOT"
command=("$VENV/bin/python" -m sphinx --nitpicky --fail-on-warning --fresh-env -c docs -d build/site
  . "$output_dir")
say_command "${command[@]}"
"${command[@]}"
echo "==> Open $output_dir/index.html"

#!/usr/bin/env bash
# Builds a release and tries it; uploads nothing.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

usage() {
  cat << TEXT
Usage: launch/release.sh

Checks that everything is committed and that version.py, CITATION.cff and CHANGELOG.md agree, runs
launch/test.sh, builds the sdist and the wheel into dist/, and runs tests/test_wheel.py: the wheel
installed outside the clone, with [experiments] and with Keras and JAX alone, and a short job in each.
Says in the end what to upload, and uploads nothing. About half an hour on 2 cores.
TEXT
}

case "${1:-}" in
  '') ;;
  -h | --help) usage && exit 0 ;;
  *) echo "Error: unknown argument $1; see --help." >&2 && exit 2 ;;
esac

cd "$ROOT"
version="$(sed -n 's/^__version__ = "\(.*\)"$/\1/p' state_of_sparsity/version.py)"
fail() {
  echo "Error: $1" >&2
  exit 1
}
[[ -z "$(git status --porcelain)" ]] || fail "commit or remove what 'git status' shows first."
[[ -z "$(git tag --list "v$version")" ]] ||
  fail "v$version was released; raise the version in state_of_sparsity/version.py."
grep -qx "version: $version" CITATION.cff || fail "CITATION.cff must say 'version: $version'."
grep -qE "^## $version( |$)" CHANGELOG.md || fail "CHANGELOG.md must have a section '## $version'."

install_package test,release
"$ROOT/launch/test.sh"

echo "==> Building into dist/"
rm -rf dist
"$VENV/bin/python" -m build --outdir dist .
"$VENV/bin/twine" check --strict dist/*

echo "==> Trying the wheel outside the clone"
SOS_WHEEL="$(echo "$ROOT"/dist/*.whl)" "$VENV/bin/python" -m pytest -m slow tests/test_wheel.py

echo "==> Built and tried at $(git rev-parse --short HEAD): state_of_sparsity $version"
ls -l dist
if grep -qE "^## $version \(unreleased\)" CHANGELOG.md; then
  echo "Not to be uploaded yet: CHANGELOG.md says '$version (unreleased)'. Put the date there, commit,"
  echo "and run this again."
else
  echo "To upload it:"
  echo "  git tag v$version && git push origin v$version"
  echo "  $VENV/bin/twine upload dist/*"
fi

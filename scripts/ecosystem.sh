#!/usr/bin/env bash
# Installs packages that live on scripts (queues, locks, limiters) outside of the repository, and runs the programs of
# tests/ecosystem with them, against our server and a real one.
#
# Usage: scripts/ecosystem.sh [OPTIONS OF tests/ecosystem/run.py]
#
# Needs node with npm, and python3 with venv. The folder is $ECOSYSTEM_DIR, or ~/.cache/pollux-ecosystem.
set -euo pipefail
cd "$(dirname "$0")/.."

place="${ECOSYSTEM_DIR:-$HOME/.cache/pollux-ecosystem}"
mkdir -p "$place/node"
for program in node npm python3; do
  command -v "$program" >/dev/null || { echo "ecosystem: there is no $program"; exit 2; }
done

if ! cmp -s tests/ecosystem/node/package.json "$place/node/installed.json"; then
  cp tests/ecosystem/node/package.json "$place/node/package.json"
  # Nothing that a package brings is run while it is installed.
  (cd "$place/node" && npm install --ignore-scripts --no-audit --no-fund)
  cp tests/ecosystem/node/package.json "$place/node/installed.json"
fi
if ! cmp -s tests/ecosystem/python/requirements.txt "$place/python/installed.txt"; then
  python3 -m venv "$place/python"
  "$place/python/bin/pip" install --quiet --requirement tests/ecosystem/python/requirements.txt
  cp tests/ecosystem/python/requirements.txt "$place/python/installed.txt"
fi
exec python3 tests/ecosystem/run.py --packages "$place" "$@"

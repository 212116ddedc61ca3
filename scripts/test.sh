#!/usr/bin/env bash
# All that must pass before a change lands, part by part; at the end a line for each part with the time it took.
#
# Usage: scripts/test.sh PART...      parts are targets of the Makefile
#
# Whatever can run runs. What a part leaves out, because a program is missing and cannot be installed without a
# password, is said at the end together with the command that installs it; that is no failure, except where CI is set.
set -uo pipefail
cd "$(dirname "$0")/.."

times=""
failed=""
for part in "$@"; do
  started=$SECONDS
  # Under CI `setup` has failed where there is no Python.
  if [[ "$part" = test-peers || "$part" = test-course || "$part" = instructions-check || "$part" = memory-check ]] && ! command -v "${PYTHON:-python3}" >/dev/null; then
    outcome="-     "
  elif "${MAKE:-make}" --no-print-directory "$part"; then outcome="ok    "; else outcome=FAILED; failed=$part; fi
  times="$times$(printf '%s %-20s %4d s' "$outcome" "$part" $((SECONDS - started)))
"
  # What comes after a failure would only hide it.
  if [ -n "$failed" ]; then break; fi
done

echo
printf '%s' "$times"
printf 'in all %24d s\n' "$SECONDS"
missing=$(scripts/setup.sh --missing)
if [ -n "$missing" ]; then
  echo "left out: what needs a program that is not here. To have it next time: $missing"
fi
if [ -n "$failed" ]; then exit 1; fi

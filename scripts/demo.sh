#!/usr/bin/env bash
# demo.sh INTAP CAPTURE: prints the audit of CAPTURE. Findings (exit status 1) are what a demonstration is for; only 2, "could not do what
# was asked", is a failure.
set -euo pipefail

echo "$ intap audit $2"
status=0
"$1" audit "$2" || status=$?
if ((status > 1)); then
    exit "$status"
fi
echo
echo "exit status $status: $( ((status == 0)) && echo "no hard requirement failed" || echo "findings")"

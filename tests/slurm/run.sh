#!/usr/bin/env bash
# Runs suites on a real Slurm of this machine alone, which is started for it and ended after it. As root (see start.sh).
set -euo pipefail
cd "$(dirname "$0")/../.."
python=${1:-.venv/bin/python}
folder=$(mktemp -d)
trap 'tests/slurm/start.sh stop "$folder"; rm -rf "$folder"' EXIT
tests/slurm/start.sh start "$folder"
eval "$(tests/slurm/start.sh env "$folder")"
"$python" -m pytest -p no:cacheprovider tests/slurm/checks.py

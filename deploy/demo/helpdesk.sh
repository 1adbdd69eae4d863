#!/usr/bin/env bash
# A real helpdesk and Deskhand side by side on this machine: three tickets come in by webhook and get their note.
# DEMO_ONCE=1 ends when they have it; otherwise both run until Ctrl-C. Options: see the end of this file.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
data=$PWD/build/demo-helpdesk
export DESKHAND_DATA_DIR=${DESKHAND_DATA_DIR:-$data/deskhand} GOMP_SPINCOUNT=1000 PYTHONWARNINGS=ignore PYTHONUNBUFFERED=1
mkdir -p "$data"

printf '\n\033[1m%s\033[0m\n' "Read the help centre of Fernhill Coffee, and the notes its agents keep to themselves"
.venv/bin/deskhand ingest deploy/demo/help-centre
.venv/bin/deskhand ingest deploy/demo/internal --audience internal

# [--data DIR] [--helpdesk-port 8040] [--deskhand-port 8030]
exec .venv/bin/python -m tests.helpdesk_site.demo --data "$data" "$@"

#!/usr/bin/env bash
# The main job on the sample help centre: ingest 40 articles, then answer ten tickets.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
export DESKHAND_DATA_DIR=${DESKHAND_DATA_DIR:-$PWD/build/demo} GOMP_SPINCOUNT=1000
deskhand() { .venv/bin/deskhand "$@"; }
say() { printf '\n\033[1m%s\033[0m\n' "$*"; }

say "1. Read the help centre of Fernhill Coffee, and the notes its agents keep to themselves"
deskhand ingest deploy/demo/help-centre
deskhand ingest deploy/demo/internal --audience internal

say "2. Answer ten tickets: cited drafts, a question back, and cases for a human"
tickets=()
for file in deploy/demo/tickets/*.json; do tickets+=(--file "$file"); done
deskhand draft "${tickets[@]}"

say "What next"
cat <<TEXT
Ask something yourself:   DESKHAND_DATA_DIR=$DESKHAND_DATA_DIR .venv/bin/deskhand draft --text "How do I clean the grinder?"
Your own documents:       .venv/bin/deskhand ingest PATH…, then .venv/bin/deskhand draft --text "…"
REST API and its docs:    .venv/bin/deskhand serve, then open http://127.0.0.1:8030/docs
                          (make a key with .venv/bin/deskhand keys create)
TEXT

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

port=${DESKHAND_PORT:-8030}
say "3. The same tickets in the sidebar, as an agent sees them"
cat <<TEXT
Ask something yourself:   DESKHAND_DATA_DIR=$DESKHAND_DATA_DIR .venv/bin/deskhand draft --text "How do I clean the grinder?"
Your own documents:       .venv/bin/deskhand ingest PATH…, then .venv/bin/deskhand draft --text "…"
A real helpdesk:          make demo-helpdesk
REST API and its docs:    http://127.0.0.1:$port/docs while this runs (a key: .venv/bin/deskhand keys create)
TEXT
# Where nobody watches (no terminal, or DEMO_ONCE=1) the demo ends here.
if [ "${DEMO_ONCE:-}" = 1 ] || ! [ -t 1 ]; then
  echo "The sidebar:              DESKHAND_DATA_DIR=$DESKHAND_DATA_DIR DESKHAND_SIDEBAR_DEMO=deploy/demo/tickets .venv/bin/deskhand serve,"
  echo "                          then open http://127.0.0.1:$port/sidebar/demo"
  exit 0
fi
say "Open http://127.0.0.1:$port/sidebar/demo (Ctrl-C ends it)"
(
  for _ in $(seq 60); do
    sleep 1
    if .venv/bin/python -c "import urllib.request as u; u.urlopen('http://127.0.0.1:$port/readyz')" 2>/dev/null; then
      { xdg-open "http://127.0.0.1:$port/sidebar/demo" || open "http://127.0.0.1:$port/sidebar/demo"; } >/dev/null 2>&1
      exit
    fi
  done
) &
DESKHAND_SIDEBAR_DEMO=$PWD/deploy/demo/tickets exec .venv/bin/deskhand serve

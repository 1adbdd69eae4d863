#!/usr/bin/env bash
# Makes .venv with everything Deskhand needs. Run by make; a second run does nothing.
#   DESKHAND_CUDA=1  builds llama.cpp for CUDA and takes pip's default build of torch, which has CUDA on Linux.
#   TORCH_INDEX=URL  a package index that has the CPU build of torch; without it pip's default build may be taken,
#                    which works too but is larger.
# The compiled llama-cpp-python wheel is kept in ~/.cache/deskhand/wheels, by version, Python and CPU, since it is
# built for the CPU at hand.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

cuda=${DESKHAND_CUDA:-}
pins=deploy/constraints.txt
stamp=.venv/.ready
want=$(cat pyproject.toml "$pins" deploy/setup.sh <(echo "$cuda") | sha256sum | cut -d' ' -f1)
[ "$(cat "$stamp" 2>/dev/null || true)" = "$want" ] && exit 0

pick_python() {
  for name in "${PYTHON:-python3}" python3.13 python3.12 python3.11; do
    if command -v "$name" >/dev/null && "$name" -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      echo "$name"; return
    fi
  done
  echo "Deskhand needs Python 3.11 or newer with venv. Fix: install it, or set PYTHON." >&2
  exit 1
}
python=$(pick_python)
pip() { .venv/bin/python -m pip --disable-pip-version-check "$@"; }
version() { sed -n "s/^$1==//p" "$pins"; }

echo "== Setting up .venv (the first time takes about 10 minutes: torch is large and llama.cpp is compiled)"
[ -x .venv/bin/python ] || "$python" -m venv .venv
pip install --quiet "pip==$(version pip)"

# torch first: asked for by another package, pip may take a build with gigabytes of CUDA libraries.
if [ -n "$cuda" ]; then
  pip install --quiet "torch==$(version torch)"
else
  # The CPU build by its own name where an index has it (TORCH_INDEX may name one), else what pip takes by default.
  pip install --quiet ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} "torch==$(version torch)+cpu" 2>/dev/null ||
    pip install --quiet "torch==$(version torch)"
fi

cpu=$( { grep -m1 '^flags' /proc/cpuinfo || sysctl -n machdep.cpu.features machdep.cpu.leaf7_features || uname -m; } 2>/dev/null | sha256sum | cut -c1-12)
tag=$(.venv/bin/python -c 'import sys, platform; print(f"cp{sys.version_info[0]}{sys.version_info[1]}-{platform.machine()}")')
llama=$(version llama-cpp-python)
wheels=${XDG_CACHE_HOME:-$HOME/.cache}/deskhand/wheels/llama-cpp-python-$llama-$tag-$cpu${cuda:+-cuda}
if ! ls "$wheels"/*.whl >/dev/null 2>&1; then
  command -v cc >/dev/null && command -v c++ >/dev/null || {
    echo "llama.cpp is compiled here and no C++ compiler was found. Fix: install one (Debian: apt-get install build-essential)." >&2; exit 1; }
  echo "== Compiling llama-cpp-python $llama for this CPU (4 to 10 minutes on two cores, once)"
  rm -rf "$wheels.new"; mkdir -p "$wheels.new"
  # Only what Deskhand loads: neither the vision library nor the command-line tools.
  pip wheel --quiet --no-deps --no-binary llama-cpp-python "llama-cpp-python==$llama" --wheel-dir "$wheels.new" \
    -C cmake.define.LLAVA_BUILD=OFF ${cuda:+-C cmake.define.GGML_CUDA=ON} -C "build.targets=llama;llama-common" &
  job=$!; began=$SECONDS
  while kill -0 $job 2>/dev/null; do
    sleep 5; [ -t 2 ] && printf '\r   %d s' $((SECONDS - began)) >&2
  done
  wait $job
  rm -rf "$wheels"; mv "$wheels.new" "$wheels"
fi
pip install --quiet --no-deps --force-reinstall "$wheels"/*.whl

echo "== Installing the other packages"
pip install --quiet --constraint "$pins" --editable ".[dev]"
echo "$want" > "$stamp"
echo "== .venv is ready"

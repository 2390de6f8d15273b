#!/bin/sh
# Make the virtual environment; on Debian and Ubuntu bring python3-venv first where it is missing.
set -eu
venv=$1
python=${PYTHON:-python3}

if ! command -v "$python" >/dev/null; then
    echo "error: $python is not installed; as root: apt-get install python3 python3-venv" >&2
    exit 3
fi
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "error: $("$python" --version) is too old; newsletter needs Python 3.11 or newer (make PYTHON=python3.12 …)" >&2
    exit 3
fi
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3-venv >/dev/null
    else
        echo "error: the venv module is missing; as root: apt-get install python3-venv" >&2
        exit 3
    fi
fi
rm -rf "$venv"
exec "$python" -m venv "$venv"

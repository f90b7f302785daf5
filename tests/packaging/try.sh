#!/usr/bin/env bash
# try.sh WHEEL PYTHON...: installs the wheel in a new environment of each Python and runs smoke.py there, with that
# environment's programs alone in PATH. PIP_CONSTRAINT may name other versions of what pylrm needs.
set -euo pipefail
wheel="$1"
shift
here="$(cd "$(dirname "$0")" && pwd)"
for python in "$@"; do
    clean="$(mktemp -d)"
    trap 'rm -rf "$clean"' EXIT
    "$python" -m venv "$clean"
    pip=("$clean/bin/python" -m pip install -q --disable-pip-version-check --only-binary :all:)
    "${pip[@]}" "$wheel"
    if ! "$clean/bin/python" -c 'import cv2' 2> /dev/null; then
        echo 'opencv-python cannot be imported here: taking opencv-python-headless'
        "$clean/bin/python" -m pip uninstall -q -y opencv-python
        "${pip[@]}" opencv-python-headless
    fi
    (cd "$clean" && env -i PATH="$clean/bin" HOME="$clean" "$clean/bin/python" -I "$here/smoke.py")
    rm -rf "$clean"
done

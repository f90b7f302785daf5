#!/usr/bin/env bash
# pythons.sh: one Python of each version that pylrm runs on and this machine has, oldest first.
for minor in 10 11 12 13 14 15; do
    for python in "$(command -v "python3.$minor")" "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3."$minor".*/bin/python3; do
        if "$python" -c 'import ensurepip, venv' 2> /dev/null; then
            echo "$python"
            break
        fi
    done
done

#!/usr/bin/env bash
# oldest.sh WHEEL PYTHON [TESTS]: the tests of this tree with the oldest versions that pyproject.toml allows of what pylrm
# needs; WHEEL tells what that is.
set -euo pipefail
wheel="$1" python="$2"
shift 2
environment=build/oldest
mkdir -p build
grep -oE '"[A-Za-z-]+>=[0-9.]+"' pyproject.toml | tr -d '"' | sed 's/>=/==/' > build/oldest.txt
rm -rf "$environment"
"$python" -m venv "$environment"
pip=("$environment/bin/python" -m pip install -q --disable-pip-version-check --only-binary :all: -c build/oldest.txt)
"${pip[@]}" "$wheel[onnx,tensorboard,yaml]" pytest hypothesis
# what the tests call is newer: OpenCV 5's reading of EXIF, matplotlib 3.8's get_suptitle, click 8.4's guess at a name
"$environment/bin/python" -m pytest -q -p no:cacheprovider --ignore tests/packaging \
    --deselect tests/inspect/test_check.py::test_headers --deselect tests/pictures/test_curves.py::test_what_a_figure_shows \
    --deselect tests/pictures/test_curves.py::test_runs_differ_by_colour_and_by_line \
    --deselect tests/pictures/test_mining_curves.py::test_what_a_figure_shows \
    --deselect 'tests/cli/test_convert.py::test_mistakes_get_a_line[kitty-kitti]' "${@:-tests}"

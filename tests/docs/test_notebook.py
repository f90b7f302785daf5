"""The notebook, from its first cell to its last, and as it lies in the tree."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.pages import ROOT, Shell

NOTEBOOK = ROOT / "docs" / "notebook.ipynb"


def test_it_has_no_outputs() -> None:
    cells = json.loads(NOTEBOOK.read_text("utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert len(code) > 5
    assert not any(cell["outputs"] or cell["execution_count"] for cell in code)


@pytest.mark.slow  # it trains a detector
def test_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nbclient = pytest.importorskip("nbclient", reason="pip install '.[docs]' brings it")
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    for name, value in Shell(tmp_path).environment.items():
        monkeypatch.setitem(os.environ, name, value)
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    # An error in a cell, also of a command in a %%bash cell, is an exception here.
    client = nbclient.NotebookClient(
        notebook, timeout=900, resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()
    last = [cell for cell in notebook.cells if cell.cell_type == "code"][-1]
    assert all(output.output_type == "stream" for output in last.outputs)
    assert (tmp_path / "notebook-files" / "run" / "weights" / "best.weights").is_file()
    assert (tmp_path / "notebook-files" / "curves.png").is_file()

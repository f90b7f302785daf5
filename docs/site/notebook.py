"""A notebook as a page: its text as it is, its code in blocks."""

from __future__ import annotations

import json
from pathlib import Path


def notebook(path: Path) -> str:
    """Return a notebook's cells as Markdown; outputs are left out."""
    cells = json.loads(path.read_text("utf-8"))["cells"]
    return "\n\n".join(
        "".join(cell["source"])
        if cell["cell_type"] == "markdown"
        else f"```python\n{''.join(cell['source'])}\n```"
        for cell in cells
    )

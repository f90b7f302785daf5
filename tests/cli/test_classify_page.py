"""The commands of docs/classify.md, run on drawn images."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pylrm.engine import Network
from tests.data.stripes import write_tree
from tests.pages import steps

PAGE = Path(__file__).parents[2] / "docs" / "classify.md"


def test_the_commands(
    tmp_path: Path, tiny_data: Path, monkeypatch: pytest.MonkeyPatch, run: Callable[..., object]
) -> None:
    monkeypatch.chdir(tmp_path)
    tree = write_tree(tmp_path / "animals")
    for part in ("train", "valid"):
        (tree / part / "lying").rename(tree / part / "cat")
        (tree / part / "standing").rename(tree / part / "dog")
        shutil.rmtree(tree / part / "plain")
    shutil.copy(tiny_data, tiny_data.with_name("boxes.data"))
    commands = steps(PAGE)
    assert len(commands) == 8
    for step in commands:
        command, _, target = step.command.partition(" > ")
        words = command.replace("boxes.data", str(tiny_data)).split()
        code, out, err = run(*words[1:])  # type: ignore[misc]
        assert code == 0, (step.command, err)
        if target:
            Path(target).write_text(out)
        for line in step.printed:
            assert line.split("…")[0] in out, line
    with Network("detector.cfg", "backbone.weights") as net, Network("animals.cfg") as other:
        assert [layer.type for layer in net][:27] == [layer.type for layer in other][:27]
        assert other[27].type == "avgpool"

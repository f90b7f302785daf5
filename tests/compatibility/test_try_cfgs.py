"""The script that tries a folder of cfg files, on a few."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NET = "[net]\nwidth=32\nheight=32\nchannels=3\n"
CONV = "[convolutional]\nfilters={}\nsize=3\nstride=2\nactivation=leaky\n"
FILES = {
    "a-shipped": (ROOT / "cfg" / "yolov2-tiny.cfg"),
    "b-classes": NET + CONV.format(4) + "[connected]\noutput=3\n[softmax]\nunknown=1\n",
    "c-nothing": NET + CONV.format(4),
    "d-refused": NET + "[rnn]\n",
    "e-large": NET + "[connected]\noutput=400000\n[softmax]\n",
    "f-averages": NET + "ema_alpha=.9\nmax_batches=99\n" + CONV.format(4) + "[softmax]\n",
}


def test_each_file_has_its_row(tmp_path):
    pytest.importorskip("onnxruntime", reason="the column of exports needs it")
    folder = tmp_path / "cfg"
    folder.mkdir()
    for name, text in FILES.items():
        text = text.read_text() if isinstance(text, Path) else text
        (folder / f"{name}.cfg").write_text(text)
    script = [sys.executable, "-m", "tests.compatibility.try_cfgs"]
    done = subprocess.run(
        [*script, folder, "--updates", "3", "--memory", "1"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    head, rule, *rows = done.stdout.splitlines()
    assert head.count("|") == rule.count("|") == 9
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    assert [row[0] for row in cells] == [f"{name}.cfg" for name in FILES]
    shipped, classes, nothing, refused, large, averages = cells
    assert shipped[1:4] == ["yes"] * 3 and " to " in shipped[4] and shipped[7] == ""
    assert classes[1:4] == ["yes, 1 warnings", "yes", "yes"]
    assert nothing[1:5] == ["yes", "yes", "", ""] and nothing[6] == "32x32x3"
    assert nothing[7] == "no loss layer: nothing to train"
    assert averages[1:4] == ["yes"] * 3 and averages[7] == ""
    for row in (shipped, classes, nothing, averages):
        assert float(row[5]) < 1e-4
    assert refused[1] == "no" and refused[7].startswith("d-refused.cfg:5: [rnn]: recurrent")
    assert large[1] == "yes" and "the limit is 1" in large[7]

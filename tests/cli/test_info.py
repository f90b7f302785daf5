"""pylrm info: the table, its totals, memory and predictions."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from pylrm import Network, models
from tests.models import naive

Run = Callable[..., tuple[int, str, str]]


def show(run: Run, tmp_path: Path, text: str) -> tuple[str, str]:
    path = tmp_path / "my.cfg"
    path.write_text(text)
    code, out, err = run("info", path)
    assert code == 0
    return out, err


def small(name: str, **options: object) -> str:
    return models.build(name, **{"classes": 3, "multiplier": 0.25, "size": 64, **options})  # type: ignore[arg-type]


@pytest.mark.parametrize("name", models.NAMES)
def test_each_layer_has_a_row_and_the_totals_are_their_sums(
    run: Run, tmp_path: Path, name: str
) -> None:
    text = small(name)
    out, err = show(run, tmp_path, text)
    assert err == ""
    head, *rows = out.split("\n\n")[0].splitlines()
    expected = naive.layers(text)
    assert len(rows) == len(expected)
    assert len({len(row) for row in [head, *rows]}) <= 3  # the last columns may be empty
    for index, (row, layer) in enumerate(zip(rows, expected, strict=True)):
        words = row.split()
        assert words[0] == str(index)
        assert " x ".join(map(str, layer.shape)) in row
        if layer.kind == "convolutional":
            groups = int(layer.options.get("groups", 1))
            assert words[1] == ("depthwise" if groups > 1 else "convolutional")
            assert words[2] == layer.options["filters"]
            assert words[3] == "{size}x{size}/{stride}".format(**layer.options)
            assert words[-2:] == [f"{layer.parameters:,}", f"{layer.multiply_adds:,}"]
        else:
            assert words[1] == layer.kind
    assert f"parameters     {sum(la.parameters for la in expected):,}\n" in out
    assert f"multiply-adds  {sum(la.multiply_adds for la in expected):,} an image" in out


def test_the_shipped_detector_s_figures(run: Run) -> None:
    code, out, err = run("info", "yolov2-mobilenet-lrm.cfg")
    assert (code, err) == (0, "")
    assert "2,582,817,536 an image (2.58 billion)" in out
    assert "counts once" in out and "twice as many, 5.17 billion" in out
    assert "13x13 cells x 5 anchors = N=845 predictions" in out
    assert "k=256 of N=845 predictions (K/N 30.3%)" in out
    assert "1.32 x  1.73 cells    42.3 x  55.4 pixels" in out


def test_memory_is_the_plans(run: Run, tmp_path: Path) -> None:
    text = small("yolov2-mobilenet", batch=16)
    out, _ = show(run, tmp_path, text)
    with Network(text) as net:
        train = net.memory("train")
        assert net.batch == 8
    with Network(text, batch=1, inference=True) as net:
        infer = net.memory("infer")
    for name, images, (kept, passing) in (("training", 8, train), ("inference", 1, infer)):
        sizes = (kept, passing, kept + passing)
        words = [name, str(images), *(f"{size / 2**20:.1f}" for size in sizes)]
        assert words in [line.split() for line in out.splitlines()]


def test_one_network_at_a_time_is_in_memory(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pylrm.inspect import describe

    opened: list[Network] = []

    class Watched(Network):
        def __init__(self, *arguments: object, **options: object) -> None:
            assert all(net._handle.closed for net in opened)
            super().__init__(*arguments, **options)  # type: ignore[arg-type]
            assert self.inference
            opened.append(self)

    monkeypatch.setattr(describe, "Network", Watched)
    show(run, tmp_path, small("yolov2-mobilenet", lrm={"k": 5}))
    assert len(opened) == 2


def test_yolo_heads_show_their_own_anchors(run: Run, tmp_path: Path) -> None:
    head = (
        "[convolutional]\nfilters=14\nactivation=linear\n[yolo]\nmask={}\nclasses=2\nnum=4\n"
        "anchors=8,16, 24,32, 40,48, 56,60\n"
    )
    pool = "[maxpool]\nsize=8\nstride=8\n"
    net = "[net]\nwidth=64\nheight=64\nchannels=3\n"
    text = (
        net + pool + head.format("0,2") + head.format("1,3") + "[lrm]\nk=30\nnms=0\nlayers=-1,-3\n"
    )
    out, _ = show(run, tmp_path, text)
    anchors = re.findall(r"anchor +(\S+) x +(\S+) cells +(\S+) x +(\S+) pixels", out)
    assert anchors == [
        ("1.00", "2.00", "8.0", "16.0"),
        ("5.00", "6.00", "40.0", "48.0"),
        ("3.00", "4.00", "24.0", "32.0"),
        ("7.00", "7.50", "56.0", "60.0"),
    ]
    assert out.count("8x8 cells x 2 anchors = N=128") == 2
    assert "k=30 of N=256" in out and "without suppression" in out


@pytest.mark.parametrize(("k", "warns"), [(19, False), (20, True), (500, True), (0, False)])
def test_k_that_is_no_limit_warns(run: Run, tmp_path: Path, k: int, warns: bool) -> None:
    out, err = show(run, tmp_path, small("yolov2-tiny", lrm={"k": k}))
    assert "N=20" in out
    assert err.count("\n") == warns
    if warns:
        assert err.startswith(f"pylrm: warning: {tmp_path / 'my.cfg'}: [lrm] k={k} is no limit")


def test_an_unknown_key_warns_once(run: Run, tmp_path: Path) -> None:
    text = small("yolov2-tiny").replace("rescore=1", "rescor=1")
    out, err = show(run, tmp_path, text)
    line = text.splitlines().index("rescor=1") + 1
    assert err.count("\n") == 1 and f"my.cfg:{line}: " in err and "rescore" in err
    assert "N=20" in out


def test_a_plain_stack_of_layers(run: Run, tmp_path: Path) -> None:
    text = (
        "[net]\nwidth=8\nheight=8\nchannels=4\n[convolutional]\nfilters=4\ngroups=2\n[upsample]\n"
        "[shortcut]\nfrom=-1\n[connected]\noutput=5\n"
    )
    out, err = show(run, tmp_path, text)
    rows = [line.split() for line in out.split("\n\n")[0].splitlines()[1:]]
    assert [row[1] for row in rows] == ["grouped", "upsample", "shortcut", "connected"]
    assert rows[1][2] == "/2" and rows[3][-1] == f"{5 * 4 * 16 * 16:,}"
    assert err == "" and "cells" not in out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[net]\nwidth=8\nheight=8\nchannels=3\n[nonsense]\n", "my.cfg:5: "),
        ("", "my.cfg:1: "),
        (None, "my.cfg: "),
    ],
)
def test_mistakes_are_one_line(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    if text is not None:
        Path("my.cfg").write_text(text)
    code, out, err = run("info", "my.cfg")
    assert (code, out) == (2, "") and err.count("\n") == 1
    assert err.startswith(f"pylrm: {message}")


def test_a_wrong_number_of_filters_says_what_fits(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "my.cfg"
    path.write_text(small("yolov2-tiny").replace("filters=40", "filters=30"))
    code, _, err = run("info", path)
    assert code == 2 and err.count("\n") == 1
    assert "filters=30 before [region] must be num*(coords+1+classes)=40" in err
    lines = path.read_text().split("\n")
    heads = [number for number, text in enumerate(lines, 1) if text == "[convolutional]"]
    assert f"does not fit the [convolutional] in line {heads[-1]}: filters=30" in err

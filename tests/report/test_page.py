"""The page's structure, whatever the names in it; what is in it; mistakes."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shlex
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from pylrm.cli.main import command as main
from pylrm.cli.train import command as train_command
from pylrm.evaluate.matching import FALSE
from pylrm.report.charts import pr_charts
from pylrm.report.markup import data_block, document
from pylrm.report.page import write_report
from pylrm.report.settings import commands
from pylrm.report.shots import errors_in, image_path, worst_images
from pylrm.report.subjects import read_subjects
from tests.report.pages import FILES, NAMES, Page


@pytest.fixture(scope="module")
def page(report: Path) -> Page:
    return Page(report.read_text("utf-8"))


def block(report: Path) -> Any:
    """The data of the charts."""
    found = re.findall(r'<script type="application/json" id="data">(.*?)</script>',
                       report.read_text("utf-8"))  # fmt: skip
    assert len(found) == 1
    return json.loads(found[0])


def test_nothing_in_a_name_is_markup(page: Page, report: Path) -> None:
    allowed = {
        *("html", "head", "meta", "title", "style", "body", "header", "main", "footer", "section"),
        *("h1", "h2", "h3", "p", "a", "b", "nav", "div", "span", "pre", "details", "summary"),
        *("table", "thead", "tbody", "tr", "th", "td", "figure", "figcaption", "img", "fieldset"),
        *("legend", "label", "input", "button", "svg", "g", "rect", "line", "text", "script"),
    }
    inside = {*allowed, "title"}
    assert {name for name, _ in page.elements} <= inside
    assert [one.get("type") for one in page.all("script")] == ["application/json", None]
    for name, attributes in page.elements:
        assert not any(key.startswith("on") for key in attributes), (name, attributes)
        assert "style" not in attributes
        for key in ("src", "href"):
            if key in attributes:
                assert re.match(r"data:image/jpeg;base64,[\w+/=]+$|#", attributes[key] or "")
    texts = [text for _, text in page.texts]
    for name in NAMES:
        assert name in texts
    assert any(f"{stem}.png" in texts for stem in FILES)
    assert block(report)["runs"] == ["plain", "<i>mined & 'more'"]


def test_only_what_the_page_holds_runs_and_loads(page: Page) -> None:
    (policy,) = [one["content"] for one in page.all("meta") if "http-equiv" in one]
    assert policy is not None and policy.startswith("default-src 'none'; img-src data:;")
    for tag, kind in (("style", "style-src"), ("script", "script-src")):
        text = page.text_of(tag)[-1]
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind} 'sha256-{digest}'" in policy
        assert "http" not in text.replace("http://www.w3.org/2000/svg", "")


def test_ids_labels_and_headings(page: Page) -> None:
    ids = [one["id"] for _, one in page.elements if "id" in one]
    assert len(set(ids)) == len(ids)
    for link in page.all("a"):
        assert (link["href"] or "")[1:] in ids
    for one in page.all("div"):
        if one.get("class") in ("plot", "scroll"):
            assert one["aria-label"] and one["role"] and one["tabindex"] == "0"
    assert all(one.get("scope") in ("row", "col") for one in page.all("th"))
    assert all(one["alt"] for one in page.all("img"))
    assert page.all("html")[0]["lang"] == "en" and len(page.all("h1")) == 1


def test_every_chart_has_its_frame(page: Page, report: Path) -> None:
    charts = block(report)["charts"]
    frames = [one["data-chart"] for one in page.all("div") if "data-chart" in one]
    assert frames == list(charts)
    expected = {"loss", "map", "iou", "recall", "obj", "rate", "grad_norm", "img_s", "calibration",
                "mining-kept", "mining-fg_kept_loss", "pr-0", "pr-1"}  # fmt: skip
    assert expected <= set(charts)
    assert {one["run"] for one in charts["mining-kept"]["series"]} == {1}
    assert charts["map"]["series"][0]["x"] == [20, 40, 60]
    for chart in charts.values():
        for one in chart["series"]:
            assert len(one["x"]) == len(one["y"]) > 0
            assert np.isfinite(one["y"]).all() and (np.diff(one["x"]) >= 0).all()


def test_what_the_tables_say(page: Page, runs: list[Path]) -> None:
    plain, mined = read_subjects(runs, measure=True, data=None, at=0.05, threads=1, progress=None)
    cells = page.text_of("td")
    for one in (plain, mined):
        assert one.measured is not None
        total = one.measured.counts.total
        assert f"{total.precision:.3f}" in cells and str(total.missed) in cells
        assert f"{one.measured.evaluation.map:.4f}" in [*cells, *page.text_of("span")]
    assert any("→" in cell for cell in cells)
    commands = page.text_of("pre")
    assert any("--seed 3" in text and "--map-every 20" in text for text in commands)
    assert "+[lrm]\n" in page.text_of("span")


def test_the_images_with_most_errors(page: Page, runs: list[Path]) -> None:
    subjects = read_subjects(runs, measure=True, data=None, at=0.05, threads=1, progress=None)
    counts: dict[str, int] = {}
    for one in subjects:
        assert one.measured is not None
        matching = one.measured.matching
        for number in range(len(matching.ids)):
            path = image_path(one.measured, number)
            false = [
                found
                for found in range(len(matching.found))
                if matching.found.image[found] == number
                and matching.verdict[found] == FALSE
                and matching.found.score[found] >= 0.05
            ]
            objects = np.flatnonzero(matching.truth.image == number)
            missed = [each for each in objects if not matching.reached(0.05)[each]]
            counts[path.name] = counts.get(path.name, 0) + len(false) + len(missed)
            errors = errors_in(one.measured, path)
            assert errors is not None
            assert (len(errors.false), len(errors.missed)) == (len(false), len(missed))
    worst = [counts[path.name] for path in worst_images(subjects, 5)]
    assert worst == sorted(counts.values(), reverse=True)[:5]
    pictures = page.all("img")
    assert len(pictures) == 5
    for one in pictures:
        coded = base64.b64decode((one["src"] or "").split(",")[1])
        image = cv2.imdecode(np.frombuffer(coded, np.uint8), cv2.IMREAD_COLOR)
        assert image.shape[:2] == (int(one["height"] or 0), int(one["width"] or 0)) == (640, 640)
    overlays = [one for one in page.all("svg") if str(one.get("class")).startswith("marks")]
    assert len(overlays) == 5 * 2


def test_the_same_runs_give_the_same_page(report: Path, runs: list[Path], tmp_path: Path) -> None:
    again = tmp_path / "again.html"
    write_report(runs, again, at=0.05, images=5, threads=2)
    assert again.read_bytes() == report.read_bytes()


def test_a_darknets_log_has_curves_alone(runs: list[Path], tmp_path: Path) -> None:
    log = tmp_path / "darknet.log"
    log.write_text(
        "1: 2.5, 2.5 avg, 0.1 rate, 1.0 seconds, 64 images\n"
        " mean_average_precision (mAP@0.5) = 0.25\n"
    )
    out = tmp_path / "r.html"
    write_report([log], out)
    page = Page(out.read_text())
    assert {one["id"] for one in page.all("section")} == {"runs", "curves"}
    assert "there is only its log" in page.text_of("td")
    write_report([log, runs[0]], out, images=0)
    assert "images" not in {one["id"] for one in Page(out.read_text()).all("section")}


def test_an_old_log_without_what_was_before_mining(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text(
        "update,loss,kept,kept_claimed,kept_loss\n1,2.5,16,.1,.7\n2,2.25,16,.2,.8\n"
    )
    out = tmp_path / "r.html"
    write_report([tmp_path], out)
    charts = block(out)["charts"]
    assert [one["look"] for one in charts["mining-kept_claimed"]["series"]] == ["main"]
    assert "mining-fg_kept_loss" not in charts
    assert "– → 20 %" in Page(out.read_text()).text_of("td")


def test_a_class_without_an_object_in_one_of_the_data_sets(
    runs: list[Path], tmp_path: Path
) -> None:
    """Its recall is no number there."""
    subjects = read_subjects(runs, measure=True, data=None, at=0.05, threads=1, progress=None)
    first = subjects[0].measured
    assert first is not None
    curves = first.counts.curves
    nothing = replace(curves[NAMES[0]], objects=0, recall=np.full(3, np.nan),
                      precision=np.zeros(3), score=np.ones(3))  # fmt: skip
    counts = replace(first.counts, curves={**curves, NAMES[0]: nothing})
    lacking = replace(subjects[0], measured=replace(first, counts=counts))
    charts, count = pr_charts([lacking, subjects[1]])
    assert count == 2 and [len(one.series) for one in charts] == [1, 2]
    document(data_block("data", [one.record() for one in charts]))


def test_the_command_repeats_the_run(runs: list[Path], tmp_path: Path) -> None:
    """The same weights, byte by byte."""
    (subject,) = read_subjects(
        runs[1:], measure=False, data=None, at=0.05, threads=1, progress=None
    )
    words = shlex.split(next(commands(subject)))
    out = tmp_path / "again"
    train_command.main([*words[2:], "--out", str(out), "--quiet"], standalone_mode=False)
    for name in ("last.weights", "best.weights"):
        assert (out / "weights" / name).read_bytes() == (runs[1] / "weights" / name).read_bytes()


def test_what_cannot_be_measured_is_said(runs: list[Path], tmp_path: Path) -> None:
    run, out = tmp_path / "run", tmp_path / "r.html"
    shutil.copytree(runs[0], run)
    shutil.rmtree(run / "weights")
    write_report([run], out)
    assert "it has no weights yet" in Page(out.read_text()).text_of("td")
    write_report([runs[0]], out, measure=False)
    page = Page(out.read_text())
    assert "not asked for" in page.text_of("td")
    assert {one["id"] for one in page.all("section")} == {"runs", "curves", "settings", "repeat"}


def test_the_commands_and_the_code_of_the_docs(
    runs: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (Path(__file__).parents[2] / "docs" / "report.md").read_text("utf-8")
    (tmp_path / "runs").mkdir()
    for name, path in zip(("plain", "lrm"), runs, strict=True):
        (tmp_path / "runs" / name).symlink_to(path)
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    exec(code, {})
    assert len(Page(Path("report.html").read_text("utf-8")).all("img")) == 4
    lines = re.findall(r"^    \$ (pylrm .*)$", text, re.MULTILINE)
    assert len(lines) == 2
    for line in lines:
        main.main(shlex.split(line)[1:], standalone_mode=False)
    assert len(Page(Path("report.html").read_text("utf-8")).all("img")) == 8  # all there are
    assert Path("curves.png").is_file()

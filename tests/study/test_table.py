"""What is read out of a study: tables, claims, figures. The paper's own tables are among them."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Mapping
from pathlib import Path

import cv2
import numpy as np
import pytest

from pylrm.cfg.file import Cfg
from pylrm.errors import PylrmError
from pylrm.study.arms import Arm, read_arms
from pylrm.study.claims import CLAIMS, claims_table, verdict
from pylrm.study.figures import read_figures
from pylrm.study.focal import focal_table
from pylrm.study.plot import plot_studies, studies_figure, thresholds
from pylrm.study.statistics import sign_flip
from pylrm.study.table import FORMATS, escaped, table
from tests.study.studies import (
    BASE,
    KITTI,
    KITTI_CLASSES,
    VOC,
    VOC_CLASSES,
    arms_of_the_paper,
    write_study,
)

Given = Mapping[tuple[str, str], float]


def noisy(given: Given, noise: float) -> Callable[[str, str, int], float]:
    """The paper's figures with a noise that runs of a seed share, and a small one of their own."""

    def figure(arm: str, column: str, seed: int) -> float:
        shared = np.random.default_rng([seed, 1]).normal(0, noise)
        own = np.random.default_rng([seed, *f"{arm} {column}".encode()]).normal(0, noise / 5)
        return given[arm, column] + shared + own

    return figure


@pytest.fixture
def kitti(tmp_path: Path) -> Path:
    arms = arms_of_the_paper()
    return write_study(tmp_path / "kitti", arms, KITTI_CLASSES, 8, noisy(KITTI, 2.0))


@pytest.fixture
def two_arms() -> list[Arm]:
    return read_arms(Cfg.read(BASE), [8], [0.5], ["free_=[net] momentum=.8"])


def test_markdown_text(tmp_path: Path, two_arms: list[Arm]) -> None:
    values = {"baseline": 50.0, "k8-nms0.5": 52.0, "free_": 49.0}

    def figure(arm: str, column: str, seed: int) -> float | None:
        if (arm, seed) == ("free_", 2):
            return None
        own = 0.5 * seed if arm == "k8-nms0.5" else 0
        return values[arm] + (10 if column == "a|b" else 0) + seed + own

    study = write_study(tmp_path / "s", two_arms, ["a|b"], 3, figure)
    assert table([read_figures(study)], "markdown").splitlines() == [
        f"### {study}",
        "",
        r"| arm | K | NMS | runs | mAP | difference | p | a\|b |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
        "| baseline | - | - | 3 | 51.00 |  |  | 61.00 |",
        "| k8-nms0.5 | 8 | 0.5 | 3 | <u>53.50</u> | +2.50 (+1.26 to +3.74) | .500 | <u>63.50</u> |",
        "| free_ | - | - | 2 | 49.50 | -1.00 (-1.00 to -1.00) | .500 | 59.50 |",
        "",
        "- mAP and AP in percent, with the final weights, means of 3 runs; difference: paired, "
        "with its 95% interval.",
        "- Bold: another than the baseline, p at most .05 (sign-flip permutation test of the "
        "largest |t| over the arms together, and all cells of the classes together). Underlined: "
        "the largest.",
        "- Fewer than 6 pairs: the test cannot reach p = .05, whatever the figures; add seeds.",
        "- free_ seed 2: it diverged",
    ]


def test_what_is_significant_is_bold(kitti: Path) -> None:
    text = table([read_figures(kitti)], "markdown")
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| ")][2:]
    assert rows[0][:2] == ["| baseline", "-"] and rows[1][:2] == ["| 64", "none"]
    assert not any("**" in cell for cell in rows[0])
    assert all(row[3].startswith("**") for row in rows[1:])
    figures = read_figures(kitti)
    p = sign_flip((figures.values[1:, :, 0] - figures.values[0, :, 0]).T)
    assert (figures.gains.p == p).all()
    whole = (figures.values[1:, :, 1:] - figures.values[0, :, 1:]).transpose(1, 0, 2)
    together = sign_flip(whole.reshape(8, -1)).reshape(9, 6)
    assert pytest.approx(together) == np.array([gains.p for gains in figures.class_gains]).T
    assert "Fewer than" not in text


def test_csv_is_tidy(kitti: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(table([read_figures(kitti)], "csv"))))
    assert len(rows) == 10 * 7
    row = next(row for row in rows if (row["arm"], row["column"]) == ("k128-nms0.7", "tram"))
    figures = read_figures(kitti)
    gains = figures.values[8, :, 3] - figures.values[0, :, 3]
    assert (row["K"], row["NMS"], row["pairs"]) == ("128", "0.7", "8")
    assert float(row["difference"]) == pytest.approx(gains.mean(), rel=1e-4)
    assert float(row["low"]) < float(row["difference"]) < float(row["high"])


def test_latex(kitti: Path) -> None:
    lines = table([read_figures(kitti)], "latex").splitlines()
    body = [line for line in lines if line.endswith(r"\\")]
    assert len(body) == 11 and {line.count("&") for line in body} == {11}
    assert any(r"\textbf{\underline{" in line for line in body)
    assert escaped("a_b & 5%") == r"a\_b \& 5\%"


def test_other_metrics_and_several_studies(kitti: Path, tmp_path: Path) -> None:
    voc = write_study(tmp_path / "voc", arms_of_the_paper(), VOC_CLASSES, 1, noisy(VOC, 0))
    text = table([read_figures(kitti), read_figures(voc)], "markdown")
    assert text.count("### ") == 2 and "| baseline | - | 1 | 68.00 |  |  | 70.10 |" in text
    assert "| AP75 |" in table([read_figures(kitti, "AP75")], "markdown")
    assert "| tram |" in table([read_figures(kitti, "tram")], "markdown")
    with pytest.raises(PylrmError, match="no figure named mop; there is mAP, AP50"):
        read_figures(kitti, "mop")
    with pytest.raises(PylrmError, match="no study: there is no study.json in it"):
        read_figures(tmp_path)


def test_what_is_not_complete_is_said(kitti: Path) -> None:
    (kitti / "runs/k64/seed-3/result.json").unlink()
    figures = read_figures(kitti)
    assert figures.notes == ["not complete: 1 of 80 runs"] and figures.runs[:3] == [8, 7, 8]
    (kitti / "cfgs/k64.cfg").write_text(BASE)
    with pytest.raises(PylrmError, match="k64.cfg: changed since the study began"):
        read_figures(kitti)


def test_arms_without_runs_and_a_baseline_alone(tmp_path: Path, two_arms: list[Arm]) -> None:
    def figure(arm: str, column: str, seed: int) -> float | None:
        return None if arm == "free_" else 50.0 + seed

    study = write_study(tmp_path / "s", two_arms, ["a"], 7, figure)
    text = table([read_figures(study)], "markdown")
    assert "| free_ | - | - | 0 | - | - | - | - |" in text
    assert "| k8-nms0.5 | 8 | 0.5 | 7 | <u>53.00</u> | +0.00 (+0.00 to +0.00) | 1.000 |" in text
    alone = write_study(tmp_path / "t", two_arms[:1], ["a"], 1, figure)
    for form in FORMATS:
        assert "50" in table([read_figures(alone)], form)
    assert "| baseline | - | 1 | <u>50.00</u> |  |  | <u>50.00</u> |" in table(
        [read_figures(alone)], "markdown"
    )


def test_folds_are_tested_as_folds(tmp_path: Path, two_arms: list[Arm]) -> None:
    def figure(arm: str, column: str, seed: int) -> float:
        return 50 + seed + 3 * (arm != "baseline")

    study = write_study(tmp_path / "s", two_arms, ["a"], 2, figure, folds=4)
    figures = read_figures(study)
    assert len(figures.pairs) == 8 and (figures.gains.p == 0).all()
    text = table([figures], "markdown")
    assert "corrected resampled t-test of 8 paired runs (4 folds)" in text


def test_the_papers_claims_hold_in_the_papers_tables() -> None:
    for claim in CLAIMS:
        for name, given in (("KITTI", KITTI), ("VOC", VOC)):
            if name in claim.data:
                assert verdict(claim, given) is True, claim.text
    false = {claim.text for claim in CLAIMS if verdict(claim, VOC) is False}
    assert false == {"K=128 is best at every NMS", "K=64 wants NMS .5"}
    assert verdict(CLAIMS[3], VOC) is None
    nothing = dict.fromkeys(KITTI, math.nan)
    assert {verdict(claim, nothing) for claim in CLAIMS} == {None}


def test_claims_as_text(kitti: Path) -> None:
    lines = claims_table(read_figures(kitti)).splitlines()
    assert lines[0] == str(kitti) and len(lines) == 2 + len(CLAIMS)
    cells = [part.strip() for part in lines[2].split("  ") if part]
    assert cells == ["each K and NMS beats the baseline", "KITTI, VOC", "holds", "8 of 8"]
    assert "not in this study" in lines[-1]


def test_table_four(tmp_path: Path) -> None:
    texts = ["Loss1=[region] background=1", "Loss2+LRM=[lrm] k=8", "idle=[net] momentum=.8"]
    arms = read_arms(Cfg.read(BASE), [], [], texts)
    study = write_study(tmp_path / "s", arms, ["a"], 1, lambda arm, column, seed: 50.0)
    rows = [line.split(" | ")[0] for line in focal_table(study, "markdown").splitlines()]
    assert rows[2:8] == ["| arm", "| ---", "| Loss2", "| Loss1", "| Loss2+LRM", ""]
    plain = write_study(tmp_path / "t", arms[:1], ["a"], 1, lambda arm, column, seed: 50.0)
    with pytest.raises(PylrmError, match="no arm named Loss1, Loss1"):
        focal_table(plain, "markdown")


def test_the_plot_has_a_line_a_threshold(kitti: Path, tmp_path: Path, two_arms: list[Arm]) -> None:
    voc = write_study(tmp_path / "voc", arms_of_the_paper(), VOC_CLASSES, 1, noisy(VOC, 0))
    studies = [read_figures(kitti), read_figures(voc)]
    assert thresholds(studies[0]) == {nms: [64, 128, 256] for nms in (0, 0.5, 0.7)}
    left, right = studies_figure(studies).axes
    names = left.get_legend_handles_labels()[1]
    assert names == ["baseline", "no NMS", "NMS 0.5", "NMS 0.7"]
    drawn = right.containers[2].lines[0].get_ydata()
    assert drawn == pytest.approx([VOC[f"k{k}-nms0.7", "mAP"] for k in (64, 128, 256)])
    plot_studies(studies, tmp_path / "grid.png")
    image = cv2.imread(str(tmp_path / "grid.png"))
    assert image is not None and image.shape[1] > 1500 and image.std() > 10
    with pytest.raises(PylrmError, match="a figure ends in"):
        plot_studies(studies, tmp_path / "grid.xyz")
    free = write_study(tmp_path / "f", two_arms[::2], ["a"], 1, lambda arm, column, seed: 50.0)
    with pytest.raises(PylrmError, match="no arms of a grid"):
        plot_studies([read_figures(free)], tmp_path / "grid.png")

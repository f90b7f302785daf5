"""The commands of docs/tutorial.md and of the README's tour, run on a small part of the real data.

They are the `$ ` lines of the pages' blocks, in order, in a folder of their own, as the pages have
them but for one thing: every `pylrm train` gets `--updates 1`. What they print differs in figures
then; the lines that the pages show without a digit have to come all the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from pylrm.convert.split import split
from tests.pages import OTHER, ROOT, Shell, Step, plain, steps

MENDED = "BloodImage_00133", "BloodImage_00228"  # labels that the tutorial puts right
IN_BOTH = ("raccoon-120", "raccoon-11", "raccoon-116"), ("raccoon-83",)  # copies: train, valid


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """Runs a step in the test's folder and looks at what it prints."""
    return Shell(tmp_path)


def part_of_blood(tree: Path, target: Path) -> None:
    """Link 14 images to train on and 6 to validate on, with their annotations and lists."""
    lists = target / "ImageSets" / "Main"
    lists.mkdir(parents=True)
    for name, wanted, count in (("trainval", MENDED, 14), ("test", (), 6)):
        stems = (tree / "ImageSets" / "Main" / f"{name}.txt").read_text().split()
        assert set(wanted) <= set(stems)
        rest = [stem for stem in stems if stem not in wanted]
        stems = [*wanted, *rest[: count - len(wanted)]]
        (lists / f"{name}.txt").write_text("\n".join(stems) + "\n")
        for stem in stems:
            link(tree, target, f"Annotations/{stem}.xml", f"JPEGImages/{stem}.jpg")


def part_of_raccoon(tree: Path, target: Path) -> None:
    """Link 24 images that the split will train on and 6 that it will not; copies among them."""
    names = [path.stem for path in (tree / "annotations").glob("*.xml")]
    halves = split(names, 0.8, 0, tree)
    for half, wanted, count in zip(halves, IN_BOTH, (24, 6), strict=True):
        assert set(wanted) <= set(half)
        rest = [name for name in half if name not in wanted]
        for name in [*wanted, *rest[: count - len(wanted)]]:
            link(tree, target, f"annotations/{name}.xml", f"images/{name}.jpg")


def link(tree: Path, target: Path, *names: str) -> None:
    """Link files of a tree into another."""
    for name in names:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).symlink_to(tree / name)


def test_the_tutorial(tmp_path: Path, real_data: Callable[[str], Path], shell: Shell) -> None:
    part_of_blood(real_data("bccd"), tmp_path / "BCCD_Dataset" / "BCCD")
    part_of_raccoon(real_data("raccoon"), tmp_path / "raccoon_dataset")
    page = steps(ROOT / "docs" / "tutorial.md")
    used = {word for step in page for word in re.findall(r"pylrm (\w+)", step.command)}
    assert used >= {
        "convert",
        "check",
        "anchors",
        "preview",
        "train",
        "map",
        "report",
        "hardest",
        "plot",
    }
    for step in page:
        if not OTHER.search(step.command):  # tests/docs/test_pages.py has their data
            shell(step)


def test_the_tour_of_the_readme(
    tmp_path: Path, real_data: Callable[[str], Path], shell: Shell
) -> None:
    part_of_blood(real_data("bccd"), tmp_path / "BCCD_Dataset" / "BCCD")
    page = steps(ROOT / "README.md")
    assert len(page) == 13
    backbone = "mobilenet_v1_0.25_128.npz"
    (tmp_path / backbone).symlink_to(real_data("bccd").parents[1] / "pretrained" / backbone)
    image = next((tmp_path / "BCCD_Dataset" / "BCCD" / "JPEGImages").iterdir())
    (tmp_path / "cell.jpg").symlink_to(image)
    for step in page:
        second = tmp_path / "runs" / "blood"  # a second run, which the page has in its results
        if "runs/blood " in step.command and not second.exists():
            second.symlink_to("blood-lrm")
        if "mine.cfg" in step.command:
            text = (tmp_path / "blood.cfg").read_text()
            head, last, tail = text.rpartition("filters=40")
            assert last
            (tmp_path / "mine.cfg").write_text(f"{head}filters=30{tail}")
        shell(step)


def test_pages_are_read(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "text\n\n    code\n    $ one \\\n        --two\n    a  b\n    …\n    ---- 3\n\n"
        "    $ three\n\n    d\n\ntext\n\n    code\n\n- item:\n\n        $ four\n        e\n"
    )
    assert steps(page) == [
        Step("one --two", ["a  b", "…", "---- 3"]),
        Step("three", ["d"]),
        Step("four", ["e"]),
    ]
    assert plain(["a  b", "…", "---- 3", "------", ""]) == ["a b", "---"]

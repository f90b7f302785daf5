"""pylrm hardest: planted faults come out on top; pages, lists and mistakes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

WriteCfg = Callable[..., Path]
Outcome = tuple[int, str, str]
IMAGES, SIDE = 48, 64


def paint(folder: Path) -> list[list[tuple[int, int, int, int]]]:
    """48 images of a red (class 0) and a green square each, with right labels: the squares."""
    random = np.random.default_rng(11)
    squares = []
    for number in range(IMAGES):
        image = random.integers(0, 60, (SIDE, SIDE, 3)).astype(np.uint8)
        lines, found = [], []
        for kind in (0, 1):
            side = int(random.integers(16, 22))
            left, top = (
                int(random.integers(0, 30 - side + 1)) + 32 * kind,
                int(random.integers(0, SIDE - side)),
            )
            image[top : top + side, left : left + side, 2 - kind] = 230
            x, y, size = (left + side / 2) / SIDE, (top + side / 2) / SIDE, side / SIDE
            lines.append(f"{kind} {x} {y} {size} {size}")
            found.append((left, top, left + side, top + side))
        assert cv2.imwrite(str(folder / "images" / f"{number}.png"), image)
        (folder / "labels" / f"{number}.txt").write_text("\n".join(lines) + "\n")
        squares.append(found)
    names = "".join(f"images/{number}.png\n" for number in range(IMAGES))
    (folder / "train.txt").write_text(names)
    return squares


def change(folder: Path, number: int, line: int, text: str) -> None:
    path = folder / "labels" / f"{number}.txt"
    lines = path.read_text().splitlines()
    lines[line - 1] = text
    path.write_text("\n".join(lines) + "\n")


def test_planted_faults_rank_first(
    tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg, run: Callable[..., Outcome]
) -> None:
    """The network is trained on the faulty labels, as it would be in earnest."""
    folder = tiny_data.parent
    squares = paint(folder)
    swapped, missing, shifted = 5, 17, 30
    line = (folder / "labels" / f"{swapped}.txt").read_text().splitlines()[1]
    change(folder, swapped, 2, "0" + line[1:])
    change(folder, missing, 1, "")  # the other label stays in line 2
    change(folder, shifted, 2, "\n\n1 .2 .5 .2 .2")  # the left half has no green square
    left, top, right, bottom = squares[shifted][0]
    change(folder, shifted, 1, f"0 {(left + right) / 128} {(top + bottom) / 128} .3 .3")
    cfg = tiny_cfg(max_batches=600, learning_rate=0.01, hue=0, saturation=1, exposure=1)
    out = tmp_path / "run"
    trained = run("train", "--cfg", cfg, "--data", tiny_data, "--out", out, "--map-every", 0)
    assert trained[0] == 0
    command = ("hardest", tiny_data, "--cfg", out / "net.cfg", "--weights",
               out / "weights" / "last.weights", "--count", 3)  # fmt: skip
    code, text, err = run(*command, "--json")
    assert (code, err) == (0, "")
    found = json.loads(text)
    assert Path(found["images"][0]["image"]).stem == "30" and found["count"] == IMAGES
    (confused,) = found["confused"]
    assert (confused["class"], confused["seen_as"], confused["line"]) == ("red", "green", 2)
    assert confused["label"].endswith("labels/5.txt")
    assert confused["box"] == pytest.approx(squares[swapped][1], abs=0.1)
    unseen = found["unseen"][0]
    assert unseen["label"].endswith("labels/30.txt") and unseen["line"] == 4
    assert unseen["class"] == "green"
    nameless = found["unlabelled"][:2]
    assert {Path(one["image"]).stem for one in nameless} == {"17", "30"}
    for one in nameless:
        number = int(Path(one["image"]).stem)
        kind = 0 if number == missing else 1
        assert one["class_id"] == kind and one["line"] is one["label"] is None
        assert one["box"] == pytest.approx(squares[number][kind], abs=8)
    assert run(*command, "--json")[1] == text


@pytest.fixture
def random_weights(tmp_path: Path, tiny_cfg: WriteCfg) -> tuple[object, ...]:
    """Arguments of a network of random weights, whose scores are low."""
    from pylrm.engine import Network

    path = tmp_path / "random.weights"
    with Network(tiny_cfg(), seed=5) as net:
        net.save_weights(path)
    return "--cfg", tmp_path / "tiny.cfg", "--weights", path, "--thresh", 0.1


@pytest.mark.parametrize("part", ["train", "valid"])
def test_the_list_is_ranked_by_the_loss_of_training(
    tiny_data: Path, run: Callable[..., Outcome], random_weights: tuple[object, ...], part: str
) -> None:
    """One image at a time, without anchor warm-up, against the cost of the network."""
    from pylrm.data.darknet import read_data
    from pylrm.data.loader import evaluation_batches
    from pylrm.engine import Network
    from pylrm.training.checks import read_images

    command = ("hardest", tiny_data, *random_weights, "--part", part)
    code, text, err = run(*command, "--json", "--count", 9999)
    assert (code, err) == (0, "")
    found = json.loads(text)
    images = read_images(read_data(tiny_data), part)
    with Network(random_weights[1], random_weights[3], batch=1) as net:
        net.seen = 10**6
        costs = {}
        for batch in evaluation_batches(
            images, classes=2, width=SIDE, height=SIDE, batch=1, max_boxes=10
        ):
            net.forward(batch.x, batch.truth)
            costs[str(images[int(batch.indices[0])])] = net.cost
    listed = {one["image"]: one["loss"] for one in found["images"]}
    assert listed == pytest.approx(costs, rel=1e-4) and len(listed) == len(images)
    for kind in ("images", "unseen", "confused", "unlabelled"):
        losses = [one["loss"] for one in found[kind]]
        assert losses == sorted(losses, reverse=True)
    assert found["loss"] == pytest.approx(np.mean(list(costs.values())), rel=1e-4)
    few = json.loads(run(*command, "--json", "--count", 2)[1])
    for kind, total in few["totals"].items():
        assert few[kind] == found[kind][:2] and total == len(found[kind])
    lines = run(*command, "--count", 2)[1].splitlines()
    assert f"{len(images)} images, loss " in lines[0] and lines[1] == "images by loss"
    assert lines[2].split()[2] == found["images"][0]["image"]
    assert f"unlabelled object?: {len(found['unlabelled'])}" in lines


def test_the_page_shows_boxes_with_their_surroundings(
    tmp_path: Path,
    tiny_data: Path,
    run: Callable[..., Outcome],
    random_weights: tuple[object, ...],
) -> None:
    from pylrm.inspect.hardest.ranking import KINDS

    (tiny_data.parent / "images" / "3.png").write_bytes(b"no image")
    label = tiny_data.parent / "labels" / "1.txt"
    label.write_text("1 .5 .5 .2 .2\n" * 14)
    (tiny_data.parent / "labels" / "2.ignore.txt").write_text(".5 .5 .4 .4\n")
    page = tmp_path / "page.png"
    command = ("hardest", tiny_data, *random_weights, "--count", 4)
    code, out, err = run(*command, "-o", page)
    assert code == 0 and out.splitlines()[-1] == str(page)
    assert "1 image could not be read" in err and "3.png" in err
    assert "labels that were not looked at: 4;" in err and "the 10 that" in err
    image = cv2.imread(str(page))
    found = json.loads(run(*command, "--json")[1])
    chapters = 1 + sum(bool(found[kind]) for kind in KINDS)
    assert image.shape[1] >= 4 * 320 and image.shape[0] > chapters * 320
    assert found["skipped"] == [str(tiny_data.parent / "images" / "3.png")]


def test_a_box_near_the_border_has_its_window_within_the_image() -> None:
    from pylrm.inspect.hardest.page import window

    assert window((40, 40, 60, 50), (200, 100)) == (20, 15, 80, 75)
    assert window((0, 0, 20, 10), (200, 100)) == (0, 0, 60, 60)
    assert window((195, 95, 200, 100), (200, 100)) == (175, 75, 200, 100)
    assert window((10, 10, 190, 90), (200, 100)) == (0, 0, 200, 100)


def test_mistakes(
    tmp_path: Path,
    tiny_data: Path,
    tiny_cfg: WriteCfg,
    run: Callable[..., Outcome],
    random_weights: tuple[object, ...],
) -> None:
    from pylrm.engine import Network

    cfg, short, page = tiny_cfg(), tmp_path / "short.weights", tmp_path / "page.png"
    with Network(cfg) as net:
        net.save_weights(short, upto=2)
    for arguments, part in [
        ((tmp_path / "none.data", *random_weights), "none.data"),
        ((tiny_data, *random_weights, "-o", tmp_path / "page.doc"), ".doc"),
        ((tiny_data, "--cfg", cfg, "--weights", tmp_path / "no.weights"), "no.weights"),
        ((tiny_data, "--cfg", cfg, "--weights", short, "-o", page), "short.weights"),
    ]:
        code, _, err = run("hardest", *arguments)
        assert code == 2 and part in err and len(err.strip().splitlines()) == 1, err
    (tiny_data.parent / "labels" / "3.txt").write_text("0 .5 .5 .1 .1\n7 .5 .5 .1 .1\n")
    code, _, err = run("hardest", tiny_data, *random_weights, "-o", page)
    assert code == 2 and "3.txt:2: class 7" in err and not page.exists()
    for image in (tiny_data.parent / "images").iterdir():
        image.write_bytes(b"")
    (tiny_data.parent / "labels" / "3.txt").write_text("")
    code, _, err = run("hardest", tiny_data, *random_weights)
    assert code == 2 and "none of 16 images can be read" in err.splitlines()[-1]

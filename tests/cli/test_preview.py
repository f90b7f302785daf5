"""pylrm preview: the page shows what a run of the same seed trains on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from pylrm.errors import NumericsError
from pylrm.inspect.preview import Sample, drawn, page, samples
from pylrm.pictures.drawing import WHITE, colour_of
from tests.training.runs import Poison

WriteCfg = Callable[..., Path]
Outcome = tuple[int, str, str]


def test_samples_are_what_the_run_trains_on(
    tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pylrm import train
    from pylrm.engine import Network

    passes: list[tuple[np.ndarray, np.ndarray]] = []
    step = Network.train_batch

    def record(net: Network, x: np.ndarray, truth: np.ndarray) -> float:
        passes.append((x.copy(), truth.copy()))
        return step(net, x, truth)

    monkeypatch.setattr(Network, "train_batch", record)
    monkeypatch.setattr("pylrm.training.schedule.LARGEST_AT_END", 0)
    cfg = tiny_cfg(subdivisions=2, region="random=1\njitter=.3\n")
    for letterbox in (True, False):
        passes.clear()
        train(cfg, tiny_data, out=tmp_path / f"run-{letterbox}", seed=9, quiet=True, updates=3,
              map_every=0, letterbox=letterbox)  # fmt: skip
        xs = [x for batch, _ in passes for x in batch]
        truths = [rows for _, batch in passes for rows in batch]
        found = samples(cfg, tiny_data, count=11, seed=9, letterbox=letterbox)
        assert len(found) == 11
        for sample, x, rows in zip(found, xs, truths, strict=False):
            np.testing.assert_array_equal(sample.x, x)
            np.testing.assert_array_equal(sample.truth, rows[: len(sample.truth)])
            assert not rows[len(sample.truth) :].any()
    other = samples(cfg, tiny_data, count=4, seed=8)
    assert any(not np.array_equal(a.x, b.x) for a, b in zip(other, found, strict=False))


def test_without_augmentation_the_same_images_are_plain(
    tiny_data: Path, tiny_cfg: WriteCfg
) -> None:
    cfg = tiny_cfg()
    augmented = samples(cfg, tiny_data, count=6, seed=2)
    plain = samples(cfg, tiny_data, count=6, seed=2, augment=False)
    assert [one.path for one in plain] == [one.path for one in augmented]
    for sample in plain:
        image = cv2.imread(str(sample.path))[:, :, ::-1].transpose(2, 0, 1) / np.float32(255)
        np.testing.assert_allclose(sample.x, image, atol=1e-6)


@pytest.mark.parametrize("channels", [3, 1])
def test_boxes_are_drawn_where_they_are(channels: int) -> None:
    truth = np.array([(0.5, 0.25, 0.4, 0.3, 1), (0.5, 0.75, 0.8, 0.3, -1)], np.float32)
    sample = Sample(Path("a.png"), np.full((channels, 50, 100), 0.5, np.float32), truth)
    image = drawn(sample, ["a", "b"])
    assert image.shape == (160, 320, 3)  # the input, at the size that it has on the page
    boxed = np.argwhere((image == colour_of(1)).all(axis=2))
    assert boxed[:, 0].max() == 64 and boxed[:, 1].min() == 96 and boxed[:, 1].max() == 224
    ignored = np.argwhere((image == WHITE).all(axis=2))
    assert ignored[:, 0].max() == 144 and ignored[:, 1].min() == 32
    bottom = (image[144, 32:288] == WHITE).all(axis=1)
    assert 0.3 < bottom.mean() < 0.8  # dashes
    assert sample.caption == "a.png\n1 box, 1 region to ignore"
    assert page([sample] * 5, ["a", "b"]).shape[1] > 3 * 320


def test_the_page(
    tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg, run: Callable[..., Outcome]
) -> None:
    for channels in (3, 1):
        cfg, out = tiny_cfg(channels=channels), tmp_path / f"{channels}.png"
        command = ("preview", tiny_data, "--cfg", cfg, "-o", out, "--count", 5, "--seed", 3)
        assert run(*command) == (0, f"{out}\n", "")
        image = cv2.imread(str(out))
        first = samples(cfg, tiny_data, count=5, seed=3)
        assert np.array_equal(image, page(first, ["red", "green"]))
        grey = (np.ptp(image, axis=2) == 0).mean()
        assert (grey > 0.8) == (channels == 1)
        assert run(*command, "--no-augment", "--no-letterbox")[0] == 0
        assert not np.array_equal(image, cv2.imread(str(out)))


def test_mistakes(
    tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg, run: Callable[..., Outcome]
) -> None:
    cfg, out = tiny_cfg(), tmp_path / "page.png"
    three = tmp_path / "three.data"
    three.write_text("classes=3\ntrain=train.txt\n")
    label = tiny_data.parent / "labels" / "3.txt"
    for arguments, part in [
        ((tmp_path / "none.data", "-o", out), "none.data"),
        ((three, "-o", out), "classes"),
        ((tiny_data, "-o", tmp_path / "page.doc"), ".doc"),
        ((tiny_data, "-o", tmp_path / "no" / "page.png"), "no folder"),
    ]:
        code, _, err = run("preview", *arguments, "--cfg", cfg)
        assert code == 2 and part in err and len(err.strip().splitlines()) == 1, err
    label.write_text("7 .5 .5 .1 .1\n")
    code, _, err = run("preview", tiny_data, "-o", out, "--cfg", cfg)
    assert code == 2 and "3.txt:1: class 7" in err
    assert not out.exists()


def test_the_batch_is_kept_and_drawn(
    tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg, run: Callable[..., Outcome]
) -> None:
    from pylrm import train

    out, page = tmp_path / "run", tmp_path / "page.png"
    with pytest.raises(NumericsError):
        train(tiny_cfg(), tiny_data, out=out, callbacks=[Poison(3, 0, "weights")], quiet=True,
              map_every=0)  # fmt: skip
    with np.load(out / "nonfinite-batch.npz", allow_pickle=False) as batch:
        assert sorted(batch.files) == ["names", "paths", "truth", "x"]
        assert batch["x"].shape == (4, 3, 64, 64) and batch["truth"].shape == (4, 10, 5)
        assert list(batch["names"]) == ["red", "green"]
        assert all(Path(path).is_file() for path in batch["paths"])
    assert run("preview", "--batch", out / "nonfinite-batch.npz", "-o", page)[0] == 0
    assert cv2.imread(str(page)) is not None


@pytest.mark.parametrize(
    "write",
    [
        lambda path: path.write_bytes(b"PK\3\4 no zip"),
        lambda path: np.savez(path, x=np.zeros((1, 3, 8, 8), np.float32)),
        lambda path: np.savez(path, x=np.zeros(3), truth=np.zeros(3), paths=["a"], names=["b"]),
        lambda path: np.savez(
            path, x=np.array([{}]), truth=np.zeros((1, 2, 5)), paths=["a"], names=["b"]
        ),
    ],
)
def test_a_file_that_is_no_batch(
    write: Callable[[Path], object], tmp_path: Path, run: Callable[..., Outcome]
) -> None:
    file = tmp_path / "batch.npz"
    write(file)
    code, _, err = run("preview", "--batch", file, "-o", tmp_path / "page.png")
    assert code == 2 and err.count("\n") == 1 and str(file) in err, err


def test_preview_takes_one_thing(
    tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg, run: Callable[..., Outcome]
) -> None:
    page = tmp_path / "page.png"
    for arguments in ((), (tiny_data,), ("--cfg", tiny_cfg()), (tiny_data, "--batch", "x.npz")):
        code, _, err = run("preview", *arguments, "-o", page)
        assert code == 2 and "--batch" in err, arguments

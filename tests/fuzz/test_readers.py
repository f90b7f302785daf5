"""Damaged files of every kind that pylrm reads in Python: each is read, or refused in one line.

FUZZ_EXAMPLES says how many files of each kind are tried.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import pylrm
from pylrm.cfg.file import Cfg
from pylrm.data.darknet import read_data, read_list, read_truth
from pylrm.data.headers import image_size
from pylrm.data.images import read_image
from pylrm.errors import PylrmError
from pylrm.evaluate.formats import FORMATS, Evaluated
from pylrm.inspect.preview import batch_samples
from pylrm.runs.checkpoint import DIGEST, Checkpoint, write_checkpoint
from pylrm.runs.folder import Run
from pylrm.runs.log import LogWriter, read_log
from pylrm.study.rows import LEADING, TRAILING, read_rows
from pylrm.training.checkpoints import Kept
from pylrm.training.resume import read_options
from pylrm.training.run import State
from pylrm.weights.file import read_file
from pylrm.weights.readers import read_source
from tests.damage import damaged

EXAMPLES = settings(
    max_examples=int(os.environ.get("FUZZ_EXAMPLES", "40")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
CFG = b"[net]\nwidth=8\nheight=8\nchannels=3\n[convolutional]\nfilters=4\nsize=3\npad=1\n"
Files = dict[str, bytes]


def made(write: Callable[[Path], object]) -> Files:
    """The files that a function writes into a folder."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder)
        return {
            str(path.relative_to(folder)): path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file()
        }


def npz(**arrays: object) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)  # type: ignore[arg-type]
    return file.getvalue()


def picture(ending: str) -> bytes:
    return bytes(cv2.imencode(ending, np.arange(6 * 5 * 3, dtype=np.uint8).reshape(6, 5, 3))[1])


def log(folder: Path) -> None:
    with LogWriter(folder) as writer:
        for update in (1, 2):
            row = dict.fromkeys(("loss", "avg", "rate", "iou", "count", "kept", "map"), 0.5)
            writer.update({"update": update, "images": 4 * update, "seconds": 1.0, **row})


def safetensors() -> bytes:
    entry = {"dtype": "F32", "shape": [1, 1, 2, 2], "data_offsets": [0, 16]}
    header = json.dumps({"__metadata__": {}, "features.0.0.weight": entry}).encode()
    return len(header).to_bytes(8, "little") + header + bytes(16)


DETECTIONS = {
    "coco_results.json": json.dumps(
        [{"image_id": 1, "category_id": 2, "bbox": [1, 2, 3.5, 4], "score": 0.5}]
    ).encode(),
    "comp4_det_test_a b.txt": b"one 0.5 1 2 3 4\n\ntwo 1e-3 1.5 2 3 4\n",
    "data/one.txt": b"a_b -1 -1 -10 1 2 3.5 4 -1 -1 -1 -1000 -1000 -1000 -10 0.5\n",
}
EVALUATED = Evaluated([Path("one.png"), Path("two.png")], ["car", "a b"], None)


def read_detections(folder: Path) -> None:
    for each in FORMATS:
        found = each.find(folder)
        if found is not None:
            each.read(found, EVALUATED)


def study_table() -> bytes:
    row = {"arm": "baseline", "K": "128", "NMS": "0.5", "seed": "1", "fold": "", "updates": "9"}
    columns = [*LEADING, "AP of car", *TRAILING]
    cells = [row.get(name, "0.5") for name in columns]
    return (",".join(columns) + "\n" + ",".join(cells) + "\n").encode()


def write_batch(folder: Path) -> None:
    x, truth = np.zeros((2, 3, 4, 4), np.float32), np.ones((2, 3, 5), np.float32)
    names = {"paths": np.array(["a", "b"]), "names": np.array(["car"])}
    (folder / "batch.npz").write_bytes(npz(x=x, truth=truth, **names))


OPTIONS = {"data": "a.data", "seed": 1, "threads": None, "time_limit": "2h", "weights": "a"}
READERS: dict[str, tuple[Files, Callable[[Path], object]]] = {
    "data": (
        {"a.data": b"classes=2\ntrain = a.txt # why\nnames=a.names\n", "a.names": b"car\na b\n\n"},
        lambda folder: read_data(folder / "a.data"),
    ),
    "list": ({"a.txt": b"one.png\r\n\n ~/b c.png\n/two.jpg"}, lambda f: read_list(f / "a.txt")),
    "labels": (
        {"a.txt": b"0 .5 .5 .25 1\n1 0 1 1e-3 .5\n", "a.ignore.txt": b".5 .5 .1 .1\n"},
        lambda folder: read_truth(folder / "a.png", 2),
    ),
    "log.csv": (
        {k: v for k, v in made(log).items() if k == "log.csv"},
        lambda f: read_log(f / "log.csv"),
    ),
    "train.log": (
        {k: v for k, v in made(log).items() if k == "train.log"},
        lambda f: read_log(f / "train.log"),
    ),
    "detections": (DETECTIONS, read_detections),
    "cfg": (
        {"a.cfg": CFG},
        lambda folder: (
            Cfg.read(folder / "a.cfg").sections,
            pylrm.Network(folder / "a.cfg", outline=True).close(),
        ),
    ),
    "weights": ({"a.weights": bytes(20) + b"\0\0\x80?" * 9}, lambda f: read_file(f / "a.weights")),
    "npz": (
        {
            "a.npz": npz(
                conv00_weights=np.ones((2, 3, 1, 1), np.float32),
                conv00_biases=np.ones(2, np.float32),
                conv00_stride=np.array(1),
                conv00_groups=np.array(1),
            )
        },
        lambda folder: read_source(folder / "a.npz"),
    ),
    "safetensors": (
        {"a.safetensors": safetensors()},
        lambda folder: read_source(folder / "a.safetensors"),
    ),
    "batch": (made(write_batch), lambda folder: batch_samples(folder / "batch.npz")),
    "study": ({"runs.csv": study_table()}, lambda folder: read_rows(folder / "runs.csv")),
    "options": (
        {"options.json": json.dumps(OPTIONS).encode()},
        lambda folder: read_options(Run(folder)),
    ),
    **{
        f"image{ending}": (
            {f"a{ending}": picture(ending)},
            lambda folder, ending=ending: (
                image_size(folder / f"a{ending}"),
                read_image(folder / f"a{ending}"),
            ),
        )
        for ending in (".png", ".jpg", ".bmp", ".webp")
    },
}  # fmt: skip


def holds(read: Callable[[Path], object], files: Files) -> None:
    """Files are read, or refused in one line that names one of them."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, content in files.items():
            (folder / file).parent.mkdir(exist_ok=True)
            (folder / file).write_bytes(content)
        try:
            read(folder)
        except PylrmError as error:
            text = str(error)
            assert "\n" not in text and len(text) < 1500, text
            assert name in text, text


@pytest.mark.filterwarnings("ignore::pylrm.CfgWarning")
@pytest.mark.parametrize("kind", READERS)
@EXAMPLES
@given(st.data())
def test_a_damaged_file(kind: str, data: Any) -> None:
    files, read = READERS[kind]
    holds(read, data.draw(damaged(files)))


@pytest.mark.parametrize("kind", sorted(READERS.keys() - {"safetensors"}))
def test_a_good_file(kind: str, tmp_path: Path) -> None:
    files, read = READERS[kind]
    for file, content in files.items():
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_bytes(content)
    read(tmp_path)


RECORD = {
    "state": State(3).record(),
    "network": {"seen": 12, "updates": 3, "rate_factor": 1.0, "fresh": [], "kernels": "avx2"},
    "cfg": CFG.decode(),
    "images": {"count": 2, "digest": "00"},
    "skipped": ["a.png"],
    "logs": {"log.csv": 10, "train.log": 10},
}


def checkpoint() -> bytes:
    """A whole checkpoint without its checksum."""
    with pylrm.Network(CFG.decode()) as net:
        arrays = {f"{each.index} {name}": v for each in net for name, v in each.state.items()}
        files = made(lambda folder: write_checkpoint(folder / "3.checkpoint", RECORD, arrays))
    return files["3.checkpoint"][:-DIGEST]


CHECKPOINT = checkpoint()


def restore(folder: Path) -> None:
    with pylrm.Network(CFG.decode()) as net:
        Kept(Checkpoint.read(folder / "3.checkpoint")).restore(net)


@EXAMPLES
@given(damaged({"3.checkpoint": CHECKPOINT}))
def test_a_damaged_checkpoint_with_a_right_checksum(files: Files) -> None:
    content = files["3.checkpoint"]
    digest = hashlib.blake2b(content, digest_size=DIGEST).digest()
    holds(restore, {"3.checkpoint": content + digest})


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=4,
)


@EXAMPLES
@given(st.data())
def test_a_checkpoint_of_other_values(data: Any) -> None:
    """A header of which some values are others, of any type, with its length and checksum right."""
    start = CHECKPOINT.index(b"{")
    end = start + int(CHECKPOINT[:start].split(b"\n")[1])
    header = json.loads(CHECKPOINT[start:end])
    for _ in range(data.draw(st.integers(1, 3))):
        place: Any = header
        while True:
            keys = range(len(place)) if isinstance(place, list) else sorted(place)
            key = data.draw(st.sampled_from(list(keys)))
            if not (isinstance(place[key], dict | list) and place[key]) or data.draw(st.booleans()):
                place[key] = data.draw(VALUES)
                break
            place = place[key]
    text = json.dumps(header).encode()
    content = CHECKPOINT[: start - 21] + b"%020d\n" % len(text) + text + CHECKPOINT[end:]
    digest = hashlib.blake2b(content, digest_size=DIGEST).digest()
    holds(restore, {"3.checkpoint": content + digest})

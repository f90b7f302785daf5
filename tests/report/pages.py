"""What tests of reports share: runs whose classes and files have names that would break a page."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np

from pylrm.training.train import train

SIDE = 64
NAMES = ['</script><script>hacked=1</script>red"', "<img src=x onerror=hacked=1> & 'green'"]
FILES = ['a"onload="hacked=1', "<b>&amp;", "</svg><script>hacked=1</script>".replace("/", "÷")]
VOID = {"meta", "input", "img", "br", "link", "hr"}


def write_data(folder: Path) -> Path:
    """24 images with a red or a green square each; the last 8 are validated on."""
    (folder / "images").mkdir(parents=True)
    (folder / "labels").mkdir()
    random = np.random.default_rng(7)
    stems = [*map(str, range(24 - len(FILES))), *FILES]
    for number, stem in enumerate(stems):
        image = random.integers(0, 60, (SIDE, SIDE, 3)).astype(np.uint8)
        kind, side = number % 2, int(random.integers(16, 28))
        left, top = (int(value) for value in random.integers(0, SIDE - side, 2))
        image[top : top + side, left : left + side, 2 - kind] = 230
        coded = cv2.imencode(".png", image)[1]
        (folder / "images" / f"{stem}.png").write_bytes(coded.tobytes())
        x, y, size = (left + side / 2) / SIDE, (top + side / 2) / SIDE, side / SIDE
        (folder / "labels" / f"{stem}.txt").write_text(f"{kind} {x} {y} {size} {size}\n")
    paths = [f"images/{stem}.png" for stem in stems]
    (folder / "train.txt").write_text("\n".join(paths[:16]) + "\n")
    (folder / "valid.txt").write_text("\n".join(paths[16:]) + "\n")
    (folder / "two.names").write_text("\n".join(NAMES) + "\n")
    data = folder / "two.data"
    data.write_text("classes=2\ntrain=train.txt\nvalid=valid.txt\nnames=two.names\n")
    return data


def write_cfg(path: Path, lrm: str = "") -> Path:
    """Two convolutions and [region] on an 8x8 grid."""
    block = "[convolutional]\nbatch_normalize=1\nsize=3\nstride=2\npad=1\nactivation=leaky\n"
    path.write_text(
        f"[net]\nbatch=4\nsubdivisions=1\nwidth={SIDE}\nheight={SIDE}\nchannels=3\n"
        f"learning_rate=.01\nmax_batches=60\nclip_norm=10\n\n{block}filters=8\n\n"
        f"[maxpool]\nsize=2\nstride=2\n\n{block}filters=16\n\n"
        "[convolutional]\nfilters=14\nactivation=linear\n\n[region]\nanchors=2,2, 3.5,3.5\n"
        f"classes=2\nnum=2\nsoftmax=1\nobject_scale=5\nmax=10\nanchor_warmup=40\n{lrm}"
    )
    return path


def write_runs(folder: Path) -> list[Path]:
    """Train a run without and one with [lrm]; the folder of the second has a name as bad."""
    data = write_data(folder / "data")
    plain, mined = folder / "plain", folder / "<i>mined & 'more'"
    cfg = write_cfg(folder / "two.cfg")
    common = {"map_every": 20, "quiet": True, "threads": 1}
    train(cfg, data, out=plain, **common)  # type: ignore[arg-type]
    cfg = write_cfg(folder / "two.cfg", "\n[lrm]\nk=16\nnms=.7\n")
    train(cfg, data, out=mined, seed=3, **common)  # type: ignore[arg-type]
    return [plain, mined]


class Page(HTMLParser):
    """The elements of a page: names with attributes, and the texts in them."""

    def __init__(self, content: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.open: list[str] = []
        self.feed(content)
        self.close()
        assert not self.open, f"not closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        assert len(dict(attrs)) == len(attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and data.strip():
            self.texts.append((self.open[-1], data))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of each element of a name."""
        return [attributes for name, attributes in self.elements if name == tag]

    def text_of(self, tag: str) -> list[str]:
        """The texts of elements of a name."""
        return [text for name, text in self.texts if name == tag]

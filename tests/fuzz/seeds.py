"""Seeds for the fuzz targets, a folder each, and the words of the cfg language: seeds.py FOLDER."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np

import pylrm
from pylrm.engine import keys

ROOT = Path(__file__).parents[2]


def small_net() -> str:
    """The cfg of the C tests' small network, out of their header."""
    text = (ROOT / "tests/c/check.h").read_text()
    lines = re.search(r"#define SMALL_NET((?: \\\n    \".*\")+)", text)
    assert lines is not None
    return "".join(re.findall(r'"(.*)"', lines[1])).replace("\\n", "\n")


def cfg_seeds(folder: Path) -> None:
    """The shipped cfgs, the small network, and each section with all of its keys."""
    for path in sorted((ROOT / "cfg").glob("*.cfg")):
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / "small").write_text(small_net())
    for section in {key.section for key in keys()} - {"any layer", "net"}:
        lines = [
            f"{key.name}={key.default if key.type in ('int', 'float') else key.choices[0]}"
            for key in keys()
            if key.section == section and (key.choices or key.type in ("int", "float"))
        ]
        text = "[net]\nwidth=8\nheight=8\nchannels=3\n[{}]\n{}\n"
        (folder / section).write_text(text.format(section, "\n".join(lines)))


def dictionary(path: Path) -> None:
    """The words of the cfg language, for libFuzzer."""
    words = {f"[{key.section}]" for key in keys()} | {f"{key.name}=" for key in keys()}
    words |= {choice for key in keys() for choice in key.choices}
    path.write_text("".join(f'"{word}"\n' for word in sorted(words)))


def weights_seeds(folder: Path) -> None:
    """Whole files of the networks in nets/, cut ones, and another version's header."""
    for number, cfg in enumerate(sorted((ROOT / "tests/fuzz/nets").glob("*.cfg"))):
        text = cfg.read_text()
        parts = re.sub("(dontload|dontloadscales|numload|dontsave)=.*\n", "", text)
        with pylrm.Network(text) as net, pylrm.Network(parts) as full:
            net.save_weights(folder / "whole")
            full.save_weights(folder / "full")
        whole, all_of_it = (folder / "whole").read_bytes(), (folder / "full").read_bytes()
        files = {
            "whole": whole,
            "full": all_of_it,
            "cut": whole[: len(whole) // 2],
            "old": np.array([0, 1, 0, 7], np.int32).tobytes() + whole[20:],
            "transposed": np.array([1001, 2, 0, 7], np.int32).tobytes() + whole[20:],
        }
        for name, content in files.items():
            for purpose in (0, 3):
                head = bytes([number + purpose, 0])
                (folder / f"{cfg.stem}-{name}-{purpose}").write_bytes(head + content)
    (folder / "whole").unlink()
    (folder / "full").unlink()


def number_seeds(folder: Path, count: int) -> None:
    """Plain numbers, and ones that no network should give."""
    rng = np.random.default_rng(0)
    for seed in range(8):
        values = rng.normal(0, 2, count).astype(np.float32)
        values[rng.random(count) < seed / 40] = rng.choice(
            np.array([np.nan, np.inf, -np.inf, 1e38], np.float32)
        )
        (folder / str(seed)).write_bytes(bytes([seed]) + values.tobytes())


def main(root: Path) -> None:
    """Write all seeds."""
    for name in ("cfg", "weights", "augment", "boxes"):
        (root / name).mkdir(parents=True, exist_ok=True)
    cfg_seeds(root / "cfg")
    dictionary(root / "cfg.dict")
    weights_seeds(root / "weights")
    number_seeds(root / "augment", 200)
    number_seeds(root / "boxes", 2 + 15 + 126)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

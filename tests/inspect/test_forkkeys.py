"""docs/fork-keys.md says what the engine does with each key of the newer fork."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

import pylrm
from pylrm.engine import keys
from pylrm.errors import CfgError
from pylrm.inspect.forkkeys import FORK, SECTIONS, page, section_fate

ROOT = Path(__file__).parents[2]
KNOWN = {(key.section, key.name): key for key in keys()}
# A section that stands alone, with the keys that it needs.
WHOLE = {
    "convolutional": "[convolutional]\nfilters=35\n",
    "shortcut": "[maxpool]\nsize=1\n[maxpool]\nsize=1\n[shortcut]\nfrom=-2\n",
    "route": "[maxpool]\nsize=1\n[route]\nlayers=-1\n",
    "detection": "[connected]\noutput=28\n[detection]\nside=2\nclasses=2\n",
    "region": "[convolutional]\nfilters=7\n[region]\nanchors=1,1\nclasses=2\n",
    "yolo": "[convolutional]\nfilters=7\n[yolo]\nanchors=1,1\nclasses=2\n",
    "Gaussian_yolo": "[convolutional]\nfilters=11\n[Gaussian_yolo]\nanchors=1,1\nclasses=2\n",
    "sam": "[maxpool]\nsize=1\n[maxpool]\nsize=1\n[sam]\nfrom=-2\n",
    "cost": "[maxpool]\nsize=1\n[cost]\n",
    "dropout": "[maxpool]\nsize=1\n[dropout]\n",
    "any layer": "[maxpool]\nsize=1\n",
    "net": "",
}
ALL = [(section, name) for section, names in FORK.items() for name in names.split()]


def cfg(section: str, line: str) -> str:
    head = "[net]\nwidth=8\nheight=8\nchannels=3\n"
    if section == "net":
        return f"{head}{line}\n[maxpool]\nsize=1\n"
    return f"{head}{WHOLE.get(section, f'[{section}]' + chr(10))}{line}\n"


def test_the_page_is_the_tables() -> None:
    assert (ROOT / "docs/fork-keys.md").read_text() == "\n".join(page()).rstrip() + "\n"


REFUSED = [(key.section, key.name) for key in KNOWN.values() if key.type == "refused"]


@pytest.mark.parametrize(("section", "name"), REFUSED)
def test_what_is_refused_is_an_error_unless_it_is_neutral(section: str, name: str) -> None:
    shown = "maxpool" if section == "any layer" else section
    with pytest.raises(CfgError, match=rf":\d+: \[{shown}\] {name}=3: not supported: "):
        pylrm.Network(cfg(section, f"{name}=3"), outline=True)
    neutral = KNOWN[section, name].default
    if neutral:
        pylrm.Network(cfg(section, f"{name}={neutral}"), outline=True).close()
    if neutral == "0":
        pylrm.Network(cfg(section, f"{name}=0.0"), outline=True).close()


def test_every_key_that_is_refused_or_ignored_is_the_fork_s_or_the_original_s() -> None:
    ours = {
        ("net", "truth"),
        ("any layer", "truth"),
        ("region", "classfix"),
        ("region", "absolute"),
    }
    known = {place for place, key in KNOWN.items() if key.type in ("refused", "ignored")}
    assert known - ours <= set(ALL)


def test_every_section_of_the_engine_but_its_own_is_on_the_page() -> None:
    there = {section for section, _ in KNOWN} - {"net", "any layer", "lrm"}
    assert there - set(SECTIONS.split()) <= {
        "deconvolutional",
        "l2norm",
        "logistic",
    }  # the original's


def test_sections_are_honoured_or_refused_with_the_reason() -> None:
    fates = {name: section_fate(name) for name in SECTIONS.split()}
    assert fates["yolo"] == ("honoured", "")
    assert fates["lstm"][0] == "refused" and "recurrent" in fates["lstm"][1]
    assert all(why for fate, why in fates.values() if fate == "refused")


IGNORED = [(key.section, key.name) for key in KNOWN.values() if key.type == "ignored"]


@pytest.mark.parametrize(("section", "name"), IGNORED)
def test_what_is_ignored_is_so_without_a_word(section: str, name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pylrm.Network(cfg(section, f"{name}=3"), outline=True).close()

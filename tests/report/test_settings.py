"""The commands that repeat runs, and what is said of their settings."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pylrm.cli.train import command
from pylrm.pictures.style import COLOURS
from pylrm.report.looks import dashes, lighter
from pylrm.report.settings import NOT_TOLD, train_command, value_text
from pylrm.training.options import TrainOptions

paths = st.none() | st.sampled_from(["/a b/'c'.weights", "/x;rm -rf $HOME.weights"]).map(Path)
optional = st.none() | st.integers(0, 10**6)
options = st.builds(
    TrainOptions,
    weights=paths,
    updates=st.none() | st.integers(1, 10**6),
    map_every=optional,
    save_every=st.integers(0, 1000),
    patience=st.integers(0, 9),
    time_limit=st.sampled_from([None, "2h30m"]),
    on_nan=st.sampled_from(["stop", "rollback"]),
    tensorboard=st.booleans(),
    keep_seen=st.booleans(),
    letterbox=st.sampled_from([None, True, False]),
    seed=st.integers(0, 2**63 - 1),
    threads=st.none() | st.integers(1, 8),
)


@given(options)
def test_the_command_has_the_options_of_the_run(given_: TrainOptions) -> None:
    record = {"pylrm": "0", "data": "my data.data", **given_.record()}
    words = shlex.split(train_command(Path("runs/a b/net.cfg"), record))
    assert words[:2] == ["pylrm", "train"]
    context = command.make_context("train", words[2:])
    parsed: dict[str, Any] = dict(context.params)
    assert parsed.pop("cfg") == str(Path("runs/a b/net.cfg"))
    assert parsed.pop("data") == "my data.data" and parsed.pop("resume") is None
    assert parsed.pop("lr_find") is None
    found = TrainOptions(**parsed).record()
    for name, value in found.items():
        if name not in NOT_TOLD:
            assert value == record[name], name


def test_a_run_of_an_older_version_has_the_defaults() -> None:
    assert train_command("a.cfg", {"data": "a.data"}) == "pylrm train --cfg a.cfg --data a.data"


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (True, "yes"), (False, "no"), (0, "0"), ([[208, 208], [320, 160]],
     "208×208, 320×160"), ("a", "a")],
)  # fmt: skip
def test_values_as_a_reader_says_them(value: object, text: str) -> None:
    assert value_text(value) == text


def luminance(colour: str) -> float:
    """Of sRGB, as WCAG defines it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("colour", COLOURS)
def test_colours_stand_out_on_a_dark_page(colour: str) -> None:
    """WCAG asks for a contrast of 3 for what is drawn."""
    assert (luminance(lighter(colour)) + 0.05) / (luminance("#14171a") + 0.05) > 4.5


def test_dashes_tell_the_first_runs_apart() -> None:
    assert dashes(0) == "none" and len({dashes(number) for number in range(5)}) == 5
    assert dashes(1) == "10 3.2"


def test_the_command_is_one_that_click_knows() -> None:
    with pytest.raises(click.UsageError):
        command.make_context("train", ["--no-such-option"])

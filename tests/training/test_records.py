"""What checkpoints say of a run: it comes back exactly, and nonsense is refused in one line."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pylrm import errors, resume, train
from pylrm.runs.checkpoint import Checkpoint, write_checkpoint
from pylrm.runs.folder import Run
from pylrm.training.run import State
from pylrm.training.statistics import Passes
from tests.training.runs import Crash, CrashAfter

WriteCfg = Callable[..., Path]
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
SUMS = st.dictionaries(st.sampled_from(["iou", "count"]), NUMBERS)


@given(
    st.builds(
        State,
        update=st.integers(0, 2**53),
        loss=NUMBERS,
        average=NUMBERS,
        map=st.none() | NUMBERS,
        since_best=st.integers(0, 9),
        seconds=NUMBERS,
        rollbacks=st.integers(0, 5),
        passes=st.none() | st.builds(Passes, st.lists(NUMBERS), SUMS, SUMS),
        told=st.booleans(),
        row=st.dictionaries(st.sampled_from(["update", "loss", "map"]), st.none() | NUMBERS),
    )
)
def test_a_state_comes_back_from_json(state: State) -> None:
    found = State.restore(json.loads(json.dumps(state.record(), allow_nan=False)))
    if state.told:
        state.row = {}
    assert found == state


def test_a_new_state_comes_back() -> None:
    found = State.restore(json.loads(json.dumps(State(3).record(), allow_nan=False)))
    assert found.update == 3 and math.isnan(found.loss) and math.isnan(found.average)


def damage(record: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Return a record with another value at a path like "state.update"; ... removes it."""
    record = copy.deepcopy(record)
    *parents, name = path.split(".")
    place = record
    for parent in parents:
        place = place[parent]
    if value is ...:
        del place[name]
    else:
        place[name] = value
    return record


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("state", ...),
        ("state", []),
        ("state.update", "5"),
        ("state.update", -1),
        ("state.update", True),
        ("state.update", None),
        ("state.seconds", [1]),
        ("state.passes", 5),
        ("state.passes", {"losses": ["a"], "found": {}, "mined": {}}),
        ("state.row", [1]),
        ("state.row", {"loss": "x"}),
        ("network.seen", "many"),
        ("network.seen", 2**70),
        ("network.fresh", 3),
        ("network", None),
        ("cfg", ...),
        ("images", 3),
        ("skipped", [3]),
        ("logs", {"log.csv": 5}),
        ("logs", {"log.csv": -5, "train.log": 0}),
    ],
)
def test_nonsense_with_a_right_checksum_is_one_line(
    path: str, value: Any, tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg
) -> None:
    out = tmp_path / "run"
    with pytest.raises(Crash):
        train(tiny_cfg(), tiny_data, out=out, map_every=0, callbacks=[CrashAfter(1)], quiet=True)
    (file,) = Run(out).list_checkpoints()
    found = Checkpoint.read(file)
    arrays = {name: np.zeros(entry.shape, entry.dtype) for name, entry in found.arrays.items()}
    write_checkpoint(file, damage(found.record, path, value), arrays)
    with pytest.raises(errors.PylrmError, match="0.checkpoint") as stop:
        resume(out, quiet=True)
    assert "\n" not in str(stop.value)

"""Options of a run that are keys of its cfg: --freeze and --ema."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pylrm import errors, resume, train
from pylrm.cfg.file import Cfg
from pylrm.engine import Network
from tests.training.runs import Crash, CrashAfter, assert_same

WriteCfg = Callable[..., Path]


def parameters(cfg: Path, weights: Path) -> list[dict[str, np.ndarray]]:
    with Network(cfg, weights) as net:
        return [{name: values.copy() for name, values in layer.params.items()} for layer in net]


def test_frozen_layers_stay_as_they_are(
    tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg
) -> None:
    cfg, start = tiny_cfg(), tmp_path / "start.weights"
    with Network(cfg, seed=3) as net:
        net.save_weights(start)
    before = parameters(cfg, start)
    out = tmp_path / "run"
    train(cfg, tiny_data, out=out, weights=start, freeze=3, map_every=0, quiet=True)
    after = parameters(cfg, out / "weights" / "last.weights")
    for index, (old, new) in enumerate(zip(before, after, strict=True)):
        for name in old:
            if "rolling" not in name:  # statistics follow the images
                assert (old[name] == new[name]).all() == (index < 3), (index, name)
    sections = Cfg.read(out / "net.cfg").sections
    assert [each.options.get("stopbackward") for each in sections[1:]] == [
        None,
        None,
        "1",
        *[None] * 2,
    ]


def test_one_layer_at_least_must_learn(tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg) -> None:
    with pytest.raises(errors.CfgError, match=r"tiny\.cfg: --freeze 5: it has 5 layers"):
        train(tiny_cfg(), tiny_data, out=tmp_path / "run", freeze=5)
    assert not (tmp_path / "run").exists()


def test_ema_is_the_key_of_the_cfg(tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg) -> None:
    quiet = {"map_every": 0, "quiet": True}
    train(tiny_cfg(ema_alpha=0.75), tiny_data, out=tmp_path / "key", **quiet)
    train(tiny_cfg(), tiny_data, out=tmp_path / "option", ema=0.75, **quiet)
    with pytest.raises(Crash):
        train(
            tiny_cfg(),
            tiny_data,
            out=tmp_path / "cut",
            ema=0.75,
            callbacks=[CrashAfter(8)],
            **quiet,
        )
    resume(tmp_path / "cut", quiet=True)
    assert_same(tmp_path / "option", tmp_path / "cut")
    weights = [tmp_path / name / "weights" / "last.weights" for name in ("key", "option")]
    assert weights[0].read_bytes() == weights[1].read_bytes()
    with pytest.raises(ValueError, match="ema=1.5: it must be at most 1"):
        train(tiny_cfg(), tiny_data, ema=1.5)

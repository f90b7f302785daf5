"""What an arm changes in the base cfg, and what it must not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pylrm.cfg.file import Cfg
from pylrm.engine import Network
from pylrm.errors import PylrmError
from pylrm.models import build
from pylrm.study.arms import Arm, baseline, grid, mining_of, read_arm, read_arms

WriteCfg = Callable[..., Path]


def options(cfg: Cfg, section: str) -> dict[str, str]:
    return next(each.options for each in cfg.sections if each.name == section)


def test_lrm_is_appended_or_changed(tiny_cfg: WriteCfg) -> None:
    base = Cfg.read(tiny_cfg())
    arm = read_arm(base, "hard=[lrm] k=64 nms=.7")
    assert [each.name for each in arm.cfg.sections][-2:] == ["region", "lrm"]
    assert options(arm.cfg, "lrm") == {"k": "64", "nms": ".7"}
    again = read_arm(arm.cfg, "other=[lrm] k=9")
    assert options(again.cfg, "lrm") == {"k": "9", "nms": ".7"}
    assert arm.digest != again.digest
    assert mining_of(again.cfg) == (9, 0.7) and mining_of(base) is None


def test_the_baseline_is_without_lrm(tiny_cfg: WriteCfg) -> None:
    plain = Cfg.read(tiny_cfg())
    with_lrm = Cfg.read(tiny_cfg(lrm="\n[lrm]\nk=5 # few\n"))
    assert baseline(plain).cfg.text == plain.text
    assert mining_of(baseline(with_lrm).cfg) is None
    names = [each.name for each in baseline(with_lrm).cfg.sections]
    assert names == [each.name for each in plain.sections]


def test_several_sections_change_and_the_rest_stays(tiny_cfg: WriteCfg) -> None:
    path = tiny_cfg()
    path.write_text(path.read_text().replace("momentum=0.9", "momentum = 0.9  # usual"))
    base = Cfg.read(path)
    arm = read_arm(base, "x=[net] learning_rate=.003 momentum=.8[lrm][region] noobject_scale=.5")
    assert options(arm.cfg, "net")["learning_rate"] == ".003"
    assert options(arm.cfg, "region")["noobject_scale"] == ".5"
    assert options(arm.cfg, "lrm") == {} and mining_of(arm.cfg) == (128, 0.7)
    assert b"momentum = .8  # usual" in arm.cfg.text
    gone = set(base.text.split(b"\n")) - set(arm.cfg.text.split(b"\n"))
    assert gone == {b"learning_rate=0.002", b"momentum = 0.9  # usual"}


def test_an_arm_of_a_file(tiny_cfg: WriteCfg, tmp_path: Path) -> None:
    base = Cfg.read(tiny_cfg())
    other = tmp_path / "other.cfg"
    other.write_bytes(base.text.replace(b"filters=8", b"filters=9"))
    assert read_arm(base, f"wide={other}").cfg.text == other.read_bytes()


def test_all_heads_are_mined_together() -> None:
    head = (
        "[convolutional]\nfilters=21\n\n[yolo]\nmask=0,1,2\nanchors=1,1,2,2,3,3\nnum=3\nclasses=2"
    )
    base = Cfg.read(
        f"[net]\nwidth=32\nheight=32\nchannels=3\n\n{head}\n\n[route]\nlayers=-2\n\n{head}\n"
    )
    arm = read_arm(base, "mined=[lrm] k=4")
    assert options(arm.cfg, "lrm")["layers"] == "-4,-1"
    with Network(arm.cfg) as net:
        assert [net[index].type for index in net.find("lrm")[0].inputs] == ["yolo", "yolo"]


def test_the_grid_has_an_arm_a_cell() -> None:
    base = Cfg.read(build("yolov2-tiny", classes=2, size=(64, 64)))
    arms = read_arms(base, [64, 128], [0.0, 0.5], ["free=[net] momentum=.8"])
    names = ["baseline", "k64", "k128", "k64-nms0.5", "k128-nms0.5", "free"]
    assert [arm.name for arm in arms] == names
    found = [mining_of(arm.cfg) for arm in arms]
    assert found == [None, (64, 0.0), (128, 0.0), (64, 0.5), (128, 0.5), None]
    assert grid(base, [1], [1e-3])[0].name == "k1-nms0.001"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hard", "expected NAME=FILE.cfg or"),
        ("hard=", "expected NAME=FILE.cfg or"),
        ("../x=[lrm]", "'../x' cannot be an arm's name"),
        ("baseline=[lrm]", "is the base cfg without"),
        ("hard=[lrm] k", "'k' is neither [section] nor key=value"),
        ("hard=[lrm] kk=3", "[lrm] has no key 'kk'; the nearest is k"),
        ("hard=[regoin] jitter=.1", "[regoin] has no key 'jitter'"),
        ("hard=[yolo] jitter=.1", "has no [yolo]"),
        ("hard=missing.cfg", "missing.cfg: no such file"),
    ],
)
def test_mistakes_are_named(tiny_cfg: WriteCfg, text: str, message: str) -> None:
    with pytest.raises(PylrmError) as error:
        read_arm(Cfg.read(tiny_cfg()), text)
    assert message in str(error.value)


def test_two_arms_of_one_name(tiny_cfg: WriteCfg) -> None:
    with pytest.raises(PylrmError, match="two arms of the study are named k8"):
        read_arms(tiny_cfg(), [8], [0.0], ["k8=[lrm] k=9"])


def test_the_digest_is_of_the_values() -> None:
    text = "[net]\nwidth=32\nheight=32\ndata=here/d.data\n[region]\nnum=5\n"
    first = Arm("a", Cfg.read(text)).digest
    for same in (
        text.replace("here/d.data", "there/d.data"),
        f"# written by hand\n{text}",
        text.replace("width=32\nheight=32", "height = 32\n\nwidth=32 # pixels"),
    ):
        assert Arm("b", Cfg.read(same)).digest == first
    for other in (
        text.replace("num=5", "num=4"),
        text.replace("[region]", "[yolo]"),
        text + "x=1\n",
    ):
        assert Arm("a", Cfg.read(other)).digest != first

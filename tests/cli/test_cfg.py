"""pylrm cfg: from options to text."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from pylrm import Network, models
from tests.models import naive

Run = Callable[..., tuple[int, str, str]]


@pytest.mark.parametrize("name", sorted(models.SHIPPED))
def test_the_command_in_a_file_writes_that_file(run: Run, name: str) -> None:
    text = models.files()[name]
    line = next(line for line in text.splitlines() if "pylrm cfg" in line)
    code, out, err = run(*shlex.split(line.lstrip("# "))[1:])
    assert (code, err) == (0, "")
    assert out == text


@pytest.mark.parametrize(
    "arguments",
    [
        "yolov2-mobilenet --classes 3 --size 320x224 --multiplier 0.35 --stride 16",
        "yolov2-tiny --classes 1 --anchors 1,2,3.25,4 --lrm-k 8 --lrm-nms 0.123456789",
        "yolov2-darknet19 --classes 2 --activation relu6 --batch 12 --updates 700",
        "yolov2-mobilenet --classes 2 --backbone-rate 0.1",
        "yolov2-tiny --classes 2 --net learning_rate=.01 --net clip=4 --region random=1",
        "yolov4-tiny --classes 2 --anchors 9,8,30,40 --yolo iou_loss=giou --lrm-k 8",
        "yolov3-tiny --classes 2 --anchors coco --yolo random=1",
        "yolov4 --classes 2 --size 96 --multiplier 0.5 --anchors coco9 --activation leaky",
        "mobilenet --classes 2 --size 96 --data my.data --updates 10",
    ],
)
def test_options_are_build_s(run: Run, arguments: str) -> None:
    code, out, err = run("cfg", *arguments.split())
    assert (code, err) == (0, "")
    line = next(line for line in out.splitlines() if "pylrm cfg" in line)
    again = shlex.split(line.lstrip("# "))[1:]
    assert run(*again) == (0, out, "")
    assert sorted(again[1:]) == sorted(arguments.split())


def test_lrm_takes_the_paper_s_nms(run: Run) -> None:
    _, out, _ = run("cfg", "yolov2-tiny", "--classes", 2, "--lrm-k", 9)
    assert naive.sections(out)[-1] == ("lrm", {"k": "9", "nms": "0.7"})


def test_classes_come_from_the_data_set(run: Run, tiny_data: Path) -> None:
    code, out, _ = run("cfg", "yolov2-tiny", "--data", tiny_data)
    assert code == 0 and naive.layers(out)[-1].options["classes"] == "2"
    assert dict(naive.sections(out))["net"]["data"] == str(tiny_data)


def test_the_text_is_a_network(run: Run, tmp_path: Path) -> None:
    arguments = ("--classes", 4, "--size", 64, "--multiplier", 0.25, "--lrm-k", 2, "--batch", 2)
    _, out, _ = run("cfg", "yolov2-mobilenet", *arguments)
    path = tmp_path / "my.cfg"
    path.write_text(out)
    with Network(path) as net:
        assert net.classes == 4 and net.batch == 2 and len(net.find("lrm")) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("", "NAME"),
        ("yolo", "yolov2-mobilenet"),
        ("yolov2-tiny", "--classes is missing"),
        ("yolov2-tiny --classes 0", "--classes"),
        ("yolov2-tiny --classes x", "--classes"),
        ("yolov2-tiny --classes 2 --size 400", "multiples of the stride, 32: not 400 but 384"),
        ("yolov2-tiny --classes 2 --size 4x4x4", "N for a square, or WxH"),
        ("yolov2-tiny --classes 2 --size -32", "N for a square, or WxH"),
        ("yolov2-tiny --classes 2 --stride 8", "--stride"),
        ("yolov2-tiny --classes 2 --multiplier 0", "--multiplier"),
        ("yolov2-tiny --classes 2 --multiplier nan", "multiplier"),
        ("yolov2-tiny --classes 2 --activation swish", "--activation"),
        ("yolov2-tiny --classes 2 --anchors 1,2,3", "3 numbers"),
        ("yolov2-tiny --classes 2 --anchors cifar", "expected voc, kitti, coco, coco9, or widths"),
        ("yolov4-tiny --classes 2 --yolo iou_los=ciou", "the nearest is iou_loss"),
        ("yolov2-tiny --classes 2 --lrm-nms .5", "--lrm-nms needs --lrm-k"),
        ("yolov2-tiny --classes 2 --lrm-k -1", "--lrm-k"),
        ("yolov2-tiny --classes 2 --lrm-k 1 --lrm-nms 2", "--lrm-nms"),
        ("yolov2-tiny --classes 2 --net learning_rat=1", "the nearest is learning_rate"),
        ("yolov2-tiny --classes 2 --net momentum", "not KEY=VALUE"),
        ("yolov2-tiny --classes 2 --net width=64", "the option size"),
        ("yolov2-tiny --classes 2 --region qqqqqq=64", "[region] has no key 'qqqqqq'"),
        ("mobilenet --classes 2 --lrm-k 1", "classifier"),
        ("mobilenet --classes 2 --stride 32", "classifier"),
    ],
)
def test_mistakes_are_usage_errors(run: Run, arguments: str, message: str) -> None:
    code, out, err = run("cfg", *arguments.split())
    assert (code, out) == (2, "")
    assert err.count("\n") == 1 and err.startswith("pylrm: ") and message in err, err
    assert err.endswith("(see pylrm cfg --help)\n")


def test_a_missing_data_file_is_named(run: Run) -> None:
    code, _, err = run("cfg", "yolov2-tiny", "--data", "none.data")
    assert code == 2 and err.startswith("pylrm: none.data: ") and err.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ("--net clip_norm=abc", "clip_norm=abc: must be a number"),
        ("--region loss=joint", "loss=joint needs background=1"),
    ],
)
def test_no_cfg_is_written_that_the_engine_refuses(run: Run, options: str, part: str) -> None:
    code, out, err = run("cfg", "yolov2-tiny", "--classes", "2", *options.split())
    assert (code, out) == (2, "") and part in err and err.count("\n") == 1

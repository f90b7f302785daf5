"""darknet: Darknet's command lines, its files' names and words, and what becomes of its flags."""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pylrm.cli.darknet.flags import BY_NAME, FLAGS, table
from pylrm.cli.darknet.main import COMMANDS, main
from pylrm.engine import Network
from tests.data.stripes import CLASSES, network, write_tree
from tests.videos import read_clip, write_clip

Outcome = tuple[int, str, str]
Call = Callable[..., Outcome]
WriteCfg = Callable[..., Path]
DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def darknet(
    tmp_path: Path,
    tiny_data: Path,
    tiny_cfg: WriteCfg,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Call:
    """Runs a command line in a folder with tiny/tiny.data, tiny.cfg and tiny.weights."""
    with tiny_data.open("a") as file:
        file.write("backup = backup/\n")
    with Network(tiny_cfg(), seed=1) as net:
        net.save_weights(tmp_path / "tiny.weights")
    monkeypatch.chdir(tmp_path)

    def call(*arguments: object, text: str = "") -> Outcome:
        monkeypatch.setattr(sys, "argv", ["darknet", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", io.StringIO(text))
        with pytest.raises(SystemExit) as stop:
            main()
        out, err = capsys.readouterr()
        return int(stop.value.code or 0), out, err

    return call


NETWORK = "tiny/tiny.data", "tiny.cfg", "tiny.weights"


def test_training_leaves_darknets_files(darknet: Call) -> None:
    code, out, err = darknet("detector", "train", *NETWORK[:2], "-dont_show", "-map", "-clear")
    assert code == 0, err
    assert out.startswith("pylrm train --cfg tiny.cfg --data tiny/tiny.data --save-every 1000\n")
    assert "mean_average_precision (mAP@0.50) = " in out
    names = sorted(path.name for path in Path("backup").iterdir())
    assert names == ["tiny_best.weights", "tiny_final.weights", "tiny_last.weights"]
    weights = Path("runs/tiny/weights")
    for kind, own in [("final", "last"), ("last", "last"), ("best", "best")]:
        copy = Path(f"backup/tiny_{kind}.weights").read_bytes()
        assert copy == (weights / f"{own}.weights").read_bytes()
    assert Path("chart.png").read_bytes().startswith(b"\x89PNG")


def test_training_goes_on_where_the_weights_stopped(darknet: Call, tiny_cfg: WriteCfg) -> None:
    tiny_cfg(max_batches=1002)
    with Network("tiny.cfg", "tiny.weights") as net:
        net.seen = 998 * 4
        net.save_weights("tiny_last.weights")
    code, out, err = darknet("detector", "train", *NETWORK[:2], "tiny_last.weights")
    assert code == 0, err
    assert "updates 999 to 1002" in out and "--keep-seen" in out.splitlines()[0]
    assert Path("backup/tiny_1000.weights").is_file()
    with Network("tiny.cfg", "backup/tiny_final.weights") as net:
        assert net.seen == 1002 * 4
    code, _, err = darknet("detector", "train", *NETWORK[:2], "backup/tiny_final.weights")
    assert code == 2 and "add -clear" in err and "keep-seen" not in err
    assert len(err.splitlines()) == 1
    tiny_cfg(max_batches=2)
    start = "backup/tiny_final.weights"
    code, out, _ = darknet("detector", "train", *NETWORK[:2], start, "-clear", "1")
    assert code == 0 and "updates 1 to 2" in out


def test_a_folder_that_cannot_be_written_is_said_before_training(darknet: Call) -> None:
    Path("backup").write_text("a file")
    code, _, err = darknet("detector", "train", *NETWORK[:2])
    assert code == 2 and "backup" in err and not Path("runs").exists()


def test_partial_is_a_start(darknet: Call) -> None:
    code, out, _ = darknet("partial", "tiny.cfg", "tiny.weights", "tiny.conv.2", "2")
    assert code == 0
    first = "pylrm weights cut tiny.weights --cfg tiny.cfg --upto 2 -o tiny.conv.2"
    assert out.splitlines() == [first, "Saving weights to tiny.conv.2"]
    with Network("tiny.cfg", "tiny.weights") as net:
        net.seen = 0
        net.save_weights("own.weights", upto=2)
    assert Path("tiny.conv.2").read_bytes() == Path("own.weights").read_bytes()
    code, _, err = darknet("detector", "train", *NETWORK[:2], "tiny.conv.2")
    assert code == 0, err
    assert darknet("partial", "tiny.cfg", "tiny.weights", "x", "none")[0] == 2


def test_valid_writes_what_map_reads(darknet: Call, run: Call) -> None:
    code, _, err = darknet("detector", "valid", *NETWORK)
    assert code == 0, err
    files = sorted(path.name for path in Path("results").iterdir())
    assert files == ["comp4_det_test_green.txt", "comp4_det_test_red.txt"]
    options = "--data", "tiny/tiny.data", "--json"
    of_files = json.loads(run("map", "--detections", "results", *options)[1])
    network = "--cfg", "tiny.cfg", "--weights", "tiny.weights"
    of_network = json.loads(run("map", *network, *options)[1])
    assert of_files["ap"] == of_network["ap"]
    code, out, _ = darknet("detector", "valid", *NETWORK, "-out", "mine.json")
    assert code == 0 and out.splitlines()[-1] == "wrote results/mine.json"
    of_json = json.loads(run("map", "--detections", "results/mine.json", *options)[1])
    assert of_json["ap"] == of_network["ap"]


def test_map_has_pylrms_figures_in_the_forks_words(darknet: Call, run: Call) -> None:
    code, out, err = darknet("detector", "map", *NETWORK, "-thresh", ".1", "-iou_thresh", "0.5")
    assert code == 0, err
    command, rest = out.split("\n", 1)
    own = json.loads(run(*command.split()[1:], "--json")[1])
    rows = re.findall(
        r"class_id = (\d), name = (\w+), ap = ([\d.]+)%.*TP = (\d+), FP = (\d+)", rest
    )
    assert [row[:2] for row in rows] == [("0", "red"), ("1", "green")]
    for _, name, ap, hits, false in rows:
        assert float(ap) == pytest.approx(100 * own["ap"][name], abs=0.005)
        assert int(hits) + int(false) >= 0
    counts = own["counts"]["all"]
    total = sum(int(row[3]) for row in rows), sum(int(row[4]) for row in rows)
    found = re.search(r"TP = (\d+), FP = (\d+), FN = (\d+), average IoU", rest)
    assert found is not None and (int(found[1]), int(found[2])) == total
    assert int(found[1]) + int(found[3]) == 8  # each of the images has an object
    assert f"recall = {counts['recall'] or 0:.2f}" in rest
    assert f"mean average precision (mAP@0.50) = {own['map']:f}" in rest
    _, strict, _ = darknet("detector", "map", *NETWORK, "-iou_thresh", ".75", "-points", "11")
    assert "(mAP@0.75)" in strict and "11 Recall-points" in strict
    assert "101" in darknet("detector", "map", *NETWORK, "-points", "101")[2]


def test_recall_counts_as_a_naive_loop(darknet: Call) -> None:
    code, out, err = darknet("detector", "recall", *NETWORK, "-thresh", ".05")
    assert code == 0, err
    lines = out.splitlines()[1:]
    assert len(lines) == 8 and lines[0].split()[0] == "0"
    objects = found = 0
    summed = 0.0
    with Network("tiny.cfg", "tiny.weights", batch=1, inference=True) as net:
        for line, number in zip(lines, range(16, 24), strict=True):
            _, x, y, w, h = map(float, Path(f"tiny/labels/{number}.txt").read_text().split())
            own = 64 * np.array([x - w / 2, y - h / 2, x + w / 2, y + h / 2])
            best = 0.0
            for each in net.detect(f"tiny/images/{number}.png", thresh=0.05):
                low, high = np.maximum(own[:2], each.box[:2]), np.minimum(own[2:], each.box[2:])
                shared = float(np.prod(np.maximum(high - low, 0)))
                sides = (each.box[2] - each.box[0]) * (each.box[3] - each.box[1])
                best = max(best, shared / (64 * w * 64 * h + sides - shared))
            objects, found, summed = objects + 1, found + (best > 0.5), summed + best
            assert line.split()[1:3] == [str(found), str(objects)]
            assert float(re.search(r"IOU: ([\d.]+)%", line)[1]) == pytest.approx(  # type: ignore[index]
                100 * summed / objects, abs=0.1
            )


def test_an_image_is_printed_and_drawn(darknet: Call) -> None:
    import cv2

    image = "tiny/images/0.png"
    options = "-ext_output", "-dont_show", "-out", "result.json", "-thresh", "0.05"
    code, out, err = darknet("detector", "test", *NETWORK, image, *options)
    assert (code, err) == (0, "")
    with Network("tiny.cfg", "tiny.weights", batch=1, inference=True) as net:
        found = net.detect(image, thresh=0.05)
    lines = out.splitlines()
    assert lines[1].startswith(f"{image}: Predicted in ") and len(lines) == 2 + len(found) > 2
    left, top, right, bottom = found[0].box
    name = ["red", "green"][found[0].class_id]
    assert lines[2] == (
        f"{name}: {100 * found[0].score:.0f}%\t(left_x: {left:4.0f}   top_y: {top:4.0f}   "
        f"width: {right - left:4.0f}   height: {bottom - top:4.0f})"
    )
    assert cv2.imread("predictions.jpg").shape == (64, 64, 3)
    (record,) = json.loads(Path("result.json").read_text())
    assert (record["frame_id"], record["filename"]) == (1, image)
    place = record["objects"][0]["relative_coordinates"]
    assert place["center_x"] == pytest.approx((left + right) / 128, abs=1e-5)
    assert place["height"] == pytest.approx((bottom - top) / 64, abs=1e-5)


def test_paths_come_from_standard_input_until_it_ends(darknet: Call) -> None:
    image = Path("a folder/an image.png")
    image.parent.mkdir()
    image.write_bytes(Path("tiny/images/0.png").read_bytes())
    text = f"{image}\r\n\nnone.png\ntiny/images/1.png"
    code, out, err = darknet("detector", "test", *NETWORK, text=text)
    assert code == 2 and "none.png" in err and len(err.splitlines()) == 1
    assert out.count("Enter Image Path: ") == 5
    assert f"{image}: Predicted" in out and "tiny/images/1.png: Predicted" in out
    code, out, err = darknet("detector", "test", *NETWORK)  # Ctrl-D
    assert (code, err) == (0, "") and out.endswith("Enter Image Path: \n")


def test_a_list_is_taken_as_one(darknet: Call) -> None:
    code, out, _ = darknet("detector", "test", *NETWORK, "tiny/valid.txt")
    assert code == 0 and out.count(": Predicted in ") == 8


def test_labels_beside_images_never_replace_labels(darknet: Call) -> None:
    before = Path("tiny/labels/0.txt").read_text()
    Path("new.png").write_bytes(Path("tiny/images/0.png").read_bytes())
    options = "-save_labels", "-thresh", "0.05"
    code, out, err = darknet("detector", "test", *NETWORK, *options, text="new.png\n")
    assert (code, err) == (0, "")
    rows = np.loadtxt("new.txt", ndmin=2)
    assert rows.shape == (out.count("%"), 5) and len(rows)
    _, _, err = darknet("detector", "test", *NETWORK, "tiny/images/0.png", *options)
    assert "stays as it is" in err and Path("tiny/labels/0.txt").read_text() == before


def test_demo_writes_video_and_frames(darknet: Call) -> None:
    write_clip(Path("drive.avi"), 6)
    options = "-dont_show", "-out_filename", "drawn.avi", "-prefix", "frame", "-s", "1"
    code, out, err = darknet("detector", "demo", *NETWORK, "drive.avi", *options)
    assert code == 0, err
    assert out.count("Objects:") == 3 == len(read_clip(Path("drawn.avi")))
    names = sorted(path.name for path in Path().glob("frame_*"))
    assert names == [f"frame_0000000{number}.jpg" for number in (1, 2, 3)]
    code, _, err = darknet("detector", "demo", *NETWORK, "none.avi", "-dont_show")
    assert code == 2 and "none.avi" in err


def test_anchors(darknet: Call, run: Call) -> None:
    size = "-num_of_clusters", 2, "-width", 64, "-height", 64
    code, out, err = darknet("detector", "calc_anchors", NETWORK[0], *size, "-show")
    assert code == 0, err
    own = run("anchors", NETWORK[0], "--size", "64x64", "--num", "2", "--json")[1]
    text = Path("anchors.txt").read_text().strip()
    assert text == json.loads(own)["anchors"]["yolo"] and f"anchors = {text}\n" in out
    assert Path("cloud.png").is_file()
    assert darknet("detector", "calc_anchors", *NETWORK[:2])[0] == 0
    cells = json.loads(run("anchors", NETWORK[0], "--cfg", "tiny.cfg", "--json")[1])
    assert Path("anchors.txt").read_text().strip() == cells["anchors"]["region"]
    assert "-width" in darknet("detector", "calc_anchors", NETWORK[0])[2]


def test_the_docs_show_the_table_of_flags() -> None:
    assert table() in (DOCS / "coming-from-darknet.md").read_text(encoding="utf-8")
    names = {command.words[-1] for command in COMMANDS}
    assert len(BY_NAME) == len(FLAGS)
    for flag in FLAGS:
        assert set(flag.where) <= names and bool(flag.where) == (flag.fate == "honoured")


@pytest.mark.parametrize("flag", [flag for flag in FLAGS if flag.fate == "refused"])
def test_a_flag_that_is_refused_ends_the_command(darknet: Call, flag: object) -> None:
    name = flag.name  # type: ignore[attr-defined]
    code, out, err = darknet("detector", "train", name, "8090", *NETWORK[:2])
    assert code == 2 and out == "" and name in err and len(err.splitlines()) == 1
    assert not Path("runs").exists()


@pytest.mark.parametrize("flag", [flag for flag in FLAGS if flag.fate == "passed over"])
def test_a_flag_that_changes_nothing_says_so(darknet: Call, flag: object) -> None:
    name, kind = flag.name, flag.kind  # type: ignore[attr-defined]
    value = [] if kind == "on" else ["0"]
    code, out, err = darknet("detector", "test", name, *value, *NETWORK, "tiny/images/0.png")
    assert code == 0 and ": Predicted in " in out
    assert err.startswith(f"darknet: {name} changes nothing: ") and len(err.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("detector", "tarin", *NETWORK), "there is detector train"),
        (("classify",), "no command"),
        (("detector", "test", *NETWORK[:2]), "usage: darknet detector test D.data C.cfg W"),
        (("detector", "test", *NETWORK, "-tresh", ".5"), "there is -dont_show"),
        (("detector", "test", *NETWORK, "-thresh"), "-thresh needs a number"),
        (("detector", "test", *NETWORK, "-thresh", "-dont_show"), "-thresh needs a number"),
        (("detector", "test", *NETWORK, "-thresh", "high"), "expected a number"),
        (("detector", "test", *NETWORK, "-thresh", "25"), "from 0 to 1"),
        (("detector", "test", *NETWORK, "-thresh", "nan"), "from 0 to 1"),
        (("detector", "map", *NETWORK, "-iou_thresh", "1"), "below 1"),
        (("detector", "test", "none.data", *NETWORK[1:], "tiny/images/0.png"), "none.data"),
        (("detector", "test", *NETWORK[:2], "none.weights", "tiny/images/0.png"), "none.weights"),
    ],
)
def test_mistakes(darknet: Call, arguments: tuple[str, ...], part: str) -> None:
    code, _, err = darknet(*arguments)
    assert code == 2 and part in err and len(err.splitlines()) == 1


def test_a_flag_of_another_command_is_passed_over(darknet: Call) -> None:
    code, _, err = darknet("detector", "map", *NETWORK, "-dont_show")
    assert (code, err) == (0, "darknet: -dont_show changes nothing in `map`\n")


def test_help(darknet: Call) -> None:
    code, out, _ = darknet()
    assert code == 0 and all(" ".join(command.words) in out for command in COMMANDS)


def test_classifiers(darknet: Call, tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree", train=4, valid=2)
    (tmp_path / "c.names").write_text("\n".join(CLASSES) + "\n")
    lines = "names=c.names\ntrain=tree/train\nvalid=tree/valid\ntop=2\nbackup=backup\n"
    (tmp_path / "c.data").write_text(lines)
    (tmp_path / "c.cfg").write_text(network(3))
    code, out, err = darknet("classifier", "train", "c.data", "c.cfg", "-map", "-dont_show")
    assert code == 0 and "\n top 1 = 0." in out, err
    weights = "backup/c_final.weights"
    code, out, err = darknet("classifier", "valid", "c.data", "c.cfg", weights)
    first, last = out.splitlines()
    assert first == f"pylrm classify valid --cfg c.cfg --data c.data --weights {weights}"
    assert code == 0 and re.fullmatch(r"6: top 1: 0\.\d{6}, top 2: [01]\.\d{6}", last), err
    image = tree / "valid" / "plain" / "0.png"
    code, out, err = darknet("classifier", "predict", "c.data", "c.cfg", weights, image, "-t", 2)
    found = out.splitlines()
    assert code == 0 and len(found) == 4 and found[1] == f"{image}:", err
    assert all(re.fullmatch(r" ?\d+\.\d\d%: (lying|plain|standing)", line) for line in found[2:])
    asked = f"nowhere.png\n{image}\n"
    code, out, err = darknet("classifier", "predict", "c.data", "c.cfg", weights, text=asked)
    assert code == 2 and "darknet: Cannot load image: nowhere.png" in err and f"{image}:" in out

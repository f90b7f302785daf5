"""Network and Layer: what they say, what they refuse."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

import pylrm
from pylrm.engine import cpu_features, keys, version

NET = """[net]
batch=4
subdivisions=2
width=24
height=16
channels=3
learning_rate=.1
policy=steps
steps=2,3
scales=.1,.1
"""

DETECTOR = f"""{NET}
[convolutional]
batch_normalize=1
filters=8
size=3
stride=2
pad=1
activation=leaky

[maxpool]
size=2
stride=2

[convolutional]
filters=14
size=1
activation=linear

[region]
anchors=1,1, 2,2
num=2
classes=2
max=7
thresh=.6
"""

CLASSIFIER = f"""{NET}
[convolutional]
filters=5
size=3
pad=1
activation=relu

[avgpool]

[softmax]
"""


def images(net: pylrm.Network, count: int | None = None, seed: int = 0) -> np.ndarray:
    shape = (net.batch if count is None else count, net.channels, net.height, net.width)
    return np.random.default_rng(seed).random(shape, dtype=np.float32)


def boxes(net: pylrm.Network) -> np.ndarray:
    truth = np.zeros((net.batch, 2, 5), np.float32)
    truth[:, 0] = [0.4, 0.6, 0.3, 0.5, 1]
    return truth


def test_attributes() -> None:
    with pylrm.Network(DETECTOR) as net:
        assert (net.batch, net.subdivisions) == (2, 2)
        assert (net.width, net.height, net.channels, net.classes) == (24, 16, 3, 2)
        assert net.max_truths == 7
        assert len(net) == 4 and len(list(net)) == 4
        types = ["convolutional", "maxpool", "convolutional", "region"]
        assert [layer.type for layer in net] == types
        assert [layer.index for layer in net] == [0, 1, 2, 3]
        assert net[-1].index == 3 and net.find("maxpool")[0].index == 1 and net.find("yolo") == []
        assert net[0].shape == (8, 8, 12) and net[3].shape == (14, 4, 6)
        assert net[0].inputs == (-1,) and net[1].inputs == (0,)
        assert net[0].line == DETECTOR.splitlines().index("[convolutional]") + 1
        assert net[0].parameters == 8 * 3 * 9 + 4 * 8
        assert net[0].multiply_adds == 8 * 3 * 9 * 8 * 12
        assert (net[3].anchors, net[3].is_detector, net[3].is_loss) == (2, True, True)
        with pytest.raises(IndexError):
            net[4]


def test_options() -> None:
    with pylrm.Network(DETECTOR) as net:
        assert net.option("steps") == [2, 3]
        assert net.option("scales") == pytest.approx([0.1, 0.1])
        assert net.option("policy") == "steps"
        assert net.option("momentum") == pytest.approx(0.9)
        assert net[3].option("max") == 7 and isinstance(net[3].option("max"), int)
        assert net[3].option("thresh") == pytest.approx(0.6)
        assert net[3].option("anchors") == [1, 1, 2, 2]
        assert net[0].option("activation") == "leaky"
        assert net[0].option("learning_rate") == 1
        with pytest.raises(pylrm.PylrmError, match="no key 'colour'"):
            net.option("colour")
        with pytest.raises(pylrm.PylrmError, match="no key 'anchors'"):
            net[0].option("anchors")


def test_seen_and_rates() -> None:
    with pylrm.Network(DETECTOR) as net:
        assert net.seen == 0 and net.learning_rate == pytest.approx(0.1)
        net.seen = 4
        assert net.learning_rate == net.rate_at(2)
        assert net.rate_at(3) == pytest.approx(0.001)
        net.train_batch(images(net), boxes(net))
        assert net.seen == 6
        with pytest.raises(ValueError, match="seen"):
            net.seen = -1


def test_batch_overrides_the_cfg() -> None:
    with pylrm.Network(DETECTOR, batch=3) as net:
        assert (net.batch, net.subdivisions) == (3, 1)


def test_cfg_may_be_a_path_or_text(tmp_path: Path) -> None:
    path = tmp_path / "net.cfg"
    path.write_text(DETECTOR)
    for cfg in (path, str(path), DETECTOR):
        with pylrm.Network(cfg) as net:
            assert len(net) == 4


@pytest.mark.parametrize("name", ["absent.cfg", "folder", "zero.cfg"])
def test_unreadable_cfg_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "zero.cfg").write_bytes(b"[net]\nwidth=8\0\n")
    with pytest.raises(pylrm.CfgError, match=name):
        pylrm.Network(tmp_path / name)


def test_wrong_cfg_names_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "net.cfg"
    path.write_text(DETECTOR.replace("filters=14", "filters=13"))
    with pytest.raises(pylrm.CfgError) as caught:
        pylrm.Network(path)
    message = str(caught.value)
    assert message.startswith(f"{path}:") and "14" in message and "\n" not in message


def test_unknown_key_warns_once_with_the_nearest() -> None:
    cfg = DETECTOR.replace("thresh=.6", "tresh=.6")
    with pytest.warns(pylrm.CfgWarning) as caught:
        pylrm.Network(cfg).close()
    assert len(caught) == 1
    message = str(caught[0].message)
    line = cfg.splitlines().index("tresh=.6") + 1
    assert f"cfg:{line}:" in message and "'tresh'" in message and "thresh" in message


@pytest.mark.parametrize(
    "options",
    [
        {"device": "tpu"},
        {"kernels": "slow"},
        {"batch": 0},
        {"threads": 0},
        {"batch": 2**31},
        {"threads": 2**70},
        {"inference": True, "keep": True},
    ],
)
def test_arguments_out_of_range(options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        pylrm.Network(DETECTOR, **options)  # type: ignore[arg-type]


def test_shapes_that_do_not_fit() -> None:
    with pylrm.Network(DETECTOR) as net:
        good, truth = images(net), boxes(net)
        for x in (good[0], good[:, :2], good[:, :, 1:], good[..., :0], good[:0], images(net, 3)):
            with pytest.raises(ValueError, match="expected"):
                net.forward(x)
        with pytest.raises(ValueError, match="expected"):
            net.forward(good[:1], train=True)
        with pytest.raises(ValueError, match="expected"):
            net.train_batch(good[:1], truth[:1])
        for bad in (truth[0], truth[:1], truth[..., :4], truth.reshape(2, -1)):
            with pytest.raises(ValueError, match="truth"):
                net.train_batch(good, bad)
            with pytest.raises(ValueError, match="truth"):
                net.forward(good, bad)
        assert net.forward(good[:1]).shape == (1, 14, 4, 6)
    with pylrm.Network(CLASSIFIER) as net:
        with pytest.raises(ValueError, match="truth"):
            net.train_batch(images(net), np.zeros((2, 4), np.float32))
        net.train_batch(images(net), np.eye(2, 5, dtype=np.float32))
        assert net.forward(images(net)).shape == (2, 5, 1, 1)


def test_other_types_and_layouts_are_converted() -> None:
    with pylrm.Network(DETECTOR) as net:
        x = images(net)
        expected = net.forward(x)
        turned = np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
        np.testing.assert_array_equal(net.forward(turned), expected)
        np.testing.assert_array_equal(net.forward(x.astype(np.float64)), expected)
        np.testing.assert_array_equal(net.forward(x.tolist()), expected)


def test_what_is_not_kept_says_how_to_keep_it() -> None:
    with pylrm.Network(DETECTOR) as net:
        net.train_batch(images(net), boxes(net))
        for get in (lambda: net[0].output, lambda: net[0].delta):
            with pytest.raises(pylrm.PylrmError, match="keep=True"):
                get()
        assert net[3].output.any() and net[3].delta.any()
    with pylrm.Network(DETECTOR, keep=True) as net:
        net.train_batch(images(net), boxes(net))
        assert all(layer.output.any() and layer.delta.any() for layer in net)


def test_arrays_of_other_layer_types() -> None:
    with pylrm.Network(DETECTOR) as net:
        for name in ("assigned", "overlap", "loss", "selected", "boxes", "classes"):
            with pytest.raises(pylrm.PylrmError, match=name):
                getattr(net[1], name)
        for name in ("stats", "mining", "cost"):
            with pytest.raises(pylrm.PylrmError):
                getattr(net[1], name)
        assert net[1].params == {} and net[1].grads == {}


def test_inference_networks_do_not_train() -> None:
    with pylrm.Network(DETECTOR, inference=True) as net:
        x, truth = images(net), boxes(net)
        for act in (
            lambda: net.train_batch(x, truth),
            lambda: net.forward(x, truth, train=True),
            lambda: net.forward(x, train=True),
            net.backward,
            net.update,
            lambda: net[0].grads,
            lambda: net[3].delta,
        ):
            with pytest.raises(pylrm.PylrmError):
                act()
        weights = net[0].params["weights"]
        assert not weights.flags.writeable
        with pytest.raises(ValueError, match="read-only"):
            weights[...] = 0
        assert net.forward(x).shape == (2, 14, 4, 6)


def test_backward_needs_a_training_pass() -> None:
    with pylrm.Network(DETECTOR) as net:
        with pytest.raises(pylrm.PylrmError, match="training pass"):
            net.backward()
        net.forward(images(net))
        with pytest.raises(pylrm.PylrmError, match="training pass"):
            net.backward()


def test_closed() -> None:
    net = pylrm.Network(DETECTOR)
    layer = net[0]
    net.close()
    net.close()
    assert "closed" in repr(net)
    for act in (
        lambda: net.batch,
        lambda: net.seen,
        lambda: net.cost,
        lambda: net.forward(np.zeros((2, 3, 16, 24), np.float32)),
        lambda: net.resize(32, 32),
        lambda: net.save_weights("never.weights"),
        lambda: layer.shape,
        lambda: layer.params,
        lambda: layer.option("filters"),
    ):
        with pytest.raises(pylrm.PylrmError, match="closed"):
            act()


def test_resize() -> None:
    with pylrm.Network(DETECTOR) as net, pylrm.Network(DETECTOR) as other:
        net.train_batch(images(net), boxes(net))
        net.resize(40, 32)
        assert (net.width, net.height, net[3].shape) == (40, 32, (14, 8, 10))
        assert net.forward(images(net)).shape == (2, 14, 8, 10)
        assert net.boxes(0, (40, 32), thresh=0).shape == (2 * 8 * 10, 7)
        for size in ((0, 16), (-8, 16), (10**9, 16)):
            with pytest.raises(pylrm.PylrmError):
                net.resize(*size)
        assert net.forward(images(net)).shape == (2, 14, 8, 10)
        net.resize(24, 16)
        for mine, its in zip(net, other, strict=True):
            for name, array in mine.params.items():
                its.params[name][...] = array
        assert net.forward(images(net)).tobytes() == other.forward(images(net)).tobytes()


@pytest.mark.parametrize("kernels", ["reference", "fast"])
def test_results_do_not_depend_on_threads(kernels: str) -> None:
    found = []
    for threads in (1, 2, 3):
        with pylrm.Network(DETECTOR, threads=threads, kernels=kernels) as net:
            assert net.threads == (threads if pylrm.engine.has_threads() else 1)
            losses = [net.train_batch(images(net, seed=k), boxes(net)) for k in range(4)]
            found.append((losses, [v.tobytes() for n in net for v in n.params.values()]))
    assert found[0] == found[1] == found[2]


def test_seeds() -> None:
    nets = [pylrm.Network(DETECTOR, seed=seed) for seed in (5, 5, 6)]
    weights = [net[0].params["weights"].tobytes() for net in nets]
    assert weights[0] == weights[1] != weights[2]
    assert all((net[0].params["scales"] == 1).all() for net in nets)


def test_weights_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "some.weights"
    with pylrm.Network(DETECTOR, seed=1) as net, pylrm.Network(DETECTOR, seed=2) as other:
        net.train_batch(images(net), boxes(net))
        net.save_weights(path)
        other.load_weights(path)
        assert other.seen == net.seen == 2
        for mine, its in zip(net, other, strict=True):
            for name, array in mine.params.items():
                np.testing.assert_array_equal(array, its.params[name])
        net.save_weights(path, upto=1)
        with pytest.raises(ValueError, match="upto"):
            net.save_weights(path, upto=-1)
        first = net[0].params["weights"].copy()
    with pylrm.Network(DETECTOR, path, seed=3) as partial, pylrm.Network(DETECTOR, seed=3) as fresh:
        np.testing.assert_array_equal(partial[0].params["weights"], first)
        np.testing.assert_array_equal(partial[2].params["weights"], fresh[2].params["weights"])


def test_wrong_weights_file(tmp_path: Path) -> None:
    path = tmp_path / "some.weights"
    with pytest.raises(pylrm.WeightsError, match="absent.weights"):
        pylrm.Network(DETECTOR, tmp_path / "absent.weights")
    with pylrm.Network(DETECTOR) as net:
        net.save_weights(path)
    whole = path.read_bytes()
    for data in (b"", whole[:10], whole[:-4], whole[:-3], whole + b"more"):
        path.write_bytes(data)
        with pytest.raises(pylrm.WeightsError, match="some.weights"):
            pylrm.Network(DETECTOR, path)


def test_a_zero_byte_ends_no_path(tmp_path: Path) -> None:
    with pylrm.Network(DETECTOR) as net:
        net.save_weights(tmp_path / "a")
        for function in (net.load_weights, net.save_weights):
            with pytest.raises(pylrm.WeightsError, match="zero byte"):
                function(f"{tmp_path}/a\0.weights")


def test_absurd_numbers_name_their_range() -> None:
    with pylrm.Network(DETECTOR) as net:
        net.forward(images(net, 1))
        for name, call in {
            "width": lambda: net.resize(2**31, 32),
            "height": lambda: net.resize(32, 2**70),
            "seen": lambda: setattr(net, "seen", 2**63),
            "upto": lambda: net.load_weights("a.weights", 2**31),
            "update": lambda: net.rate_at(2**63),
            "i": lambda: net.boxes(2**31),
            "image_size": lambda: net.boxes(0, (2**31, 1)),
        }.items():
            with pytest.raises(ValueError, match=rf"^{name}=.* to \d+$"):
                call()


def test_shipped_cfgs_are_found_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pylrm.files import shipped

    monkeypatch.chdir(tmp_path)
    with pylrm.Network("yolov2-tiny.cfg", batch=1, inference=True) as net:
        assert net.source == str(shipped.folder("cfg") / "yolov2-tiny.cfg")
    Path("yolov2-tiny.cfg").write_text(DETECTOR)
    with pylrm.Network("yolov2-tiny.cfg") as net:
        assert len(net) == 4
    with pytest.raises(pylrm.CfgError, match=r"^yolov2-tinny.cfg: .*yolov2-tiny.cfg"):
        pylrm.Network("yolov2-tinny.cfg")
    with pytest.raises(pylrm.CfgError, match="cannot be read"):
        pylrm.Network("a" * 5000)


def test_detect() -> None:
    with pylrm.Network(DETECTOR) as net:
        for k in range(4):  # rolling statistics that are no longer a fresh network's
            net.train_batch(images(net, seed=k), boxes(net))
        image = np.random.default_rng(3).integers(0, 256, (37, 51, 3)).astype(np.uint8)
        found = net.detect(image, thresh=0.01)
        assert found
        scores = [d.score for d in found]
        assert scores == sorted(scores, reverse=True) and min(scores) > 0.01
        for d in found:
            left, top, right, bottom = d.box
            assert 0 <= left <= right <= 51 and 0 <= top <= bottom <= 37
            assert d.class_id in (0, 1)
        assert len(net.detect(image, thresh=0.01, nms=0.1)) < len(found)
        assert net.detect(image, thresh=1) == []
        for bad in (image[..., 0], image[..., :2], image.astype(np.float32), image[0, 0]):
            with pytest.raises(ValueError, match="uint8"):
                net.detect(bad)
        with pytest.raises(pylrm.DataError, match="absent.png"):
            net.detect("absent.png")


@pytest.mark.parametrize("name", ["yolov2-mobilenet.cfg", "yolov2-tiny.cfg"])
def test_detect_in_a_list_finds_what_it_finds_one_by_one(name: str) -> None:
    """Bit by bit, in full and short passes, whatever the size of the pictures."""
    random = np.random.default_rng(4)
    shapes = [(70, 90, 3), (33, 20, 3), (96, 96, 3), (120, 50, 3), (8, 300, 3)]
    pictures = [random.integers(0, 256, shape).astype(np.uint8) for shape in shapes]
    found = []
    for batch in (1, 3):
        with pylrm.Network(name, batch=batch, seed=2, inference=True) as net:
            net.resize(96, 96)
            found.append(net.detect(pictures, thresh=0.02))
    with pylrm.Network(name, batch=3, seed=2, inference=True) as net:
        net.resize(96, 96)
        one_by_one = [net.detect(each, thresh=0.02) for each in pictures]
    assert all(one_by_one) and found == [one_by_one, one_by_one]


def test_boxes_refuses_images_that_were_not_in_the_pass() -> None:
    with pylrm.Network(DETECTOR) as net:
        with pytest.raises(pylrm.PylrmError):
            net.boxes(0, (10, 10))
        net.forward(images(net, 1))
        assert net.boxes(0, (10, 10), thresh=0).shape == (2 * 4 * 6, 7)
        for index in (-1, 1, 2):
            with pytest.raises(pylrm.PylrmError):
                net.boxes(index, (10, 10))
        with pytest.raises(ValueError, match="image_size"):
            net.boxes(0, (0, 10))
    with pylrm.Network(CLASSIFIER) as net:
        net.forward(images(net))
        with pytest.raises(pylrm.PylrmError):
            net.boxes(0, (10, 10))


def test_memory_by_plan() -> None:
    with pylrm.Network(DETECTOR) as net:
        train, infer, keep = (net.memory(p) for p in ("train", "infer", "keep"))
        assert infer[1] < train[1] < keep[1]
        assert train[0] == keep[0] > 0
        with pytest.raises(ValueError, match="purpose"):
            net.memory("fun")


def test_keys_are_data() -> None:
    found = {(key.section, key.name): key for key in keys()}
    assert found["net", "momentum"].default == pytest.approx(0.9)
    assert found["convolutional", "activation"].default == "logistic"
    assert found["lrm", "nms"].most == 1
    assert all(key.doc and "\n" not in key.doc for key in found.values())
    assert len(found) == len(keys())


def test_version_and_features() -> None:
    assert version() == pylrm.__version__
    assert cpu_features() in ("baseline", "avx2", "avx512")


def test_no_warning_without_cause() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pylrm.Network(DETECTOR).close()

"""Class trees: the file, [softmax] tree= and [region] tree= against numpy."""

import numpy as np
import pytest

import pylrm
from tests.detector import naive, nets
from tests.layers.common import KERNELS, close, images, network, section

LINES = [
    "animal -1",
    "thing -1",
    "dog 0",
    "cat 0",
    "car 1",
    "bike 1",
    "bus 1",
    "terrier 2",
    "poodle 2",
]
PARENT = [int(line.split()[1]) for line in LINES]
GROUPS = [[0, 1], [2, 3], [4, 5, 6], [7, 8]]
NODES = len(LINES)
CHANNELS = 2 * (5 + NODES)
ANCHORS = [(1.3, 1.7), (3.2, 2.0)]


@pytest.fixture
def tree(tmp_path):
    path = tmp_path / "kinds.tree"
    path.write_text("\n".join(LINES) + "\n")
    return path


def conditional(x):
    """A softmax over each group, along the first axis."""
    return np.concatenate([naive.softmax(np.asarray(x, np.float64)[group]) for group in GROUPS])


def path_of(node):
    """A node and all above it."""
    return [] if node < 0 else [node, *path_of(PARENT[node])]


def class_delta(p, node):
    """Each node of the path is wanted in its group; other groups are not asked."""
    delta = np.zeros(NODES)
    for own in path_of(node):
        group = next(group for group in GROUPS if own in group)
        delta[group] = (np.array(group) == own) - p[group]
    return delta


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize("filled", [False, True])
def test_softmax_of_a_tree(filled, kernels, tree):
    """filled: truths as Darknet makes them, 1 all the way up and -1234 in the other groups."""
    x, wanted = images((NODES, 1, 1)), [8, 5, 0]
    p = np.array([conditional(image.ravel()) for image in x])
    truth = np.eye(NODES)[wanted]
    if filled:
        for row, node in zip(truth, wanted, strict=True):
            row[path_of(node)] = 1
            for group in GROUPS:
                if not row[group].any():
                    row[group] = -1234
    text = "[activation]\n" + section("softmax", tree=tree)
    with network(text, (NODES, 1, 1), kernels=kernels, keep=True) as net:
        close(net.forward(x).reshape(p.shape), p)
        net.forward(x, truth, train=True)
        expected = [class_delta(image, node) for image, node in zip(p, wanted, strict=True)]
        close(net[1].delta.reshape(p.shape), expected)
        cost = -sum(np.log(p[i, path_of(node)]).sum() for i, node in enumerate(wanted))
        assert net.cost == pytest.approx(cost, rel=1e-5)
        net.backward()
        close(net[0].delta.reshape(p.shape), expected)
        net.forward(x, train=True)
        assert net.cost == 0 and not net[1].delta.any()
    with network(text, (NODES, 1, 1), kernels=kernels, inference=True) as net:
        close(net.forward(x).reshape(p.shape), p)


def test_delta_is_minus_the_gradient_of_the_cost(tree):
    x = images((NODES, 1, 1), 1).astype(np.float64)

    def cost(v):
        return -np.log(conditional(v)[path_of(7)]).sum()

    text = "[activation]\n" + section("softmax", tree=tree)
    with network(text, (NODES, 1, 1), 1, keep=True) as net:
        net.forward(x, np.eye(NODES)[[7]], train=True)
        for i in range(NODES):
            step = np.eye(NODES)[i] * 1e-6
            slope = (cost(x.ravel() + step) - cost(x.ravel() - step)) / 2e-6
            assert net[1].delta.ravel()[i] == pytest.approx(-slope, abs=1e-5)


def region(tree, **keys):
    return nets.region(NODES, ANCHORS, tree=tree, bias_match=1, **keys)


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize("softmax", [0, 1])
def test_region_of_a_tree(softmax, kernels, tree):
    rng = np.random.default_rng(0)
    w, h, batch = 3, 4, 2
    x = nets.logits(rng, batch, 2, NODES, h, w)
    truth = np.array(
        [
            [[0.2, 0.2, 0.4, 0.3, 7], [0.8, 0.6, 0.9, 0.4, 1]],
            [[0.5, 0.9, 0.3, 0.4, 2], [0.5, 0.9, 0.3, 0.4, 8]],  # two on one prediction
        ],
        np.float32,
    )
    text = [region(tree, softmax=softmax, class_scale=2)]
    with nets.network(text, w, h, CHANNELS, batch, kernels=kernels) as net:
        net.forward(x, truth, train=True)
        delta = np.array(net[0].delta).reshape(batch, 2, 5 + NODES, h, w)
        out = np.array(net[0].output).reshape(delta.shape)
        stats = net[0].stats
    likely = []
    for b in range(batch):
        raw = x[b].reshape(2, 5 + NODES, h, w)
        expected, expected_delta, _ = naive.region(raw, truth[b], ANCHORS, 10**6, bias_match=1)
        expected[:, 5:] = [
            conditional(raw[a, 5:].reshape(NODES, -1)).reshape(NODES, h, w) for a in (0, 1)
        ]
        expected_delta[:, 5:] = 0
        for row in truth[b]:
            at = int(row[1] * h), int(row[0] * w)
            a = naive.best_anchor(np.array(ANCHORS) / [w, h], row)
            p = expected[a, 5:, at[0], at[1]]
            path = class_delta(p, int(row[4]))
            wanted = path != 0
            expected_delta[a, 5:, at[0], at[1]][wanted] = 2 * path[wanted]
            likely.append(p[path_of(int(row[4]))].prod())
        close(out[b], expected)
        close(delta[b], expected_delta)
    assert stats["class_probability"] == pytest.approx(sum(likely), rel=1e-4)


@pytest.mark.parametrize("kernels", KERNELS)
def test_boxes_name_the_most_special_kind_that_is_likely(kernels, tree):
    """From the top down, as long as the product of probabilities stays above one half."""
    x = np.full((1, 5 + NODES, 1, 3), -5.0, np.float32)
    x[0, 4] = 3
    x[0, [5, 7, 12], 0, 0] = 5  # animal, dog, terrier
    x[0, [5, 7], 0, 1] = 5  # animal, dog; terrier and poodle alike
    x[0, [5, 6], 0, 2] = 5  # animal and thing alike: the first
    text = [nets.region(NODES, [(1, 1)], tree=tree)]
    with nets.network(text, 3, 1, 5 + NODES, kernels=kernels, inference=True, keep=False) as net:
        net.forward(x)
        rows = net.boxes(0, thresh=0.1, letterbox=False)
        assert net.classes == NODES
    assert [np.flatnonzero(row[5:]).tolist() for row in rows] == [[7], [2], [0]]
    objectness = naive.logistic(3)
    for row, node in zip(rows, (7, 2, 0), strict=True):
        assert row[4] == row[5 + node] == pytest.approx(objectness, rel=1e-5)


def test_a_tree_is_found_beside_its_cfg(tree):
    cfg = tree.parent / "net.cfg"
    cfg.write_text(nets.text([region("kinds.tree")], 3, 3, CHANNELS))
    with pylrm.Network(cfg) as net:
        assert net[0].option("tree") == "kinds.tree"
        net.resize(5, 4)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["a -1", "b 1"], r"kinds.tree:2: is a parent that is not in a line before it"),
        (["a -1", "b -2"], r"kinds.tree:2: is a parent"),
        (["a"], r"kinds.tree:1: is not a name and its parent's line"),
        (["a -1 0"], r"kinds.tree:1: is not a name"),
        (["a" * 2000 + " -1"], r"kinds.tree:1: is longer"),
        ([], r"kinds.tree: has no nodes"),
        (["a -1"], r"a tree of 1 for classes=9"),
    ],
)
def test_a_file_that_is_no_tree_of_these_classes_is_refused_with_its_line(lines, message, tree):
    tree.write_text("".join(f"{line}\n" for line in lines))
    with pytest.raises(pylrm.CfgError, match=r"cfg:6: \[softmax\] tree=.*" + message):
        network(section("softmax", tree=tree), (NODES, 1, 1))
    with pytest.raises(pylrm.CfgError, match=r"cfg:7: \[region\] tree=.*" + message):
        nets.network([region(tree)], 3, 3, CHANNELS)


def test_a_tree_that_is_not_there_and_keys_that_do_not_go_with_it_are_refused(tree):
    with pytest.raises(pylrm.CfgError, match=r"cfg:7: \[region\] tree=: no.tree: cannot be read"):
        nets.network([region("no.tree")], 3, 3, CHANNELS)
    for keys in ({"background": 1}, {"focal_loss": 1}):
        with pytest.raises(pylrm.CfgError, match=r"cfg:7: \[region\] tree= needs"):
            nets.network([region(tree, **keys)], 3, 3, CHANNELS)
    for keys in ({"spatial": 1}, {"groups": 3}):
        with pytest.raises(pylrm.CfgError, match=r"cfg:6: \[softmax\] tree= needs"):
            network(section("softmax", tree=tree, **keys), (NODES, 1, 1))
    with pytest.raises(pylrm.CfgError, match=r"\[lrm\] layers= names layer 0, a \[region\] with"):
        nets.network([region(tree), nets.lrm(k=2)], 3, 3, CHANNELS)

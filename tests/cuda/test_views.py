"""Arrays of a network whose memory the host does not see read and write like the memory itself."""

from __future__ import annotations

import numpy as np
import pytest

import pylrm
from pylrm.errors import PylrmError
from tests.cuda.test_emulated import of_the_shim
from tests.layers.common import images, network, randomize, section

pytestmark = pytest.mark.usefixtures("emulated")

SHAPE = (3, 5, 4)
CONV = {"filters": 2, "size": 3, "pad": 1, "batch_normalize": 1, "activation": "linear"}
LAYERS = section("convolutional", **CONV) + section("cost", type="sse")


@pytest.fixture
def net():
    with network(LAYERS, SHAPE, kernels="cuda", keep=True) as made:
        randomize(made[0], 1)
        yield made


def truth(net):
    return images(net[-1].shape, seed=1).reshape(3, -1)


def step(net):
    net.train_batch(images(SHAPE), truth(net))


def test_an_array_that_is_held_follows_the_passes(net):
    weights, output = net[0].params["weights"], net[0].output
    before = weights.copy(), output.copy()
    step(net)
    for held, was, name in zip(
        (weights, output), before, (net[0].params["weights"], net[0].output), strict=True
    ):
        assert not np.array_equal(held, was)
        np.testing.assert_array_equal(held, name)


def test_what_is_written_counts_whether_or_not_the_array_is_held(net):
    held = net[0].params["scales"]
    held[:] = 0
    net[0].params["biases"][:] = 3
    np.testing.assert_array_equal(net.forward(images(SHAPE)), 3)
    held[:] = 1
    assert np.ptp(net.forward(images(SHAPE))) > 0


def test_two_arrays_of_the_same_values_are_one(net):
    first, second = net[0].params["biases"], net[0].params["biases"]
    first[:] = 7
    np.testing.assert_array_equal(second, 7)
    step(net)
    np.testing.assert_array_equal(first, second)


def test_deltas_can_be_written_between_the_passes(net):
    found = []
    for factor in (1, 2):
        net[0].grads["weights"][:] = 0
        net.forward(images(SHAPE), truth(net), train=True)
        net[1].delta[:] *= factor
        net.backward()
        found.append(net[0].grads["weights"].copy())
    np.testing.assert_allclose(found[1], 2 * found[0], rtol=1e-5)


def test_weights_files_hold_what_was_written_and_arrays_what_was_loaded(net, tmp_path):
    held = net[0].params["weights"]
    held[:] = np.arange(held.size).reshape(held.shape)
    net.save_weights(tmp_path / "a.weights")
    wanted = held.copy()
    held[:] = 0
    net.load_weights(tmp_path / "a.weights")
    np.testing.assert_array_equal(held, wanted)
    with network(LAYERS, SHAPE, kernels="reference") as other:
        other.load_weights(tmp_path / "a.weights")
        np.testing.assert_array_equal(other[0].params["weights"], wanted)
        copy = other.forward(images(SHAPE))
    np.testing.assert_allclose(net.forward(images(SHAPE)), copy, rtol=1e-4, atol=1e-5)


def test_arrays_outlive_another_size_and_the_network():
    made = network(LAYERS, SHAPE, kernels="cuda", keep=True)
    weights, output = made[0].params["weights"], made[0].output
    made.forward(images(SHAPE))
    last = output.copy()
    made.resize(8, 9)
    step_at = images((3, 9, 8))
    made.forward(step_at)
    weights[:] = 2
    np.testing.assert_array_equal(made[0].params["weights"], 2)
    made.close()
    np.testing.assert_array_equal(weights, 2)
    np.testing.assert_array_equal(output, last)


def test_parts_of_an_array_that_is_held_are_parts_of_it(net):
    whole = net.gradients
    weights = net[0].grads["weights"]
    weights[:] = 5
    assert (whole == 5).sum() == weights.size
    step(net)
    np.testing.assert_array_equal(net.gradients, whole)
    assert np.isin(weights, whole).all() and not (weights == 5).any()


def test_what_was_written_to_a_part_is_in_the_whole(net):
    net[0].grads["weights"][:] = 5
    assert (net.gradients == 5).sum() == net[0].grads["weights"].size


def test_the_whole_of_a_part_that_is_held_is_refused(net):
    held = net[0].grads["biases"]
    with pytest.raises(PylrmError, match="while an array of some of them is held"):
        _ = net.gradients
    del held
    assert net.gradients.any() in (True, False)


def test_no_memory_is_left_behind():
    live = pylrm.binding.library.lib.dn_live_allocations
    before = live()
    for _ in range(3):
        with network(LAYERS, SHAPE, kernels="cuda", keep=True) as made:
            array = made[0].params["weights"]
            step(made)
            array[:] = 1
            made.forward(images(SHAPE))
        del array, made
    assert live() == before


def test_no_memory_for_a_view_is_said(net):
    lib = pylrm.binding.library.lib
    lib.dn_fail_allocation(1)
    with pytest.raises(PylrmError, match="no memory for a view of an array"):
        _ = net[0].grads
    lib.dn_fail_allocation(0)


@of_the_shim
def test_a_failing_gpu_gives_no_arrays_and_no_file(net, monkeypatch, tmp_path):
    step(net)  # no view is left
    monkeypatch.setenv("CUDA_SHIM_FAILS", "1")
    with pytest.raises(PylrmError, match="the GPU failed in this pass"):
        _ = net[0].params
    with pytest.raises(PylrmError, match="the GPU failed in this pass"):
        net.save_weights(tmp_path / "a.weights")
    assert not list(tmp_path.iterdir())

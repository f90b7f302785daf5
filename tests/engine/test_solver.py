"""Updates against the rules in numpy, from the gradients that the engine shows before each."""

from __future__ import annotations

import numpy as np
import pytest

import pylrm

BATCH, RATE, DECAY, MOMENTUM = 4, 0.05, 0.03, 0.8
STEPS = 5


def make(kernels: str, keys: str = "", layer_keys: str = "") -> pylrm.Network:
    return pylrm.Network(
        f"[net]\nbatch={BATCH}\nwidth=5\nheight=4\nchannels=3\nlearning_rate={RATE}\n"
        f"decay={DECAY}\nmomentum={MOMENTUM}\n{keys}\n"
        "[convolutional]\nbatch_normalize=1\nfilters=6\nsize=3\npad=1\nactivation=leaky\n"
        f"{layer_keys}\n[connected]\noutput=7\nactivation=linear\n[cost]\n",
        kernels=kernels,
    )


def updates(net: pylrm.Network):
    """Yield, per update, {(layer, name): (value before, gradient, value after)}; float64."""
    rng = np.random.default_rng(1)
    for _ in range(STEPS):
        net.seen += BATCH
        x = rng.standard_normal((BATCH, 3, 4, 5)).astype(np.float32)
        net.forward(x, rng.standard_normal((BATCH, 7)).astype(np.float32), train=True)
        net.backward()
        before = {
            (layer.index, name): (layer.params[name].astype(float), grad.astype(float))
            for layer in net
            for name, grad in layer.grads.items()
        }
        net.update()
        yield {
            key: (*pair, net[key[0]].params[key[1]].astype(float)) for key, pair in before.items()
        }


@pytest.mark.parametrize("kernels", ["reference", "fast"])
@pytest.mark.parametrize("scale", [1, 0.25])
def test_sgd_with_momentum_and_decay_of_weights_only(kernels, scale):
    with make(kernels, layer_keys=f"learning_rate={scale}") as net:
        for step in updates(net):
            for (index, name), (w, grad, after) in step.items():
                rate = RATE * (scale if index == 0 else 1)
                d = grad - (DECAY * BATCH * w if name == "weights" else 0)
                assert np.allclose(after, w + rate / BATCH * d, rtol=1e-5, atol=1e-7)
                assert np.allclose(net[index].grads[name], MOMENTUM * d, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kernels", ["reference", "fast"])
def test_adam(kernels):
    b1, b2, eps = 0.85, 0.97, 1e-4
    m: dict = {}
    v: dict = {}
    with make(kernels, f"adam=1\nB1={b1}\nB2={b2}\neps={eps}") as net:
        for t, step in enumerate(updates(net), 1):
            for key, (w, grad, after) in step.items():
                d = grad - DECAY * BATCH * w  # biases and scales alike
                m[key] = b1 * m.get(key, 0) + (1 - b1) * d
                v[key] = b2 * v.get(key, 0) + (1 - b2) * d * d
                step_size = RATE * (m[key] / (1 - b1**t)) / (np.sqrt(v[key] / (1 - b2**t)) + eps)
                assert np.allclose(after, w + step_size, rtol=1e-4, atol=1e-6)
                assert not net[key[0]].grads[key[1]].any()


@pytest.mark.parametrize("kernels", ["reference", "fast"])
def test_clip_bounds_the_weights_alone(kernels):
    with make(kernels, "clip=0.2") as net:
        for step in updates(net):
            for (_, name), (_, _, after) in step.items():
                if name == "weights":
                    assert np.abs(after).max() <= np.float32(0.2)
                elif name == "scales":
                    assert np.abs(after).max() > 0.2


class Clipped:
    """The rule in numpy: SGD with momentum, or Adam, on gradients whose norm is bounded."""

    def __init__(self, limit: float, adam: bool) -> None:
        self.limit, self.adam, self.time = limit, adam, 0
        self.velocity: dict = {}
        self.m: dict = {}
        self.v: dict = {}

    def update(self, values: dict, new: dict) -> tuple[dict, float]:
        """Return the values after an update by the new gradients alone, and their norm."""
        images = BATCH
        norm = np.sqrt(
            sum((g / images) ** 2 @ np.ones(g.size) for g in map(np.ravel, new.values()))
        )
        scale = min(1, self.limit / norm)
        self.time += 1
        after = {}
        for key, w in values.items():
            g = scale * new[key]
            if self.adam:
                d = g - DECAY * images * w
                self.m[key] = 0.9 * self.m.get(key, 0) + 0.1 * d
                self.v[key] = 0.999 * self.v.get(key, 0) + 0.001 * d * d
                high = self.m[key] / (1 - 0.9**self.time)
                after[key] = w + RATE * high / (
                    np.sqrt(self.v[key] / (1 - 0.999**self.time)) + 1e-4
                )
            else:
                decay = DECAY * images * w if key[1] == "weights" else 0
                d = self.velocity.get(key, 0) + g - decay
                after[key] = w + RATE / images * d
                self.velocity[key] = MOMENTUM * d
        return after, float(norm)


@pytest.mark.parametrize("kernels", ["reference", "fast"])
@pytest.mark.parametrize("passes", [1, 2])
@pytest.mark.parametrize("adam", [False, True])
def test_clip_norm_bounds_the_new_gradient_of_the_whole_update(kernels, passes, adam):
    limit = 0.05
    keys = f"subdivisions={passes}\nclip_norm={limit}\n" + ("adam=1\neps=1e-4\n" if adam else "")
    rng = np.random.default_rng(2)
    rule = Clipped(limit, adam)
    norms = []
    with make(kernels, keys) as net:
        assert net.gradient_norm is None
        for _ in range(STEPS):
            values, old, new = ({} for _ in range(3))
            for layer in net:
                for name, grad in layer.grads.items():
                    values[layer.index, name] = layer.params[name].astype(float)
                    old[layer.index, name] = grad.astype(float)
            for _ in range(passes):
                x = rng.standard_normal((BATCH // passes, 3, 4, 5)).astype(np.float32)
                truth = rng.standard_normal((BATCH // passes, 7)).astype(np.float32)
                net.forward(x, truth, train=True)
                net.backward()
            for key, before in old.items():
                new[key] = net[key[0]].grads[key[1]].astype(float) - before
            net.update()
            after, norm = rule.update(values, new)
            assert net.gradient_norm == pytest.approx(norm, rel=1e-4)
            norms.append(norm)
            for (index, name), value in after.items():
                assert np.allclose(net[index].params[name], value, rtol=2e-4, atol=2e-6)
    assert min(norms) > limit


@pytest.mark.parametrize("adam", [0, 1])
def test_a_norm_below_the_bound_changes_no_bit(adam):
    def weights(keys: str) -> list[bytes]:
        with make("fast", f"adam={adam}\n{keys}") as net:
            for _ in updates(net):
                pass
            if "clip_norm" in keys:
                assert 0 < net.gradient_norm < 1e6
            return [values.tobytes() for layer in net for values in layer.params.values()]

    assert weights("clip_norm=1e6") == weights("")


def test_the_norm_does_not_depend_on_the_number_of_threads():
    def norms(threads: int) -> list[float]:
        cfg = (
            "[net]\nbatch=2\nwidth=8\nheight=8\nchannels=3\nclip_norm=1\n"
            "[convolutional]\nfilters=300\nsize=3\npad=1\nactivation=relu\n"
            "[convolutional]\nfilters=300\nsize=3\npad=1\nactivation=relu\n"
            "[connected]\noutput=3\nactivation=linear\n[cost]\n"
        )
        rng = np.random.default_rng(3)
        found = []
        with pylrm.Network(cfg, threads=threads) as net:
            for _ in range(2):
                net.train_batch(rng.random((2, 3, 8, 8)), rng.random((2, 3)))
                found.append(net.gradient_norm)
        return found

    assert norms(1) == norms(3)


def test_a_loop_of_ones_own_learns_at_the_schedules_rate():
    """forward, backward, update count images as train_batch does."""
    keys = "burn_in=4\npower=1\nsubdivisions=2"
    rng = np.random.default_rng(4)
    batches = [(rng.random((2, 3, 4, 5)), rng.random((2, 7))) for _ in range(2 * STEPS)]
    with make("fast", keys) as by_hand, make("fast", keys) as by_batch:
        for number, (x, truth) in enumerate(batches, 1):
            by_batch.train_batch(x, truth)
            by_hand.forward(x, truth, train=True)
            by_hand.forward(x, truth)  # counts nothing, and must not be followed by backward
            by_hand.forward(x, truth, train=True)
            by_hand.seen -= 2  # the pass was done twice
            by_hand.backward()
            if number % 2 == 0:
                by_hand.update()
            assert by_hand.seen == by_batch.seen == 2 * number
            assert by_hand.learning_rate == by_batch.learning_rate
        moved = by_hand[0].params["biases"]
        assert np.abs(moved).max() > 0
        assert np.array_equal(moved, by_batch[0].params["biases"])


@pytest.mark.parametrize("value", [np.inf, np.nan])
def test_a_gradient_that_is_not_finite_is_told(value):
    with make("fast", "clip_norm=1") as net:
        rng = np.random.default_rng(5)
        net.forward(rng.random((BATCH, 3, 4, 5)), rng.random((BATCH, 7)), train=True)
        net.backward()
        net[0].grads["weights"][0, 0, 0, 0] = value
        net.update()
        assert net.gradient_norm is not None and not np.isfinite(net.gradient_norm)

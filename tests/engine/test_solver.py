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

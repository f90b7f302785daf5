"""[net] policy=sgdr: a half cosine a cycle, each longer than the one before."""

import math

import pytest

import pylrm


def rates(keys: str, count: int) -> list[float]:
    text = f"[net]\nwidth=8\nheight=8\nchannels=3\npolicy=sgdr\n{keys}\n[maxpool]\nsize=2\n"
    with pylrm.Network(text) as net:
        return [net.rate_at(update) for update in range(1, count + 1)]


def test_cycles_grow_by_their_factor() -> None:
    found = rates("learning_rate=.1\nlearning_rate_min=.01\nsgdr_cycle=10\nsgdr_mult=3\n", 130)
    expected = []
    for length in (10, 30, 90):  # 10 + 30 + 90 = 130
        expected += [
            0.01 + 0.09 * (1 + math.cos(math.pi * i / length)) / 2 for i in range(1, length + 1)
        ]
    assert found == pytest.approx(expected, rel=1e-6)


def test_cycles_of_one_length_and_one_cycle_for_the_whole_training() -> None:
    found = rates("learning_rate=.1\nlearning_rate_min=0\nsgdr_cycle=4\nsgdr_mult=1\n", 12)
    assert found[:4] == pytest.approx(found[4:8]) and found[8:] == pytest.approx(found[:4])
    whole = rates("learning_rate=.1\nlearning_rate_min=.02\nmax_batches=50\n", 50)
    assert whole[-1] == pytest.approx(0.02) and whole == sorted(whole, reverse=True)
    assert rates("learning_rate=.1\n", 3) == pytest.approx([0.1] * 3)


def test_burn_in_comes_before() -> None:
    found = rates("learning_rate=.1\nmax_batches=50\nburn_in=5\npower=1\n", 6)
    assert found[:4] == pytest.approx([0.02, 0.04, 0.06, 0.08])

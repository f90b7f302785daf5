"""Sections that other Darknets have and this engine has not: one line that says why."""

import pytest

import pylrm
from tests.layers.common import section


@pytest.mark.parametrize(
    ("name", "why"),
    [
        *(
            (name, "recurrent layers are not")
            for name in ("rnn", "gru", "lstm", "crnn", "conv_lstm")
        ),
        ("history", "recurrent layers are not"),
        ("contrastive", "networks that compare images are not"),
        ("iseg", "masks of objects are not"),
        ("reorg3d", r"the newer fork's own order of \[reorg\] is not"),
        ("local_avgpool", "averages of windows are not"),
        *(
            (name, "learnt values without an input are not")
            for name in (
                "implicit",
                "implicit_add",
                "implicit_mul",
                "implicit_cat",
                "shift_channels",
                "control_channels",
                "alternate_channels",
            )
        ),
    ],
)
def test_the_reason_is_told(name, why):
    text = "[net]\nwidth=4\nheight=4\nchannels=3\n[maxpool]\nsize=1\n" + section(name, output=3)
    with pytest.raises(pylrm.CfgError, match=rf"^cfg:7: \[{name}\]: {why} part of this engine"):
        pylrm.Network(text)


@pytest.mark.parametrize("name", ["net", "network"])
def test_two_cfgs_in_one_file_are_called_that(name):
    text = "[net]\nwidth=4\nheight=4\nchannels=3\n[maxpool]\nsize=1\n"
    with pytest.raises(pylrm.CfgError, match=rf"^cfg:7: \[{name}\]: stands once, at the start"):
        pylrm.Network(text + text.replace("net", name))

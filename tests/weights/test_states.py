"""PyTorch's state dicts: names, order, folding, and files that are wrong."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pylrm import Network
from pylrm.errors import WeightsError
from pylrm.weights import import_start
from pylrm.weights.readers import read_source
from tests.weights import naive

SIZE, LAST = 64, 26
PARTS = {
    "weight": "scales",
    "bias": "biases",
    "running_mean": "rolling_mean",
    "running_var": "rolling_variance",
}
Arrays = dict[str, naive.Array]


def timm(number: int) -> tuple[str, str]:
    """The names of a convolution and its batch norm: stages of 1, 2, 2, 6, 2 blocks."""
    if number == 0:
        return "conv_stem", "bn1"
    block = (number - 1) // 2
    stage = next(i for i, end in enumerate([1, 3, 5, 11, 13]) if block < end)
    within = block - [0, 1, 3, 5, 11][stage]
    names = ("conv_dw", "bn1") if number % 2 else ("conv_pw", "bn2")
    return f"blocks.{stage}.{within}.{names[0]}", f"blocks.{stage}.{within}.{names[1]}"


def sequence(number: int) -> tuple[str, str]:
    return f"features.{number}.0", f"features.{number}.1"


@pytest.fixture(scope="module")
def trained() -> tuple[list[Arrays], naive.Array, naive.Array]:
    """Parameters of each convolution of a MobileNet, an input, and the last one's output."""
    random = np.random.default_rng(11)
    x = random.uniform(-1, 1, (2, 3, SIZE, SIZE)).astype(np.float32)
    with Network(naive.mobilenet_cfg(0.25, SIZE), batch=2, keep=True) as net:
        for layer in list(net)[: LAST + 1]:
            layer.params["biases"][:] = random.uniform(0, 1, layer.shape[0])
        net.forward(x, train=True)  # rolling statistics
        net.forward(x)
        return [dict(net[i].params) for i in range(LAST + 1)], x, np.array(net[LAST].output)


def states(parameters: list[Arrays], names: Callable[[int], tuple[str, str]]) -> Arrays:
    found: Arrays = {}
    for number, arrays in enumerate(parameters):
        convolution, norm = names(number)
        found[f"{convolution}.weight"] = arrays["weights"]
        found |= {f"{norm}.{part}": arrays[name] for part, name in PARTS.items()}
        found[f"{norm}.num_batches_tracked"] = np.array(5)
    found["classifier.weight"] = np.zeros((10, 256), np.float32)
    return found


def write_safetensors(path: Path, arrays: Arrays) -> Path:
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    content = b""
    for name, array in sorted(arrays.items()):
        data = array.tobytes()
        kind = "I64" if array.dtype.kind == "i" else "F32"
        offsets = [len(content), len(content) + len(data)]
        header[name] = {"dtype": kind, "shape": array.shape, "data_offsets": offsets}
        content += data
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + content)
    return path


def check(path: Path, trained: tuple[list[Arrays], naive.Array, naive.Array]) -> None:
    _, x, expected = trained
    source = read_source(path)
    assert source.symmetric
    strides = [convolution.stride for convolution in source.convolutions]
    found = naive.outputs(x, source.convolutions, strides, symmetric=True)[LAST]
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize("names", [timm, sequence])
def test_the_function_of_safetensors_is_the_network_s(
    tmp_path: Path, trained: Any, names: Callable[[int], tuple[str, str]]
) -> None:
    check(write_safetensors(tmp_path / "a.safetensors", states(trained[0], names)), trained)


def test_the_function_of_a_torch_file_is_the_network_s(tmp_path: Path, trained: Any) -> None:
    torch = pytest.importorskip("torch")
    arrays = states(trained[0], timm)
    path = tmp_path / "a.pth"
    torch.save({name: torch.from_numpy(array.copy()) for name, array in arrays.items()}, path)
    check(path, trained)


def test_symmetric_padding_is_exact_as_it_is(tmp_path: Path, tiny_data: Path, trained: Any) -> None:
    path = write_safetensors(tmp_path / "a.safetensors", states(trained[0], timm))
    cfg, out = naive.mobilenet_cfg(0.25, SIZE), tmp_path / "start.weights"
    assert import_start(path, cfg, tiny_data, out, images=8) == LAST + 1
    with pytest.raises(WeightsError, match="a.safetensors: its padding is the same on all sides"):
        import_start(path, cfg, tiny_data, out, images=8, padding="exact")


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("blocks.4.1.bn2.bias", None, "blocks.4.1.bn2.bias is missing"),
        ("conv_stem.weight", None, "26 convolutions; MobileNet-v1 has 27"),
        ("bn1.running_var", np.ones(5, np.float32), "bn1: its arrays must have 8 values each"),
        ("bn1.running_var", np.full(8, -1, np.float32), "conv_stem: .* must be finite"),
    ],
)
def test_states_that_are_wrong_are_refused(
    tmp_path: Path, trained: Any, name: str, array: naive.Array | None, message: str
) -> None:
    arrays = states(trained[0], timm)
    arrays.pop(name) if array is None else arrays.update({name: array})
    with pytest.raises(WeightsError, match=f"a.safetensors: {message}"):
        read_source(write_safetensors(tmp_path / "a.safetensors", arrays))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff" * 8 + b"{}",
        b"\2\0\0\0\0\0\0\0[]",
        b'\x0b\0\0\0\0\0\0\0{"a": null}',
    ],
)
def test_no_safetensors_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="a.safetensors: no whole .safetensors file"):
        read_source(path)


def test_a_truncated_safetensors_file_is_refused(tmp_path: Path, trained: Any) -> None:
    path = write_safetensors(tmp_path / "a.safetensors", states(trained[0], timm))
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(WeightsError, match="a.safetensors: no whole .safetensors file"):
        read_source(path)


def test_without_pytorch_its_files_say_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(WeightsError, match=r"a.pth: needs PyTorch: pip install 'pylrm\[torch\]'"):
        read_source(tmp_path / "a.pth")

"""Mining in other programs: the examples of docs/mining-elsewhere.md, and tensors of PyTorch's."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pylrm import mining

PAGE = Path(__file__).parent.parent / "docs" / "mining-elsewhere.md"
PLAIN, PYTORCH = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def predictions(n: int, seed: int) -> tuple[Any, Any, Any]:
    """Losses, many of them equal, and boxes and classes of which many overlap."""
    random = np.random.default_rng(seed)
    loss = random.integers(0, n, n).astype(np.float32) / 8
    boxes = np.concatenate([random.uniform(0, 3, (n, 2)), random.uniform(1, 2, (n, 2))], axis=1)
    return loss, boxes.astype(np.float32), random.integers(0, 2, n)


def test_the_plain_example() -> None:
    exec(PLAIN, {})


@pytest.mark.parametrize("kind", ["float16", "bfloat16", "float32", "float64"])
def test_tensors_are_selected_as_arrays_are(kind: str) -> None:
    torch = pytest.importorskip("torch")
    for seed in range(20):
        loss, boxes, classes = predictions(40, seed)
        tensors = [torch.from_numpy(a).to(getattr(torch, kind)) for a in (loss, boxes)]
        arrays = [t.float().numpy() for t in tensors]
        expected = mining.select(*arrays, classes, 9, 0.5)
        tensors[0].requires_grad_()
        kept = mining.select(*tensors, torch.from_numpy(classes), 9, 0.5)
        assert isinstance(kept, torch.Tensor) and kept.dtype == torch.int64
        assert kept.device == tensors[0].device and not kept.requires_grad
        assert kept.tolist() == expected.tolist()


def test_strided_tensors_and_mistakes() -> None:
    torch = pytest.importorskip("torch")
    loss, boxes, classes = (torch.from_numpy(a) for a in predictions(30, 1))
    expected = mining.select(loss[::2], boxes[::2], classes[::2], 5, 0.5).tolist()
    contiguous = (t[::2].contiguous() for t in (loss, boxes, classes))
    assert mining.select(*contiguous, 5, 0.5).tolist() == expected
    with pytest.raises(ValueError, match=r"boxes \(n, 4\)"):
        mining.select(loss, boxes[:, :3], classes, 5, 0.5)
    with pytest.raises(ValueError, match="whole numbers"):
        mining.select(loss, boxes, classes + 0.5, 5, 0.5)


def test_the_pytorch_example_masks_the_gradient() -> None:
    """Without NMS: the k largest losses of each image, by PyTorch's own sort."""
    torch = pytest.importorskip("torch")
    names: dict[str, Any] = {}
    exec(PYTORCH, names)
    torch.manual_seed(0)
    output = torch.randn(3, 50, requires_grad=True)
    loss = output.square()
    boxes, classes = torch.rand(3, 50, 4), torch.randint(0, 3, (3, 50))
    total = names["mined"](loss, boxes, classes, k=10, nms=0)
    top = loss.topk(10, dim=1)
    torch.testing.assert_close(total, top.values.sum() / 3)
    total.backward()
    mask = torch.zeros_like(loss).scatter(1, top.indices, 1)
    torch.testing.assert_close(output.grad, mask * 2 * output.detach() / 3)

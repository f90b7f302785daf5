"""[net]: input, training, augmentation."""

from __future__ import annotations

from collections.abc import Mapping

from pylrm.models.text import CfgText

PASS = 8  # images a pass, where that divides the batch


def detector_settings(
    text: CfgText,
    head: str,
    data: str | None,
    batch: int,
    updates: int,
    overrides: Mapping[str, object],
) -> None:
    """Add [net] for a detector with [region] or [yolo], its head, `updates` long."""
    text.comment(
        "An update takes `batch` images, in `subdivisions` passes. The rate rises over `burn_in` "
        "updates and falls tenfold at each of `steps`: at 60 and 85% of the training. Rates and "
        "steps are pylrm's own choice. clip_norm, a key of pylrm's own, shortens the large "
        "gradients of the first updates, which spoil what comes after. Augmentation: hue, "
        f"saturation and exposure here, jitter in [{head}]."
    )
    schedule = {
        "learning_rate": 0.001,
        "momentum": 0.9,
        "decay": 0.0005,
        "clip_norm": 50,
        "policy": "steps",
        "burn_in": min(1000, updates // 10),
        "steps": f"{updates * 60 // 100},{updates * 85 // 100}",
        "scales": "0.1,0.1",
        "max_batches": updates,
        "hue": 0.1,
        "saturation": 1.5,
        "exposure": 1.5,
    }
    text.section("net", {**_common(text, data, batch), **schedule, **overrides})


def classifier_settings(
    text: CfgText, data: str | None, batch: int, updates: int, overrides: Mapping[str, object]
) -> None:
    """Add [net] for a classifier, `updates` long."""
    text.comment(
        "An update takes `batch` images, in `subdivisions` passes. The rate rises over `burn_in` "
        "updates, then falls to 0 along a line (policy poly, power 1); the rates are pylrm's own "
        "choice. The last keys are augmentation."
    )
    schedule = {
        "learning_rate": 0.05,
        "momentum": 0.9,
        "decay": 0.0001,
        "policy": "poly",
        "power": 1,
        "burn_in": min(1000, updates // 10),
        "max_batches": updates,
        "hue": 0.1,
        "saturation": 1.5,
        "exposure": 1.5,
        "aspect": 1.33,
    }
    text.section("net", {**_common(text, data, batch), **schedule, **overrides})


def _common(text: CfgText, data: str | None, batch: int) -> dict[str, object]:
    channels, height, width = text.shape
    return {
        "data": data,
        "batch": batch,
        "subdivisions": batch // PASS if batch % PASS == 0 else 1,
        "width": width,
        "height": height,
        "channels": channels,
    }

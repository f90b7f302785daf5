"""Networks whose image is a detector's input, so that tests choose its logits."""

import os

import numpy as np

import pylrm

KERNELS = os.environ.get("PYLRM_TEST_KERNELS", "fast")  # see tests/cuda
ANCHORS = [(1.3, 1.7), (3.2, 4.0), (5.1, 2.2)]


def section(name, keys):
    lines = [f"{key}={value}" for key, value in keys.items()]
    return "\n".join([f"[{name}]", *lines, ""])


def numbers(values):
    """A list's text; text as it is."""
    if isinstance(values, str):
        return values
    return ",".join(repr(float(v)) for v in np.ravel(values))


def region(classes=3, anchors=ANCHORS, **keys):
    return section(
        "region", {"anchors": numbers(anchors), "classes": classes, "num": len(anchors), **keys}
    )


def yolo(classes=3, anchors=ANCHORS, mask=None, **keys):
    mask = range(len(anchors)) if mask is None else mask
    listed = ",".join(str(m) for m in mask)
    given = {"mask": listed, "anchors": numbers(anchors), "classes": classes, "num": len(anchors)}
    return section("yolo", {**given, **keys})


def lrm(**keys):
    return section("lrm", keys)


def text(sections, w, h, channels, batch=1):
    size = {"batch": batch, "width": w, "height": h, "channels": channels}
    return "\n".join([section("net", size), *sections])


def network(sections, w, h, channels, batch=1, seen=10**6, **options):
    """Whose image is the first section's input; past region's warm-up unless told."""
    net = pylrm.Network(
        text(sections, w, h, channels, batch), **{"keep": True, "kernels": KERNELS, **options}
    )
    net.seen = seen
    return net


def logits(rng, batch, anchors, classes, h, w, spread=1.0):
    """(batch, anchors*(5+classes), h, w)."""
    return rng.normal(0, spread, (batch, anchors * (5 + classes), h, w)).astype(np.float32)


def truths(rng, batch, count, classes, most=8, ignored=0):
    """(batch, most, 5): `count` objects, then `ignored` regions to ignore, in each image."""
    rows = np.zeros((batch, most, 5), np.float32)
    for b in range(batch):
        for t in range(count + ignored):
            rows[b, t, :2] = rng.uniform(0.02, 0.98, 2)
            rows[b, t, 2:4] = rng.uniform(0.05, 0.8, 2)
            rows[b, t, 4] = rng.integers(classes) if t < count else -1
    return rows


def heads(array, anchors):
    """(batch, anchors*entries, h, w) -> (batch, anchors, entries, h, w)."""
    batch, channels, h, w = array.shape
    return np.asarray(array).reshape(batch, anchors, channels // anchors, h, w)

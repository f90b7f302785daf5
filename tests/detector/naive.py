"""[region], [yolo] and [lrm] written down slowly in numpy, float64, a sentence of the rule a line.

Predictions of an image are a list in the order anchor, row, column; `raw` and `out` are one image's
arrays (anchors, 5 + classes, h, w).
"""

import math

import numpy as np


def logistic(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    """Over the first axis."""
    e = np.exp(x - x.max(axis=0))
    return e / e.sum(axis=0)


def intersection(a, b):
    """Of two rows (centre x, y, w, h, …); 0 where one has no area or a NaN."""
    a, b = [float(v) for v in a[:4]], [float(v) for v in b[:4]]
    if any(math.isnan(v) for v in a + b) or min(a[2:] + b[2:]) <= 0:
        return 0.0
    w = min(a[0] + a[2] / 2, b[0] + b[2] / 2) - max(a[0] - a[2] / 2, b[0] - b[2] / 2)
    h = min(a[1] + a[3] / 2, b[1] + b[3] / 2) - max(a[1] - a[3] / 2, b[1] - b[3] / 2)
    return w * h if w > 0 and h > 0 else 0.0


def iou(a, b):
    common = intersection(a, b)
    if common == 0:
        return 0.0
    return common / (float(a[2]) * float(a[3]) + float(b[2]) * float(b[3]) - common)


def nms(boxes, scores, limit):
    """Indices kept, by score; ties to the lower index."""
    kept = []
    for i in sorted(range(len(scores)), key=lambda i: (-scores[i], i)):
        if all(iou(boxes[i], boxes[j]) <= limit for j in kept):
            kept.append(i)
    return kept


def select(loss, boxes, classes, k, limit):
    """Loss Rank Mining's rule: indices kept, in rank order."""

    def place(i):
        return (-math.inf if math.isnan(loss[i]) else -loss[i], not math.isnan(loss[i]), i)

    kept = []
    for i in sorted(range(len(loss)), key=place):
        if k and len(kept) == k:
            break
        repeats = 0 < limit < 1 and any(
            classes[i] == classes[j] and iou(boxes[i], boxes[j]) >= limit for j in kept
        )
        if not repeats:
            kept.append(i)
    return kept


def decode(out, anchors, squares=0):
    """Boxes (anchors, h, w, 4) of an image; anchors (n, 2) relative to the input.

    squares: sizes are (2*value)**2 anchors, not exp(value).
    """
    n, _, h, w = out.shape
    boxes = np.empty((n, h, w, 4))
    for a in range(n):
        for y in range(h):
            for x in range(w):
                t = out[a, :4, y, x].astype(np.float64)
                boxes[a, y, x] = [
                    (x + t[0]) / w,
                    (y + t[1]) / h,
                    (4 * t[2] ** 2 if squares else math.exp(t[2])) * anchors[a][0],
                    (4 * t[3] ** 2 if squares else math.exp(t[3])) * anchors[a][1],
                ]
    return boxes


def read_truth(rows, classes, most):
    """Objects and ignore regions of one image's rows (n, 5)."""
    objects, ignored = [], []
    for row in rows[:most]:
        if row[0] == 0:
            break
        row = np.asarray(row, np.float64)
        if not np.isfinite(row[:4]).all() or row[2] <= 0 or row[3] <= 0:
            continue
        if row[4] == -1:
            ignored.append(row[:4])
        elif row[2:4].max() > 2 or row[:2].min() < 0 or row[:2].max() > 1:
            continue
        elif 0 <= row[4] < classes:
            objects.append(row)
    return objects, ignored


def stands(box, objects, ignored):
    """Best IoU with an object, that object, and whether the box lies mostly in an ignore region."""
    best, owner = 0.0, None
    for row in objects:
        if iou(box, row) > best:
            best, owner = iou(box, row), row
    own = float(box[2]) * float(box[3])
    return best, owner, any(intersection(box, region) > own / 2 for region in ignored)


def teach(out, delta, assigned, boxes, anchors, place, row, box_scale, class_scale, exclusive):
    """A truth claims prediction `place`: its box and class deltas. Returns the IoU."""
    a, y, x = place
    h, w = out.shape[2:]
    target = [
        row[0] * w - x,
        row[1] * h - y,
        math.log(row[2] / anchors[a][0]),
        math.log(row[3] / anchors[a][1]),
    ]
    weight = box_scale * (2 - row[2] * row[3])
    delta[a, :4, y, x] = weight * (np.array(target) - out[a, :4, y, x])
    wanted = int(row[4])
    for c in range(out.shape[1] - 5):
        if exclusive or assigned[a, y, x] != 1 or c == wanted:
            delta[a, 5 + c, y, x] = class_scale * ((c == wanted) - out[a, 5 + c, y, x])
    assigned[a, y, x] = 1
    return iou(boxes[a, y, x], row)


def best_anchor(sizes, row):
    overlaps = [iou([0, 0, *size], [0, 0, row[2], row[3]]) for size in sizes]
    return int(np.argmax(overlaps))


def places(out):
    return [
        (a, y, x) for a in range(len(out)) for y in range(out.shape[2]) for x in range(out.shape[3])
    ]


def region(raw, rows, anchors, seen, **keys):
    """out, delta, assigned of one image; anchors (n, 2) in cells."""
    softmax_classes, background = keys.get("softmax", 0), keys.get("background", 0)
    n, _, h, w = raw.shape
    relative = np.asarray(anchors, np.float64) / [w, h]
    out = raw.astype(np.float64)
    for a in range(n):
        out[a, :2] = logistic(out[a, :2])
        if background:
            out[a, 4:] = softmax(out[a, 4:])
            continue
        out[a, 4] = logistic(out[a, 4])
        out[a, 5:] = softmax(out[a, 5:]) if softmax_classes else logistic(out[a, 5:])
    delta = np.zeros_like(out)
    assigned = np.zeros((n, h, w), np.int8)
    boxes = decode(out, relative)
    objects, ignored = read_truth(rows, raw.shape[1] - 5, keys.get("max", 30))
    for a, y, x in places(out):
        best, _, inside = stands(boxes[a, y, x], objects, ignored)
        if best > keys.get("thresh", 0.5) or inside:
            assigned[a, y, x] = -1
        else:
            delta[a, 4, y, x] = keys.get("noobject_scale", 1) * (background - out[a, 4, y, x])
        if seen < keys.get("anchor_warmup", 12800):
            delta[a, :4, y, x] = 0.01 * (np.array([0.5, 0.5, 0, 0]) - out[a, :4, y, x])
    for row in objects:
        y, x = min(int(row[1] * h), h - 1), min(int(row[0] * w), w - 1)
        sizes = relative if keys.get("bias_match", 0) else [boxes[a, y, x, 2:] for a in range(n)]
        a = best_anchor(sizes, row)
        overlap = teach(
            out, delta, assigned, boxes, relative, (a, y, x), row,
            keys.get("coord_scale", 1), keys.get("class_scale", 1), softmax_classes or background,
        )  # fmt: skip
        target = 0 if background else overlap if keys.get("rescore", 0) else 1
        delta[a, 4, y, x] = keys.get("object_scale", 1) * (target - out[a, 4, y, x])
    return out, delta, assigned


def region_backward(out, delta, background=0):
    """What region hands back for its delta."""
    back = delta.copy()
    for e in (0, 1) if background else (0, 1, 4):
        back[:, e] *= out[:, e] * (1 - out[:, e])
    return back


def hull(box, truth):
    """Width and height of the smallest box around both, in float64."""
    sides = []
    for centre, size in ((0, 2), (1, 3)):
        low = min(box[centre] - box[size] / 2, truth[centre] - truth[size] / 2)
        high = max(box[centre] + box[size] / 2, truth[centre] + truth[size] / 2)
        sides.append(high - low)
    return sides


def overlap(box, truth, kind):
    """IoU and the losses by overlap as gains, without the aspect's part of ciou, in float64."""
    common = intersection(box, truth)
    both = box[2] * box[3] + truth[2] * truth[3] - common
    gain = common / both
    width, height = hull(box, truth)
    if kind == "giou":
        gain -= (width * height - both) / (width * height)
    if kind in ("diou", "ciou"):
        distance = (box[0] - truth[0]) ** 2 + (box[1] - truth[1]) ** 2
        gain -= distance / (width**2 + height**2)
    return gain


def slopes(function, box, step=1e-6):
    """Derivatives by the box's values, by central differences."""
    return np.array(
        [
            (function(box + step * side) - function(box - step * side)) / (2 * step)
            for side in np.eye(4)
        ]
    )


def overlap_slopes(box, truth, kind):
    """By how much the gain grows with the box's values."""
    box, truth = np.array(box[:4], np.float64), np.array(truth[:4], np.float64)
    found = slopes(lambda b: overlap(b, truth, kind), box)
    if kind == "ciou":

        def aspect(b):
            apart = math.atan2(truth[2], truth[3]) - math.atan2(b[2], b[3])
            return 4 / math.pi**2 * apart**2

        weight = aspect(box) / (1 - overlap(box, truth, "iou") + aspect(box))
        found -= weight * slopes(aspect, box) * (box[2] ** 2 + box[3] ** 2)
    return found


def yolo(raw, rows, anchors, mask, net, **keys):
    """out, delta, assigned of one image; anchors (num, 2) in pixels, net (width, height)."""
    n, _, h, w = raw.shape
    every = np.asarray(anchors, np.float64) / net
    own = every[list(mask)]
    out = raw.astype(np.float64)
    stretch, squares = keys.get("scale_x_y", 1), keys.get("new_coords", 0)
    for a in range(n):
        if not squares:
            out[a, :2], out[a, 4:] = logistic(out[a, :2]), logistic(out[a, 4:])
        out[a, :2] = stretch * out[a, :2] - (stretch - 1) / 2
    delta = np.zeros_like(out)
    assigned = np.zeros((n, h, w), np.int8)
    boxes = decode(out, own, squares)
    every_part = keys.get("delta_normalizer", 1)
    box_scale = every_part * keys.get("iou_normalizer", 1)
    object_scale = every_part * keys.get("obj_normalizer", 1)
    class_scale = every_part * keys.get("cls_normalizer", 1)
    most, eps = keys.get("max_delta", 0) or math.inf, keys.get("label_smooth_eps", 0)
    weights = np.ones(raw.shape[1] - 5)
    if "counters_per_class" in keys:
        counts = np.maximum(np.array(keys["counters_per_class"].split(","), float), 1)
        weights = np.minimum(counts.max() / counts, most)
    kind = keys.get("iou_loss", "mse")
    objects, ignored = read_truth(rows, raw.shape[1] - 5, keys.get("max", 90))

    def box_delta(place, row):
        a, y, x = place
        if kind == "mse":
            sizes = [row[2] / own[a][0], row[3] / own[a][1]]
            sizes = [math.sqrt(s / 4) if squares else math.log(s) for s in sizes]
            target = np.array([row[0] * w - x, row[1] * h - y, *sizes])
            return (2 - row[2] * row[3]) * (target - out[a, :4, y, x])
        box = boxes[a, y, x]
        sides = [2, 2] if squares else [2 * box[2] / own[a][0], 2 * box[3] / own[a][1]]
        return overlap_slopes(box, row, kind) * [1, 1, *sides]

    def learn(place, row):
        a, y, x = place
        wanted = int(row[4])
        found = weights[wanted] * box_scale * box_delta(place, row)
        delta[a, :4, y, x] = found if kind == "mse" else np.clip(found, -most, most)
        p = out[a, 5 + wanted, y, x]
        focus = 0.5 * (1 - p) * (1 - p - 2 * p * math.log(p)) if keys.get("focal_loss") else 1
        again = assigned[a, y, x] == 1
        for c in range(raw.shape[1] - 5):
            target = (c == wanted) * (1 - eps) + eps / 2
            weight = (weights[c] if c == wanted else 1) * (1 if again else focus)
            if c == wanted or not again:
                delta[a, 5 + c, y, x] = class_scale * weight * (target - out[a, 5 + c, y, x])
        delta[a, 4, y, x] = weights[wanted] * object_scale * (1 - out[a, 4, y, x])
        assigned[a, y, x] = 1

    for a, y, x in places(out):
        best, owner, inside = stands(boxes[a, y, x], objects, ignored)
        o = out[a, 4, y, x]
        if best > keys.get("truth_thresh", 1):
            learn((a, y, x), owner)
        elif best > keys.get("ignore_thresh", 0.5) or inside:
            assigned[a, y, x] = -1
            if keys.get("objectness_smooth") and not inside:
                delta[a, 4, y, x] = object_scale * max(best - o, 0)
        else:
            delta[a, 4, y, x] = object_scale * -o
    for row in objects:
        winner = best_anchor(every, row)
        for anchor in range(len(every)):
            fit = iou([0, 0, *every[anchor]], [0, 0, row[2], row[3]])
            if anchor in mask and (anchor == winner or fit > keys.get("iou_thresh", 1)):
                y, x = min(int(row[1] * h), h - 1), min(int(row[0] * w), w - 1)
                learn((list(mask).index(anchor), y, x), row)
    return out, delta, assigned


def listing(arrays):
    """(anchors, entries, h, w) of each head -> (predictions, entries), head after head."""
    return np.concatenate([a.transpose(0, 2, 3, 1).reshape(-1, a.shape[1]) for a in arrays])


def mine(outs, deltas, boxes, k, limit):
    """[lrm] on one image's heads: loss, classes, selected of all, and the heads' new deltas.

    boxes (predictions, 4) are float32, as selections are decided by them.
    """
    entries = listing(deltas).astype(np.float64)
    loss = np.zeros(len(entries))
    for e in range(entries.shape[1]):
        loss += entries[:, e] ** 2
    loss = loss.astype(np.float32)
    classes = listing(outs)[:, 5:].argmax(axis=1)
    selected = np.zeros(len(loss), bool)
    selected[select(loss, boxes, classes, k, limit)] = True
    kept, start = [], 0
    for delta in deltas:
        n, _, h, w = delta.shape
        part = selected[start : start + n * h * w].reshape(n, 1, h, w)
        kept.append(np.where(part, delta, np.float32(0)))
        start += n * h * w
    return loss, classes, selected, kept

/* Overlap, ranking and non-maximum suppression of boxes, wherever they come from. */
#include "boxes.h"

#include "error.h"

double dn_iou(const float a[4], const float b[4])
{
    const corners first = box_corners(a), second = box_corners(b);
    return corners_iou(&first, &second);
}

void rank_sort(ranked *items, ranked *scratch, int n)
{
    ranked *from = items, *to = scratch;
    for (int shift = 0; shift < 32; shift += 8) { /* an even number of passes ends in items */
        int start[257] = {0};
        for (int i = 0; i < n; i++)
            start[(from[i].key >> shift & 255) + 1]++;
        for (int digit = 0; digit < 256; digit++)
            start[digit + 1] += start[digit];
        for (int i = 0; i < n; i++)
            to[start[from[i].key >> shift & 255]++] = from[i];
        ranked *swap = from;
        from = to;
        to = swap;
    }
}

double corners_overlap(const corners *a, const corners *b, double power)
{
    const double iou = corners_iou(a, b);
    if (power == 0 || !(iou > 0))
        return iou;
    const double x = (a->left + a->right - b->left - b->right) / 2;
    const double y = (a->top + a->bottom - b->top - b->bottom) / 2;
    const double w = fmax(a->right, b->right) - fmin(a->left, b->left);
    const double h = fmax(a->bottom, b->bottom) - fmin(a->top, b->top);
    return iou - pow((x * x + y * y) / (w * w + h * h), power);
}

int suppress_overlaps(const corners *box, ranked *items, ranked *dropped, int n, double iou,
                      double power)
{
    rank_sort(items, dropped, n);
    int kept = 0, lost = 0;
    for (int i = 0; i < n; i++) {
        const ranked item = items[i];
        bool repeats = false;
        for (int j = 0; j < kept && !repeats; j++)
            repeats = corners_overlap(&box[items[j].index], &box[item.index], power) > iou;
        if (repeats)
            dropped[lost++] = item;
        else
            items[kept++] = item;
    }
    return kept;
}

corners *suppression_scratch(int n, ranked **items, ranked **dropped)
{
    corners *box = dn_allocate((size_t)n * (sizeof *box + 2 * sizeof(ranked)));
    if (box) {
        *items = (ranked *)(box + n);
        *dropped = *items + n;
    }
    return box;
}

dn_status dn_nms(const float *boxes, const float *scores, int n, float iou, int *kept,
                 int *kept_count, dn_error *e)
{
    ranked *items, *dropped;
    if (n < 0)
        return dn_fail(e, DN_BAD_ARGUMENT, "nms of %d boxes", n);
    corners *box = suppression_scratch(n, &items, &dropped);
    if (!box)
        return dn_out_of_memory(e, "non-maximum suppression");
    for (int i = 0; i < n; i++) {
        box[i] = box_corners(boxes + (size_t)i * 4);
        items[i] = (ranked){isnan(scores[i]) ? RANK_LAST : rank_key(scores[i]), i};
    }
    *kept_count = suppress_overlaps(box, items, dropped, n, iou, 0);
    for (int i = 0; i < *kept_count; i++)
        kept[i] = items[i].index;
    dn_free(box);
    return DN_OK;
}

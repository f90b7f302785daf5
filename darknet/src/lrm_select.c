/* Loss Rank Mining (Yu et al., 2018, section III): rank predictions by loss, drop those that repeat
 * a harder one of their class, keep the first k. */
#include "mining.h"

#include "boxes.h"
#include "error.h"

size_t mining_scratch(int n)
{
    return (size_t)n * (2 * sizeof(ranked) + sizeof(corners));
}

int mining_select(const float *loss, const float *boxes, const int *classes, int n, int k,
                  double nms, int *kept, void *scratch)
{
    corners *kept_box = scratch; /* of kept[0…count-1] */
    ranked *order = (ranked *)(kept_box + n);
    for (int i = 0; i < n; i++)
        order[i] = (ranked){rank_key(loss[i]), i};
    rank_sort(order, order + n, n);

    const bool suppress = nms > 0 && nms < 1;
    const int most = k > 0 && k < n ? k : n;
    int count = 0;
    for (int r = 0; r < n && count < most; r++) {
        const int i = order[r].index;
        const corners box = box_corners(boxes + (size_t)i * 4);
        bool repeats = false;
        for (int j = 0; suppress && j < count && !repeats; j++)
            repeats = classes[kept[j]] == classes[i] && corners_iou(&kept_box[j], &box) >= nms;
        if (repeats)
            continue;
        kept_box[count] = box;
        kept[count++] = i;
    }
    return count;
}

dn_status dn_lrm_select(const float *loss, const float *boxes, const int *classes, int n, int k,
                        double nms, int *kept, int *kept_count, dn_error *e)
{
    if (n < 0 || k < 0 || !(nms >= 0 && nms <= 1))
        return dn_fail(e, DN_BAD_ARGUMENT,
                       "mining takes n >= 0 predictions, k >= 0 and an nms from 0 to 1, not %d, "
                       "%d and %g",
                       n, k, nms);
    void *scratch = dn_allocate(mining_scratch(n));
    if (!scratch)
        return dn_out_of_memory(e, "ranking predictions");
    *kept_count = mining_select(loss, boxes, classes, n, k, nms, kept, scratch);
    dn_free(scratch);
    return DN_OK;
}

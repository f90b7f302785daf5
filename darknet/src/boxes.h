/* Overlap, ranking and non-maximum suppression, shared by the detectors' losses, detections and
 * mining.
 *
 * A box is centre x, y, w, h in float32; everything derived from it is in double.
 */
#ifndef DN_BOXES_H
#define DN_BOXES_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "callable.h"

typedef struct {
    double left, top, right, bottom, area;
} corners;

/* area is 0 for a box without one or with a NaN: it overlaps nothing. */
static DN_CALLABLE inline corners box_corners(const float box[4])
{
    const double x = box[0], y = box[1], w = box[2], h = box[3];
    const bool valid = w > 0 && h > 0 && !isnan(x) && !isnan(y);
    return (corners){x - w / 2, y - h / 2, x + w / 2, y + h / 2, valid ? w * h : 0};
}

static DN_CALLABLE inline double corners_intersection(const corners *a, const corners *b)
{
    const double w =
        (a->right < b->right ? a->right : b->right) - (a->left > b->left ? a->left : b->left);
    if (!(w > 0))
        return 0;
    const double h =
        (a->bottom < b->bottom ? a->bottom : b->bottom) - (a->top > b->top ? a->top : b->top);
    return h > 0 && a->area > 0 && b->area > 0 ? w * h : 0;
}

static DN_CALLABLE inline double corners_iou(const corners *a, const corners *b)
{
    const double common = corners_intersection(a, b);
    const double iou = common / (a->area + b->area - common);
    return iou > 0 ? iou : 0; /* NaN: no area on either side, or infinite ones */
}

/* An item of a ranking: ascending keys are descending values. */
typedef struct {
    uint32_t key;
    int index;
} ranked;
enum { RANK_NAN = 0 };       /* before every number */
#define RANK_LAST UINT32_MAX /* behind every number */

static DN_CALLABLE inline uint32_t rank_key(float value)
{
    if (isnan(value))
        return RANK_NAN;
    uint32_t bits;
    const float unsigned_zero = value + 0.f;
    memcpy(&bits, &unsigned_zero, sizeof bits);
    return bits & UINT32_C(0x80000000) ? bits : ~(bits | UINT32_C(0x80000000));
}

/* By key, ascending; equal keys stay in their order. scratch: room for n. */
void rank_sort(ranked *items, ranked *scratch, int n);

/* IoU, less the squared distance of the centres in squared diagonals of the smallest box around
 * both, to that power (Zheng et al., Distance-IoU Loss, 2020); power 0: IoU alone. */
double corners_overlap(const corners *a, const corners *b, double power);

/* Ranks n items; those that survive non-maximum suppression are left in items, in rank order, the
 * others go to dropped (room for n). Returns how many survive. box[]: by an item's index. power: of corners_overlap. */
int suppress_overlaps(const corners *box, ranked *items, ranked *dropped, int n, double iou,
                      double power);
/* One block: corners of n boxes, and two lists of n items. NULL when there is no memory. */
corners *suppression_scratch(int n, ranked **items, ranked **dropped);

#endif

/* How a claimed prediction's box gains overlap with its truth, and by which derivatives: the rows of
 * box_losses (backends/reference/box_losses.c), on numbers that carry their derivatives by x, y, w
 * and h of the predicted box. */
#ifndef DN_CUDA_BOX_LOSSES_H
#define DN_CUDA_BOX_LOSSES_H

#include "cuda.h"

/* In the order of the rows. */
enum { BOX_MSE, BOX_IOU, BOX_GIOU, BOX_DIOU, BOX_CIOU };

struct slope4 {
    double v, d[4];
};

static inline __device__ slope4 constant(double v)
{
    return {v, {0, 0, 0, 0}};
}

/* Where a function's derivatives by a and b are p and q. */
static inline __device__ slope4 along(double v, double p, slope4 a, double q, slope4 b)
{
    slope4 r = constant(v);
    for (int i = 0; i < 4; i++)
        r.d[i] = p * a.d[i] + q * b.d[i];
    return r;
}

static inline __device__ slope4 operator+(slope4 a, slope4 b)
{
    return along(a.v + b.v, 1, a, 1, b);
}

static inline __device__ slope4 operator-(slope4 a, slope4 b)
{
    return along(a.v - b.v, 1, a, -1, b);
}

static inline __device__ slope4 operator*(slope4 a, slope4 b)
{
    return along(a.v * b.v, b.v, a, a.v, b);
}

/* 0 where the divisor is 0: boxes without area. */
static inline __device__ slope4 operator/(slope4 a, slope4 b)
{
    return b.v == 0 ? constant(0) : along(a.v / b.v, 1 / b.v, a, -a.v / (b.v * b.v), b);
}

static inline __device__ slope4 smaller(slope4 a, slope4 b)
{
    return a.v < b.v ? a : b;
}

static inline __device__ slope4 larger(slope4 a, slope4 b)
{
    return a.v > b.v ? a : b;
}

/* The angle whose tangent is a / b. */
static inline __device__ slope4 angle(slope4 a, slope4 b)
{
    const double square = a.v * a.v + b.v * b.v;
    return square == 0 ? constant(0)
                       : along(atan2(a.v, b.v), b.v / square, a, -a.v / square, b);
}

struct edged {
    slope4 x, y, w, h, left, right, top, bottom;
};

/* learns: the values are those that derivatives are by. */
static inline __device__ edged with_edges(const float box[4], bool learns)
{
    slope4 own[4];
    for (int i = 0; i < 4; i++) {
        own[i] = constant(box[i]);
        own[i].d[i] = learns;
    }
    const slope4 half_w = constant(.5) * own[2], half_h = constant(.5) * own[3];
    return {own[0], own[1], own[2], own[3], own[0] - half_w, own[0] + half_w, own[1] - half_h,
            own[1] + half_h};
}

static inline __device__ slope4 common_area(const edged *a, const edged *b)
{
    const slope4 w = smaller(a->right, b->right) - larger(a->left, b->left);
    const slope4 h = smaller(a->bottom, b->bottom) - larger(a->top, b->top);
    return w.v > 0 && h.v > 0 ? w * h : constant(0);
}

static inline __device__ slope4 union_area(const edged *a, const edged *b)
{
    return a->w * a->h + b->w * b->h - common_area(a, b);
}

/* IoU, less what the row takes off. */
static inline __device__ slope4 overlap_gain(int row, const edged *a, const edged *b)
{
    const slope4 iou = common_area(a, b) / union_area(a, b);
    const slope4 w = larger(a->right, b->right) - smaller(a->left, b->left);
    const slope4 h = larger(a->bottom, b->bottom) - smaller(a->top, b->top);
    if (row == BOX_GIOU)
        return iou - (w * h - union_area(a, b)) / (w * h);
    if (row == BOX_IOU)
        return iou;
    const slope4 x = a->x - b->x, y = a->y - b->y;
    const slope4 distant = iou - (x * x + y * y) / (w * w + h * h);
    if (row == BOX_DIOU)
        return distant;
    const double pi = 3.14159265358979323846;
    const slope4 apart = angle(b->w, b->h) - angle(a->w, a->h);
    slope4 aspect = constant(4 / (pi * pi)) * (apart * apart);
    const double sum = 1 - iou.v + aspect.v, weight = sum > 0 ? aspect.v / sum : 0;
    const double calm = a->w.v * a->w.v + a->h.v * a->h.v;
    for (int i = 0; i < 4; i++)
        aspect.d[i] *= calm;
    return distant - constant(weight) * aspect;
}

#endif

/* What a window, a softmax or a prediction's loss comes to: said once, for the plain backend and for
 * kernels on a GPU. Activations: activation_formulas.h; boxes: boxes.h. */
#ifndef DN_FORMULAS_H
#define DN_FORMULAS_H

#include <math.h>

#include "backend.h"
#include "detector.h"

/* The position of the largest value of the window at (y, x). Windows start at -(padding/2); values
 * outside the plane do not count. NaN counts as the largest, the last NaN wins; of equal values,
 * the first wins. */
static DN_CALLABLE inline int32_t window_maximum(const pool *s, const float *in, int y, int x)
{
    const int top = y * s->stride - s->padding / 2, left = x * s->stride - s->padding / 2;
    int32_t best = -1;
    for (int i = top < 0 ? 0 : top; i < top + s->size && i < s->in.h; i++)
        for (int j = left < 0 ? 0 : left; j < left + s->size && j < s->in.w; j++) {
            const int32_t at = i * s->in.w + j;
            if (best < 0 || in[at] > in[best] || isnan(in[at]))
                best = at;
        }
    return best;
}

static DN_CALLABLE inline void softmax_one(int n, int64_t step, float temperature, const float *x,
                                           float *out)
{
    float largest = x[0];
    for (int i = 1; i < n; i++)
        largest = fmaxf(largest, x[i * step]);
    double sum = 0;
    for (int i = 0; i < n; i++) {
        const float e = expf((x[i * step] - largest) / temperature);
        out[i * step] = e;
        sum += e;
    }
    for (int i = 0; i < n; i++)
        out[i * step] = (float)(out[i * step] / sum);
}

/* Minus the gradient of focal loss by the raw value of a logistic function that is y. */
static DN_CALLABLE inline double focal_slope(double gamma, double alpha, double y, bool wanted,
                                             double scale)
{
    const double miss = wanted ? 1 - y : y;
    double slope = scale * pow(miss, gamma) * miss;
    if (gamma > 0)
        slope -= scale * gamma * pow(miss, gamma) * (1 - miss) * log(fmax(1 - miss, 1e-12));
    if (alpha > 0)
        slope *= wanted ? alpha : 1 - alpha;
    return wanted ? slope : -slope;
}

static DN_CALLABLE inline double surprise(float probability)
{
    return -log(fmax((double)probability, 1e-12));
}

/* What the layer's own scales do not change: the surprise at object or background, and of a claimed
 * prediction at each wanted class, and 1 - IoU. Wanted classes are those with a delta above 0. at:
 * the prediction's objectness. */
static DN_CALLABLE inline double true_loss(const detector *d, const float *output,
                                           const float *delta, int64_t at, int assigned,
                                           double overlap)
{
    const int64_t cells = (int64_t)d->w * d->h;
    if (assigned < 0)
        return 0;
    double loss = 0;
    if (assigned == 0 && d->classes_alone) {
        for (int e = 1; e <= d->classes; e++)
            loss += surprise(1 - output[at + e * cells]);
        return loss;
    }
    if (assigned == 0)
        return surprise(d->background ? output[at] : 1 - output[at]);
    loss = 1 - overlap + (d->background || d->classes_alone ? 0 : surprise(output[at]));
    for (int e = 1; e <= d->classes; e++)
        if (delta[at + e * cells] > 0)
            loss += surprise(output[at + e * cells]);
    return loss;
}

/* The sum of a prediction's squared deltas; at: its first. */
static DN_CALLABLE inline double squared_deltas_at(const detector *d, const float *delta,
                                                   int64_t at)
{
    const int64_t cells = (int64_t)d->w * d->h;
    double loss = 0;
    for (int e = 0; e < detector_width(d); e++)
        loss += (double)delta[at + e * cells] * delta[at + e * cells];
    return loss;
}

#endif

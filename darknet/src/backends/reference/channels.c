/* Products of a map with a value for each channel or pixel, and the norm over channels: [sam],
 * [scale_channels], [l2norm]. */
#include <math.h>

#include "reference.h"

/* The factor of value i of an image's map. */
static inline int64_t factor_of(const scaling *s, int64_t i)
{
    const int64_t cells = (int64_t)s->map.h * s->map.w;
    return s->by_pixel ? i % cells : i / cells;
}

void reference_scale_map(const pass *p, const scaling *s, const float *factors, const float *map,
                      float *out)
{
    const int64_t count = dims_count(s->map), n = scaling_factors(s);
#pragma omp parallel for num_threads(pass_team(p, p->batch * count))
    for (int b = 0; b < p->batch; b++)
        for (int64_t i = 0; i < count; i++)
            out[b * count + i] = factors[b * n + factor_of(s, i)] * map[b * count + i];
}

/* Of one image. sum: for its factors. */
static void scale_grad_image(const scaling *s, const float *factors, const float *map,
                              const float *delta, float *factor_delta, bool add_factors,
                              float *map_delta, bool add_map)
{
    const int64_t count = dims_count(s->map), n = scaling_factors(s);
    if (factor_delta && !add_factors)
        for (int64_t i = 0; i < n; i++)
            factor_delta[i] = 0;
    for (int64_t i = 0; i < count; i++) {
        const int64_t f = factor_of(s, i);
        if (factor_delta)
            factor_delta[f] += delta[i] * map[i];
        if (map_delta)
            map_delta[i] = (add_map ? map_delta[i] : 0) + delta[i] * factors[f];
    }
}

void reference_scale_map_grad(const pass *p, const scaling *s, const float *factors, const float *map,
                           const float *delta, float *factor_delta, bool add_factors,
                           float *map_delta, bool add_map)
{
    const int64_t count = dims_count(s->map), n = scaling_factors(s);
#pragma omp parallel for num_threads(pass_team(p, p->batch * count))
    for (int b = 0; b < p->batch; b++)
        scale_grad_image(s, factors + b * n, map + b * count, delta + b * count,
                          factor_delta ? factor_delta + b * n : NULL, add_factors,
                          map_delta ? map_delta + b * count : NULL, add_map);
}

/* The length of the vector over the channels at one pixel. */
static double length_at(dims s, const float *x)
{
    const int64_t cells = (int64_t)s.h * s.w;
    double sum = 0;
    for (int c = 0; c < s.c; c++)
        sum += (double)x[c * cells] * x[c * cells];
    return sqrt(sum);
}

void reference_l2norm(const pass *p, dims s, const float *x, float *out)
{
    const int64_t cells = (int64_t)s.h * s.w, count = dims_count(s);
#pragma omp parallel for num_threads(pass_team(p, p->batch * count))
    for (int64_t i = 0; i < p->batch * cells; i++) {
        const int64_t at = i / cells * count + i % cells;
        const double length = length_at(s, x + at), scale = length > 0 ? 1 / length : 0;
        for (int c = 0; c < s.c; c++)
            out[at + c * cells] = (float)(x[at + c * cells] * scale);
    }
}

/* The part of delta across the unit vector y, over the length. */
void reference_l2norm_grad(const pass *p, dims s, const float *x, const float *delta,
                           float *input_delta, bool add)
{
    const int64_t cells = (int64_t)s.h * s.w, count = dims_count(s);
#pragma omp parallel for num_threads(pass_team(p, p->batch * count))
    for (int64_t i = 0; i < p->batch * cells; i++) {
        const int64_t at = i / cells * count + i % cells;
        const double length = length_at(s, x + at), scale = length > 0 ? 1 / length : 0;
        double along = 0;
        for (int c = 0; c < s.c; c++)
            along += (double)delta[at + c * cells] * x[at + c * cells] * scale;
        for (int c = 0; c < s.c; c++) {
            const int64_t k = at + c * cells;
            const double across = delta[k] - along * x[k] * scale;
            input_delta[k] = (float)((add ? input_delta[k] : 0) + across * scale);
        }
    }
}

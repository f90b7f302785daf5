/* Products of a map with a value for each channel or pixel, the norm over channels, and local
 * response normalisation: [sam], [scale_channels], [l2norm], [normalization]. */
#include "cuda.h"

/* The factor of value i of all maps. */
static __device__ int64_t factor_of(scaling s, int64_t i)
{
    const int64_t cells = plane_of(s.map), image = i / dims_count(s.map);
    return image * scaling_factors(&s) + (s.by_pixel ? i % cells : i / cells % s.map.c);
}

static __global__ void scale_map(scaling s, const float *factors, const float *map, float *out,
                                 int64_t count)
{
    FOR_EACH(i, count)
        out[i] = factors[factor_of(s, i)] * map[i];
}

void cuda_scale_map(const pass *p, const scaling *s, const float *factors, const float *map,
                    float *out)
{
    const int64_t count = p->batch * dims_count(s->map);
    LAUNCH(scale_map, count, *s, factors, map, out, count);
}

static __global__ void scale_map_grad(scaling s, const float *factors, const float *delta,
                                      float *map_delta, bool add, int64_t count)
{
    FOR_EACH(i, count)
        put(map_delta + i, delta[i] * factors[factor_of(s, i)], add);
}

/* A factor adds up the values that it was on. */
static __global__ void factor_grad(scaling s, const float *map, const float *delta,
                                   float *factor_delta, bool add, int64_t count)
{
    const int64_t cells = plane_of(s.map), n = scaling_factors(&s);
    FOR_EACH(f, count) {
        const int64_t image = f / n * dims_count(s.map), own = f % n;
        const int64_t first = image + (s.by_pixel ? own : own * cells);
        const int64_t step = s.by_pixel ? cells : 1, terms = s.by_pixel ? s.map.c : cells;
        float sum = add ? factor_delta[f] : 0;
        for (int64_t i = 0; i < terms; i++)
            sum += delta[first + i * step] * map[first + i * step];
        factor_delta[f] = sum;
    }
}

void cuda_scale_map_grad(const pass *p, const scaling *s, const float *factors, const float *map,
                         const float *delta, float *factor_delta, bool add_factors,
                         float *map_delta, bool add_map)
{
    const int64_t count = p->batch * dims_count(s->map), n = p->batch * scaling_factors(s);
    if (factor_delta)
        LAUNCH(factor_grad, n, *s, map, delta, factor_delta, add_factors, n);
    if (map_delta)
        LAUNCH(scale_map_grad, count, *s, factors, delta, map_delta, add_map, count);
}

/* One over the length of the vector over the channels at one pixel; 0 where that is 0. */
static __device__ double inverse_length(dims s, const float *x)
{
    const int64_t cells = plane_of(s);
    double sum = 0;
    for (int c = 0; c < s.c; c++)
        sum += (double)x[c * cells] * x[c * cells];
    return sum > 0 ? 1 / sqrt(sum) : 0;
}

static __device__ int64_t first_channel(dims s, int64_t pixel)
{
    return pixel / plane_of(s) * dims_count(s) + pixel % plane_of(s);
}

static __global__ void l2norm(dims s, const float *x, float *out, int64_t pixels)
{
    FOR_EACH(i, pixels) {
        const int64_t at = first_channel(s, i), cells = plane_of(s);
        const double scale = inverse_length(s, x + at);
        for (int c = 0; c < s.c; c++)
            out[at + c * cells] = (float)(x[at + c * cells] * scale);
    }
}

void cuda_l2norm(const pass *p, dims s, const float *x, float *out)
{
    const int64_t pixels = p->batch * plane_of(s);
    LAUNCH(l2norm, pixels, s, x, out, pixels);
}

static __global__ void l2norm_grad(dims s, const float *x, const float *delta, float *input_delta,
                                   bool add, int64_t pixels)
{
    FOR_EACH(i, pixels) {
        const int64_t at = first_channel(s, i), cells = plane_of(s);
        const double scale = inverse_length(s, x + at);
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

void cuda_l2norm_grad(const pass *p, dims s, const float *x, const float *delta,
                      float *input_delta, bool add)
{
    const int64_t pixels = p->batch * plane_of(s);
    LAUNCH(l2norm_grad, pixels, s, x, delta, input_delta, add, pixels);
}

/* kappa + alpha * the sum of squares around channel c; x: the pixel's first channel. */
static __device__ double norm_at(struct response s, const float *x, int c)
{
    const int64_t cells = plane_of(s.map);
    double sum = 0;
    for (int k = c - (s.size - 1) / 2; k <= c + s.size / 2; k++)
        if (k >= 0 && k < s.map.c)
            sum += (double)x[k * cells] * x[k * cells];
    return s.kappa + s.alpha * sum;
}

static __global__ void respond(struct response s, const float *x, float *norms, float *out,
                               int64_t count)
{
    FOR_EACH(i, count) {
        const int64_t cells = plane_of(s.map);
        const int c = (int)(i / cells % s.map.c);
        const double norm = norm_at(s, x + i - c * cells, c);
        if (norms)
            norms[i] = (float)norm;
        out[i] = (float)(x[i] * pow(norm, -(double)s.beta));
    }
}

void cuda_response(const pass *p, const struct response *s, const float *x, float *norms,
                   float *out)
{
    const int64_t count = p->batch * dims_count(s->map);
    LAUNCH(respond, count, *s, x, norms, out, count);
}

static __global__ void respond_grad(struct response s, const float *x, const float *norms,
                                    const float *delta, float *input_delta, bool add,
                                    int64_t count)
{
    FOR_EACH(i, count) {
        const int64_t cells = plane_of(s.map);
        const int c = (int)(i / cells % s.map.c), before = s.size / 2, after = (s.size - 1) / 2;
        double sum = 0;
        for (int k = c > before ? c - before : 0; k < s.map.c && k <= c + after; k++) {
            const int64_t j = i + (k - c) * cells;
            sum += (double)delta[j] * x[j] * pow(norms[j], -(double)s.beta - 1);
        }
        const double g = delta[i] * pow(norms[i], -(double)s.beta)
                         - 2.0 * s.alpha * s.beta * x[i] * sum;
        input_delta[i] = (float)(add ? input_delta[i] + g : g);
    }
}

void cuda_response_grad(const pass *p, const struct response *s, const float *x,
                        const float *norms, const float *delta, float *input_delta, bool add)
{
    const int64_t count = p->batch * dims_count(s->map);
    LAUNCH(respond_grad, count, *s, x, norms, delta, input_delta, add, count);
}

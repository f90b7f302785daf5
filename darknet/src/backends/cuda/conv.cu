/* Convolutions as matrix products: windows, copied side by side, are the columns of a matrix; those of
 * a 1x1 convolution lie there already. With groups, a thread or a team for each value. */
#include "conv.h"

/* Floats: windows, or products, of as many images as fit. */
static const int64_t MOST_COLUMNS = 1 << 26, MOST_PRODUCTS = 1 << 24;

static int64_t depth_of(const conv *s)
{
    return (int64_t)s->in.c * s->size * s->size;
}

/* How many images of so many floats are at work at a time. */
static int images_at_once(int64_t each, int64_t most, int batch)
{
    const int64_t fit = most / each;
    return fit < 1 ? 1 : fit < batch ? (int)fit : batch;
}

/* Images whose windows lie in the workspace at a time. */
static int windows_at_once(const pass *p, const conv *s)
{
    return is_pointwise(s) ? p->capacity
                           : images_at_once(depth_of(s) * plane_of(s->out), MOST_COLUMNS,
                                            p->capacity);
}

static int64_t window_floats(const pass *p, const conv *s)
{
    return is_pointwise(s) ? 0 : windows_at_once(p, s) * depth_of(s) * plane_of(s->out);
}

/* Images whose gradients of the weights lie behind the windows at a time. */
static int products_at_once(const pass *p, const conv *s)
{
    return images_at_once(depth_of(s) * s->out.c, MOST_PRODUCTS, windows_at_once(p, s));
}

static size_t workspace(const pass *p, const conv *s)
{
    const int64_t products = products_at_once(p, s) * depth_of(s) * s->out.c;
    return s->groups > 1 ? 0 : (size_t)(window_floats(p, s) + products) * sizeof(float);
}

/* (images, depth, plane of the output) from (images, in). */
static __global__ void spread_windows(conv s, const float *in, float *columns, int64_t count)
{
    const int64_t plane = plane_of(s.out), taps = (int64_t)s.size * s.size;
    FOR_EACH(i, count) {
        const int64_t at = i % plane, k = i / plane % (s.in.c * taps), b = i / plane / s.in.c / taps;
        const int y = (int)(at / s.out.w) * s.stride - s.padding + (int)(k % taps / s.size),
                  x = (int)(at % s.out.w) * s.stride - s.padding + (int)(k % s.size);
        const bool inside = y >= 0 && y < s.in.h && x >= 0 && x < s.in.w;
        columns[i] = inside ? in[((b * s.in.c + k / taps) * s.in.h + y) * s.in.w + x] : 0;
    }
}

/* The other way round: a value of the input adds up where it stands in windows. */
static __global__ void gather_windows(conv s, const float *columns, float *to, bool add,
                                      int64_t count)
{
    const int64_t plane = plane_of(s.out), taps = (int64_t)s.size * s.size;
    FOR_EACH(i, count) {
        const int x = (int)(i % s.in.w), y = (int)(i / s.in.w % s.in.h);
        const float *own = columns + i / plane_of(s.in) * taps * plane;
        float sum = 0;
        for (int ky = 0; ky < s.size; ky++) {
            const int v = cuda_reader(&s, y, ky, s.out.h);
            for (int kx = 0; kx < s.size && v >= 0; kx++) {
                const int u = cuda_reader(&s, x, kx, s.out.w);
                if (u >= 0)
                    sum += own[((int64_t)ky * s.size + kx) * plane + (int64_t)v * s.out.w + u];
            }
        }
        put(to + i, sum, add);
    }
}

/* Groups: input channel `first`… of filter f. */
static __global__ void grouped_sums(conv s, const float *in, const float *weights, float *out,
                                    int64_t count)
{
    const int channels = s.in.c / s.groups, filters = s.out.c / s.groups;
    FOR_EACH(i, count) {
        const int f = (int)(i / plane_of(s.out) % s.out.c);
        const int64_t b = i / dims_count(s.out);
        const int top = (int)(i / s.out.w % s.out.h) * s.stride - s.padding,
                  left = (int)(i % s.out.w) * s.stride - s.padding;
        const float *w = weights + (int64_t)f * channels * s.size * s.size;
        float sum = 0;
        for (int c = 0; c < channels; c++) {
            const float *from = in + (b * s.in.c + f / filters * channels + c) * plane_of(s.in);
            for (int ky = 0; ky < s.size; ky++)
                for (int kx = 0; kx < s.size; kx++, w++)
                    if (top + ky >= 0 && top + ky < s.in.h && left + kx >= 0
                        && left + kx < s.in.w)
                        sum += from[(int64_t)(top + ky) * s.in.w + left + kx] * *w;
        }
        out[i] = sum;
    }
}

static __global__ void grouped_weights(conv s, const float *in, const float *delta, float *grads,
                                       int batch, int64_t count)
{
    const int channels = s.in.c / s.groups, filters = s.out.c / s.groups, taps = s.size * s.size;
    const int64_t plane = plane_of(s.out);
    EACH_TEAM(i, count) {
        const int64_t f = i / taps / channels, from = f / filters * channels + i / taps % channels;
        const int ky = (int)(i % taps) / s.size, kx = (int)(i % taps) % s.size;
        double own = 0;
        EACH_MEMBER(e, batch * plane) {
            const int64_t b = e / plane, at = e % plane;
            const int y = (int)(at / s.out.w) * s.stride - s.padding + ky,
                      x = (int)(at % s.out.w) * s.stride - s.padding + kx;
            if (y >= 0 && y < s.in.h && x >= 0 && x < s.in.w)
                own += (double)delta[(b * s.out.c + f) * plane + at]
                       * in[(b * s.in.c + from) * plane_of(s.in) + (int64_t)y * s.in.w + x];
        }
        const double sum = block_sum(own);
        if (threadIdx.x == 0)
            grads[i] += (float)sum;
    }
}

static __global__ void grouped_inputs(conv s, const float *weights, const float *delta, float *to,
                                      bool add, int64_t count)
{
    const int channels = s.in.c / s.groups, filters = s.out.c / s.groups;
    FOR_EACH(i, count) {
        const int x = (int)(i % s.in.w), y = (int)(i / s.in.w % s.in.h);
        const int c = (int)(i / plane_of(s.in) % s.in.c), first = c / channels * filters;
        const float *own = delta + (i / dims_count(s.in) * s.out.c + first) * plane_of(s.out);
        const float *w = weights
                         + ((int64_t)first * channels + c % channels) * s.size * s.size;
        float sum = 0;
        for (int ky = 0; ky < s.size; ky++) {
            const int v = cuda_reader(&s, y, ky, s.out.h);
            for (int kx = 0; kx < s.size && v >= 0; kx++) {
                const int u = cuda_reader(&s, x, kx, s.out.w);
                for (int f = 0; f < filters && u >= 0; f++)
                    sum += own[f * plane_of(s.out) + (int64_t)v * s.out.w + u]
                           * w[((int64_t)f * channels * s.size + ky) * s.size + kx];
            }
        }
        put(to + i, sum, add);
    }
}

/* The products of some images whose windows are there. */
typedef void part(const pass *p, const conv *s, const conv_data *d, float *sums, int first,
                  int images, const float *columns);

static void each_part(const pass *p, const conv *s, const conv_data *d, float *sums, part *act)
{
    const int at_once = windows_at_once(p, s);
    for (int first = 0; first < p->batch; first += at_once) {
        const int images = p->batch - first < at_once ? p->batch - first : at_once;
        const float *in = d->input + first * dims_count(s->in);
        float *columns = (float *)p->workspace;
        const int64_t count = images * depth_of(s) * plane_of(s->out);
        if (!is_pointwise(s))
            LAUNCH(spread_windows, count, *s, in, columns, count);
        act(p, s, d, sums, first, images, is_pointwise(s) ? in : columns);
    }
}

static void sums_of_part(const pass *, const conv *s, const conv_data *d, float *sums, int first,
                         int images, const float *columns)
{
    product m = {};
    m.rows = s->out.c;
    m.columns = (int)plane_of(s->out);
    m.depth = (int)depth_of(s);
    m.count = images;
    m.step_b = depth_of(s) * plane_of(s->out);
    m.step_c = dims_count(s->out);
    cuda_multiply_matrices(&m, d->weights, columns, sums + first * dims_count(s->out));
}

static void sums_of_all(const pass *p, const conv *s, const conv_data *d, float *sums)
{
    const int64_t count = p->batch * dims_count(s->out);
    if (s->groups > 1)
        LAUNCH(grouped_sums, count, *s, d->input, d->weights, sums, count);
    else
        each_part(p, s, d, sums, sums_of_part);
}

/* grads += products (images, count), image after image. */
static __global__ void add_products(const float *products, int images, float *grads, int64_t count)
{
    FOR_EACH(i, count) {
        double sum = grads[i];
        for (int b = 0; b < images; b++)
            sum += products[b * count + i];
        grads[i] = (float)sum;
    }
}

static void weights_of_part(const pass *p, const conv *s, const conv_data *d, float *, int first,
                            int images, const float *columns)
{
    const int at_once = products_at_once(p, s);
    const int64_t count = depth_of(s) * s->out.c, column = depth_of(s) * plane_of(s->out);
    float *products = (float *)p->workspace + window_floats(p, s);
    product m = {};
    m.rows = s->out.c;
    m.columns = (int)depth_of(s);
    m.depth = (int)plane_of(s->out);
    m.across_b = true;
    m.step_a = dims_count(s->out);
    m.step_b = column;
    m.step_c = count;
    for (int i = 0; i < images; i += at_once) {
        m.count = images - i < at_once ? images - i : at_once;
        cuda_multiply_matrices(&m, d->delta + (first + i) * dims_count(s->out),
                               columns + i * column, products);
        LAUNCH(add_products, count, products, m.count, d->weight_grads, count);
    }
}

static void weight_grads(const pass *p, const conv *s, const conv_data *d)
{
    const int64_t count = depth_of(s) / s->groups * s->out.c;
    if (s->groups > 1)
        LAUNCH_TEAMS(grouped_weights, count, *s, d->input, d->delta, d->weight_grads, p->batch,
                     count);
    else
        each_part(p, s, d, NULL, weights_of_part);
}

static void input_delta(const pass *p, const conv *s, const conv_data *d)
{
    const int64_t inputs = p->batch * dims_count(s->in);
    if (s->groups > 1) {
        LAUNCH(grouped_inputs, inputs, *s, d->weights, d->delta, d->input_delta, d->add, inputs);
        return;
    }
    product m = {};
    m.rows = (int)depth_of(s);
    m.columns = (int)plane_of(s->out);
    m.depth = s->out.c;
    m.across_a = true;
    m.step_b = dims_count(s->out);
    m.step_c = depth_of(s) * plane_of(s->out);
    m.beta = is_pointwise(s) && d->add;
    const int at_once = windows_at_once(p, s);
    for (int first = 0; first < p->batch; first += at_once) {
        m.count = p->batch - first < at_once ? p->batch - first : at_once;
        float *to = d->input_delta + first * dims_count(s->in);
        float *columns = is_pointwise(s) ? to : (float *)p->workspace;
        const int64_t count = m.count * dims_count(s->in);
        cuda_multiply_matrices(&m, d->weights, d->delta + first * dims_count(s->out), columns);
        if (!is_pointwise(s))
            LAUNCH(gather_windows, count, *s, columns, to, d->add, count);
    }
}

const conv_way cuda_products = {workspace, sums_of_all, weight_grads, input_delta};

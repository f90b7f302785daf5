/* Sums, batch norm's lines and depthwise convolutions of each table against plain loops. */
#include "tables.h"

enum { BLOCK_ENDS = 6 };
static const int64_t block_ends[BLOCK_ENDS] = {0, 2047, 2048, 2049, 4096 + 17, 5000};

/* Every length up to a few vectors, then about the ends of the blocks that are summed in float. */
static int64_t length(int i)
{
    enum { FEW = 70 };
    return i < FEW ? i : i < FEW + BLOCK_ENDS ? block_ends[i - FEW] : -1;
}

static void sums(const kernels *k, int64_t n)
{
    float *x = drawn(n);
    const float mean = .375f;
    sum all_of = {0}, squares = {0};
    for (int64_t i = 0; i < n; i++) {
        x[i] += .5f;
        add_term(&all_of, x[i]);
        add_term(&squares, ((double)x[i] - mean) * ((double)x[i] - mean));
    }
    NEAR(k->sum(x, n), all_of);
    NEAR(k->squares(x, n, mean), squares);
    free(x);
}

static void affine(const kernels *k, int64_t n, activation act)
{
    const float a = 7.5f, b = -.625f; /* beyond 6, and below 0 */
    float *x = drawn(n), *y = guarded(n), *own = guarded(n);
    if (n)
        memcpy(own, x, (size_t)n * sizeof *x);
    k->affine(x, y, n, a, b, act);
    k->affine(own, own, n, a, b, act); /* in place */
    for (int64_t i = 0; i < n; i++) {
        sum s = {0};
        add_term(&s, (double)a * x[i]);
        add_term(&s, b);
        s.value = line_at(act, s.value);
        NEAR(y[i], s);
        CHECK(own[i] == y[i]);
    }
    free(x);
    discard(y, n);
    discard(own, n);
}

static void affine_gradients(const kernels *k, int64_t n, activation act)
{
    const float a = 7.5f, b = -.625f, mean = .25f, scale = 1.75f, shift = .125f, slope = -.75f;
    float *x = drawn(n), *before = drawn(n), *delta = guarded(n);
    sum g = {0}, gx = {0};
    double sum_g, sum_gx;
    k->affine_sums(x, before, n, a, b, mean, act, &sum_g, &sum_gx);
    if (n)
        memcpy(delta, before, (size_t)n * sizeof *x);
    k->affine_grad(x, delta, n, a, b, mean, scale, shift, slope, act);
    for (int64_t i = 0; i < n; i++) {
        const double own = before[i] * slope_at(act, (double)a * x[i] + b);
        add_term(&g, own);
        add_term(&gx, own * ((double)x[i] - mean));
        sum s = {0};
        add_term(&s, scale * own);
        add_term(&s, -shift);
        add_term(&s, -slope * ((double)x[i] - mean));
        NEAR(delta[i], s);
    }
    NEAR(sum_g, g);
    NEAR(sum_gx, gx);
    free(x);
    free(before);
    discard(delta, n);
}

/* A depthwise convolution of one plane. */
typedef struct {
    int h, w, stride, out_h, out_w;
} plane;

/* The place in the plane that tap k of output (y, x) sees, or -1 in the padding. */
static int seen(const plane *p, int y, int x, int k)
{
    const int row = p->stride * y + k / 3 - 1, column = p->stride * x + k % 3 - 1;
    return row < 0 || row >= p->h || column < 0 || column >= p->w ? -1 : row * p->w + column;
}

/* Outputs first…last-1, of two planes, in panels that have room for one plane more. */
static void depthwise_forward(const kernels *k, const plane *p, int64_t first, int64_t last,
                              bool biased, activation act)
{
    const int count = p->h * p->w;
    const int64_t width = k->tile_columns, room = taps_scratch(p->w), step = 3 * width;
    const int64_t floats = (last - first + width - 1) / width * step;
    float *in = drawn(2 * count), *weights = drawn(18), *biases = drawn(2), *out = guarded(floats),
          *scratch = scratch_of(room);
    const planes two = {2, p->h, p->w, p->stride, first, last};
    k->depthwise(&two, in, weights, biased ? biases : NULL, act, out, width, step, scratch);
    for (int64_t j = 0; j < floats; j++) {
        const int plane_of = (int)(j % step / width);
        const int64_t i = first + j / step * width + j % width;
        if (plane_of == 2 || i >= last) {
            CHECK(out[j] == UNTOUCHED);
            continue;
        }
        sum s = {0};
        for (int t = 0; t < 9; t++) {
            const int at = seen(p, (int)(i / p->out_w), (int)(i % p->out_w), t);
            add_term(&s, at < 0 ? 0 : (double)weights[9 * plane_of + t] * in[plane_of * count + at]);
        }
        add_term(&s, biased ? biases[plane_of] : 0);
        s.value = line_at(act, s.value);
        NEAR(out[j], s);
    }
    free(in);
    free(weights);
    free(biases);
    discard(out, floats);
    discard(scratch, room);
}

/* Panels of all outputs, and of those of a part. */
static void matrix(const kernels *k, const plane *p, int64_t first, int64_t last)
{
    const int count = p->h * p->w;
    const int64_t width = k->tile_columns, room = taps_scratch(p->w), step = 11 * width;
    const int64_t panels = (last - first + width - 1) / width, floats = panels * step;
    float *in = drawn(count), *out = guarded(floats), *scratch = scratch_of(room);
    k->im2col(in, p->h, p->w, p->stride, first, last, out + width, step, scratch);
    for (int64_t i = first; i < last; i++)
        for (int t = 0; t < 9; t++) {
            const int at = seen(p, (int)(i / p->out_w), (int)(i % p->out_w), t);
            const float *panel = out + (i - first) / width * step + (1 + t) * width;
            CHECK(panel[(i - first) % width] == (at < 0 ? 0 : in[at]));
        }
    for (int64_t j = 0; j < panels; j++) /* the rows before and after are another channel's */
        for (int64_t i = 0; i < width; i++)
            CHECK(out[j * step + i] == UNTOUCHED && out[j * step + 10 * width + i] == UNTOUCHED);
    free(in);
    discard(out, floats);
    discard(scratch, room);
}

static void depthwise_backward(const kernels *k, const plane *p, bool add)
{
    const int count = p->h * p->w, outputs = p->out_h * p->out_w;
    const int64_t room = taps_scratch(p->w);
    float *in = drawn(count), *weights = drawn(9), *delta = drawn(outputs), *before = drawn(count);
    float *in_delta = guarded(count), *grads = guarded(9), *scratch = scratch_of(room);
    sum *handed = calloc((size_t)count, sizeof *handed), taps[9] = {{0}};
    CHECK(handed);
    for (int i = 0; i < count && add; i++)
        add_term(&handed[i], in_delta[i] = before[i]);
    for (int t = 0; t < 9; t++)
        add_term(&taps[t], grads[t] = (float)t);
    for (int i = 0; i < outputs; i++)
        for (int t = 0; t < 9; t++) {
            const int at = seen(p, i / p->out_w, i % p->out_w, t);
            if (at < 0)
                continue;
            add_term(&handed[at], (double)weights[t] * delta[i]);
            add_term(&taps[t], (double)in[at] * delta[i]);
        }
    k->depthwise_input_grad(delta, p->h, p->w, p->stride, weights, in_delta, add, scratch);
    discard(scratch, room);
    scratch = scratch_of(room);
    k->depthwise_weight_grad(in, delta, p->h, p->w, p->stride, grads, scratch);
    for (int i = 0; i < count; i++)
        NEAR(in_delta[i], handed[i]);
    for (int t = 0; t < 9; t++)
        NEAR(grads[t], taps[t]);
    float *const blocks[] = {in, weights, delta, before};
    for (int i = 0; i < 4; i++)
        free(blocks[i]);
    free(handed);
    discard(in_delta, count);
    discard(grads, 9);
    discard(scratch, room);
}

static void planes_of(const kernels *k, int h, int w)
{
    for (int stride = 1; stride <= 2; stride++) {
        const plane p = {h, w, stride, (h - 1) / stride + 1, (w - 1) / stride + 1};
        const int64_t outputs = (int64_t)p.out_h * p.out_w;
        depthwise_forward(k, &p, 0, outputs, false, LINEAR);
        depthwise_forward(k, &p, outputs / 3, outputs - outputs / 4, true,
                          clipped_lines[(w + h) % CLIPPED_LINES]);
        depthwise_backward(k, &p, w % 2);
        depthwise_backward(k, &p, !(w % 2));
        matrix(k, &p, 0, outputs);
        matrix(k, &p, outputs / 3, outputs - outputs / 4);
    }
}

static void neighbours(const kernels *k)
{
    const int heights[] = {1, 2, 3, 9, 20};
    for (int i = 0; i < 5; i++)
        for (int w = 1; w <= 70; w += w < 36 ? 1 : 11)
            planes_of(k, heights[i], w);
    planes_of(k, 101, 97); /* more outputs than a block has */
    planes_of(k, 3, 5000);
}

int main(void)
{
    for (int i = 0; table(i); i++) {
        const kernels *k = table(i);
        for (int j = 0; length(j) >= 0; j++) {
            sums(k, length(j));
            for (int act = 0; act < CLIPPED_LINES; act++) {
                affine(k, length(j), clipped_lines[act]);
                affine_gradients(k, length(j), clipped_lines[act]);
            }
        }
        neighbours(k);
    }
    return 0;
}

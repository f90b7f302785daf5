/* The transforms of each table, with products between them, against direct 3x3 convolutions. */
#include "tables.h"

enum { PLACES = WINOGRAD_PLACES, SLACK = WINOGRAD_SLACK, CHANNELS = 3, FILTERS = 2 };
enum { KERNELS_COUNT = CHANNELS * FILTERS };
/* The interpolation costs some digits: measured at most 1.2e-6. */
static const double TOLERANCE = 1e-5;

typedef struct {
    int h, w, across, down, tiles, pixels;
    int64_t step; /* from place to place of a transformed plane */
} plane;

static plane plane_of(int h, int w)
{
    plane p = {h, w, (w + 3) / 4, (h + 3) / 4, 0, h * w, 0};
    p.tiles = p.across * p.down;
    p.step = p.tiles + SLACK;
    return p;
}

typedef void transform(const float *in, int h, int w, int first, int rows, float *out, int64_t step,
                       float *scratch);

static int64_t scratch_floats(const plane *p)
{
    return WINOGRAD_ROWS * winograd_row(p->w);
}

/* In two calls, the second from row `cut` of tiles on; scratch holds anything before. */
static float *transformed(transform *kernel, const plane *p, const float *in, int cut)
{
    const int64_t room = scratch_floats(p);
    float *out = guarded(PLACES * p->step), *scratch = scratch_of(room);
    kernel(in, p->h, p->w, 0, cut, out, p->step, scratch);
    kernel(in, p->h, p->w, cut, p->down - cut, out + cut * p->across, p->step, scratch);
    discard(scratch, room);
    return out;
}

/* x of channel c as tap k of output i sees it. */
static double seen(const plane *p, const float *x, int c, int i, int k)
{
    const int y = i / p->w + k / 3 - 1, column = i % p->w + k % 3 - 1;
    return y < 0 || y >= p->h || column < 0 || column >= p->w ? 0
                                                              : x[(c * p->h + y) * p->w + column];
}

/* Taps in rows of all kernels, and their transforms. */
static float *transformed_weights(const kernels *k, const float *taps, int64_t tap_step,
                                  int64_t step)
{
    float *out = guarded(PLACES * step);
    k->winograd_weights(taps, tap_step, KERNELS_COUNT, out, step);
    return out;
}

static void output(const kernels *k, const plane *p, const float *sums, int cut, bool add,
                   float bias, activation act, const sum *expected, double size)
{
    const int64_t room = scratch_floats(p);
    float *out = guarded(p->pixels), *before = drawn(p->pixels), *scratch = scratch_of(room);
    for (int i = 0; i < p->pixels && add; i++)
        out[i] = before[i];
    k->winograd_output(sums, p->step, p->h, p->w, 0, cut, out, add, bias, act, scratch);
    for (int i = 4 * cut * p->w; i < p->pixels; i++)
        CHECK(out[i] == (add ? before[i] : UNTOUCHED));
    k->winograd_output(sums + cut * p->across, p->step, p->h, p->w, cut, p->down - cut, out, add,
                       bias, act, scratch);
    for (int i = 0; i < p->pixels; i++) {
        const double value = line_at(act, expected[i].value + bias) + (add ? before[i] : 0);
        CHECK(is_near(out[i], (sum){value, size + fabs(bias) + 1}, TOLERANCE));
    }
    free(before);
    discard(out, p->pixels);
    discard(scratch, room);
}

static void forward(const kernels *k, const plane *p, int cut)
{
    const int64_t tap_step = KERNELS_COUNT + SLACK, weights_step = KERNELS_COUNT + SLACK;
    float *x = drawn(CHANNELS * p->pixels), *taps = drawn(9 * tap_step);
    float *inputs[CHANNELS], *weights = transformed_weights(k, taps, tap_step, weights_step);
    for (int c = 0; c < CHANNELS; c++)
        inputs[c] = transformed(k->winograd_input, p, x + c * p->pixels, cut);
    sum *expected = calloc((size_t)p->pixels, sizeof *expected);
    CHECK(expected);
    for (int f = 0; f < FILTERS; f++) {
        float *sums = drawn(PLACES * p->step); /* whole vectors are read: numbers after the tiles */
        for (int place = 0; place < PLACES; place++)
            for (int t = 0; t < p->tiles; t++) {
                double s = 0;
                for (int c = 0; c < CHANNELS; c++)
                    s += (double)weights[place * weights_step + f * CHANNELS + c]
                         * inputs[c][place * p->step + t];
                sums[place * p->step + t] = (float)s;
            }
        double size = 0;
        for (int i = 0; i < p->pixels; i++) {
            expected[i] = (sum){0};
            for (int c = 0; c < CHANNELS; c++)
                for (int tap = 0; tap < 9; tap++)
                    add_term(&expected[i],
                             taps[tap * tap_step + f * CHANNELS + c] * seen(p, x, c, i, tap));
            size = fmax(size, expected[i].size);
        }
        for (int add = 0; add < 2; add++) {
            output(k, p, sums, cut, add, 0, LINEAR, expected, size);
            for (int act = 0; act < CLIPPED_LINES; act++)
                output(k, p, sums, cut, add, 5, clipped_lines[act], expected, size);
        }
        free(sums);
    }
    for (int c = 0; c < CHANNELS; c++)
        discard(inputs[c], PLACES * p->step);
    free(x);
    free(taps);
    free(expected);
    discard(weights, PLACES * weights_step);
}

static void weight_gradients(const kernels *k, const plane *p, int cut)
{
    const int64_t step = KERNELS_COUNT + SLACK, tap_step = KERNELS_COUNT + SLACK + 1;
    float *x = drawn(CHANNELS * p->pixels), *delta = drawn(FILTERS * p->pixels);
    float *products = drawn(PLACES * step), *taps = guarded(9 * tap_step);
    float *inputs[CHANNELS], *deltas[FILTERS];
    for (int c = 0; c < CHANNELS; c++)
        inputs[c] = transformed(k->winograd_input, p, x + c * p->pixels, cut);
    for (int f = 0; f < FILTERS; f++)
        deltas[f] = transformed(k->winograd_delta, p, delta + f * p->pixels, cut);
    for (int place = 0; place < PLACES; place++)
        for (int i = 0; i < KERNELS_COUNT; i++) {
            double s = 0;
            for (int t = 0; t < p->tiles; t++)
                s += (double)deltas[i / CHANNELS][place * p->step + t]
                     * inputs[i % CHANNELS][place * p->step + t];
            products[place * step + i] = (float)s;
        }
    k->winograd_weight_grads(products, step, KERNELS_COUNT, taps, tap_step);
    for (int i = 0; i < KERNELS_COUNT; i++) {
        sum s[9] = {{0}};
        double size = 0;
        for (int tap = 0; tap < 9; tap++) {
            for (int at = 0; at < p->pixels; at++)
                add_term(&s[tap],
                         delta[i / CHANNELS * p->pixels + at] * seen(p, x, i % CHANNELS, at, tap));
            size = fmax(size, s[tap].size);
        }
        for (int tap = 0; tap < 9; tap++)
            CHECK(is_near(taps[tap * tap_step + i], (sum){s[tap].value, size}, TOLERANCE));
    }
    for (int c = 0; c < CHANNELS; c++)
        discard(inputs[c], PLACES * p->step);
    for (int f = 0; f < FILTERS; f++)
        discard(deltas[f], PLACES * p->step);
    free(x);
    free(delta);
    free(products);
    discard(taps, 9 * tap_step);
}

int main(void)
{
    const int sizes[][2] = {{1, 1},  {3, 5},  {4, 4},  {5, 4},  {7, 8},   {8, 15}, {13, 13},
                            {17, 9}, {2, 33}, {9, 31}, {6, 64}, {12, 67}, {1, 130}};
    for (int i = 0; table(i); i++)
        for (size_t j = 0; j < sizeof sizes / sizeof *sizes; j++) {
            const plane p = plane_of(sizes[j][0], sizes[j][1]);
            for (int cut = 0; cut < p.down; cut++) {
                forward(table(i), &p, cut);
                weight_gradients(table(i), &p, cut);
            }
        }
    return 0;
}

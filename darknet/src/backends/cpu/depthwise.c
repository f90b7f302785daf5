/* Depthwise 3x3 convolutions of padding 1, a channel at a time. */
#include "depthwise.h"
#include "pointwise.h"

#include <string.h>

enum { TAPS = 9 };

static bool fits(const conv *s)
{
    return s->size == 3 && s->padding == 1 && s->stride <= 2 && s->groups == s->in.c
           && s->in.c == s->out.c;
}

static room scratch_of(const conv *s, const pass *p)
{
    (void)p;
    return (room){.own = taps_scratch(s->in.w)};
}

static packing packing_of(const conv *s)
{
    (void)s;
    return (packing){.filters = 1, .step = TAPS};
}

/* As they are. */
static void pack_weights(const workspace *w, const conv *s, const float *weights, float *packed)
{
    (void)w;
    memcpy(packed, weights, (size_t)s->out.c * TAPS * sizeof *packed);
}

static void channel_forward(const pass *p, const workspace *w, const conv *s, conv_weights weights,
                            const float *input, float *output, const epilogue *e, int c)
{
    const planes one = {1, s->in.h, s->in.w, s->stride, 0, plane(s->out)};
    const float *taps = (weights.plain ? weights.plain : weights.packed) + TAPS * c;
    for (int b = 0; b < p->batch; b++) {
        const int64_t at = (int64_t)b * s->in.c + c;
        dn_kernels.depthwise(&one, input + at * plane(s->in), taps, e ? e->biases + c : NULL,
                             e ? e->activation : LINEAR, output + at * plane(s->out), 0,
                             dn_kernels.tile_columns, own_scratch(w));
    }
}

static void channel_grads(const pass *p, const workspace *w, const conv *s, const conv_data *d,
                          int c)
{
    float *own = own_scratch(w);
    for (int b = 0; b < p->batch; b++) {
        const int64_t at = (int64_t)b * s->in.c + c;
        const float *delta = d->delta + at * plane(s->out);
        dn_kernels.depthwise_weight_grad(d->input + at * plane(s->in), delta, s->in.h, s->in.w,
                                         s->stride, d->weight_grads + TAPS * c, own);
        if (d->input_delta)
            dn_kernels.depthwise_input_grad(delta, s->in.h, s->in.w, s->stride,
                                            d->weights + TAPS * c,
                                            d->input_delta + at * plane(s->in), d->add, own);
    }
}

int depthwise_first_read(const conv *s, int first_row)
{
    return (int)most(first_row * s->stride - 1, 0);
}

band depthwise_band(const conv *s, int first_row, int last_row)
{
    const int first = (int)most(first_row - 1, 0) * s->stride;
    return (band){.first = first,
                  .count = (int)least(last_row * s->stride + 2, s->in.h) - first};
}

void depthwise_fill(const conv *s, const float *packed, band in, int64_t first, int64_t last,
                    int64_t from, int64_t to, int64_t deep, float *panels, float *scratch)
{
    const int width = dn_kernels.tile_columns;
    const float *biases = packed, *weights = packed + packed_biases(s);
    const int64_t above = (int64_t)(in.first / s->stride) * s->out.w; /* outputs */
    const planes p = {to - from, in.count, s->in.w, s->stride, first - above, last - above};
    dn_kernels.depthwise(&p, in.rows + from * in.count * s->in.w, weights + TAPS * from,
                         biases + from, s->activation, panels + from * width, width,
                         panel_depth(deep) * width, scratch);
}

/* Only within a 1x1 convolution: a large map need not go to memory then. */
static bool fuses(const conv *s, const conv *before, const conv_algorithm *its, bool within)
{
    return within && its == &pointwise_algorithm && pointwise_makes_bands(before, s);
}

const conv_algorithm depthwise_algorithm = {
    .name = "depthwise",
    .fits = fits,
    .fuses = fuses,
    .scratch = scratch_of,
    .packing = packing_of,
    .pack = pack_weights,
    .channel_forward = channel_forward,
    .channel_grads = channel_grads,
};

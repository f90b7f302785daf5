/* A convolutional section forward: sums, then batch norm or bias, then the activation. */
#include "conv.h"

#include <math.h>
#include <string.h>

#include "backends/reference/reference.h"

conv_kind conv_kind_of(const conv *s)
{
    enum { FEW = 16 };
    const bool three = s->size == 3 && s->padding == 1;
    if (s->size == 1 && s->stride == 1 && s->padding == 0 && s->groups == 1)
        return POINTWISE;
    if (three && s->groups == s->in.c && s->in.c == s->out.c && s->stride <= 2)
        return DEPTHWISE;
    if (three && s->groups == 1 && s->stride == 1 && s->in.c >= FEW && s->out.c >= FEW)
        return WINOGRAD;
    return GENERAL;
}

/* A depthwise convolution's rows may as well be made where a pointwise one needs them. */
bool cpu_conv_takes(const conv *s, const conv *before)
{
    return conv_kind_of(s) == POINTWISE && !pointwise_joins(s) && conv_kind_of(before) == DEPTHWISE
           && is_clipped_line(before->activation);
}

static room room_of(const conv *s, const pass *p)
{
    switch (conv_kind_of(s)) {
    case POINTWISE:
        return pointwise_room(s, p);
    case WINOGRAD:
        return winograd_room(s, p);
    case GENERAL:
        return general_room(s, p);
    case DEPTHWISE:
        break;
    }
    return (room){.own = taps_scratch(s->in.w)};
}

static int64_t whole_lines(int64_t floats)
{
    enum { LINE = 16 };
    return (floats + LINE - 1) / LINE * LINE;
}

workspace conv_workspace_of(const pass *p, const conv *s)
{
    const room r = room_of(s, p);
    float *shared = p->workspace;
    return (workspace){.shared = shared,
                       .own = shared + whole_lines(r.shared),
                       .own_floats = whole_lines(r.own),
                       .team = pass_team(p, p->batch * dims_count(s->out) * conv_depth(s))};
}

size_t cpu_conv_workspace(const conv *s, const pass *p)
{
    const room r = room_of(s, p);
    return (size_t)(whole_lines(r.shared) + p->threads * whole_lines(r.own)) * sizeof(float);
}

int64_t packed_biases(const conv *s)
{
    return whole_lines(s->out.c);
}

size_t cpu_conv_packed_bytes(const conv *s)
{
    int64_t floats = 0;
    switch (conv_kind_of(s)) {
    case POINTWISE:
        floats = pointwise_packed_floats(s);
        break;
    case WINOGRAD:
        floats = winograd_packed_floats(s);
        break;
    case GENERAL:
        floats = general_packed_floats(s);
        break;
    case DEPTHWISE:
        floats = (int64_t)s->out.c * conv_depth(s);
        break;
    }
    return (size_t)(packed_biases(s) + floats) * sizeof(float);
}

/* out = act(a*x + b) */
static void affine_activate(const float *x, float *out, int64_t n, float a, float b, activation act)
{
    if (is_clipped_line(act)) {
        dn_kernels.affine(x, out, n, a, b, act);
        return;
    }
    dn_kernels.affine(x, out, n, a, b, LINEAR);
    for (int64_t i = 0; i < n; i++)
        out[i] = dn_activate(act, out[i]);
}

/* Panels of some filters each, `step` floats apart, [depth][filter]: each filter's by its scale. */
static void scale_panels(const workspace *w, const conv *s, const conv_data *d, int filters,
                         int64_t step, float *panels)
{
    enum { MOST_FILTERS = 16 };
    const int group = s->out.c / s->groups, each = (int)pieces_of(group, filters);
#pragma omp parallel for num_threads(w->team)
    for (int i = 0; i < s->groups * each; i++) {
        double scales[MOST_FILTERS];
        for (int l = 0; l < filters; l++)
            scales[l] = reference_fold_scale(
                s, d, i / each * group + (int)least(i % each * filters + l, group - 1));
        float *panel = panels + i * step;
        for (int64_t k = 0; k < conv_depth(s); k++)
            for (int l = 0; l < filters; l++, panel++)
                *panel = (float)(*panel * scales[l]);
    }
}

/* As the plain backend folds, in the kind's panels. */
void cpu_conv_fold(const pass *p, const conv *s, const conv_data *d, void *packed)
{
    const workspace w = conv_workspace_of(p, s);
    const int rows = dn_kernels.tile_rows, depth = conv_depth(s);
    float *weights = (float *)packed + packed_biases(s);
    reference_fold_biases(s, d, packed);
    switch (conv_kind_of(s)) {
    case POINTWISE:
        pointwise_pack(&w, s, d->weights, weights);
        scale_panels(&w, s, d, rows, panel_depth(depth) * rows, weights);
        break;
    case WINOGRAD:
        winograd_pack(&w, s, d->weights, weights);
        scale_panels(&w, s, d, rows, (int64_t)depth * rows, weights);
        break;
    case GENERAL:
        general_pack(&w, s, d->weights, weights);
        scale_panels(&w, s, d, rows, panel_depth(depth) * rows, weights);
        break;
    case DEPTHWISE:
        memcpy(weights, d->weights, (size_t)s->out.c * (size_t)depth * sizeof *weights);
        scale_panels(&w, s, d, 1, depth, weights);
        break;
    }
}

/* Batch mean and variance of channel c over the images' planes, combined in the order of the
 * images (Chan et al.). */
static void channel_statistics(const conv *s, const float *raw, int batch, int c, double *mean,
                               double *variance)
{
    const int64_t n = plane(s->out);
    double squares = 0;
    *mean = 0;
    for (int b = 0; b < batch; b++) {
        const float *x = raw + ((int64_t)b * s->out.c + c) * n;
        const double own_mean = dn_kernels.sum(x, n) / (double)n;
        const double step = own_mean - *mean;
        const float rounded = (float)own_mean;
        const double moved = own_mean - rounded; /* the squares are taken about the rounded mean */
        squares += dn_kernels.squares(x, n, rounded) - moved * moved * (double)n;
        squares += step * step * (double)n * b / (b + 1);
        *mean += step / (b + 1);
    }
    const int64_t count = n * batch;
    *variance = fmax(squares, 0) / (double)(count > 1 ? count - 1 : 1);
}

static void update_statistics(const conv *s, const conv_data *d, int batch, int c)
{
    double mean, variance;
    channel_statistics(s, d->raw, batch, c, &mean, &variance);
    d->mean[c] = (float)mean;
    d->variance[c] = (float)variance;
    const double keep = d->fresh ? 0 : .99;
    d->rolling_mean[c] = (float)(keep * d->rolling_mean[c] + (1 - keep) * mean);
    d->rolling_variance[c] = (float)(keep * d->rolling_variance[c] + (1 - keep) * variance);
}

/* Channel c of all images from sums to output. */
static void finish_channel(const pass *p, const conv *s, const conv_data *d, const float *sums,
                           int c)
{
    const int64_t n = plane(s->out);
    float a = 1, b = d->biases[c];
    if (s->batch_normalize) {
        if (p->train)
            update_statistics(s, d, p->batch, c);
        const float mean = p->train ? d->mean[c] : d->rolling_mean[c];
        const float variance = p->train ? d->variance[c] : d->rolling_variance[c];
        a = d->scales[c] / sqrtf(variance + 1.f / CONV_EPS_INVERSE);
        b -= mean * a;
    }
    for (int i = 0; i < p->batch; i++) {
        const int64_t at = ((int64_t)i * s->out.c + c) * n;
        affine_activate(sums + at, d->output + at, n, a, b, s->activation);
    }
}

/* act(sums + bias) of channel c of all images. */
static void depthwise_channel(const pass *p, const workspace *w, const conv *s,
                              const float *weights, const float *bias, activation act,
                              const float *input, float *out, int c)
{
    const planes one = {1, s->in.h, s->in.w, s->stride, 0, plane(s->out)};
    for (int b = 0; b < p->batch; b++) {
        const int64_t at = (int64_t)b * s->in.c + c;
        dn_kernels.depthwise(&one, input + at * plane(s->in), weights + 9 * c, bias, act,
                             out + at * plane(s->out), 0, dn_kernels.tile_columns, own_scratch(w));
    }
}

/* The sums of all channels, or with an epilogue the output; of no depthwise kind. */
static void sum_up(const pass *p, const workspace *w, const conv *s, conv_weights weights,
                   const float *input, float *out, const epilogue *e)
{
    switch (conv_kind_of(s)) {
    case POINTWISE:
        pointwise_forward(p, w, s, weights, input, out, e);
        break;
    case WINOGRAD:
        winograd_forward(p, w, s, weights, input, out, e);
        break;
    case GENERAL:
        general_forward(p, w, s, weights, input, out, e);
        break;
    case DEPTHWISE:
        break;
    }
}

/* packed: the biases, then the weights as the kind packs them. The epilogue takes clipped lines;
 * other activations come after it. */
static void forward_folded(const pass *p, const workspace *w, const conv *s, const conv_data *d)
{
    const float *biases = d->packed, *weights = biases + packed_biases(s);
    const bool fused = is_clipped_line(s->activation);
    const epilogue e = {biases, fused ? s->activation : LINEAR};
    if (conv_kind_of(s) == DEPTHWISE) {
#pragma omp parallel for schedule(dynamic, 8) num_threads(w->team)
        for (int c = 0; c < s->out.c; c++)
            depthwise_channel(p, w, s, weights, biases + c, e.activation, d->input, d->output, c);
    } else {
        const conv_weights packed = {.packed = weights, .before = d->packed_before};
        sum_up(p, w, s, packed, d->input, d->output, &e);
    }
    if (!fused)
        p->backend->activate(p, s->activation, d->output, d->output, p->batch * dims_count(s->out));
}

void cpu_conv_forward(const pass *p, const conv *s, const conv_data *d)
{
    const workspace w = conv_workspace_of(p, s);
    if (d->packed) {
        forward_folded(p, &w, s, d);
        return;
    }
    const bool depthwise = conv_kind_of(s) == DEPTHWISE;
    float *sums = d->raw ? d->raw : d->output;
    if (!depthwise)
        sum_up(p, &w, s, (conv_weights){.plain = d->weights}, d->input, sums, NULL);
#pragma omp parallel for schedule(dynamic, 4) num_threads(w.team)
    for (int c = 0; c < s->out.c; c++) {
        if (depthwise)
            depthwise_channel(p, &w, s, d->weights, NULL, LINEAR, d->input, sums, c);
        finish_channel(p, s, d, sums, c);
    }
}

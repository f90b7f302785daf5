/* A convolutional section as plain loops: sums, batch norm or bias, activation, and back. */
#include <math.h>
#include <string.h>

#include "reference.h"

static int64_t plane(dims d)
{
    return (int64_t)d.h * d.w;
}

size_t reference_conv_workspace(const conv *s, const pass *p)
{
    (void)s;
    (void)p;
    return 0;
}

/* One multiplication of a convolution: output value, input value and weight, by their places. */
typedef struct { int64_t out, in, weight; } term;

/* Calls visit for every multiplication of filter f in image b. */
static void each_term(const conv *s, int b, int f, void (*visit)(void *, term), void *context)
{
    const int channels = s->in.c / s->groups, first = f / (s->out.c / s->groups) * channels;
    for (int y = 0; y < s->out.h; y++)
        for (int x = 0; x < s->out.w; x++)
            for (int c = 0; c < channels; c++)
                for (int ky = 0; ky < s->size; ky++)
                    for (int kx = 0; kx < s->size; kx++) {
                        const int in_y = y * s->stride + ky - s->padding, in_x = x * s->stride + kx - s->padding;
                        if (in_y < 0 || in_y >= s->in.h || in_x < 0 || in_x >= s->in.w)
                            continue;
                        visit(context, (term){
                            .out = ((int64_t)b * s->out.c + f) * plane(s->out) + (int64_t)y * s->out.w + x,
                            .in = ((int64_t)b * s->in.c + first + c) * plane(s->in) + (int64_t)in_y * s->in.w + in_x,
                            .weight = (((int64_t)f * channels + c) * s->size + ky) * s->size + kx});
                    }
}

typedef struct { const conv_data *d; const float *weights; float *sums; } convolution;

static void add_product(void *context, term t)
{
    const convolution *c = context;
    c->sums[t.out] += c->d->input[t.in] * c->weights[t.weight];
}

static void add_weight_grad(void *context, term t)
{
    const convolution *c = context;
    c->d->weight_grads[t.weight] += c->d->delta[t.out] * c->d->input[t.in];
}

static void add_input_grad(void *context, term t)
{
    const convolution *c = context;
    c->d->input_delta[t.in] += c->d->delta[t.out] * c->weights[t.weight];
}

static void convolve(const pass *p, const conv *s, const conv_data *d, const float *weights, float *sums)
{
    convolution c = {d, weights, sums};
    memset(sums, 0, (size_t)(p->batch * dims_count(s->out)) * sizeof *sums);
    for (int b = 0; b < p->batch; b++)
        for (int f = 0; f < s->out.c; f++)
            each_term(s, b, f, add_product, &c);
}

/* Mean and variance (divided by n-1) of channel c over batch and plane. */
static void statistics(const pass *p, dims s, const float *x, int c, double *mean, double *variance)
{
    const int64_t count = p->batch * plane(s);
    double sum = 0, squares = 0;
    for (int b = 0; b < p->batch; b++)
        for (int64_t i = 0; i < plane(s); i++)
            sum += x[((int64_t)b * s.c + c) * plane(s) + i];
    *mean = sum / (double)count;
    for (int b = 0; b < p->batch; b++)
        for (int64_t i = 0; i < plane(s); i++) {
            const double difference = x[((int64_t)b * s.c + c) * plane(s) + i] - *mean;
            squares += difference * difference;
        }
    *variance = squares / (double)(count > 1 ? count - 1 : 1);
}

static double inverse_deviation(double variance)
{
    return 1 / sqrt(variance + 1e-5);
}

void reference_batchnorm(const pass *p, dims s, const conv_data *d)
{
    for (int c = 0; c < s.c; c++) {
        double mean = d->rolling_mean[c], variance = d->rolling_variance[c];
        if (p->train) {
            const double keep = d->fresh ? 0 : .99;
            statistics(p, s, d->raw, c, &mean, &variance);
            d->mean[c] = (float)mean;
            d->variance[c] = (float)variance;
            d->rolling_mean[c] = (float)(keep * d->rolling_mean[c] + (1 - keep) * mean);
            d->rolling_variance[c] = (float)(keep * d->rolling_variance[c] + (1 - keep) * variance);
        }
        for (int b = 0; b < p->batch; b++)
            for (int64_t i = 0; i < plane(s); i++) {
                const int64_t at = ((int64_t)b * s.c + c) * plane(s) + i;
                d->output[at] = (float)(d->scales[c] * (d->raw[at] - mean) * inverse_deviation(variance) + d->biases[c]);
            }
    }
}

/* The derivative of out = scale*(x - mean)/deviation + bias, mean and deviation being functions of all x:
 * dx = scale/deviation * (g - sum(g)/n - (x - mean)/variance' * sum(g*(x - mean))/(n-1)), variance' with its epsilon. */
void reference_batchnorm_grad(const pass *p, dims s, const conv_data *d)
{
    const double count = (double)(p->batch * plane(s));
    for (int c = 0; c < s.c; c++) {
        const double inverse = inverse_deviation(d->variance[c]), mean = d->mean[c];
        double sum = 0, product = 0;
        for (int b = 0; b < p->batch; b++)
            for (int64_t i = 0; i < plane(s); i++) {
                const int64_t at = ((int64_t)b * s.c + c) * plane(s) + i;
                sum += d->delta[at];
                product += d->delta[at] * (d->raw[at] - mean);
            }
        d->bias_grads[c] += (float)sum;
        d->scale_grads[c] += (float)(product * inverse);
        const double slope = product * inverse * inverse / (count > 1 ? count - 1 : 1);
        for (int b = 0; b < p->batch; b++)
            for (int64_t i = 0; i < plane(s); i++) {
                const int64_t at = ((int64_t)b * s.c + c) * plane(s) + i;
                d->delta[at] = (float)(d->scales[c] * inverse * (d->delta[at] - sum / count - slope * (d->raw[at] - mean)));
            }
    }
}

static void add_biases(const pass *p, dims s, const float *biases, const float *in, float *out)
{
    for (int64_t i = 0; i < (int64_t)p->batch * s.c; i++)
        for (int64_t j = i * plane(s); j < (i + 1) * plane(s); j++)
            out[j] = in[j] + biases[i % s.c];
}

void reference_conv_forward(const pass *p, const conv *s, const conv_data *d)
{
    const int64_t count = p->batch * dims_count(s->out);
    if (d->packed) {
        const float *weights = d->packed;
        convolve(p, s, d, weights, d->output);
        add_biases(p, s->out, weights + s->out.c * (s->in.c / s->groups) * s->size * s->size, d->output, d->output);
    } else {
        float *sums = d->raw ? d->raw : d->output;
        convolve(p, s, d, d->weights, sums);
        if (s->batch_normalize)
            reference_batchnorm(p, s->out, d);
        else
            add_biases(p, s->out, d->biases, sums, d->output);
    }
    reference_activate(p, s->activation, d->output, d->output, count);
}

/* delta *= the activation's gradient, whose x is the convolution's sum after batch norm or bias. */
static void activation_backward(const pass *p, const conv *s, const conv_data *d)
{
    const bool reads_x = dn_activation_reads_x(s->activation);
    for (int64_t i = 0; i < (int64_t)p->batch * s->out.c; i++) {
        const int64_t c = i % s->out.c;
        for (int64_t at = i * plane(s->out); at < (i + 1) * plane(s->out); at++) {
            double x = 0;
            if (reads_x && s->batch_normalize)
                x = d->scales[c] * (d->raw[at] - d->mean[c]) * inverse_deviation(d->variance[c]) + d->biases[c];
            else if (reads_x)
                x = d->raw[at] + d->biases[c];
            d->delta[at] *= dn_activation_gradient(s->activation, d->output[at], (float)x);
        }
    }
}

void reference_conv_backward(const pass *p, const conv *s, const conv_data *d)
{
    if (s->activation != LINEAR)
        activation_backward(p, s, d);
    if (s->batch_normalize)
        reference_batchnorm_grad(p, s->out, d);
    for (int b = 0; b < p->batch && !s->batch_normalize; b++)
        for (int c = 0; c < s->out.c; c++) {
            double sum = 0;
            for (int64_t i = 0; i < plane(s->out); i++)
                sum += d->delta[((int64_t)b * s->out.c + c) * plane(s->out) + i];
            d->bias_grads[c] += (float)sum;
        }
    convolution c = {d, d->weights, NULL};
    if (d->input_delta && !d->add)
        memset(d->input_delta, 0, (size_t)(p->batch * dims_count(s->in)) * sizeof *d->input_delta);
    for (int b = 0; b < p->batch; b++)
        for (int f = 0; f < s->out.c; f++) {
            each_term(s, b, f, add_weight_grad, &c);
            if (d->input_delta)
                each_term(s, b, f, add_input_grad, &c);
        }
}

size_t reference_conv_packed_bytes(const conv *s)
{
    return (size_t)s->out.c * (size_t)(s->in.c / s->groups * s->size * s->size + 1) * sizeof(float);
}

/* Batch norm by the rolling statistics becomes part of weights and biases: packed = weights, then biases. */
void reference_conv_fold(const conv *s, const conv_data *d, void *packed)
{
    const int64_t each = (int64_t)s->in.c / s->groups * s->size * s->size;
    float *weights = packed, *biases = weights + s->out.c * each;
    for (int64_t c = 0; c < s->out.c; c++) {
        const double scale = s->batch_normalize ? d->scales[c] * inverse_deviation(d->rolling_variance[c]) : 1;
        for (int64_t i = c * each; i < (c + 1) * each; i++)
            weights[i] = (float)(d->weights[i] * scale);
        biases[c] = (float)(d->biases[c] - (s->batch_normalize ? d->rolling_mean[c] * scale : 0));
    }
}

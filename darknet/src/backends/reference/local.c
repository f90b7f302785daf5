/* [local]: convolutions with kernels of each place's own. */
#include "reference.h"

/* One place's window: its taps that lie inside the input. */
typedef struct {
    int top, left, first_row, past_row, first_column, past_column;
} reach;

static reach reach_of(const window *s, int place)
{
    const int top = place / s->out.w * s->stride - s->padding,
              left = place % s->out.w * s->stride - s->padding;
    return (reach){top,
                   left,
                   top < 0 ? -top : 0,
                   s->in.h - top < s->size ? s->in.h - top : s->size,
                   left < 0 ? -left : 0,
                   s->in.w - left < s->size ? s->in.w - left : s->size};
}

static int64_t plane(dims d)
{
    return (int64_t)d.h * d.w;
}

/* Floats of a place's kernel of one filter. */
static int64_t kernel_size(const window *s)
{
    return (int64_t)s->in.c * s->size * s->size;
}

static double sum_at(const window *s, const reach *r, const float *in, const float *kernel)
{
    double sum = 0;
    for (int c = 0; c < s->in.c; c++)
        for (int y = r->first_row; y < r->past_row; y++)
            for (int x = r->first_column; x < r->past_column; x++)
                sum += (double)in[c * plane(s->in) + (int64_t)(r->top + y) * s->in.w + r->left + x]
                       * kernel[((int64_t)c * s->size + y) * s->size + x];
    return sum;
}

void reference_local(const pass *p, const window *s, const float *in, const float *weights,
                     const float *biases, float *out)
{
    const int places = (int)plane(s->out);
#pragma omp parallel for num_threads(p->threads)
    for (int i = 0; i < places; i++) {
        const reach r = reach_of(s, i);
        for (int b = 0; b < p->batch; b++)
            for (int f = 0; f < s->out.c; f++) {
                const float *kernel = weights + ((int64_t)i * s->out.c + f) * kernel_size(s);
                const int64_t own = (int64_t)f * places + i;
                out[b * dims_count(s->out) + own] =
                    (float)(biases[own] + sum_at(s, &r, in + b * dims_count(s->in), kernel));
            }
    }
}

/* Adds g times the input to a kernel's gradient, or g times a kernel to an input's. */
static void spread(const window *s, const reach *r, float g, const float *in, float *kernel_grad,
                   const float *kernel, float *input_delta)
{
    for (int c = 0; c < s->in.c; c++)
        for (int y = r->first_row; y < r->past_row; y++)
            for (int x = r->first_column; x < r->past_column; x++) {
                const int64_t at = c * plane(s->in) + (int64_t)(r->top + y) * s->in.w + r->left + x;
                const int64_t tap = ((int64_t)c * s->size + y) * s->size + x;
                if (kernel_grad)
                    kernel_grad[tap] += g * in[at];
                else
                    input_delta[at] += g * kernel[tap];
            }
}

/* A place's kernels belong to one thread, and so does an image's input. */
void reference_local_grad(const pass *p, const window *s, const float *in, const float *weights,
                          const float *delta, float *weight_grads, float *bias_grads,
                          float *input_delta, bool add)
{
    const int places = (int)plane(s->out);
#pragma omp parallel for num_threads(p->threads)
    for (int i = 0; i < places; i++) {
        const reach r = reach_of(s, i);
        for (int b = 0; b < p->batch; b++)
            for (int f = 0; f < s->out.c; f++) {
                const int64_t own = (int64_t)f * places + i;
                const float g = delta[b * dims_count(s->out) + own];
                float *grad = weight_grads + ((int64_t)i * s->out.c + f) * kernel_size(s);
                bias_grads[own] += g;
                spread(s, &r, g, in + b * dims_count(s->in), grad, NULL, NULL);
            }
    }
    if (!input_delta)
        return;
#pragma omp parallel for num_threads(p->threads)
    for (int b = 0; b < p->batch; b++) {
        float *to = input_delta + b * dims_count(s->in);
        for (int64_t i = 0; i < dims_count(s->in) && !add; i++)
            to[i] = 0;
        for (int i = 0; i < places; i++) {
            const reach r = reach_of(s, i);
            for (int f = 0; f < s->out.c; f++)
                spread(s, &r, delta[b * dims_count(s->out) + (int64_t)f * places + i], NULL, NULL,
                       weights + ((int64_t)i * s->out.c + f) * kernel_size(s), to);
        }
    }
}

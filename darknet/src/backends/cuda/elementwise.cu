/* Operations on each value by itself, softmax, and the update of parameters. */
#include "activations.h"
#include "cuda.h"
#include "formulas.h"

/* Where value i of a strip stands. */
static __device__ int64_t place_in(const strip *s, int64_t i)
{
    return s->rows == 1 ? i : i / s->count * s->step + i % s->count;
}

static __global__ void activate(activation a, const float *in, float *out, strip s)
{
    FOR_EACH(k, s.rows * s.count) {
        const int64_t i = place_in(&s, k);
        out[i] = activated(a, in[i]);
    }
}

void cuda_activate(const pass *, activation a, const float *in, float *out, strip s)
{
    LAUNCH(activate, s.rows * s.count, a, in, out, s);
}

static __global__ void activate_grad(activation a, const float *y, const float *x,
                                     const float *delta, float *input_delta, bool add, strip s)
{
    FOR_EACH(k, s.rows * s.count) {
        const int64_t i = place_in(&s, k);
        put(input_delta + i, delta[i] * slope(a, y[i], x ? x[i] : 0), add);
    }
}

void cuda_activate_grad(const pass *, activation a, const float *y, const float *x,
                        const float *delta, float *input_delta, bool add, strip s)
{
    LAUNCH(activate_grad, s.rows * s.count, a, y, x, delta, input_delta, add, s);
}

static __global__ void dropout(uint64_t seed, float probability, float scale, const float *x,
                               float *out, float *mask, int64_t count)
{
    FOR_EACH(i, count) {
        mask[i] = dn_random_uniform(seed, (uint64_t)i) < probability ? 0 : scale;
        out[i] = x[i] * mask[i];
    }
}

void cuda_dropout(const pass *p, float probability, int layer, const float *x, float *out,
                  float *mask, int64_t count)
{
    const uint64_t seed = dn_random_bits(dn_random_bits(p->seed, (uint64_t)p->seen),
                                         (uint64_t)layer);
    const float scale = probability < 1 ? 1 / (1 - probability) : 0;
    LAUNCH(dropout, count, seed, probability, scale, x, out, mask, count);
}

static __global__ void multiply(const float *a, const float *b, float *out, bool add,
                                int64_t count)
{
    FOR_EACH(i, count)
        put(out + i, a[i] * b[i], add);
}

void cuda_multiply(const pass *, const float *a, const float *b, float *out, bool add,
                   int64_t count)
{
    LAUNCH(multiply, count, a, b, out, add, count);
}

static __global__ void softmax(int n, int64_t step, int groups, int64_t group_step, int64_t lanes,
                               int64_t image_step, float temperature, const float *x, float *out,
                               int64_t count)
{
    FOR_EACH(i, count) {
        const int64_t lane = i % lanes, g = i / lanes % groups, b = i / lanes / groups;
        const int64_t at = b * image_step + g * group_step + lane;
        softmax_one(n, step, temperature, x + at, out + at);
    }
}

void cuda_softmax(const pass *p, int n, int64_t step, int groups, int64_t group_step,
                  int64_t lanes, int64_t image_step, float temperature, const float *x, float *out)
{
    const int64_t count = p->batch * groups * lanes;
    LAUNCH(softmax, count, n, step, groups, group_step, lanes, image_step, temperature, x, out,
           count);
}

static __global__ void affine(float a, float b, const float *x, float *out, strip s)
{
    FOR_EACH(k, s.rows * s.count) {
        const int64_t i = place_in(&s, k);
        out[i] = a * x[i] + b;
    }
}

void cuda_affine(const pass *, float a, float b, const float *x, float *out, strip s)
{
    LAUNCH(affine, s.rows * s.count, a, b, x, out, s);
}

static __global__ void sgd(float *w, float *grad, int64_t count, float rate, float decay,
                           float momentum)
{
    FOR_EACH(i, count) {
        const float g = grad[i] - decay * w[i];
        w[i] += rate * g;
        grad[i] = momentum * g;
    }
}

void cuda_sgd(const pass *, float *w, float *grad, int64_t count, double rate,
              double decay_batch, double momentum)
{
    LAUNCH(sgd, count, w, grad, count, (float)rate, (float)decay_batch, (float)momentum);
}

typedef struct {
    double rate, decay, b1, b2, correct1, correct2, eps;
} adam_step;

static __global__ void adam(float *w, float *grad, float *m, float *v, int64_t count, adam_step s)
{
    FOR_EACH(i, count) {
        const double g = grad[i] - s.decay * w[i];
        m[i] = (float)(s.b1 * m[i] + (1 - s.b1) * g);
        v[i] = (float)(s.b2 * v[i] + (1 - s.b2) * g * g);
        w[i] += (float)(s.rate * (m[i] / s.correct1) / (sqrt(v[i] / s.correct2) + s.eps));
        grad[i] = 0;
    }
}

void cuda_adam(const pass *, float *w, float *grad, float *m, float *v, int64_t count, double rate,
               double decay_batch, double b1, double b2, double eps, int64_t step)
{
    const adam_step s = {rate, decay_batch, b1, b2, 1 - pow(b1, (double)step),
                         1 - pow(b2, (double)step), eps};
    LAUNCH(adam, count, w, grad, m, v, count, s);
}

static __global__ void clip(float *w, int64_t count, float most)
{
    FOR_EACH(i, count)
        w[i] = w[i] > most ? most : w[i] < -most ? -most : w[i];
}

void cuda_clip(const pass *, float *w, int64_t count, double limit)
{
    LAUNCH(clip, count, w, count, (float)limit);
}

static __global__ void shrink(float *a, const float *b, int64_t count, double scale)
{
    FOR_EACH(i, count) {
        const double base = b ? b[i] : 0;
        a[i] = (float)(base + scale * (a[i] - base));
    }
}

void cuda_shrink(const pass *, float *a, const float *b, int64_t count, double scale)
{
    LAUNCH(shrink, count, a, b, count, scale);
}

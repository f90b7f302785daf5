/* Operations on each value by itself, and softmax. */
#include <math.h>

#include "formulas.h"
#include "random.h"
#include "reference.h"

void reference_activate(const pass *p, activation a, const float *in, float *out, strip s)
{
    (void)p; /* read by OpenMP's pragmas only */
    float (*const y)(float) = activations[a].y;
#pragma omp parallel for collapse(2) num_threads(pass_team(p, s.rows * s.count))
    for (int64_t r = 0; r < s.rows; r++)
        for (int64_t i = 0; i < s.count; i++)
            out[r * s.step + i] = y(in[r * s.step + i]);
}

void reference_activate_grad(const pass *p, activation a, const float *y, const float *x,
                             const float *delta, float *input_delta, bool add, strip s)
{
    (void)p; /* read by OpenMP's pragmas only */
    float (*const gradient)(float, float) = activations[a].gradient;
#pragma omp parallel for collapse(2) num_threads(pass_team(p, s.rows * s.count))
    for (int64_t r = 0; r < s.rows; r++)
        for (int64_t k = 0; k < s.count; k++) {
            const int64_t i = r * s.step + k;
            const float g = delta[i] * gradient(y[i], x ? x[i] : 0);
            input_delta[i] = add ? input_delta[i] + g : g;
        }
}

/* mask: the factor of each value, 0 or 1/(1 - probability): a function of seed, pass, layer and
 * element. */
void reference_dropout(const pass *p, float probability, int layer, const float *x, float *out,
                       float *mask, int64_t count)
{
    const uint64_t seed = dn_random_bits(dn_random_bits(p->seed, (uint64_t)p->seen),
                                         (uint64_t)layer);
    const float scale = probability < 1 ? 1 / (1 - probability) : 0;
#pragma omp parallel for num_threads(pass_team(p, count))
    for (int64_t i = 0; i < count; i++) {
        mask[i] = dn_random_uniform(seed, (uint64_t)i) < probability ? 0 : scale;
        out[i] = x[i] * mask[i];
    }
}

void reference_multiply(const pass *p, const float *a, const float *b, float *out, bool add,
                        int64_t count)
{
    (void)p; /* read by OpenMP's pragmas only */
#pragma omp parallel for num_threads(pass_team(p, count))
    for (int64_t i = 0; i < count; i++)
        out[i] = add ? out[i] + a[i] * b[i] : a[i] * b[i];
}

void reference_softmax(const pass *p, int n, int64_t step, int groups, int64_t group_step,
                       int64_t lanes, int64_t image_step, float temperature, const float *x,
                       float *out)
{
#pragma omp parallel for collapse(3) num_threads(pass_team(p, n * groups * lanes * p->batch))
    for (int b = 0; b < p->batch; b++)
        for (int g = 0; g < groups; g++)
            for (int64_t lane = 0; lane < lanes; lane++) {
                const int64_t at = b * image_step + g * group_step + lane;
                softmax_one(n, step, temperature, x + at, out + at);
            }
}

void reference_sgd(const pass *p, float *w, float *grad, int64_t count, double rate,
                   double decay_batch, double momentum)
{
    (void)p; /* read by OpenMP's pragmas only */
    const float r = (float)rate, d = (float)decay_batch, m = (float)momentum;
#pragma omp parallel for num_threads(pass_team(p, count))
    for (int64_t i = 0; i < count; i++) {
        const float g = grad[i] - d * w[i];
        w[i] += r * g;
        grad[i] = m * g;
    }
}

void reference_adam(const pass *p, float *w, float *grad, float *m, float *v, int64_t count,
                    double rate, double decay_batch, double b1, double b2, double eps, int64_t step)
{
    (void)p; /* read by OpenMP's pragmas only */
    const double correct1 = 1 - pow(b1, (double)step), correct2 = 1 - pow(b2, (double)step);
#pragma omp parallel for num_threads(pass_team(p, count))
    for (int64_t i = 0; i < count; i++) {
        const double g = grad[i] - decay_batch * w[i];
        m[i] = (float)(b1 * m[i] + (1 - b1) * g);
        v[i] = (float)(b2 * v[i] + (1 - b2) * g * g);
        w[i] += (float)(rate * (m[i] / correct1) / (sqrt(v[i] / correct2) + eps));
        grad[i] = 0;
    }
}

void reference_clip(const pass *p, float *w, int64_t count, double limit)
{
    (void)p; /* read by OpenMP's pragmas only */
    const float most = (float)limit;
#pragma omp parallel for num_threads(pass_team(p, count))
    for (int64_t i = 0; i < count; i++)
        w[i] = w[i] > most ? most : w[i] < -most ? -most : w[i];
}

void reference_affine(const pass *p, float a, float b, const float *x, float *out, strip s)
{
    (void)p; /* read by OpenMP's pragmas only */
#pragma omp parallel for collapse(2) num_threads(pass_team(p, s.rows * s.count))
    for (int64_t r = 0; r < s.rows; r++)
        for (int64_t i = 0; i < s.count; i++)
            out[r * s.step + i] = a * x[r * s.step + i] + b;
}

/* In lanes, which are added in their order: sums that a compiler can keep in one vector. */
static double piece_squares(const float *a, const float *b, int64_t count)
{
    enum { LANES = 16 };
    double lane[LANES] = {0}, sum = 0;
    int64_t i = 0;
    for (; b && i + LANES <= count; i += LANES)
        for (int l = 0; l < LANES; l++) {
            const double d = (double)a[i + l] - b[i + l];
            lane[l] += d * d;
        }
    for (; !b && i + LANES <= count; i += LANES)
        for (int l = 0; l < LANES; l++)
            lane[l] += (double)a[i + l] * a[i + l];
    for (; i < count; i++) {
        const double d = b ? (double)a[i] - b[i] : a[i];
        sum += d * d;
    }
    for (int l = 0; l < LANES; l++)
        sum += lane[l];
    return sum;
}

/* Pieces of a fixed length, each summed by one thread; then the pieces in their order. */
double reference_squares(const pass *p, const float *a, const float *b, int64_t count)
{
    (void)p; /* read by OpenMP's pragmas only */
    enum { PIECE = 1 << 14, ROUND = 64 };
    double sum = 0;
    for (int64_t start = 0; start < count; start += (int64_t)PIECE * ROUND) {
        double sums[ROUND] = {0};
#pragma omp parallel for num_threads(pass_team(p, count - start))
        for (int r = 0; r < ROUND; r++) {
            const int64_t first = start + (int64_t)r * PIECE;
            if (first < count)
                sums[r] = piece_squares(a + first, b ? b + first : NULL,
                                        count - first < PIECE ? count - first : PIECE);
        }
        for (int r = 0; r < ROUND; r++)
            sum += sums[r];
    }
    return sum;
}

void reference_shrink(const pass *p, float *a, const float *b, int64_t count, double scale)
{
    (void)p; /* read by OpenMP's pragmas only */
#pragma omp parallel for num_threads(pass_team(p, count))
    for (int64_t i = 0; i < count; i++) {
        const double base = b ? b[i] : 0;
        a[i] = (float)(base + scale * (a[i] - base));
    }
}

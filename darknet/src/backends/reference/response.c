/* [normalization]: local response normalisation and its exact derivative. */
#include <math.h>

#include "reference.h"

/* The channels of the sum around channel c: first…past-1. */
static int first_of(const response *s, int c)
{
    const int before = (s->size - 1) / 2;
    return c > before ? c - before : 0;
}

static int past_of(const response *s, int c)
{
    const int after = s->size / 2;
    return c < s->map.c - after ? c + after + 1 : s->map.c;
}

/* kappa + alpha * the sum of squares; x: the pixel's first channel. */
static double norm_at(const response *s, const float *x, int64_t plane, int c)
{
    double sum = 0;
    for (int k = first_of(s, c); k < past_of(s, c); k++)
        sum += (double)x[k * plane] * x[k * plane];
    return s->kappa + s->alpha * sum;
}

void reference_response(const pass *p, const response *s, const float *x, float *norms, float *out)
{
    const int64_t plane = (int64_t)s->map.h * s->map.w;
#pragma omp parallel for num_threads(pass_team(p, p->batch * dims_count(s->map)))
    for (int64_t i = 0; i < p->batch * plane; i++) {
        const int64_t at = i / plane * dims_count(s->map) + i % plane;
        for (int c = 0; c < s->map.c; c++) {
            const double norm = norm_at(s, x + at, plane, c);
            if (norms)
                norms[at + c * plane] = (float)norm;
            out[at + c * plane] = (float)(x[at + c * plane] * pow(norm, -(double)s->beta));
        }
    }
}

/* dx = g * norm^-beta - 2*alpha*beta*x * the sum of g*x*norm^(-beta-1) over the outputs whose sums
 * have x in them. */
void reference_response_grad(const pass *p, const response *s, const float *x, const float *norms,
                             const float *delta, float *input_delta, bool add)
{
    const int64_t plane = (int64_t)s->map.h * s->map.w;
    const int before = s->size / 2, after = (s->size - 1) / 2;
#pragma omp parallel for num_threads(pass_team(p, p->batch * dims_count(s->map)))
    for (int64_t i = 0; i < p->batch * plane; i++) {
        const int64_t at = i / plane * dims_count(s->map) + i % plane;
        for (int c = 0; c < s->map.c; c++) {
            double sum = 0;
            for (int k = c > before ? c - before : 0; k < s->map.c && k <= c + after; k++) {
                const int64_t j = at + k * plane;
                sum += (double)delta[j] * x[j] * pow(norms[j], -(double)s->beta - 1);
            }
            const int64_t own = at + c * plane;
            const double g = delta[own] * pow(norms[own], -(double)s->beta)
                             - 2.0 * s->alpha * s->beta * x[own] * sum;
            input_delta[own] = (float)(add ? input_delta[own] + g : g);
        }
    }
}

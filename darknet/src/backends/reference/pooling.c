#include <math.h>
#include <string.h>

#include "formulas.h"
#include "reference.h"

static int64_t plane(dims d)
{
    return (int64_t)d.h * d.w;
}

void reference_maxpool(const pass *p, const pool *s, const float *in, float *out, int32_t *index)
{
    const int64_t planes = (int64_t)p->batch * s->in.c;
#pragma omp parallel for num_threads(pass_team(p, planes * plane(s->out) * s->size * s->size))
    for (int64_t i = 0; i < planes; i++)
        for (int y = 0; y < s->out.h; y++)
            for (int x = 0; x < s->out.w; x++) {
                const int64_t at = i * plane(s->out) + (int64_t)y * s->out.w + x;
                const int32_t best = window_maximum(s, in + i * plane(s->in), y, x);
                out[at] = best < 0 ? 0 : in[i * plane(s->in) + best];
                if (index)
                    index[at] = best;
            }
}

void reference_maxpool_grad(const pass *p, const pool *s, const float *delta, const int32_t *index,
                            float *input_delta, bool add)
{
    const int64_t planes = (int64_t)p->batch * s->in.c, from = plane(s->out), to = plane(s->in);
#pragma omp parallel for num_threads(pass_team(p, p->batch * dims_count(s->in)))
    for (int64_t i = 0; i < planes; i++) {
        if (!add)
            memset(input_delta + i * to, 0, (size_t)to * sizeof *input_delta);
        for (int64_t j = i * from; j < (i + 1) * from; j++)
            if (index[j] >= 0)
                input_delta[i * to + index[j]] += delta[j];
    }
}

void reference_avgpool(const pass *p, dims in, const float *x, float *out)
{
    const int64_t planes = (int64_t)p->batch * in.c;
#pragma omp parallel for num_threads(pass_team(p, p->batch * dims_count(in)))
    for (int64_t i = 0; i < planes; i++) {
        double sum = 0;
        for (int64_t j = i * plane(in); j < (i + 1) * plane(in); j++)
            sum += x[j];
        out[i] = (float)(sum / (double)plane(in));
    }
}

void reference_avgpool_grad(const pass *p, dims in, const float *delta, float *input_delta,
                            bool add)
{
    const int64_t planes = (int64_t)p->batch * in.c;
#pragma omp parallel for num_threads(pass_team(p, p->batch * dims_count(in)))
    for (int64_t i = 0; i < planes; i++) {
        const float share = delta[i] / (float)plane(in);
        for (int64_t j = i * plane(in); j < (i + 1) * plane(in); j++)
            input_delta[j] = add ? input_delta[j] + share : share;
    }
}

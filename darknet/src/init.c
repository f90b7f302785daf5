#include "init.h"

#include <math.h>
#include <string.h>

#include "backends/cpu/dispatch.h"
#include "detector.h"
#include "network.h"
#include "random.h"
#include "views.h"

void dn_start_process(void)
{
    dn_cpu_start();
}

int dn_usable_threads(int threads)
{
    return dn_cpu_team(threads);
}

/* Standard normal, by Box and Muller from two numbers of the sequence. */
static double normal(uint64_t seed, uint64_t n)
{
    const double tau = 6.283185307179586;
    const double u = 1 - dn_random_uniform(seed, 2 * n), v = dn_random_uniform(seed, 2 * n + 1);
    return sqrt(-2 * log(u)) * cos(tau * v);
}

/* Convolutions are normal, layers without shared weights uniform. */
static void init_weights(const layer *l, const param *p, float *values, uint64_t seed, int threads)
{
    (void)threads; /* read by OpenMP's pragmas only */
    const bool uniform = !strcmp(l->type->name, "connected") || !strcmp(l->type->name, "local");
#pragma omp parallel for num_threads(threads)
    for (int64_t i = 0; i < p->count; i++)
        values[i] = (float)(p->spread
                            * (uniform ? 2 * dn_random_uniform(seed, (uint64_t)i) - 1
                                       : normal(seed, (uint64_t)i)));
}

/* A detector's prior: the layer before it has weights of standard deviation .01, so that boxes start
 * as their anchors and classes alike, and biases that make objectness the prior (Lin et al., Focal
 * Loss, 2017, section 4.1). With a background class its bias makes the foreground's sum the
 * prior; where classes stand alone, theirs make each the prior. */
static dn_status init_head(dn_network *net, const layer *l, dn_error *e)
{
    const detector *d = l->detector;
    if (!(d->prior > 0))
        return DN_OK;
    const param *weights = dn_param(l->sources[0], "weights");
    float *weight = dn_see_values(net, weights, true, e);
    float *bias = dn_see_values(net, dn_param(l->sources[0], "biases"), true, e);
    if (!weight || !bias)
        return e ? e->status : DN_NO_MEMORY;
    const double shrink = .01 / weights->spread;
    for (int64_t i = 0; i < weights->count; i++)
        weight[i] = (float)(shrink * weight[i]);
    const double odds = d->prior / (1 - d->prior);
    const double start = d->background ? log(d->classes / odds) : log(odds);
    const int64_t cells = (int64_t)d->w * d->h;
    const int first = d->classes_alone ? 5 : 4, past = d->classes_alone ? 5 + d->classes : 5;
    for (int n = 0; n < d->anchors; n++)
        for (int entry = first; entry < past; entry++)
            bias[detector_entry(d, n * cells, entry) / cells] = (float)start;
    return DN_OK;
}

static dn_status init_param(dn_network *net, int index, const param *p, bool drawn, int threads,
                            dn_error *e)
{
    const bool weights = drawn && !strcmp(p->name, "weights");
    const bool ones = !strcmp(p->name, "scales") || !strcmp(p->name, "rolling_variance");
    if (!weights && !ones)
        return DN_OK;
    float *values = dn_see_values(net, p, true, e);
    if (!values)
        return e ? e->status : DN_NO_MEMORY;
    if (weights)
        init_weights(&net->layers[index], p, values,
                     dn_random_bits(net->seed, (uint64_t)index), threads);
    for (int64_t i = 0; ones && i < p->count; i++)
        values[i] = 1;
    return DN_OK;
}

dn_status dn_init_params(dn_network *net, bool loads, dn_error *e)
{
    const int threads = dn_usable_threads(net->threads);
    dn_status status = DN_OK;
    for (int i = 0; i < net->layer_count; i++) {
        const layer *l = &net->layers[i];
        const bool drawn = !loads || l->dontload || l->numload > 0;
        for (int k = 0; k < l->param_count && status == DN_OK; k++)
            status = init_param(net, i, &l->params[k], drawn, threads, e);
    }
    for (int i = 0; i < net->layer_count && status == DN_OK; i++)
        if (net->layers[i].detector)
            status = init_head(net, &net->layers[i], e);
    dn_views_send(net);
    return status == DN_OK ? dn_finish(net->backend, e) : status;
}

dn_status dn_fold(dn_network *net, dn_error *e)
{
    if (net->purpose != DN_PLAN_INFER)
        return DN_OK;
    const pass p = {.backend = net->backend,
                    .threads = dn_usable_threads(net->threads),
                    .most_threads = net->threads,
                    .batch = net->batch,
                    .capacity = net->batch,
                    .folded = true,
                    .workspace = net->workspace};
    for (int i = 0; i < net->layer_count; i++) {
        layer *l = &net->layers[i];
        const size_t bytes = l->type->packed_bytes ? l->type->packed_bytes(l, net->backend) : 0;
        if (bytes == 0)
            continue;
        if (!l->packed)
            l->packed = dn_allocate(bytes);
        if (!l->packed)
            return dn_out_of_memory(e, "folded weights");
        l->type->fold(l, &p);
    }
    return DN_OK;
}

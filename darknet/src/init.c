#include "init.h"

#include <math.h>
#include <string.h>

#include "backends/cpu/dispatch.h"
#include "detector.h"
#include "network.h"
#include "random.h"

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
static void init_weights(const layer *l, param *p, uint64_t seed, int threads)
{
    (void)threads; /* read by OpenMP's pragmas only */
    const bool uniform = !strcmp(l->type->name, "connected") || !strcmp(l->type->name, "local");
#pragma omp parallel for num_threads(threads)
    for (int64_t i = 0; i < p->count; i++)
        p->value[i] = (float)(p->spread
                              * (uniform ? 2 * dn_random_uniform(seed, (uint64_t)i) - 1
                                         : normal(seed, (uint64_t)i)));
}

/* A detector's prior: the layer before it has weights of standard deviation .01, so that boxes start
 * as their anchors and classes alike, and biases that make objectness the prior (Lin et al., Focal
 * Loss, 2017, section 4.1). With a background class its bias makes the foreground's sum the
 * prior; where classes stand alone, theirs make each the prior. */
static void init_head(const layer *l)
{
    const detector *d = l->detector;
    if (!(d->prior > 0))
        return;
    const param *weights = dn_param(l->sources[0], "weights");
    const param *biases = dn_param(l->sources[0], "biases");
    const double shrink = .01 / weights->spread;
    for (int64_t i = 0; i < weights->count; i++)
        weights->value[i] = (float)(shrink * weights->value[i]);
    const double odds = d->prior / (1 - d->prior);
    const double start = d->background ? log(d->classes / odds) : log(odds);
    const int64_t cells = (int64_t)d->w * d->h;
    const int first = d->classes_alone ? 5 : 4, past = d->classes_alone ? 5 + d->classes : 5;
    for (int n = 0; n < d->anchors; n++)
        for (int e = first; e < past; e++)
            biases->value[detector_entry(d, n * cells, e) / cells] = (float)start;
}

void dn_init_params(dn_network *net, bool loads)
{
    const int threads = dn_usable_threads(net->threads);
    for (int i = 0; i < net->layer_count; i++)
        for (int k = 0; k < net->layers[i].param_count; k++) {
            const layer *l = &net->layers[i];
            param *p = &net->layers[i].params[k];
            const bool drawn = !loads || l->dontload || l->numload > 0;
            if (!strcmp(p->name, "weights") && drawn)
                init_weights(l, p, dn_random_bits(net->seed, (uint64_t)i), threads);
            else if (!strcmp(p->name, "scales") || !strcmp(p->name, "rolling_variance"))
                for (int64_t j = 0; j < p->count; j++)
                    p->value[j] = 1;
        }
    for (int i = 0; i < net->layer_count; i++)
        if (net->layers[i].detector)
            init_head(&net->layers[i]);
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

#include "init.h"

#include <math.h>
#include <string.h>

#include "backends/cpu/dispatch.h"
#include "network.h"
#include "random.h"

void dn_start_process(void)
{
    dn_cpu_start();
}

int dn_usable_processors(void)
{
    return dn_cpu_count();
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

/* Darknet's rule: convolutions are normal with standard deviation s = sqrt(2/fan_in), connected
 * layers uniform in -s…s. */
static void init_weights(const layer *l, param *p, uint64_t seed)
{
    const double bound = sqrt(2.0 / ((double)p->count / (double)p->shape[0]));
    const bool uniform = !strcmp(l->type->name, "connected");
    for (int64_t i = 0; i < p->count; i++)
        p->value[i] = (float)(bound
                              * (uniform ? 2 * dn_random_uniform(seed, (uint64_t)i) - 1
                                         : normal(seed, (uint64_t)i)));
}

void dn_init_params(dn_network *net)
{
    for (int i = 0; i < net->layer_count; i++)
        for (int k = 0; k < net->layers[i].param_count; k++) {
            param *p = &net->layers[i].params[k];
            if (!strcmp(p->name, "weights"))
                init_weights(&net->layers[i], p, dn_random_bits(net->seed, (uint64_t)i));
            else if (!strcmp(p->name, "scales") || !strcmp(p->name, "rolling_variance"))
                for (int64_t j = 0; j < p->count; j++)
                    p->value[j] = 1;
        }
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

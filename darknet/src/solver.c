/* One update of all parameters. */
#include "init.h"
#include "network.h"
#include "timing.h"

dn_status dn_update(dn_network *net, dn_error *e)
{
    if (net->purpose == DN_PLAN_INFER)
        return dn_fail(e, DN_BAD_ARGUMENT,
                       "%s: this network was made for inference: it cannot update", net->source);
    const settings *s = &net->set;
    const pass p = {.backend = net->backend, .threads = dn_usable_threads(net->threads)};
    const int batch = net->batch * net->subdivisions;
    const double rate = dn_schedule_rate(s, net->seed, net->seen / batch);
    net->updates++;
    for (int i = 0; i < net->layer_count; i++) {
        const layer *l = &net->layers[i];
        const int64_t began = dn_time_begin(net);
        for (int k = 0; k < l->param_count; k++) {
            const param *w = &l->params[k];
            if (!w->trained)
                continue;
            if (s->adam)
                /* decays all alike and does not divide by the batch: its moments scale
                 * themselves */
                p.backend->adam(&p, w->value, w->grad, w->m, w->v, w->count,
                                rate * l->learning_rate, (double)s->decay * batch, s->b1, s->b2,
                                s->eps, net->updates);
            else
                p.backend->sgd(&p, w->value, w->grad, w->count, rate * l->learning_rate / batch,
                               w->decays ? (double)s->decay * batch : 0, s->momentum);
            if (s->clip > 0 && w->decays)
                p.backend->clip(&p, w->value, w->count, s->clip);
        }
        if (net->times)
            net->times[i].update += dn_now() - began;
    }
    return DN_OK;
}

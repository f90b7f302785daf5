/* One update of all parameters. */
#include <math.h>

#include "init.h"
#include "network.h"
#include "timing.h"
#include "views.h"

/* Measures the new gradient, of the mean over the update's images, and shortens it where it is
 * longer than clip_norm=. The velocity below it stays. Gradients lie one after the other, and so do
 * the former ones. */
static void clip_gradient(dn_network *net, const pass *p, int images)
{
    const double squares = p->backend->squares(p, net->gradients, net->former,
                                               net->gradient_count);
    net->gradient_norm = sqrt(squares) / images;
    const double scale = net->set.clip_norm / net->gradient_norm;
    if (isfinite(net->gradient_norm) && scale < 1)
        p->backend->shrink(p, net->gradients, net->former, net->gradient_count, scale);
}

/* The newer fork's ema_alpha=: from half of the training on, averages follow the values. Near its
 * end the values become their averages, and what is left of it fits batch norm's statistics to them:
 * 1000 updates, of a short training a tenth. n: the update, from 1 on. */
static void follow(const dn_network *net, const pass *p, const param *w, int64_t n)
{
    const int64_t last = net->set.max_batches, end = last - (last < 10000 ? last / 10 : 1000);
    if (n <= last / 2 || net->updates == 1)
        p->backend->copy_rows(p, 1, w->count, w->value, w->count, w->average, w->count, 1, false);
    else if (n < end)
        p->backend->shrink(p, w->average, w->value, w->count, net->set.ema_alpha);
    else if (n == end)
        p->backend->copy_rows(p, 1, w->count, w->average, w->count, w->value, w->count, 1, false);
}

typedef struct {
    double rate;
    int images;
    int64_t number;
} step;

static void update(const dn_network *net, const pass *p, const layer *l, const param *w,
                   const step *now)
{
    const settings *s = &net->set;
    const double rate = now->rate * l->learning_rate, decay = (double)s->decay * now->images;
    if (s->adam)
        /* decays all alike and does not divide by the batch: its moments scale themselves */
        p->backend->adam(p, w->value, w->grad, w->m, w->v, w->count, rate, decay, s->b1, s->b2,
                         s->eps, net->updates);
    else
        p->backend->sgd(p, w->value, w->grad, w->count, rate / now->images, w->decays ? decay : 0,
                        s->momentum);
    if (w->former)
        p->backend->copy_rows(p, 1, w->count, w->grad, w->count, w->former, w->count, 1, false);
    if (s->clip > 0 && w->decays)
        p->backend->clip(p, w->value, w->count, s->clip);
    if (w->average)
        follow(net, p, w, now->number);
}

dn_status dn_apply_update(dn_network *net, dn_error *e)
{
    if (dn_check_memory(net, e) != DN_OK)
        return DN_BAD_ARGUMENT;
    if (net->purpose == DN_PLAN_INFER)
        return dn_fail(e, DN_BAD_ARGUMENT,
                       "%s: this network was made for inference: it cannot update", net->source);
    const pass p = {.backend = net->backend,
                    .threads = dn_usable_threads(net->threads),
                    .workspace = net->workspace};
    const int images = net->batch * net->subdivisions;
    if (net->set.clip_norm > 0)
        clip_gradient(net, &p, images);
    net->updates++;
    const int64_t number = net->seen / images;
    const step now = {dn_rate_at(net, number), images, number};
    for (int i = 0; i < net->layer_count; i++) {
        const layer *l = &net->layers[i];
        const int64_t began = dn_time_begin(net);
        for (int k = 0; k < l->param_count; k++)
            if (l->params[k].trained)
                update(net, &p, l, &l->params[k], &now);
        if (net->times)
            net->times[i].update += dn_time_since(net, began);
    }
    return DN_OK;
}

dn_status dn_update(dn_network *net, dn_error *e)
{
    dn_views_send(net);
    const dn_status status = dn_apply_update(net, e);
    return status == DN_OK ? dn_views_fetch(net, e) : status;
}

/* [logistic] probabilities of classes that do not exclude each other, and with a truth the sum of
 * their cross entropies.
 * in, out (batch, c, h, w); delta = truth - p
 * A truth of another length belongs to another loss layer, and counts as none.
 */
#include "shared.h"

static dn_status shape(layer *l, dn_error *e)
{
    (void)e;
    l->out = l->in[0];
    return DN_OK;
}

static void forward(layer *l, const pass *p)
{
    const int64_t count = p->batch * dims_count(l->out);
    p->backend->activate(p, LOGISTIC, l->input[0], l->output, all_of(count));
    if (!l->delta)
        return;
    const bool judged = p->truth && p->truths == dims_count(l->out);
    if (p->truth || p->backward)
        l->cost = p->backend->binary_cross_entropy(p, l->output, judged ? p->truth : NULL,
                                                   l->delta, count);
}

static void backward(layer *l, const pass *p)
{
    shared_hand_back(l, p, 1);
}

const layer_type logistic_layer = {.name = "logistic",
                                   .loss = true,
                                   .shape = shape,
                                   .forward = forward,
                                   .backward = backward};

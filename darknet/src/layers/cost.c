/* [cost] compares its input with the truth, value by value, as the row of cost_types says.
 * in, out (batch, c*h*w, 1, 1): each value's error; 0 without a truth
 * `scale` multiplies only the gradient that is handed back.
 * A truth of another length belongs to another loss layer, and counts as none.
 */
#include "shared.h"

typedef struct {
    int type;
    float scale;
} cost;

static const key keys[] = {
    KEY_CHOICE(cost, type, "sse", cost_types, "of error"),
    KEY_FLOAT(cost, scale, 1, -1e6, 1e6, "factor of the gradient that is handed back"),
    KEY_FOREIGN("ratio", "0", "all values are learnt, not the largest errors alone: see [lrm]"),
    KEY_END};

static dn_status shape(layer *l, dn_error *e)
{
    (void)e;
    l->out = (dims){(int)dims_count(l->in[0]), 1, 1};
    return DN_OK;
}

static void forward(layer *l, const pass *p)
{
    const cost *c = l->state;
    const bool judged = p->truth && p->truths == dims_count(l->out);
    l->cost = p->backend->cost(p, c->type, l->input[0], judged ? p->truth : NULL, l->output,
                               l->delta, p->batch * dims_count(l->out));
}

static void backward(layer *l, const pass *p)
{
    const cost *c = l->state;
    shared_hand_back(l, p, c->scale);
}

const layer_type cost_layer = {.name = "cost",
                               .state_size = sizeof(cost),
                               .keys = keys,
                               .loss = true,
                               .shape = shape,
                               .forward = forward,
                               .backward = backward};

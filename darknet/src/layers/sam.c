/* [sam] multiplies a map by another one, value by value: attention of YOLOv4's kind.
 * in[0]: the layer before; in[1]: from=; out: activation of the products; all (batch, c, h, w)
 */
#include "shared.h"

typedef struct {
    int_list from;
    int activation;
} sam;

static const key keys[] = {
    KEY_INTS(sam, from, NULL, "the other map: a layer from 0, or negative counted back from here"),
    KEY_CHOICE(sam, activation, "linear", activations, "of the products"),
    KEY_END};

static dn_status edges(layer *l, int_list *from, dn_error *e)
{
    const sam *s = l->state;
    return dn_two_edges(l, &s->from, from, e);
}

static dn_status shape(layer *l, dn_error *e)
{
    const sam *s = l->state;
    const dims a = l->in[0], b = l->in[1];
    if (a.c != b.c || a.h != b.h || a.w != b.w)
        return dn_layer_error(l, e,
                              "multiplies layer %d of %dx%dx%d by %dx%dx%d (w x h x c): they must be "
                              "alike",
                              l->from[1], b.w, b.h, b.c, a.w, a.h, a.c);
    l->out = a;
    shared_declare_activation(l, (activation)s->activation);
    return DN_OK;
}

static void forward(layer *l, const pass *p)
{
    const sam *s = l->state;
    p->backend->multiply(p, l->input[0], l->input[1], shared_values(l), false,
                         p->batch * dims_count(l->out));
    shared_activate(l, p, (activation)s->activation);
}

static void backward(layer *l, const pass *p)
{
    const sam *s = l->state;
    const int64_t count = p->batch * dims_count(l->out);
    shared_activate_grad(l, p, (activation)s->activation);
    for (int i = 0; i < 2; i++)
        if (l->input_delta[i])
            p->backend->multiply(p, l->delta, l->input[1 - i], l->input_delta[i], l->adds[i],
                                 count);
}

const layer_type sam_layer = {.name = "sam",
                              .state_size = sizeof(sam),
                              .keys = keys,
                              .reads_input = true,
                              .edges = edges,
                              .shape = shape,
                              .forward = forward,
                              .backward = backward};

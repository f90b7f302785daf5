/* [activation] out = activation(in), elementwise. in, out (batch, c, h, w) */
#include "backend.h"

typedef struct { int activation; } layer_activation;

static const key keys[] = {
    KEY_CHOICE(layer_activation, activation, "linear", activations, "the function"),
    KEY_END};

static dn_status shape(layer *l, dn_error *e)
{
    (void)e;
    const layer_activation *a = l->state;
    l->out = l->in[0];
    l->reads_input = activations[a->activation].reads_x;
    return DN_OK;
}

static void forward(layer *l, const pass *p)
{
    const layer_activation *a = l->state;
    p->backend->activate(p, (activation)a->activation, l->input[0], l->output,
                         all_of(p->batch * dims_count(l->out)));
}

/* As in Darknet, delta is changed in place: from that of the output to that of the input. */
static void backward(layer *l, const pass *p)
{
    const layer_activation *a = l->state;
    const int64_t count = dims_count(l->out);
    p->backend->activate_grad(p, (activation)a->activation, l->output,
                              l->reads_input ? l->input[0] : NULL, l->delta, l->delta, false,
                              all_of(p->batch * count));
    if (l->input_delta[0])
        p->backend->copy_rows(p, p->batch, count, l->delta, count, l->input_delta[0], count, 1,
                              l->adds[0]);
}

const layer_type activation_layer = {.name = "activation",
                                     .state_size = sizeof(layer_activation),
                                     .keys = keys,
                                     .reads_input = true,
                                     .reads_output = true,
                                     .shape = shape,
                                     .forward = forward,
                                     .backward = backward};

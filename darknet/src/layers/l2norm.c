/* [l2norm] makes the vector over the channels at each pixel one of length 1.
 * in, out (batch, c, h, w); a vector of zeros stays one, and hands nothing back
 */
#include "backend.h"

static dn_status shape(layer *l, dn_error *e)
{
    (void)e;
    l->out = l->in[0];
    return DN_OK;
}

static void forward(layer *l, const pass *p)
{
    p->backend->l2norm(p, l->out, l->input[0], l->output);
}

static void backward(layer *l, const pass *p)
{
    if (l->input_delta[0])
        p->backend->l2norm_grad(p, l->out, l->input[0], l->delta, l->input_delta[0], l->adds[0]);
}

const layer_type l2norm_layer = {.name = "l2norm",
                                 .reads_input = true,
                                 .shape = shape,
                                 .forward = forward,
                                 .backward = backward};

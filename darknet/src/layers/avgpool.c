/* [avgpool] the mean of each channel.
 * in (batch, c, h, w), out (batch, c, 1, 1)
 */
#include "backend.h"

static dn_status shape(layer *l, dn_error *e)
{
    (void)e;
    l->out = (dims){l->in[0].c, 1, 1};
    return DN_OK;
}

static void forward(layer *l, const pass *p)
{
    p->backend->avgpool(p, l->in[0], l->input[0], l->output);
}

static void backward(layer *l, const pass *p)
{
    if (l->input_delta[0])
        p->backend->avgpool_grad(p, l->in[0], l->delta, l->input_delta[0], l->adds[0]);
}

const layer_type avgpool_layer = {.name = "avgpool",
                                  .shape = shape,
                                  .forward = forward,
                                  .backward = backward};

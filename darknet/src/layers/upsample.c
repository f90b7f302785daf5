/* [upsample] nearest-neighbour enlargement by `stride`; a negative stride: the sum over each block.
 * in  (batch, c, h, w)
 * out (batch, c, h*stride, w*stride), or (batch, c, h/-stride, w/-stride); times scale
 */
#include "backend.h"

typedef struct {
    int stride;
    float scale;
} upsample;

static const key keys[] = {
    KEY_INT(upsample, stride, 2, -64, 64, "enlargement in both directions; negative: reduction"),
    KEY_FLOAT(upsample, scale, 1, -1e6, 1e6, "factor on every value"),
    KEY_END};

static dn_status shape(layer *l, dn_error *e)
{
    const upsample *u = l->state;
    const dims in = l->in[0];
    if (u->stride == 0)
        return dn_layer_error(l, e, "stride=0: must be 1 to 64, or negative to reduce");
    if (u->stride < 0 && (in.h % -u->stride || in.w % -u->stride))
        return dn_layer_error(l, e, "stride=%d must divide the input's width %d and height %d",
                              u->stride, in.w, in.h);
    l->out = u->stride > 0 ? (dims){in.c, in.h * u->stride, in.w * u->stride}
                           : (dims){in.c, in.h / -u->stride, in.w / -u->stride};
    return DN_OK;
}

static void forward(layer *l, const pass *p)
{
    const upsample *u = l->state;
    if (u->stride > 0)
        p->backend->upsample(p, l->in[0], u->stride, u->scale, l->input[0], l->output);
    else
        p->backend->downsample(p, l->in[0], -u->stride, u->scale, l->input[0], l->output);
}

static void backward(layer *l, const pass *p)
{
    const upsample *u = l->state;
    if (!l->input_delta[0])
        return;
    if (u->stride > 0)
        p->backend->upsample_grad(p, l->in[0], u->stride, u->scale, l->delta, l->input_delta[0],
                                  l->adds[0]);
    else
        p->backend->downsample_grad(p, l->in[0], -u->stride, u->scale, l->delta, l->input_delta[0],
                                    l->adds[0]);
}

const layer_type upsample_layer = {.name = "upsample",
                                   .state_size = sizeof(upsample),
                                   .keys = keys,
                                   .shape = shape,
                                   .forward = forward,
                                   .backward = backward};

/* [maxpool] the largest of each window.
 * in  (batch, c, h, w)
 * out (batch, c, (h + padding - size)/stride + 1, likewise w)
 * The first window starts at -(padding/2), rounded towards 0.
 */
#include "backend.h"

typedef struct {
    int size, stride, padding;
    pool shape;
} maxpool;

static const key keys[] = {
    KEY_INT(maxpool, stride, 1, 1, 1024, "step of the window"),
    KEY_INT(maxpool, size, 0, 0, 1024, "side of the window; 0: stride"),
    KEY_INT(maxpool, padding, -1, -1, 2048, "columns and rows added in all; -1: size-1"),
    KEY_FOREIGN("stride_x", "0", "stride= is that of both directions"),
    KEY_FOREIGN("stride_y", "0", "stride= is that of both directions"),
    KEY_FOREIGN("antialiasing", "0", "there is no blurred stride here"),
    KEY_FOREIGN("maxpool_depth", "0", "windows lie in one channel here"),
    KEY_FOREIGN("maxpool_zero_nonmax", "0", "outputs are as large as the windows make them"),
    KEY_IGNORED("out_channels", "of maxpool_depth; accepted, and without effect"),
    KEY_END};

static dn_status shape(layer *l, dn_error *e)
{
    maxpool *m = l->state;
    const dims in = l->in[0];
    const int size = m->size ? m->size : m->stride,
              padding = m->padding < 0 ? size - 1 : m->padding;
    if (in.h + padding < size || in.w + padding < size)
        return dn_layer_error(l, e, "size=%d is larger than the input of %dx%d with padding=%d",
                              size, in.w, in.h, padding);
    l->out = (dims){in.c, (in.h + padding - size) / m->stride + 1,
                    (in.w + padding - size) / m->stride + 1};
    m->shape = (pool){
        .in = in, .out = l->out, .size = size, .stride = m->stride, .padding = padding};
    const int64_t indexes[] = {l->out.c, l->out.h, l->out.w};
    dn_add_buffer(l, "indexes", DN_INT32, LIVES_IN_PASS, 3, indexes);
    return DN_OK;
}

static void forward(layer *l, const pass *p)
{
    const maxpool *m = l->state;
    p->backend->maxpool(p, &m->shape, l->input[0], l->output, dn_buffer(l, "indexes"));
}

static void backward(layer *l, const pass *p)
{
    const maxpool *m = l->state;
    if (l->input_delta[0])
        p->backend->maxpool_grad(p, &m->shape, l->delta, dn_buffer(l, "indexes"), l->input_delta[0],
                                 l->adds[0]);
}

const layer_type maxpool_layer = {.name = "maxpool",
                                  .state_size = sizeof(maxpool),
                                  .keys = keys,
                                  .shape = shape,
                                  .forward = forward,
                                  .backward = backward};

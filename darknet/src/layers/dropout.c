/* [dropout] in training, each value becomes 0 with the given probability, and otherwise is divided
 * by 1 - probability.
 * in, out (batch, c, h, w)
 */
#include "backend.h"

typedef struct { float probability; } dropout;

static const key keys[] = {
    KEY_FLOAT(dropout, probability, .5, 0, 1, "of a value to be dropped in training"),
    KEY_FOREIGN("dropblock", "0", "values are dropped one by one"),
    KEY_IGNORED("dropblock_size_abs", "of dropblock=; accepted, and without effect"),
    KEY_IGNORED("dropblock_size_rel", "of dropblock=; accepted, and without effect"),
    KEY_END};

static dn_status shape(layer *l, dn_error *e)
{
    (void)e;
    l->out = l->in[0];
    dn_add_buffer(l, "mask", DN_FLOAT32, LIVES_IN_PASS, 3,
                  (const int64_t[]){l->out.c, l->out.h, l->out.w});
    return DN_OK;
}

static void forward(layer *l, const pass *p)
{
    const dropout *d = l->state;
    const int64_t count = dims_count(l->out);
    if (p->train)
        p->backend->dropout(p, d->probability, l->index, l->input[0], l->output,
                            dn_buffer(l, "mask"), p->batch * count);
    else
        p->backend->copy_rows(p, p->batch, count, l->input[0], count, l->output, count, 1, false);
}

static void backward(layer *l, const pass *p)
{
    if (l->input_delta[0])
        p->backend->multiply(p, l->delta, dn_buffer(l, "mask"), l->input_delta[0], l->adds[0],
                             p->batch * dims_count(l->out));
}

const layer_type dropout_layer = {.name = "dropout",
                                  .state_size = sizeof(dropout),
                                  .keys = keys,
                                  .shape = shape,
                                  .forward = forward,
                                  .backward = backward};

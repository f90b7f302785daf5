/* [reorg] moves space into channels, Darknet's way (backend.h, reference_reorg).
 * in  (batch, c, h, w)
 * out (batch, c*s*s, h/s, w/s); reverse: (batch, c/(s*s), h*s, w*s)
 * flatten: transposes (c, h*w) to (h*w, c), with reverse back; the shape is as without flatten
 * extra=n: a copy, then n zeros; out (batch, c*h*w + n, 1, 1)
 */
#include "backend.h"

typedef struct {
    int stride, reverse, flatten, extra;
    reorg shape;
} reorganization;

static const key keys[] = {
    KEY_INT(reorganization, stride, 1, 1, 1024, "side of the blocks that become channels"),
    KEY_INT(reorganization, reverse, 0, 0, 1, "1: channels become blocks"),
    KEY_INT(reorganization, flatten, 0, 0, 1,
            "1: channels become the innermost dimension (with reverse: back)"),
    KEY_INT(reorganization, extra, 0, 0, 1 << 24, "zeros after a plain copy"),
    KEY_END};

static dn_status shape(layer *l, dn_error *e)
{
    reorganization *r = l->state;
    const dims in = l->in[0];
    const int s = r->stride;
    if (r->extra) {
        l->out = (dims){(int)dims_count(in) + r->extra, 1, 1};
        return DN_OK;
    }
    if (in.c % (s * s))
        return dn_layer_error(l, e,
                              "stride=%d: the input's channels (%d) must be a multiple of %d", s,
                              in.c, s * s);
    if (!r->reverse && (in.h % s || in.w % s))
        return dn_layer_error(l, e, "stride=%d must divide the input's width %d and height %d", s,
                              in.w, in.h);
    l->out = r->reverse ? (dims){in.c / (s * s), in.h * s, in.w * s}
                        : (dims){in.c * s * s, in.h / s, in.w / s};
    r->shape = (reorg){.in = in, .stride = s, .reverse = r->reverse};
    return DN_OK;
}

static void forward(layer *l, const pass *p)
{
    const reorganization *r = l->state;
    const dims in = l->in[0];
    const int64_t count = dims_count(in), rows = r->reverse ? (int64_t)in.h * in.w : in.c;
    if (r->extra) {
        p->backend->copy_rows(p, p->batch, count, l->input[0], count, l->output, count + r->extra,
                              1, false);
        p->backend->copy_rows(p, p->batch, r->extra, NULL, 0, l->output + count, count + r->extra,
                              1, false);
    } else if (r->flatten)
        p->backend->transpose(p, rows, count / rows, l->input[0], l->output, false);
    else
        p->backend->reorg(p, &r->shape, l->input[0], l->output);
}

static void backward(layer *l, const pass *p)
{
    const reorganization *r = l->state;
    const dims in = l->in[0];
    const int64_t count = dims_count(in), rows = r->reverse ? (int64_t)in.h * in.w : in.c;
    float *to = l->input_delta[0];
    if (!to)
        return;
    if (r->extra)
        p->backend->copy_rows(p, p->batch, count, l->delta, count + r->extra, to, count, 1,
                              l->adds[0]);
    else if (r->flatten)
        p->backend->transpose(p, count / rows, rows, l->delta, to, l->adds[0]);
    else
        p->backend->reorg_grad(p, &r->shape, l->delta, to, l->adds[0]);
}

const layer_type reorg_layer = {.name = "reorg",
                                .state_size = sizeof(reorganization),
                                .keys = keys,
                                .shape = shape,
                                .forward = forward,
                                .backward = backward};

/* [route] the channels of several layers, one after the other; with groups > 1, of each layer only
 * the share group_id of its channels.
 * in  (batch, c_j, h, w)
 * out (batch, sum of c_j/groups, h, w)
 */
#include "backend.h"

enum { MOST_LAYERS = 256 };

typedef struct {
    int_list layers;
    int groups, group_id;
} route;

static const key keys[] = {
    KEY_INTS(route, layers, NULL, "the layers: from 0, or negative counted back from here"),
    KEY_INT(route, groups, 1, 1, 1 << 20, "shares that each layer's channels are cut into"),
    KEY_INT(route, group_id, 0, 0, 1 << 20, "the share taken, from 0"),
    KEY_IGNORED("stream", "of a GPU; accepted, and without effect"),
    KEY_IGNORED("wait_stream", "of a GPU; accepted, and without effect"),
    KEY_END};

static dn_status edges(layer *l, int_list *from, dn_error *e)
{
    const route *r = l->state;
    if (r->layers.n < 1 || r->layers.n > MOST_LAYERS)
        return dn_layer_error(l, e, "layers= names %d layers, but must name 1 to %d", r->layers.n,
                              MOST_LAYERS);
    if (l->index == 0)
        return dn_layer_error(l, e, "is the first layer: there is none before it to read");
    from->n = r->layers.n;
    for (int j = 0; j < from->n; j++) {
        const int named = r->layers.v[j], index = named < 0 ? l->index + named : named;
        if (index < 0 || index >= l->index)
            return dn_layer_error(
                l, e,
                "layers=%d: must name a layer before this one, from 0 to %d or from -1 to -%d",
                named, l->index - 1, l->index);
        from->v[j] = index;
    }
    return DN_OK;
}

static dn_status shape(layer *l, dn_error *e)
{
    const route *r = l->state;
    if (r->group_id >= r->groups)
        return dn_layer_error(l, e, "group_id=%d must be below groups=%d", r->group_id, r->groups);
    l->out = (dims){0, l->in[0].h, l->in[0].w};
    int64_t channels = 0;
    for (int j = 0; j < l->inputs; j++) {
        const dims in = l->in[j];
        if (in.h != l->out.h || in.w != l->out.w)
            return dn_layer_error(
                l, e, "layer %d is %dx%d and layer %d %dx%d: all must have one width and height",
                l->from[0], l->out.w, l->out.h, l->from[j], in.w, in.h);
        if (in.c % r->groups)
            return dn_layer_error(l, e, "groups=%d must divide the channels of layer %d (%d)",
                                  r->groups, l->from[j], in.c);
        channels += in.c / r->groups;
    }
    if (channels > INT32_MAX)
        return dn_layer_error(l, e, "has %lld channels: there may be 2^31 - 1",
                              (long long)channels);
    l->out.c = (int)channels;
    l->repeats_input = l->inputs == 1 && r->groups == 1;
    return DN_OK;
}

static void forward(layer *l, const pass *p)
{
    const route *r = l->state;
    const int64_t all = dims_count(l->out);
    float *out = l->output;
    if (out == l->input[0])
        return;
    for (int j = 0; j < l->inputs; j++) {
        const int64_t whole = dims_count(l->in[j]), share = whole / r->groups;
        p->backend->copy_rows(p, p->batch, share, l->input[j] + r->group_id * share, whole, out,
                              all, 1, false);
        out += share;
    }
}

static void backward(layer *l, const pass *p)
{
    const route *r = l->state;
    const int64_t all = dims_count(l->out);
    const float *delta = l->delta;
    for (int j = 0; j < l->inputs; j++) {
        const int64_t whole = dims_count(l->in[j]), share = whole / r->groups;
        float *to = l->input_delta[j];
        if (to && r->groups > 1 && !l->adds[j]) /* the shares not taken get nothing */
            p->backend->copy_rows(p, p->batch, whole, NULL, 0, to, whole, 1, false);
        if (to)
            p->backend->copy_rows(p, p->batch, share, delta, all, to + r->group_id * share, whole,
                                  1, l->adds[j] || r->groups > 1);
        delta += share;
    }
}

const layer_type route_layer = {.name = "route",
                                .state_size = sizeof(route),
                                .keys = keys,
                                .edges = edges,
                                .shape = shape,
                                .forward = forward,
                                .backward = backward};

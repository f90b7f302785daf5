/* [scale_channels] multiplies a map by a value for each channel, or for each pixel.
 * in[0] (batch, c, 1, 1): the layer before; in[1] (batch, c, h, w): from=
 *   with scale_wh=1 in[0] is (batch, 1, h, w)
 * out (batch, c, h, w): activation of the products
 */
#include "shared.h"

typedef struct {
    int_list from;
    int activation, scale_wh;
    scaling scaling;
} scale_channels;

static const key keys[] = {
    KEY_INTS(scale_channels, from, NULL,
             "the map: a layer from 0, or negative counted back from here"),
    KEY_INT(scale_channels, scale_wh, 0, 0, 1, "1: a value for each pixel, not each channel"),
    KEY_CHOICE(scale_channels, activation, "linear", activations, "of the products"),
    KEY_END};

static dn_status edges(layer *l, int_list *from, dn_error *e)
{
    const scale_channels *s = l->state;
    return dn_two_edges(l, &s->from, from, e);
}

static dn_status shape(layer *l, dn_error *e)
{
    scale_channels *s = l->state;
    const dims factors = l->in[0], map = l->in[1];
    const bool fits = s->scale_wh ? factors.c == 1 && factors.h == map.h && factors.w == map.w
                                  : factors.c == map.c && factors.h == 1 && factors.w == 1;
    if (!fits)
        return dn_layer_error(l, e,
                              "multiplies layer %d of %dx%dx%d by %dx%dx%d (w x h x c): the latter "
                              "must be %s",
                              l->from[1], map.w, map.h, map.c, factors.w, factors.h, factors.c,
                              s->scale_wh ? "as wide and high, of one channel"
                                          : "1x1, of as many channels");
    s->scaling = (scaling){.map = map, .by_pixel = s->scale_wh};
    l->out = map;
    shared_declare_activation(l, (activation)s->activation);
    return DN_OK;
}

static void forward(layer *l, const pass *p)
{
    const scale_channels *s = l->state;
    p->backend->scale_map(p, &s->scaling, l->input[0], l->input[1], shared_values(l));
    shared_activate(l, p, (activation)s->activation);
}

static void backward(layer *l, const pass *p)
{
    const scale_channels *s = l->state;
    shared_activate_grad(l, p, (activation)s->activation);
    p->backend->scale_map_grad(p, &s->scaling, l->input[0], l->input[1], l->delta, l->input_delta[0],
                            l->adds[0], l->input_delta[1], l->adds[1]);
}

const layer_type scale_channels_layer = {.name = "scale_channels",
                                         .state_size = sizeof(scale_channels),
                                         .keys = keys,
                                         .reads_input = true,
                                         .edges = edges,
                                         .shape = shape,
                                         .forward = forward,
                                         .backward = backward};

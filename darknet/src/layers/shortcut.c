/* [shortcut] out = activation(alpha*(the layer before) + beta*(from)). If the two differ in size or
 * channels, they are added only where they overlap; elsewhere, the layer before is taken as it is.
 * in (batch, c, h, w) and (batch, c2, h2, w2), out (batch, c, h, w)
 */
#include "shared.h"

typedef struct {
    int_list from;
    int activation;
    float alpha, beta;
    shortcut shape;
} shortcut_section;

static const key keys[] = {
    KEY_INTS(shortcut_section, from, NULL,
             "the other layer: from 0, or negative counted back from here"),
    KEY_CHOICE(shortcut_section, activation, "linear", activations, "after the sum"),
    KEY_FLOAT(shortcut_section, alpha, 1, -1e6, 1e6, "factor of the layer before"),
    KEY_FLOAT(shortcut_section, beta, 1, -1e6, 1e6, "factor of the other"),
    KEY_FOREIGN("weights_type", "none", "the sum has no weights that are learnt"),
    KEY_IGNORED("weights_normalization", "of weights_type; accepted, and without effect"),
    KEY_END};

static dn_status edges(layer *l, int_list *from, dn_error *e)
{
    const shortcut_section *s = l->state;
    return dn_two_edges(l, &s->from, from, e);
}

static dn_status shape(layer *l, dn_error *e)
{
    shortcut_section *s = l->state;
    const dims a = l->in[0], b = l->in[1];
    l->out = a;
    s->shape = (shortcut){.a = a, .b = b, .alpha = s->alpha, .beta = s->beta};
    const bool larger = a.w >= b.w && a.h >= b.h, smaller = a.w <= b.w && a.h <= b.h;
    const bool whole = larger
                           ? a.w % b.w == 0 && a.h % b.h == 0 && a.w / b.w == a.h / b.h
                           : smaller && b.w % a.w == 0 && b.h % a.h == 0 && b.w / a.w == b.h / a.h;
    if (!whole)
        return dn_layer_error(
            l, e,
            "adds layer %d of %dx%d to %dx%d: the sizes must be equal, or one a whole multiple of "
            "the other",
            l->from[1], b.w, b.h, a.w, a.h);
    shared_declare_activation(l, (activation)s->activation);
    return DN_OK;
}

static void forward(layer *l, const pass *p)
{
    const shortcut_section *s = l->state;
    p->backend->shortcut(p, &s->shape, l->input[0], l->input[1], shared_values(l));
    shared_activate(l, p, (activation)s->activation);
}

static void backward(layer *l, const pass *p)
{
    const shortcut_section *s = l->state;
    shared_activate_grad(l, p, (activation)s->activation);
    p->backend->shortcut_grad(p, &s->shape, l->delta, l->input_delta[0], l->adds[0],
                              l->input_delta[1], l->adds[1]);
}

const layer_type shortcut_layer = {.name = "shortcut",
                                   .state_size = sizeof(shortcut_section),
                                   .keys = keys,
                                   .edges = edges,
                                   .shape = shape,
                                   .forward = forward,
                                   .backward = backward};

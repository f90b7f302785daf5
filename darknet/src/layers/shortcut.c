/* [shortcut] out = activation(alpha*(the layer before) + beta*(from)). If the two differ in size or
 * channels, they are added only where they overlap; elsewhere, the layer before is taken as it is.
 * in (batch, c, h, w) and (batch, c2, h2, w2), out (batch, c, h, w)
 */
#include "backend.h"

typedef struct {
    int from, activation;
    float alpha, beta;
    shortcut shape;
} shortcut_section;

enum { UNSAID = -(1 << 30) };

static const key keys[] = {
    KEY_INT(shortcut_section, from, UNSAID, UNSAID, 1 << 24,
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
    return dn_two_edges(l, s->from, s->from != UNSAID, from, e);
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
    if (activations[s->activation].reads_x)
        dn_add_buffer(l, "sum", DN_FLOAT32, LIVES_IN_PASS, 3, (const int64_t[]){a.c, a.h, a.w});
    l->reads_output = s->activation != LINEAR;
    return DN_OK;
}

static void forward(layer *l, const pass *p)
{
    const shortcut_section *s = l->state;
    float *kept = dn_buffer(l, "sum"), *sum = kept ? kept : l->output;
    p->backend->shortcut(p, &s->shape, l->input[0], l->input[1], sum);
    if (s->activation != LINEAR)
        p->backend->activate(p, (activation)s->activation, sum, l->output,
                             p->batch * dims_count(l->out));
}

static void backward(layer *l, const pass *p)
{
    const shortcut_section *s = l->state;
    if (s->activation != LINEAR)
        p->backend->activate_grad(p, (activation)s->activation, l->output, dn_buffer(l, "sum"),
                                  l->delta, l->delta, false, p->batch * dims_count(l->out));
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

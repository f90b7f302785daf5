/* [normalization] local response normalisation, AlexNet's: each value over a power of what lies
 * around it in the channels of its pixel.
 * in, out (batch, c, h, w)
 * out = x / (kappa + alpha * the sum of x^2 over `size` channels around)^beta
 */
#include "backend.h"

typedef struct {
    float alpha, beta, kappa;
    int size;
} normalization;

static const key keys[] = {
    KEY_FLOAT(normalization, alpha, 1, 0, 1e6, "weight of the sum of squares"),
    KEY_FLOAT(normalization, beta, 1, 0, 1e3, "the power"),
    KEY_FLOAT(normalization, kappa, 1, 1e-6, 1e6, "added to the sum"),
    KEY_INT(normalization, size, 5, 1, 1 << 20,
            "channels of the sum: (size-1)/2 before, the value's own, size/2 after"),
    KEY_END};

static dn_status shape(layer *l, dn_error *e)
{
    (void)e;
    const dims s = l->out = l->in[0];
    dn_add_buffer(l, "norms", DN_FLOAT32, LIVES_IN_PASS, 3, (const int64_t[]){s.c, s.h, s.w});
    return DN_OK;
}

static response response_of(const layer *l)
{
    const normalization *n = l->state;
    return (response){l->out, n->alpha, n->beta, n->kappa, n->size};
}

static void forward(layer *l, const pass *p)
{
    const response s = response_of(l);
    p->backend->response(p, &s, l->input[0], dn_buffer(l, "norms"), l->output);
}

static void backward(layer *l, const pass *p)
{
    const response s = response_of(l);
    if (l->input_delta[0])
        p->backend->response_grad(p, &s, l->input[0], dn_buffer(l, "norms"), l->delta,
                                  l->input_delta[0], l->adds[0]);
}

const layer_type normalization_layer = {.name = "normalization",
                                        .state_size = sizeof(normalization),
                                        .keys = keys,
                                        .reads_input = true,
                                        .shape = shape,
                                        .forward = forward,
                                        .backward = backward};

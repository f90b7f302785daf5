/* [cost] compares its input with the truth, value by value; d = truth - x.
 *   sse     error d², delta d
 *   L1      error |d|, delta sign(d)
 *   smooth  error d² and delta d within |d| <= 1, beyond 2|d|-1 and sign(d)
 * in, out (batch, c*h*w, 1, 1): each value's error; 0 without a truth
 * `scale` multiplies only the gradient that is handed back.
 * A truth of another length belongs to another loss layer, and counts as none.
 */
#include <math.h>

#include "backend.h"

enum { SSE, L1, SMOOTH };
static const struct {
    choice choice;
} types[] = {{{"sse", "the square of d"}},
             {{"L1", "|d|; handed back: the sign of d"}},
             {{"smooth", "the square of d, beyond 1 2|d| - 1; handed back: d, or its sign"}},
             {{NULL, NULL}}};

typedef struct {
    int type;
    float scale;
} cost;

static const key keys[] = {
    KEY_CHOICE(cost, type, "sse", types, "of error"),
    KEY_FLOAT(cost, scale, 1, -1e6, 1e6, "factor of the gradient that is handed back"),
    KEY_END};

static dn_status shape(layer *l, dn_error *e)
{
    (void)e;
    l->out = (dims){(int)dims_count(l->in[0]), 1, 1};
    return DN_OK;
}

static float sign(float d)
{
    return (float)((d > 0) - (d < 0));
}

static void forward(layer *l, const pass *p)
{
    const cost *c = l->state;
    const int64_t count = p->batch * dims_count(l->out);
    const bool judged = p->truth && p->truths == dims_count(l->out);
    double sum = 0;
    for (int64_t i = 0; i < count; i++) {
        const float d = judged ? p->truth[i] - l->input[0][i] : 0;
        const bool straight = c->type == L1 || (c->type == SMOOTH && fabsf(d) > 1);
        l->output[i] = c->type == L1 ? fabsf(d) : straight ? 2 * fabsf(d) - 1 : d * d;
        if (l->delta)
            l->delta[i] = straight ? sign(d) : d;
        sum += l->output[i];
    }
    l->cost = sum;
}

static void backward(layer *l, const pass *p)
{
    const cost *c = l->state;
    const int64_t count = dims_count(l->out);
    if (l->input_delta[0])
        p->backend->copy_rows(p, p->batch, count, l->delta, count, l->input_delta[0], count,
                              c->scale, l->adds[0]);
}

const layer_type cost_layer = {.name = "cost",
                               .state_size = sizeof(cost),
                               .keys = keys,
                               .loss = true,
                               .shape = shape,
                               .forward = forward,
                               .backward = backward};

/* [softmax] probabilities, and with a truth the cross-entropy.
 * in (batch, c, h, w); out (batch, c*h*w, 1, 1), or with spatial=1 as in
 * with tree= a softmax for each group of a class tree; all above what is wanted is wanted too, and
 * groups without a wanted class learn nothing
 * delta = truth - p, whatever the temperature; cost = sum of -truth*log(p)
 * A truth of another length belongs to another loss layer, and counts as none.
 */
#include "shared.h"

typedef struct {
    int groups, spatial, noloss;
    float temperature;
    const char *tree;
    tree *nodes;
} softmax;

static const key keys[] = {
    KEY_INT(softmax, groups, 1, 1, 1 << 20, "groups of values that each add up to 1"),
    KEY_FLOAT(softmax, temperature, 1, 1e-6, 1e6, "divides the values before the exponential"),
    KEY_INT(softmax, spatial, 0, 0, 1, "1: over the channels of each pixel"),
    KEY_TEXT(softmax, tree, NULL,
             "file of a class tree, of a line `NAME PARENT` for each value: a softmax a group"),
    KEY_INT(softmax, noloss, 0, 0, 1, "1: no cost and no gradient of its own"),
    KEY_END};

static dn_status shape(layer *l, dn_error *e)
{
    softmax *s = l->state;
    const dims in = l->in[0];
    if (s->tree && (s->spatial || s->groups != 1))
        return dn_layer_error(l, e, "tree= needs spatial=0 and groups=1");
    const dn_status status = s->tree ? dn_layer_tree(l, s->tree, dims_count(in), &s->nodes, e)
                                     : DN_OK;
    if (status != DN_OK)
        return status;
    const int64_t values = s->spatial ? in.c : dims_count(in);
    if (values % s->groups)
        return dn_layer_error(l, e, "groups=%d must divide the input's values (%lld)", s->groups,
                              (long long)values);
    l->out = s->spatial ? in : (dims){(int)dims_count(in), 1, 1};
    return DN_OK;
}

static void normalize(const layer *l, const pass *p)
{
    const softmax *s = l->state;
    const int64_t count = dims_count(l->in[0]), plane = (int64_t)l->in[0].h * l->in[0].w;
    for (int g = 0; s->nodes && g < s->nodes->groups; g++) {
        const int first = s->nodes->first[g];
        p->backend->softmax(p, s->nodes->size[g], 1, 1, 0, 1, count, s->temperature,
                            l->input[0] + first, l->output + first);
    }
    if (s->nodes)
        return;
    if (s->spatial) {
        const int each = l->in[0].c / s->groups;
        p->backend->softmax(p, each, plane, s->groups, each * plane, plane, count, s->temperature,
                            l->input[0], l->output);
    } else {
        const int each = (int)(count / s->groups);
        p->backend->softmax(p, each, 1, s->groups, each, 1, count, s->temperature, l->input[0],
                            l->output);
    }
}

static void forward(layer *l, const pass *p)
{
    const softmax *s = l->state;
    normalize(l, p);
    if (!l->delta)
        return;
    const bool judged = !s->noloss && p->truth && p->truths == dims_count(l->out);
    const float *truth = judged ? p->truth : NULL;
    if (!s->noloss && !p->truth && !p->backward)
        return;
    l->cost = s->nodes ? p->backend->tree_cross_entropy(p, s->nodes, l->output, truth, l->delta)
                       : p->backend->cross_entropy(p, l->output, truth, l->delta,
                                                   p->batch * dims_count(l->out));
}

static void release(layer *l)
{
    dn_free(((softmax *)l->state)->nodes);
}

static void backward(layer *l, const pass *p)
{
    shared_hand_back(l, p, 1);
}

const layer_type softmax_layer = {.name = "softmax",
                                  .state_size = sizeof(softmax),
                                  .keys = keys,
                                  .loss = true,
                                  .reads_output = true,
                                  .shape = shape,
                                  .release = release,
                                  .forward = forward,
                                  .backward = backward};

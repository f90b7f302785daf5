#include "section.h"

void section_add_biases(layer *l, const conv *s)
{
    dn_add_param(l, "biases", true, false, 1, (const int64_t[]){s->out.c});
}

void section_add_norm(layer *l, const conv *s)
{
    const int64_t filters[] = {s->out.c};
    if (!s->batch_normalize)
        return;
    dn_add_param(l, "scales", true, false, 1, filters);
    dn_add_param(l, "rolling_mean", false, false, 1, filters);
    dn_add_param(l, "rolling_variance", false, false, 1, filters);
}

void section_add_buffers(layer *l, const conv *s)
{
    const int64_t raw[] = {s->out.c, s->out.h, s->out.w}, statistics[] = {2, s->out.c};
    if (s->batch_normalize || activations[s->activation].reads_x)
        dn_add_buffer(l, "raw", DN_FLOAT32, LIVES_IN_PASS, 3, raw);
    if (s->batch_normalize) /* mean and variance of the batch: the first 2*filters values */
        dn_add_buffer(l, "statistics", DN_FLOAT32, LIVES_IN_PASS, 2, statistics);
    l->reads_output = s->activation != LINEAR;
}

conv_data section_collect(const layer *l)
{
    const conv *s = l->state;
    const param *biases = dn_param(l, "biases"), *weights = dn_param(l, "weights");
    conv_data d = {.output = l->output,
                   .delta = l->delta,
                   .input_delta = l->input_delta[0],
                   .add = l->adds[0],
                   .fresh = l->fresh,
                   .packed = l->packed,
                   .biases = biases->value,
                   .bias_grads = biases->grad,
                   .weights = weights->value,
                   .weight_grads = weights->grad,
                   .raw = dn_buffer(l, "raw")};
    const layer *first = l; /* of those computed in this pass */
    for (int i = 0; first->before; i++) {
        first = first->before;
        d.packed_before[i] = first->packed;
    }
    d.input = first->input[0];
    if (s->batch_normalize) {
        const param *scales = dn_param(l, "scales");
        d.scales = scales->value;
        d.scale_grads = scales->grad;
        d.rolling_mean = dn_param(l, "rolling_mean")->value;
        d.rolling_variance = dn_param(l, "rolling_variance")->value;
        d.mean = dn_buffer(l, "statistics");
        d.variance = d.mean ? d.mean + s->out.c : NULL;
    }
    return d;
}

bool section_fuses(layer *l, const layer *before, const backend *b)
{
    conv *s = l->state;
    if (before->type->fuses != section_fuses || !b->conv_fuses
        || !b->conv_fuses(s, before->state, l->fused))
        return false;
    s->before = before->state;
    return true;
}

size_t section_workspace(const layer *l, const pass *p)
{
    return p->backend->conv_workspace(l->state, p);
}

void section_forward(layer *l, const pass *p)
{
    const conv_data d = section_collect(l);
    p->backend->conv_forward(p, l->state, &d);
}

void section_backward(layer *l, const pass *p)
{
    const conv_data d = section_collect(l);
    p->backend->conv_backward(p, l->state, &d);
}

size_t section_packed_bytes(const layer *l, const backend *b)
{
    return b->conv_packed_bytes(l->state);
}

void section_fold(layer *l, const pass *p)
{
    const conv_data d = section_collect(l);
    p->backend->conv_fold(p, l->state, &d, l->packed);
}

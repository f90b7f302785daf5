#include "shared.h"

void shared_hand_back(layer *l, const pass *p, float scale)
{
    const int64_t count = dims_count(l->out);
    if (l->input_delta[0])
        p->backend->copy_rows(p, p->batch, count, l->delta, count, l->input_delta[0], count, scale,
                              l->adds[0]);
}

void shared_declare_activation(layer *l, activation a)
{
    const int64_t shape[] = {l->out.c, l->out.h, l->out.w};
    if (activations[a].reads_x)
        dn_add_buffer(l, "values", DN_FLOAT32, LIVES_IN_PASS, 3, shape);
    l->reads_output = a != LINEAR;
}

float *shared_values(const layer *l)
{
    float *kept = dn_buffer(l, "values");
    return kept ? kept : l->output;
}

void shared_activate(layer *l, const pass *p, activation a)
{
    if (a != LINEAR)
        p->backend->activate(p, a, shared_values(l), l->output,
                             all_of(p->batch * dims_count(l->out)));
}

void shared_activate_grad(layer *l, const pass *p, activation a)
{
    if (a != LINEAR)
        p->backend->activate_grad(p, a, l->output, dn_buffer(l, "values"), l->delta, l->delta,
                                  false, all_of(p->batch * dims_count(l->out)));
}

void shared_judge(layer *l, const pass *p, const detector_loss *s, detector_judge *judge)
{
    const detector_arrays a = {l->output, l->delta, dn_buffer(l, "assigned"),
                               dn_buffer(l, "overlap")};
    detector_result sum;
    judge(p, s, &a, &sum);
    l->cost = sum.cost;
    l->stats = sum.stats;
}

size_t shared_judge_workspace(const layer *l, const pass *p)
{
    (void)l;
    return p->backend->detector_workspace(p);
}

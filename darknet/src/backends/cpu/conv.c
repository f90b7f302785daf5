/* THE table of convolution algorithms: which one a convolution goes to, its scratch, and its
 * weights as inference keeps them. To add an algorithm: one file, one row here, a case in
 * tests/c/test_algorithms.c and in tests/c/test_tables.c. */
#include "conv.h"

#include "backends/reference/reference.h"

extern const conv_algorithm pointwise_algorithm, depthwise_algorithm, winograd_algorithm,
    general_algorithm;

/* In order of preference; the last fits all. */
static const conv_algorithm *const algorithms[] = {&pointwise_algorithm, &depthwise_algorithm,
                                                   &winograd_algorithm, &general_algorithm};

const conv_algorithm *conv_algorithm_of(const conv *s)
{
    const conv_algorithm *const *a = algorithms;
    while (!(*a)->fits(s))
        a++;
    return *a;
}

bool cpu_conv_fuses(const conv *s, const conv *before, bool within)
{
    const conv_algorithm *a = conv_algorithm_of(s);
    return a->fuses && a->fuses(s, before, conv_algorithm_of(before), within);
}

workspace conv_workspace_of(const conv_algorithm *a, const pass *p, const conv *s)
{
    const room r = a->scratch(s, p);
    float *shared = p->workspace;
    return (workspace){.shared = shared,
                       .own = shared + whole_lines(r.shared),
                       .own_floats = whole_lines(r.own),
                       .team = pass_team(p, p->batch * dims_count(s->out) * conv_depth(s))};
}

size_t cpu_conv_workspace(const conv *s, const pass *p)
{
    const room r = conv_algorithm_of(s)->scratch(s, p);
    return (size_t)(whole_lines(r.shared) + p->threads * whole_lines(r.own)) * sizeof(float);
}

size_t cpu_conv_packed_bytes(const conv *s)
{
    const packing k = conv_algorithm_of(s)->packing(s);
    return (size_t)(packed_biases(s) + packing_floats(s, k)) * sizeof(float);
}

/* Each filter's weights by its scale. */
static void scale_panels(const workspace *w, const conv *s, const conv_data *d, packing k,
                         float *panels)
{
    enum { MOST_FILTERS = 16 };
    const int group = s->out.c / s->groups, each = (int)pieces_of(group, k.filters);
#pragma omp parallel for num_threads(w->team)
    for (int i = 0; i < s->groups * each; i++) {
        double scales[MOST_FILTERS] = {0};
        for (int l = 0; l < k.filters; l++)
            scales[l] = reference_fold_scale(
                s, d, i / each * group + (int)least(i % each * k.filters + l, group - 1));
        float *panel = panels + i * k.step;
        for (int64_t depth = 0; depth < conv_depth(s); depth++)
            for (int l = 0; l < k.filters; l++, panel++)
                *panel = (float)(*panel * scales[l]);
    }
}

/* As the plain backend folds, in the algorithm's panels. */
void cpu_conv_fold(const pass *p, const conv *s, const conv_data *d, void *packed)
{
    const conv_algorithm *a = conv_algorithm_of(s);
    const workspace w = conv_workspace_of(a, p, s);
    float *weights = (float *)packed + packed_biases(s);
    reference_fold_biases(s, d, packed);
    a->pack(&w, s, d->weights, weights);
    scale_panels(&w, s, d, a->packing(s), weights);
}

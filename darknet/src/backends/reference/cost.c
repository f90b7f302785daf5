/* The losses of [cost] and [softmax], value by value. */
#include <math.h>
#include <string.h>

#include "reference.h"

static inline float sign(float d)
{
    return (float)((d > 0) - (d < 0));
}

/* A row's function, from the error and the delta of one value by d = truth - x. */
#define COST(name, error_of_d, delta_of_d) \
    static double name(const float *x, const float *truth, float *error, float *delta, \
                       int64_t count) \
    { \
        double sum = 0; \
        for (int64_t i = 0; i < count; i++) { \
            const float d = truth[i] - x[i]; \
            error[i] = error_of_d; \
            if (delta) \
                delta[i] = delta_of_d; \
            sum += error[i]; \
        } \
        return sum; \
    }

COST(sse, (d * d), d)
COST(absolute, fabsf(d), sign(d))
COST(smooth, fabsf(d) > 1 ? 2 * fabsf(d) - 1 : d * d, fabsf(d) > 1 ? sign(d) : d)

/* Marks values that no truth is known of. */
static const float UNKNOWN = -1234;

static double masked(const float *x, const float *truth, float *error, float *delta, int64_t count)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++) {
        const float d = truth[i] == UNKNOWN ? 0 : truth[i] - x[i];
        error[i] = d * d;
        if (delta)
            delta[i] = d;
        sum += error[i];
    }
    return sum;
}

const cost_row cost_types[] = {
    {{"sse", "the square of d"}, sse},
    {{"L1", "|d|; handed back: the sign of d"}, absolute},
    {{"smooth", "the square of d, beyond 1 2|d| - 1; handed back: d, or its sign"}, smooth},
    {{"masked", "the square of d; 0 where the truth is -1234"}, masked},
    {{NULL, NULL}, NULL},
};

/* Sets values without a truth to 0: without an error or a delta. */
static void clear(float *values, int64_t count)
{
    if (values)
        memset(values, 0, (size_t)count * sizeof *values);
}

double reference_cost(const pass *p, int type, const float *x, const float *truth, float *error,
                      float *delta, int64_t count)
{
    (void)p;
    if (!truth) {
        clear(error, count);
        clear(delta, count);
        return 0;
    }
    return cost_types[type].loss(x, truth, error, delta, count);
}

/* binary: what is not wanted counts too. */
static double entropy(const float *x, const float *truth, float *delta, int64_t count, bool binary)
{
    if (!truth) {
        clear(delta, count);
        return 0;
    }
    double sum = 0;
    for (int64_t i = 0; i < count; i++) {
        const float wanted = truth[i];
        delta[i] = wanted - x[i];
        if (wanted != 0)
            sum -= wanted * logf(fmaxf(x[i], 1e-37f));
        if (binary && wanted != 1)
            sum -= (1 - wanted) * logf(fmaxf(1 - x[i], 1e-37f));
    }
    return sum;
}

double reference_cross_entropy(const pass *p, const float *x, const float *truth, float *delta,
                               int64_t count)
{
    (void)p;
    return entropy(x, truth, delta, count, false);
}

double reference_binary_cross_entropy(const pass *p, const float *x, const float *truth,
                                      float *delta, int64_t count)
{
    (void)p;
    return entropy(x, truth, delta, count, true);
}

/* delta is first 1 for the wanted nodes: those of the truth and all above them. */
static double tree_image(const tree *t, const float *x, const float *truth, float *delta)
{
    double sum = 0;
    clear(delta, t->nodes);
    for (int i = 0; i < t->nodes; i++)
        for (int n = truth[i] > 0 ? i : -1; n >= 0 && delta[n] == 0; n = t->parent[n])
            delta[n] = 1;
    for (int g = 0; g < t->groups; g++) {
        const int first = t->first[g], past = first + t->size[g];
        bool any = false;
        for (int i = first; i < past; i++)
            any |= delta[i] == 1;
        for (int i = first; any && i < past; i++) {
            sum -= delta[i] == 1 ? logf(fmaxf(x[i], 1e-37f)) : 0;
            delta[i] -= x[i];
        }
    }
    return sum;
}

double reference_tree_cross_entropy(const pass *p, const tree *t, const float *x,
                                    const float *truth, float *delta)
{
    double sum = 0;
    for (int64_t b = 0; b < p->batch; b++)
        if (truth)
            sum += tree_image(t, x + b * t->nodes, truth + b * t->nodes, delta + b * t->nodes);
        else
            clear(delta + b * t->nodes, t->nodes);
    return sum;
}

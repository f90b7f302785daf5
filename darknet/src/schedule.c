#include "schedule.h"

#include <math.h>

#include "random.h"

static double constant_rate(const settings *s, uint64_t seed, double n)
{
    (void)seed;
    (void)n;
    return s->learning_rate;
}

static double step_rate(const settings *s, uint64_t seed, double n)
{
    (void)seed;
    return s->learning_rate * pow(s->scale, floor(n / s->step));
}

static double steps_rate(const settings *s, uint64_t seed, double n)
{
    (void)seed;
    double rate = s->learning_rate;
    for (int i = 0; i < s->steps.n && s->steps.v[i] <= n; i++)
        rate *= i < s->scales.n ? s->scales.v[i] : 1;
    return rate;
}

static double exp_rate(const settings *s, uint64_t seed, double n)
{
    (void)seed;
    return s->learning_rate * pow(s->gamma, n);
}

/* Near the end the difference's rounding to float32 shows, and Darknet's is float32. */
static double poly_rate(const settings *s, uint64_t seed, double n)
{
    (void)seed;
    const double rate = s->learning_rate;
    return s->max_batches > 0
               ? rate * pow(fmaxf(0, 1 - (float)n / (float)s->max_batches), s->power)
               : rate;
}

static double sigmoid_rate(const settings *s, uint64_t seed, double n)
{
    (void)seed;
    return s->learning_rate / (1 + exp(s->gamma * (n - s->step)));
}

static double random_rate(const settings *s, uint64_t seed, double n)
{
    return s->learning_rate * pow(dn_random_uniform(seed, (uint64_t)n), s->power);
}

/* Loshchilov and Hutter, SGDR, 2017, equation 5. */
static double sgdr_rate(const settings *s, uint64_t seed, double n)
{
    (void)seed;
    double start = 0, cycle = s->sgdr_cycle ? s->sgdr_cycle : s->max_batches;
    if (!(cycle > 0))
        return s->learning_rate;
    if (s->sgdr_mult == 1)
        start = cycle * (ceil(n / cycle) - 1);
    else
        for (; start + cycle < n; cycle *= s->sgdr_mult)
            start += cycle;
    const double span = (double)s->learning_rate - s->learning_rate_min;
    return s->learning_rate_min + span * (1 + cos((n - start) / cycle * 3.14159265358979)) / 2;
}

const policy_row policies[] = {
    {{"constant", "learning_rate"}, constant_rate},
    {{"step", "times scale after every `step` updates"}, step_rate},
    {{"steps", "times scales= at the updates of steps="}, steps_rate},
    {{"exp", "times gamma^n"}, exp_rate},
    {{"poly", "times (1 - n/max_batches)^power"}, poly_rate},
    {{"sigmoid", "over 1 + e^(gamma*(n - step))"}, sigmoid_rate},
    {{"random", "times u^power, u at random from 0 to 1"}, random_rate},
    {{"sgdr", "down to learning_rate_min along a half cosine, anew in each cycle: SGDR"}, sgdr_rate},
    {{NULL, NULL}, NULL},
};

double dn_schedule_rate(const settings *s, uint64_t seed, int64_t n)
{
    if (n < s->burn_in)
        return s->learning_rate * pow((double)n / s->burn_in, s->power);
    return policies[s->policy].rate(s, seed, (double)n);
}

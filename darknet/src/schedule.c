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

/* The rate of update n after burn_in; the first is 1. */
static const struct {
    choice choice;
    double (*rate)(const settings *s, uint64_t seed, double n);
} policies[] = {
    {{"constant", "learning_rate"}, constant_rate},
    {{"step", "times scale after every `step` updates"}, step_rate},
    {{"steps", "times scales= at the updates of steps="}, steps_rate},
    {{"exp", "times gamma^n"}, exp_rate},
    {{"poly", "times (1 - n/max_batches)^power"}, poly_rate},
    {{"sigmoid", "over 1 + e^(gamma*(n - step))"}, sigmoid_rate},
    {{"random", "times u^power, u at random from 0 to 1"}, random_rate},
    {{NULL, NULL}, NULL},
};

enum { MANY = 1 << 30 };

const key settings_keys[] = {
    KEY_INT(settings, batch, 1, 1, 65536, "images an update"),
    KEY_INT(settings, subdivisions, 1, 1, 65536, "passes that a batch is split into"),
    KEY_INT(settings, width, 0, 0, 65536, "of the input, in pixels"),
    KEY_INT(settings, height, 0, 0, 65536, "of the input, in pixels"),
    KEY_INT(settings, channels, 0, 0, 65536, "of the input: 3 for colour, 1 for grey"),
    KEY_FLOAT(settings, learning_rate, .001, 0, 1e6, "of a whole batch"),
    KEY_FLOAT(settings, momentum, .9, 0, 1, "share of the former gradients kept in each update"),
    KEY_FLOAT(settings, decay, .0001, 0, 1e6, "weight decay"),
    KEY_FLOAT(settings, clip, 0, 0, 1e9,
              "bound of the weights' magnitude after an update; 0: none"),
    KEY_FLOAT(settings, clip_norm, 0, 0, 1e9,
              "bound of the norm of an update's gradient, of the mean over its images; 0: none"),
    KEY_INT(settings, adam, 0, 0, 1, "1: Adam instead of SGD with momentum"),
    KEY_FLOAT_NAMED(settings, b1, "B1", .9, 0, 1, "Adam's first decay"),
    KEY_FLOAT_NAMED(settings, b2, "B2", .999, 0, 1, "Adam's second decay"),
    KEY_FLOAT(settings, eps, 1e-7, 0, 1, "Adam's epsilon"),
    KEY_CHOICE(settings, policy, "constant", policies, "how the learning rate changes"),
    KEY_INT(settings, max_batches, 0, 0, MANY, "updates of the whole training"),
    KEY_INT(settings, burn_in, 0, 0, MANY, "updates at the start during which the rate rises"),
    KEY_FLOAT(settings, power, 4, -1e6, 1e6, "of burn_in, and of the policies poly and random"),
    KEY_INT(settings, step, 1, 1, MANY, "of the policies step and sigmoid, in updates"),
    KEY_FLOAT(settings, scale, 1, 0, 1e6, "factor of the policy step"),
    KEY_INTS(settings, steps, NULL, "updates at which the policy steps changes the rate"),
    KEY_FLOATS(settings, scales, NULL, "its factors"),
    KEY_FLOAT(settings, gamma, 1, -1e6, 1e6, "of the policies exp and sigmoid"),
    KEY_FLOAT(settings, angle, 0, 0, 360,
              "augmentation: rotation of classifiers' images, in degrees"),
    KEY_FLOAT(settings, aspect, 1, 0, 1e3, "augmentation: change of classifiers' aspect ratio"),
    KEY_FLOAT(settings, saturation, 1, 1e-6, 1e3,
              "augmentation: saturation times or divided by up to this"),
    KEY_FLOAT(settings, exposure, 1, 1e-6, 1e3,
              "augmentation: brightness times or divided by up to this"),
    KEY_FLOAT(settings, hue, 0, 0, 1, "augmentation: hue moved by up to this share of the circle"),
    KEY_INT(settings, flip, 1, 0, 1, "augmentation: 1: every other image is mirrored"),
    KEY_INT(settings, vflip, 0, 0, 1,
            "augmentation: 1: every other image is mirrored upside down"),
    KEY_INT(settings, antialias, 0, 0, 1,
            "1: images are made smaller by area averages; 0: by bilinear samples, as in Darknet"),
    KEY_INT(settings, max_crop, 0, 0, 65536,
            "augmentation of classifiers: largest side; 0: twice the width"),
    KEY_INT(settings, min_crop, 0, 0, 65536,
            "augmentation of classifiers: smallest side; 0: the width"),
    KEY_TEXT(settings, data, NULL, "the data set's .data file, used when none is given"),
    KEY_INT(settings, letter_box, 1, 0, 1,
            "1: images keep their aspect, the default of pylrm's commands; 0: they are stretched"),
    KEY_END};

double dn_schedule_rate(const settings *s, uint64_t seed, int64_t n)
{
    if (n < s->burn_in)
        return s->learning_rate * pow((double)n / s->burn_in, s->power);
    return policies[s->policy].rate(s, seed, (double)n);
}

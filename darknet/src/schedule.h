/* [net]: its keys, and the learning rate of each update. */
#ifndef DN_SCHEDULE_H
#define DN_SCHEDULE_H

#include "keys.h"

typedef struct {
    int batch, subdivisions, channels, height, width;
    float learning_rate, momentum, decay, clip, clip_norm;
    int adam;
    float b1, b2, eps;
    float angle, aspect, saturation, exposure, hue;
    int policy;             /* the row */
    float power, gamma, scale;
    int step, max_batches, burn_in;
    int_list steps;
    float_list scales;
    int max_crop, min_crop;
    const char *data;
    int flip, vflip, antialias, letter_box; /* of the package: the engine gets images as they are
                                               to be */
} settings;

extern const key settings_keys[];

/* Rate of update n (the first is 1). seed: of the random policy. */
double dn_schedule_rate(const settings *s, uint64_t seed, int64_t n);

#endif

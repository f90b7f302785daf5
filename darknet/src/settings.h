/* [net]: its keys and their values. */
#ifndef DN_SETTINGS_H
#define DN_SETTINGS_H

#include "keys.h"

typedef struct {
    int batch, subdivisions, channels, height, width, inputs;
    float learning_rate, learning_rate_min, momentum, decay, clip, clip_norm;
    int adam;
    float b1, b2, eps, ema_alpha;
    float angle, aspect, saturation, exposure, hue, label_smooth_eps;
    int policy;             /* the row */
    float power, gamma, scale;
    int step, max_batches, burn_in, sgdr_cycle, sgdr_mult;
    int_list steps;
    float_list scales;
    int max_crop, min_crop;
    const char *data;
    /* Of the package: the engine gets images as they are to be. */
    int flip, vflip, antialias, mosaic, mixup, cutmix, blur, gaussian_noise, letter_box;
} settings;

extern const key settings_keys[];

#endif

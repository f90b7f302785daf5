/* For a depthwise convolution that takes a 1x1 convolution: the latter's output is made in bands. */
#ifndef DN_CPU_POINTWISE_H
#define DN_CPU_POINTWISE_H

#include "algorithm.h"

extern const conv_algorithm pointwise_algorithm;

/* Is it worth while to make s's output, which `reader` alone reads, a band of rows at a time? */
bool pointwise_makes_bands(const conv *s, const conv *reader);

#endif

/* For a convolution that takes a depthwise one: the latter's output is made in pieces, where they
 * are needed. */
#ifndef DN_CPU_DEPTHWISE_H
#define DN_CPU_DEPTHWISE_H

#include "algorithm.h"

extern const conv_algorithm depthwise_algorithm;

/* Columns first…last-1 of an image's output, channels from…to-1, into panels `deep` deep (gemm.h).
 * packed: as conv_fold wrote it. The activation is a clipped line. scratch: what the row calls a
 * thread's own. */
void depthwise_fill(const conv *s, const float *packed, const float *image, int64_t first,
                    int64_t last, int64_t from, int64_t to, int64_t deep, float *panels,
                    float *scratch);

#endif

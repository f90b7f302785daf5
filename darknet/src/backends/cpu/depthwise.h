/* For a convolution that takes a depthwise one: the latter's output is made in pieces, where they
 * are needed. */
#ifndef DN_CPU_DEPTHWISE_H
#define DN_CPU_DEPTHWISE_H

#include "algorithm.h"

extern const conv_algorithm depthwise_algorithm;

/* `count` rows of all planes of an image's map, from row `first` on. */
typedef struct {
    const float *rows;
    int first, count;
} band;

/* The rows that output rows first_row…last_row are made of. `first` is a multiple of the stride, so
 * that there may be a row more than is read. */
band depthwise_band(const conv *s, int first_row, int last_row);
/* The first of them that is read. */
int depthwise_first_read(const conv *s, int first_row);

/* Columns first…last-1 of an image's output, channels from…to-1, into panels `deep` deep (gemm.h),
 * from a band that holds what they are made of. packed: as conv_fold wrote it. The activation is a
 * clipped line. scratch: what the row calls a thread's own. */
void depthwise_fill(const conv *s, const float *packed, band in, int64_t first, int64_t last,
                    int64_t from, int64_t to, int64_t deep, float *panels, float *scratch);

#endif

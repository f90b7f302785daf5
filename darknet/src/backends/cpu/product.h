/* The matrix product of a convolution over a batch: which thread packs and multiplies what. */
#ifndef DN_CPU_PRODUCT_H
#define DN_CPU_PRODUCT_H

#include "algorithm.h"

/* How a product is cut. Its sums do not depend on it. */
typedef struct {
    bool apart;      /* each thread fills its own panels and takes all rows; else all fill together
                        and share out the rows */
    int64_t tasks;   /* apart: of an image's columns; else: of the rows */
    int64_t columns; /* whose panels are there at a time, a thread's or the team's */
} cut;

/* Output (images, m, n) from packed weights a (m, k) and a matrix (k, n) an image, whose panels
 * `fill` makes. Image i of the output starts at output + i*image_step. */
typedef struct product product;
struct product {
    int images, threads;
    int64_t m, n, k;
    int unit;        /* columns come in whole units of these, but for the last */
    bool by_unit;    /* each unit is a task */
    int grain;       /* rows that fill makes together */
    int64_t scratch; /* floats that fill needs */
    int64_t image_step;
    cut cut; /* of the shape with as many images as there may be */
    /* Columns first…last-1 of an image's matrix, its rows from…to-1, into panels k deep
     * (gemm.h). */
    void (*fill)(const product *q, int image, int64_t first, int64_t last, int64_t from, int64_t to,
                 float *panels, float *scratch);
    const conv *s;
    /* for fill */
    const float *input;
    const void *const *before;
    const product *inner; /* of a 1x1 convolution within */
    int group;
};

/* Weights as products read them: panels of tile_rows filters. */
packing product_packing(const conv *s);
cut cut_of(const product *q);
room product_room(const product *q); /* besides a */
void multiply(const workspace *w, float *shared, const product *q, const float *a, float *output,
              bool add, const epilogue *e);

#endif

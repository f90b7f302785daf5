/* The sums of a convolution and their gradients: depthwise ones by kernels of our own, 1x1 by matrix
 * products, others by cuDNN (cudnn.cu) or, in a library without it, by products over copied
 * windows (conv.cu). */
#ifndef DN_CUDA_CONV_H
#define DN_CUDA_CONV_H

#include "cuda.h"

/* A way to compute a convolution's sums. */
typedef struct {
    size_t (*workspace)(const pass *p, const conv *s); /* bytes of p->workspace beyond the scratch */
    void (*sums)(const pass *p, const conv *s, const conv_data *d, float *sums);
    void (*weight_grads)(const pass *p, const conv *s, const conv_data *d); /* adds to them */
    /* Sets d->input_delta, or with d->add adds to it. */
    void (*input_delta)(const pass *p, const conv *s, const conv_data *d);
} conv_way;

extern const conv_way cuda_depthwise, cuda_products, cuda_dnn;
bool cuda_is_depthwise(const conv *s);

static inline bool is_pointwise(const conv *s)
{
    return s->size == 1 && s->stride == 1 && s->padding == 0 && s->groups == 1;
}

/* The output along one axis that reads input `at` by tap k; -1: none does. */
static inline __device__ int cuda_reader(const conv *s, int at, int k, int most)
{
    const int shifted = at + s->padding - k;
    if (s->stride == 1)
        return shifted < most ? shifted : -1; /* below 0: none, too */
    return shifted < 0 || shifted % s->stride || shifted / s->stride >= most
               ? -1
               : shifted / s->stride;
}

#endif

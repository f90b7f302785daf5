/* The sums of a convolution and their gradients, by matrix products or kernels of our own (conv.cu),
 * or by cuDNN (cudnn.cu), as the library is built. */
#ifndef DN_CUDA_CONV_H
#define DN_CUDA_CONV_H

#include "cuda.h"

/* Bytes of p->workspace that the three need. */
size_t cuda_sums_workspace(const pass *p, const conv *s);
void cuda_sums(const pass *p, const conv *s, const conv_data *d, float *sums);
/* Adds to d->weight_grads. */
void cuda_weight_grads(const pass *p, const conv *s, const conv_data *d);
/* Sets d->input_delta, or with d->add adds to it. */
void cuda_input_delta(const pass *p, const conv *s, const conv_data *d);

#endif

/* What comes after a convolution's sums: batch norm or biases, and the activation. */
#ifndef DN_CUDA_NORM_H
#define DN_CUDA_NORM_H

#include "cuda.h"

/* sums (batch, s) -> d->output, as s->batch_normalize and s->activation say. */
void cuda_finish_sums(const pass *p, const conv *s, const conv_data *d, const float *sums);
/* d->delta: from the output's to that of the sums; adds to d->bias_grads and d->scale_grads. */
void cuda_unwind_sums(const pass *p, const conv *s, const conv_data *d);
/* out = in + biases, channel by channel, and the activation. */
void cuda_add_biases(const pass *p, dims s, const float *biases, activation a, const float *in,
                     float *out);
/* grads += the sums of the channels. */
void cuda_add_bias_grads(const pass *p, dims s, const float *delta, float *grads);

#endif

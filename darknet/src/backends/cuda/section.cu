/* A convolutional section: the sums, then batch norm or biases with the activation. In inference,
 * too, nothing is folded: what follows the sums is limited by memory either way. */
#include "conv.h"
#include "norm.h"

size_t cuda_conv_workspace(const conv *s, const pass *p)
{
    return cuda_sums_workspace(p, s);
}

size_t cuda_conv_packed_bytes(const conv *)
{
    return 0;
}

void cuda_conv_forward(const pass *p, const conv *s, const conv_data *d)
{
    float *sums = d->raw ? d->raw : d->output;
    cuda_sums(p, s, d, sums);
    cuda_finish_sums(p, s, d, sums);
}

void cuda_conv_backward(const pass *p, const conv *s, const conv_data *d)
{
    cuda_unwind_sums(p, s, d);
    cuda_weight_grads(p, s, d);
    if (d->input_delta)
        cuda_input_delta(p, s, d);
}

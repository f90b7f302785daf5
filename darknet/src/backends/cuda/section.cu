/* A convolutional section: the sums, then batch norm or biases with the activation. In inference,
 * too, nothing is folded: what follows the sums is limited by memory either way. */
#include "conv.h"
#include "norm.h"

static const conv_way *way_of(const conv *s)
{
    if (cuda_is_depthwise(s))
        return &cuda_depthwise;
#ifdef DN_CUDNN
    if (!is_pointwise(s))
        return &cuda_dnn;
#endif
    return &cuda_products;
}

size_t cuda_conv_workspace(const conv *s, const pass *p)
{
    return way_of(s)->workspace(p, s);
}

size_t cuda_conv_packed_bytes(const conv *)
{
    return 0;
}

void cuda_conv_forward(const pass *p, const conv *s, const conv_data *d)
{
    float *sums = d->raw ? d->raw : d->output;
    way_of(s)->sums(p, s, d, sums);
    cuda_finish_sums(p, s, d, sums);
}

void cuda_conv_backward(const pass *p, const conv *s, const conv_data *d)
{
    cuda_unwind_sums(p, s, d);
    way_of(s)->weight_grads(p, s, d);
    if (d->input_delta)
        way_of(s)->input_delta(p, s, d);
}

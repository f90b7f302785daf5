/* Which kernels this CPU gets. kernels.inc is compiled once a CPU type; the choice is made once a
 * process. */
#ifndef DN_DISPATCH_H
#define DN_DISPATCH_H

#include "activation.h"
#include "error.h"

/* Single-threaded kernels on contiguous float32. Activations here: linear, relu, leaky, relu6
 * ("clipped lines"), whose gradient is known from the pre-activation x alone. */
typedef struct {
    const char *name;
    double (*sum)(const float *x, int64_t n);
    double (*squares)(const float *x, int64_t n, float mean); /* of x - mean */
    /* y = act(a*x + b) */
    void (*affine)(const float *x, float *y, int64_t n, float a, float b, activation act);
    /* g = delta * act'(a*x + b); *sum_g = sum of g, *sum_gx = sum of g*(x - mean) */
    void (*affine_sums)(const float *x, const float *delta, int64_t n, float a, float b, float mean,
                        activation act, double *sum_g, double *sum_gx);
    /* delta = s*g - shift - slope*(x - mean) */
    void (*affine_grad)(const float *x, float *delta, int64_t n, float a, float b, float mean,
                        float s, float shift, float slope, activation act);
    /* One plane of a 3x3 depthwise convolution with padding 1. `rows` is scratch, see
     * depthwise_scratch(). */
    void (*depthwise)(const float *in, int h, int w, int stride, const float weights[9], float *out,
                      float *scratch);
    /* From delta (at the sums): the input's gradient, and the 9 weights' (added to). */
    void (*depthwise_input_grad)(const float *delta, int h, int w, int stride,
                                 const float weights[9], float *in_delta, bool add, float *scratch);
    void (*depthwise_weight_grad)(const float *in, const float *delta, int h, int w, int stride,
                                  float grads[9], float *scratch);
} kernels;

extern kernels dn_kernels;                 /* this CPU's, after dn_cpu_start() */
extern const kernels dn_kernels_baseline;
#if defined(__x86_64__)
extern const kernels dn_kernels_avx2, dn_kernels_avx512;
#endif

void dn_cpu_start(void);                   /* once a process, from any thread */
int dn_cpu_count(void);                    /* processors this process may use */
int dn_cpu_team(int threads);              /* as many, but 1 in a child made by fork() */

static inline bool is_clipped_line(activation a)
{
    return a == LINEAR || a == RELU || a == LEAKY || a == RELU6;
}

/* Floats of scratch for one plane of any of the depthwise kernels. */
static inline size_t depthwise_scratch(int h, int w)
{
    enum { MARGIN = 64 };
    return (size_t)(h + 3) * (size_t)(w + MARGIN) * 2 + MARGIN;
}

#endif

/* The CUDA backend: its entries, and what they share. An entry means what the plain one of its name
 * in backends/reference/ does. Everything runs in the calling thread's stream, in order.
 */
#ifndef DN_CUDA_H
#define DN_CUDA_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "launch.h"

extern "C" {
#include "backend.h"
#include "boxes.h"
#include "library.h"
#include "random.h"
}

/* The plain backend, for what is left to the host; hosted.h */
extern const backend *cuda_host;
/* Bytes from or to the host, once all kernels before are done. */
void cuda_copy(void *to, const void *from, size_t bytes);
/* Keeps the first error since the last finish(); ok: nothing happened. */
void cuda_note(bool ok, const char *what);

enum { CUDA_SCRATCH = 1 << 21 };

static inline __host__ __device__ int64_t plane_of(dims d)
{
    return (int64_t)d.h * d.w;
}

/* C (rows, columns) = A*B + beta*C, row by row; A is (rows, depth), B (depth, columns), or with
 * across_a and across_b their transposes. Steps: from one product to the next. */
typedef struct {
    int rows, columns, depth, count;
    bool across_a, across_b;
    int64_t step_a, step_b, step_c;
    float beta;
} product;
void cuda_multiply_matrices(const product *m, const float *a, const float *b, float *c);

size_t cuda_conv_workspace(const conv *s, const pass *p);
void cuda_conv_forward(const pass *p, const conv *s, const conv_data *d);
void cuda_conv_backward(const pass *p, const conv *s, const conv_data *d);
size_t cuda_conv_packed_bytes(const conv *s);
void cuda_batchnorm(const pass *p, dims s, const conv_data *d);
void cuda_batchnorm_grad(const pass *p, dims s, const conv_data *d);
void cuda_activate(const pass *p, activation a, const float *in, float *out, strip s);
void cuda_activate_grad(const pass *p, activation a, const float *y, const float *x,
                        const float *delta, float *input_delta, bool add, strip s);
void cuda_dropout(const pass *p, float probability, int layer, const float *x, float *out,
                  float *mask, int64_t count);
void cuda_multiply(const pass *p, const float *a, const float *b, float *out, bool add,
                   int64_t count);
void cuda_softmax(const pass *p, int n, int64_t step, int groups, int64_t group_step,
                  int64_t lanes, int64_t image_step, float temperature, const float *x,
                  float *out);
void cuda_maxpool(const pass *p, const pool *s, const float *in, float *out, int32_t *index);
void cuda_maxpool_grad(const pass *p, const pool *s, const float *delta, const int32_t *index,
                       float *input_delta, bool add);
void cuda_avgpool(const pass *p, dims in, const float *x, float *out);
void cuda_avgpool_grad(const pass *p, dims in, const float *delta, float *input_delta, bool add);
void cuda_upsample(const pass *p, dims in, int stride, float scale, const float *x, float *out);
void cuda_upsample_grad(const pass *p, dims in, int stride, float scale, const float *delta,
                        float *input_delta, bool add);
void cuda_downsample(const pass *p, dims in, int stride, float scale, const float *x, float *out);
void cuda_downsample_grad(const pass *p, dims in, int stride, float scale, const float *delta,
                          float *input_delta, bool add);
void cuda_reorg(const pass *p, const struct reorg *s, const float *x, float *out);
void cuda_reorg_grad(const pass *p, const struct reorg *s, const float *delta, float *input_delta,
                     bool add);
void cuda_transpose(const pass *p, int64_t rows, int64_t columns, const float *x, float *out,
                    bool add);
void cuda_shortcut(const pass *p, const struct shortcut *s, const float *a, const float *b,
                   float *out);
void cuda_shortcut_grad(const pass *p, const struct shortcut *s, const float *delta,
                        float *a_delta, bool add_a, float *b_delta, bool add_b);
void cuda_copy_rows(const pass *p, int64_t rows, int64_t count, const float *in, int64_t in_step,
                    float *out, int64_t out_step, float scale, bool add);
double cuda_cost(const pass *p, int type, const float *x, const float *truth, float *error,
                 float *delta, int64_t count);
double cuda_cross_entropy(const pass *p, const float *x, const float *truth, float *delta,
                          int64_t count);
void cuda_local(const pass *p, const window *s, const float *in, const float *weights,
                const float *biases, float *out);
void cuda_local_grad(const pass *p, const window *s, const float *in, const float *weights,
                     const float *delta, float *weight_grads, float *bias_grads,
                     float *input_delta, bool add);
void cuda_deconv(const pass *p, const window *s, const float *in, const float *weights,
                 const float *biases, float *out);
void cuda_deconv_grad(const pass *p, const window *s, const float *in, const float *weights,
                      const float *delta, float *weight_grads, float *bias_grads,
                      float *input_delta, bool add);
void cuda_response(const pass *p, const struct response *s, const float *x, float *norms,
                   float *out);
void cuda_response_grad(const pass *p, const struct response *s, const float *x,
                        const float *norms, const float *delta, float *input_delta, bool add);
void cuda_crop(const pass *p, const cropping *s, const float *in, int32_t *places, float *out);
void cuda_crop_grad(const pass *p, const cropping *s, const float *delta, const int32_t *places,
                    float *input_delta, bool add);
double cuda_tree_cross_entropy(const pass *p, const tree *t, const float *x, const float *truth,
                               float *delta);
double cuda_binary_cross_entropy(const pass *p, const float *x, const float *truth, float *delta,
                                 int64_t count);
void cuda_scale_map(const pass *p, const scaling *s, const float *factors, const float *map,
                    float *out);
void cuda_scale_map_grad(const pass *p, const scaling *s, const float *factors, const float *map,
                         const float *delta, float *factor_delta, bool add_factors,
                         float *map_delta, bool add_map);
void cuda_l2norm(const pass *p, dims s, const float *x, float *out);
void cuda_l2norm_grad(const pass *p, dims s, const float *x, const float *delta,
                      float *input_delta, bool add);
size_t cuda_detector_workspace(const pass *p);
void cuda_region_loss(const pass *p, const detector_loss *s, const detector_arrays *a,
                      detector_result *sum);
void cuda_detection_loss(const pass *p, const detector_loss *s, const detector_arrays *a,
                         detector_result *sum);
void cuda_yolo_loss(const pass *p, const detector_loss *s, const detector_arrays *a,
                    detector_result *sum);
size_t cuda_mine_workspace(const pass *p, const mining *s);
void cuda_mine(const pass *p, const mining *s, const mining_arrays *a, dn_mining_stats *sum);
void cuda_affine(const pass *p, float a, float b, const float *x, float *out, strip s);
void cuda_sgd(const pass *p, float *w, float *grad, int64_t count, double rate,
              double decay_batch, double momentum);
void cuda_adam(const pass *p, float *w, float *grad, float *m, float *v, int64_t count,
               double rate, double decay_batch, double b1, double b2, double eps, int64_t step);
void cuda_clip(const pass *p, float *w, int64_t count, double limit);
double cuda_squares(const pass *p, const float *a, const float *b, int64_t count);
void cuda_shrink(const pass *p, float *a, const float *b, int64_t count, double scale);

#endif

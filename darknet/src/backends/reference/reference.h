/* The plain backend: loops that define what is computed. The fast backend (backends/cpu/) shares
 * those that are limited by memory, and has kernels of its own for the rest. */
#ifndef DN_REFERENCE_H
#define DN_REFERENCE_H

#include "backend.h"

size_t reference_conv_workspace(const conv *s, const pass *p);
void reference_conv_forward(const pass *p, const conv *s, const conv_data *d);
void reference_conv_backward(const pass *p, const conv *s, const conv_data *d);
size_t reference_conv_packed_bytes(const conv *s);
void reference_conv_fold(const pass *p, const conv *s, const conv_data *d, void *packed);
double reference_fold_scale(const conv *s, const conv_data *d, int c);
void reference_fold_biases(const conv *s, const conv_data *d, float *biases);
void reference_batchnorm(const pass *p, dims s, const conv_data *d);
void reference_batchnorm_grad(const pass *p, dims s, const conv_data *d);

void reference_activate(const pass *p, activation a, const float *in, float *out, strip s);
void reference_activate_grad(const pass *p, activation a, const float *y, const float *x,
                             const float *delta, float *input_delta, bool add, strip s);
void reference_dropout(const pass *p, float probability, int layer, const float *x, float *out,
                       float *mask, int64_t count);
void reference_multiply(const pass *p, const float *a, const float *b, float *out, bool add,
                        int64_t count);
void reference_softmax(const pass *p, int n, int64_t step, int groups, int64_t group_step,
                       int64_t lanes, int64_t image_step, float temperature, const float *x,
                       float *out);

void reference_maxpool(const pass *p, const pool *s, const float *in, float *out, int32_t *index);
void reference_maxpool_grad(const pass *p, const pool *s, const float *delta, const int32_t *index,
                            float *input_delta, bool add);
void reference_avgpool(const pass *p, dims in, const float *x, float *out);
void reference_avgpool_grad(const pass *p, dims in, const float *delta, float *input_delta,
                            bool add);

void reference_upsample(const pass *p, dims in, int stride, float scale, const float *x,
                        float *out);
void reference_upsample_grad(const pass *p, dims in, int stride, float scale, const float *delta,
                             float *input_delta, bool add);
void reference_downsample(const pass *p, dims in, int stride, float scale, const float *x,
                          float *out);
void reference_downsample_grad(const pass *p, dims in, int stride, float scale, const float *delta,
                               float *input_delta, bool add);
void reference_reorg(const pass *p, const reorg *s, const float *x, float *out);
void reference_reorg_grad(const pass *p, const reorg *s, const float *delta, float *input_delta,
                          bool add);
void reference_transpose(const pass *p, int64_t rows, int64_t columns, const float *x, float *out,
                         bool add);
void reference_shortcut(const pass *p, const shortcut *s, const float *a, const float *b,
                        float *out);
void reference_shortcut_grad(const pass *p, const shortcut *s, const float *delta, float *a_delta,
                             bool add_a, float *b_delta, bool add_b);
void reference_copy_rows(const pass *p, int64_t rows, int64_t count, const float *in,
                         int64_t in_step, float *out, int64_t out_step, float scale, bool add);

double reference_cost(const pass *p, int type, const float *x, const float *truth, float *error,
                      float *delta, int64_t count);
double reference_cross_entropy(const pass *p, const float *x, const float *truth, float *delta,
                               int64_t count);
void reference_local(const pass *p, const window *s, const float *in, const float *weights,
                     const float *biases, float *out);
void reference_local_grad(const pass *p, const window *s, const float *in, const float *weights,
                          const float *delta, float *weight_grads, float *bias_grads,
                          float *input_delta, bool add);
void reference_deconv(const pass *p, const window *s, const float *in, const float *weights,
                      const float *biases, float *out);
void reference_deconv_grad(const pass *p, const window *s, const float *in, const float *weights,
                           const float *delta, float *weight_grads, float *bias_grads,
                           float *input_delta, bool add);
void reference_response(const pass *p, const response *s, const float *x, float *norms, float *out);
void reference_response_grad(const pass *p, const response *s, const float *x, const float *norms,
                             const float *delta, float *input_delta, bool add);
void reference_crop(const pass *p, const cropping *s, const float *in, int32_t *places, float *out);
void reference_crop_grad(const pass *p, const cropping *s, const float *delta,
                         const int32_t *places, float *input_delta, bool add);

double reference_tree_cross_entropy(const pass *p, const tree *t, const float *x,
                                    const float *truth, float *delta);

double reference_binary_cross_entropy(const pass *p, const float *x, const float *truth,
                                      float *delta, int64_t count);

void reference_scale_map(const pass *p, const scaling *s, const float *factors, const float *map,
                      float *out);
void reference_scale_map_grad(const pass *p, const scaling *s, const float *factors, const float *map,
                           const float *delta, float *factor_delta, bool add_factors,
                           float *map_delta, bool add_map);
void reference_l2norm(const pass *p, dims s, const float *x, float *out);
void reference_l2norm_grad(const pass *p, dims s, const float *x, const float *delta,
                           float *input_delta, bool add);

size_t reference_detector_workspace(const pass *p);
void reference_region_loss(const pass *p, const detector_loss *s, const detector_arrays *a,
                           detector_result *sum);
void reference_detection_loss(const pass *p, const detector_loss *s, const detector_arrays *a,
                              detector_result *sum);
void reference_yolo_loss(const pass *p, const detector_loss *s, const detector_arrays *a,
                         detector_result *sum);
size_t reference_mine_workspace(const pass *p, const mining *s);
void reference_mine(const pass *p, const mining *s, const mining_arrays *a, dn_mining_stats *sum);
void reference_affine(const pass *p, float a, float b, const float *x, float *out, strip s);

void reference_sgd(const pass *p, float *w, float *grad, int64_t count, double rate,
                   double decay_batch, double momentum);
void reference_adam(const pass *p, float *w, float *grad, float *m, float *v, int64_t count,
                    double rate, double decay_batch, double b1, double b2, double eps,
                    int64_t step);
void reference_clip(const pass *p, float *w, int64_t count, double limit);
double reference_squares(const pass *p, const float *a, const float *b, int64_t count);
void reference_shrink(const pass *p, float *a, const float *b, int64_t count, double scale);

#endif

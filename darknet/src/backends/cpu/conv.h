/* Shared by the convolution's forward and backward passes on a CPU. */
#ifndef DN_CPU_CONV_H
#define DN_CPU_CONV_H

#include "backend.h"
#include "gemm.h"

#ifdef _OPENMP
#include <omp.h>
#endif

/* POINTWISE: 1x1. DEPTHWISE: 3x3 a channel. WINOGRAD: 3x3 of stride 1 and padding 1. GENERAL: all
 * others, by im2col. A file each. */
typedef enum { POINTWISE, DEPTHWISE, WINOGRAD, GENERAL } conv_kind;
conv_kind conv_kind_of(const conv *s);

static inline int64_t plane(dims d)
{
    return (int64_t)d.h * d.w;
}

/* Rows of the kernel matrix of one group: channels*size*size. */
static inline int conv_depth(const conv *s)
{
    return s->in.c / s->groups * s->size * s->size;
}

/* Scratch, in floats: what the threads share, and what each has of its own. Grows with the batch,
 * if at all. */
typedef struct {
    int64_t shared, own;
} room;

/* A pass's scratch, and the threads to use. */
typedef struct {
    float *shared, *own;
    int64_t own_floats;
    int team;
} workspace;

workspace conv_workspace_of(const pass *p, const conv *s);

static inline float *own_scratch(const workspace *w)
{
#ifdef _OPENMP
    return w->own + w->own_floats * omp_get_thread_num();
#else
    return w->own;
#endif
}

/* Weights as they are or, in inference, as packed by the kind; and those of the depthwise layer
 * within a pointwise one. */
typedef struct {
    const float *plain;
    const float *packed;
    const float *before; /* biases, then weights */
} conv_weights;

/* Each kind: its scratch; the sums (with an epilogue: the output); the gradients of the weights
 * (added to) and of the input. */
bool pointwise_joins(const conv *s); /* the planes of all images into one */
room pointwise_room(const conv *s, const pass *p);
int64_t pointwise_packed_floats(const conv *s);
void pointwise_pack(const workspace *w, const conv *s, const float *weights, float *packed);
void pointwise_forward(const pass *p, const workspace *w, const conv *s, conv_weights weights,
                       const float *input, float *output, const epilogue *e);
void pointwise_weight_grads(const pass *p, const workspace *w, const conv *s, const conv_data *d);
void pointwise_input_grad(const pass *p, const workspace *w, const conv *s, const conv_data *d);

room winograd_room(const conv *s, const pass *p);
int64_t winograd_packed_floats(const conv *s);
void winograd_pack(const workspace *w, const conv *s, const float *weights, float *packed);
void winograd_forward(const pass *p, const workspace *w, const conv *s, conv_weights weights,
                      const float *input, float *output, const epilogue *e);
void winograd_weight_grads(const pass *p, const workspace *w, const conv *s, const conv_data *d);
void winograd_input_grad(const pass *p, const workspace *w, const conv *s, const conv_data *d);

room general_room(const conv *s, const pass *p);
int64_t general_packed_floats(const conv *s);
void general_pack(const workspace *w, const conv *s, const float *weights, float *packed);
void general_forward(const pass *p, const workspace *w, const conv *s, conv_weights weights,
                     const float *input, float *output, const epilogue *e);
void general_weight_grads(const pass *p, const workspace *w, const conv *s, const conv_data *d);
void general_input_grad(const pass *p, const workspace *w, const conv *s, const conv_data *d);

/* Biases come first in what is packed, at the start of a line. */
int64_t packed_biases(const conv *s);
bool cpu_conv_takes(const conv *s, const conv *before);
size_t cpu_conv_workspace(const conv *s, const pass *p);
void cpu_conv_forward(const pass *p, const conv *s, const conv_data *d);
void cpu_conv_backward(const pass *p, const conv *s, const conv_data *d);
size_t cpu_conv_packed_bytes(const conv *s);
void cpu_conv_fold(const pass *p, const conv *s, const conv_data *d, void *packed);

enum { CONV_EPS_INVERSE = 100000 }; /* batch norm's epsilon, 1e-5 */

#endif

/* A convolution algorithm: one file, and one row of the table in conv.c. What algorithms share is
 * here, in product.h, gemm.h and dispatch.h; none of them calls what chooses among them. */
#ifndef DN_CPU_ALGORITHM_H
#define DN_CPU_ALGORITHM_H

#include "backend.h"
#include "gemm.h"

#ifdef _OPENMP
#include <omp.h>
#endif

static inline int64_t plane(dims d)
{
    return (int64_t)d.h * d.w;
}

/* Rows of the kernel matrix of one group: channels*size*size. */
static inline int conv_depth(const conv *s)
{
    return s->in.c / s->groups * s->size * s->size;
}

static inline int64_t whole_lines(int64_t floats)
{
    enum { LINE = 16 };
    return pieces_of(floats, LINE) * LINE;
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

static inline float *own_scratch(const workspace *w)
{
#ifdef _OPENMP
    return w->own + w->own_floats * omp_get_thread_num();
#else
    return w->own;
#endif
}

/* How inference keeps weights: panels of `filters` filters of a group, each [depth][filter] at its
 * start and `step` floats from the next; `beyond` floats may be read after the last. */
typedef struct {
    int filters;
    int64_t step, beyond;
} packing;

static inline int64_t packing_floats(const conv *s, packing k)
{
    return s->groups * pieces_of(s->out.c / s->groups, k.filters) * k.step + k.beyond;
}

/* Biases come before them, at the start of a line. */
static inline int64_t packed_biases(const conv *s)
{
    return whole_lines(s->out.c);
}

/* Weights as they are or, in inference, packed; and those of the layers within this one. */
typedef struct {
    const float *plain;
    const float *packed;
    const void *const *before; /* of s->before, its `before`, …: biases, then weights */
} conv_weights;

/* The forward pass makes the sums or, with an epilogue (inference), the output; weights' gradients
 * are added to.
 *
 * A row has these passes either for whole maps (forward, weight_grads, input_grad), or channel by
 * channel (channel_forward, channel_grads), where a channel of the output comes from the same one
 * of the input alone; the others are NULL. Those of a channel do it in all images, in one thread:
 * just before its sums are normalized and activated, or just after its delta has come back to the
 * sums, so that they are still in the cache. */
typedef struct conv_algorithm conv_algorithm;
struct conv_algorithm {
    const char *name;
    bool (*fits)(const conv *s);
    /* Inference: may `before`, a convolution by `its`, become s->before? within: s is computed
     * within another. NULL: never. */
    bool (*fuses)(const conv *s, const conv *before, const conv_algorithm *its, bool within);
    room (*scratch)(const conv *s, const pass *p);
    packing (*packing)(const conv *s);
    void (*pack)(const workspace *w, const conv *s, const float *weights, float *packed);

    void (*forward)(const pass *p, const workspace *w, const conv *s, conv_weights weights,
                    const float *input, float *output, const epilogue *e);
    void (*weight_grads)(const pass *p, const workspace *w, const conv *s, const conv_data *d);
    void (*input_grad)(const pass *p, const workspace *w, const conv *s, const conv_data *d);

    void (*channel_forward)(const pass *p, const workspace *w, const conv *s, conv_weights weights,
                            const float *input, float *output, const epilogue *e, int c);
    void (*channel_grads)(const pass *p, const workspace *w, const conv *s, const conv_data *d,
                          int c);
};

#endif

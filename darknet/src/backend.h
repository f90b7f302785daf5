/* The compute interface: what a network's arithmetic runs on.
 *
 * Layers call this table, never a kernel by name. All arrays are (batch, c, h, w) float32,
 * contiguous. `batch` is p->batch. In *_grad functions, `add` says that input_delta already holds
 * the gradient from another layer that reads the same input: add to it; otherwise overwrite it.
 * input_delta may be NULL: then it is not computed. Results must not depend on p->threads: sums are
 * cut into pieces that the shape alone determines, and are added in a fixed order.
 * p->workspace is scratch memory; convolutions, detectors' losses and mining use it, and say how much
 * they need (…_workspace).
 */
#ifndef DN_BACKEND_H
#define DN_BACKEND_H

#include "detector_loss.h"
#include "layer.h"
#include "mining.h"

/* Threads for `work` operations: waking a team costs more than a small piece of work does. */
static inline int pass_team(const pass *p, int64_t work)
{
    enum { WORTH_A_TEAM = 1 << 16 };
    return work < WORTH_A_TEAM ? 1 : p->threads;
}

/* A rolling statistic after a batch, from the batch's own as the pass keeps it: so that they can be
 * gathered from passes elsewhere (dn_roll). */
static DN_CALLABLE inline float rolled(float before, float own, bool fresh)
{
    const double keep = .99;
    return fresh ? own : (float)(keep * before + (1 - keep) * own);
}

/* A convolutional section: convolution, batch norm or bias, activation. A connected layer is a 1x1
 * convolution of a 1x1 map. */
typedef struct conv {
    dims in, out;                     /* out.c: filters */
    int size, stride, padding, groups;
    bool batch_normalize;
    activation activation;
    const struct conv *before;        /* inference: the convolution before, computed within this
                                         one's forward from its own input; NULL: none. That may have
                                         one of its own, and so on. */
} conv;

enum { MOST_WITHIN = 3 };             /* convolutions that one may compute besides its own */

typedef struct {
    const float *input;
    const float *weights;             /* (filters, in.c/groups, size, size) */
    const float *biases, *scales;     /* (filters); scales NULL without batch norm */
    float *rolling_mean, *rolling_variance; /* (filters) */
    bool fresh;                       /* set the rolling statistics to this batch's */
    float *raw;                       /* (batch, out): the convolution's sums, without bias. NULL:
                                         not kept (inference, or no batch norm and an activation
                                         whose gradient needs y only) */
    float *mean, *variance;           /* (filters): the batch's, kept for backward; batch norm
                                         only */
    float *output;
    /* backward: */
    float *delta;                     /* (batch, out): minus the gradient: before the call at the
                                         output, after it at the raw convolution */
    float *input_delta; bool add;
    float *weight_grads, *bias_grads, *scale_grads; /* added to */
    const void *packed;               /* inference with folding: what conv_fold wrote; NULL: none */
    const void *packed_before[MOST_WITHIN]; /* likewise for `before`, its `before`, … */
} conv_data;

typedef struct { dims in, out; int size, stride, padding; } window;
typedef window pool;
typedef struct reorg { dims in; int stride; bool reverse; } reorg;
/* out = alpha*a + beta*b where the two overlap, and a elsewhere; a has the shape of out. */
typedef struct shortcut { dims a, b; float alpha, beta; } shortcut;

/* [normalization]: over `size` channels around each. */
typedef struct response { dims map; float alpha, beta, kappa; int size; } response;
/* [crop]: out = scale*in + shift. */
typedef struct { dims in, out; bool flip; int layer; float scale, shift; } cropping;

/* A map times a factor for each of its channels, or for each of its pixels. */
typedef struct { dims map; bool by_pixel; } scaling;
static DN_CALLABLE inline int64_t scaling_factors(const scaling *s) /* of one image */
{
    return s->by_pixel ? (int64_t)s->map.h * s->map.w : s->map.c;
}

/* What [cost] type= chooses from. */
typedef struct {
    choice choice;
    /* Sets the error of each value, and unless it is NULL the delta; returns the errors' sum. */
    double (*loss)(const float *x, const float *truth, float *error, float *delta, int64_t count);
} cost_row;
extern const cost_row cost_types[];

/* The values of an operation that takes each by itself: rows of `count`, `step` apart, in all of its
 * arrays alike. */
typedef struct { int64_t count, rows, step; } strip;
static inline strip all_of(int64_t count)
{
    return (strip){count, 1, count};
}

struct backend {
    const char *name;
    const char *(*kernels)(void);      /* what computes here, for users */

    /* A processor of its own, which works while the host goes on. Sums that an entry returns have
     * been waited for; arrays may be read after finish(). NULL and 0: the host computes. */
    const memory_home *memory;         /* where parameters, maps, images and truths live */
    size_t scratch;                    /* bytes of p->workspace that any entry may use */
    dn_status (*finish)(dn_error *e);  /* waits; what went wrong since the last time */

    size_t (*conv_workspace)(const conv *s, const pass *p); /* bytes, forward and backward */
    void (*conv_forward)(const pass *p, const conv *s, const conv_data *d);
    void (*conv_backward)(const pass *p, const conv *s, const conv_data *d);
    /* Can `before` become s->before, where s is computed within another convolution, or not? NULL:
     * never */
    bool (*conv_fuses)(const conv *s, const conv *before, bool within);
    size_t (*conv_packed_bytes)(const conv *s); /* 0: this backend folds nothing */
    void (*conv_fold)(const pass *p, const conv *s, const conv_data *d, void *packed);

    /* Batch norm alone: out = scale*(x-mean)/sqrt(var+1e-5)+bias over (batch, h, w); d as in
     * conv_data with raw = x. The plain backend's conv_forward and conv_backward are built from
     * these. */
    void (*batchnorm)(const pass *p, dims s, const conv_data *d);      /* reads d->raw, writes
                                                                          d->output */
    void (*batchnorm_grad)(const pass *p, dims s, const conv_data *d); /* d->delta in place */

    void (*activate)(const pass *p, activation a, const float *in, float *out, strip s);
    /* input_delta = delta * gradient(a; y, x), in place when input_delta == delta. x may be NULL
     * when the activation's gradient needs y only. */
    void (*activate_grad)(const pass *p, activation a, const float *y, const float *x,
                          const float *delta, float *input_delta, bool add, strip s);

    /* index, if not NULL, gets the position (y*w+x) of each window's largest value in its plane;
     * -1: the window lies wholly outside */
    void (*maxpool)(const pass *p, const pool *s, const float *in, float *out, int32_t *index);
    void (*maxpool_grad)(const pass *p, const pool *s, const float *delta, const int32_t *index,
                         float *input_delta, bool add);
    void (*avgpool)(const pass *p, dims in, const float *x, float *out); /* (c,h,w) -> (c,1,1) */
    void (*avgpool_grad)(const pass *p, dims in, const float *delta, float *input_delta, bool add);
    /* nearest neighbour */
    void (*upsample)(const pass *p, dims in, int stride, float scale, const float *x, float *out);
    void (*upsample_grad)(const pass *p, dims in, int stride, float scale, const float *delta,
                          float *input_delta, bool add);
    /* [upsample] with a negative stride: out = scale * the sum over each block. in: dims of the
     * large map; stride is positive here */
    void (*downsample)(const pass *p, dims in, int stride, float scale, const float *x, float *out);
    void (*downsample_grad)(const pass *p, dims in, int stride, float scale, const float *delta,
                            float *input_delta, bool add);
    void (*reorg)(const pass *p, const struct reorg *s, const float *x, float *out);
    void (*reorg_grad)(const pass *p, const struct reorg *s, const float *delta,
                       float *input_delta, bool add);
    /* [reorg] flatten: (rows, columns) -> (columns, rows) per image */
    void (*transpose)(const pass *p, int64_t rows, int64_t columns, const float *x, float *out,
                      bool add);
    void (*shortcut)(const pass *p, const struct shortcut *s, const float *a, const float *b,
                     float *out);
    void (*shortcut_grad)(const pass *p, const struct shortcut *s, const float *delta,
                          float *a_delta, bool add_a, float *b_delta, bool add_b);
    /* Copies `rows` rows of `count` floats, row r from in + r*in_step to out + r*out_step, times
     * scale; add: adds to out. in NULL: zeros. */
    void (*copy_rows)(const pass *p, int64_t rows, int64_t count, const float *in, int64_t in_step,
                      float *out, int64_t out_step, float scale, bool add);
    /* Softmax over `n` values that are `step` floats apart, for each of `groups` groups, which are
     * group_step apart, and in each group for `lanes` values side by side. */
    void (*softmax)(const pass *p, int n, int64_t step, int groups, int64_t group_step,
                    int64_t lanes, int64_t image_step, float temperature, const float *x,
                    float *out);
    void (*dropout)(const pass *p, float probability, int layer, const float *x, float *out,
                    float *mask, int64_t count);
    /* out (+)= a*b */
    void (*multiply)(const pass *p, const float *a, const float *b, float *out, bool add,
                     int64_t count);

    /* weights (out.h*out.w, out.c, in.c, size, size), biases (out); gradients are added to */
    void (*local)(const pass *p, const window *s, const float *in, const float *weights,
                  const float *biases, float *out);
    void (*local_grad)(const pass *p, const window *s, const float *in, const float *weights,
                       const float *delta, float *weight_grads, float *bias_grads,
                       float *input_delta, bool add);
    /* weights (in.c, out.c, size, size), biases (out.c) or NULL; gradients are added to */
    void (*deconv)(const pass *p, const window *s, const float *in, const float *weights,
                   const float *biases, float *out);
    void (*deconv_grad)(const pass *p, const window *s, const float *in, const float *weights,
                        const float *delta, float *weight_grads, float *bias_grads,
                        float *input_delta, bool add);
    /* norms, if not NULL, get each value's kappa + alpha*sum */
    void (*response)(const pass *p, const struct response *s, const float *x, float *norms,
                     float *out);
    void (*response_grad)(const pass *p, const struct response *s, const float *x,
                          const float *norms, const float *delta, float *input_delta, bool add);
    /* places, if not NULL, get column, row and mirroring of each image */
    void (*crop)(const pass *p, const cropping *s, const float *in, int32_t *places, float *out);
    void (*crop_grad)(const pass *p, const cropping *s, const float *delta, const int32_t *places,
                      float *input_delta, bool add);

    /* out = factors * map; factors (batch, scaling_factors), the others (batch, map) */
    void (*scale_map)(const pass *p, const scaling *s, const float *factors, const float *map,
                   float *out);
    void (*scale_map_grad)(const pass *p, const scaling *s, const float *factors, const float *map,
                        const float *delta, float *factor_delta, bool add_factors,
                        float *map_delta, bool add_map);
    /* out = x over the length of the vector over the channels of its pixel; 0 where that is 0 */
    void (*l2norm)(const pass *p, dims s, const float *x, float *out);
    void (*l2norm_grad)(const pass *p, dims s, const float *x, const float *delta,
                        float *input_delta, bool add);

    /* The losses of values: error and delta of each, and the sum of the errors. Without truth all
     * are 0. cost: type is a row of cost_types; delta may be NULL. cross_entropy: x are
     * probabilities, an error is -truth*log(x), a delta truth - x; binary: an error has
     * -(1 - truth)*log(1 - x) too. */
    double (*cost)(const pass *p, int type, const float *x, const float *truth, float *error,
                   float *delta, int64_t count);
    double (*cross_entropy)(const pass *p, const float *x, const float *truth, float *delta,
                            int64_t count);
    /* The same of a class tree, whose nodes x are: groups without a wanted class are passed over */
    double (*tree_cross_entropy)(const pass *p, const tree *t, const float *x, const float *truth,
                                 float *delta);

    double (*binary_cross_entropy)(const pass *p, const float *x, const float *truth, float *delta,
                                   int64_t count);

    /* [region], [yolo] and [detection]: deltas and `assigned` of a pass from its truths, and the
     * sums. Without truth: no cost, and a delta of 0 where a backward pass may follow. Workspace:
     * p->workspace, as detector_workspace says. */
    size_t (*detector_workspace)(const pass *p);
    void (*region_loss)(const pass *p, const detector_loss *s, const detector_arrays *a,
                        detector_result *sum);
    void (*yolo_loss)(const pass *p, const detector_loss *s, const detector_arrays *a,
                      detector_result *sum);
    void (*detection_loss)(const pass *p, const detector_loss *s, const detector_arrays *a,
                           detector_result *sum);
    /* [lrm]: losses, boxes and classes of all predictions, the selection, and the deltas that it
     * leaves. Workspace: as mine_workspace says. */
    size_t (*mine_workspace)(const pass *p, const mining *s);
    void (*mine)(const pass *p, const mining *s, const mining_arrays *a, dn_mining_stats *sum);

    /* out = a*x + b */
    void (*affine)(const pass *p, float a, float b, const float *x, float *out, strip s);

    /* The update of one parameter. rate: the network's learning rate times the layer's; for sgd
     * divided by the cfg's batch (all subdivisions). */
    void (*sgd)(const pass *p, float *w, float *grad, int64_t count, double rate,
                double decay_batch, double momentum);
    void (*adam)(const pass *p, float *w, float *grad, float *m, float *v, int64_t count,
                 double rate, double decay_batch, double b1, double b2, double eps, int64_t step);
    void (*clip)(const pass *p, float *w, int64_t count, double limit);
    /* The sum of the squares of a - b, in a fixed order; b NULL: of a. */
    double (*squares)(const pass *p, const float *a, const float *b, int64_t count);
    /* a = b + scale*(a - b); b NULL: a *= scale. */
    void (*shrink)(const pass *p, float *a, const float *b, int64_t count, double scale);
};

/* By the name that users give; the first without one. NULL: there is none, and *e says why.
 * backends.c */
const backend *dn_backend(const char *name, dn_error *e);
/* Waits for a backend with a processor of its own. */
static inline dn_status dn_finish(const backend *b, dn_error *e)
{
    return b->finish ? b->finish(e) : DN_OK;
}

#endif

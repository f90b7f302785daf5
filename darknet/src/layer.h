/* A layer, and a layer type: a row of functions.
 *
 * A layer type is one file in layers/ and one row in layers.c. It declares its keys, and in shape()
 * its output, parameters and buffers; plan.c decides where all of them live before forward() is
 * first called. Nothing is allocated in a pass, so forward and backward cannot fail.
 */
#ifndef DN_LAYER_H
#define DN_LAYER_H

#include "activation.h"
#include "callable.h"
#include "keys.h"
#include "tree.h"

typedef struct backend backend;
typedef struct layer layer;
typedef struct { int c, h, w; } dims;

static DN_CALLABLE inline int64_t dims_count(dims d) { return (int64_t)d.c * d.h * d.w; }

/* A parameter, in the order of the weights file. */
typedef struct {
    const char *name;      /* biases, scales, rolling_mean, rolling_variance, weights */
    int rank;
    int64_t shape[4], count;
    bool trained, decays;  /* trained: has a gradient; decays: weight decay acts on it */
    double spread;         /* of random weights: standard deviation, or bound of uniform ones */
    bool stored;           /* in the weights file; true unless the layer says otherwise */
    float *value, *grad;   /* grad doubles as the momentum's velocity */
    float *former;         /* clip_norm with momentum: grad as the last update left it, so that the
                              new gradient is grad - former; NULL without */
    float *m, *v;          /* Adam's; NULL without */
    float *average;        /* ema_alpha: of the values over the updates; NULL without */
} param;

/* An array of a layer besides its output, delta and parameters; element type by `type`. */
typedef enum {
    LIVES_IN_PASS,   /* forward writes it, the same pass's backward reads it: memory is reused in
                        between */
    LIVES_ON         /* readable by the user until the next pass */
} lifetime;
typedef struct {
    const char *name;
    dn_type type;
    int rank;
    int64_t shape[4];      /* of one image; the batch comes before it */
    lifetime life;
    void *data;            /* (batch, shape…) */
} buffer;

enum { MAX_PARAMS = 5, MAX_BUFFERS = 6 };

/* A pass, as layers and backends see it. */
typedef struct {
    const backend *backend;
    int threads;
    int most_threads;                /* of any pass: scratch is laid out for these */
    int batch;                       /* images in this pass */
    int capacity;                    /* most images a pass: scratch is laid out for these */
    bool train;                      /* batch statistics, dropout, mining */
    bool backward;                   /* a backward pass may follow */
    bool folded;                     /* the network is for inference: parameters are folded and
                                        packed */
    int64_t seen;                    /* images so far, including this pass's */
    int64_t update;                  /* to which the pass belongs; the first is 1 */
    uint64_t seed;                   /* for dropout: same seed, same pass number, same mask */
    const float *truth;              /* NULL: no truth, loss layers set neither cost nor delta */
    int truths;                      /* detectors: boxes an image; else floats an image */
    void *workspace;                 /* at least what the layer's workspace() asked for, 64-byte
                                        aligned */
} pass;

/* A box predictor's view of its output, shared by [region], [yolo], [lrm] and dn_boxes:
 * detector.h */
struct detector;

struct layer {
    const struct layer_type *type;
    void *state;                     /* the type's own struct, filled from its keys */
    const char *source;              /* the cfg's name, for messages */
    int index, line;
    int batch;                       /* most images a pass */
    dims net;                        /* the network's input */

    int inputs;                      /* edges: the layers read, -1 the network's input */
    int *from;
    struct layer **sources;          /* the layers themselves (NULL for the network's input): only
                                        [lrm] looks */
    dims *in, out;

    /* set by plan.c before a pass; (batch, c, h, w) */
    const float **input;
    float *output;
    float *delta;                    /* minus the gradient with respect to the output; NULL: not
                                        needed */
    float **input_delta;             /* likewise of each input; NULL: not needed */
    bool runs_backward;              /* its backward() is called: a later layer has a loss */
    bool *adds;                      /* adds[j]: input_delta[j] was written already: add to it */

    param params[MAX_PARAMS];
    int param_count;
    buffer buffers[MAX_BUFFERS];
    int buffer_count;

    bool reads_input, reads_output;  /* as the type says, unless shape() changes it */
    bool repeats_input;              /* set by shape() where the output equals the input. Then in
                                        inference they share memory: output == input[0] */
    double cost;
    dn_detector_stats stats;
    dn_mining_stats mining;
    const struct detector *detector; /* detectors only */
    bool fresh;                      /* rolling statistics neither updated by a batch nor loaded */
    void *packed;                    /* inference: the parameters as the backend packed them */
    struct layer *before;            /* inference: the layer before, if this one's forward()
                                        computes its output; else NULL */
    bool fused;                      /* it is such a `before`: has no output and is not run alone */

    /* keys of any layer */
    float learning_rate;
    int stopbackward, onlyforward, dontload, dontloadscales, dontsave, numload;
};

typedef struct layer_type {
    const char *name;
    size_t state_size;
    const key *keys;                 /* KEY_END-ended; NULL: none */
    bool loss, detector;             /* sets cost and delta; predicts boxes */
    bool transparent;                /* has no output or delta of its own, and costs nothing in
                                        inference ([lrm]) */
    bool reads_input, reads_output;  /* backward() reads input[], output: the plan keeps them until
                                        then */
    /* Fills `from` with the layers that it reads; NULL: it reads the layer before. Messages in `e`
     * name the section. */
    dn_status (*edges)(layer *l, int_list *from, dn_error *e);
    /* in[] -> out; declares params (first call only: guard with param_count == 0) and buffers.
     * Called again by resize, with buffer_count reset to 0. */
    dn_status (*shape)(layer *l, dn_error *e);
    /* bytes; NULL: none. p: backend, threads, batch, train */
    size_t (*workspace)(const layer *l, const pass *p);
    int64_t (*multiply_adds)(const layer *l);        /* of one image; NULL: 0 */
    void (*forward)(layer *l, const pass *p);
    void (*backward)(layer *l, const pass *p);       /* NULL: its inputs get no gradient */
    void (*release)(layer *l);                       /* frees what shape() allocated */
    /* inference: can l's forward(), or that of the layer that l is fused with, compute the output of
     * the layer before, which only l reads? If so, it does from then on. NULL: never */
    bool (*fuses)(layer *l, const layer *before, const backend *b);
    /* inference: size of l->packed; NULL: nothing to pack */
    size_t (*packed_bytes)(const layer *l, const backend *b);
    /* Fills l->packed from the parameters. */
    void (*fold)(layer *l, const pass *p);
} layer_type;

extern const layer_type *const layer_types[]; /* NULL-ended; layers.c */
/* Why there is no such layer here, where another Darknet has it; NULL: none has, or there is. */
const char *dn_foreign_layer(const char *section);
/* by cfg name (with Darknet's aliases); NULL: none */
const layer_type *dn_layer_type(const char *section);

/* For shape(): declare a parameter or a buffer, and return its index. The plan adds the batch
 * dimension to buffers. A parameter's spread is Darknet's sqrt(2/inputs), with count/shape[0]
 * inputs. */
int dn_add_param(layer *l, const char *name, bool trained, bool decays, int rank,
                 const int64_t *shape);
int dn_add_buffer(layer *l, const char *name, dn_type type, lifetime life, int rank,
                  const int64_t *shape);
/* By name; NULL: the layer has none of that name. */
param *dn_param(const layer *l, const char *name);
void *dn_buffer(const layer *l, const char *name);

/* For shape(): reads the class tree that tree= names, unless *out is one; release() frees it. */
dn_status dn_layer_tree(const layer *l, const char *name, int64_t classes, tree **out,
                        dn_error *e);

/* For edges(): the layer before, and the one that from= names, which must be given. */
dn_status dn_two_edges(const layer *l, const int_list *others, int_list *from, dn_error *e);

/* Fills *e with "file:line: [section] …" and returns DN_BAD_CFG. */
dn_status dn_layer_error(const layer *l, dn_error *e, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same for a layer that its first input does not fit: names that one's line too. */
dn_status dn_input_error(const layer *l, dn_error *e, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif

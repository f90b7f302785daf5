/* Which kernels this CPU gets. kernels.inc is compiled once a CPU type; the choice is made once a
 * process.
 *
 * All elements are float32. Maps (inputs, outputs and their gradients) could be stored as another
 * type, bfloat16 say, while panels, weights, statistics and sums stay float32. Such a type would
 * have to supply
 *   - vector.inc's load, load_part, store and store_part on its elements, which widen and round,
 *     and the like for the few loops that read and write one element at a time;
 *   - kernels.inc compiled with these once a CPU type, as a row of the tables in dispatch.c. The
 *     struct below would take maps as `void *`. strip's c, pack's `from` and depthwise's `out` are
 *     now a map, now float32 scratch: they would come in both versions. lay_out_1 (taps.inc) and
 *     row_of (winograd.inc) take a plane's own rows for lines of scratch: they would widen them;
 *   - a dn_kernels of its own; convolutions and activations would be told which their maps need.
 * The kernels have no macro in place of `float` as yet: it would differ from pointer to pointer,
 * and with float32 alone no compiler could tell whether it was at the right ones. */
#ifndef DN_DISPATCH_H
#define DN_DISPATCH_H

#include "activation.h"
#include "error.h"

/* `count` contiguous planes of h x w, and the outputs to compute of each: first…last-1, where all
 * rows of outputs are counted as one. */
typedef struct {
    int64_t count;
    int h, w, stride;
    int64_t first, last;
} planes;

/* Single-threaded kernels on contiguous float32. The activations here are the "clipped lines":
 * linear, relu, leaky and relu6, whose gradient depends on the pre-activation x alone. */
typedef struct {
    const char *name;
    /* A strip of a matrix product, at most tile_columns wide: c = act(a b + biases), or with `add`
     * act(c + a b + biases). The operands are panels (gemm.h), those of a panel_step apart; biases
     * may be NULL: 0. Meanwhile, for each panel of a, `share` floats are prefetched, from `next` on
     * and panel_step apart too. */
    int tile_rows, tile_columns;
    void (*strip)(int64_t depth, const float *a, int64_t panel_step, const float *b, bool add,
                  float *c, int64_t c_step, int64_t rows, int columns, const float *biases,
                  activation act, const float *next, int64_t share);
    /* One panel of an operand (gemm.h) from lanes that are contiguous in depth. */
    void (*pack)(const float *from, int64_t lane_step, int lanes, int64_t depth, int width,
                 float *to);
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
    /* The inputs of a 3x3 kernel with padding 1 and stride 1 or 2 in a plane of h x w, for outputs
     * first…last-1 (all rows are counted as one): nine rows, one per tap, of panels (gemm.h) of
     * tile_columns, which are `step` floats apart. Scratch: taps_scratch(w). */
    void (*im2col)(const float *in, int h, int w, int stride, int64_t first, int64_t last,
                   float *panels, int64_t step, float *scratch);
    /* 3x3 depthwise convolutions with padding 1: act(sums + bias) of outputs first…last-1 of each
     * plane. The first tile_columns outputs of a plane are written to `out`, the next ones to
     * out + step, and so on; those of the next plane start at out + plane_step. biases NULL: 0.
     * Scratch: taps_scratch(w). */
    void (*depthwise)(const planes *p, const float *in, const float *weights, const float *biases,
                      activation act, float *out, int64_t plane_step, int64_t step, float *scratch);
    /* From delta (at the sums): the input's gradient, and the 9 weights' (added to). */
    void (*depthwise_input_grad)(const float *delta, int h, int w, int stride,
                                 const float weights[9], float *in_delta, bool add, float *scratch);
    void (*depthwise_weight_grad)(const float *in, const float *delta, int h, int w, int stride,
                                  float grads[9], float *scratch);
    /* Winograd's transforms of 3x3 convolutions (winograd.inc): of `rows` rows of 4x4 tiles, from
     * row `first` on, of a plane of h x w. Place p (of the 36) of tile t, where all rows of tiles
     * are counted as one, is at p*step + t. Whole vectors are read and written, up to
     * WINOGRAD_SLACK floats behind a place's tiles. `scratch` has WINOGRAD_ROWS rows of
     * winograd_row(w). */
    void (*winograd_input)(const float *in, int h, int w, int first, int rows, float *out,
                           int64_t step, float *scratch);
    void (*winograd_delta)(const float *delta, int h, int w, int first, int rows, float *out,
                           int64_t step, float *scratch);
    void (*winograd_output)(const float *in, int64_t step, int h, int w, int first, int rows,
                            float *out, bool add, float bias, activation act, float *scratch);
    /* The transform of `count` 3x3 kernels: tap k of kernel i is taps[k*tap_step + i], place p of
     * its transform is at p*step + i; whole vectors, as above. */
    void (*winograd_weights)(const float *taps, int64_t tap_step, int64_t count, float *out,
                             int64_t step);
    void (*winograd_weight_grads)(const float *in, int64_t step, int64_t count, float *taps,
                                  int64_t tap_step);
} kernels;

enum { WINOGRAD_PLACES = 36, WINOGRAD_ROWS = 7, WINOGRAD_SLACK = 16 };

/* Floats of a row of scratch for planes of width w: whole vectors that hold all tiles of a row. */
static inline int64_t winograd_row(int w)
{
    return ((int64_t)(w + 3) / 4 + WINOGRAD_SLACK - 1) / WINOGRAD_SLACK * WINOGRAD_SLACK * 4
           + 2 * WINOGRAD_SLACK;
}

extern kernels dn_kernels;                 /* this CPU's best, after dn_cpu_start() */

/* Each can what those before it can. */
typedef enum { CPU_BASELINE, CPU_AVX2, CPU_AVX512, CPU_TYPES } cpu_type;
/* For maps of an element type, compiled for a CPU type; NULL: there are none, or this CPU cannot
 * run them. */
const kernels *dn_kernels_for(dn_type element, cpu_type cpu);

void dn_cpu_start(void);                   /* once a process, from any thread */
int dn_cpu_team(int threads);              /* as many, but 1 in a child made by fork(), and in a
                                            * build without OpenMP */

static inline bool is_clipped_line(activation a)
{
    return a == LINEAR || a == RELU || a == LEAKY || a == RELU6;
}

/* Prefetches what will be read next into the second-level cache. */
static inline void fetch(const float *from, int64_t floats)
{
    enum { LINE = 16, SECOND_LEVEL = 2 };
    for (int64_t i = 0; i < floats; i += LINE)
        __builtin_prefetch(from + i, 0, SECOND_LEVEL);
}

enum { TAPS_BLOCK = 2048 }; /* outputs whose inputs are in scratch at a time */

/* Floats of scratch for im2col and the depthwise kernels, for planes of width w: four lines with
 * the rows that a block touches and the rows around them, and two rows of masks. */
static inline int64_t taps_scratch(int w)
{
    enum { LINES = 4, EDGES = 2 * 64, VECTORS = 2 * 16 };
    return LINES * (TAPS_BLOCK + (int64_t)4 * w + EDGES) + 2 * (w + VECTORS);
}

#endif

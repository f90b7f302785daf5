/* Matrix products from packed operands, in one thread. */
#ifndef DN_CPU_GEMM_H
#define DN_CPU_GEMM_H

#include "dispatch.h"

static inline int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline int64_t most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static inline int64_t pieces_of(int64_t count, int64_t piece)
{
    return (count + piece - 1) / piece;
}

/* One operand of a product c (m, n) = a (m, k) b (k, n): a lane is a row of a or a column of b, and
 * has k values, its depth. Value d of lane l is data[l*lane_step + d*depth_step]; one of the two
 * steps is 1. */
typedef struct {
    const float *data;
    int64_t lane_step, depth_step;
} operand;

/* Packed, an operand is a sequence of panels of `width` lanes (dn_kernels.tile_rows for a,
 * dn_kernels.tile_columns for b), each depth-major: value d of lane l at
 * [l/width][d][l%width]. What fills the rest of the last panel does not matter. Panels are laid out
 * for an odd depth: with an even one, above all with a power of two, the same rows of all panels
 * would compete for the same cache sets. */
static inline int64_t panel_depth(int64_t depth)
{
    return depth | 1;
}

static inline int64_t panel_count(int64_t lanes, int width)
{
    return pieces_of(lanes, width);
}

static inline int64_t packed_floats(int64_t lanes, int width, int64_t depth)
{
    return panel_count(lanes, width) * width * panel_depth(depth);
}

static inline operand lanes_from(operand o, int64_t first)
{
    return (operand){o.data + first * o.lane_step, o.lane_step, o.depth_step};
}

/* Packs `depth` values of each lane into panels of depth `whole`; the first value goes to `to`. */
void pack(operand o, int64_t lanes, int64_t depth, int width, int64_t whole, float *to);

/* Spreads one value of each lane, contiguous in `row`, over the panels, which are panel_floats
 * apart: to [lane/width][lane%width]. */
void spread_lanes(const float *row, int64_t lanes, int width, int64_t panel_floats, float *to);

/* What happens to c when its sums are complete: act(c + biases[row]). */
typedef struct {
    const float *biases;
    activation activation;
} epilogue;

/* c (m, n), rows c_step apart: = a b, or with `add` += a b. e NULL: nothing more. */
void gemm(int64_t m, int64_t n, int64_t k, const float *a, const float *b, bool add, float *c,
          int64_t c_step, const epilogue *e);

#endif

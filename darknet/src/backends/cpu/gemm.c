#include "gemm.h"

#include <string.h>

/* Copies by a constant size, which the compiler turns into one or two vector moves. */
static inline void copy_lanes(const float *from, int width, float *to)
{
    enum { FEW = 8 };
    int l = 0;
    for (; l + FEW <= width; l += FEW)
        memcpy(to + l, from + l, FEW * sizeof *to);
    for (; l < width; l++)
        to[l] = from[l];
}

void spread_lanes(const float *row, int64_t lanes, int width, int64_t panel_floats, float *to)
{
    int64_t lane = 0;
    for (; lane + width <= lanes; lane += width, to += panel_floats)
        copy_lanes(row + lane, width, to);
    if (lane < lanes) {
        memcpy(to, row + lane, (size_t)(lanes - lane) * sizeof *to);
        memset(to + (lanes - lane), 0, (size_t)(lane + width - lanes) * sizeof *to);
    }
}

void pack(operand o, int64_t lanes, int64_t depth, int width, int64_t whole, float *to)
{
    const int64_t panel = panel_depth(whole) * width;
    if (o.lane_step == 1) /* a row of all lanes at a time: they are contiguous in memory */
        for (int64_t d = 0; d < depth; d++)
            spread_lanes(o.data + d * o.depth_step, lanes, width, panel, to + d * width);
    else
        for (int64_t lane = 0; lane < lanes; lane += width, to += panel)
            dn_kernels.pack(o.data + lane * o.lane_step, o.lane_step,
                            (int)least(width, lanes - lane), depth, width, to);
}

/* Goto's order of loops: a slice of a block of a's panels stays in the second-level cache, while
 * each of b's panels is read once and multiplied with the whole block. The next block's slice is
 * prefetched meanwhile, because weights are seldom in a near cache. */
void gemm(int64_t m, int64_t n, int64_t k, const float *a, const float *b, bool add, float *c,
          int64_t c_step, const epilogue *e)
{
    enum { DEPTH = 1536, ROWS = 48 };
    const int rows = dn_kernels.tile_rows, columns = dn_kernels.tile_columns;
    const int64_t whole = panel_depth(k);
    const int64_t slices = pieces_of(k, DEPTH), depth = pieces_of(k, slices);
    const int64_t block = ROWS / rows * rows;
    for (int64_t d = 0; d < k; d += depth) {
        const int64_t deep = least(depth, k - d);
        const float *biases = e && d == 0 ? e->biases : NULL;
        const activation act = e && d + deep == k ? e->activation : LINEAR;
        for (int64_t first = 0; first < m; first += block) {
            const int64_t last = least(first + block, m);
            const float *next = a + (last < m ? last * whole + d * rows : (d + deep) * rows);
            const int64_t share = last < m || d + deep < k
                                      ? pieces_of(deep * rows, panel_count(n, columns))
                                      : 0;
            for (int64_t j = 0; j < n; j += columns, next += share)
                dn_kernels.strip(deep, a + first * whole + d * rows, whole * rows,
                                 b + j * whole + d * columns, add || d > 0,
                                 c + first * c_step + j, c_step, last - first,
                                 (int)least(columns, n - j), biases ? biases + first : NULL, act,
                                 next, share);
        }
    }
}

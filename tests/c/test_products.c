/* Tiles, packing and whole matrix products of each table against plain loops in double. */
#include "tables.h"

#include "backends/cpu/gemm.h"

/* A strip of some rows and columns, from panels that end with their last value. */
static void strip(const kernels *k, int64_t depth, int rows, int columns, bool add,
                  const float *biases, activation act)
{
    const int64_t step = k->tile_columns + 3, count = rows * step;
    const int64_t panel = k->tile_rows * (depth + 2), panels = (rows - 1) / k->tile_rows;
    float *a = drawn(panels * panel + k->tile_rows * depth), *b = drawn(depth * k->tile_columns);
    float *c = guarded(count), *before = drawn(count);
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < columns && add; j++)
            c[i * step + j] = before[i * step + j];
    k->strip(depth, a, panel, b, add, c, step, rows, columns, biases, act, a, depth);
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < step; j++) {
            if (j >= columns) {
                CHECK(c[i * step + j] == UNTOUCHED);
                continue;
            }
            const float *lane = a + i / k->tile_rows * panel + i % k->tile_rows;
            sum s = {0};
            for (int64_t d = 0; d < depth; d++)
                add_term(&s, (double)lane[d * k->tile_rows] * b[d * k->tile_columns + j]);
            add_term(&s, add ? before[i * step + j] : 0);
            add_term(&s, biases ? biases[i] : 0);
            s.value = line_at(act, s.value);
            NEAR(c[i * step + j], s);
        }
    free(a);
    free(b);
    free(before);
    discard(c, count);
}

static void strips(const kernels *k)
{
    for (int rows = 1; rows <= 2 * k->tile_rows + 1; rows++) {
        float *biases = drawn(rows);
        for (int i = 0; i < rows; i++)
            biases[i] *= 8; /* relu6 has something to cut */
        for (int columns = 1; columns <= k->tile_columns; columns++) {
            const activation act = clipped_lines[(rows + columns) % CLIPPED_LINES];
            for (int add = 0; add < 2; add++) {
                strip(k, 5, rows, columns, add, NULL, LINEAR);
                strip(k, 1 + columns % 4, rows, columns, add, biases, act);
            }
        }
        free(biases);
    }
}

/* Lanes contiguous in depth. What goes to lanes that are not there is left open, what lies beyond
 * the panel isn't. */
static void pack_panel(const kernels *k, int width, int lanes, int64_t depth)
{
    const int64_t step = depth + 2, count = width * depth;
    float *from = drawn((lanes - 1) * step + depth), *to = guarded(count);
    k->pack(from, step, lanes, depth, width, to);
    for (int64_t d = 0; d < depth; d++)
        for (int l = 0; l < lanes; l++)
            CHECK(to[d * width + l] == from[l * step + d]);
    free(from);
    discard(to, count);
}

/* Of all widths that a table has, those of which the overlap of one row's vectors stays within the
 * next row: the kernel's own among them. */
static void panels(const kernels *k)
{
    const int widths[] = {6, 14, 8, 16, 32};
    for (int i = 0; i < 5; i++) {
        const int width = widths[i], vector = k->tile_columns / 2;
        const int beyond = (width + vector - 1) / vector * vector - width;
        if (beyond > width) {
            CHECK(width != k->tile_rows);
            continue;
        }
        for (int lanes = 1; lanes <= width; lanes++)
            for (int64_t depth = 1; depth <= 9; depth++)
                pack_panel(k, width, lanes, depth);
        pack_panel(k, width, width, 131);
    }
}

/* pack() either way round, the whole depth or a part of deeper panels. */
static void pack_operand(int width, int64_t lanes, int64_t depth, bool rows_are_lanes, int64_t from,
                         int64_t part)
{
    const int64_t panel = width * panel_depth(depth), count = packed_floats(lanes, width, depth);
    float *data = drawn(lanes * depth), *to = guarded(count);
    const operand o = rows_are_lanes ? (operand){data + from, depth, 1}
                                     : (operand){data + from * lanes, 1, lanes};
    pack(o, lanes, part, width, depth, to + from * width);
    for (int64_t l = 0; l < packed_floats(lanes, width, 1); l++)
        for (int64_t d = 0; d < depth; d++) {
            const float found = to[l / width * panel + d * width + l % width];
            if (d < from || d >= from + part)
                CHECK(found == UNTOUCHED);
            else if (l < lanes)
                CHECK(found == (rows_are_lanes ? data[l * depth + d] : data[d * lanes + l]));
        }
    free(data);
    discard(to, count);
}

static void operands(const kernels *k)
{
    const int widths[] = {k->tile_rows, k->tile_columns};
    for (int i = 0; i < 2; i++)
        for (int64_t lanes = 1; lanes <= 2 * widths[i] + 1; lanes += lanes < 3 ? 1 : 5)
            for (int way = 0; way < 2; way++) {
                pack_operand(widths[i], lanes, 1, way, 0, 1);
                pack_operand(widths[i], lanes, 7, way, 0, 7);
                pack_operand(widths[i], lanes, 12, way, 3, 4);
                pack_operand(widths[i], lanes, 12, way, 5, 7);
            }
}

static void multiply(int64_t m, int64_t n, int64_t k, bool add, const epilogue *e)
{
    const int rows = dn_kernels.tile_rows, columns = dn_kernels.tile_columns;
    const int64_t step = n + 5, count = (m - 1) * step + n;
    float *a = drawn(m * k), *b = drawn(k * n), *c = guarded(count), *before = drawn(m * n);
    float *packed_a = block_of(packed_floats(m, rows, k));
    float *packed_b = block_of(packed_floats(n, columns, k));
    pack((operand){a, k, 1}, m, k, rows, k, packed_a);
    pack((operand){b, 1, n}, n, k, columns, k, packed_b);
    for (int64_t i = 0; i < m * n && add; i++)
        c[i / n * step + i % n] = before[i];
    gemm(m, n, k, packed_a, packed_b, add, c, step, e);
    for (int64_t i = 0; i < m; i++) {
        for (int64_t j = 0; j < n; j++) {
            sum s = {0};
            for (int64_t d = 0; d < k; d++)
                add_term(&s, (double)a[i * k + d] * b[d * n + j]);
            add_term(&s, add ? before[i * n + j] : 0);
            if (e) {
                add_term(&s, e->biases[i]);
                s.value = line_at(e->activation, s.value);
            }
            NEAR(c[i * step + j], s);
        }
        for (int64_t j = n; j < step && i < m - 1; j++)
            CHECK(c[i * step + j] == UNTOUCHED);
    }
    float *const blocks[] = {a, b, before, packed_a, packed_b};
    for (int i = 0; i < 5; i++)
        free(blocks[i]);
    discard(c, count);
}

/* Around the depth at which products are cut, and the rows of a block. */
static void products(const kernels *k)
{
    const int64_t r = k->tile_rows, w = k->tile_columns, block = 96 / r * r;
    const int64_t depths[] = {1, 2, 319, 320, 321, 641, 700};
    const int64_t rows[] = {1, r - 1, r, r + 1, block + 1};
    const int64_t columns[] = {w - 1, w, 1, 2 * w + 3, w + 1};
    dn_kernels = *k;
    for (int d = 0; d < 7; d++)
        for (int i = 0; i < 5; i++) {
            const int64_t m = rows[i], n = columns[(i + d) % 5];
            float *biases = drawn(m);
            const epilogue e = {biases, clipped_lines[(i + d) % CLIPPED_LINES]};
            multiply(m, n, depths[d], false, NULL);
            multiply(m, least(n, 5), depths[d], true, NULL);
            multiply(least(m, 4), n, depths[d], i % 2, &e);
            free(biases);
        }
}

int main(void)
{
    for (int i = 0; table(i); i++) {
        const kernels *k = table(i);
        strips(k);
        panels(k);
        dn_kernels = *k;
        operands(k);
        products(k);
    }
    return 0;
}

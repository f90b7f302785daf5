#include "product.h"

enum {
    BLOCK_FLOATS = 1 << 18, /* a thread's panels: a megabyte */
    CHUNK_FLOATS = 1 << 22, /* panels that the threads share */
    MOST_COLUMNS = 1024,
    ROWS = 96,
    ENOUGH = 4 /* tasks for a team, or better twice as many */
};

static int64_t whole(int64_t columns, int unit)
{
    return most(columns / unit, 1) * unit;
}

static int64_t panel_floats(const product *q, int64_t columns)
{
    return packed_floats(columns, dn_kernels.tile_columns, q->k);
}

/* A task's rows where threads share an image: about ROWS, in a number of blocks that any few threads
 * share evenly. */
static int64_t even_rows(int64_t m)
{
    const int rows = dn_kernels.tile_rows;
    const int64_t blocks = pieces_of(pieces_of(m, ROWS), 2 * ENOUGH) * 2 * ENOUGH;
    return m > ROWS ? pieces_of(panel_count(m, rows), blocks) * rows : m;
}

/* Apart, a matrix is packed and used within one thread's cache; but where an image has few such
 * blocks, weights that don't fit the cache would be read again for each, and tasks would be few. */
cut cut_of(const product *q)
{
    const int64_t block = whole(least(BLOCK_FLOATS / q->k, MOST_COLUMNS), q->unit);
    const int64_t blocks = pieces_of(q->n, block);
    const bool light = blocks == 1 || q->m * q->k <= BLOCK_FLOATS;
    if (light && q->images * blocks >= ENOUGH)
        return (cut){true, q->m, least(block, q->n), least(block, q->n)};
    const int64_t rows = even_rows(q->m);
    const int64_t chunk = least(whole(CHUNK_FLOATS / q->k, q->unit), q->n);
    const int64_t parts = pieces_of(2 * ENOUGH, pieces_of(q->m, rows));
    const int64_t columns = pieces_of(pieces_of(chunk, parts), q->unit) * q->unit;
    return (cut){false, rows, least(columns, whole(MOST_COLUMNS, q->unit)), chunk};
}

room product_room(const product *q)
{
    const cut c = q->cut;
    const int64_t panels = panel_floats(q, c.chunk + dn_kernels.tile_columns);
    return c.apart ? (room){0, panels + c.columns} : (room){panels, c.chunk};
}

static void multiply_task(const product *q, const float *a, const float *panels, int image,
                          int64_t row, int64_t rows, int64_t column, int64_t columns, float *output,
                          bool add, const epilogue *e)
{
    const epilogue own = e ? (epilogue){e->biases + row, e->activation} : (epilogue){0};
    gemm(rows, columns, q->k, a + row * panel_depth(q->k), panels, add,
         output + image * q->image_step + row * q->n + column, q->n, e ? &own : NULL);
}

static void multiply_apart(const workspace *w, const product *q, const cut *c, const float *a,
                           float *output, bool add, const epilogue *e)
{
#pragma omp parallel for collapse(2) schedule(dynamic) num_threads(w->team)
    for (int b = 0; b < q->images; b++)
        for (int64_t column = 0; column < q->n; column += c->columns) {
            const int64_t last = least(column + c->columns, q->n);
            float *scratch = own_scratch(w), *panels = scratch + c->columns;
            q->fill(q, b, column, last, 0, q->k, panels, scratch);
            multiply_task(q, a, panels, b, 0, q->m, column, last - column, output, add, e);
        }
}

static void multiply_chunk(const workspace *w, const product *q, const cut *c, const float *a,
                           int image, int64_t first, int64_t last, float *panels, float *output,
                           bool add, const epilogue *e)
{
    enum { DEPTH = 32 };
    /* tasks start at whole panels */
    const int width = dn_kernels.tile_columns;
    const int64_t columns = pieces_of(c->columns, width) * width;
#pragma omp parallel for schedule(dynamic) num_threads(w->team)
    for (int64_t from = 0; from < q->k; from += DEPTH)
        q->fill(q, image, first, last, from, least(from + DEPTH, q->k), panels, own_scratch(w));
#pragma omp parallel for collapse(2) schedule(dynamic) num_threads(w->team)
    for (int64_t row = 0; row < q->m; row += c->rows)
        for (int64_t at = 0; at < last - first; at += columns)
            multiply_task(q, a, panels + at * panel_depth(q->k), image, row,
                          least(c->rows, q->m - row), first + at, least(columns, last - first - at),
                          output, add, e);
}

void multiply(const workspace *w, float *shared, const product *q, const float *a, float *output,
              bool add, const epilogue *e)
{
    const cut c = q->cut;
    if (c.apart) {
        multiply_apart(w, q, &c, a, output, add, e);
        return;
    }
    for (int b = 0; b < q->images; b++)
        for (int64_t first = 0; first < q->n; first += c.chunk)
            multiply_chunk(w, q, &c, a, b, first, least(first + c.chunk, q->n), shared, output, add,
                           e);
}

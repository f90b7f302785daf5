#include "product.h"

enum {
    BLOCK_FLOATS = 1 << 17, /* a thread's panels: half a megabyte */
    CHUNK_FLOATS = 1 << 22, /* panels that the threads share */
    MOST_COLUMNS = 2048,
    LEAST_PANELS = 8, /* of columns, for weights once read */
    ROW_PANELS = 4,
    FEW = 4 /* tasks, that two or four threads share evenly; more come in eights */
};

static int64_t units_of(const product *q)
{
    return pieces_of(q->n, q->unit);
}

static int64_t panel_floats(const product *q, int64_t columns)
{
    return packed_floats(columns, dn_kernels.tile_columns, q->k);
}

static int64_t even(int64_t tasks)
{
    return tasks <= FEW ? FEW : pieces_of(tasks, 2 * FEW) * 2 * FEW;
}

/* Where task t of some begins in `count` things. */
static int64_t start_of(int64_t count, int64_t tasks, int64_t t)
{
    return count * t / tasks;
}

packing product_packing(const conv *s)
{
    const int rows = dn_kernels.tile_rows;
    return (packing){.filters = rows, .step = panel_depth(conv_depth(s)) * rows};
}

/* Apart, a matrix is packed and used within one thread's cache; but where an image has few columns,
 * tasks would be few, or weights read for too few of them. */
cut cut_of(const product *q)
{
    const int width = dn_kernels.tile_columns;
    const int64_t units = units_of(q);
    if (q->by_unit)
        return (cut){true, units, q->unit};
    const int64_t most_units = most(least(BLOCK_FLOATS / q->k, MOST_COLUMNS) / q->unit, 1);
    const int64_t blocks = pieces_of(units, most_units);
    const int64_t tasks = q->images < FEW ? even(blocks) : blocks;
    if (q->images * tasks >= q->threads
        && (units / tasks * q->unit >= LEAST_PANELS * width || (q->images >= FEW && blocks == 1)))
        return (cut){true, tasks, pieces_of(units, tasks) * q->unit};
    const int64_t panels = panel_count(q->m, dn_kernels.tile_rows);
    const int64_t chunk = most(CHUNK_FLOATS / q->k / q->unit, 1) * q->unit;
    return (cut){false, least(even(pieces_of(panels, ROW_PANELS)), panels), least(chunk, q->n)};
}

room product_room(const product *q)
{
    const cut c = q->cut;
    const int64_t panels = panel_floats(q, c.columns);
    return c.apart ? (room){0, panels + q->scratch} : (room){panels, q->scratch};
}

/* Rows first_row…last_row-1 on columns first…last-1, whose panels these are. */
static void multiply_block(const product *q, const float *a, const float *panels, int image,
                           int64_t first_row, int64_t last_row, int64_t first, int64_t last,
                           float *output, bool add, const epilogue *e)
{
    const epilogue own = e ? (epilogue){e->biases + first_row, e->activation} : (epilogue){0};
    gemm(last_row - first_row, last - first, q->k, a + first_row * panel_depth(q->k), panels, add,
         output + image * q->image_step + first_row * q->n + first, q->n, e ? &own : NULL);
}

static void multiply_apart(const workspace *w, const product *q, const float *a, float *output,
                           bool add, const epilogue *e)
{
    const int64_t units = units_of(q), tasks = q->cut.tasks;
#pragma omp parallel for collapse(2) schedule(dynamic) num_threads(w->team)
    for (int b = 0; b < q->images; b++)
        for (int64_t t = 0; t < tasks; t++) {
            const int64_t first = start_of(units, tasks, t) * q->unit,
                          last = least(start_of(units, tasks, t + 1) * q->unit, q->n);
            float *panels = own_scratch(w), *scratch = panels + panel_floats(q, q->cut.columns);
            q->fill(q, b, first, last, 0, q->k, panels, scratch);
            multiply_block(q, a, panels, b, 0, q->m, first, last, output, add, e);
        }
}

static void multiply_together(const workspace *w, const product *q, const float *a, int image,
                              int64_t first, int64_t last, float *panels, float *output, bool add,
                              const epilogue *e)
{
    enum { DEPTH = 32 };
    const int rows = dn_kernels.tile_rows;
    const int64_t deep = pieces_of(DEPTH, q->grain) * q->grain;
    const int64_t row_panels = panel_count(q->m, rows), tasks = q->cut.tasks;
#pragma omp parallel for schedule(dynamic) num_threads(w->team)
    for (int64_t from = 0; from < q->k; from += deep)
        q->fill(q, image, first, last, from, least(from + deep, q->k), panels, own_scratch(w));
#pragma omp parallel for schedule(dynamic) num_threads(w->team)
    for (int64_t t = 0; t < tasks; t++)
        multiply_block(q, a, panels, image, start_of(row_panels, tasks, t) * rows,
                       least(start_of(row_panels, tasks, t + 1) * rows, q->m), first, last, output,
                       add, e);
}

void multiply(const workspace *w, float *shared, const product *q, const float *a, float *output,
              bool add, const epilogue *e)
{
    if (q->cut.apart) {
        multiply_apart(w, q, a, output, add, e);
        return;
    }
    for (int b = 0; b < q->images; b++)
        for (int64_t first = 0; first < q->n; first += q->cut.columns)
            multiply_together(w, q, a, b, first, least(first + q->cut.columns, q->n), shared,
                              output, add, e);
}

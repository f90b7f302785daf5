/* For the tests of kernels: the tables that can run here, and buffers that show what was written
 * beside its place. */
#ifndef TABLES_H
#define TABLES_H

#include <math.h>
#include <stdint.h>
#include <string.h>

/* The text of the AVX-512 kernels for any CPU: all but its intrinsics is tested everywhere. */
#define WIDTH 16
#define FMA(a, b, c) ((a) * (b) + (c))
#define MAX(a, b) choose((a) > (b), a, b)
#define MIN(a, b) choose((a) < (b), a, b)
#define LOAD_PART(p, n) load_lanes(p, n)
#define STORE_PART(p, v, n) memcpy(p, &(v), (size_t)(n) * sizeof(float))
#define QUADS(row, i, d) \
    ({ \
        vf quads; \
        for (int quad = 0; quad < 4; quad++) \
            memcpy((float *)&quads + 4 * quad, row[i + 4 * quad] + d, 4 * sizeof(float)); \
        quads; \
    })
#define TILE_ROWS 14
#define KERNELS wide_kernels
#define KERNELS_NAME "wide"
#include "backends/cpu/kernels.inc"

#include "check.h"

/* That table, then those of this CPU; NULL past the last. */
static inline const kernels *table(int i)
{
    if (i == 0)
        return &wide_kernels;
    return i <= CPU_TYPES ? dn_kernels_for(DN_FLOAT32, (cpu_type)(i - 1)) : NULL;
}

enum { MARGIN = 64 };
#define UNTOUCHED -12345.5f

/* Not a float more than asked for: the sanitizers and valgrind see what reads beyond. */
static inline float *block_of(int64_t count)
{
    float *x = malloc((size_t)(count > 0 ? count : 1) * sizeof *x);
    CHECK(x);
    return x;
}

/* From -1 to 1, others at each call. */
static inline void draw(float *x, int64_t count)
{
    static unsigned seed;
    fill(x, count, ++seed);
    for (int64_t i = 0; i < count; i++)
        x[i] = 2 * x[i] - 1;
}

static inline float *drawn(int64_t count)
{
    float *x = block_of(count);
    draw(x, count);
    return x;
}

/* UNTOUCHED, and so are its margins, which discard() looks at once more. */
static inline float *guarded(int64_t count)
{
    float *x = block_of(count + 2 * MARGIN);
    for (int64_t i = 0; i < count + 2 * MARGIN; i++)
        x[i] = UNTOUCHED;
    return x + MARGIN;
}

static inline void discard(float *x, int64_t count)
{
    for (int64_t i = 0; i < MARGIN; i++)
        CHECK(x[-1 - i] == UNTOUCHED && x[count + i] == UNTOUCHED);
    free(x - MARGIN);
}

/* What scratch may hold when a kernel gets it: the worst. */
static inline float *scratch_of(int64_t count)
{
    float *x = guarded(count);
    for (int64_t i = 0; i < count; i++)
        x[i] = NAN;
    return x;
}

/* A sum with what its terms come to without their signs: the measure of its rounding. */
typedef struct {
    double value, size;
} sum;

static inline void add_term(sum *s, double term)
{
    s->value += term;
    s->size += fabs(term);
}

#define NEAR(found, s) CHECK(is_near(found, s, 4e-6))
static inline bool is_near(double found, sum s, double tolerance)
{
    return fabs(found - s.value) <= tolerance * s.size;
}

/* The activations of kernels, written once more. */
static const activation clipped_lines[] = {LINEAR, RELU, LEAKY, RELU6};
enum { CLIPPED_LINES = 4 };

static inline double line_at(activation a, double x)
{
    return a == RELU6 && x > 6 ? 6 : x > 0 || a == LINEAR ? x : a == LEAKY ? .1 * x : 0;
}

static inline double slope_at(activation a, double x)
{
    return a == RELU6 && x >= 6 ? 0 : x > 0 || a == LINEAR ? 1 : a == LEAKY ? .1 : 0;
}

#endif

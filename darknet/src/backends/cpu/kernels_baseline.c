/* Any CPU: SSE2 on x86-64, NEON on aarch64. */
#define WIDTH 4
#define FMA(a, b, c) ((a) * (b) + (c))
#define LOAD_PART(p, n) load_lanes(p, n)
#define STORE_PART(p, v, n) memcpy(p, &(v), (size_t)(n) * sizeof(float))
#define QUADS(row, i, d) load(row[i] + d)
#define TILE_ROWS 6
#define KERNELS dn_kernels_baseline
#define KERNELS_NAME "baseline"
#include "kernels.inc"

/* Any CPU: SSE2 on x86-64, NEON on aarch64. */
#define WIDTH 4
#ifdef __aarch64__ /* twice the registers; with -std=c11, gcc does not contract a*b + c by itself */
#include <arm_neon.h>
#define FMA(a, b, c) ((vf)vfmaq_f32((float32x4_t)(c), (float32x4_t)(a), (float32x4_t)(b)))
#define TILE_ROWS 8
#else
#define FMA(a, b, c) ((a) * (b) + (c))
#define TILE_ROWS 6
#endif
#define MAX(a, b) choose((a) > (b), a, b)
#define MIN(a, b) choose((a) < (b), a, b)
#define LOAD_PART(p, n) load_lanes(p, n)
#define STORE_PART(p, v, n) memcpy(p, &(v), (size_t)(n) * sizeof(float))
#define QUADS(row, i, d) load(row[i] + d)
#define KERNELS dn_kernels_baseline
#define KERNELS_NAME "baseline"
#include "kernels.inc"

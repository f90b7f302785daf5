/* x86-64 with AVX2 and FMA. */
#include <stdint.h> /* before the target changes, which must not affect the system's headers */

#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

#include "dispatch.h"

#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#endif
#define WIDTH 8
#define FMA(a, b, c) ((vf)_mm256_fmadd_ps((__m256)(a), (__m256)(b), (__m256)(c)))
#define MAX(a, b) ((vf)_mm256_max_ps((__m256)(a), (__m256)(b)))
#define MIN(a, b) ((vf)_mm256_min_ps((__m256)(a), (__m256)(b)))
/* n ones, then zeros */
static const int32_t masks[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
#define MASK(n) _mm256_loadu_si256((const __m256i *)(masks + 8 - (n)))
#define LOAD_PART(p, n) ((vf)_mm256_maskload_ps(p, MASK(n)))
#define STORE_PART(p, v, n) _mm256_maskstore_ps(p, MASK(n), (__m256)(v))
#define QUADS(row, i, d) \
    ((vf)_mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(row[i] + d)), \
                              _mm_loadu_ps(row[i + 4] + d), 1))
#define TILE_ROWS 6
#define KERNELS dn_kernels_avx2
#define KERNELS_NAME "avx2"
#include "kernels.inc"
#ifdef __clang__
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#endif

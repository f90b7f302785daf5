/* x86-64 with AVX-512 (F, BW, DQ, VL). */
#include <stdint.h> /* before the target changes, which must not affect the system's headers */

#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

#include "dispatch.h"

#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512vl,avx512bw,fma"))), \
                             apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,avx512vl,avx512bw,fma")
#endif
#define WIDTH 16
#define FMA(a, b, c) ((vf)_mm512_fmadd_ps((__m512)(a), (__m512)(b), (__m512)(c)))
#define MAX(a, b) ((vf)_mm512_max_ps((__m512)(a), (__m512)(b)))
#define MIN(a, b) ((vf)_mm512_min_ps((__m512)(a), (__m512)(b)))
#define MASK(n) ((__mmask16)((1u << (n)) - 1))
#define LOAD_PART(p, n) ((vf)_mm512_maskz_loadu_ps(MASK(n), p))
#define STORE_PART(p, v, n) _mm512_mask_storeu_ps(p, MASK(n), (__m512)(v))
#define QUADS(row, i, d) \
    ((vf)_mm512_insertf32x8( \
        _mm512_castps256_ps512(_mm256_insertf128_ps( \
            _mm256_castps128_ps256(_mm_loadu_ps(row[i] + d)), _mm_loadu_ps(row[i + 4] + d), 1)), \
        _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(row[i + 8] + d)), \
                             _mm_loadu_ps(row[i + 12] + d), 1), \
        1))
#define TILE_ROWS 14
#define KERNELS dn_kernels_avx512
#define KERNELS_NAME "avx512"
#include "kernels.inc"
#ifdef __clang__
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#endif

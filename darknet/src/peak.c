/* How fast this CPU could compute: multiply-adds on vectors that never leave the registers. */
#ifdef __x86_64__
#include <immintrin.h>
#endif

#include "init.h"
#include "timing.h"

/* CHAINS sums that are independent of each other: enough to hide the latency of a multiply-add, few
 * enough for 16 registers. They start at different values, or a compiler would merge them; all of
 * them converge to 1. */
enum { CHAINS = 12, TURNS = 1 << 20, RUNS = 20 };

#define SPIN(name, target, vector, width, multiply_add)                   \
    target static float name(void)                                        \
    {                                                                     \
        const vector half = (vector){0} + .5f;                            \
        vector sums[CHAINS];                                              \
        for (int i = 0; i < CHAINS; i++)                                  \
            sums[i] = half * (float)i;                                    \
        for (int turn = 0; turn < TURNS; turn++)                          \
            for (int i = 0; i < CHAINS; i++)                              \
                sums[i] = multiply_add(sums[i], half, half);              \
        for (int i = 1; i < CHAINS; i++)                                  \
            sums[0] += sums[i];                                           \
        return sums[0][width - 1];                                        \
    }

typedef float four __attribute__((vector_size(16)));
#ifdef __aarch64__
#include <arm_neon.h>
#define PLAIN(a, b, c) ((four)vfmaq_f32((float32x4_t)(c), (float32x4_t)(a), (float32x4_t)(b)))
#else
#define PLAIN(a, b, c) ((a) * (b) + (c))
#endif
SPIN(spin_baseline, , four, 4, PLAIN)
#ifdef __x86_64__
SPIN(spin_avx2, __attribute__((target("avx2,fma"))), __m256, 8, _mm256_fmadd_ps)
SPIN(spin_avx512, __attribute__((target("avx512f"))), __m512, 16, _mm512_fmadd_ps)
#endif

double dn_cpu_peak(int threads)
{
    float (*spin)(void) = spin_baseline;
    int width = 4;
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx512f")) {
        spin = spin_avx512;
        width = 16;
    } else if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        spin = spin_avx2;
        width = 8;
    }
#endif
    const int team = dn_usable_threads(threads < 1 ? dn_processors() : threads);
    const double operations = 2.0 * TURNS * CHAINS * width * team;
    double best = 0;
    for (int run = 0; run < RUNS; run++) {
        float sum = 0;
        const int64_t began = dn_now();
#pragma omp parallel num_threads(team) reduction(+ : sum)
        sum += spin();
        const double rate = operations / (double)(dn_now() - began) * 1e9;
        if (sum > 0 && rate > best)
            best = rate;
    }
    return best;
}

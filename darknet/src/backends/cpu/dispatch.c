#include "dispatch.h"

#include <stdlib.h>
#include <string.h>

#include "platform.h"

kernels dn_kernels;

extern const kernels dn_kernels_baseline, dn_kernels_avx2, dn_kernels_avx512;

static const kernels *const tables[][CPU_TYPES] = {
    [DN_FLOAT32] = {[CPU_BASELINE] = &dn_kernels_baseline,
#if defined(__x86_64__)
                    [CPU_AVX2] = &dn_kernels_avx2,
                    [CPU_AVX512] = &dn_kernels_avx512
#endif
    }};

static cpu_type best_cpu(void)
{
#if defined(__x86_64__)
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
                        && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    if (avx2)
        return avx512 ? CPU_AVX512 : CPU_AVX2;
#endif
    return CPU_BASELINE;
}

const kernels *dn_kernels_for(dn_type element, cpu_type cpu)
{
    return element < sizeof tables / sizeof *tables && cpu <= best_cpu() ? tables[element][cpu]
                                                                         : NULL;
}

/* The best this CPU has, or less when the environment variable DN_CPU names less (tests;
 * comparisons). */
static const kernels *choose(dn_type element)
{
    const char *wish = getenv("DN_CPU");
    const kernels *best = NULL;
    for (cpu_type cpu = CPU_BASELINE; cpu <= best_cpu(); cpu++) {
        best = tables[element][cpu];
        if (wish && !strcmp(wish, best->name))
            break;
    }
    return best;
}

/* A forked child does not inherit OpenMP's threads, and libgomp would wait for them forever. */
static volatile bool forked;

static void in_child(void)
{
    forked = true;
}

int dn_cpu_team(int threads)
{
    return forked || !dn_has_threads() ? 1 : threads;
}

bool dn_has_threads(void)
{
#ifdef _OPENMP
    return true;
#else
    return false;
#endif
}

static void start(void)
{
    dn_in_forked_children(in_child);
    dn_kernels = *choose(DN_FLOAT32);
}

void dn_cpu_start(void)
{
    dn_once(start);
}

const char *dn_cpu_features(void)
{
    dn_cpu_start();
    return dn_kernels.name;
}

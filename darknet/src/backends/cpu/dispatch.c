#include "dispatch.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef __linux__
#include <sched.h>
#endif

kernels dn_kernels;

/* The best kernels that this CPU can run, or simpler ones that the environment variable DN_CPU
 * names (for tests and comparisons). */
static const kernels *choose(void)
{
#if defined(__x86_64__)
    const char *wish = getenv("DN_CPU");
    const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
                        && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (wish && !strcmp(wish, "baseline"))
        return &dn_kernels_baseline;
    if (avx512 && !(wish && !strcmp(wish, "avx2")))
        return &dn_kernels_avx512;
    if (avx2)
        return &dn_kernels_avx2;
#endif
    return &dn_kernels_baseline;
}

/* A forked child does not inherit OpenMP's threads, and libgomp would wait for them forever. */
static volatile bool forked;

static void in_child(void)
{
    forked = true;
}

int dn_cpu_team(int threads)
{
    return forked ? 1 : threads;
}

static void start(void)
{
    pthread_atfork(NULL, NULL, in_child);
    dn_kernels = *choose();
}

void dn_cpu_start(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, start);
}

int dn_cpu_count(void)
{
#ifdef __linux__
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0)
        return CPU_COUNT(&set);
#endif
    const long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count > 0 ? (int)count : 1;
}

const char *dn_cpu_features(void)
{
    dn_cpu_start();
    return dn_kernels.name;
}

/* Random numbers as a function of their arguments: the same on any number of threads. */
#ifndef DN_RANDOM_H
#define DN_RANDOM_H

#include <stdint.h>

#include "callable.h"

/* splitmix64 of a seed and a position */
static DN_CALLABLE inline uint64_t dn_random_bits(uint64_t seed, uint64_t n)
{
    uint64_t x = seed + (n + 1) * UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/* In [0, 1). */
static DN_CALLABLE inline double dn_random_uniform(uint64_t seed, uint64_t n)
{
    return (double)(dn_random_bits(seed, n) >> 11) * 0x1p-53;
}

#endif

/* How kernels are written and launched, so that nvcc compiles them for GPUs and a C++ compiler, with
 * the headers in tests/cuda/shim in the place of CUDA's, for the CPU.
 *
 * A kernel without barriers goes over its work in a grid-stride loop, FOR_EACH, and is launched by
 * LAUNCH for `count` pieces of work. A team's kernel has a block for each piece of work, EACH_TEAM,
 * may call __syncthreads(), and is launched by LAUNCH_TEAMS.
 * Sums have a fixed order: each thread adds up what it meets, then block_sum() adds up the threads.
 */
#ifndef DN_CUDA_LAUNCH_H
#define DN_CUDA_LAUNCH_H

#include <stdint.h>

#include <cuda_runtime.h>

#ifdef __CUDACC__
enum { BLOCK = 256, MOST_BLOCKS = 1 << 16 };
#define LAUNCH(kernel, count, ...) kernel<<<blocks_for(count), BLOCK>>>(__VA_ARGS__)
#define LAUNCH_TEAMS(kernel, teams, ...) kernel<<<most_blocks(teams), BLOCK>>>(__VA_ARGS__)
#endif

#define FOR_EACH(i, count)                                                  \
    for (int64_t i = (int64_t)blockIdx.x * blockDim.x + threadIdx.x; i < (count); \
         i += (int64_t)gridDim.x * blockDim.x)
#define EACH_TEAM(i, count) for (int64_t i = blockIdx.x; i < (count); i += gridDim.x)
#define EACH_MEMBER(i, count) for (int64_t i = threadIdx.x; i < (count); i += blockDim.x)

static inline unsigned most_blocks(int64_t blocks)
{
    return blocks < 1 ? 1 : blocks < MOST_BLOCKS ? (unsigned)blocks : (unsigned)MOST_BLOCKS;
}

static inline unsigned blocks_for(int64_t count)
{
    return most_blocks((count + BLOCK - 1) / BLOCK);
}

static inline __device__ void put(float *to, float value, bool add)
{
    *to = add ? *to + value : value;
}

/* The sum over the threads of a block, known to all of them. */
static inline __device__ double block_sum(double value)
{
    __shared__ double sums[BLOCK];
    __syncthreads(); /* the last sum has been read */
    sums[threadIdx.x] = value;
    __syncthreads();
    for (int half = BLOCK / 2; half > 0; half /= 2) {
        if ((int)threadIdx.x < half)
            sums[threadIdx.x] += sums[threadIdx.x + half];
        __syncthreads();
    }
    return sums[0];
}

#endif

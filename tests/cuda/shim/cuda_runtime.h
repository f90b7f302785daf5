/* What the CUDA backend uses of CUDA's runtime, done by the CPU, so that its kernels can be tested
 * where there is no GPU: `make build/emulated/libdarknet_cuda.so`.
 *
 * A launch goes through its blocks one after another. The threads of a block also run one after
 * another; in a launch of teams each has a stack of its own, and __syncthreads() hands over to the
 * next thread, so that all have reached a barrier before one passes it. A barrier elsewhere, or one
 * that only some threads of a block reach, ends the process: on a GPU it would hang or be undefined.
 * Blocks are small, and their number is odd, so that loops go round.
 */
#ifndef SHIM_CUDA_RUNTIME_H
#define SHIM_CUDA_RUNTIME_H

#include <stddef.h>
#include <stdint.h>

#include <functional>

#define __host__
#define __device__
#define __global__
#define __shared__ static
#define __grid_constant__

enum { BLOCK = 8, MOST_BLOCKS = 5 };

struct dim3 { unsigned x; };
extern dim3 threadIdx, blockIdx, gridDim, blockDim;
void __syncthreads(void);

void shim_launch(unsigned blocks, const std::function<void()> &kernel);
void shim_launch_teams(unsigned blocks, const std::function<void()> &kernel);
#define LAUNCH(kernel, count, ...) shim_launch(blocks_for(count), [=] { kernel(__VA_ARGS__); })
#define LAUNCH_TEAMS(kernel, teams, ...) \
    shim_launch_teams(most_blocks(teams), [=] { kernel(__VA_ARGS__); })

enum cudaError_t { cudaSuccess, cudaErrorMemoryAllocation };
enum cudaMemcpyKind { cudaMemcpyDefault };
typedef int cudaStream_t;
enum { cudaStreamPerThread = 2 };

/* Memory that only kernels and the calls below can use: the host's touching it ends the process. */
cudaError_t cudaMalloc(void **block, size_t bytes);
cudaError_t cudaFree(void *block);
cudaError_t cudaMemsetAsync(void *block, int value, size_t bytes, cudaStream_t stream);
cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream);
cudaError_t cudaStreamSynchronize(cudaStream_t stream);
cudaError_t cudaGetLastError(void);
const char *cudaGetErrorString(cudaError_t error);
cudaError_t cudaGetDeviceCount(int *count);

#endif

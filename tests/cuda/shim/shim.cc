#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include <map>
#include <mutex>

#include <cublas_v2.h>
#include <cuda_runtime.h>
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif

dim3 threadIdx, blockIdx, gridDim, blockDim = {BLOCK};

/* Networks in other threads launch kernels, too: one at a time, as __shared__ arrays are static. */
static std::mutex one_at_a_time;

[[noreturn]] static void give_up(const char *why)
{
    fprintf(stderr, "CUDA shim: %s\n", why);
    abort();
}

/* The GPU's memory: a small one's, so that what does not fit can be tested. */
static const size_t GPU_BYTES = (size_t)1 << 30;
static std::map<void *, size_t> blocks;
static size_t taken;

#ifdef __SANITIZE_ADDRESS__
static void *take(size_t bytes)
{
    return aligned_alloc(64, (bytes + 63) / 64 * 64);
}

static void give_back(void *block, size_t bytes)
{
    __asan_unpoison_memory_region(block, bytes);
    free(block);
}

static void open_to_host(void *block, size_t bytes)
{
    __asan_unpoison_memory_region(block, bytes);
}

static void close_to_host(void *block, size_t bytes)
{
    __asan_poison_memory_region(block, bytes);
}
#else
static void *take(size_t bytes)
{
    void *block = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return block == MAP_FAILED ? NULL : block;
}

static void give_back(void *block, size_t bytes)
{
    munmap(block, bytes);
}

static void open_to_host(void *block, size_t bytes)
{
    if (mprotect(block, bytes, PROT_READ | PROT_WRITE))
        give_up("mprotect");
}

static void close_to_host(void *block, size_t bytes)
{
    if (mprotect(block, bytes, PROT_NONE))
        give_up("mprotect");
}
#endif

/* As long as it is there, the GPU works, for one thread: its memory can be used. */
struct at_work {
    const std::lock_guard<std::mutex> lock{one_at_a_time};
    at_work()
    {
        for (const auto &block : blocks)
            open_to_host(block.first, block.second);
    }
    ~at_work()
    {
        for (const auto &block : blocks)
            close_to_host(block.first, block.second);
    }
};

enum { STACK = 1 << 18 };
static struct {
    const std::function<void()> *kernel; /* NULL: no teams are at work */
    ucontext_t from, thread[BLOCK];
    bool done[BLOCK];
    bool waits[BLOCK]; /* at a barrier */
    unsigned running;
    alignas(64) char stack[BLOCK][STACK];
} team;

void __syncthreads(void)
{
    if (!team.kernel)
        give_up("__syncthreads() in a kernel that was not launched as teams");
    team.waits[team.running] = true;
    swapcontext(&team.thread[team.running], &team.from);
}

static void run_thread(void)
{
    (*team.kernel)();
    team.done[team.running] = true;
}

/* A thread, up to its next barrier or its end. Returns whether it waits. */
__attribute__((noinline)) static bool resume(unsigned thread)
{
    team.running = threadIdx.x = thread;
    swapcontext(&team.from, &team.thread[thread]);
    const bool waits = team.waits[team.running];
    team.waits[team.running] = false;
    return waits;
}

/* All threads up to their next barrier, or their end. Returns whether they met at one. */
static bool step(void)
{
    int waiting = 0;
    for (unsigned t = 0; t < BLOCK; t++)
        waiting += !team.done[t] && resume(t);
    if (waiting != 0 && waiting != BLOCK)
        give_up("a barrier that only some threads of a block reach");
    return waiting == BLOCK;
}

static void run_team(const std::function<void()> &kernel)
{
    team.kernel = &kernel;
    for (unsigned t = 0; t < BLOCK; t++) {
        team.done[t] = team.waits[t] = false;
        getcontext(&team.thread[t]);
        team.thread[t].uc_stack.ss_sp = team.stack[t];
        team.thread[t].uc_stack.ss_size = STACK;
        team.thread[t].uc_link = &team.from;
        makecontext(&team.thread[t], run_thread, 0);
    }
    while (step())
        ;
    team.kernel = NULL;
}

void shim_launch_teams(unsigned blocks, const std::function<void()> &kernel)
{
    const at_work gpu;
    gridDim.x = blocks;
    for (blockIdx.x = 0; blockIdx.x < blocks; blockIdx.x++)
        run_team(kernel);
}

void shim_launch(unsigned blocks, const std::function<void()> &kernel)
{
    const at_work gpu;
    gridDim.x = blocks;
    for (blockIdx.x = 0; blockIdx.x < blocks; blockIdx.x++)
        for (threadIdx.x = 0; threadIdx.x < BLOCK; threadIdx.x++)
            kernel();
}

cudaError_t cudaMalloc(void **block, size_t bytes)
{
    const std::lock_guard<std::mutex> lock(one_at_a_time);
    *block = taken + bytes <= GPU_BYTES ? take(bytes) : NULL;
    if (!*block)
        return cudaErrorMemoryAllocation;
    blocks[*block] = bytes;
    taken += bytes;
    close_to_host(*block, bytes);
    return cudaSuccess;
}

cudaError_t cudaFree(void *block)
{
    const std::lock_guard<std::mutex> lock(one_at_a_time);
    const auto found = blocks.find(block);
    if (found == blocks.end())
        give_up("cudaFree() of what cudaMalloc() did not give");
    taken -= found->second;
    give_back(block, found->second);
    blocks.erase(found);
    return cudaSuccess;
}

cudaError_t cudaMemsetAsync(void *block, int value, size_t bytes, cudaStream_t)
{
    const at_work gpu;
    memset(block, value, bytes);
    return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, cudaMemcpyKind, cudaStream_t)
{
    const at_work gpu;
    memcpy(to, from, bytes);
    return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t)
{
    return cudaSuccess;
}

/* CUDA_SHIM_FAILS: as if the kernels before had failed. */
cudaError_t cudaGetLastError(void)
{
    return getenv("CUDA_SHIM_FAILS") ? cudaErrorMemoryAllocation : cudaSuccess;
}

const char *cudaGetErrorString(cudaError_t error)
{
    return error == cudaSuccess ? "no error" : "a failure that the shim was told to have";
}

/* CUDA_SHIM_GPUS: how many there are; 1 without it. */
cudaError_t cudaGetDeviceCount(int *count)
{
    const char *said = getenv("CUDA_SHIM_GPUS");
    *count = said ? atoi(said) : 1;
    return cudaSuccess;
}

cublasStatus_t cublasCreate(cublasHandle_t *handle)
{
    *handle = NULL;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasDestroy(cublasHandle_t)
{
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetStream(cublasHandle_t, cudaStream_t)
{
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetMathMode(cublasHandle_t, cublasMath_t)
{
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSgemmStridedBatched(cublasHandle_t, cublasOperation_t op_a,
                                         cublasOperation_t op_b, int m, int n, int k,
                                         const float *alpha, const float *a, int lda,
                                         long long step_a, const float *b, int ldb,
                                         long long step_b, const float *beta, float *c, int ldc,
                                         long long step_c, int count)
{
    const at_work gpu;
    for (int t = 0; t < count; t++)
        for (int j = 0; j < n; j++)
            for (int i = 0; i < m; i++) {
                double sum = 0;
                for (int l = 0; l < k; l++) {
                    const long long at_a = op_a == CUBLAS_OP_N ? i + (long long)l * lda
                                                               : l + (long long)i * lda;
                    const long long at_b = op_b == CUBLAS_OP_N ? l + (long long)j * ldb
                                                               : j + (long long)l * ldb;
                    sum += (double)a[t * step_a + at_a] * b[t * step_b + at_b];
                }
                float *to = c + t * step_c + i + (long long)j * ldc;
                *to = (float)(*alpha * sum + (*beta == 0 ? 0 : *beta * *to));
            }
    return CUBLAS_STATUS_SUCCESS;
}

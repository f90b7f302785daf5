/* The library's way in: whether there is a GPU, its memory, errors, and the table of the backend. */
#include "cuda.h"
#include "version.h"

const backend *cuda_host;

/* The first failure of this thread since the last finish(). */
static thread_local char failure[200];

void cuda_note(bool ok, const char *what)
{
    if (!ok && !*failure)
        snprintf(failure, sizeof failure, "%s failed", what);
}

static void wait_for_kernels(void)
{
    const cudaError_t error = cudaStreamSynchronize(cudaStreamPerThread);
    const cudaError_t before = cudaGetLastError();
    const cudaError_t first = error != cudaSuccess ? error : before;
    if (first != cudaSuccess && !*failure)
        snprintf(failure, sizeof failure, "%s", cudaGetErrorString(first));
}

static dn_status finish(dn_error *e)
{
    wait_for_kernels();
    if (!*failure)
        return DN_OK;
    if (e) {
        e->status = DN_NO_DEVICE;
        snprintf(e->message, sizeof e->message, "the GPU failed in this pass: %s", failure);
    }
    *failure = 0;
    return DN_NO_DEVICE;
}

static void release(void *block)
{
    cudaFree(block);
}

static void *allocate(size_t bytes)
{
    void *block = NULL;
    if (cudaMalloc(&block, bytes + 64) == cudaSuccess
        && cudaMemsetAsync(block, 0, bytes, cudaStreamPerThread) == cudaSuccess
        && cudaStreamSynchronize(cudaStreamPerThread) == cudaSuccess)
        return block;
    cudaGetLastError(); /* reported by the caller */
    if (block)
        release(block);
    return NULL;
}

void cuda_copy(void *to, const void *from, size_t bytes)
{
    const bool ok = cudaMemcpyAsync(to, from, bytes, cudaMemcpyDefault, cudaStreamPerThread)
                        == cudaSuccess
                    && cudaStreamSynchronize(cudaStreamPerThread) == cudaSuccess;
    cuda_note(ok, "copying to or from the GPU");
}

static const char *kernels(void)
{
#ifdef __CUDACC__
    return "cuda";
#else
    return "cuda-emulated";
#endif
}

static const memory_home home = {allocate, release, cuda_copy};

static backend make_table(void)
{
    backend b = {};
    b.name = "cuda";
    b.kernels = kernels;
    b.memory = &home;
    b.scratch = CUDA_SCRATCH;
    b.finish = finish;
#define ENTRY(name) b.name = cuda_##name;
    ENTRY(conv_workspace) ENTRY(conv_forward) ENTRY(conv_backward) ENTRY(conv_packed_bytes)
    ENTRY(batchnorm) ENTRY(batchnorm_grad) ENTRY(activate) ENTRY(activate_grad)
    ENTRY(maxpool) ENTRY(maxpool_grad) ENTRY(avgpool) ENTRY(avgpool_grad)
    ENTRY(upsample) ENTRY(upsample_grad) ENTRY(downsample) ENTRY(downsample_grad)
    ENTRY(reorg) ENTRY(reorg_grad) ENTRY(transpose) ENTRY(shortcut) ENTRY(shortcut_grad)
    ENTRY(copy_rows) ENTRY(softmax) ENTRY(dropout) ENTRY(multiply)
    ENTRY(local) ENTRY(local_grad) ENTRY(deconv) ENTRY(deconv_grad)
    ENTRY(response) ENTRY(response_grad) ENTRY(crop) ENTRY(crop_grad)
    ENTRY(scale_map) ENTRY(scale_map_grad) ENTRY(l2norm) ENTRY(l2norm_grad)
    ENTRY(cost) ENTRY(cross_entropy) ENTRY(tree_cross_entropy) ENTRY(binary_cross_entropy)
    ENTRY(detector_workspace) ENTRY(region_loss) ENTRY(yolo_loss) ENTRY(detection_loss)
    ENTRY(mine_workspace) ENTRY(mine) ENTRY(affine)
    ENTRY(sgd) ENTRY(adam) ENTRY(clip) ENTRY(squares) ENTRY(shrink)
#undef ENTRY
    return b;
}

static bool usable(char *why, size_t room)
{
    int count = 0;
    const cudaError_t found = cudaGetDeviceCount(&count);
    if (found != cudaSuccess || count < 1) {
        snprintf(why, room, "no GPU is found: %s",
                 found == cudaSuccess ? "none is installed" : cudaGetErrorString(found));
        return false;
    }
    return true;
}

extern "C" __attribute__((visibility("default"))) const backend *
dn_cuda_start(const backend *host, const char *version, size_t size, char *why, size_t room)
{
    static const backend table = make_table();
    if (strcmp(version, DN_VERSION) || size != sizeof table) {
        snprintf(why, room, "the library was built for version %s, not %s: build it again",
                 DN_VERSION, version);
        return NULL;
    }
    if (!usable(why, room))
        return NULL;
    cuda_host = host;
    return &table;
}

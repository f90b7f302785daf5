/* Matrix products, by cuBLAS. A matrix row by row is its transpose column by column, which is how
 * cuBLAS sees it: C' = B' A'. */
#include <cublas_v2.h>
#include <stdlib.h>

#include "cuda.h"

/* One handle a thread, as streams are. */
struct handle {
    cublasHandle_t at = NULL;
    handle()
    {
        const char *tf32 = getenv("PYLRM_TF32");
        const bool fast = tf32 && !strcmp(tf32, "1");
        cuda_note(cublasCreate(&at) == CUBLAS_STATUS_SUCCESS
                      && cublasSetStream(at, cudaStreamPerThread) == CUBLAS_STATUS_SUCCESS
                      && cublasSetMathMode(at, fast ? CUBLAS_TF32_TENSOR_OP_MATH
                                                    : CUBLAS_DEFAULT_MATH)
                             == CUBLAS_STATUS_SUCCESS,
                  "starting cuBLAS");
    }
    ~handle()
    {
        if (at)
            cublasDestroy(at);
    }
};

void cuda_multiply_matrices(const product *m, const float *a, const float *b, float *c)
{
    static thread_local handle blas;
    const float alpha = 1;
    const cublasStatus_t status = cublasSgemmStridedBatched(
        blas.at, m->across_b ? CUBLAS_OP_T : CUBLAS_OP_N, m->across_a ? CUBLAS_OP_T : CUBLAS_OP_N,
        m->columns, m->rows, m->depth, &alpha, b, m->across_b ? m->depth : m->columns, m->step_b, a,
        m->across_a ? m->rows : m->depth, m->step_a, &m->beta, c, m->columns, m->step_c, m->count);
    cuda_note(status == CUBLAS_STATUS_SUCCESS, "a product by cuBLAS");
}

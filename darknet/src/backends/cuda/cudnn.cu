/* Convolutions by cuDNN (make GPU=1 CUDNN=1), with algorithms that add up in a fixed order. */
#include "conv.h"

#ifdef DN_CUDNN

#include <cudnn.h>
#include <stdlib.h>

/* One handle a thread, as streams are. */
struct dnn_handle {
    cudnnHandle_t at = NULL;
    dnn_handle()
    {
        cuda_note(cudnnCreate(&at) == CUDNN_STATUS_SUCCESS
                      && cudnnSetStream(at, cudaStreamPerThread) == CUDNN_STATUS_SUCCESS,
                  "starting cuDNN");
    }
    ~dnn_handle()
    {
        if (at)
            cudnnDestroy(at);
    }
};

static cudnnHandle_t dnn(void)
{
    static thread_local dnn_handle handle;
    return handle.at;
}

/* What cuDNN is told of a convolution. */
struct described {
    cudnnTensorDescriptor_t in = NULL, out = NULL;
    cudnnFilterDescriptor_t weights = NULL;
    cudnnConvolutionDescriptor_t sums = NULL;
    bool ok;

    described(const conv *s, int images)
    {
        const char *tf32 = getenv("PYLRM_TF32");
        const bool fast = tf32 && !strcmp(tf32, "1");
        ok = cudnnCreateTensorDescriptor(&in) == CUDNN_STATUS_SUCCESS
             && cudnnCreateTensorDescriptor(&out) == CUDNN_STATUS_SUCCESS
             && cudnnCreateFilterDescriptor(&weights) == CUDNN_STATUS_SUCCESS
             && cudnnCreateConvolutionDescriptor(&sums) == CUDNN_STATUS_SUCCESS
             && cudnnSetTensor4dDescriptor(in, CUDNN_TENSOR_NCHW, CUDNN_DATA_FLOAT, images,
                                           s->in.c, s->in.h, s->in.w)
                    == CUDNN_STATUS_SUCCESS
             && cudnnSetTensor4dDescriptor(out, CUDNN_TENSOR_NCHW, CUDNN_DATA_FLOAT, images,
                                           s->out.c, s->out.h, s->out.w)
                    == CUDNN_STATUS_SUCCESS
             && cudnnSetFilter4dDescriptor(weights, CUDNN_DATA_FLOAT, CUDNN_TENSOR_NCHW, s->out.c,
                                           s->in.c / s->groups, s->size, s->size)
                    == CUDNN_STATUS_SUCCESS
             && cudnnSetConvolution2dDescriptor(sums, s->padding, s->padding, s->stride,
                                                s->stride, 1, 1, CUDNN_CROSS_CORRELATION,
                                                CUDNN_DATA_FLOAT)
                    == CUDNN_STATUS_SUCCESS
             && cudnnSetConvolutionGroupCount(sums, s->groups) == CUDNN_STATUS_SUCCESS
             && cudnnSetConvolutionMathType(sums, fast ? CUDNN_TENSOR_OP_MATH : CUDNN_FMA_MATH)
                    == CUDNN_STATUS_SUCCESS;
    }

    ~described()
    {
        if (sums)
            cudnnDestroyConvolutionDescriptor(sums);
        if (weights)
            cudnnDestroyFilterDescriptor(weights);
        if (out)
            cudnnDestroyTensorDescriptor(out);
        if (in)
            cudnnDestroyTensorDescriptor(in);
    }
};

/* Those whose sums do not depend on which thread is first, and that take any shape. */
static const cudnnConvolutionFwdAlgo_t FORWARD = CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM;
static const cudnnConvolutionBwdDataAlgo_t TO_DATA = CUDNN_CONVOLUTION_BWD_DATA_ALGO_1;
static const cudnnConvolutionBwdFilterAlgo_t TO_WEIGHTS = CUDNN_CONVOLUTION_BWD_FILTER_ALGO_1;

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static size_t room_of(const described *d)
{
    size_t sums = 0, data = 0, weights = 0;
    cuda_note(d->ok
                  && cudnnGetConvolutionForwardWorkspaceSize(dnn(), d->in, d->weights, d->sums,
                                                             d->out, FORWARD, &sums)
                         == CUDNN_STATUS_SUCCESS
                  && cudnnGetConvolutionBackwardDataWorkspaceSize(dnn(), d->weights, d->out,
                                                                  d->sums, d->in, TO_DATA, &data)
                         == CUDNN_STATUS_SUCCESS
                  && cudnnGetConvolutionBackwardFilterWorkspaceSize(dnn(), d->in, d->out, d->sums,
                                                                    d->weights, TO_WEIGHTS,
                                                                    &weights)
                         == CUDNN_STATUS_SUCCESS,
              "planning a convolution by cuDNN");
    return larger(sums, larger(data, weights));
}

/* Of a full pass, also where one holds fewer images: more is not there, and cuDNN says if it would
 * need more. */
size_t cuda_sums_workspace(const pass *p, const conv *s)
{
    const described d(s, p->capacity);
    return room_of(&d);
}

void cuda_sums(const pass *p, const conv *s, const conv_data *d, float *sums)
{
    const described t(s, p->batch);
    const float one = 1, none = 0;
    cuda_note(cudnnConvolutionForward(dnn(), &one, t.in, d->input, t.weights, d->weights, t.sums,
                                      FORWARD, p->workspace,
                                      cuda_sums_workspace(p, s), &none, t.out, sums)
                  == CUDNN_STATUS_SUCCESS,
              "a convolution by cuDNN");
}

void cuda_weight_grads(const pass *p, const conv *s, const conv_data *d)
{
    const described t(s, p->batch);
    const float one = 1;
    cuda_note(cudnnConvolutionBackwardFilter(dnn(), &one, t.in, d->input, t.out, d->delta, t.sums,
                                             TO_WEIGHTS, p->workspace,
                                      cuda_sums_workspace(p, s), &one,
                                             t.weights, d->weight_grads)
                  == CUDNN_STATUS_SUCCESS,
              "a convolution's gradient by cuDNN");
}

void cuda_input_delta(const pass *p, const conv *s, const conv_data *d)
{
    const described t(s, p->batch);
    const float one = 1, before = d->add;
    cuda_note(cudnnConvolutionBackwardData(dnn(), &one, t.weights, d->weights, t.out, d->delta,
                                           t.sums, TO_DATA, p->workspace,
                                      cuda_sums_workspace(p, s), &before,
                                           t.in, d->input_delta)
                  == CUDNN_STATUS_SUCCESS,
              "a convolution's input gradient by cuDNN");
}

#endif

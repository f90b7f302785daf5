/* Convolutions by cuDNN (make GPU=1 CUDNN=1), with algorithms that add up in a fixed order: the same
 * ones whenever the same shape is asked for, so that nothing is measured here. */
#include "conv.h"

#ifdef DN_CUDNN

#include <cudnn.h>
#include <stdlib.h>

#include <array>
#include <map>
#include <mutex>

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

/* The algorithms of a convolution, and the workspace that they share. */
struct chosen {
    cudnnConvolutionFwdAlgo_t sums;
    cudnnConvolutionBwdDataAlgo_t data;
    cudnnConvolutionBwdFilterAlgo_t weights;
    size_t room;
};

static const size_t MOST_ROOM = (size_t)1 << 30;

/* The first of those that cuDNN expects to be fastest whose sums have a fixed order and that does with
 * the room. */
template <typename found, typename algorithm>
static void choose(const found *all, int count, algorithm *own, size_t *room)
{
    for (int i = 0; i < count; i++) {
        if (all[i].status != CUDNN_STATUS_SUCCESS || all[i].determinism != CUDNN_DETERMINISTIC
            || all[i].memory > MOST_ROOM)
            continue;
        *own = all[i].algo;
        *room = all[i].memory > *room ? all[i].memory : *room;
        return;
    }
    cuda_note(false, "finding a way for a convolution in cuDNN");
}

static chosen choose_all(const conv *s, int images)
{
    enum { MOST = 16 };
    cudnnConvolutionFwdAlgoPerf_t sums[MOST];
    cudnnConvolutionBwdDataAlgoPerf_t data[MOST];
    cudnnConvolutionBwdFilterAlgoPerf_t weights[MOST];
    const described d(s, images);
    int found[3] = {};
    chosen all = {};
    cuda_note(d.ok
                  && cudnnGetConvolutionForwardAlgorithm_v7(dnn(), d.in, d.weights, d.sums, d.out,
                                                            MOST, &found[0], sums)
                         == CUDNN_STATUS_SUCCESS
                  && cudnnGetConvolutionBackwardDataAlgorithm_v7(dnn(), d.weights, d.out, d.sums,
                                                                 d.in, MOST, &found[1], data)
                         == CUDNN_STATUS_SUCCESS
                  && cudnnGetConvolutionBackwardFilterAlgorithm_v7(dnn(), d.in, d.out, d.sums,
                                                                   d.weights, MOST, &found[2],
                                                                   weights)
                         == CUDNN_STATUS_SUCCESS,
              "planning a convolution by cuDNN");
    choose(sums, found[0], &all.sums, &all.room);
    choose(data, found[1], &all.data, &all.room);
    choose(weights, found[2], &all.weights, &all.room);
    return all;
}

/* Those of a full pass, also where one holds fewer images: the same sums then. */
static chosen choice_for(const pass *p, const conv *s)
{
    static std::mutex guard;
    static std::map<std::array<int, 10>, chosen> known;
    const std::array<int, 10> shape = {p->capacity, s->in.c, s->in.h, s->in.w, s->out.c,
                                       s->size, s->stride, s->padding, s->groups, s->out.w};
    const std::lock_guard<std::mutex> lock(guard);
    const auto found = known.find(shape);
    return found != known.end() ? found->second
                                : known[shape] = choose_all(s, p->capacity);
}

static size_t workspace(const pass *p, const conv *s)
{
    return choice_for(p, s).room;
}

static void sums_of_all(const pass *p, const conv *s, const conv_data *d, float *sums)
{
    const described t(s, p->batch);
    const chosen own = choice_for(p, s);
    const float one = 1, none = 0;
    cuda_note(cudnnConvolutionForward(dnn(), &one, t.in, d->input, t.weights, d->weights, t.sums,
                                      own.sums, p->workspace, own.room, &none, t.out, sums)
                  == CUDNN_STATUS_SUCCESS,
              "a convolution by cuDNN");
}

static void weight_grads(const pass *p, const conv *s, const conv_data *d)
{
    const described t(s, p->batch);
    const chosen own = choice_for(p, s);
    const float one = 1;
    cuda_note(cudnnConvolutionBackwardFilter(dnn(), &one, t.in, d->input, t.out, d->delta, t.sums,
                                             own.weights, p->workspace, own.room, &one, t.weights,
                                             d->weight_grads)
                  == CUDNN_STATUS_SUCCESS,
              "a convolution's gradient by cuDNN");
}

static void input_delta(const pass *p, const conv *s, const conv_data *d)
{
    const described t(s, p->batch);
    const chosen own = choice_for(p, s);
    const float one = 1, before = d->add;
    cuda_note(cudnnConvolutionBackwardData(dnn(), &one, t.weights, d->weights, t.out, d->delta,
                                           t.sums, own.data, p->workspace, own.room, &before, t.in,
                                           d->input_delta)
                  == CUDNN_STATUS_SUCCESS,
              "a convolution's input gradient by cuDNN");
}

const conv_way cuda_dnn = {workspace, sums_of_all, weight_grads, input_delta};

#endif

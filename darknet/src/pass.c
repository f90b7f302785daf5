/* A pass through the layers, forward and backward; a training step. */
#include <math.h>

#include "init.h"
#include "network.h"
#include "timing.h"

/* The update that the coming pass belongs to. */
static int64_t coming_update(const dn_network *net)
{
    return net->seen / ((int64_t)net->batch * net->subdivisions) + 1;
}

static pass make_pass(const dn_network *net, int images, const float *truth, int truths, bool train,
                      int64_t seen)
{
    return (pass){.backend = net->backend,
                  .threads = dn_usable_threads(net->threads),
                  .most_threads = net->threads,
                  .batch = images,
                  .capacity = net->batch,
                  .train = train,
                  .backward = train,
                  .folded = net->purpose == DN_PLAN_INFER,
                  .seen = seen,
                  .update = coming_update(net),
                  .seed = net->seed,
                  .truth = truth,
                  .truths = truths,
                  .workspace = net->workspace};
}

/* Floats of a row of truth. */
static size_t truth_width(const dn_network *net)
{
    for (int i = 0; i < net->layer_count; i++)
        if (net->layers[i].type->detector)
            return 5;
    return 1;
}

/* Images and truths go to where the backend can read them. */
static dn_status stage(dn_network *net, const float **x, int images, const float **truth,
                       int truths, dn_error *e)
{
    const memory_home *home = net->backend->memory;
    if (!home)
        return DN_OK;
    const size_t image = (size_t)dims_count(net->in) * sizeof(float);
    const size_t row = (size_t)truths * truth_width(net) * sizeof(float);
    const size_t maps = (size_t)images * image, labels = *truth ? (size_t)images * row : 0;
    if (maps + labels > net->staged_bytes || !net->staged) {
        const size_t most = (size_t)net->batch * (image + (*truth ? row : 0));
        dn_memory *grown = dn_memory_create(home, most);
        if (!grown)
            return dn_out_of_memory(e, "a pass's images");
        dn_memory_release(net->staged);
        net->staged = grown;
        net->staged_bytes = most;
    }
    char *to = dn_memory_data(net->staged);
    home->copy(to, *x, maps);
    *x = (const float *)to;
    if (!*truth)
        return DN_OK;
    home->copy(to + maps, *truth, labels);
    *truth = (const float *)(to + maps);
    return DN_OK;
}

/* seen: what the layers are told; counting is the caller's. */
static dn_status run_forward(dn_network *net, const float *x, int images, const float *truth,
                             int truths, bool train, int64_t seen, dn_error *e)
{
    if (dn_check_memory(net, e) != DN_OK)
        return DN_BAD_ARGUMENT;
    if (train && net->purpose == DN_PLAN_INFER)
        return dn_fail(e, DN_BAD_ARGUMENT,
                       "%s: this network was made for inference: it cannot train", net->source);
    if (truth && net->purpose == DN_PLAN_INFER)
        return dn_fail(e, DN_BAD_ARGUMENT,
                       "%s: this network was made for inference: it takes no truth", net->source);
    if (images < 1 || images > net->batch || (train && images != net->batch))
        return dn_fail(e, DN_BAD_ARGUMENT, "%d images: %s takes %s%d", images,
                       train ? "a training pass" : "a pass", train ? "exactly " : "1 to ",
                       net->batch);
    if (train) {
        const dn_status status = dn_plan_flow(net, coming_update(net), e);
        if (status != DN_OK)
            return status;
    }
    const dn_status staged = stage(net, &x, images, &truth, truths, e);
    if (staged != DN_OK)
        return staged;
    const pass p = make_pass(net, images, truth, truths, train, seen);
    net->images = images;
    net->trained_pass = train;
    for (int i = 0; i < net->layer_count; i++) {
        layer *l = &net->layers[i];
        for (int j = 0; j < l->inputs; j++)
            if (l->from[j] < 0)
                l->input[j] = x;
        l->cost = 0;
        if (l->fused)
            continue;
        const int64_t began = dn_time_begin(net);
        l->type->forward(l, &p);
        if (net->times)
            net->times[i].forward += dn_time_since(net, began);
        if (train)
            l->fresh = false;
    }
    return DN_OK;
}

dn_status dn_forward(dn_network *net, const float *x, int images, const float *truth, int truths,
                     bool train, dn_error *e)
{
    const dn_status status = run_forward(net, x, images, truth, truths, train, net->seen, e);
    if (status != DN_OK)
        return status;
    if (train)
        net->seen += images;
    return dn_finish(net->backend, e);
}

static dn_status run_backward(dn_network *net, dn_error *e)
{
    if (!net->trained_pass)
        return dn_fail(
            e, DN_BAD_ARGUMENT,
            "%s: backward needs a training pass before it: forward(x, truth, train=True)",
            net->source);
    const pass p = make_pass(net, net->batch, NULL, 0, true, net->seen);
    for (int i = net->layer_count - 1; i >= 0; i--) {
        layer *l = &net->layers[i];
        if (!l->runs_backward)
            continue;
        const int64_t began = dn_time_begin(net);
        l->type->backward(l, &p);
        if (net->times)
            net->times[i].backward += dn_time_since(net, began);
    }
    net->trained_pass = false;
    return DN_OK;
}

dn_status dn_backward(dn_network *net, dn_error *e)
{
    const dn_status status = run_backward(net, e);
    return status == DN_OK ? dn_finish(net->backend, e) : status;
}

double dn_cost(const dn_network *net)
{
    double sum = 0;
    int count = 0;
    for (int i = 0; i < net->layer_count; i++)
        if (net->layers[i].type->loss) {
            sum += net->layers[i].cost;
            count++;
        }
    return count ? sum / count : 0;
}

static bool all_finite(const float *x, int64_t count)
{
    bool finite = true;
    for (int64_t i = 0; i < count; i++)
        finite &= isfinite(x[i]) != 0;
    return finite;
}

dn_status dn_train_batch(dn_network *net, const float *x, const float *truth, int truths,
                         double *loss, dn_error *e)
{
    const int64_t seen = net->seen + net->batch;
    if (!net->outline && !all_finite(x, net->batch * dims_count(net->in))) {
        *loss = NAN; /* before rolling statistics see it */
        return DN_OK;
    }
    dn_status status = run_forward(net, x, net->batch, truth, truths, true, seen, e);
    if (status != DN_OK)
        return status;
    *loss = dn_cost(net) / net->batch;
    if (!isfinite(*loss))
        return dn_finish(net->backend, e);
    status = run_backward(net, e);
    if (status != DN_OK)
        return status;
    net->seen = seen;
    return net->seen / net->batch % net->subdivisions ? dn_finish(net->backend, e)
                                                     : dn_update(net, e);
}

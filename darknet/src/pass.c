/* A pass through the layers, forward and backward; a training step. */
#include <math.h>

#include "init.h"
#include "network.h"
#include "timing.h"
#include "views.h"

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

/* seen: what the layers are told; counting is the caller's. finite: whether the images are, without
 * which no layer runs, so that no rolling statistics see them; NULL: not asked. */
static dn_status run_forward(dn_network *net, const float *x, int images, const float *truth,
                             int truths, bool train, int64_t seen, bool *finite, dn_error *e)
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
        return dn_fail(e, DN_BAD_ARGUMENT, "a batch of %d: %s takes %s%d", images,
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
    if (finite) {
        *finite = isfinite(p.backend->squares(&p, x, NULL, images * dims_count(net->in)));
        if (!*finite)
            return DN_OK;
    }
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
    dn_views_send(net);
    const dn_status status = run_forward(net, x, images, truth, truths, train, net->seen, NULL, e);
    if (status != DN_OK)
        return status;
    if (train)
        net->seen += images;
    return dn_views_fetch(net, e);
}

/* The layer's backward with its parameters' gradients summed from 0 in other memory: the array of
 * the gradient that stands at `origin` is at `to` there. */
static void backward_apart(layer *l, const pass *p, const float *origin, float *to)
{
    float *kept[MAX_PARAMS];
    for (int k = 0; k < l->param_count; k++) {
        param *w = &l->params[k];
        kept[k] = w->grad;
        if (!w->trained)
            continue;
        w->grad = to + (w->grad - origin);
        p->backend->copy_rows(p, 1, w->count, NULL, 0, w->grad, w->count, 1, false);
    }
    l->type->backward(l, p);
    for (int k = 0; k < l->param_count; k++)
        l->params[k].grad = kept[k];
}

/* Of several passes an update, each one's gradient is summed apart and then added as a whole: so the
 * passes can be anywhere (dn_train_pass), and their sum is the same. */
static void backward_and_add(const dn_network *net, layer *l, const pass *p)
{
    const float *origin = NULL;
    for (int k = l->param_count - 1; k >= 0; k--)
        origin = l->params[k].trained ? l->params[k].grad : origin;
    if (!net->apart || !origin) {
        l->type->backward(l, p);
        return;
    }
    backward_apart(l, p, origin, net->apart);
    for (int k = 0; k < l->param_count; k++) {
        const param *w = &l->params[k];
        const int64_t rows = w->shape[0], each = w->count / rows;
        if (w->trained)
            p->backend->copy_rows(p, rows, each, net->apart + (w->grad - origin), each, w->grad,
                                  each, 1, true);
    }
}

/* What adds nothing, not even to the sign of a 0. */
static void fill_with_minus_0(const pass *p, float *x, int64_t count)
{
    p->backend->copy_rows(p, 1, count, NULL, 0, x, count, 1, false);
    p->backend->affine(p, -1, -0.f, x, x, all_of(count));
}

/* gradient: where the pass's own goes, from 0; NULL: it is added to the network's. */
static dn_status run_backward(dn_network *net, float *gradient, dn_error *e)
{
    if (!net->trained_pass)
        return dn_fail(
            e, DN_BAD_ARGUMENT,
            "%s: backward needs a training pass before it: forward(x, truth, train=True)",
            net->source);
    const pass p = make_pass(net, net->batch, NULL, 0, true, net->seen);
    if (gradient)
        fill_with_minus_0(&p, gradient, net->gradient_count);
    for (int i = net->layer_count - 1; i >= 0; i--) {
        layer *l = &net->layers[i];
        if (!l->runs_backward)
            continue;
        const int64_t began = dn_time_begin(net);
        if (gradient)
            backward_apart(l, &p, net->gradients, gradient);
        else
            backward_and_add(net, l, &p);
        if (net->times)
            net->times[i].backward += dn_time_since(net, began);
    }
    net->trained_pass = false;
    return DN_OK;
}

dn_status dn_backward(dn_network *net, dn_error *e)
{
    dn_views_send(net);
    const dn_status status = run_backward(net, NULL, e);
    return status == DN_OK ? dn_views_fetch(net, e) : status;
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

/* *learnt: there was a backward pass. */
static dn_status train_pass(dn_network *net, const float *x, const float *truth, int truths,
                            float *gradient, double *loss, bool *learnt, dn_error *e)
{
    bool finite;
    *learnt = false;
    dn_status status = run_forward(net, x, net->batch, truth, truths, true, net->seen + net->batch,
                                   &finite, e);
    if (status != DN_OK)
        return status;
    *loss = finite ? dn_cost(net) / net->batch : NAN;
    if (!isfinite(*loss))
        return dn_views_fetch(net, e);
    status = run_backward(net, gradient, e);
    *learnt = status == DN_OK;
    return status;
}

dn_status dn_train_batch(dn_network *net, const float *x, const float *truth, int truths,
                         double *loss, dn_error *e)
{
    bool learnt;
    dn_views_send(net);
    dn_status status = train_pass(net, x, truth, truths, NULL, loss, &learnt, e);
    if (!learnt)
        return status;
    net->seen += net->batch;
    if (net->seen / net->batch % net->subdivisions == 0)
        status = dn_apply_update(net, e);
    return status == DN_OK ? dn_views_fetch(net, e) : status;
}

dn_status dn_train_pass(dn_network *net, const float *x, const float *truth, int truths,
                        float *gradient, int64_t count, double *loss, dn_error *e)
{
    const memory_home *home = net->backend->memory;
    const size_t bytes = (size_t)count * sizeof *gradient;
    bool learnt;
    if (count != net->gradient_count)
        return dn_fail(e, DN_BAD_ARGUMENT, "%s: %lld floats for a gradient of %lld", net->source,
                       (long long)count, (long long)net->gradient_count);
    if (home && !net->gradient)
        net->gradient = dn_memory_create(home, bytes);
    if (home && !net->gradient)
        return dn_out_of_memory(e, "a pass's gradient");
    float *there = home ? dn_memory_data(net->gradient) : gradient;
    dn_views_send(net);
    dn_status status = train_pass(net, x, truth, truths, there, loss, &learnt, e);
    if (!learnt)
        return status;
    status = dn_views_fetch(net, e);
    if (home && status == DN_OK)
        home->copy(gradient, there, bytes);
    return status;
}

void dn_roll(float *rolling, const float *own, int64_t count, bool fresh)
{
    for (int64_t i = 0; i < count; i++)
        rolling[i] = rolled(rolling[i], own[i], fresh);
}

#include "plan.h"

#include <string.h>

#include "network.h"

/* One buffer: needed in moments first…last, found a place at `offset`. */
typedef struct {
    size_t bytes, offset;
    int first, last;
    void **pointer;
} span;

typedef struct {
    dn_network *net;
    dn_purpose purpose;
    span *spans;
    int count;
    int *order;       /* of the spans, by place(): the largest first */
    int *placed;      /* likewise: those that have their place, the lowest first */
    bool *runs;       /* layer's backward is called */
    bool *wanted;     /* a delta of the layer is worth computing */
    int stop;         /* backward ends before this layer's own; -1: none */
    int *first_write; /* the moment its delta is first written; -1: never */
} draft;

static size_t type_bytes(dn_type type)
{
    return type == DN_FLOAT32 || type == DN_INT32 ? 4 : 1;
}

static int backward_moment(const draft *d, int i)
{
    return 2 * d->net->layer_count - 1 - i;
}

static int end_moment(const draft *d)
{
    return 2 * d->net->layer_count;
}

static void need(draft *d, size_t bytes, int first, int last, void **pointer)
{
    if (d->purpose == DN_PLAN_KEEP) {
        first = 0;
        last = end_moment(d);
    }
    d->spans[d->count++] = (span){
        .bytes = (bytes + 63) / 64 * 64, .first = first, .last = last, .pointer = pointer};
}

/* Who runs backward, which deltas exist, and when each is first written. */
static void trace_gradients(draft *d)
{
    dn_network *net = d->net;
    const bool keep = d->purpose == DN_PLAN_KEEP;
    for (int i = 0; i < net->layer_count; i++) {
        const layer *l = &net->layers[i];
        bool learns = l->param_count > 0 || keep; /* it, or something before it, has parameters */
        for (int j = 0; j < l->inputs; j++)
            learns |= l->from[j] >= 0 && d->wanted[l->from[j]];
        d->wanted[i] = learns && !l->type->transparent && (i > d->stop || keep);
    }
    for (int i = 0; i < net->layer_count; i++) {
        d->first_write[i] = net->layers[i].type->loss ? i : -1;
        d->runs[i] = false;
    }
    for (int i = net->layer_count - 1; i >= 0; i--) {
        const layer *l = &net->layers[i];
        d->wanted[i] |= l->type->loss;
        d->runs[i] = d->first_write[i] >= 0 && d->wanted[i] && i > d->stop && !l->onlyforward
                     && l->type->backward;
        for (int j = 0; j < l->inputs; j++) {
            const int from = l->from[j];
            if (from >= 0 && d->runs[i] && d->wanted[from] && d->first_write[from] < 0)
                d->first_write[from] = backward_moment(d, i);
        }
    }
}

/* An inference network may be asked for its training plan. */
static bool is_fused(const draft *d, int i)
{
    return d->purpose == DN_PLAN_INFER && d->net->layers[i].fused;
}

static bool is_repeated(const draft *d, int i)
{
    return d->purpose == DN_PLAN_INFER && d->net->layers[i].repeats_input;
}

static int last_reader(const draft *d, int i)
{
    const dn_network *net = d->net;
    const layer *l = &net->layers[i];
    const bool train = d->purpose == DN_PLAN_TRAIN;
    int last = i;
    if (l->type->loss || i == net->output_layer)
        return end_moment(d);
    if (train && d->runs[i] && l->reads_output)
        last = backward_moment(d, i);
    for (int k = i + 1; k < net->layer_count; k++)
        for (int j = 0; j < net->layers[k].inputs; j++) {
            if (net->layers[k].from[j] != i)
                continue;
            int moment = k;
            while (is_fused(d, moment)) /* read in the next layer's pass */
                moment++;
            if (last < moment)
                last = moment;
            const int beyond = is_repeated(d, k) ? last_reader(d, k) : 0;
            if (last < beyond)
                last = beyond;
            if (train && d->runs[k] && net->layers[k].reads_input && last < backward_moment(d, k))
                last = backward_moment(d, k);
        }
    return last;
}

static void list_spans(draft *d)
{
    dn_network *net = d->net;
    const bool infer = d->purpose == DN_PLAN_INFER;
    for (int i = 0; i < net->layer_count; i++) {
        layer *l = &net->layers[i];
        const size_t floats = (size_t)net->batch * (size_t)dims_count(l->out);
        if (!l->type->transparent && !is_fused(d, i) && !is_repeated(d, i))
            need(d, floats * sizeof(float), i, last_reader(d, i), (void **)&l->output);
        if (!infer && d->wanted[i] && (d->first_write[i] >= 0 || d->purpose == DN_PLAN_KEEP))
            need(d, floats * sizeof(float), d->first_write[i],
                 l->type->loss || !d->runs[i] ? end_moment(d) : backward_moment(d, i),
                 (void **)&l->delta);
        for (int b = 0; b < l->buffer_count && !infer; b++) {
            buffer *array = &l->buffers[b];
            size_t bytes = type_bytes(array->type) * (size_t)net->batch;
            for (int r = 0; r < array->rank; r++)
                bytes *= (size_t)array->shape[r];
            if (array->life == LIVES_ON)
                need(d, bytes, 0, end_moment(d), &array->data);
            else
                need(d, bytes, i, d->runs[i] ? backward_moment(d, i) : i, &array->data);
        }
    }
    size_t workspace = net->backend->scratch > 64 ? net->backend->scratch : 64;
    const pass p = {.backend = net->backend,
                    .threads = net->threads,
                    .most_threads = net->threads,
                    .batch = net->batch,
                    .capacity = net->batch,
                    .train = !infer,
                    .backward = !infer,
                    .folded = infer};
    for (int i = 0; i < net->layer_count; i++) {
        const layer *l = &net->layers[i];
        const size_t bytes = l->type->workspace ? l->type->workspace(l, &p) : 0;
        if (bytes > workspace)
            workspace = bytes;
    }
    need(d, workspace, 0, end_moment(d), &net->workspace);
}

/* The lowest place where nothing lies that is needed at the same time. placed: by their offsets. */
static size_t lowest_place(const span *spans, const span *s, const int *placed, int count)
{
    size_t offset = 0;
    for (int i = 0; i < count; i++) {
        const span *other = &spans[placed[i]];
        if (other->last < s->first || s->last < other->first)
            continue;
        if (offset + s->bytes <= other->offset)
            break;
        if (offset < other->offset + other->bytes)
            offset = other->offset + other->bytes;
    }
    return offset;
}

/* Largest first, each at its lowest place. */
static size_t place(draft *d)
{
    span *spans = d->spans;
    int *order = d->order, *placed = d->placed;
    for (int i = 0; i < d->count; i++) {
        int j = i;
        for (; j > 0 && spans[order[j - 1]].bytes < spans[i].bytes; j--)
            order[j] = order[j - 1];
        order[j] = i;
    }
    size_t total = 0;
    for (int i = 0; i < d->count; i++) {
        span *s = &spans[order[i]];
        s->offset = lowest_place(spans, s, placed, i);
        int j = i;
        for (; j > 0 && spans[placed[j - 1]].offset > s->offset; j--)
            placed[j] = placed[j - 1];
        placed[j] = order[i];
        if (s->offset + s->bytes > total)
            total = s->offset + s->bytes;
    }
    return total;
}

/* A draft's arrays, in one block. */
static dn_status begin_draft(draft *d, dn_network *net, dn_purpose purpose, int stop, dn_error *e)
{
    const size_t n = (size_t)net->layer_count, most = n * (2 + MAX_BUFFERS) + 1;
    span *block = dn_allocate(most * (sizeof(span) + 2 * sizeof(int)) + n * (sizeof(int) + 2));
    if (!block)
        return dn_out_of_memory(e, "the memory plan");
    int *const order = (int *)(block + most);
    *d = (draft){.net = net,
                 .purpose = purpose,
                 .stop = stop,
                 .spans = block,
                 .order = order,
                 .placed = order + most,
                 .first_write = order + 2 * most,
                 .runs = (bool *)(order + 2 * most + n),
                 .wanted = (bool *)(order + 2 * most + n) + n};
    trace_gradients(d);
    return DN_OK;
}

static void end_draft(draft *d)
{
    dn_free(d->spans);
}

/* Before which layer's own the backward pass of an update ends, by stopbackward=; -1: none. */
static int backward_stop(const dn_network *net, int64_t update)
{
    int stop = -1;
    for (int i = 0; i < net->layer_count; i++) {
        const int until = net->layers[i].stopbackward;
        if (until == 1 || (until > 1 && update <= until))
            stop = i;
    }
    return stop;
}

/* After every stopbackward=N: the longest backward pass, which needs the most memory. */
static int last_stop(const dn_network *net)
{
    return backward_stop(net, INT64_MAX);
}

dn_status dn_plan_bytes(dn_network *net, dn_purpose purpose, int64_t *bytes, dn_error *e)
{
    draft d;
    const dn_status status = begin_draft(&d, net, purpose, last_stop(net), e);
    if (status != DN_OK)
        return status;
    list_spans(&d);
    *bytes = (int64_t)place(&d);
    end_draft(&d);
    return DN_OK;
}

/* Does the delta of the layer behind edge j of layer i hold something when i hands it a gradient? */
static bool holds_gradient(const draft *d, int i, int j)
{
    const int *from = d->net->layers[i].from;
    if (from[j] < 0 || d->first_write[from[j]] < 0)
        return false;
    for (int k = 0; k < j; k++)
        if (from[k] == from[j])
            return true;
    return d->first_write[from[j]] < backward_moment(d, i);
}

/* Edges see what their sources own, or repeat; what wants no gradient is handed none. */
static void connect(const draft *d)
{
    dn_network *net = d->net;
    for (int i = 0; i < net->layer_count; i++) {
        layer *l = &net->layers[i];
        l->runs_backward = d->runs[i];
        if (net->purpose == DN_PLAN_INFER && l->repeats_input)
            l->output = net->layers[l->from[0]].output;
        for (int j = 0; j < l->inputs; j++) {
            const layer *source = l->from[j] >= 0 ? &net->layers[l->from[j]] : NULL;
            l->input[j] = source ? source->output : NULL;
            l->input_delta[j] = source && d->wanted[source->index] ? source->delta : NULL;
            l->adds[j] = holds_gradient(d, i, j);
        }
    }
}

dn_status dn_plan_flow(dn_network *net, int64_t update, dn_error *e)
{
    const int stop = backward_stop(net, update);
    if (stop == net->stop)
        return DN_OK;
    draft d;
    const dn_status status = begin_draft(&d, net, net->purpose, stop, e);
    if (status != DN_OK)
        return status;
    net->stop = stop;
    connect(&d);
    end_draft(&d);
    return DN_OK;
}

dn_status dn_plan_apply(dn_network *net, dn_error *e)
{
    draft d;
    const dn_status status = begin_draft(&d, net, net->purpose, last_stop(net), e);
    if (status != DN_OK)
        return status;
    list_spans(&d);
    const size_t bytes = place(&d);
    dn_memory *memory = dn_memory_create(net->backend->memory, bytes);
    if (!memory) {
        end_draft(&d);
        return dn_fail(
            e, DN_NO_MEMORY,
            "%s: no memory for %.1f MiB of activations: a smaller batch, more subdivisions or a "
            "smaller input would need less",
            net->source, (double)bytes / (1 << 20));
    }
    for (int i = 0; i < net->layer_count; i++) {
        layer *l = &net->layers[i];
        l->output = l->delta = NULL;
        for (int b = 0; b < l->buffer_count; b++)
            l->buffers[b].data = NULL;
    }
    char *base = dn_memory_data(memory);
    for (int i = 0; i < d.count; i++)
        *d.spans[i].pointer = base + d.spans[i].offset;
    dn_memory_release(net->activations);
    net->activations = memory;
    net->stop = d.stop;
    connect(&d);
    end_draft(&d);
    return DN_OK;
}

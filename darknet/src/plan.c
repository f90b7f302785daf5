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
    bool *runs;       /* layer's backward is called */
    bool *wanted;     /* a delta of the layer is worth computing */
    bool sets_flow;   /* tell the layers: runs_backward, adds[] */
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

/* Who runs backward, which deltas exist, and who of a delta's writers comes first and
 * overwrites. */
static void trace_gradients(draft *d)
{
    dn_network *net = d->net;
    const bool keep = d->purpose == DN_PLAN_KEEP;
    for (int i = 0; i < net->layer_count; i++) {
        const layer *l = &net->layers[i];
        bool learns = l->param_count > 0 || keep; /* it, or something before it, has parameters */
        for (int j = 0; j < l->inputs; j++)
            learns |= l->from[j] >= 0 && d->wanted[l->from[j]];
        d->wanted[i] = learns && !l->type->transparent && (i > net->stop || keep);
    }
    for (int i = 0; i < net->layer_count; i++) {
        d->first_write[i] = net->layers[i].type->loss ? i : -1;
        d->runs[i] = false;
    }
    for (int i = net->layer_count - 1; i >= 0; i--) {
        layer *l = &net->layers[i];
        d->wanted[i] |= l->type->loss;
        d->runs[i] = d->first_write[i] >= 0 && d->wanted[i] && i > net->stop && !l->onlyforward
                     && l->type->backward;
        if (d->sets_flow)
            l->runs_backward = d->runs[i];
        for (int j = 0; j < l->inputs; j++) {
            const int from = l->from[j];
            if (d->sets_flow)
                l->adds[j] = from >= 0 && d->first_write[from] >= 0;
            if (from >= 0 && d->runs[i] && d->wanted[from] && d->first_write[from] < 0)
                d->first_write[from] = backward_moment(d, i);
        }
    }
}

/* An inference network may be asked for its training plan. */
static bool is_within(const draft *d, int i)
{
    return d->purpose == DN_PLAN_INFER && d->net->layers[i].within;
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
            const int moment = is_within(d, k) ? k + 1 : k; /* read in the next layer's pass */
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
        if (!l->type->transparent && !is_within(d, i) && !is_repeated(d, i))
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
    size_t workspace = 64;
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

/* Largest first, each at the lowest place where nothing needed at the same time lies. */
static size_t place(span *spans, int count, int *order)
{
    for (int i = 0; i < count; i++) {
        int j = i;
        for (; j > 0 && spans[order[j - 1]].bytes < spans[i].bytes; j--)
            order[j] = order[j - 1];
        order[j] = i;
    }
    size_t total = 0;
    for (int i = 0; i < count; i++) {
        span *s = &spans[order[i]];
        s->offset = 0;
        for (bool moved = true; moved;) {
            moved = false;
            for (int j = 0; j < i; j++) {
                const span *other = &spans[order[j]];
                const bool together = other->first <= s->last && s->first <= other->last;
                if (together && s->offset < other->offset + other->bytes
                    && other->offset < s->offset + s->bytes) {
                    s->offset = other->offset + other->bytes;
                    moved = true;
                }
            }
        }
        if (s->offset + s->bytes > total)
            total = s->offset + s->bytes;
    }
    return total;
}

/* Spans with their places; *spans is the caller's to free. */
static dn_status plan(dn_network *net, dn_purpose purpose, bool sets_flow, span **spans, int *count,
                      size_t *bytes, dn_error *e)
{
    const size_t n = (size_t)net->layer_count, most = n * (2 + MAX_BUFFERS) + 1;
    span *list = dn_allocate(most * sizeof *list);
    int *order = dn_allocate(most * sizeof *order);
    bool *flags = dn_allocate(2 * n * sizeof *flags + 1);
    int *moments = dn_allocate(n * sizeof *moments + 1);
    if (!list || !order || !flags || !moments) {
        dn_free(list);
        list = NULL;
    } else {
        draft d = {.net = net,
                   .purpose = purpose,
                   .sets_flow = sets_flow,
                   .spans = list,
                   .runs = flags,
                   .wanted = flags + n,
                   .first_write = moments};
        trace_gradients(&d);
        list_spans(&d);
        *bytes = place(list, d.count, order);
        *count = d.count;
    }
    dn_free(order);
    dn_free(flags);
    dn_free(moments);
    *spans = list;
    return list ? DN_OK : dn_out_of_memory(e, "the memory plan");
}

dn_status dn_plan_bytes(dn_network *net, dn_purpose purpose, int64_t *bytes, dn_error *e)
{
    span *spans;
    int count;
    size_t total;
    const dn_status status = plan(net, purpose, false, &spans, &count, &total, e);
    if (status == DN_OK) {
        *bytes = (int64_t)total;
        dn_free(spans);
    }
    return status;
}

/* Edges see what their sources own, or repeat. */
static void connect(dn_network *net)
{
    for (int i = 0; i < net->layer_count; i++) {
        layer *l = &net->layers[i];
        if (net->purpose == DN_PLAN_INFER && l->repeats_input)
            l->output = net->layers[l->from[0]].output;
        for (int j = 0; j < l->inputs; j++) {
            const layer *source = l->from[j] >= 0 ? &net->layers[l->from[j]] : NULL;
            l->input[j] = source ? source->output : NULL;
            l->input_delta[j] = source ? source->delta : NULL;
        }
    }
}

dn_status dn_plan_apply(dn_network *net, dn_error *e)
{
    span *spans;
    int count;
    size_t bytes;
    const dn_status status = plan(net, net->purpose, true, &spans, &count, &bytes, e);
    if (status != DN_OK)
        return status;
    dn_memory *memory = dn_memory_create(bytes);
    if (!memory) {
        dn_free(spans);
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
    for (int i = 0; i < count; i++)
        *spans[i].pointer = base + spans[i].offset;
    dn_free(spans);
    dn_memory_release(net->activations);
    net->activations = memory;
    connect(net);
    return DN_OK;
}

/* Sections -> a graph of layers; see pass.c for what runs on it. */
#include "network.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "init.h"
#include "platform.h"
#include "random.h"
#include "views.h"

enum { MOST_UPDATES = 1 << 30 };

static const key common_keys[] = {
    KEY_FLOAT(layer, learning_rate, 1, 0, 1e6, "factor on the network's learning rate"),
    KEY_INT(layer, stopbackward, 0, 0, MOST_UPDATES,
            "1: the backward pass ends before this layer's own; above 1: it does during the first "
            "so many updates"),
    KEY_INT(layer, onlyforward, 0, 0, 1, "1: this layer hands no gradient back"),
    KEY_INT(layer, dontload, 0, 0, 1, "1: its weights are not in the file that is loaded"),
    KEY_INT(layer, dontloadscales, 0, 0, 1, "1: its batch norm is not in the file that is loaded"),
    KEY_INT(layer, dontsave, 0, 0, 1, "1: its weights are not saved"),
    KEY_INT(layer, numload, 0, 0, 1 << 24, "filters in the file that is loaded; 0: all"),
    KEY_IGNORED("truth", "accepted, and without effect: truths go to every loss layer"),
    KEY_IGNORED("show_receptive_field", "of the screen; accepted, and without effect"),
    KEY_FOREIGN("dont_update", "0", "learning_rate=0 in a layer does that"),
    KEY_FOREIGN("burnin_update", "0", "the rate rises for all layers alike"),
    KEY_FOREIGN("train_only_bn", "0", "a layer's parameters are trained together"),
    KEY_FOREIGN("clip", "0", "[net] clip= is that of all layers"),
    KEY_END};

const key *dn_common_keys(void)
{
    return common_keys;
}

/* Keeps a warning about a key that is ignored. Without memory for it the warning is lost, not the
 * run. */
static void warn_ignored(void *context, const cfg_section *section, const cfg_option *option,
                         const cfg_option *first, const char *nearest, const key *choice)
{
    dn_network *net = context;
    enum { LONGEST = 400 };
    char *line = dn_allocate(LONGEST);
    char **grown = dn_allocate((size_t)(net->warning_count + 1) * sizeof *grown);
    if (!line || !grown) {
        dn_free(line);
        dn_free(grown);
        return;
    }
    if (first)
        snprintf(line, LONGEST,
                 "%s:%d: [%s] second key '%.60s' is ignored; the first, in line %d, counts",
                 net->source, option->line, section->name, option->key, first->line);
    else if (choice)
        snprintf(line, LONGEST, "%s:%d: [%s] %s=%.60s is not known here and is ignored: %s is taken",
                 net->source, option->line, section->name, option->key, option->value,
                 choice->text);
    else
        snprintf(
            line, LONGEST,
            nearest ? "%s:%d: [%s] unknown key '%.60s' is ignored; the nearest known one is '%s'"
                    : "%s:%d: [%s] unknown key '%.60s' is ignored",
            net->source, option->line, section->name, option->key, nearest);
    if (net->warning_count)
        memcpy(grown, net->warnings, (size_t)net->warning_count * sizeof *grown);
    dn_free(net->warnings);
    net->warnings = grown;
    net->warnings[net->warning_count++] = line;
}

static dn_status read_settings(dn_network *net, dn_error *e)
{
    const cfg_section *first = &net->text.sections[0];
    if (strcmp(first->name, "net") && strcmp(first->name, "network"))
        return dn_fail(e, DN_BAD_CFG, "%s:%d: [%s] comes first, but a cfg starts with [net]",
                       net->source, first->line, first->name);
    const key *const tables[] = {settings_keys, NULL};
    void *const states[] = {&net->set};
    const dn_status status = dn_keys_read(&net->text, first, net->source, tables, states,
                                          warn_ignored, net, e);
    if (status != DN_OK)
        return status;
    const settings *s = &net->set;
    if (s->batch % s->subdivisions)
        return dn_fail(e, DN_BAD_CFG, "%s:%d: [net] batch=%d must be a multiple of subdivisions=%d",
                       net->source, first->line, s->batch, s->subdivisions);
    if (s->ema_alpha > 0 && !s->max_batches)
        return dn_fail(e, DN_BAD_CFG,
                       "%s:%d: [net] ema_alpha= needs max_batches=: weights are averaged from half "
                       "of it on",
                       net->source, first->line);
    if (s->inputs && !s->width && !s->height && !s->channels) {
        net->in = (dims){s->inputs, 1, 1};
        return DN_OK;
    }
    const struct {
        const char *name;
        int value;
    } sizes[] = {{"width", s->width}, {"height", s->height}, {"channels", s->channels}};
    for (int i = 0; i < 3; i++)
        if (sizes[i].value < 1)
            return dn_fail(e, DN_BAD_CFG, "%s:%d: [net] needs %s=, 1 or more", net->source,
                           first->line, sizes[i].name);
    net->in = (dims){s->channels, s->height, s->width};
    if (s->inputs && s->inputs != dims_count(net->in))
        return dn_fail(e, DN_BAD_CFG,
                       "%s:%d: [net] inputs=%d, but width*height*channels=%lld",
                       net->source, first->line, s->inputs, (long long)dims_count(net->in));
    if (dims_count(net->in) > INT32_MAX)
        return dn_fail(e, DN_BAD_CFG,
                       "%s:%d: [net] has an input of %dx%dx%d (c, h, w), %lld values an image: "
                       "there may be 2^31 - 1",
                       net->source, first->line, s->channels, s->height, s->width,
                       (long long)dims_count(net->in));
    return DN_OK;
}

/* The edges' arrays, one block a layer. */
static dn_status allocate_edges(layer *l, int inputs, const int *from, dn_error *e)
{
    const size_t n = (size_t)inputs;
    const size_t each = sizeof(layer *) + sizeof(float *) * 2 + sizeof(dims) + sizeof(int)
                        + sizeof(bool);
    char *block = dn_allocate(n * each + 1);
    if (!block)
        return dn_out_of_memory(e, "a layer's inputs");
    l->inputs = inputs;
    l->sources = (void *)block;
    l->input = (void *)(block += n * sizeof *l->sources);
    l->input_delta = (void *)(block += n * sizeof *l->input);
    l->in = (void *)(block += n * sizeof *l->input_delta);
    l->from = (void *)(block += n * sizeof *l->in);
    l->adds = (void *)(block + n * sizeof *l->from);
    memcpy(l->from, from, n * sizeof *from);
    return DN_OK;
}

enum { MOST_INPUTS = 1024 };

static dn_status find_inputs(dn_network *net, layer *l, dn_error *e)
{
    int room[MOST_INPUTS] = {l->index - 1};
    int_list from = {1, room};
    const dn_status status = l->type->edges ? l->type->edges(l, &from, e) : DN_OK;
    if (status != DN_OK)
        return status;
    if (from.n < 1)
        return dn_layer_error(l, e, "needs at least one input");
    for (int j = 0; j < from.n; j++) {
        if (from.v[j] >= l->index || from.v[j] < -1)
            return dn_layer_error(l, e, "reads layer %d, but only layers 0 to %d come before it",
                                  from.v[j], l->index - 1);
        if (from.v[j] >= 0 && net->layers[from.v[j]].type->transparent)
            return dn_layer_error(l, e, "reads layer %d, a [%s], which has no output", from.v[j],
                                  net->layers[from.v[j]].type->name);
    }
    const dn_status allocated = allocate_edges(l, from.n, from.v, e);
    if (allocated != DN_OK)
        return allocated;
    for (int j = 0; j < l->inputs; j++)
        l->sources[j] = l->from[j] >= 0 ? &net->layers[l->from[j]] : NULL;
    return DN_OK;
}

static dn_status create_layer(dn_network *net, const cfg_section *section, dn_error *e)
{
    const layer_type *type = dn_layer_type(section->name);
    if (!type && dn_foreign_layer(section->name))
        return dn_fail(e, DN_BAD_CFG, "%s:%d: [%s]: %s", net->source, section->line, section->name,
                       dn_foreign_layer(section->name));
    if (!type) {
        char known[600] = "";
        for (int i = 0; layer_types[i]; i++) {
            strncat(known, i ? ", " : "", sizeof known - strlen(known) - 1);
            strncat(known, layer_types[i]->name, sizeof known - strlen(known) - 1);
        }
        return dn_fail(e, DN_BAD_CFG, "%s:%d: [%.40s] is no layer type; there are %s", net->source,
                       section->line, section->name, known);
    }
    layer *l = &net->layers[net->layer_count];
    *l = (layer){.type = type,
                 .source = net->source,
                 .index = net->layer_count,
                 .line = section->line,
                 .batch = net->batch,
                 .reads_input = type->reads_input,
                 .reads_output = type->reads_output,
                 .fresh = true};
    l->state = dn_allocate(type->state_size + 1);
    if (!l->state)
        return dn_out_of_memory(e, "a layer");
    net->layer_count++;
    const key *const tables[] = {common_keys, type->keys, NULL};
    void *const states[] = {l, l->state};
    const dn_status status = dn_keys_read(&net->text, section, net->source, tables, states,
                                          warn_ignored, net, e);
    return status == DN_OK ? find_inputs(net, l, e) : status;
}

static bool is_read_once(const dn_network *net, int i)
{
    int readers = 0;
    for (int k = i + 1; k < net->layer_count; k++)
        for (int j = 0; j < net->layers[k].inputs; j++)
            readers += net->layers[k].from[j] == i;
    return readers == 1;
}

static bool fuse_before(const dn_network *net, int i)
{
    layer *l = &net->layers[i], *before = l - 1;
    if (i == 0 || !l->type->fuses || l->inputs != 1 || l->from[0] != i - 1 || !is_read_once(net, i - 1)
        || !l->type->fuses(l, before, net->backend))
        return false;
    l->before = before;
    before->fused = true;
    return true;
}

/* Layers that only the next one reads may be taken into its pass, those before them too. */
static void fuse_layers(dn_network *net)
{
    for (int i = 0; i < net->layer_count; i++) {
        net->layers[i].before = NULL;
        net->layers[i].fused = false;
    }
    for (int i = 0; i < net->layer_count; i++) {
        int first = i;
        while (!net->layers[first].before && fuse_before(net, first))
            first--;
    }
}

static dn_status shape_layers(dn_network *net, dn_error *e)
{
    for (int i = 0; i < net->layer_count; i++) {
        layer *l = &net->layers[i];
        l->net = net->in;
        l->buffer_count = 0;
        for (int j = 0; j < l->inputs; j++)
            l->in[j] = l->from[j] >= 0 ? net->layers[l->from[j]].out : net->in;
        const dn_status status = l->type->shape(l, e);
        if (status != DN_OK)
            return status;
        const int64_t count = dims_count(l->out);
        if (!l->type->transparent && (l->out.c < 1 || l->out.h < 1 || l->out.w < 1))
            return dn_layer_error(
                l, e,
                "has an output of %dx%dx%d (c, h, w) from an input of %dx%dx%d: a larger input, a "
                "smaller size or stride, or more padding would fit",
                l->out.c, l->out.h, l->out.w, l->in[0].c, l->in[0].h, l->in[0].w);
        if (count > INT32_MAX)
            return dn_layer_error(l, e, "has an output of %lld values an image, more than 2^31",
                                  (long long)count);
    }
    if (net->purpose == DN_PLAN_INFER)
        fuse_layers(net);
    return DN_OK;
}

static void list_layers(dn_network *net)
{
    net->output_layer = -1;
    for (int i = 0; i < net->layer_count; i++) {
        const layer_type *type = net->layers[i].type;
        if (!type->transparent && strcmp(type->name, "cost"))
            net->output_layer = i;
    }
}

static dn_status check_graph(const dn_network *net, dn_error *e)
{
    const layer *mining = NULL;
    for (int i = 0; i < net->layer_count; i++) {
        const layer *l = &net->layers[i];
        if (!l->type->transparent)
            continue;
        if (mining)
            return dn_layer_error(
                l, e,
                "is the second of its kind: there may be one, with all its loss layers in layers= "
                "(the first stands in line %d)",
                mining->line);
        mining = l;
    }
    if (net->output_layer < 0)
        return dn_fail(e, DN_BAD_CFG, "%s:%d: no layer has an output", net->source,
                       net->text.sections[0].line);
    return DN_OK;
}

dn_status dn_check_memory(const dn_network *net, dn_error *e)
{
    return net->outline ? dn_fail(e, DN_BAD_ARGUMENT,
                                  "%s: this network is an outline: it has no parameters and no maps",
                                  net->source)
                        : DN_OK;
}

static bool keeps_former(const dn_network *net)
{
    return net->set.clip_norm > 0 && !net->set.adam;
}

int dn_param_arrays(const dn_network *net, dn_purpose purpose, param *p,
                    param_array arrays[MAX_PARAM_ARRAYS])
{
    int count = 0;
    arrays[count++] = (param_array){"", &p->value};
    if (!p->trained || purpose == DN_PLAN_INFER)
        return count;
    arrays[count++] = (param_array){"grad ", &p->grad};
    if (net->set.adam) {
        arrays[count++] = (param_array){"m ", &p->m};
        arrays[count++] = (param_array){"v ", &p->v};
    } else if (keeps_former(net)) {
        arrays[count++] = (param_array){"former ", &p->former};
    }
    if (net->set.ema_alpha > 0)
        arrays[count++] = (param_array){"average ", &p->average};
    return count;
}

int64_t dn_apart_floats(const dn_network *net, dn_purpose purpose)
{
    int64_t largest = 0;
    for (int i = 0; i < net->layer_count; i++) {
        int64_t own = 0;
        for (int k = 0; k < net->layers[i].param_count; k++)
            if (net->layers[i].params[k].trained)
                own += padded(net->layers[i].params[k].count);
        largest = own > largest ? own : largest;
    }
    return net->subdivisions > 1 && purpose != DN_PLAN_INFER ? largest : 0;
}

/* All values, then all gradients, and so on: each kind is one array, which starts at next[kind]. */
static void place_params(dn_network *net, float *next)
{
    param_array arrays[MAX_PARAM_ARRAYS];
    for (int kind = 0; kind < MAX_PARAM_ARRAYS; kind++) {
        float *const first = next;
        for (int i = 0; i < net->layer_count; i++)
            for (int k = 0; k < net->layers[i].param_count; k++) {
                param *p = &net->layers[i].params[k];
                if (dn_param_arrays(net, net->purpose, p, arrays) <= kind)
                    continue;
                *arrays[kind].data = next;
                next += padded(p->count);
            }
        if (kind == GRADIENTS) {
            net->gradients = first;
            net->gradient_count = next - first;
        }
        if (kind == FORMER && keeps_former(net))
            net->former = first;
    }
    net->apart = dn_apart_floats(net, net->purpose) ? next : NULL;
}

static dn_status allocate_params(dn_network *net, dn_error *e)
{
    param_array arrays[MAX_PARAM_ARRAYS];
    int64_t total = dn_apart_floats(net, net->purpose);
    double bytes = (double)total * (double)sizeof(float); /* as a number that cannot overflow */
    for (int i = 0; i < net->layer_count; i++)
        for (int k = 0; k < net->layers[i].param_count; k++) {
            param *p = &net->layers[i].params[k];
            const int times = dn_param_arrays(net, net->purpose, p, arrays);
            bytes += (double)p->count * times * (double)sizeof(float);
            if (bytes < 1e18)
                total += padded(p->count) * times;
        }
    if (bytes < 1e18)
        net->params = dn_memory_create(net->backend->memory, (size_t)total * sizeof(float));
    if (!net->params)
        return dn_fail(e, DN_NO_MEMORY,
                       "%s: no memory for %.1f MiB of parameters: fewer filters or outputs would "
                       "need less",
                       net->source, bytes / (1 << 20));
    place_params(net, dn_memory_data(net->params));
    return DN_OK;
}

static dn_status build(dn_network *net, const char *text, const dn_options *o, dn_error *e)
{
    dn_status status = dn_cfg_parse(text, net->source, &net->text, e);
    if (status == DN_OK)
        status = read_settings(net, e);
    if (status == DN_OK && net->text.count < 2)
        status = dn_fail(e, DN_BAD_CFG,
                         "%s:%d: [net] stands alone: a section for each layer must follow it",
                         net->source, net->text.sections[0].line);
    if (status != DN_OK)
        return status;
    net->subdivisions = o->batch > 0 ? 1 : net->set.subdivisions;
    net->batch = o->batch > 0 ? o->batch : net->set.batch / net->set.subdivisions;
    net->layers = dn_allocate((size_t)net->text.count * sizeof *net->layers);
    if (!net->layers)
        return dn_out_of_memory(e, "the layers");
    for (int i = 1; i < net->text.count && status == DN_OK; i++)
        status = create_layer(net, &net->text.sections[i], e);
    if (status == DN_OK)
        list_layers(net);
    if (status == DN_OK)
        status = check_graph(net, e);
    if (status == DN_OK)
        status = shape_layers(net, e);
    if (status == DN_OK && !net->outline)
        status = allocate_params(net, e);
    if (status != DN_OK || net->outline)
        return status;
    status = dn_init_params(net, o->loads, e);
    if (status == DN_OK)
        status = dn_plan_apply(net, e);
    return status == DN_OK ? dn_fold(net, e) : status;
}

dn_status dn_network_create(const char *text, const dn_options *options, dn_network **out,
                            dn_error *e)
{
    static const dn_options defaults = {.purpose = DN_PLAN_TRAIN};
    if (out)
        *out = NULL;
    if (!text || !out)
        return dn_fail(e, DN_BAD_ARGUMENT, "a network needs a cfg and a place to put it, not NULL");
    if (!options)
        options = &defaults;
    if (options->purpose != DN_PLAN_TRAIN && options->purpose != DN_PLAN_INFER
        && options->purpose != DN_PLAN_KEEP)
        return dn_fail(e, DN_BAD_ARGUMENT, "purpose %d: there are train, infer and keep",
                       (int)options->purpose);
    if (options->batch < 0 || options->batch > 65536)
        return dn_fail(e, DN_BAD_ARGUMENT, "batch %d: must be 1 to 65536; 0: as the cfg says",
                       options->batch);
    if (options->threads < 0 || options->threads > 1024)
        return dn_fail(e, DN_BAD_ARGUMENT,
                       "threads %d: must be 1 to 1024; 0: as many as there are processors",
                       options->threads);
    const backend *backend = dn_backend(options->kernels, e);
    if (!backend)
        return e ? e->status : DN_BAD_ARGUMENT;
    dn_start_process();
    const char *source = options->source ? options->source : "cfg";
    dn_network *net = dn_allocate(sizeof *net);
    char *name = dn_allocate(strlen(source) + 1);
    if (!net || !name) {
        dn_free(net);
        dn_free(name);
        return dn_out_of_memory(e, "a network");
    }
    memcpy(name, source, strlen(source) + 1);
    net->source = name;
    net->backend = backend;
    net->purpose = options->purpose;
    net->outline = options->outline;
    net->threads = dn_usable_threads(options->threads ? options->threads : dn_processors());
    net->seed = options->seed;
    net->rate_factor = 1;
    net->gradient_norm = -1;
    const dn_status status = build(net, text, options, e);
    if (status == DN_OK)
        *out = net;
    else
        dn_network_destroy(net);
    return status;
}

void dn_network_destroy(dn_network *net)
{
    if (!net)
        return;
    for (int i = 0; i < net->layer_count; i++) {
        if (net->layers[i].type->release)
            net->layers[i].type->release(&net->layers[i]);
        dn_free(net->layers[i].state);
        dn_free(net->layers[i].sources);
        dn_free(net->layers[i].packed);
    }
    dn_free(net->layers);
    dn_free(net->times);
    for (int i = 0; i < net->warning_count; i++)
        dn_free(net->warnings[i]);
    dn_free(net->warnings);
    dn_views_release(net);
    dn_memory_release(net->params);
    dn_memory_release(net->activations);
    dn_memory_release(net->staged);
    dn_memory_release(net->gradient);
    dn_cfg_free(&net->text);
    dn_free(net->source);
    dn_free(net);
}

dn_status dn_network_resize(dn_network *net, int width, int height, dn_error *e)
{
    if (width < 1 || height < 1 || width > 65536 || height > 65536)
        return dn_fail(e, DN_BAD_ARGUMENT, "a network cannot be resized to %dx%d", width, height);
    if (dims_count((dims){net->in.c, height, width}) > INT32_MAX)
        return dn_fail(e, DN_BAD_ARGUMENT,
                       "%s: cannot be resized to %dx%d: an image would have more than 2^31 - 1 "
                       "values",
                       net->source, width, height);
    const size_t bytes = (size_t)net->layer_count * sizeof *net->layers;
    layer *before = dn_allocate(bytes);
    if (!before)
        return dn_out_of_memory(e, "resizing");
    memcpy(before, net->layers, bytes);
    const dims in = net->in;
    net->in = (dims){in.c, height, width};
    dn_status status = shape_layers(net, e);
    if (status == DN_OK && !net->outline)
        status = dn_plan_apply(net, e);
    if (status == DN_OK) {
        net->images = 0;
        net->trained_pass = false;
    } else {
        net->in = in;
        /* what fitted before fits again: in[] and the types' own numbers */
        shape_layers(net, NULL);
        memcpy(net->layers, before, bytes);
    }
    dn_free(before);
    return status;
}

/* Questions about a network: its shapes, options, arrays and keys. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "detector.h"
#include "init.h"
#include "keys.h"
#include "network.h"
#include "version.h"
#include "views.h"

const key *dn_common_keys(void);

void dn_network_describe(const dn_network *net, dn_network_info *info)
{
    *info = (dn_network_info){.layers = net->layer_count,
                              .batch = net->batch,
                              .subdivisions = net->subdivisions,
                              .channels = net->in.c,
                              .height = net->in.h,
                              .width = net->in.w,
                              .output_layer = net->output_layer,
                              .warnings = net->warning_count,
                              .threads = net->threads};
    info->kernels = net->backend->kernels();
    for (int i = 0; i < net->layer_count; i++) {
        const layer *l = &net->layers[i];
        double most = 0;
        if (l->detector) {
            info->classes = l->detector->classes;
            if (dn_option_number(net, i, "max", 0, &most, NULL) == DN_OK && most > info->max_truths)
                info->max_truths = (int)most;
        } else if (l->type->loss) {
            const dims in = l->in[0];
            info->truths = (int)dims_count(in);
        }
    }
    if (!info->classes && net->output_layer >= 0)
        info->classes = (int)dims_count(net->layers[net->output_layer].out);
    if (info->max_truths)
        info->truths = 0;
}

const char *dn_network_warning(const dn_network *net, int index)
{
    return index >= 0 && index < net->warning_count ? net->warnings[index] : NULL;
}

dn_status dn_network_bytes(const dn_network *net, dn_purpose purpose, dn_bytes *bytes, dn_error *e)
{
    param_array arrays[MAX_PARAM_ARRAYS];
    bytes->parameters = dn_apart_floats(net, purpose) * (int64_t)sizeof(float);
    for (int i = 0; i < net->layer_count; i++) {
        for (int k = 0; k < net->layers[i].param_count; k++) {
            param *p = &net->layers[i].params[k];
            bytes->parameters += p->count * (int64_t)sizeof(float)
                                 * dn_param_arrays(net, purpose, p, arrays);
        }
        if (purpose == DN_PLAN_INFER && net->layers[i].type->packed_bytes)
            bytes->parameters += (int64_t)net->layers[i].type->packed_bytes(&net->layers[i],
                                                                            net->backend);
    }
    return dn_plan_bytes((dn_network *)net, purpose, &bytes->activations, e);
}

int64_t dn_seen(const dn_network *net)
{
    return net->seen;
}

void dn_set_seen(dn_network *net, int64_t seen)
{
    net->seen = seen;
}

int64_t dn_updates(const dn_network *net)
{
    return net->updates;
}

void dn_set_updates(dn_network *net, int64_t updates)
{
    net->updates = updates;
}

double dn_rate_factor(const dn_network *net)
{
    return net->rate_factor;
}

void dn_set_rate_factor(dn_network *net, double factor)
{
    net->rate_factor = factor;
}

double dn_gradient_norm(const dn_network *net)
{
    return net->gradient_norm;
}

double dn_rate_at(const dn_network *net, int64_t update)
{
    return net->rate_factor * dn_schedule_rate(&net->set, net->seed, update);
}

static dn_status bad_layer(const dn_network *net, int index, dn_error *e)
{
    return dn_fail(e, DN_BAD_ARGUMENT, "%s: layer %d: there are 0 to %d", net->source, index,
                   net->layer_count - 1);
}

static bool is_layer(const dn_network *net, int index)
{
    return index >= 0 && index < net->layer_count;
}

/* The key and the struct that holds its value. */
static dn_status find_key(const dn_network *net, int index, const char *name, const key **found,
                          const void **state, dn_error *e)
{
    if (index != -1 && !is_layer(net, index))
        return bad_layer(net, index, e);
    const layer *l = index < 0 ? NULL : &net->layers[index];
    const key *const tables[] = {l ? l->type->keys : settings_keys, l ? dn_common_keys() : NULL};
    const void *const states[] = {l ? l->state : (const void *)&net->set, l};
    for (int t = 0; t < 2; t++)
        for (const key *k = tables[t]; k && k->name; k++)
            if (!strcmp(k->name, name) && k->offset != KEY_NO_FIELD) {
                *found = k;
                *state = (const char *)states[t] + k->offset;
                return DN_OK;
            }
    return dn_fail(e, DN_BAD_ARGUMENT, "[%s] has no key '%.60s'", l ? l->type->name : "net", name);
}

dn_status dn_option_number(const dn_network *net, int layer, const char *name, int index,
                           double *value, dn_error *e)
{
    const key *k;
    const void *field;
    const dn_status status = find_key(net, layer, name, &k, &field, e);
    if (status != DN_OK)
        return status;
    int count = 1;
    if (k->kind == KEY_IS_INTS)
        count = ((const int_list *)field)->n;
    else if (k->kind == KEY_IS_FLOATS)
        count = ((const float_list *)field)->n;
    if (index < 0 || index >= count)
        return dn_fail(e, DN_BAD_ARGUMENT, "'%s' has no value %d", name, index);
    switch (k->kind) {
    case KEY_IS_INT:
    case KEY_IS_CHOICE:
        *value = *(const int *)field;
        return DN_OK;
    case KEY_IS_FLOAT:
        *value = *(const float *)field;
        return DN_OK;
    case KEY_IS_DOUBLE:
        *value = *(const double *)field;
        return DN_OK;
    case KEY_IS_INTS:
        *value = ((const int_list *)field)->v[index];
        return DN_OK;
    case KEY_IS_FLOATS:
        *value = ((const float_list *)field)->v[index];
        return DN_OK;
    case KEY_IS_TEXT:
    case KEY_IS_FOREIGN: /* without a field: not found */
        break;
    }
    return dn_fail(e, DN_BAD_ARGUMENT, "'%s' is a text, not a number", name);
}

dn_status dn_option_text(const dn_network *net, int layer, const char *name, const char **value,
                         dn_error *e)
{
    const key *k;
    const void *field;
    const dn_status status = find_key(net, layer, name, &k, &field, e);
    if (status != DN_OK)
        return status;
    if (k->kind == KEY_IS_CHOICE)
        *value = key_choice(k, *(const int *)field)->name;
    else if (k->kind == KEY_IS_TEXT)
        *value = *(const char *const *)field;
    else
        return dn_fail(e, DN_BAD_ARGUMENT, "'%s' is a number, not a text", name);
    return DN_OK;
}

dn_status dn_layer_describe(const dn_network *net, int index, dn_layer_info *info, dn_error *e)
{
    if (!is_layer(net, index))
        return bad_layer(net, index, e);
    const layer *l = &net->layers[index];
    *info = (dn_layer_info){.type = l->type->name,
                            .line = l->line,
                            .channels = l->out.c,
                            .height = l->out.h,
                            .width = l->out.w,
                            .inputs = l->inputs,
                            .input = l->from,
                            .fused = l->fused,
                            .loss = l->type->loss,
                            .detector = l->detector != NULL,
                            .fresh = l->fresh,
                            .cost = l->cost};
    for (int k = 0; k < l->param_count; k++)
        info->parameters += l->params[k].count;
    if (l->type->multiply_adds)
        info->multiply_adds = l->type->multiply_adds(l);
    if (l->runs_backward && net->purpose != DN_PLAN_INFER)
        info->backward_multiply_adds = info->multiply_adds * (l->input_delta[0] ? 2 : 1);
    if (l->detector) {
        info->anchors = l->detector->anchors;
        info->classes = l->detector->classes;
        info->columns = l->detector->w;
        info->rows = l->detector->h;
    }
    return DN_OK;
}

/* Lets the caller look at an array of a block, and hold the memory that it looks at. */
static dn_status show(dn_network *net, dn_array *array, dn_memory *block, void *data, dn_error *e)
{
    static const size_t sizes[] = {sizeof(float), sizeof(int32_t), sizeof(int8_t), sizeof(bool)};
    array->count = 1;
    for (int r = 0; r < array->rank; r++)
        array->count *= array->shape[r];
    array->data = data;
    dn_memory *seen = dn_see(net, block, &array->data,
                             (size_t)array->count * sizes[array->type], array->writable, e);
    if (!seen)
        return e ? e->status : DN_NO_MEMORY;
    array->memory = dn_memory_hold(seen);
    return DN_OK;
}

dn_status dn_gradients(dn_network *net, dn_array *array, dn_error *e)
{
    if (dn_check_memory(net, e) != DN_OK)
        return DN_BAD_ARGUMENT;
    if (net->purpose == DN_PLAN_INFER)
        return dn_fail(e, DN_BAD_ARGUMENT,
                       "%s: this network was made for inference: it keeps no gradients",
                       net->source);
    if (dn_is_seen_in_parts(net, net->gradients, (size_t)net->gradient_count * sizeof(float)))
        return dn_fail(e, DN_BAD_ARGUMENT,
                       "%s: gradients as one array, while an array of some of them is held: on a "
                       "GPU they would not see each other's changes", net->source);
    *array = (dn_array){
        .rank = 1, .shape = {net->gradient_count}, .type = DN_FLOAT32, .writable = true};
    return show(net, array, net->params, net->gradients, e);
}

/* Array `index` of a layer's state, with its name; false past the last. */
static bool state_array(const dn_network *net, const layer *l, int index, char name[DN_NAME_ROOM],
                        const param **of, param_array *found)
{
    for (int k = 0; k < l->param_count; k++) {
        param_array arrays[MAX_PARAM_ARRAYS];
        param *p = (param *)&l->params[k];
        const int count = dn_param_arrays(net, net->purpose, p, arrays);
        if (index < count) {
            snprintf(name, DN_NAME_ROOM, "%s%s", arrays[index].prefix, p->name);
            *of = p;
            *found = arrays[index];
            return true;
        }
        index -= count;
    }
    return false;
}

bool dn_layer_state_name(const dn_network *net, int index, int which, char *name)
{
    const param *p;
    param_array found;
    return is_layer(net, index) && which >= 0
           && state_array(net, &net->layers[index], which, name, &p, &found);
}

static bool are_finite(const dn_network *net, const float *values, int64_t count)
{
    const pass p = {.backend = net->backend,
                    .threads = dn_usable_threads(net->threads),
                    .workspace = net->workspace};
    return isfinite(net->backend->squares(&p, values, NULL, count)); /* of floats: as doubles */
}

dn_status dn_find_not_finite(dn_network *net, bool values_only, int *layer, char *name, dn_error *e)
{
    if (dn_check_memory(net, e) != DN_OK)
        return DN_BAD_ARGUMENT;
    if (net->purpose == DN_PLAN_INFER)
        return dn_fail(e, DN_BAD_ARGUMENT,
                       "%s: this network was made for inference: nothing changes its parameters",
                       net->source);
    dn_views_send(net);
    const float *values = dn_memory_data(net->params); /* all of them come before the gradients */
    *layer = values_only && are_finite(net, values, net->gradients - values) ? -1 : 0;
    for (; *layer >= 0 && *layer < net->layer_count; ++*layer) {
        const param *p;
        param_array found;
        for (int i = 0; state_array(net, &net->layers[*layer], i, name, &p, &found); i++)
            if ((!values_only || *found.data == p->value) && !are_finite(net, *found.data, p->count))
                return dn_finish(net->backend, e);
    }
    *layer = -1;
    return dn_finish(net->backend, e);
}

dn_status dn_layer_set_fresh(dn_network *net, int index, bool fresh, dn_error *e)
{
    if (!is_layer(net, index))
        return bad_layer(net, index, e);
    net->layers[index].fresh = fresh;
    return DN_OK;
}

static dn_status find_param(dn_network *net, const layer *l, const char *name,
                            dn_array *array, dn_error *e)
{
    const param *p;
    if (net->purpose == DN_PLAN_INFER && !strncmp(name, "grad ", 5))
        return dn_fail(e, DN_BAD_ARGUMENT,
                       "%s: this network was made for inference: it keeps no gradients",
                       net->source);
    char own[DN_NAME_ROOM];
    param_array found;
    for (int i = 0; state_array(net, l, i, own, &p, &found); i++) {
        if (strcmp(own, name))
            continue;
        *array = (dn_array){
            .rank = p->rank, .type = DN_FLOAT32, .writable = net->purpose != DN_PLAN_INFER};
        memcpy(array->shape, p->shape, sizeof p->shape);
        return show(net, array, net->params, *found.data, e);
    }
    return dn_fail(e, DN_BAD_ARGUMENT, "layer %d ([%s]) has no array '%.60s'", l->index,
                   l->type->name, name);
}

static dn_status map_array(dn_network *net, const layer *l, const char *name, dn_array *array,
                           dn_error *e)
{
    const bool output = !strcmp(name, "output");
    const bool kept = net->purpose == DN_PLAN_KEEP || l->type->loss
                      || (output && l->index == net->output_layer);
    float *data = output ? l->output : l->delta;
    if (l->type->transparent)
        return dn_fail(e, DN_BAD_ARGUMENT, "layer %d ([%s]) has no %s", l->index, l->type->name,
                       name);
    if (!data && !output && net->purpose == DN_PLAN_INFER)
        return dn_fail(e, DN_BAD_ARGUMENT,
                       "%s: this network was made for inference: it has no deltas", net->source);
    if (!kept || !data)
        return dn_fail(
            e, DN_BAD_ARGUMENT,
            "the %s of layer %d ([%s]) is not kept after a pass: make the network with keep=True",
            name, l->index, l->type->name);
    *array = (dn_array){.rank = 4,
                        .shape = {net->batch, l->out.c, l->out.h, l->out.w},
                        .type = DN_FLOAT32,
                        .writable = true};
    return show(net, array, net->activations, data, e);
}

dn_status dn_layer_array(dn_network *net, int index, const char *name, dn_array *array, dn_error *e)
{
    if (!is_layer(net, index))
        return bad_layer(net, index, e);
    if (dn_check_memory(net, e) != DN_OK)
        return DN_BAD_ARGUMENT;
    const layer *l = &net->layers[index];
    if (!strcmp(name, "output") || !strcmp(name, "delta"))
        return map_array(net, l, name, array, e);
    for (int i = 0; i < l->buffer_count; i++) {
        const buffer *b = &l->buffers[i];
        if (strcmp(b->name, name) || b->life != LIVES_ON)
            continue;
        if (!b->data)
            return dn_fail(e, DN_BAD_ARGUMENT,
                           "%s: this network was made for inference: it has no '%s'", net->source,
                           name);
        *array = (dn_array){
            .rank = b->rank + 1, .shape = {net->batch}, .type = b->type, .writable = true};
        memcpy(array->shape + 1, b->shape, sizeof b->shape);
        return show(net, array, net->activations, b->data, e);
    }
    return find_param(net, l, name, array, e);
}

const char *dn_layer_array_name(const dn_network *net, int index, int which)
{
    if (!is_layer(net, index) || which < 0)
        return NULL;
    const layer *l = &net->layers[index];
    if (which < l->param_count)
        return l->params[which].name;
    for (int i = 0; i < l->buffer_count; i++)
        if (l->buffers[i].life == LIVES_ON && which-- == l->param_count)
            return l->buffers[i].name;
    return NULL;
}

dn_status dn_layer_stats(const dn_network *net, int index, dn_detector_stats *stats, dn_error *e)
{
    if (!is_layer(net, index))
        return bad_layer(net, index, e);
    if (!net->layers[index].detector)
        return dn_fail(e, DN_BAD_ARGUMENT, "layer %d ([%s]) is no detector", index,
                       net->layers[index].type->name);
    *stats = net->layers[index].stats;
    return DN_OK;
}

dn_status dn_layer_mining(const dn_network *net, int index, dn_mining_stats *stats, dn_error *e)
{
    if (!is_layer(net, index))
        return bad_layer(net, index, e);
    if (!net->layers[index].type->transparent)
        return dn_fail(e, DN_BAD_ARGUMENT, "layer %d ([%s]) is no [lrm]", index,
                       net->layers[index].type->name);
    *stats = net->layers[index].mining;
    return DN_OK;
}

/* The keys of a section; its name. NULL past the last section. */
static const key *section_keys(int section, const char **name)
{
    int types = 0;
    while (layer_types[types])
        types++;
    *name = section == 0                         ? "net"
            : section > 0 && section <= types    ? layer_types[section - 1]->name
            : section == types + 1               ? "any layer"
                                                 : NULL;
    return section == 0                      ? settings_keys
           : section > 0 && section <= types ? layer_types[section - 1]->keys
           : section == types + 1            ? dn_common_keys()
                                             : NULL;
}

/* NULL past the last key. */
static const key *key_of(int section, int index, const char **name)
{
    const key *k = section_keys(section, name);
    for (int i = 0; k && k->name && i < index; i++)
        k++;
    return k && k->name && index >= 0 ? k : NULL;
}

bool dn_key_at(int section, int index, dn_key *out)
{
    static const char *const types[] = {"int",  "float",  "text", "choice",
                                        "ints", "floats", "float", "refused"};
    const char *name;
    const key *k = key_of(section, index, &name);
    if (!name || index < 0)
        return false;
    *out = (dn_key){.section = name};
    if (!k)
        return true;
    out->name = k->name;
    out->type = k->kind == KEY_IS_TEXT && k->offset == KEY_NO_FIELD ? "ignored" : types[k->kind];
    out->doc = k->doc;
    out->fallback = k->fallback;
    out->least = k->least;
    out->most = k->most;
    out->fallback_text = k->text;
    return true;
}

bool dn_key_choice(int section, int index, int which, const char **name, const char **summary)
{
    const char *where;
    const key *k = key_of(section, index, &where);
    if (!k || k->kind != KEY_IS_CHOICE || which < 0)
        return false;
    for (int i = 0; i < which; i++)
        if (!key_choice(k, i)->name)
            return false;
    *name = key_choice(k, which)->name;
    *summary = key_choice(k, which)->summary;
    return *name != NULL;
}

const char *dn_version(void)
{
    return DN_VERSION;
}

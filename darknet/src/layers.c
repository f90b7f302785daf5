/* THE table of layer types, and what their shape() functions call. To add a layer: one file in
 * layers/, one row here, one test. */
#include "layer.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

extern const layer_type activation_layer, avgpool_layer, batchnorm_layer, connected_layer,
    convolutional_layer, cost_layer, crop_layer, deconvolutional_layer, detection_layer,
    dropout_layer, gaussian_yolo_layer, l2norm_layer, local_layer, logistic_layer, lrm_layer,
    maxpool_layer, normalization_layer, region_layer, reorg_layer, route_layer, sam_layer,
    scale_channels_layer, shortcut_layer, softmax_layer, upsample_layer, yolo_layer;

const layer_type *const layer_types[] = {&convolutional_layer,
                                         &maxpool_layer,
                                         &avgpool_layer,
                                         &connected_layer,
                                         &local_layer,
                                         &deconvolutional_layer,
                                         &batchnorm_layer,
                                         &normalization_layer,
                                         &activation_layer,
                                         &dropout_layer,
                                         &crop_layer,
                                         &route_layer,
                                         &reorg_layer,
                                         &shortcut_layer,
                                         &scale_channels_layer,
                                         &sam_layer,
                                         &upsample_layer,
                                         &l2norm_layer,
                                         &softmax_layer,
                                         &logistic_layer,
                                         &cost_layer,
                                         &region_layer,
                                         &yolo_layer,
                                         &gaussian_yolo_layer,
                                         &detection_layer,
                                         &lrm_layer,
                                         NULL};

/* Darknet's short section names. */
static const char *const aliases[][2] = {{"conv", "convolutional"}, {"max", "maxpool"},
                                         {"avg", "avgpool"},        {"conn", "connected"},
                                         {"soft", "softmax"},       {"deconv", "deconvolutional"},
                                         {"lrn", "normalization"},  {NULL, NULL}};

static const char RECURRENT[] = "recurrent layers are not part of this engine, which is for images";
static const char LEARNT[] = "learnt values without an input are not part of this engine: YOLOR's "
                             "files are for PyTorch alone";
static const char SECOND[] = "stands once, at the start: these seem to be two cfgs in one file";
static const char *const foreign[][2] = {
    {"net", SECOND},          {"network", SECOND},
    {"rnn", RECURRENT},       {"gru", RECURRENT},     {"lstm", RECURRENT},
    {"crnn", RECURRENT},      {"conv_lstm", RECURRENT}, {"history", RECURRENT},
    {"contrastive", "networks that compare images are not part of this engine"},
    {"iseg", "masks of objects are not part of this engine"},
    {"reorg3d", "the newer fork's own order of [reorg] is not part of this engine"},
    {"local_avgpool", "averages of windows are not part of this engine"},
    {"implicit", LEARNT},       {"implicit_add", LEARNT}, {"implicit_mul", LEARNT},
    {"implicit_cat", LEARNT},   {"shift_channels", LEARNT}, {"control_channels", LEARNT},
    {"alternate_channels", LEARNT},
    {NULL, NULL}};

const char *dn_foreign_layer(const char *section)
{
    for (int i = 0; foreign[i][0]; i++)
        if (!strcmp(section, foreign[i][0]))
            return foreign[i][1];
    return NULL;
}

const layer_type *dn_layer_type(const char *section)
{
    for (int i = 0; aliases[i][0]; i++)
        if (!strcmp(section, aliases[i][0]))
            section = aliases[i][1];
    for (int i = 0; layer_types[i]; i++)
        if (!strcmp(section, layer_types[i]->name))
            return layer_types[i];
    return NULL;
}

dn_status dn_two_edges(const layer *l, const int_list *others, int_list *from, dn_error *e)
{
    if (l->index == 0)
        return dn_layer_error(l, e, "is the first layer: there is none before it");
    if (others->n == 0)
        return dn_layer_error(l, e, "needs from=, the other layer");
    if (others->n > 1)
        return dn_layer_error(l, e, "from= names %d layers, but must name one",
                              others->n);
    const int named = others->v[0], other = named < 0 ? l->index + named : named;
    if (other < 0 || other >= l->index)
        return dn_layer_error(
            l, e, "from=%d: must name a layer before this one, from 0 to %d or from -1 to -%d",
            named, l->index - 1, l->index);
    from->n = 2;
    from->v[0] = l->index - 1;
    from->v[1] = other;
    return DN_OK;
}

int dn_add_param(layer *l, const char *name, bool trained, bool decays, int rank,
                 const int64_t *shape)
{
    param *p = &l->params[l->param_count];
    *p = (param){.name = name,
                 .rank = rank,
                 .count = 1,
                 .trained = trained,
                 .decays = decays,
                 .stored = true};
    for (int i = 0; i < rank; i++) {
        p->shape[i] = shape[i];
        p->count *= shape[i];
    }
    p->spread = sqrt(2.0 / ((double)p->count / (double)p->shape[0]));
    return l->param_count++;
}

int dn_add_buffer(layer *l, const char *name, dn_type type, lifetime life, int rank,
                  const int64_t *shape)
{
    buffer *b = &l->buffers[l->buffer_count];
    *b = (buffer){.name = name, .type = type, .rank = rank, .life = life};
    memcpy(b->shape, shape, (size_t)rank * sizeof *shape);
    return l->buffer_count++;
}

param *dn_param(const layer *l, const char *name)
{
    for (int i = 0; i < l->param_count; i++)
        if (!strcmp(l->params[i].name, name))
            return (param *)&l->params[i];
    return NULL;
}

void *dn_buffer(const layer *l, const char *name)
{
    for (int i = 0; i < l->buffer_count; i++)
        if (!strcmp(l->buffers[i].name, name))
            return l->buffers[i].data;
    return NULL;
}

dn_status dn_layer_error(const layer *l, dn_error *e, const char *format, ...)
{
    char text[sizeof e->message];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return dn_fail(e, DN_BAD_CFG, "%s:%d: [%s] %s", l->source, l->line, l->type->name, text);
}

dn_status dn_layer_tree(const layer *l, const char *name, int64_t classes, tree **out, dn_error *e)
{
    dn_error why;
    if (*out)
        return DN_OK;
    const dn_status status = dn_tree_read(name, l->source, out, &why);
    if (status == DN_NO_MEMORY)
        return dn_fail(e, status, "%s", why.message);
    if (status != DN_OK)
        return dn_layer_error(l, e, "tree=: %s", why.message);
    if ((*out)->nodes != classes)
        return dn_layer_error(l, e, "tree=%.200s: a tree of %d for classes=%lld: a node for each",
                              name, (*out)->nodes, (long long)classes);
    return DN_OK;
}

dn_status dn_input_error(const layer *l, dn_error *e, const char *format, ...)
{
    char text[sizeof e->message];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    const layer *before = l->sources[0];
    if (!before)
        return dn_layer_error(l, e, "does not fit the network's input: %s", text);
    return dn_layer_error(l, e, "does not fit the [%s] in line %d: %s", before->type->name,
                          before->line, text);
}

/* Weights files: int32 major, minor, revision; `seen`; then float32 parameters layer by layer.
 * Little-endian. With a major or minor above 1000, [connected] weights are (inputs, outputs). */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "init.h"
#include "network.h"
#include "platform.h"
#include "views.h"

/* Does the file to load hold this parameter? With dontloadscales: only biases and weights. */
static bool in_file(const layer *l, const param *p)
{
    return p->stored
           && (!l->dontloadscales || !strcmp(p->name, "biases") || !strcmp(p->name, "weights"));
}

/* How many values of a parameter the file to load holds: with numload, those of numload filters. */
static int64_t loaded_count(const layer *l, const param *p)
{
    const int64_t filters = p->shape[0];
    return l->numload > 0 && l->numload < filters ? p->count / filters * l->numload : p->count;
}

static int64_t layer_floats(const layer *l)
{
    int64_t floats = 0;
    for (int k = 0; k < l->param_count; k++)
        if (in_file(l, &l->params[k]))
            floats += loaded_count(l, &l->params[k]);
    return floats;
}

/* The header's `seen`; leaves the file at the first parameter. */
static bool read_header(FILE *file, int64_t *seen, bool *transposed)
{
    int32_t version[3];
    if (fread(version, sizeof *version, 3, file) != 3)
        return false;
    *transposed = version[0] > 1000 || version[1] > 1000;
    if ((int64_t)version[0] * 10 + version[1] >= 2 && version[0] < 1000 && version[1] < 1000)
        return fread(seen, sizeof *seen, 1, file) == 1;
    uint32_t short_seen;
    const bool ok = fread(&short_seen, sizeof short_seen, 1, file) == 1;
    *seen = short_seen;
    return ok;
}

/* How many layers, up to `upto`, the file's `floats` hold; the file must end between two layers. */
static dn_status find_end(const dn_network *net, const char *path, int upto, bool whole,
                          int64_t floats, int *end, dn_error *e)
{
    int64_t border = 0;
    for (*end = 0; *end < upto; ++*end) {
        const layer *l = &net->layers[*end];
        const int64_t own = l->dontload ? 0 : layer_floats(l);
        if (own > 0 && floats == 0)
            return dn_fail(e, DN_BAD_WEIGHTS, "%s: holds a header and no values", path);
        if (own > 0 && border == floats) {
            if (!whole || net->purpose != DN_PLAN_INFER)
                return DN_OK; /* a backbone's file: the rest keeps what it has */
            return dn_fail(e, DN_BAD_WEIGHTS,
                           "%s: holds layers 0 to %d only: a start for training; inference needs "
                           "layer %d ([%s], %s:%d) and what follows too",
                           path, *end - 1, l->index, l->type->name, net->source, l->line);
        }
        if (border + own > floats)
            return dn_fail(
                e, DN_BAD_WEIGHTS,
                "%s: ends inside layer %d ([%s], %s:%d): it holds %lld float32, a file for this "
                "cfg %lld up to the layer before and %lld with it: truncated, "
                "or made for another cfg",
                path, l->index, l->type->name, net->source, l->line, (long long)floats,
                (long long)border, (long long)(border + own));
        border += own;
    }
    if (whole && border < floats)
        return dn_fail(
            e, DN_BAD_WEIGHTS,
            "%s: holds %lld float32, but all layers of %s take %lld: made for another cfg (to load "
            "the first layers only, say up to which)",
            path, (long long)floats, net->source, (long long)border);
    return DN_OK;
}

static dn_status short_read(const char *path, dn_error *e)
{
    return dn_fail(e, DN_BAD_WEIGHTS, "%s: cannot be read to its end: %s", path,
                   errno ? strerror(errno) : "it became shorter");
}

/* Fails unless every value that the file has for the layer is a finite number. */
static dn_status check_layer(const layer *l, FILE *file, const char *path, dn_error *e)
{
    enum { PIECE = 4096 };
    float values[PIECE];
    for (int64_t left = layer_floats(l); left > 0;) {
        const size_t count = left < PIECE ? (size_t)left : PIECE;
        if (fread(values, sizeof *values, count, file) != count)
            return short_read(path, e);
        for (size_t i = 0; i < count; i++)
            if (!isfinite(values[i]))
                return dn_fail(e, DN_BAD_WEIGHTS,
                               "%s: layer %d ([%s], line %d of the cfg) has values that are no "
                               "finite numbers: made for another cfg, or training diverged",
                               path, l->index, l->type->name, l->line);
        left -= (int64_t)count;
    }
    return DN_OK;
}

/* (columns, rows) in the file -> (rows, columns) */
static bool read_transposed(float *out, int64_t rows, int64_t columns, float *line, FILE *file)
{
    for (int64_t c = 0; c < columns; c++) {
        if (fread(line, sizeof *line, (size_t)rows, file) != (size_t)rows)
            return false;
        for (int64_t r = 0; r < rows; r++)
            out[r * columns + c] = line[r];
    }
    return true;
}

static dn_status read_layer(dn_network *net, layer *l, FILE *file, const char *path,
                            bool transposed, dn_error *e)
{
    for (int k = 0; k < l->param_count; k++) {
        const param *p = &l->params[k];
        const int64_t count = loaded_count(l, p);
        bool ok;
        if (!in_file(l, p))
            continue;
        float *values = dn_see_values(net, p, true, e);
        if (!values)
            return e ? e->status : DN_NO_MEMORY;
        if (transposed && p->rank == 2) {
            const int64_t columns = p->shape[1], rows = count / columns;
            float *line = dn_allocate((size_t)rows * sizeof *line);
            if (!line)
                return dn_out_of_memory(e, "transposing weights");
            ok = read_transposed(values, rows, columns, line, file);
            dn_free(line);
        } else {
            ok = fread(values, sizeof(float), (size_t)count, file) == (size_t)count;
        }
        if (!ok)
            return short_read(path, e);
        if (!strcmp(p->name, "rolling_variance"))
            l->fresh = false;
    }
    return DN_OK;
}

/* Checks all values first, so that a refused file leaves the network as it was. */
static dn_status read_layers(dn_network *net, const char *path, FILE *file, int64_t start, int end,
                             bool transposed, dn_error *e)
{
    dn_status status = DN_OK;
    errno = 0;
    for (int i = 0; i < end && status == DN_OK; i++)
        if (!net->layers[i].dontload)
            status = check_layer(&net->layers[i], file, path, e);
    if (status == DN_OK && !dn_seek(file, start, SEEK_SET))
        status = short_read(path, e);
    for (int i = 0; i < end && status == DN_OK; i++)
        if (!net->layers[i].dontload)
            status = read_layer(net, &net->layers[i], file, path, transposed, e);
    dn_views_send(net);
    return status == DN_OK ? dn_finish(net->backend, e) : status;
}

dn_status dn_weights_load(dn_network *net, const char *path, int upto, dn_error *e)
{
    if (dn_check_memory(net, e) != DN_OK)
        return DN_BAD_ARGUMENT;
    const bool whole = upto < 0;
    if (whole || upto > net->layer_count)
        upto = net->layer_count;
    FILE *file = fopen(path, "rb");
    if (!file)
        return dn_fail(e, DN_BAD_WEIGHTS, "%s: cannot be read: %s", path, strerror(errno));
    int64_t seen = 0;
    bool transposed = false;
    int64_t start = -1, size = -1;
    if (read_header(file, &seen, &transposed)) {
        start = dn_tell(file);
        if (dn_seek(file, 0, SEEK_END))
            size = dn_tell(file);
    }
    int end = 0;
    dn_status status = DN_OK;
    if (start < 0 || size < start || !dn_seek(file, start, SEEK_SET))
        status = dn_fail(e, DN_BAD_WEIGHTS, "%s: no weights file: too short for its header", path);
    else if (seen < 0)
        status = dn_fail(e, DN_BAD_WEIGHTS,
                         "%s: no weights file: its header counts %lld images seen", path,
                         (long long)seen);
    else if ((size - start) % (int64_t)sizeof(float))
        status = dn_fail(
            e, DN_BAD_WEIGHTS,
            "%s: truncated: the %lld B after the header are no whole number of float32", path,
            (long long)(size - start));
    else
        status = find_end(net, path, upto, whole, (size - start) / (int64_t)sizeof(float), &end, e);
    if (status == DN_OK)
        status = read_layers(net, path, file, start, end, transposed, e);
    fclose(file);
    if (status != DN_OK)
        return status;
    net->seen = seen;
    return dn_fold(net, e);
}

/* So that nothing but the file can fail while it is written. */
static dn_status see_all(dn_network *net, int upto, dn_error *e)
{
    for (int i = 0; i < upto; i++)
        for (int k = 0; k < net->layers[i].param_count; k++)
            if (!dn_see_values(net, &net->layers[i].params[k], false, e))
                return e ? e->status : DN_NO_MEMORY;
    return DN_OK;
}

static bool write_network(dn_network *net, int upto, FILE *file)
{
    const int32_t version[3] = {0, 2, 0};
    if (fwrite(version, sizeof *version, 3, file) != 3
        || fwrite(&net->seen, sizeof net->seen, 1, file) != 1)
        return false;
    for (int i = 0; i < upto; i++) {
        const layer *l = &net->layers[i];
        for (int k = 0; k < l->param_count && !l->dontsave; k++) {
            const param *p = &l->params[k];
            if (!p->stored)
                continue;
            const float *values = dn_see_values(net, p, false, NULL);
            if (!values
                || fwrite(values, sizeof(float), (size_t)p->count, file) != (size_t)p->count)
                return false;
        }
    }
    return true;
}

/* Writes to another file and renames it at the end, so that a file named `path` is always whole. */
dn_status dn_weights_save(dn_network *net, const char *path, int upto, dn_error *e)
{
    if (dn_check_memory(net, e) != DN_OK)
        return DN_BAD_ARGUMENT;
    if (upto < 0 || upto > net->layer_count)
        upto = net->layer_count;
    const dn_status seen = see_all(net, upto, e);
    if (seen != DN_OK)
        return seen;
    struct stat there;
    if (stat(path, &there) == 0 && !S_ISREG(there.st_mode))
        return dn_fail(e, DN_BAD_WEIGHTS, "%s: cannot be written: it is there and no regular file",
                       path);
    char *temporary = dn_allocate(strlen(path) + sizeof ".part");
    if (!temporary)
        return dn_out_of_memory(e, "a file name");
    strcpy(temporary, path);
    strcat(temporary, ".part");
    remove(temporary);
    FILE *file = fopen(temporary, "wbx"); /* a new file, never one that a link leads to */
    bool ok = file && write_network(net, upto, file);
    ok = ok && dn_flush(file);
    int problem = ok ? 0 : errno;
    if (file && fclose(file) && ok) {
        ok = false;
        problem = errno;
    }
    if (ok && !dn_rename(temporary, path)) {
        ok = false;
        problem = errno;
    }
    if (!ok && file)
        remove(temporary);
    dn_free(temporary);
    return ok ? DN_OK
              : dn_fail(e, DN_BAD_WEIGHTS, "%s: cannot be written: %s", path, strerror(problem));
}

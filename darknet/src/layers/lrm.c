/* [lrm] Loss Rank Mining (Yu et al., 2018, section III): in training, of each image's predictions
 * only the hardest keep their delta.
 *
 * The predictions of all mined layers are ranked together, in the order of `layers`, each layer's
 * as detector.h numbers them. A prediction's loss is the sum of its squared deltas, as the loss
 * layer's forward() leaves them; what mining_select() does not keep gets a delta of 0. The mined
 * layers' cost stays that of all predictions. Outside training passes the layer does nothing.
 */
#include <string.h>

#include "detector.h"
#include "mining.h"

enum { MAX_MINED = 64 };

typedef struct {
    int k;
    double nms;
    int_list layers;

    int predictions; /* of all mined layers, an image */
} lrm;

static const key keys[] = {
    KEY_INT(lrm, k, 128, 0, 2147483647, "predictions kept an image; 0: no limit"),
    KEY_DOUBLE(lrm, nms, .7, 0, 1,
               "of two ranked predictions of a class with this IoU or more, the easier is dropped; "
               "0 or 1: none is"),
    KEY_INTS(lrm, layers, "-1",
             "the loss layers mined, ranked jointly; negative: counted back from here"),
    KEY_END};

static dn_status edges(layer *l, int_list *from, dn_error *e)
{
    const lrm *s = l->state;
    if (s->layers.n < 1 || s->layers.n > MAX_MINED)
        return dn_layer_error(l, e, "layers= must name 1 to %d loss layers, not %d", MAX_MINED,
                              s->layers.n);
    from->n = s->layers.n;
    for (int i = 0; i < from->n; i++) {
        const int named = s->layers.v[i], index = named < 0 ? l->index + named : named;
        if (index < 0 || index >= l->index)
            return dn_layer_error(l, e, "layers=%d: there is no such layer before it", named);
        for (int j = 0; j < i; j++)
            if (from->v[j] == index)
                return dn_layer_error(l, e, "layers= names layer %d twice", index);
        from->v[i] = index;
    }
    return DN_OK;
}

static dn_status shape(layer *l, dn_error *e)
{
    lrm *s = l->state;
    int64_t n = 0;
    for (int j = 0; j < l->inputs; j++) {
        const layer *mined = l->sources[j];
        if (!mined->type->detector)
            return dn_layer_error(l, e, "layers= must name loss layers of detectors ([region], "
                                  "[yolo]); layer %d is a [%s]", mined->index, mined->type->name);
        n += detector_predictions(mined->detector);
    }
    if (n > INT32_MAX / 8)
        return dn_layer_error(l, e, "ranks %lld predictions an image, more than it can",
                              (long long)n);
    s->predictions = (int)n;
    l->out = (dims){0, 0, 0};
    dn_add_buffer(l, "loss", DN_FLOAT32, LIVES_ON, 1, (const int64_t[]){n});
    dn_add_buffer(l, "selected", DN_BOOL, LIVES_ON, 1, (const int64_t[]){n});
    dn_add_buffer(l, "boxes", DN_FLOAT32, LIVES_ON, 2, (const int64_t[]){n, 4});
    dn_add_buffer(l, "classes", DN_INT32, LIVES_ON, 1, (const int64_t[]){n});
    return DN_OK;
}

/* An image's workspace: its statistics, the indices kept, mining_select()'s scratch. */
static size_t room_of_stats(void)
{
    return (sizeof(dn_mining_stats) + 63) / 64 * 64;
}
static size_t room_of_kept(const lrm *s)
{
    return ((size_t)s->predictions * sizeof(int) + 63) / 64 * 64;
}
static size_t room_of_image(const lrm *s)
{
    return room_of_stats() + room_of_kept(s) + (mining_scratch(s->predictions) + 63) / 64 * 64;
}

static size_t workspace(const layer *l, const pass *p)
{
    return p->train ? (size_t)p->batch * room_of_image(l->state) : 0;
}

/* The arrays of one image, or the part of them that belongs to one mined layer. */
typedef struct {
    float *loss, *boxes;
    bool *selected;
    int32_t *classes;
} view;

/* Loss, box and class of every prediction of one mined layer in one image. */
static void look(const detector *d, const float *output, const float *delta, view v)
{
    const int64_t cells = (int64_t)d->w * d->h;
    for (int64_t i = 0; i < detector_predictions(d); i++) {
        const int64_t at = detector_entry(d, i, 0);
        double loss = 0;
        int best = 0;
        for (int e = 0; e < 5 + d->classes; e++)
            loss += (double)delta[at + e * cells] * delta[at + e * cells];
        for (int c = 1; c < d->classes; c++)
            if (output[at + (5 + c) * cells] > output[at + (5 + best) * cells])
                best = c;
        v.loss[i] = (float)loss;
        v.classes[i] = best;
        detector_box(d, output, i, v.boxes + i * 4);
    }
}

/* Zeroes the delta of what was not selected and counts what was. */
static void filter(const layer *mined, int image, view v, dn_mining_stats *stats)
{
    const detector *d = mined->detector;
    const int64_t cells = (int64_t)d->w * d->h, predictions = detector_predictions(d);
    const int8_t *assigned = (const int8_t *)dn_buffer(mined, "assigned") + image * predictions;
    float *delta = mined->delta + image * dims_count(mined->out);
    for (int64_t i = 0; i < predictions; i++) {
        stats->loss += v.loss[i];
        if (v.selected[i]) {
            stats->kept_loss += v.loss[i];
            stats->kept_claimed += assigned[i] == 1;
            continue;
        }
        float *entry = delta + detector_entry(d, i, 0);
        for (int e = 0; e < 5 + d->classes; e++)
            entry[e * cells] = 0;
    }
}

static void mine(const layer *l, int image, view all, char *room)
{
    const lrm *s = l->state;
    dn_mining_stats *stats = (dn_mining_stats *)room;
    int *kept = (int *)(room + room_of_stats());
    void *scratch = room + room_of_stats() + room_of_kept(s);
    view v = all;
    for (int j = 0; j < l->inputs; j++) {
        const layer *mined = l->sources[j];
        const int64_t count = dims_count(mined->out), n = detector_predictions(mined->detector);
        look(mined->detector, mined->output + image * count, mined->delta + image * count, v);
        v = (view){v.loss + n, v.boxes + 4 * n, v.selected + n, v.classes + n};
    }
    const int count = mining_select(all.loss, all.boxes, all.classes, s->predictions, s->k,
                                    s->nms, kept, scratch);
    memset(all.selected, 0, (size_t)s->predictions * sizeof *all.selected);
    for (int i = 0; i < count; i++)
        all.selected[kept[i]] = true;
    *stats = (dn_mining_stats){.predictions = s->predictions, .kept = count};
    v = all;
    for (int j = 0; j < l->inputs; j++) {
        const int64_t n = detector_predictions(l->sources[j]->detector);
        filter(l->sources[j], image, v, stats);
        v = (view){v.loss + n, v.boxes + 4 * n, v.selected + n, v.classes + n};
    }
}

static void forward(layer *l, const pass *p)
{
    const lrm *s = l->state;
    if (!p->train || !p->truth)
        return;
    const view arrays = {dn_buffer(l, "loss"), dn_buffer(l, "boxes"), dn_buffer(l, "selected"),
                         dn_buffer(l, "classes")};
    const int64_t n = s->predictions;
    char *room = p->workspace;
#pragma omp parallel for num_threads(p->threads) schedule(static)
    for (int b = 0; b < p->batch; b++)
        mine(l, b,
             (view){arrays.loss + b * n, arrays.boxes + b * n * 4, arrays.selected + b * n,
                    arrays.classes + b * n},
             room + (size_t)b * room_of_image(s));
    l->mining = (dn_mining_stats){0};
    for (int b = 0; b < p->batch; b++) {
        const dn_mining_stats *image =
            (const dn_mining_stats *)(room + (size_t)b * room_of_image(s));
        l->mining.predictions += image->predictions;
        l->mining.kept += image->kept;
        l->mining.kept_claimed += image->kept_claimed;
        l->mining.loss += image->loss;
        l->mining.kept_loss += image->kept_loss;
    }
}

const layer_type lrm_layer = {.name = "lrm",
                              .state_size = sizeof(lrm),
                              .keys = keys,
                              .transparent = true,
                              .edges = edges,
                              .shape = shape,
                              .workspace = workspace,
                              .forward = forward};

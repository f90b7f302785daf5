/* [lrm] Loss Rank Mining (Yu et al., 2018, section III): in training, of each image's predictions
 * only the hardest keep their delta; other modes keep others, or weigh all.
 *
 * The predictions of all mined layers are ranked together, in the order of `layers`, each layer's
 * as detector.h numbers them. The mined layers' cost stays that of all predictions. Outside
 * training passes the layer does nothing. The arithmetic is the backend's `mine`.
 */
#include <math.h>

#include "backend.h"

typedef struct {
    int mode, rank, k, k_min, negatives_floor, warmup;
    double nms, mass, easy, easy_nms, negatives, prime_bias, prime_gamma;
    int_list layers;

    mining mining; /* of an image without warm-up */
} lrm;

static const key keys[] = {
    KEY_CHOICE(lrm, mode, "hardest", mining_modes, "which predictions are kept"),
    KEY_CHOICE(lrm, rank, "delta", mining_losses, "the loss that predictions are ranked by"),
    KEY_INT(lrm, k, 128, 0, 2147483647, "predictions kept an image; 0: no limit"),
    KEY_DOUBLE(lrm, nms, .7, 0, 1,
               "of two ranked predictions of a class with this IoU or more, the easier is dropped; "
               "0 or 1: none is"),
    KEY_INTS(lrm, layers, "-1",
             "the loss layers mined, ranked jointly; negative: counted back from here"),
    KEY_DOUBLE(lrm, mass, 0, 0, 1,
               "keep the fewest that carry this share of the loss of all that NMS leaves, at most "
               "k; 0: k, whatever they carry"),
    KEY_INT(lrm, k_min, 0, 0, 2147483647, "with mass: predictions kept an image at least"),
    KEY_DOUBLE(lrm, easy, 0, 0, 1, "factor of the gradients that are not kept; 0: none is left"),
    KEY_DOUBLE(lrm, easy_nms, -1, -1, 1,
               "the same for predictions that NMS drops; -1: as easy"),
    KEY_INT(lrm, warmup, 0, 0, 1 << 30,
            "updates during which the kept fall from all predictions to k"),
    KEY_DOUBLE(lrm, negatives, 3, 0, 1e6, "mode=negatives: background kept for each claimed one"),
    KEY_INT(lrm, negatives_floor, 8, 0, 2147483647,
            "mode=negatives: background kept an image at least"),
    KEY_DOUBLE(lrm, prime_gamma, 2, 0, 100,
               "mode=prime: weights are ((1 - prime_bias)*u + prime_bias)^prime_gamma, with u from 1 "
               "at the best box down to 0"),
    KEY_DOUBLE(lrm, prime_bias, 0, 0, 1, "mode=prime: see prime_gamma"),
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
        if (mined->detector->shares_classes || mined->detector->tree)
            return dn_layer_error(l, e, "layers= names layer %d, a [%s]%s: mining is of "
                                  "predictions with classes of their own",
                                  mined->index, mined->type->name,
                                  mined->detector->tree ? " with a class tree" : "");
        n += detector_predictions(mined->detector);
    }
    if (n > INT32_MAX / 8)
        return dn_layer_error(l, e, "ranks %lld predictions an image, more than it can",
                              (long long)n);
    s->mining = (mining){.mode = s->mode,
                         .rank = s->rank,
                         .predictions = (int)n,
                         .k = s->k,
                         .k_min = s->k_min,
                         .nms = s->nms,
                         .mass = s->mass,
                         .easy = (float)s->easy,
                         .easy_nms = (float)(s->easy_nms < 0 ? s->easy : s->easy_nms),
                         .negatives = s->negatives,
                         .negatives_floor = s->negatives_floor,
                         .prime_gamma = s->prime_gamma,
                         .prime_bias = s->prime_bias,
                         .layers = l->inputs};
    for (int j = 0; j < l->inputs; j++)
        s->mining.detector[j] = l->sources[j]->detector;
    l->out = (dims){0, 0, 0};
    dn_add_buffer(l, "loss", DN_FLOAT32, LIVES_ON, 1, (const int64_t[]){n});
    dn_add_buffer(l, "selected", DN_BOOL, LIVES_ON, 1, (const int64_t[]){n});
    dn_add_buffer(l, "boxes", DN_FLOAT32, LIVES_ON, 2, (const int64_t[]){n, 4});
    dn_add_buffer(l, "classes", DN_INT32, LIVES_ON, 1, (const int64_t[]){n});
    return DN_OK;
}

static size_t workspace(const layer *l, const pass *p)
{
    const lrm *s = l->state;
    return p->backend->mine_workspace(p, &s->mining);
}

/* k of an update: from all predictions before the first, in equal steps, to k at `warmup`. */
static int warmed(const lrm *s, int64_t update)
{
    const int n = s->mining.predictions;
    if (s->k == 0 || s->k >= n || update >= s->warmup)
        return s->k;
    return s->k + (int)ceil((double)(n - s->k) * (double)(s->warmup - update) / s->warmup);
}

static void forward(layer *l, const pass *p)
{
    const lrm *s = l->state;
    if (!p->train || !p->truth)
        return;
    mining now = s->mining;
    now.k = warmed(s, p->update);
    mining_arrays a = {.loss = dn_buffer(l, "loss"),
                       .boxes = dn_buffer(l, "boxes"),
                       .classes = dn_buffer(l, "classes"),
                       .selected = dn_buffer(l, "selected")};
    for (int j = 0; j < l->inputs; j++) {
        a.output[j] = l->sources[j]->output;
        a.delta[j] = l->sources[j]->delta;
        a.assigned[j] = dn_buffer(l->sources[j], "assigned");
        a.overlap[j] = dn_buffer(l->sources[j], "overlap");
    }
    p->backend->mine(p, &now, &a, &l->mining);
}

const layer_type lrm_layer = {.name = "lrm",
                              .state_size = sizeof(lrm),
                              .keys = keys,
                              .transparent = true,
                              .edges = edges,
                              .shape = shape,
                              .workspace = workspace,
                              .forward = forward};

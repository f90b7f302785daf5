/* [yolo] YOLOv3's detector, one of several heads that share a list of anchors.
 * in, out (batch, anchors*(5+classes), h, w), seen as detector.h says, with mask='s anchors
 *   x, y: logistic (scale_x_y s: s*logistic - (s-1)/2); w, h: as they are
 *   objectness, classes: logistic
 *   new_coords=1: all of that is the layer before's part, and sizes are (2*value)^2 anchors
 * All anchors of all heads compete for a truth; only the head that owns the winner learns from it.
 */
#include "yolo.h"

#include <string.h>

static const key keys[] = {
    YOLO_KEYS,
    KEY_INT(yolo, max, 90, 1, 100000, "truths an image that are read"),
    KEY_INT(yolo, new_coords, 0, 0, 1,
            "1: the layer before is logistic, and sizes are (2*value)^2 anchors: Scaled-YOLOv4's"),
    KEY_CHOICE(yolo, iou_loss, "mse", box_losses, "how the box is learnt"),
    KEY_FLOAT(yolo, iou_normalizer, 1, 0, 1e6, "weight of the box"),
    KEY_FLOAT(yolo, max_delta, 0, 0, 1e30,
              "bound of a box's deltas by iou_loss=iou and the like, and of counters_per_class's "
              "weights; 0: none"),
    KEY_INT(yolo, focal_loss, 0, 0, 1, "1: focal loss (gamma 2, alpha .5) of the classes"),
    KEY_FOREIGN("embedding_layer", "999999", "objects are not tracked here"),
    KEY_IGNORED("track_history_size", "of tracking; accepted, and without effect"),
    KEY_IGNORED("sim_thresh", "of tracking; accepted, and without effect"),
    KEY_IGNORED("dets_for_track", "of tracking; accepted, and without effect"),
    KEY_IGNORED("dets_for_show", "of tracking; accepted, and without effect"),
    KEY_IGNORED("track_ciou_norm", "of tracking; accepted, and without effect"),
    KEY_IGNORED("show_details", "of the screen; accepted, and without effect"),
    KEY_END};

/* The anchors relative to the input, and which are this head's: returns how many, -1 on an error.
 */
static int take_anchors(layer *l, dn_error *e)
{
    yolo *y = l->state;
    if (y->anchors.n != 2 * y->num) {
        dn_layer_error(
            l, e, "anchors= must have 2*num=%d numbers, a width and a height for each, not %d",
            2 * y->num, y->anchors.n);
        return -1;
    }
    for (int i = 0; i < y->anchors.n; i++) {
        if (!(y->anchors.v[i] > 0)) {
            dn_layer_error(l, e, "anchors= has %g, but sizes are above 0", (double)y->anchors.v[i]);
            return -1;
        }
        y->all[i / 2][i % 2] = y->anchors.v[i] / (float)(i % 2 ? l->net.h : l->net.w);
    }
    const int count = y->mask.n ? y->mask.n : y->num;
    for (int n = 0; n < y->num; n++)
        y->own[n] = -1;
    for (int i = 0; i < count; i++) {
        const int n = y->mask.n ? y->mask.v[i] : i;
        if (n < 0 || n >= y->num || y->own[n] >= 0) {
            dn_layer_error(l, e, "mask= has %d, but names anchors from 0 to %d, each once", n,
                           y->num - 1);
            return -1;
        }
        y->own[n] = i;
        memcpy(y->relative + 2 * i, y->all[n], sizeof y->all[n]);
    }
    return count;
}

/* The classes' weights of counters_per_class. */
static dn_status weigh_classes(layer *l, dn_error *e)
{
    yolo *y = l->state;
    const float_list *counts = &y->counters_per_class;
    if (!counts->n)
        return DN_OK;
    if (counts->n != y->classes || counts->n > MAX_WEIGHED)
        return dn_layer_error(l, e, "counters_per_class= must have classes=%d numbers (at most %d), not %d",
                              y->classes, MAX_WEIGHED, counts->n);
    float most = 1;
    for (int i = 0; i < counts->n; i++)
        most = counts->v[i] > most ? counts->v[i] : most;
    for (int i = 0; i < counts->n; i++) {
        const float weight = most / (counts->v[i] >= 1 ? counts->v[i] : 1);
        y->class_weight[i] = y->max_delta > 0 && weight > y->max_delta ? y->max_delta : weight;
    }
    return DN_OK;
}

dn_status yolo_shape(layer *l, int box, dn_error *e)
{
    yolo *y = l->state;
    const int anchors = take_anchors(l, e);
    if (anchors < 0)
        return DN_BAD_CFG;
    const int wanted = anchors * (box + 1 + y->classes);
    if (l->in[0].c != wanted)
        return dn_input_error(
            l, e, "filters=%d before [%s] must be %d*(%d+1+classes)=%d, as it uses %d of its anchors",
            l->in[0].c, l->type->name, anchors, box, wanted, anchors);
    if (detector_check_prior(l, y->prior, e) != DN_OK || weigh_classes(l, e) != DN_OK)
        return DN_BAD_CFG;
    l->out = l->in[0];
    y->detector = (detector){.anchors = anchors,
                             .classes = y->classes,
                             .w = l->out.w,
                             .h = l->out.h,
                             .uncertain = box == 8,
                             .squares = y->new_coords,
                             .objectness_gates = true,
                             .nms_kind = y->nms_kind,
                             .beta_nms = y->beta_nms,
                             .prior = y->prior,
                             .anchor = y->relative};
    detector_declare(l, &y->detector);
    return DN_OK;
}

void yolo_learn(layer *l, const pass *p)
{
    const yolo *y = l->state;
    const float objectness = y->obj_normalizer * y->delta_normalizer;
    const detector_loss s = {.detector = &y->detector,
                             .max = y->max,
                             .box = y->iou_loss,
                             .thresh = y->ignore_thresh,
                             .truth_thresh = y->truth_thresh,
                             .smooth_objectness = y->objectness_smooth,
                             .focal = y->focal_loss,
                             .smoothing = y->label_smooth_eps,
                             .max_delta = y->max_delta,
                             .class_weight = y->counters_per_class.n ? y->class_weight : NULL,
                             .object_scale = objectness,
                             .noobject_scale = objectness,
                             .class_scale = y->cls_normalizer * y->delta_normalizer,
                             .coord_scale = y->iou_normalizer * y->delta_normalizer,
                             .uncertainty_scale = y->uc_normalizer * y->delta_normalizer,
                             .iou_thresh = y->iou_thresh,
                             .sizes = y->num,
                             .size = (const float(*)[2])y->all,
                             .own = y->own};
    shared_judge(l, p, &s, p->backend->yolo_loss);
}

void yolo_backward(layer *l, const pass *p)
{
    shared_hand_back(l, p, 1);
}

static dn_status shape(layer *l, dn_error *e)
{
    return yolo_shape(l, 4, e);
}

static void activate(const layer *l, const pass *p)
{
    const yolo *y = l->state;
    const int64_t cells = (int64_t)l->out.h * l->out.w, group = (5 + y->classes) * cells;
    const activation kind = y->new_coords ? LINEAR : LOGISTIC;
    const int64_t rows = (int64_t)p->batch * y->detector.anchors;
    const strip centres = {2 * cells, rows, group};
    const float *in = l->input[0];
    float *out = l->output;
    p->backend->activate(p, kind, in, out, centres);
    if (y->scale_x_y != 1)
        p->backend->affine(p, y->scale_x_y, -(y->scale_x_y - 1) / 2, out, out, centres);
    p->backend->copy_rows(p, rows, 2 * cells, in + 2 * cells, group, out + 2 * cells, group, 1, false);
    p->backend->activate(p, kind, in + 4 * cells, out + 4 * cells,
                         (strip){(1 + y->classes) * cells, rows, group});
}

static void forward(layer *l, const pass *p)
{
    activate(l, p);
    yolo_learn(l, p);
}

const layer_type yolo_layer = {.name = "yolo",
                               .state_size = sizeof(yolo),
                               .keys = keys,
                               .loss = true,
                               .detector = true,
                               .shape = shape,
                               .workspace = shared_judge_workspace,
                               .forward = forward,
                               .backward = yolo_backward};

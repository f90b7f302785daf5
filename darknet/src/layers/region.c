/* [region] YOLOv2's detector: activation, loss and what it hands back.
 * in, out (batch, num*(5+classes), h, w), seen as detector.h says
 *   x, y: logistic; w, h: as they are; objectness: logistic
 *   classes: softmax; logistic with softmax=0; with tree= a softmax for each group of the tree
 *   background=1: softmax over entry 4, the background's probability, and the classes together
 *   loss=sigmoids: classes logistic, and entry 4 means nothing
 */
#include "shared.h"
#include "detector.h"

typedef struct {
    float_list anchors; /* w, h in cells */
    int classes, coords, num, softmax, background, bias_match, rescore, max, anchor_warmup, random;
    int focal_loss;
    float jitter, resize, prior, thresh, object_scale, noobject_scale, class_scale, coord_scale;
    float focal_gamma, focal_alpha;
    int loss;
    const char *tree;

    tree *nodes;
    detector detector;
    float relative[2 * MAX_ANCHORS];
} region;

static const key keys[] = {
    KEY_FLOATS(region, anchors, NULL,
               "widths and heights of the num anchors, in cells of the output"),
    KEY_INT(region, classes, 20, 1, 100000, "classes of objects"),
    KEY_INT(region, coords, 4, 4, 4, "values of a box: x, y, w, h"),
    KEY_INT(region, num, 1, 1, MAX_ANCHORS, "anchors a cell"),
    KEY_INT(region, softmax, 0, 0, 1,
            "1: class probabilities by softmax; 0: each by the logistic function"),
    KEY_INT(region, background, 0, 0, 1,
            "1: a class for the background, by softmax, instead of objectness"),
    KEY_CHOICE(region, loss, "separate", region_objectives, "how objects and classes are learnt"),
    KEY_FLOAT(region, focal_gamma, 0, 0, 10,
              "loss=joint, sigmoids: weighs what is known already by (1 - p)^focal_gamma: focal loss"),
    KEY_FLOAT(region, focal_alpha, 0, 0, 1,
              "loss=joint, sigmoids: weight of the foreground, 1 - focal_alpha of the background; 0: alike"),
    KEY_INT(region, focal_loss, 0, 0, 1,
            "1: focal loss (gamma 2, alpha .5) of the classes, beside objectness"),
    KEY_INT(region, bias_match, 0, 0, 1,
            "1: a truth claims the best anchor; 0: the best predicted size"),
    KEY_INT(region, rescore, 0, 0, 1,
            "1: a claimed objectness learns its box's IoU; 0: it learns 1"),
    KEY_FLOAT(region, thresh, .5, 0, 1,
              "predictions of a larger IoU with a truth are no background"),
    KEY_FLOAT(region, object_scale, 1, 0, 1e6, "weight of claimed predictions' objectness"),
    KEY_FLOAT(region, noobject_scale, 1, 0, 1e6, "weight of the background's objectness"),
    KEY_FLOAT(region, class_scale, 1, 0, 1e6, "weight of the classes"),
    KEY_FLOAT(region, coord_scale, 1, 0, 1e6, "weight of the box"),
    KEY_INT(region, max, 30, 1, 100000, "truths an image that are read"),
    KEY_INT(region, anchor_warmup, 12800, 0, 2147483647,
            "images during which every prediction is drawn to its anchor"),
    KEY_FLOAT(region, jitter, .2, 0, 1,
              "training data: share of the size by which an image is cut or moved"),
    KEY_FLOAT(region, prior, 0, 0, .99,
              "a fresh network: the layer before starts near 0, objectness at this; 0: at random"),
    KEY_FLOAT(region, resize, 1, 1, 100,
              "training data: the image's size times or divided by up to this"),
    KEY_INT(region, random, 0, 0, 1, "training data: 1: another input size every ten batches"),
    KEY_TEXT(region, tree, NULL,
             "file of a class tree, of a line `NAME PARENT` for each class: YOLO9000's"),
    KEY_IGNORED("map", "of class trees; accepted, and without effect: labels are the tree's nodes"),
    KEY_IGNORED("mask_scale", "of masks (coords above 4); accepted, and without effect"),
    KEY_IGNORED("classfix", "accepted, and without effect"),
    KEY_IGNORED("absolute", "accepted, and without effect"),
    KEY_IGNORED("log", "read by no Darknet; accepted, and without effect"),
    KEY_IGNORED("sqrt", "of YOLOv1; accepted, and without effect"),
    KEY_END};

static dn_status shape(layer *l, dn_error *e)
{
    region *r = l->state;
    const objective_row *objective = &region_objectives[r->loss];
    if (objective->wants_background && !r->background)
        return dn_layer_error(l, e, "loss=%s needs background=1", objective->choice.name);
    if (objective->classes_alone && (r->background || r->softmax))
        return dn_layer_error(l, e, "loss=%s needs background=0 and softmax=0",
                              objective->choice.name);
    if (!objective->wants_background && !objective->classes_alone
        && (r->focal_gamma > 0 || r->focal_alpha > 0))
        return dn_layer_error(l, e, "focal_gamma= and focal_alpha= need loss=joint or sigmoids");
    if (r->tree && (r->loss || r->background || r->focal_loss))
        return dn_layer_error(l, e, "tree= needs loss=%s, background=0 and focal_loss=0",
                              region_objectives[0].choice.name);
    const dn_status status = r->tree ? dn_layer_tree(l, r->tree, r->classes, &r->nodes, e) : DN_OK;
    if (status != DN_OK)
        return status;
    if (r->anchors.n != 2 * r->num)
        return dn_layer_error(
            l, e, "anchors= must have 2*num=%d numbers, a width and a height for each, not %d",
            2 * r->num, r->anchors.n);
    const int wanted = r->num * (r->coords + 1 + r->classes);
    if (l->in[0].c != wanted)
        return dn_input_error(l, e, "filters=%d before [region] must be num*(coords+1+classes)=%d",
                              l->in[0].c, wanted);
    for (int i = 0; i < r->anchors.n; i++) {
        if (!(r->anchors.v[i] > 0))
            return dn_layer_error(l, e, "anchors= has %g, but sizes are above 0",
                                  (double)r->anchors.v[i]);
        r->relative[i] = r->anchors.v[i] / (float)(i % 2 ? l->in[0].h : l->in[0].w);
    }
    if (detector_check_prior(l, r->prior, e) != DN_OK)
        return DN_BAD_CFG;
    l->out = l->in[0];
    r->detector = (detector){.anchors = r->num,
                             .classes = r->classes,
                             .w = l->out.w,
                             .h = l->out.h,
                             .background = r->background,
                             .classes_alone = objective->classes_alone,
                             .tree = r->nodes,
                             .prior = r->prior,
                             .anchor = r->relative};
    detector_declare(l, &r->detector);
    return DN_OK;
}

/* A softmax over some entries of each prediction. */
static void compete(const layer *l, const pass *p, int first, int entries)
{
    const region *r = l->state;
    const int64_t cells = (int64_t)l->out.h * l->out.w, at = first * cells;
    p->backend->softmax(p, entries, cells, r->num, (5 + r->classes) * cells, cells,
                        dims_count(l->out), 1, l->input[0] + at, l->output + at);
}

static void activate(const layer *l, const pass *p)
{
    const region *r = l->state;
    const int64_t cells = (int64_t)l->out.h * l->out.w, group = (5 + r->classes) * cells;
    const int64_t logistic = r->background           ? 0
                             : r->softmax || r->nodes ? cells
                                                     : (1 + r->classes) * cells;
    const int64_t rows = (int64_t)p->batch * r->num;
    const float *in = l->input[0];
    p->backend->activate(p, LOGISTIC, in, l->output, (strip){2 * cells, rows, group});
    p->backend->copy_rows(p, rows, 2 * cells, in + 2 * cells, group, l->output + 2 * cells, group, 1,
                          false);
    if (logistic)
        p->backend->activate(p, LOGISTIC, in + 4 * cells, l->output + 4 * cells,
                             (strip){logistic, rows, group});
    const int first = r->background ? 4 : 5;
    if (r->nodes)
        for (int g = 0; g < r->nodes->groups; g++)
            compete(l, p, 5 + r->nodes->first[g], r->nodes->size[g]);
    else if (r->softmax || r->background)
        compete(l, p, first, r->classes + 5 - first);
}

static void forward(layer *l, const pass *p)
{
    const region *r = l->state;
    activate(l, p);
    const detector_loss s = {.detector = &r->detector,
                             .max = r->max,
                             .objective = r->loss,
                             .exclusive = r->softmax || r->background,
                             .rescore = r->rescore,
                             .focal = r->focal_loss,
                             .bias_match = r->bias_match,
                             .at_anchors = p->seen < r->anchor_warmup,
                             .thresh = r->thresh,
                             .object_scale = r->object_scale,
                             .noobject_scale = r->noobject_scale,
                             .class_scale = r->class_scale,
                             .coord_scale = r->coord_scale,
                             .focal_gamma = r->focal_gamma,
                             .focal_alpha = r->focal_alpha};
    shared_judge(l, p, &s, p->backend->region_loss);
}

/* x, y and objectness go through the logistic function's gradient; sizes and classes go back as
 * they are. */
static void backward(layer *l, const pass *p)
{
    const region *r = l->state;
    const int64_t cells = (int64_t)l->out.h * l->out.w, group = (5 + r->classes) * cells;
    const int64_t rows = (int64_t)p->batch * r->num;
    p->backend->activate_grad(p, LOGISTIC, l->output, NULL, l->delta, l->delta, false,
                              (strip){2 * cells, rows, group});
    float *objectness = l->delta + 4 * cells;
    if (!r->background && !r->detector.classes_alone)
        p->backend->activate_grad(p, LOGISTIC, l->output + 4 * cells, NULL, objectness, objectness,
                                  false, (strip){cells, rows, group});
    shared_hand_back(l, p, 1);
}

static void release(layer *l)
{
    dn_free(((region *)l->state)->nodes);
}

const layer_type region_layer = {.name = "region",
                                 .state_size = sizeof(region),
                                 .keys = keys,
                                 .loss = true,
                                 .detector = true,
                                 .reads_output = true,
                                 .shape = shape,
                                 .release = release,
                                 .workspace = shared_judge_workspace,
                                 .forward = forward,
                                 .backward = backward};

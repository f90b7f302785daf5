/* [region]'s and [yolo]'s losses, image by image.
 *
 * A loss is the sum of its squared deltas. Every prediction is held against all truths of its
 * image; then each truth claims one and sets its deltas.
 */
#include <string.h>

#include "boxes.h"
#include "detector_images.h"
#include "formulas.h"

/* Of n sizes (w, h), the first that overlaps a truth's best when both are centred alike. */
static int best_size(const float (*size)[2], int n, const float truth[5])
{
    const float wanted[4] = {0, 0, truth[2], truth[3]};
    double most = 0;
    int best = 0;
    for (int i = 0; i < n; i++) {
        const double iou = dn_iou((const float[4]){0, 0, size[i][0], size[i][1]}, wanted);
        if (iou > most) {
            most = iou;
            best = i;
        }
    }
    return best;
}

static double weight_of(const detector_loss *s, int class)
{
    return s->class_weight ? s->class_weight[class] : 1;
}

/* By how much the newer fork's focal loss shortens the deltas of the classes, where the wanted one
 * has probability p: half of focal loss's gradient at gamma 2, in cross entropies'. */
static double focus(const detector_loss *s, double p)
{
    return s->focal ? .5 * (1 - p) * (1 - p - 2 * p * log(fmax(p, 1e-15))) : 1;
}

/* Of a class tree: the class and those above it, each among its group. */
static void teach_path(const detector_loss *s, const detector_image *m, int64_t prediction,
                       int wanted)
{
    const tree *t = m->d->tree;
    const int64_t cells = (int64_t)m->d->w * m->d->h, at = detector_entry(m->d, prediction, 5);
    for (int node = wanted; node >= 0; node = t->parent[node]) {
        const int group = t->group[node], first = t->first[group];
        for (int c = first; c < first + t->size[group]; c++)
            m->delta[at + c * cells] =
                (float)(s->class_scale * ((c == node) - (double)m->output[at + c * cells]));
    }
}

/* Class deltas. others: of every class, not of the wanted one alone. */
static void teach_class(const detector_loss *s, const detector_image *m, int64_t prediction,
                        int wanted, bool others)
{
    if (m->d->tree) {
        teach_path(s, m, prediction, wanted);
        return;
    }
    const int64_t cells = (int64_t)m->d->w * m->d->h, at = detector_entry(m->d, prediction, 5);
    const double scale = s->class_scale * (others ? focus(s, m->output[at + wanted * cells]) : 1);
    for (int c = 0; c < m->d->classes; c++) {
        const double target = (c == wanted) * (1 - (double)s->smoothing) + s->smoothing / 2;
        const double weight = c == wanted ? scale * weight_of(s, c) : scale;
        if (c == wanted || others)
            m->delta[at + c * cells] = (float)(weight * (target - m->output[at + c * cells]));
    }
}

/* [region]: the prediction that a truth claims: in its centre's cell, the anchor whose size, or
 * predicted size, fits it best. */
static int64_t claimed(const detector_loss *s, const detector_image *m, const float truth[5])
{
    const detector *d = m->d;
    const int64_t cells = (int64_t)d->w * d->h, cell = detector_cell(d, truth);
    float size[MAX_ANCHORS][2];
    for (int n = 0; n < d->anchors; n++) {
        float box[4];
        detector_box(d, m->output, n * cells + cell, box);
        memcpy(size[n], s->bias_match ? d->anchor + 2 * n : box + 2, sizeof size[n]);
    }
    return best_size((const float(*)[2])size, d->anchors, truth) * cells + cell;
}

/* Objectness apart from classes: YOLOv2's own, the paper's Loss2. */
static void no_object(const detector_loss *s, const detector_image *m, int64_t prediction)
{
    const int64_t at = detector_entry(m->d, prediction, 4);
    m->delta[at] = (float)(s->noobject_scale * ((double)m->d->background - m->output[at]));
}

/* Where classes compete, all their deltas are set even if another truth has claimed the prediction
 * before; else only the class's own then. */
static void object_and_class(const detector_loss *s, const detector_image *m, int64_t prediction,
                             int class, double iou, bool again)
{
    const int64_t at = detector_entry(m->d, prediction, 4);
    const double target = m->d->background ? 0 : s->rescore ? iou : 1;
    teach_class(s, m, prediction, class, s->exclusive || !again);
    m->delta[at] = (float)(s->object_scale * (target - m->output[at]));
}

/* Minus the gradient of focal loss, -alpha*(1 - p)^gamma*log(p), by the raw values before the
 * softmax over the background and the classes; p: of the wanted entry (Lin et al., Focal Loss,
 * 2017). gamma 0 and alpha 1: of the cross entropy, wanted - p. */
static void teach_joint(const detector_loss *s, const detector_image *m, int64_t prediction,
                        int wanted, double scale)
{
    enum { BACKGROUND = 4 };
    const int64_t cells = (int64_t)m->d->w * m->d->h, at = detector_entry(m->d, prediction, 0);
    const double p = fmax(m->output[at + wanted * cells], 1e-12), miss = 1 - p;
    const double gamma = s->focal_gamma;
    double slope = scale * pow(miss, gamma);
    if (gamma > 0 && miss > 0)
        slope -= scale * gamma * pow(miss, gamma - 1) * p * log(p);
    if (s->focal_alpha > 0)
        slope *= wanted == BACKGROUND ? 1 - (double)s->focal_alpha : s->focal_alpha;
    for (int e = BACKGROUND; e < 5 + m->d->classes; e++)
        m->delta[at + e * cells] =
            (float)(slope * ((e == wanted) - (double)m->output[at + e * cells]));
}

/* One classification of foreground and background alike, and no objectness: the paper's Loss1. */
static void joint_background(const detector_loss *s, const detector_image *m, int64_t prediction)
{
    teach_joint(s, m, prediction, 4, s->noobject_scale);
}

static void joint_class(const detector_loss *s, const detector_image *m, int64_t prediction,
                        int class, double iou, bool again)
{
    (void)iou;
    (void)again;
    teach_joint(s, m, prediction, 5 + class, s->class_scale);
}

/* Minus the gradient of focal loss by the raw value of a class's own logistic function. */
static void teach_alone(const detector_loss *s, const detector_image *m, int64_t prediction,
                        int class, bool wanted, double scale)
{
    const int64_t at = detector_entry(m->d, prediction, 5 + class);
    m->delta[at] = (float)focal_slope(s->focal_gamma, s->focal_alpha, m->output[at], wanted, scale);
}

/* The same with a logistic function for each class: the background is where all are low. */
static void alone_background(const detector_loss *s, const detector_image *m, int64_t prediction)
{
    for (int c = 0; c < m->d->classes; c++)
        teach_alone(s, m, prediction, c, false, s->noobject_scale);
}

static void alone_class(const detector_loss *s, const detector_image *m, int64_t prediction,
                        int class, double iou, bool again)
{
    (void)iou;
    for (int c = 0; c < m->d->classes; c++)
        if (c == class || !again)
            teach_alone(s, m, prediction, c, c == class, s->class_scale);
}

const objective_row region_objectives[] = {
    {{"separate", "objectness apart from the classes: YOLOv2's own"}, no_object, object_and_class,
     false, false},
    {{"joint", "one classification of background and classes, no objectness; wants background=1"},
     joint_background, joint_class, true, false},
    {{"sigmoids", "joint with the logistic function for each class, as RetinaNet has it; wants "
                  "background=0 and softmax=0"},
     alone_background, alone_class, false, true},
    {{NULL, NULL}, NULL, NULL, false, false},
};

static void region(const detector_loss *s, const detector_image *m)
{
    static const double at_anchor[4] = {.5, .5, 0, 0};
    const objective_row *objective = &region_objectives[s->objective];
    const int64_t predictions = detector_predictions(m->d);
    for (int64_t i = 0; i < predictions; i++) {
        float box[4];
        detector_box(m->d, m->output, i, box);
        const standing now = detector_compare(m, box);
        if (now.iou > s->thresh || now.ignored)
            m->assigned[i] = -1;
        else
            objective->background(s, m, i);
        if (s->at_anchors)
            detector_draw_box(m, i, at_anchor, .01);
    }
    for (int t = 0; t < m->rows; t++) {
        const float *truth = m->truth + (size_t)t * 5;
        if (detector_truth(m->d, truth) != TRUTH_OBJECT)
            continue;
        const int64_t prediction = claimed(s, m, truth);
        const bool again = m->assigned[prediction] == 1;
        const double iou = detector_claim(m, prediction, truth);
        detector_teach_box(s, m, prediction, truth, s->coord_scale);
        objective->foreground(s, m, prediction, (int)truth[4], iou, again);
        detector_count_truth(m, prediction, truth, iou);
    }
}

/* [yolo]: a truth's box and class, and an objectness of 1. Returns the IoU with the prediction. */
static double teach(const detector_loss *s, const detector_image *m, int64_t prediction,
                    const float truth[5])
{
    const int64_t at = detector_entry(m->d, prediction, 4);
    const int class = (int)truth[4];
    const double weight = weight_of(s, class);
    m->delta[at] = (float)(weight * s->object_scale * (1 - (double)m->output[at]));
    detector_teach_box(s, m, prediction, truth, weight * s->coord_scale);
    teach_class(s, m, prediction, class, m->assigned[prediction] != 1);
    return detector_claim(m, prediction, truth);
}

/* Objectness of a prediction that no truth has claimed yet. */
static void teach_background(const detector_loss *s, const detector_image *m, int64_t prediction,
                             const standing *now)
{
    const int64_t at = detector_entry(m->d, prediction, 4);
    const double objectness = m->output[at];
    if (now->iou > s->thresh || now->ignored) {
        m->assigned[prediction] = -1;
        if (s->smooth_objectness && !now->ignored && now->iou > objectness)
            m->delta[at] = (float)(s->object_scale * (now->iou - objectness));
    } else {
        m->delta[at] = (float)(s->noobject_scale * -objectness);
    }
}

/* [yolo]: a truth teaches its best anchor and, with iou_thresh, others that fit it well: those of
 * them that are this head's, in the cell of its centre. */
static void teach_anchors(const detector_loss *s, const detector_image *m, const float truth[5])
{
    const int64_t cells = (int64_t)m->d->w * m->d->h, cell = detector_cell(m->d, truth);
    const float wanted[4] = {0, 0, truth[2], truth[3]};
    const int best = best_size(s->size, s->sizes, truth);
    for (int i = 0; i < s->sizes; i++) {
        const float size[4] = {0, 0, s->size[i][0], s->size[i][1]};
        if (s->own[i] < 0 || (i != best && !(dn_iou(size, wanted) > s->iou_thresh)))
            continue;
        const int64_t prediction = s->own[i] * cells + cell;
        detector_count_truth(m, prediction, truth, teach(s, m, prediction, truth));
    }
}

static void yolo(const detector_loss *s, const detector_image *m)
{
    const int64_t predictions = detector_predictions(m->d);
    for (int64_t i = 0; i < predictions; i++) {
        float box[4];
        detector_box(m->d, m->output, i, box);
        const standing now = detector_compare(m, box);
        if (now.iou > s->truth_thresh)
            teach(s, m, i, m->truth + (size_t)now.row * 5);
        else
            teach_background(s, m, i, &now);
    }
    for (int t = 0; t < m->rows; t++) {
        const float *truth = m->truth + (size_t)t * 5;
        if (detector_truth(m->d, truth) == TRUTH_OBJECT)
            teach_anchors(s, m, truth);
    }
}

void reference_region_loss(const pass *p, const detector_loss *s, const detector_arrays *a,
                           detector_result *sum)
{
    detector_all_images(p, s, a, region, sum);
}

void reference_yolo_loss(const pass *p, const detector_loss *s, const detector_arrays *a,
                         detector_result *sum)
{
    detector_all_images(p, s, a, yolo, sum);
}

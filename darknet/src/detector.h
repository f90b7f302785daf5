/* A box predictor's output, as [region], [yolo], [Gaussian_yolo], [detection], [lrm] and dn_boxes
 * see it.
 *
 * Output of an image: (anchors, 4 + 1 + classes, h, w). Prediction n*h*w + cell with
 * cell = row*w + col; its entry e (0-3 box, 4 objectness, from 5 on classes) stands at
 * (n*(5+classes) + e)*h*w + cell.
 * [Gaussian_yolo]'s: (anchors, 8 + 1 + classes, h, w), where each of x, y, w, h has its uncertainty
 * after it; entries 0-3 are still x, y, w, h, 4 objectness.
 * [detection]'s: (h, w, classes), which all anchors of a cell share; then (h, w, anchors)
 * objectness; then (h, w, anchors, 4) boxes.
 */
#ifndef DN_DETECTOR_H
#define DN_DETECTOR_H

#include "callable.h"
#include "layer.h"

enum { MAX_ANCHORS = 128 }; /* anchors of a detector layer's cfg section */

typedef struct detector {
    int anchors, classes;  /* anchors a cell */
    int w, h;
    bool background;       /* entry 4 is the background's probability, score = class's alone */
    bool classes_alone;    /* entry 4 means nothing, score = class's alone */
    bool uncertain;        /* [Gaussian_yolo]: its layout; the score falls with the uncertainties */
    bool squares;          /* w, h: (2*value)^2 anchors, not exp(value) */
    bool shares_classes;   /* [detection]: its layout; w, h: the value, or with roots its square */
    bool roots;
    const tree *tree;      /* the classes are its nodes; NULL: they stand beside each other */
    bool objectness_gates; /* yolo: only predictions with objectness > thresh are detections */
    int nms_kind;          /* a row of nms_kinds; the last detector's counts for all */
    float beta_nms;
    float prior;           /* a fresh network finds objects with this probability; 0: as it is */
    const float *anchor;   /* (anchors, 2): widths and heights relative to the network's input;
                              [detection]: NULL */
} detector;

/* What [yolo] nms_kind= chooses from: the power of corners_overlap. */
typedef struct {
    choice choice;
    double (*power)(const detector *d);
} nms_row;
extern const nms_row nms_kinds[];

static DN_CALLABLE inline int64_t detector_predictions(const detector *d)
{
    return (int64_t)d->anchors * d->h * d->w;
}
/* Values of a prediction; [detection]: but for the classes, which it shares. */
static DN_CALLABLE inline int detector_width(const detector *d)
{
    return (d->uncertain ? 9 : 5) + (d->shares_classes ? 0 : d->classes);
}
static DN_CALLABLE inline int64_t detector_entry(const detector *d, int64_t prediction, int entry)
{
    const int64_t cells = (int64_t)d->h * d->w, n = prediction / cells, cell = prediction % cells;
    const int place = !d->uncertain ? entry : entry < 4 ? 2 * entry : 4 + entry;
    if (!d->shares_classes)
        return (n * detector_width(d) + place) * cells + cell;
    if (entry >= 5)
        return cell * d->classes + entry - 5;
    const int64_t own = cell * d->anchors + n, boxes = cells * (d->classes + d->anchors);
    return entry == 4 ? cells * d->classes + own : boxes + own * 4 + entry;
}
/* Floats of an image. */
static DN_CALLABLE inline int64_t detector_values(const detector *d)
{
    const int64_t cells = (int64_t)d->h * d->w;
    return cells * ((int64_t)d->anchors * detector_width(d) + (d->shares_classes ? d->classes : 0));
}
/* How far x, y, w and h of a prediction are apart. */
static DN_CALLABLE inline int64_t detector_box_step(const detector *d)
{
    const int64_t cells = (int64_t)d->h * d->w;
    return d->shares_classes ? 1 : d->uncertain ? 2 * cells : cells;
}
/* How far a prediction's classes are apart. */
static DN_CALLABLE inline int64_t detector_class_step(const detector *d)
{
    return d->shares_classes ? 1 : (int64_t)d->h * d->w;
}

/* Box of a prediction, from the activated output of one image: centre x, y, w, h relative to the
 * network's input. */
void detector_box(const detector *d, const float *output, int64_t prediction, float box[4]);

/* A row of truth: x y w h class. A list ends at its first x == 0; class -1 is a region to ignore; a
 * row without area, more than twice as wide or high as the image, with a class or a centre out of
 * range or with a NaN teaches nothing. */
typedef enum { TRUTH_OBJECT, TRUTH_IGNORE, TRUTH_VOID } truth_kind;
truth_kind detector_truth(const detector *d, const float row[5]);

/* In shape(): refuses a prior that no layer can start from. */
dn_status detector_check_prior(const layer *l, float prior, dn_error *e);
/* In shape(): declares `assigned` and `overlap`, and points l->detector at d. */
void detector_declare(layer *l, const detector *d);

#endif

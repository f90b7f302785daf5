/* A box predictor's output, as [region], [yolo], [lrm] and dn_boxes see it, and the losses' means.
 *
 * Output of an image: (anchors, 4 + 1 + classes, h, w). Prediction n*h*w + cell with
 * cell = row*w + col; its entry e (0-3 box, 4 objectness, from 5 on classes) stands at
 * (n*(5+classes) + e)*h*w + cell.
 */
#ifndef DN_DETECTOR_H
#define DN_DETECTOR_H

#include "layer.h"

enum { MAX_ANCHORS = 128 }; /* anchors of a detector layer's cfg section */

typedef struct detector {
    int anchors, classes;  /* anchors a cell */
    int w, h;
    bool background;       /* entry 4 is the background's probability, score = class's alone */
    bool objectness_gates; /* yolo: only predictions with objectness > thresh are detections */
    float prior;           /* a fresh network finds objects with this probability; 0: as it is */
    const float *anchor;   /* (anchors, 2): widths and heights relative to the network's input */
} detector;

static inline int64_t detector_predictions(const detector *d)
{
    return (int64_t)d->anchors * d->h * d->w;
}
static inline int64_t detector_entry(const detector *d, int64_t prediction, int entry)
{
    const int64_t cells = (int64_t)d->h * d->w;
    return (prediction / cells * (5 + d->classes) + entry) * cells + prediction % cells;
}

/* Box of a prediction, from the activated output of one image: centre x, y, w, h relative to the
 * network's input. */
void detector_box(const detector *d, const float *output, int64_t prediction, float box[4]);

/* A row of truth: x y w h class. A list ends at its first x == 0; class -1 is a region to ignore; a
 * row without area, more than twice as wide or high as the image, with a class or a centre out of
 * range or with a NaN teaches nothing. */
typedef enum { TRUTH_OBJECT, TRUTH_IGNORE, TRUTH_VOID } truth_kind;
truth_kind detector_truth(const detector *d, const float row[5]);

/* What one image's pass found. */
typedef struct {
    double cost; /* sum of the squared deltas */
    dn_detector_stats stats;
} detector_result;

/* One image in a pass with truth. delta and assigned are 0 at first. */
typedef struct {
    const detector *d;
    const float *output;
    float *delta;
    int8_t *assigned;   /* (predictions): 1 claimed by a truth, -1 ignored, 0 background */
    const float *truth; /* (rows, 5) */
    int rows;
    detector_result *result;
} detector_image;

/* l->cost, l->stats, l->delta and `assigned` of a pass: image() on every image, results added up in
 * the images' order. At most `max` rows of truth an image are read. Without truth: no cost, and a
 * delta of 0 where a backward pass may follow. Wants detector_workspace(). */
typedef void detector_loss(const layer *l, const pass *p, detector_image *m);
void detector_losses(layer *l, const pass *p, int max, detector_loss *image);
size_t detector_workspace(const layer *l, const pass *p);
/* In shape(): declares `assigned` and points l->detector at d. */
void detector_declare(layer *l, const detector *d);

/* How a predicted box stands to an image's truths: best IoU with an object and that object's row
 * (-1: none overlaps); ignored: more than half of its own area lies in one region to ignore. */
typedef struct {
    double iou;
    int row;
    bool ignored;
} standing;
standing detector_compare(const detector_image *m, const float box[4]);

/* The cell that holds a truth's centre. */
int64_t detector_cell(const detector *d, const float truth[5]);
/* Of n sizes (w, h), the first that overlaps a truth's best when both are centred alike. */
int detector_best_size(const float (*size)[2], int n, const float truth[5]);

/* Box delta towards target: x and y within the cell, log(w) and log(h) in anchors. */
void detector_teach_box(const detector_image *m, int64_t prediction, const double target[4],
                        double scale);
/* A truth takes a prediction: sets its box and class deltas, marks it in `assigned` and returns the
 * IoU of the two. exclusive: class probabilities compete (softmax), so all their deltas are set
 * even if another truth has claimed the prediction before; else only the class's own then. */
double detector_claim(const detector_image *m, int64_t prediction, const float truth[5],
                      double box_scale, double class_scale, bool exclusive);
/* Adds a truth that has claimed a prediction, at that IoU, to the statistics. */
void detector_count(const detector_image *m, int64_t prediction, const float truth[5], double iou);

#endif

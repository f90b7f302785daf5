/* Losses of detectors as they cross the backend's table: what a loss is asked to do, the arrays of
 * a pass, and the sums that come back. The arithmetic is backends/reference/detector_loss.c.
 */
#ifndef DN_DETECTOR_LOSS_H
#define DN_DETECTOR_LOSS_H

#include "detector.h"

typedef struct detector_loss {
    const detector *detector;
    int max;              /* rows of truth an image that are read */
    int objective;        /* [region]: a row of region_objectives */
    int box;              /* a row of box_losses; 0: squared errors */
    bool exclusive;       /* class probabilities compete (softmax): all their deltas are set */
    bool rescore, bias_match;
    bool smooth_objectness; /* ignored predictions learn their IoU, where that is higher */
    bool focal;           /* classes: the newer fork's focal loss */
    float smoothing;      /* of the classes' targets */
    float max_delta;      /* of a box by overlap; 0: no bound */
    const float *class_weight; /* of each class's truths; NULL: all 1 */
    bool at_anchors;      /* every prediction is drawn to its anchor */
    float thresh, truth_thresh;
    float object_scale, noobject_scale, class_scale, coord_scale, uncertainty_scale;
    float focal_gamma, focal_alpha;
    /* [yolo]: the anchors of all heads, and this head's number of each; -1: another head's */
    int sizes;
    const float (*size)[2];
    const int *own;
    float iou_thresh;     /* other anchors that fit a truth better than this learn it too */
} detector_loss;

/* The whole batch's; delta NULL: nothing is asked for. */
typedef struct {
    const float *output;
    float *delta;         /* set: minus the gradient at the output, as [region] and [yolo] say */
    int8_t *assigned;     /* (batch, predictions): 1 claimed by a truth, -1 ignored, 0 background */
    float *overlap;       /* (batch, predictions): a claimed one's IoU with its truth; 0 */
} detector_arrays;

/* Sums over the batch, or of one image. */
typedef struct {
    double cost;          /* the sum of the squared deltas */
    dn_detector_stats stats;
} detector_result;

/* One image in a pass with truth. delta, assigned and overlap are 0 at first. */
typedef struct {
    const detector *d;
    const float *output;
    float *delta;
    int8_t *assigned;
    float *overlap;
    const float *truth; /* (rows, 5) */
    int rows;
    detector_result *result;
} detector_image;

/* Box delta towards target: x and y within the cell, w and h as the output has them. */
void detector_draw_box(const detector_image *m, int64_t prediction, const double target[4],
                       double scale);

struct dual; /* a number with its derivatives */
struct dual_box;
/* What [yolo] iou_loss= chooses from: how a claimed prediction's box is learnt. */
typedef struct {
    choice choice;
    /* What a predicted box gains over a true one; NULL: squared errors. box_losses.c */
    struct dual (*gain)(const struct dual_box *predicted, const struct dual_box *wanted);
} box_loss_row;
extern const box_loss_row box_losses[];

/* A claimed prediction's box deltas towards a truth's, by s->box, times scale; and those of its
 * uncertainties, times s->uncertainty_scale. */
void detector_teach_box(const detector_loss *s, const detector_image *m, int64_t prediction,
                        const float truth[5], double scale);

/* What [region] loss= chooses from: how the entries of a prediction but its box are learnt. */
typedef struct {
    choice choice;
    /* Of a prediction that no truth overlaps much. */
    void (*background)(const detector_loss *s, const detector_image *m, int64_t prediction);
    /* Of one that a truth of a class has claimed, at that IoU. again: another one did before. */
    void (*foreground)(const detector_loss *s, const detector_image *m, int64_t prediction,
                       int wanted, double iou, bool again);
    bool wants_background; /* [region] background=1; may be focal */
    bool classes_alone;    /* wants softmax=0 and background=0; may be focal */
} objective_row;
extern const objective_row region_objectives[];

#endif

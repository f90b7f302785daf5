/* What [yolo] and [Gaussian_yolo] share: heads with some of a list of anchors each, of which all
 * compete for a truth. yolo.c has the functions.
 */
#ifndef DN_YOLO_H
#define DN_YOLO_H

#include "shared.h"
#include "detector.h"

enum { MAX_WEIGHED = 4096 }; /* classes with counters_per_class */

typedef struct {
    float_list anchors; /* w, h in pixels of the network's input */
    int_list mask;
    int classes, num, max, random, iou_loss;
    int new_coords, objectness_smooth, focal_loss, nms_kind;
    float_list counters_per_class;
    float jitter, resize, prior, ignore_thresh, truth_thresh, iou_thresh, scale_x_y;
    float iou_normalizer, obj_normalizer, cls_normalizer, delta_normalizer;
    float max_delta, label_smooth_eps, beta_nms;
    float uc_normalizer; /* of [Gaussian_yolo] */

    detector detector;
    float relative[2 * MAX_ANCHORS]; /* of this head's anchors */
    float all[MAX_ANCHORS][2];       /* of all heads' */
    int own[MAX_ANCHORS]; /* this head's number of each of all anchors; -1: another head's */
    float class_weight[MAX_WEIGHED];
} yolo;

/* Their keys, but for how boxes are learnt and for what differs by default. */
#define YOLO_KEYS                                                                                  \
    KEY_INTS(yolo, mask, NULL, "which of the num anchors are this head's, from 0; default: all"),  \
    KEY_FLOATS(yolo, anchors, NULL,                                                                \
               "widths and heights of the num anchors, in pixels of the input"),                   \
    KEY_INT(yolo, classes, 20, 1, 100000, "classes of objects"),                                   \
    KEY_INT(yolo, num, 1, 1, MAX_ANCHORS, "anchors of all heads together"),                        \
    KEY_FLOAT(yolo, ignore_thresh, .5, 0, 1,                                                       \
              "predictions of a larger IoU with a truth are no background"),                       \
    KEY_FLOAT(yolo, truth_thresh, 1, 0, 1,                                                         \
              "predictions of a larger IoU with a truth learn it too"),                            \
    KEY_FLOAT(yolo, iou_thresh, 1, 0, 1,                                                           \
              "a truth also teaches other anchors whose sizes have a larger IoU with its own"),    \
    KEY_FLOAT(yolo, scale_x_y, 1, 1, 10, "stretches x and y beyond the cell's borders"),           \
    KEY_FLOAT(yolo, obj_normalizer, 1, 0, 1e6, "weight of objectness"),                            \
    KEY_FLOAT(yolo, cls_normalizer, 1, 0, 1e6, "weight of the classes"),                           \
    KEY_FLOAT(yolo, delta_normalizer, 1, 0, 1e6, "weight of all of them"),                         \
    KEY_FLOAT(yolo, label_smooth_eps, 0, 0, 1,                                                     \
              "classes learn 1 - half of it and half of it, in place of 1 and 0"),                 \
    KEY_INT(yolo, objectness_smooth, 0, 0, 1,                                                      \
            "1: the objectness of ignored predictions rises to their IoU"),                        \
    KEY_FLOATS(yolo, counters_per_class, NULL,                                                     \
               "objects of each class: those of rarer classes weigh more, by most / own"),         \
    KEY_CHOICE_OF_SOME(yolo, nms_kind, "default", nms_kinds,                                       \
                       "how detections suppress each other"),                                      \
    KEY_FLOAT(yolo, beta_nms, .6, 0, 100, "exponent of nms_kind=diounms"),                         \
    KEY_FLOAT(yolo, jitter, .2, 0, 1,                                                              \
              "training data: share of the size by which an image is cut or moved"),               \
    KEY_FLOAT(yolo, prior, 0, 0, .99,                                                              \
              "a fresh network: the layer before starts near 0, objectness at this; 0: at random"),\
    KEY_FLOAT(yolo, resize, 1, 1, 100,                                                             \
              "training data: the image's size times or divided by up to this"),                   \
    KEY_INT(yolo, random, 0, 0, 1, "training data: 1: another input size every ten batches"),      \
    KEY_FOREIGN("map", "", "labels name the classes of the cfg"),                                  \
    KEY_FOREIGN("iou_thresh_kind", "iou", "anchors are compared by IoU")

/* `box`: values that a box is made of. */
dn_status yolo_shape(layer *l, int box, dn_error *e);
/* The rest of forward(), from the activated output. */
void yolo_learn(layer *l, const pass *p);
void yolo_backward(layer *l, const pass *p);

#endif

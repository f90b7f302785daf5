/* What the losses of detectors share: they go image by image, hold predictions against the truths
 * there, and let truths claim them. */
#ifndef DN_DETECTOR_IMAGES_H
#define DN_DETECTOR_IMAGES_H

#include "reference.h"

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
/* A truth takes a prediction. Returns the IoU of the two. */
double detector_claim(const detector_image *m, int64_t prediction, const float truth[5]);
/* Adds a truth that has claimed a prediction, at that IoU, to the statistics. */
void detector_count_truth(const detector_image *m, int64_t prediction, const float truth[5],
                          double iou);
/* image() on every image, results added up in the images' order. */
void detector_all_images(const pass *p, const detector_loss *s, const detector_arrays *a,
                         void (*image)(const detector_loss *s, const detector_image *m),
                         detector_result *sum);

#endif

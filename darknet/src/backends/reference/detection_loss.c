/* [detection]'s loss, YOLOv1's: a truth claims one of the boxes of its centre's cell, whose classes
 * it teaches too; of several truths in a cell the first counts. */
#include <math.h>
#include <string.h>

#include "boxes.h"
#include "detector_images.h"

static void background(const detector_loss *s, const detector_image *m)
{
    for (int64_t i = 0; i < detector_predictions(m->d); i++) {
        const int64_t at = detector_entry(m->d, i, 4);
        float box[4];
        detector_box(m->d, m->output, i, box);
        if (detector_compare(m, box).ignored)
            m->assigned[i] = -1;
        else
            m->delta[at] = (float)(s->noobject_scale * -(double)m->output[at]);
    }
}

static bool is_claimed(const detector_image *m, int64_t cell)
{
    const int64_t cells = (int64_t)m->d->w * m->d->h;
    for (int n = 0; n < m->d->anchors; n++)
        if (m->assigned[n * cells + cell] == 1)
            return true;
    return false;
}

static double squared_distance(const float a[4], const float b[4])
{
    double sum = 0;
    for (int i = 0; i < 4; i++)
        sum += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
    return sum;
}

/* Of a cell's boxes the one of the best IoU with a truth, or the nearest where none overlaps it. */
static int64_t best_box(const detector_image *m, int64_t cell, const float truth[5])
{
    const int64_t cells = (int64_t)m->d->w * m->d->h;
    double most = 0, least = INFINITY;
    int64_t best = cell;
    for (int n = 0; n < m->d->anchors; n++) {
        float box[4];
        detector_box(m->d, m->output, n * cells + cell, box);
        const double iou = dn_iou(box, truth), distance = squared_distance(box, truth);
        if (iou > most || (most == 0 && iou == 0 && distance < least)) {
            most = iou;
            least = distance;
            best = n * cells + cell;
        }
    }
    return best;
}

static void teach(const detector_loss *s, const detector_image *m, int64_t cell,
                  const float truth[5])
{
    const detector *d = m->d;
    const int64_t prediction = best_box(m, cell, truth);
    const double iou = detector_claim(m, prediction, truth);
    const int64_t objectness = detector_entry(d, prediction, 4);
    m->delta[objectness] =
        (float)(s->object_scale * ((s->rescore ? iou : 1) - m->output[objectness]));
    const int64_t class = detector_entry(d, prediction, 5);
    for (int c = 0; c < d->classes; c++)
        m->delta[class + c] =
            (float)(s->class_scale * ((c == (int)truth[4]) - (double)m->output[class + c]));
    const double w = truth[2], h = truth[3];
    const double target[4] = {(double)truth[0] * d->w - (double)(cell % d->w),
                              (double)truth[1] * d->h - (double)(cell / d->w),
                              d->roots ? sqrt(w) : w, d->roots ? sqrt(h) : h};
    const int64_t box = detector_entry(d, prediction, 0);
    for (int i = 0; i < 4; i++)
        m->delta[box + i] = (float)(s->coord_scale * (target[i] - m->output[box + i]));
    detector_count_truth(m, prediction, truth, iou);
}

static void detection(const detector_loss *s, const detector_image *m)
{
    background(s, m);
    for (int t = 0; t < m->rows; t++) {
        const float *truth = m->truth + (size_t)t * 5;
        if (detector_truth(m->d, truth) != TRUTH_OBJECT)
            continue;
        const int64_t cell = detector_cell(m->d, truth);
        if (!is_claimed(m, cell))
            teach(s, m, cell, truth);
    }
}

void reference_detection_loss(const pass *p, const detector_loss *s, const detector_arrays *a,
                              detector_result *sum)
{
    detector_all_images(p, s, a, detection, sum);
}

/* What detectors have in common: boxes, truths. */
#include "detector.h"

#include <math.h>

/* A width or height in anchors; [detection]: in the network's input. */
static double size_of(const detector *d, float value)
{
    if (d->shares_classes)
        return d->roots ? (double)value * value : value;
    return d->squares ? 4 * (double)value * value : exp(value);
}

void detector_box(const detector *d, const float *output, int64_t prediction, float box[4])
{
    const int64_t cells = (int64_t)d->w * d->h, cell = prediction % cells;
    const float *anchor = d->anchor ? d->anchor + prediction / cells * 2 : (const float[]){1, 1};
    const float *t = output + detector_entry(d, prediction, 0);
    const int64_t step = detector_box_step(d);
    box[0] = (float)(((double)(cell % d->w) + t[0]) / d->w);
    box[1] = (float)(((double)(cell / d->w) + t[step]) / d->h);
    box[2] = (float)(size_of(d, t[2 * step]) * anchor[0]);
    box[3] = (float)(size_of(d, t[3 * step]) * anchor[1]);
}

static bool between(float value, float least, float most)
{
    return value >= least && value <= most;
}

truth_kind detector_truth(const detector *d, const float row[5])
{
    const bool box = isfinite(row[0]) && isfinite(row[1]) && row[2] > 0 && row[3] > 0
                     && isfinite(row[2]) && isfinite(row[3]);
    if (box && row[4] == -1)
        return TRUTH_IGNORE;
    return box && between(row[0], 0, 1) && between(row[1], 0, 1) && row[2] <= 2 && row[3] <= 2
                   && row[4] >= 0 && row[4] < (float)d->classes
               ? TRUTH_OBJECT
               : TRUTH_VOID;
}

void detector_declare(layer *l, const detector *d)
{
    l->detector = d;
    const int64_t predictions[] = {detector_predictions(d)};
    dn_add_buffer(l, "assigned", DN_INT8, LIVES_ON, 1, predictions);
    dn_add_buffer(l, "overlap", DN_FLOAT32, LIVES_ON, 1, predictions);
}

dn_status detector_check_prior(const layer *l, float prior, dn_error *e)
{
    const layer *before = l->sources[0];
    if (!(prior > 0) || (before && dn_param(before, "weights") && dn_param(before, "biases")))
        return DN_OK;
    return dn_input_error(l, e, "prior= needs weights and biases there to start from");
}

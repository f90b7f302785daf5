/* What [region] and [yolo] have in common: boxes, truths, deltas and their sums. */
#include "detector.h"

#include <string.h>

#include "boxes.h"

void detector_box(const detector *d, const float *output, int64_t prediction, float box[4])
{
    const int64_t cells = (int64_t)d->w * d->h, cell = prediction % cells;
    const float *anchor = d->anchor + prediction / cells * 2;
    const float *t = output + detector_entry(d, prediction, 0);
    box[0] = (float)(((double)(cell % d->w) + t[0]) / d->w);
    box[1] = (float)(((double)(cell / d->w) + t[cells]) / d->h);
    box[2] = (float)(exp(t[2 * cells]) * anchor[0]);
    box[3] = (float)(exp(t[3 * cells]) * anchor[1]);
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

standing detector_compare(const detector_image *m, const float box[4])
{
    const corners predicted = box_corners(box);
    standing s = {0, -1, false};
    for (int t = 0; t < m->rows; t++) {
        const float *row = m->truth + (size_t)t * 5;
        const truth_kind kind = detector_truth(m->d, row);
        if (kind == TRUTH_VOID)
            continue;
        const corners truth = box_corners(row);
        if (kind == TRUTH_IGNORE) {
            s.ignored |= corners_intersection(&predicted, &truth) > predicted.area / 2;
            continue;
        }
        const double iou = corners_iou(&predicted, &truth);
        if (iou > s.iou) {
            s.iou = iou;
            s.row = t;
        }
    }
    return s;
}

int64_t detector_cell(const detector *d, const float truth[5])
{
    const int col = (int)((double)truth[0] * d->w), row = (int)((double)truth[1] * d->h);
    return (int64_t)(row < d->h ? row : d->h - 1) * d->w + (col < d->w ? col : d->w - 1);
}

int detector_best_size(const float (*size)[2], int n, const float truth[5])
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

void detector_teach_box(const detector_image *m, int64_t prediction, const double target[4],
                        double scale)
{
    const int64_t cells = (int64_t)m->d->w * m->d->h, at = detector_entry(m->d, prediction, 0);
    for (int e = 0; e < 4; e++)
        m->delta[at + e * cells] = (float)(scale * (target[e] - m->output[at + e * cells]));
}

static void teach_class(const detector_image *m, int64_t prediction, int wanted, double scale,
                        bool others)
{
    const int64_t cells = (int64_t)m->d->w * m->d->h, at = detector_entry(m->d, prediction, 5);
    for (int c = 0; c < m->d->classes; c++)
        if (c == wanted || others)
            m->delta[at + c * cells] =
                (float)(scale * ((c == wanted) - (double)m->output[at + c * cells]));
}

double detector_claim(const detector_image *m, int64_t prediction, const float truth[5],
                      double box_scale, double class_scale, bool exclusive)
{
    const detector *d = m->d;
    const int64_t cells = (int64_t)d->w * d->h, cell = prediction % cells;
    const float *anchor = d->anchor + prediction / cells * 2;
    const double target[4] = {(double)truth[0] * d->w - (double)(cell % d->w),
                              (double)truth[1] * d->h - (double)(cell / d->w),
                              log((double)truth[2] / anchor[0]), log((double)truth[3] / anchor[1])};
    float box[4];
    detector_box(d, m->output, prediction, box);
    detector_teach_box(m, prediction, target, box_scale * (2 - (double)truth[2] * truth[3]));
    teach_class(m, prediction, (int)truth[4], class_scale,
                exclusive || m->assigned[prediction] != 1);
    m->assigned[prediction] = 1;
    return dn_iou(box, truth);
}

void detector_count(const detector_image *m, int64_t prediction, const float truth[5], double iou)
{
    dn_detector_stats *s = &m->result->stats;
    s->iou += iou;
    s->objectness += m->output[detector_entry(m->d, prediction, 4)];
    s->class_probability += m->output[detector_entry(m->d, prediction, 5 + (int)truth[4])];
    s->recall50 += iou > .5;
    s->recall75 += iou > .75;
    s->count++;
    s->class_count++;
}

void detector_declare(layer *l, const detector *d)
{
    l->detector = d;
    dn_add_buffer(l, "assigned", DN_INT8, LIVES_ON, 1, (const int64_t[]){detector_predictions(d)});
}

size_t detector_workspace(const layer *l, const pass *p)
{
    (void)l;
    return (size_t)p->batch * sizeof(detector_result);
}

static int list_length(const float *truth, int most)
{
    int rows = 0;
    while (rows < most && truth[(size_t)rows * 5] != 0)
        rows++;
    return rows;
}

static void measure(detector_image *m, int64_t count)
{
    const detector *d = m->d;
    const int64_t cells = (int64_t)d->w * d->h;
    for (int64_t i = 0; i < count; i++)
        m->result->cost += (double)m->delta[i] * m->delta[i];
    for (int n = 0; n < d->anchors; n++) {
        const float *objectness = m->output + detector_entry(d, n * cells, 4);
        for (int64_t cell = 0; cell < cells; cell++)
            m->result->stats.noobjectness += objectness[cell];
    }
    m->result->stats.predictions += detector_predictions(d);
}

static void add_stats(dn_detector_stats *sum, const dn_detector_stats *s)
{
    sum->iou += s->iou;
    sum->class_probability += s->class_probability;
    sum->objectness += s->objectness;
    sum->noobjectness += s->noobjectness;
    sum->recall50 += s->recall50;
    sum->recall75 += s->recall75;
    sum->count += s->count;
    sum->class_count += s->class_count;
    sum->predictions += s->predictions;
}

void detector_losses(layer *l, const pass *p, int max, detector_loss *image)
{
    const int64_t count = dims_count(l->out), predictions = detector_predictions(l->detector);
    int8_t *assigned = dn_buffer(l, "assigned");
    l->cost = 0;
    l->stats = (dn_detector_stats){0};
    if (assigned)
        memset(assigned, 0, (size_t)(p->batch * predictions));
    if (l->delta && (p->truth || p->backward))
        memset(l->delta, 0, (size_t)(p->batch * count) * sizeof(float));
    if (!p->truth || !l->delta)
        return;
    detector_result *results = p->workspace;
#pragma omp parallel for num_threads(p->threads) schedule(static)
    for (int b = 0; b < p->batch; b++) {
        const float *truth = p->truth + (size_t)b * (size_t)p->truths * 5;
        results[b] = (detector_result){0};
        detector_image m = {.d = l->detector,
                            .output = l->output + b * count,
                            .delta = l->delta + b * count,
                            .assigned = assigned + b * predictions,
                            .truth = truth,
                            .rows = list_length(truth, p->truths < max ? p->truths : max),
                            .result = &results[b]};
        image(l, p, &m);
        measure(&m, count);
    }
    for (int b = 0; b < p->batch; b++) {
        l->cost += results[b].cost;
        add_stats(&l->stats, &results[b].stats);
    }
}

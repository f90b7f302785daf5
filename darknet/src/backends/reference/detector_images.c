#include "detector_images.h"

#include <string.h>

#include "boxes.h"

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

double detector_claim(const detector_image *m, int64_t prediction, const float truth[5])
{
    float box[4];
    detector_box(m->d, m->output, prediction, box);
    m->assigned[prediction] = 1;
    const double iou = dn_iou(box, truth);
    m->overlap[prediction] = (float)iou;
    return iou;
}

static double class_probability(const detector_image *m, int64_t prediction, int class)
{
    const float *p = m->output + detector_entry(m->d, prediction, 5);
    const int64_t step = detector_class_step(m->d);
    return m->d->tree ? tree_probability(m->d->tree, p, step, class) : p[class * step];
}

void detector_count_truth(const detector_image *m, int64_t prediction, const float truth[5],
                          double iou)
{
    dn_detector_stats *s = &m->result->stats;
    s->iou += iou;
    s->objectness += m->output[detector_entry(m->d, prediction, 4)];
    s->class_probability += class_probability(m, prediction, (int)truth[4]);
    s->recall50 += iou > .5;
    s->recall75 += iou > .75;
    s->count++;
    s->class_count++;
}

static int list_length(const float *truth, int most)
{
    int rows = 0;
    while (rows < most && truth[(size_t)rows * 5] != 0)
        rows++;
    return rows;
}

static void measure(const detector_image *m)
{
    const detector *d = m->d;
    const int64_t count = detector_values(d), predictions = detector_predictions(d);
    for (int64_t i = 0; i < count; i++)
        m->result->cost += (double)m->delta[i] * m->delta[i];
    for (int64_t i = 0; i < predictions; i++)
        m->result->stats.noobjectness += m->output[detector_entry(d, i, 4)];
    m->result->stats.predictions += predictions;
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

void detector_all_images(const pass *p, const detector_loss *s, const detector_arrays *a,
                         void (*image)(const detector_loss *s, const detector_image *m),
                         detector_result *sum)
{
    const detector *d = s->detector;
    const int64_t predictions = detector_predictions(d), count = detector_values(d);
    *sum = (detector_result){0};
    if (a->assigned)
        memset(a->assigned, 0, (size_t)(p->batch * predictions));
    if (a->overlap)
        memset(a->overlap, 0, (size_t)(p->batch * predictions) * sizeof(float));
    if (a->delta && (p->truth || p->backward))
        memset(a->delta, 0, (size_t)(p->batch * count) * sizeof(float));
    if (!p->truth || !a->delta)
        return;
    detector_result *results = p->workspace;
    const int most = p->truths < s->max ? p->truths : s->max;
#pragma omp parallel for num_threads(p->threads) schedule(static)
    for (int b = 0; b < p->batch; b++) {
        const float *truth = p->truth + (size_t)b * (size_t)p->truths * 5;
        results[b] = (detector_result){0};
        const detector_image m = {.d = d,
                                  .output = a->output + b * count,
                                  .delta = a->delta + b * count,
                                  .assigned = a->assigned + b * predictions,
                                  .overlap = a->overlap + b * predictions,
                                  .truth = truth,
                                  .rows = list_length(truth, most),
                                  .result = &results[b]};
        image(s, &m);
        measure(&m);
    }
    for (int b = 0; b < p->batch; b++) {
        sum->cost += results[b].cost;
        add_stats(&sum->stats, &results[b].stats);
    }
}

size_t reference_detector_workspace(const pass *p)
{
    return (size_t)p->batch * sizeof(detector_result);
}

/* [region]'s and [yolo]'s losses. A thread holds each prediction against all truths of its image;
 * then a block an image lets the truths claim theirs, one after another, as a later one may claim
 * what an earlier one did; then a block an image adds up. */
#include "box_losses.h"
#include "detector.h"
#include "formulas.h"
#include "hosted.h"

/* A loss with what it points to. */
typedef struct {
    detector_loss s;
    predictor r;
    float size[MAX_ANCHORS][2];
    int own[MAX_ANCHORS];
    bool yolo;
    int truths, rows; /* of an image: given, and read at most */
} task;

typedef struct {
    const task *k;
    const float *output;
    float *delta;
    int8_t *assigned;
    float *overlap;
    const float *truth;
    int rows;
} image;

static __device__ image image_of(const task *k, const detector_arrays *a, const float *truth,
                                 int64_t b)
{
    const int64_t count = detector_values(&k->r.d), predictions = detector_predictions(&k->r.d);
    const float *rows = truth + b * k->truths * 5;
    int listed = 0;
    while (listed < k->rows && rows[listed * 5] != 0)
        listed++;
    return {k, a->output + b * count, a->delta + b * count, a->assigned + b * predictions,
            a->overlap + b * predictions, rows, listed};
}

static __device__ int64_t cells_of(const image *m)
{
    return (int64_t)m->k->r.d.w * m->k->r.d.h;
}

static __device__ int64_t entry_of(const image *m, int64_t prediction, int entry)
{
    return detector_entry(&m->k->r.d, prediction, entry);
}

/* As detector_truth(). */
static __device__ truth_kind kind_of(const image *m, const float *row)
{
    const float x = row[0], y = row[1], w = row[2], h = row[3], own = row[4];
    if (!isfinite(x) || !isfinite(y) || !(w > 0) || !(h > 0) || !isfinite(w) || !isfinite(h))
        return TRUTH_VOID;
    if (own == -1)
        return TRUTH_IGNORE;
    return x >= 0 && x <= 1 && y >= 0 && y <= 1 && w <= 2 && h <= 2 && own >= 0
                   && own < (float)m->k->r.d.classes
               ? TRUTH_OBJECT
               : TRUTH_VOID;
}

static __device__ double iou_of(const float a[4], const float b[4])
{
    const corners first = box_corners(a), second = box_corners(b);
    return corners_iou(&first, &second);
}

typedef struct {
    double iou;
    int row;
    bool ignored;
} standing;

static __device__ standing compare(const image *m, const float box[4])
{
    const corners own = box_corners(box);
    standing s = {0, -1, false};
    for (int t = 0; t < m->rows; t++) {
        const float *row = m->truth + t * 5;
        const truth_kind kind = kind_of(m, row);
        const corners truth = box_corners(row);
        if (kind == TRUTH_IGNORE)
            s.ignored |= corners_intersection(&own, &truth) > own.area / 2;
        if (kind != TRUTH_OBJECT)
            continue;
        const double iou = corners_iou(&own, &truth);
        if (iou > s.iou) {
            s.iou = iou;
            s.row = t;
        }
    }
    return s;
}

static __device__ float bounded(double value, double most)
{
    if (!isfinite(value))
        return 0;
    return (float)(most > 0 && value > most ? most : most > 0 && value < -most ? -most : value);
}

static __device__ void teach_overlap(const image *m, int64_t prediction, const float *truth,
                                     double scale)
{
    const task *k = m->k;
    const int64_t cells = cells_of(m), at = entry_of(m, prediction, 0);
    const float *anchor = k->r.anchor + prediction / cells * 2;
    float box[4];
    predicted(&k->r, m->output, prediction, box);
    const edged own = with_edges(box, true), wanted = with_edges(truth, false);
    const slope4 gain = overlap_gain(k->s.box, &own, &wanted);
    const double sides[4] = {1, 1, k->r.d.squares ? 2 : 2 * (double)box[2] / anchor[0],
                             k->r.d.squares ? 2 : 2 * (double)box[3] / anchor[1]};
    for (int e = 0; e < 4; e++)
        m->delta[at + e * cells] = bounded(scale * gain.d[e] * sides[e], k->s.max_delta);
}

static __device__ void draw_box(const image *m, int64_t prediction, const double target[4],
                                double scale)
{
    const int64_t cells = cells_of(m), at = entry_of(m, prediction, 0);
    for (int e = 0; e < 4; e++)
        m->delta[at + e * cells] = (float)(scale * (target[e] - m->output[at + e * cells]));
}

static __device__ void teach_box(const image *m, int64_t prediction, const float *truth,
                                 double scale)
{
    if (m->k->s.box != BOX_MSE) {
        teach_overlap(m, prediction, truth, scale);
        return;
    }
    const detector *d = &m->k->r.d;
    const int64_t cells = cells_of(m), cell = prediction % cells;
    const float *anchor = m->k->r.anchor + prediction / cells * 2;
    const double w = (double)truth[2] / anchor[0], h = (double)truth[3] / anchor[1];
    const double target[4] = {(double)truth[0] * d->w - (double)(cell % d->w),
                              (double)truth[1] * d->h - (double)(cell / d->w),
                              d->squares ? sqrt(w / 4) : log(w), d->squares ? sqrt(h / 4) : log(h)};
    draw_box(m, prediction, target, scale * (2 - (double)truth[2] * truth[3]));
}

static __device__ double focus(const detector_loss *s, double p)
{
    return s->focal ? .5 * (1 - p) * (1 - p - 2 * p * log(fmax(p, 1e-15))) : 1;
}

/* others: of every class, not of the wanted one alone. */
static __device__ void teach_class(const image *m, int64_t prediction, int wanted, bool others)
{
    const detector_loss *s = &m->k->s;
    const int64_t cells = cells_of(m), at = entry_of(m, prediction, 5);
    const double scale = s->class_scale * (others ? focus(s, m->output[at + wanted * cells]) : 1);
    for (int c = 0; c < m->k->r.d.classes; c++) {
        const double target = (c == wanted) * (1 - (double)s->smoothing) + s->smoothing / 2;
        if (c == wanted || others)
            m->delta[at + c * cells] = (float)(scale * (target - m->output[at + c * cells]));
    }
}

/* Rows of region_objectives. */
enum { SEPARATE, JOINT, SIGMOIDS };

static __device__ void teach_joint(const image *m, int64_t prediction, int wanted, double scale)
{
    enum { BACKGROUND = 4 };
    const detector_loss *s = &m->k->s;
    const int64_t cells = cells_of(m), at = entry_of(m, prediction, 0);
    const double p = fmax((double)m->output[at + wanted * cells], 1e-12), miss = 1 - p;
    const double gamma = s->focal_gamma;
    double slope = scale * pow(miss, gamma);
    if (gamma > 0 && miss > 0)
        slope -= scale * gamma * pow(miss, gamma - 1) * p * log(p);
    if (s->focal_alpha > 0)
        slope *= wanted == BACKGROUND ? 1 - (double)s->focal_alpha : s->focal_alpha;
    for (int e = BACKGROUND; e < 5 + m->k->r.d.classes; e++)
        m->delta[at + e * cells] =
            (float)(slope * ((e == wanted) - (double)m->output[at + e * cells]));
}

static __device__ void teach_alone(const image *m, int64_t prediction, int own, bool wanted,
                                   double scale)
{
    const detector_loss *s = &m->k->s;
    const int64_t at = entry_of(m, prediction, 5 + own);
    m->delta[at] = (float)focal_slope(s->focal_gamma, s->focal_alpha, m->output[at], wanted, scale);
}

/* [region]: a prediction that no truth overlaps much. */
static __device__ void leave_to_background(const image *m, int64_t prediction)
{
    const detector_loss *s = &m->k->s;
    const detector *d = &m->k->r.d;
    const int64_t at = entry_of(m, prediction, 4);
    if (s->objective == JOINT)
        teach_joint(m, prediction, 4, s->noobject_scale);
    else if (s->objective == SIGMOIDS)
        for (int c = 0; c < d->classes; c++)
            teach_alone(m, prediction, c, false, s->noobject_scale);
    else
        m->delta[at] = (float)(s->noobject_scale * ((double)d->background - m->output[at]));
}

/* [region]: one that a truth has claimed. again: another one did before. */
static __device__ void teach_object(const image *m, int64_t prediction, int own, double iou,
                                    bool again)
{
    const detector_loss *s = &m->k->s;
    const detector *d = &m->k->r.d;
    const int64_t at = entry_of(m, prediction, 4);
    if (s->objective == JOINT) {
        teach_joint(m, prediction, 5 + own, s->class_scale);
    } else if (s->objective == SIGMOIDS) {
        for (int c = 0; c < d->classes; c++)
            if (c == own || !again)
                teach_alone(m, prediction, c, c == own, s->class_scale);
    } else {
        const double target = d->background ? 0 : s->rescore ? iou : 1;
        teach_class(m, prediction, own, s->exclusive || !again);
        m->delta[at] = (float)(s->object_scale * (target - m->output[at]));
    }
}

static __device__ double claim(const image *m, int64_t prediction, const float *truth)
{
    float box[4];
    predicted(&m->k->r, m->output, prediction, box);
    m->assigned[prediction] = 1;
    const double iou = iou_of(box, truth);
    m->overlap[prediction] = (float)iou;
    return iou;
}

/* [yolo]: a truth's box and class, and an objectness of 1. Returns the IoU with the prediction. */
static __device__ double teach_yolo(const image *m, int64_t prediction, const float *truth)
{
    const detector_loss *s = &m->k->s;
    const int64_t at = entry_of(m, prediction, 4);
    m->delta[at] = (float)(1.0 * s->object_scale * (1 - (double)m->output[at]));
    teach_box(m, prediction, truth, s->coord_scale);
    teach_class(m, prediction, (int)truth[4], m->assigned[prediction] != 1);
    return claim(m, prediction, truth);
}

static __device__ void judge_region(const image *m, int64_t prediction, const standing *now)
{
    const double at_anchor[4] = {.5, .5, 0, 0};
    if (now->iou > m->k->s.thresh || now->ignored)
        m->assigned[prediction] = -1;
    else
        leave_to_background(m, prediction);
    if (m->k->s.at_anchors)
        draw_box(m, prediction, at_anchor, .01);
}

static __device__ void judge_yolo(const image *m, int64_t prediction, const standing *now)
{
    const detector_loss *s = &m->k->s;
    const int64_t at = entry_of(m, prediction, 4);
    const double objectness = m->output[at];
    if (now->iou > s->truth_thresh) {
        teach_yolo(m, prediction, m->truth + now->row * 5);
    } else if (now->iou > s->thresh || now->ignored) {
        m->assigned[prediction] = -1;
        if (s->smooth_objectness && !now->ignored && now->iou > objectness)
            m->delta[at] = (float)(s->object_scale * (now->iou - objectness));
    } else {
        m->delta[at] = (float)(s->noobject_scale * -objectness);
    }
}

static __global__ void judge(const __grid_constant__ task k, detector_arrays a, const float *truth,
                             int64_t count)
{
    const int64_t predictions = detector_predictions(&k.r.d);
    FOR_EACH(i, count) {
        const image m = image_of(&k, &a, truth, i / predictions);
        const int64_t prediction = i % predictions;
        float box[4];
        predicted(&k.r, m.output, prediction, box);
        const standing now = compare(&m, box);
        if (k.yolo)
            judge_yolo(&m, prediction, &now);
        else
            judge_region(&m, prediction, &now);
    }
}

static __device__ int64_t cell_of(const image *m, const float *truth)
{
    const detector *d = &m->k->r.d;
    const int col = (int)((double)truth[0] * d->w), row = (int)((double)truth[1] * d->h);
    return (int64_t)(row < d->h ? row : d->h - 1) * d->w + (col < d->w ? col : d->w - 1);
}

/* IoU of a size and a truth's, when both are centred alike. */
static __device__ double fit(const float size[2], const float *truth)
{
    const float own[4] = {0, 0, size[0], size[1]}, wanted[4] = {0, 0, truth[2], truth[3]};
    return iou_of(own, wanted);
}

static __device__ void count_truth(const image *m, int64_t prediction, const float *truth,
                                   double iou, dn_detector_stats *s)
{
    s->iou += iou;
    s->objectness += m->output[entry_of(m, prediction, 4)];
    s->class_probability += m->output[entry_of(m, prediction, 5 + (int)truth[4])];
    s->recall50 += iou > .5;
    s->recall75 += iou > .75;
    s->count++;
    s->class_count++;
}

static __device__ void claim_region(const image *m, const float *truth, dn_detector_stats *stats)
{
    const task *k = m->k;
    const int64_t cells = cells_of(m), cell = cell_of(m, truth);
    double most = 0;
    int best = 0;
    for (int n = 0; n < k->r.d.anchors; n++) {
        float box[4];
        predicted(&k->r, m->output, n * cells + cell, box);
        const double iou = fit(k->s.bias_match ? k->r.anchor + 2 * n : box + 2, truth);
        if (iou > most) {
            most = iou;
            best = n;
        }
    }
    const int64_t prediction = best * cells + cell;
    const bool again = m->assigned[prediction] == 1;
    const double iou = claim(m, prediction, truth);
    teach_box(m, prediction, truth, k->s.coord_scale);
    teach_object(m, prediction, (int)truth[4], iou, again);
    count_truth(m, prediction, truth, iou, stats);
}

static __device__ void claim_yolo(const image *m, const float *truth, dn_detector_stats *stats)
{
    const task *k = m->k;
    const int64_t cells = cells_of(m), cell = cell_of(m, truth);
    double most = 0;
    int best = 0;
    for (int i = 0; i < k->s.sizes; i++) {
        const double iou = fit(k->size[i], truth);
        if (iou > most) {
            most = iou;
            best = i;
        }
    }
    for (int i = 0; i < k->s.sizes; i++) {
        if (k->own[i] < 0 || (i != best && !(fit(k->size[i], truth) > k->s.iou_thresh)))
            continue;
        const int64_t prediction = k->own[i] * cells + cell;
        count_truth(m, prediction, truth, teach_yolo(m, prediction, truth), stats);
    }
}

static __global__ void claim_all(const __grid_constant__ task k, detector_arrays a,
                                 const float *truth, int batch, detector_result *results)
{
    EACH_TEAM(b, batch) {
        if (threadIdx.x != 0)
            continue;
        const image m = image_of(&k, &a, truth, b);
        dn_detector_stats stats = {};
        for (int t = 0; t < m.rows; t++) {
            const float *row = m.truth + t * 5;
            if (kind_of(&m, row) != TRUTH_OBJECT)
                continue;
            if (k.yolo)
                claim_yolo(&m, row, &stats);
            else
                claim_region(&m, row, &stats);
        }
        results[b].stats = stats;
    }
}

static __global__ void measure(const __grid_constant__ task k, detector_arrays a, int batch,
                               detector_result *results)
{
    const int64_t count = detector_values(&k.r.d), predictions = detector_predictions(&k.r.d);
    EACH_TEAM(b, batch) {
        const float *delta = a.delta + b * count, *output = a.output + b * count;
        double cost = 0, objectness = 0;
        EACH_MEMBER(i, count)
            cost += (double)delta[i] * delta[i];
        EACH_MEMBER(i, predictions)
            objectness += output[detector_entry(&k.r.d, i, 4)];
        cost = block_sum(cost);
        objectness = block_sum(objectness);
        if (threadIdx.x == 0) {
            results[b].cost = cost;
            results[b].stats.noobjectness = objectness;
            results[b].stats.predictions = predictions;
        }
    }
}

static void clear(void *array, size_t bytes)
{
    if (array)
        cuda_note(cudaMemsetAsync(array, 0, bytes, cudaStreamPerThread) == cudaSuccess,
                  "clearing an array");
}

size_t cuda_detector_workspace(const pass *p)
{
    return cuda_host->detector_workspace(p);
}

static void add_up(const pass *p, detector_result *sum)
{
    host_copies host;
    const detector_result *results = host.take((const detector_result *)p->workspace, p->batch);
    for (int b = 0; b < p->batch && results; b++) {
        const dn_detector_stats *s = &results[b].stats;
        sum->cost += results[b].cost;
        sum->stats.iou += s->iou;
        sum->stats.class_probability += s->class_probability;
        sum->stats.objectness += s->objectness;
        sum->stats.noobjectness += s->noobjectness;
        sum->stats.recall50 += s->recall50;
        sum->stats.recall75 += s->recall75;
        sum->stats.count += s->count;
        sum->stats.class_count += s->class_count;
        sum->stats.predictions += s->predictions;
    }
}

static task task_of(const pass *p, const detector_loss *s, bool yolo)
{
    task k = {};
    k.s = *s;
    k.r = predictor_of(s->detector);
    k.yolo = yolo;
    k.truths = p->truths;
    k.rows = p->truths < s->max ? p->truths : s->max;
    for (int i = 0; yolo && i < s->sizes; i++) {
        memcpy(k.size[i], s->size[i], sizeof k.size[i]);
        k.own[i] = s->own[i];
    }
    return k;
}

/* A kernel's arguments hold the anchors and sizes; trees and weights of classes are in the host's
 * memory. [Gaussian_yolo]'s likelihoods are not here. */
static bool fits(const detector_loss *s, bool yolo)
{
    return !s->detector->tree && !s->detector->uncertain && !s->class_weight
           && s->detector->anchors <= MAX_ANCHORS
           && (!yolo || s->sizes <= MAX_ANCHORS);
}

static void run(const pass *p, const detector_loss *s, const detector_arrays *a, bool yolo,
                detector_result *sum)
{
    const detector *d = s->detector;
    const size_t predictions = (size_t)(p->batch * detector_predictions(d));
    *sum = {};
    clear(a->assigned, predictions);
    clear(a->overlap, predictions * sizeof(float));
    if (p->truth || p->backward)
        clear(a->delta, (size_t)(p->batch * detector_values(d)) * sizeof(float));
    if (!p->truth || !a->delta)
        return;
    const task k = task_of(p, s, yolo);
    detector_result *results = (detector_result *)p->workspace;
    LAUNCH(judge, (int64_t)predictions, k, *a, p->truth, (int64_t)predictions);
    LAUNCH_TEAMS(claim_all, p->batch, k, *a, p->truth, p->batch, results);
    LAUNCH_TEAMS(measure, p->batch, k, *a, p->batch, results);
    add_up(p, sum);
}

typedef void loss(const pass *p, const detector_loss *s, const detector_arrays *a,
                  detector_result *sum);

static void leave_to_host(loss *own, const pass *p, const detector_loss *s,
                          const detector_arrays *a, detector_result *sum)
{
    const int64_t values = p->batch * detector_values(s->detector),
                  predictions = p->batch * detector_predictions(s->detector);
    host_copies host;
    const pass here = host.on_host(p, (int64_t)p->truths * 5, cuda_host->detector_workspace(p));
    const detector_arrays arrays = {host.take(a->output, values), host.take(a->delta, values),
                                    host.take(a->assigned, predictions),
                                    host.take(a->overlap, predictions)};
    *sum = {};
    if (!host.ok)
        return;
    own(&here, s, &arrays, sum);
    host.send();
}

void cuda_region_loss(const pass *p, const detector_loss *s, const detector_arrays *a,
                      detector_result *sum)
{
    if (fits(s, false))
        run(p, s, a, false, sum);
    else
        leave_to_host(cuda_host->region_loss, p, s, a, sum);
}

void cuda_yolo_loss(const pass *p, const detector_loss *s, const detector_arrays *a,
                    detector_result *sum)
{
    if (fits(s, true))
        run(p, s, a, true, sum);
    else
        leave_to_host(cuda_host->yolo_loss, p, s, a, sum);
}

/* YOLOv1's is left to the host. */
void cuda_detection_loss(const pass *p, const detector_loss *s, const detector_arrays *a,
                         detector_result *sum)
{
    leave_to_host(cuda_host->detection_loss, p, s, a, sum);
}

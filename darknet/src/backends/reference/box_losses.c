/* How a claimed prediction's box is learnt: what [yolo] iou_loss= chooses from.
 *
 * The losses by overlap are computed on numbers that carry their derivatives by the four values of
 * the predicted box, so that each loss is written down once, as in the paper that it is from.
 */
#include <math.h>
#include <string.h>

#include "detector_loss.h"

/* A value, and its derivatives by x, y, w, h of the predicted box. */
typedef struct dual {
    double v, d[4];
} dual;

static dual constant(double v)
{
    return (dual){.v = v};
}

/* p*a + q*b: where a function's derivatives by a and b are p and q. */
static dual along(double v, double p, dual a, double q, dual b)
{
    dual r = {.v = v};
    for (int i = 0; i < 4; i++)
        r.d[i] = p * a.d[i] + q * b.d[i];
    return r;
}

static dual add(dual a, dual b)
{
    return along(a.v + b.v, 1, a, 1, b);
}

static dual subtract(dual a, dual b)
{
    return along(a.v - b.v, 1, a, -1, b);
}

static dual multiply(dual a, dual b)
{
    return along(a.v * b.v, b.v, a, a.v, b);
}

/* 0 where the divisor is 0: boxes without area. */
static dual divide(dual a, dual b)
{
    return b.v == 0 ? constant(0) : along(a.v / b.v, 1 / b.v, a, -a.v / (b.v * b.v), b);
}

static dual smaller(dual a, dual b)
{
    return a.v < b.v ? a : b;
}

static dual larger(dual a, dual b)
{
    return a.v > b.v ? a : b;
}

/* The angle whose tangent is a / b. */
static dual angle(dual a, dual b)
{
    const double square = a.v * a.v + b.v * b.v;
    return square == 0 ? constant(0)
                       : along(atan2(a.v, b.v), b.v / square, a, -a.v / square, b);
}

typedef struct dual_box {
    dual x, y, w, h, left, right, top, bottom;
} dual_box;

static dual_box with_edges(dual x, dual y, dual w, dual h)
{
    const dual half = constant(.5), half_w = multiply(half, w), half_h = multiply(half, h);
    return (dual_box){x, y, w, h, subtract(x, half_w), add(x, half_w), subtract(y, half_h),
                      add(y, half_h)};
}

/* The predicted box, whose values are what derivatives are by. */
static dual_box predicted_box(const float box[4])
{
    return with_edges((dual){box[0], {1, 0, 0, 0}}, (dual){box[1], {0, 1, 0, 0}},
                      (dual){box[2], {0, 0, 1, 0}}, (dual){box[3], {0, 0, 0, 1}});
}

static dual_box true_box(const float box[4])
{
    return with_edges(constant(box[0]), constant(box[1]), constant(box[2]), constant(box[3]));
}

/* Sides of the smallest box around both. */
static dual hull_width(const dual_box *a, const dual_box *b)
{
    return subtract(larger(a->right, b->right), smaller(a->left, b->left));
}

static dual hull_height(const dual_box *a, const dual_box *b)
{
    return subtract(larger(a->bottom, b->bottom), smaller(a->top, b->top));
}

static dual intersection(const dual_box *a, const dual_box *b)
{
    const dual none = constant(0);
    const dual w = subtract(smaller(a->right, b->right), larger(a->left, b->left));
    const dual h = subtract(smaller(a->bottom, b->bottom), larger(a->top, b->top));
    return w.v > 0 && h.v > 0 ? multiply(w, h) : none;
}

static dual all_of_both(const dual_box *a, const dual_box *b)
{
    return subtract(add(multiply(a->w, a->h), multiply(b->w, b->h)), intersection(a, b));
}

static dual iou(const dual_box *a, const dual_box *b)
{
    return divide(intersection(a, b), all_of_both(a, b));
}

/* Rezatofighi et al., Generalized Intersection over Union, 2019. */
static dual giou(const dual_box *a, const dual_box *b)
{
    const dual hull = multiply(hull_width(a, b), hull_height(a, b));
    const dual empty = divide(subtract(hull, all_of_both(a, b)), hull);
    return subtract(iou(a, b), empty);
}

/* The squared distance of the centres, in squared diagonals of the hull. */
static dual distance(const dual_box *a, const dual_box *b)
{
    const dual x = subtract(a->x, b->x), y = subtract(a->y, b->y);
    const dual w = hull_width(a, b), h = hull_height(a, b);
    return divide(add(multiply(x, x), multiply(y, y)), add(multiply(w, w), multiply(h, h)));
}

/* Zheng et al., Distance-IoU Loss, 2020. */
static dual diou(const dual_box *a, const dual_box *b)
{
    return subtract(iou(a, b), distance(a, b));
}

/* The same paper's. The weight of the aspect's term counts as a constant; its derivatives are times
 * w*w + h*h, without which they explode for small boxes (section "Complete IoU Loss"). */
static dual ciou(const dual_box *a, const dual_box *b)
{
    static const double pi = 3.14159265358979323846;
    const dual apart = subtract(angle(b->w, b->h), angle(a->w, a->h));
    dual aspect = multiply(constant(4 / (pi * pi)), multiply(apart, apart));
    const double overlap = iou(a, b).v, sum = 1 - overlap + aspect.v;
    const double weight = sum > 0 ? aspect.v / sum : 0;
    const double calm = a->w.v * a->w.v + a->h.v * a->h.v;
    for (int i = 0; i < 4; i++)
        aspect.d[i] *= calm;
    return subtract(diou(a, b), multiply(constant(weight), aspect));
}

static float bounded(double value, double most)
{
    if (!isfinite(value))
        return 0;
    return (float)(most > 0 && value > most ? most : most > 0 && value < -most ? -most : value);
}

/* Box deltas: what the overlap gains by x and y, in the input's sides (not cells), and twice what it
 * gains by w and h, in anchors. That is how the newer fork weighs them, whose iou_normalizer= counts
 * on it. */
static void teach_overlap(const detector_loss *s, const detector_image *m, int64_t prediction,
                          const float truth[5], double scale)
{
    const detector *d = m->d;
    const int64_t cells = (int64_t)d->w * d->h, at = detector_entry(d, prediction, 0);
    const int64_t step = detector_box_step(d);
    const float *anchor = d->anchor + prediction / cells * 2;
    float box[4];
    detector_box(d, m->output, prediction, box);
    const dual_box predicted = predicted_box(box), wanted = true_box(truth);
    const dual gain = box_losses[s->box].gain(&predicted, &wanted);
    const double sides[4] = {1, 1, d->squares ? 2 : 2 * (double)box[2] / anchor[0],
                             d->squares ? 2 : 2 * (double)box[3] / anchor[1]};
    for (int e = 0; e < 4; e++)
        m->delta[at + e * step] = bounded(scale * gain.d[e] * sides[e], s->max_delta);
}

/* What a prediction's x, y, w, h would be, if its box were the truth's. */
static void find_target(const detector *d, int64_t prediction, const float truth[5],
                        double target[4])
{
    const int64_t cells = (int64_t)d->w * d->h, cell = prediction % cells;
    const float *anchor = d->anchor + prediction / cells * 2;
    const double w = (double)truth[2] / anchor[0], h = (double)truth[3] / anchor[1];
    target[0] = (double)truth[0] * d->w - (double)(cell % d->w);
    target[1] = (double)truth[1] * d->h - (double)(cell / d->w);
    target[2] = d->squares ? sqrt(w / 4) : log(w);
    target[3] = d->squares ? sqrt(h / 4) : log(h);
}

/* A loss of values counts more for small boxes. */
static double weight_of_size(const float truth[5])
{
    return 2 - (double)truth[2] * truth[3];
}

static void teach_values(const detector_image *m, int64_t prediction, const float truth[5],
                         double scale)
{
    double target[4];
    find_target(m->d, prediction, truth, target);
    detector_draw_box(m, prediction, target, scale * weight_of_size(truth));
}

/* [Gaussian_yolo]: minus the gradient of -log(likelihood + 1e-9) / 2 of each target under a normal
 * distribution, by its mean and by its deviation, which is the uncertainty (Choi et al., Gaussian
 * YOLOv3, 2019, section 3.2). As in Darknet, the bell is as high as one of a deviation .3 larger. */
static void teach_likelihood(const detector_loss *s, const detector_image *m, int64_t prediction,
                             const float truth[5], double scale)
{
    static const double root = 2.50662827463100050; /* of 2 pi */
    static const double more = .3, least = 1e-9;
    const detector *d = m->d;
    const int64_t cells = (int64_t)d->w * d->h;
    double target[4];
    find_target(d, prediction, truth, target);
    for (int e = 0; e < 4; e++) {
        const int64_t at = detector_entry(d, prediction, e);
        const double deviation = m->output[at + cells];
        const double off = (target[e] - m->output[at]) / deviation;
        const double likelihood = exp(-off * off / 2) / (root * (deviation + more));
        const double slope = weight_of_size(truth) / 2 * likelihood / (likelihood + least);
        const double wider = off * off / deviation - 1 / (deviation + more);
        m->delta[at] = bounded(scale * slope * off / deviation, s->max_delta);
        m->delta[at + cells] = bounded(s->uncertainty_scale * slope * wider, s->max_delta);
    }
}

void detector_draw_box(const detector_image *m, int64_t prediction, const double target[4],
                       double scale)
{
    const int64_t step = detector_box_step(m->d), at = detector_entry(m->d, prediction, 0);
    for (int e = 0; e < 4; e++)
        m->delta[at + e * step] = (float)(scale * (target[e] - m->output[at + e * step]));
}

const box_loss_row box_losses[] = {
    {{"mse", "squared errors of x, y, log w and log h, times 2 - w*h"}, NULL},
    {{"iou", "1 - IoU"}, iou},
    {{"giou", "1 - IoU + the empty share of the smallest box around both"}, giou},
    {{"diou", "1 - IoU + the squared distance of the centres, in diagonals of that box"},
     diou},
    {{"ciou", "as diou, and the difference of the aspects: YOLOv4's"}, ciou},
    {{NULL, NULL}, NULL},
};

void detector_teach_box(const detector_loss *s, const detector_image *m, int64_t prediction,
                        const float truth[5], double scale)
{
    if (m->d->uncertain)
        teach_likelihood(s, m, prediction, truth, scale);
    if (box_losses[s->box].gain)
        teach_overlap(s, m, prediction, truth, scale);
    else if (!m->d->uncertain)
        teach_values(m, prediction, truth, scale);
}

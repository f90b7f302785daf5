/* [Gaussian_yolo] (Choi et al., Gaussian YOLOv3, 2019): [yolo] whose boxes say how uncertain they
 * are. Each of x, y, w and h is the mean of a normal distribution, its uncertainty the deviation.
 * in, out (batch, anchors*(9+classes), h, w), seen as detector.h says, with mask='s anchors
 *   x, its uncertainty, y, its uncertainty, w, its uncertainty, h, its uncertainty, objectness,
 *   classes: logistic but w and h (scale_x_y s, of x and y: s*logistic - (s-1)/2)
 * A score is objectness times the class's probability times 1 - the mean of the uncertainties.
 */
#include "yolo.h"

static const key keys[] = {
    YOLO_KEYS,
    KEY_INT(yolo, max, 200, 1, 100000, "truths an image that are read"),
    KEY_CHOICE(yolo, iou_loss, "mse", box_losses,
               "how x, y, w, h are learnt; mse: by their likelihood, as the uncertainties always "
               "are"),
    KEY_FLOAT(yolo, iou_normalizer, .75, 0, 1e6, "weight of x, y, w, h"),
    KEY_FLOAT(yolo, uc_normalizer, 1, 0, 1e6, "weight of their uncertainties"),
    KEY_FLOAT(yolo, max_delta, 0, 0, 1e30,
              "bound of a box's deltas, and of counters_per_class's weights; 0: none"),
    KEY_FOREIGN("yolo_point", "center", "a box is predicted by the cell of its centre"),
    KEY_END};

static dn_status shape(layer *l, dn_error *e)
{
    return yolo_shape(l, 8, e);
}

static void forward(layer *l, const pass *p)
{
    enum { BOX = 8 };
    const yolo *y = l->state;
    const int64_t cells = (int64_t)l->out.h * l->out.w, group = detector_width(&y->detector) * cells;
    const int64_t rows = (int64_t)p->batch * y->detector.anchors;
    const strip one = {cells, rows, group}, scores = {(1 + y->classes) * cells, rows, group};
    const float *in = l->input[0];
    float *out = l->output;
    p->backend->activate(p, LOGISTIC, in, out, (strip){BOX / 2 * cells, rows, group});
    for (int e = 0; e < BOX / 2; e += 2)
        if (y->scale_x_y != 1)
            p->backend->affine(p, y->scale_x_y, -(y->scale_x_y - 1) / 2, out + e * cells,
                               out + e * cells, one);
    for (int e = BOX / 2; e < BOX; e += 2) {
        p->backend->copy_rows(p, rows, cells, in + e * cells, group, out + e * cells, group, 1,
                              false);
        p->backend->activate(p, LOGISTIC, in + (e + 1) * cells, out + (e + 1) * cells, one);
    }
    p->backend->activate(p, LOGISTIC, in + BOX * cells, out + BOX * cells, scores);
    yolo_learn(l, p);
}

const layer_type gaussian_yolo_layer = {.name = "Gaussian_yolo",
                                        .state_size = sizeof(yolo),
                                        .keys = keys,
                                        .loss = true,
                                        .detector = true,
                                        .shape = shape,
                                        .workspace = shared_judge_workspace,
                                        .forward = forward,
                                        .backward = yolo_backward};

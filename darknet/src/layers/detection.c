/* [detection] YOLOv1's detector: side x side cells of num boxes, which share the cell's classes.
 * in, out (batch, side*side*(classes + num*5), 1, 1), seen as detector.h says
 *   x, y: within the cell; w, h: of the input, or with sqrt=1 their roots; all as they are
 *   classes: as they are; by softmax with softmax=1
 */
#include "shared.h"
#include "detector.h"

typedef struct {
    int classes, coords, side, num, softmax, sqrt, rescore, max, random;
    float jitter, resize, object_scale, noobject_scale, class_scale, coord_scale;

    detector detector;
} detection;

static const key keys[] = {
    KEY_INT(detection, classes, 1, 1, 100000, "classes of objects"),
    KEY_INT(detection, coords, 4, 4, 4, "values of a box: x, y, w, h"),
    KEY_INT(detection, side, 7, 1, 1024, "cells across and down"),
    KEY_INT(detection, num, 1, 1, MAX_ANCHORS, "boxes a cell"),
    KEY_INT(detection, softmax, 0, 0, 1, "1: class probabilities by softmax; 0: as they come"),
    KEY_INT(detection, sqrt, 0, 0, 1, "1: widths and heights are squares of what comes"),
    KEY_INT(detection, rescore, 0, 0, 1,
            "1: a claimed objectness learns its box's IoU; 0: it learns 1"),
    KEY_INT(detection, max, 90, 1, 100000, "truths an image that are read"),
    KEY_FLOAT(detection, object_scale, 1, 0, 1e6, "weight of claimed boxes' objectness"),
    KEY_FLOAT(detection, noobject_scale, 1, 0, 1e6, "weight of the background's objectness"),
    KEY_FLOAT(detection, class_scale, 1, 0, 1e6, "weight of the classes"),
    KEY_FLOAT(detection, coord_scale, 1, 0, 1e6, "weight of the box"),
    KEY_FLOAT(detection, jitter, .2, 0, 1,
              "training data: share of the size by which an image is cut or moved"),
    KEY_FLOAT(detection, resize, 1, 1, 100,
              "training data: the image's size times or divided by up to this"),
    KEY_INT(detection, random, 0, 0, 0, "0: truths claim a cell's best box from the start"),
    KEY_FOREIGN("forced", "0", "truths claim a cell's best box, whatever their size"),
    KEY_FOREIGN("reorg", "0", "the input has this layer's own order"),
    KEY_END};

static dn_status shape(layer *l, dn_error *e)
{
    detection *s = l->state;
    const int64_t wanted = (int64_t)s->side * s->side * (s->classes + 5 * s->num);
    if (dims_count(l->in[0]) != wanted)
        return dn_input_error(l, e,
                              "output=%lld before [detection] must be "
                              "side*side*(classes+num*5)=%lld",
                              (long long)dims_count(l->in[0]), (long long)wanted);
    l->out = (dims){(int)wanted, 1, 1};
    l->repeats_input = !s->softmax;
    s->detector = (detector){.anchors = s->num,
                             .classes = s->classes,
                             .w = s->side,
                             .h = s->side,
                             .shares_classes = true,
                             .roots = s->sqrt};
    detector_declare(l, &s->detector);
    return DN_OK;
}

static void activate(const layer *l, const pass *p)
{
    const detection *s = l->state;
    const int64_t count = dims_count(l->out);
    if (l->output != l->input[0])
        p->backend->copy_rows(p, p->batch, count, l->input[0], count, l->output, count, 1, false);
    if (s->softmax)
        p->backend->softmax(p, s->classes, 1, s->side * s->side, s->classes, 1, count, 1,
                            l->input[0], l->output);
}

static void forward(layer *l, const pass *p)
{
    const detection *s = l->state;
    activate(l, p);
    const detector_loss loss = {.detector = &s->detector,
                                .max = s->max,
                                .rescore = s->rescore,
                                .object_scale = s->object_scale,
                                .noobject_scale = s->noobject_scale,
                                .class_scale = s->class_scale,
                                .coord_scale = s->coord_scale};
    shared_judge(l, p, &loss, p->backend->detection_loss);
}

static void backward(layer *l, const pass *p)
{
    shared_hand_back(l, p, 1);
}

const layer_type detection_layer = {.name = "detection",
                                    .state_size = sizeof(detection),
                                    .keys = keys,
                                    .loss = true,
                                    .detector = true,
                                    .shape = shape,
                                    .workspace = shared_judge_workspace,
                                    .forward = forward,
                                    .backward = backward};

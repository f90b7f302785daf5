/* Boxes of a network's last pass: its detectors' outputs as rows, and non-maximum suppression. */
#include "boxes.h"
#include "detector.h"
#include "network.h"
#include "views.h"

static double none(const detector *d)
{
    (void)d;
    return 0;
}

static double usual(const detector *d)
{
    (void)d;
    return .6;
}

static double own(const detector *d)
{
    return d->beta_nms;
}

const nms_row nms_kinds[] = {
    {{"default", "by their IoU"}, none},
    {{"greedynms", "by their IoU less a penalty for distant centres: YOLOv4's"}, usual},
    {{"diounms", "the same, with the exponent beta_nms"}, own},
    {{NULL, NULL}, NULL},
};

/* Class by class; probabilities of what is suppressed become 0. */
static dn_status suppress_rows(float *rows, int n, int classes, float iou, double power,
                               dn_error *e)
{
    ranked *items, *dropped;
    const size_t width = 5 + (size_t)classes;
    corners *box = suppression_scratch(n, &items, &dropped);
    if (!box)
        return dn_out_of_memory(e, "non-maximum suppression");
    for (int i = 0; i < n; i++)
        box[i] = box_corners(rows + (size_t)i * width);
    for (int c = 0; c < classes; c++) {
        float *probability = rows + 5 + c;
        int count = 0;
        for (int i = 0; i < n; i++)
            if (probability[(size_t)i * width] > 0)
                items[count++] = (ranked){rank_key(probability[(size_t)i * width]), i};
        const int kept = suppress_overlaps(box, items, dropped, count, iou, power);
        for (int i = 0; i < count - kept; i++)
            probability[(size_t)dropped[i].index * width] = 0;
    }
    dn_free(box);
    return DN_OK;
}

/* Where the picture lies in the network's input, relative to it. */
typedef struct {
    double left, top, w, h;
} frame;

static frame letterbox_frame(dims net, int image_w, int image_h)
{
    const bool wide = (int64_t)net.w * image_h < (int64_t)net.h * image_w;
    const int64_t w = wide ? net.w : (int64_t)image_w * net.h / image_h;
    const int64_t h = wide ? (int64_t)image_h * net.w / image_w : net.h;
    const double shown_w = w > 0 ? (double)w : 1, shown_h = h > 0 ? (double)h : 1;
    return (frame){(net.w - shown_w) / 2 / net.w, (net.h - shown_h) / 2 / net.h, shown_w / net.w,
                   shown_h / net.h};
}

/* Darknet's: how sure a class is to be named instead of the one above it in the tree. */
static const double TREE_THRESH = .5;

/* By how much a prediction's uncertainties lower its scores (Choi et al., Gaussian YOLOv3, 2019,
 * section 3.3): 1 - their mean. */
static float certainty(const detector *d, const float *output, int64_t prediction)
{
    if (!d->uncertain)
        return 1;
    const int64_t cells = (int64_t)d->w * d->h;
    float sum = 0;
    for (int e = 0; e < 4; e++)
        sum += output[detector_entry(d, prediction, e) + cells];
    return 1 - sum / 4;
}

/* One prediction's row. Of a class tree, one class has the whole objectness for its score. */
static void write_row(const detector *d, const float *output, int64_t prediction, const frame *f,
                      float thresh, float *row)
{
    const float *class = output + detector_entry(d, prediction, 5);
    const int64_t step = detector_class_step(d);
    float box[4];
    detector_box(d, output, prediction, box);
    row[0] = (float)((box[0] - f->left) / f->w);
    row[1] = (float)((box[1] - f->top) / f->h);
    row[2] = (float)(box[2] / f->w);
    row[3] = (float)(box[3] / f->h);
    const float gate = d->background || d->classes_alone
                           ? 1
                           : output[detector_entry(d, prediction, 4)];
    const int top = d->tree ? tree_top(d->tree, class, step, TREE_THRESH) : -1;
    const float weight = gate * certainty(d, output, prediction);
    row[4] = gate > thresh ? gate : 0;
    for (int c = 0; c < d->classes; c++) {
        const float score = !d->tree ? weight * class[c * step] : c == top ? weight : 0;
        row[5 + c] = score > thresh ? score : 0;
    }
}

/* Rows of one detector's output for an image: writes at most `room`, returns how many there are. */
static int write_rows(const detector *d, const float *output, const frame *f, float thresh,
                      float *out, int room)
{
    const int64_t cells = (int64_t)d->w * d->h, width = 5 + d->classes;
    int count = 0;
    for (int64_t i = 0; i < detector_predictions(d); i++) {
        /* yolo's go cell by cell, as Darknet lists them */
        const int64_t by_cell = i % d->anchors * cells + i / d->anchors;
        const int64_t prediction = d->objectness_gates ? by_cell : i;
        if (d->objectness_gates && !(output[detector_entry(d, prediction, 4)] > thresh))
            continue;
        if (count < room)
            write_row(d, output, prediction, f, thresh, out + count * width);
        count++;
    }
    return count;
}

/* The number of classes that all detectors have, 0 without one. */
static dn_status common_classes(const dn_network *net, int *classes, dn_error *e)
{
    *classes = 0;
    for (int i = 0; i < net->layer_count; i++) {
        const detector *d = net->layers[i].detector;
        if (d && *classes && *classes != d->classes)
            return dn_fail(e, DN_BAD_ARGUMENT, "%s: no table holds detectors of %d and %d classes",
                           net->source, *classes, d->classes);
        if (d)
            *classes = d->classes;
    }
    return DN_OK;
}

dn_status dn_boxes(dn_network *net, int image, int image_width, int image_height,
                   float thresh, bool letterbox, float nms, float *out, int capacity, int *rows,
                   dn_error *e)
{
    *rows = 0;
    if (image < 0 || image >= net->images)
        return dn_fail(e, DN_BAD_ARGUMENT, "%s: boxes of image %d, but the last pass had %d",
                       net->source, image, net->images);
    if (letterbox && (image_width < 1 || image_height < 1))
        return dn_fail(e, DN_BAD_ARGUMENT, "%s: no letterbox of an image of %dx%d", net->source,
                       image_width, image_height);
    frame f = {0, 0, 1, 1};
    if (letterbox)
        f = letterbox_frame(net->in, image_width, image_height);
    int classes, count = 0;
    double power = 0;
    const dn_status status = common_classes(net, &classes, e);
    if (status != DN_OK)
        return status;
    for (int i = 0; i < net->layer_count; i++) {
        const layer *l = &net->layers[i];
        if (!l->detector)
            continue;
        void *output = l->output;
        const int64_t values = dims_count(l->out);
        if (!dn_see(net, net->activations, &output,
                    (size_t)(net->batch * values) * sizeof(float), false, e))
            return e ? e->status : DN_NO_MEMORY;
        const int room = count < capacity ? capacity - count : 0;
        float *next = room ? out + (int64_t)count * (5 + classes) : NULL;
        count += write_rows(l->detector, (const float *)output + image * values, &f, thresh,
                            next, room);
        power = nms_kinds[l->detector->nms_kind].power(l->detector);
    }
    if (!classes)
        return dn_fail(e, DN_BAD_ARGUMENT,
                       "%s: no [region], [yolo] or [detection] to take boxes from", net->source);
    *rows = count;
    const int written = count < capacity ? count : capacity;
    return nms > 0 && written > 0 ? suppress_rows(out, written, classes, nms, power, e)
                                  : DN_OK;
}

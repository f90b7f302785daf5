/* Any numbers as a detector's output and truths, NaN and infinity among them: losses, mining,
 * detections and suppression stay within their arrays. */
#include <string.h>

#include "fuzz.h"
#include "../c/check.h"

enum { SIDE = 3, ENTRIES = 2 * (5 + 2), COUNT = ENTRIES * SIDE * SIDE, TRUTHS = 3, ROWS = 18 };

#define HEAD "[net]\nbatch=1\nwidth=3\nheight=3\nchannels=14\n"
#define REGION "[region]\nanchors=1,1, 2,2\nnum=2\nclasses=2\n"
static const char *const cfgs[] = {
    HEAD REGION "softmax=1\nrescore=1\n[lrm]\nk=5\nnms=.5\n",
    HEAD REGION "background=1\nloss=joint\nfocal_gamma=2\n[lrm]\nmode=ghm\n",
    HEAD REGION "loss=sigmoids\nbias_match=1\n[lrm]\nmode=prime\nrank=true\n",
    HEAD REGION "[lrm]\nmode=negatives\n",
    HEAD REGION "[lrm]\nmode=random\nk=7\n",
    HEAD "[yolo]\nanchors=1,1, 2,2, 3,1\nmask=0,2\nnum=3\nclasses=2\ntruth_thresh=.9\n"
         "[lrm]\nmass=.8\neasy=.1\nk=4\n",
};
enum { CFGS = sizeof cfgs / sizeof cfgs[0] };

static void suppress(const float *x, float iou)
{
    float boxes[ROWS * 4], scores[ROWS], loss[ROWS];
    int kept[ROWS], classes[ROWS], count;
    dn_error e = {DN_OK, ""};
    memcpy(boxes, x, sizeof boxes);
    memcpy(scores, x + ROWS, sizeof scores);
    memcpy(loss, x + 2 * ROWS, sizeof loss);
    for (int i = 0; i < ROWS; i++)
        classes[i] = i % 2;
    must(dn_nms(boxes, scores, ROWS, iou, kept, &count, &e), &e);
    must(dn_lrm_select(loss, boxes, classes, ROWS, 7, iou, kept, &count, &e), &e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static dn_network *nets[CFGS];
    if (!nets[0])
        for (int i = 0; i < CFGS; i++)
            nets[i] = make_network(cfgs[i], &(dn_options){.threads = 1});
    if (!size)
        return 0;
    float x[COUNT] = {0}, truth[TRUTHS * 5] = {0}, settings[2] = {0}, rows[ROWS * 7];
    dn_network *net = nets[data[0] % CFGS];
    const uint8_t *at = data + 1;
    size_t left = size - 1;
    float *const into[] = {settings, truth, x};
    const size_t room[] = {sizeof settings, sizeof truth, sizeof x};
    for (int i = 0; i < 3; i++) {
        const size_t some = left < room[i] ? left : room[i];
        memcpy(into[i], at, some);
        at += some;
        left -= some;
    }
    dn_error e = {DN_OK, ""};
    int count;
    must(dn_forward(net, x, 1, truth, TRUTHS, true, &e), &e);
    must(dn_backward(net, &e), &e);
    must(dn_forward(net, x, 1, NULL, 0, false, &e), &e);
    must(dn_boxes(net, 0, 1 + data[0], 7, settings[0], data[0] & 1, settings[1], rows, ROWS, &count,
                  &e),
         &e);
    suppress(x, settings[1]);
    return 0;
}

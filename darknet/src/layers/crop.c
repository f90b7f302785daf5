/* [crop] a part of each image: in training at a place at random, with flip=1 every other one
 * mirrored; else the middle.
 * in (batch, c, h, w); out (batch, c, crop_height, crop_width): 2*in - 1, or in with noadjust=1
 */
#include "backend.h"

typedef struct {
    int crop_width, crop_height, flip, noadjust;
} crop;

static const key keys[] = {
    KEY_INT(crop, crop_width, 1, 1, 65536, "of the output"),
    KEY_INT(crop, crop_height, 1, 1, 65536, "of the output"),
    KEY_INT(crop, flip, 0, 0, 1, "1: in training every other image is mirrored"),
    KEY_INT(crop, noadjust, 0, 0, 1, "1: values stay; 0: those from 0 to 1 become -1 to 1"),
    KEY_IGNORED("angle", "of Darknet on a GPU; accepted, and without effect: [net] has such keys"),
    KEY_IGNORED("saturation", "the same; accepted, and without effect"),
    KEY_IGNORED("exposure", "the same; accepted, and without effect"),
    KEY_IGNORED("shift", "the same; accepted, and without effect"),
    KEY_END};

static dn_status shape(layer *l, dn_error *e)
{
    const crop *c = l->state;
    const dims in = l->in[0];
    if (c->crop_width > in.w || c->crop_height > in.h)
        return dn_layer_error(l, e,
                              "crop_width=%d and crop_height=%d: the input of %dx%d holds at most "
                              "these",
                              c->crop_width, c->crop_height, in.w, in.h);
    l->out = (dims){in.c, c->crop_height, c->crop_width};
    /* of each image: column, row, mirrored or not */
    dn_add_buffer(l, "places", DN_INT32, LIVES_IN_PASS, 1, (const int64_t[]){3});
    return DN_OK;
}

static cropping cropping_of(const layer *l)
{
    const crop *c = l->state;
    return (cropping){.in = l->in[0],
                 .out = l->out,
                 .flip = c->flip,
                 .layer = l->index,
                 .scale = c->noadjust ? 1 : 2,
                 .shift = c->noadjust ? 0 : -1};
}

static void forward(layer *l, const pass *p)
{
    const cropping s = cropping_of(l);
    p->backend->crop(p, &s, l->input[0], dn_buffer(l, "places"), l->output);
}

static void backward(layer *l, const pass *p)
{
    const cropping s = cropping_of(l);
    if (l->input_delta[0])
        p->backend->crop_grad(p, &s, l->delta, dn_buffer(l, "places"), l->input_delta[0],
                              l->adds[0]);
}

const layer_type crop_layer = {.name = "crop",
                               .state_size = sizeof(crop),
                               .keys = keys,
                               .shape = shape,
                               .forward = forward,
                               .backward = backward};

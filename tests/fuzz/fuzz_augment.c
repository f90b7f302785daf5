/* An image of any size, placed, coloured and mirrored in any way. */
#include <math.h>
#include <string.h>

#include "fuzz.h"

enum { SIDE = 48 };

/* The next number of the input; 0 past its end. */
typedef struct {
    const uint8_t *at;
    size_t left;
} bytes;

static uint8_t one(bytes *b)
{
    return b->left ? b->left--, *b->at++ : 0;
}

/* Any finite number. */
static float number(bytes *b)
{
    uint8_t raw[4] = {one(b), one(b), one(b), one(b)};
    float value;
    memcpy(&value, raw, sizeof value);
    return isfinite(value) ? value : 1;
}

static int side(bytes *b)
{
    return 1 + one(b) % SIDE;
}

/* Any place near the canvas, or far from it. */
static int place(bytes *b)
{
    const int near = (int8_t)one(b);
    return one(b) % 8 ? near : near * 16000000;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bytes b = {data, size};
    const int h = side(&b), w = side(&b), out_h = side(&b), out_w = side(&b);
    const int channels = one(&b) % 2 ? 1 : 3;
    dn_view view = {.new_w = 1 + one(&b), .new_h = 1 + one(&b), .dx = place(&b), .dy = place(&b)};
    view.hue = number(&b);
    view.saturation = number(&b);
    view.exposure = number(&b);
    view.flip = one(&b) % 2;
    view.corners = one(&b) % 2;
    uint8_t *image = malloc((size_t)(h * w * channels)); /* exact, so that a step beyond shows */
    float *out = malloc(sizeof(float) * (size_t)(out_h * out_w * channels));
    float *in = malloc(sizeof(float) * (size_t)(h * w * channels));
    for (int i = 0; i < h * w * channels; i++) {
        image[i] = one(&b);
        in[i] = image[i] / 255.f;
    }
    dn_augment(image, h, w, channels, &view, out, out_h, out_w);
    dn_image_resize(in, channels, h, w, out, out_h, out_w);
    dn_image_letterbox(in, channels, h, w, out, out_h, out_w);
    dn_image_place(in, channels, h, w, view.new_w, view.new_h, view.dx, view.dy, out, out_h, out_w);
    if (channels == 3)
        dn_image_distort(in, h, w, view.hue, view.saturation, view.exposure);
    free(image);
    free(out);
    free(in);
    return 0;
}

/* Image operations: scaling, placing on a canvas, HSV distortion, mirroring.
 *
 * All scaling is bilinear and goes through draw(), so that the single operations on floats and
 * dn_augment, which does all of them in one pass, agree bit for bit. draw() works on strips of
 * STRIP columns: a table holds the source columns of each output column, each source row is scaled
 * to the strip's width once, and pairs of these rows are interpolated. Nothing is allocated.
 */
#include <math.h>

#include "darknet.h"

enum { STRIP = 256, PLANES = 3 };

/* Two neighbours on one axis and their weights; a neighbour outside the source has weight 0. */
typedef struct {
    int near, far;
    float near_weight, far_weight;
} tap;

/* Up to PLANES planes of one image, of floats or of bytes (a byte stands for byte/255). */
typedef struct {
    const float *floats[PLANES];
    const uint8_t *bytes[PLANES];
    const float *unit;      /* (256) values of the bytes; NULL: floats */
    int planes, h, w;
    int step;               /* elements from a pixel to the next one in its row */
} source;

/* Colour change of a view. grey: only the exposure acts. */
typedef struct {
    float hue, saturation, exposure;
    bool active, grey;
} tint;

/* Where sample i of n reads on an axis of `size` pixels. corners: the first and last samples are at
 * the first and last pixels (a single sample: at the last); otherwise sample i is at i*size/n. */
static tap tap_at(int i, int n, int size, bool corners)
{
    double at = (double)i * size / n;
    if (corners) at = i == n - 1 ? size - 1 : (double)i * (size - 1) / (n - 1);
    tap t = {.near = (int)at};
    if (t.near > size - 1) t.near = size - 1;
    t.far_weight = (float)(at - t.near);
    t.near_weight = 1 - t.far_weight;
    t.far = t.near + 1;
    if (t.far == size) {
        t.far = t.near;
        t.far_weight = 0;
    }
    return t;
}

/* out (planes, STRIP): one source row, interpolated at the columns of `taps`. */
static void stretch_row(const source *s, int row, const tap *taps, int n, float out[PLANES][STRIP])
{
    const size_t start = (size_t)row * s->w * s->step;
    for (int p = 0; p < s->planes; ++p) {
        float *to = out[p];
        if (s->unit) {
            const uint8_t *from = s->bytes[p] + start;
            for (int i = 0; i < n; ++i)
                to[i] = taps[i].near_weight * s->unit[from[taps[i].near]] +
                        taps[i].far_weight * s->unit[from[taps[i].far]];
        } else {
            const float *from = s->floats[p] + start;
            for (int i = 0; i < n; ++i)
                to[i] = taps[i].near_weight * from[taps[i].near] +
                        taps[i].far_weight * from[taps[i].far];
        }
    }
}

static float clip(float v)
{
    v = v > 0 ? v : 0;
    return v < 1 ? v : 1;
}

/* v - chroma * clip(min(k, 4-k)), k = (offset + 6*hue) mod 6: a channel of an HSV colour. */
static float channel(float v, float chroma, float hue6, float offset)
{
    float k = hue6 + offset;
    const float wrapped = k - 6;
    k = k < 6 ? k : wrapped;
    const float falling = 4 - k;
    return clip(v - chroma * clip(k < falling ? k : falling));
}

/* Converts n pixels from RGB to HSV, changes them and converts them back. With value v = max and
 * chroma = max-min, the saturation is chroma/v, so the factors of saturation and of value both
 * multiply the chroma. Results are clipped at the end only. */
static void tint_rgb(float *restrict r, float *restrict g, float *restrict b, int n, const tint *t)
{
    const float turn = t->hue - floorf(t->hue) + 1; /* + 1: the sum below stays positive */
    const float exposure = t->exposure, gain = t->exposure * t->saturation;
    for (int i = 0; i < n; ++i) {
        const float red = r[i], green = g[i], blue = b[i];
        const float high = red > green ? red : green, low = red < green ? red : green;
        const float v = high > blue ? high : blue, least = low < blue ? low : blue;
        const float chroma = v - least, divisor = chroma > 0 ? chroma : 1;
        const float after_red = (green - blue) / divisor; /* in sixths of a turn */
        const float after_green = (blue - red) / divisor + 2;
        const float after_blue = (red - green) / divisor + 4;
        const float other = green >= red ? after_green : after_red;
        float turns = (blue >= high ? after_blue : other) / 6 + turn;
        turns -= (float)(int)turns;
        r[i] = channel(v * exposure, chroma * gain, turns * 6, 5);
        g[i] = channel(v * exposure, chroma * gain, turns * 6, 3);
        b[i] = channel(v * exposure, chroma * gain, turns * 6, 1);
    }
}

/* n pixels of each plane from `out` on, planes `area` apart. */
static void apply_tint(float *out, size_t area, int n, const tint *t)
{
    if (!t->active) return;
    if (!t->grey) {
        tint_rgb(out, out + area, out + 2 * area, n, t);
        return;
    }
    for (int i = 0; i < n; ++i) out[i] = clip(out[i] * t->exposure);
}

/* rows[k] holds source row held[k]. Makes both wanted rows available and tells where each is. */
static void fetch_rows(const source *s, const tap *row, const tap *taps, int n,
                       float rows[2][PLANES][STRIP], int held[2], int slot[2])
{
    slot[0] = held[1] == row->near || held[0] == row->far;
    slot[1] = row->far == row->near ? slot[0] : !slot[0];
    const int wanted[2] = {row->near, row->far};
    for (int k = 0; k < 2; ++k) {
        if (held[slot[k]] == wanted[k]) continue;
        stretch_row(s, wanted[k], taps, n, rows[slot[k]]);
        held[slot[k]] = wanted[k];
    }
}

/* Draws the visible part of the picture on out (planes, out_h, out_w); the rest of out is kept. */
static void draw(const source *s, const dn_view *view, const tint *t, float *out, int out_h,
                 int out_w)
{
    const int64_t right = (int64_t)view->dx + view->new_w, below = (int64_t)view->dy + view->new_h;
    const int left = view->dx > 0 ? view->dx : 0, top = view->dy > 0 ? view->dy : 0;
    const int end = right < out_w ? (int)right : out_w, bottom = below < out_h ? (int)below : out_h;
    const size_t area = (size_t)out_h * out_w;

    for (int start = left; start < end; start += STRIP) {
        const int n = end - start < STRIP ? end - start : STRIP;
        const int first = view->flip ? out_w - start - n : start; /* the strip's column in out */
        tap taps[STRIP];
        for (int i = 0; i < n; ++i) {
            const int x = view->flip ? start + n - 1 - i : start + i;
            taps[i] = tap_at(x - view->dx, view->new_w, s->w, view->corners);
            taps[i].near *= s->step;
            taps[i].far *= s->step;
        }
        float rows[2][PLANES][STRIP];
        int held[2] = {-1, -1}, slot[2];
        for (int y = top; y < bottom; ++y) {
            const tap row = tap_at(y - view->dy, view->new_h, s->h, view->corners);
            fetch_rows(s, &row, taps, n, rows, held, slot);
            float *line = out + (size_t)y * out_w + first;
            for (int p = 0; p < s->planes; ++p) {
                const float *near = rows[slot[0]][p], *far = rows[slot[1]][p];
                float *to = line + p * area;
                for (int i = 0; i < n; ++i)
                    to[i] = row.near_weight * near[i] + row.far_weight * far[i];
            }
            apply_tint(line, area, n, t);
        }
    }
}

static bool covers(const dn_view *v, int out_h, int out_w)
{
    return v->dx <= 0 && v->dy <= 0 && (int64_t)v->dx + v->new_w >= out_w &&
           (int64_t)v->dy + v->new_h >= out_h;
}

static void fill(float *out, size_t n, float value)
{
    for (size_t i = 0; i < n; ++i) out[i] = value;
}

static bool has_area(int c, int h, int w, int out_h, int out_w)
{
    return c > 0 && h > 0 && w > 0 && out_h > 0 && out_w > 0;
}

/* Draws c planes one by one; float pictures need no more. */
static void draw_planes(const float *in, int c, int h, int w, const dn_view *view, float *out,
                        int out_h, int out_w)
{
    const tint none = {.active = false};
    for (int p = 0; p < c; ++p) {
        const float *plane = in + (size_t)p * h * w;
        const source s = {.floats = {plane}, .planes = 1, .h = h, .w = w, .step = 1};
        draw(&s, view, &none, out + (size_t)p * out_h * out_w, out_h, out_w);
    }
}

void dn_image_resize(const float *in, int c, int h, int w, float *out, int out_h, int out_w)
{
    if (!has_area(c, h, w, out_h, out_w)) return;
    const dn_view view = {.new_w = out_w, .new_h = out_h, .corners = true};
    draw_planes(in, c, h, w, &view, out, out_h, out_w);
}

void dn_image_letterbox(const float *in, int c, int h, int w, float *out, int out_h, int out_w)
{
    if (!has_area(c, h, w, out_h, out_w)) return;
    dn_view view = {.new_w = out_w, .new_h = out_h, .corners = true};
    if ((int64_t)out_w * h < (int64_t)out_h * w)
        view.new_h = (int)((int64_t)h * out_w / w);
    else
        view.new_w = (int)((int64_t)w * out_h / h);
    if (view.new_h < 1) view.new_h = 1;
    if (view.new_w < 1) view.new_w = 1;
    view.dx = (out_w - view.new_w) / 2;
    view.dy = (out_h - view.new_h) / 2;
    if (!covers(&view, out_h, out_w)) fill(out, (size_t)c * out_h * out_w, .5f);
    draw_planes(in, c, h, w, &view, out, out_h, out_w);
}

void dn_image_place(const float *in, int c, int h, int w, int new_w, int new_h, int dx, int dy,
                    float *canvas, int out_h, int out_w)
{
    if (!has_area(c, h, w, out_h, out_w)) return;
    const dn_view view = {.new_w = new_w, .new_h = new_h, .dx = dx, .dy = dy};
    draw_planes(in, c, h, w, &view, canvas, out_h, out_w);
}

void dn_image_distort(float *image, int h, int w, float hue, float saturation, float exposure)
{
    if (h <= 0 || w <= 0) return;
    const tint t = {hue, saturation, exposure, .active = true};
    const size_t area = (size_t)h * w;
    for (int y = 0; y < h; ++y) apply_tint(image + (size_t)y * w, area, w, &t);
}

void dn_augment(const uint8_t *image, int h, int w, int channels, const dn_view *view, float *out,
                int out_h, int out_w)
{
    if (!has_area(channels, h, w, out_h, out_w)) return;
    const bool colour = channels == PLANES;
    const tint t = {.hue = view->hue, .saturation = view->saturation, .exposure = view->exposure,
                    .active = view->exposure != 1 ||
                              (colour && (view->hue != 0 || view->saturation != 1)),
                    .grey = !colour};
    const size_t area = (size_t)out_h * out_w;
    if (!covers(view, out_h, out_w)) {
        float grey[PLANES] = {.5f, .5f, .5f}; /* the canvas is distorted with the picture */
        apply_tint(grey, 1, 1, &t);
        for (int c = 0; c < channels; ++c) fill(out + c * area, area, grey[colour ? c : 0]);
    }
    float unit[256];
    for (int i = 0; i < 256; ++i) unit[i] = (float)i / 255;
    source s = {.unit = unit, .h = h, .w = w, .step = channels};
    if (colour) {
        s.planes = PLANES;
        for (int c = 0; c < PLANES; ++c) s.bytes[c] = image + PLANES - 1 - c; /* BGR -> RGB */
        draw(&s, view, &t, out, out_h, out_w);
        return;
    }
    s.planes = 1;
    for (int c = 0; c < channels; ++c) {
        s.bytes[0] = image + c;
        draw(&s, view, &t, out + c * area, out_h, out_w);
    }
}

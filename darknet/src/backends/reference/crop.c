/* [crop]: a place for each image, and copies of rows. */
#include <string.h>

#include "random.h"
#include "reference.h"

typedef struct {
    int column, row;
    bool mirrored;
} place;

/* In training a function of seed, pass, layer and image; else the middle. */
static place place_of(const pass *p, const cropping *s, int image)
{
    const int columns = s->in.w - s->out.w, rows = s->in.h - s->out.h;
    if (!p->train)
        return (place){columns / 2, rows / 2, false};
    const uint64_t seed = dn_random_bits(dn_random_bits(p->seed, (uint64_t)p->seen),
                                         (uint64_t)s->layer);
    const uint64_t n = (uint64_t)image * 3;
    return (place){(int)(dn_random_uniform(seed, n) * (columns + 1)),
                   (int)(dn_random_uniform(seed, n + 1) * (rows + 1)),
                   s->flip && dn_random_uniform(seed, n + 2) < .5};
}

/* Where the output's row y of a channel starts in the input, and in which direction it goes on. */
static int64_t start_of(const cropping *s, const place *at, int c, int y)
{
    const int64_t row = ((int64_t)c * s->in.h + at->row + y) * s->in.w + at->column;
    return at->mirrored ? row + s->out.w - 1 : row;
}

void reference_crop(const pass *p, const cropping *s, const float *in, int32_t *places, float *out)
{
#pragma omp parallel for num_threads(pass_team(p, p->batch * dims_count(s->out)))
    for (int b = 0; b < p->batch; b++) {
        const place at = place_of(p, s, b);
        if (places)
            memcpy(places + 3 * b, (const int32_t[]){at.column, at.row, at.mirrored},
                   3 * sizeof *places);
        const float *image = in + b * dims_count(s->in);
        float *to = out + b * dims_count(s->out);
        for (int c = 0; c < s->in.c; c++)
            for (int y = 0; y < s->out.h; y++) {
                const float *from = image + start_of(s, &at, c, y);
                for (int x = 0; x < s->out.w; x++)
                    *to++ = s->scale * from[at.mirrored ? -x : x] + s->shift;
            }
    }
}

void reference_crop_grad(const pass *p, const cropping *s, const float *delta,
                         const int32_t *places, float *input_delta, bool add)
{
#pragma omp parallel for num_threads(pass_team(p, p->batch * dims_count(s->in)))
    for (int b = 0; b < p->batch; b++) {
        const place at = {places[3 * b], places[3 * b + 1], places[3 * b + 2]};
        const float *from = delta + b * dims_count(s->out);
        float *image = input_delta + b * dims_count(s->in);
        if (!add)
            memset(image, 0, (size_t)dims_count(s->in) * sizeof *image);
        for (int c = 0; c < s->in.c; c++)
            for (int y = 0; y < s->out.h; y++) {
                float *to = image + start_of(s, &at, c, y);
                for (int x = 0; x < s->out.w; x++)
                    to[at.mirrored ? -x : x] += s->scale * *from++;
            }
    }
}

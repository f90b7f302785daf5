/* [lrm]: each prediction's delta is multiplied by a factor, which the mode (mining_modes.c) sets from
 * the predictions' losses (Yu et al., Loss Rank Mining, 2018, section III).
 */
#include "mining.h"

#include <math.h>
#include <string.h>

#include "formulas.h"
#include "random.h"
#include "reference.h"

/* As the loss layer's forward() leaves them. */
static double squared_deltas(const detector *d, const float *output, const float *delta,
                             int64_t prediction, int assigned, double overlap)
{
    (void)output;
    (void)assigned;
    (void)overlap;
    return squared_deltas_at(d, delta, detector_entry(d, prediction, 0));
}

static double cross_entropy(const detector *d, const float *output, const float *delta,
                            int64_t prediction, int assigned, double overlap)
{
    return true_loss(d, output, delta, detector_entry(d, prediction, 4), assigned, overlap);
}

const mining_loss_row mining_losses[] = {
    {{"delta", "the sum of its squared deltas, weighed as the loss layer does: Darknet's cost"},
     squared_deltas},
    {{"true", "cross entropies, and 1 - IoU of a claimed box: the same for any scales"},
     cross_entropy},
    {{NULL, NULL}, NULL},
};

/* 1 - the probability of what is wanted; 0 of ignored predictions. */
static float error_of(const detector *d, const float *output, const float *delta,
                      int64_t prediction, int assigned)
{
    const int64_t cells = (int64_t)d->w * d->h, at = detector_entry(d, prediction, 4);
    if (assigned < 0)
        return 0;
    if (!d->background && !d->classes_alone)
        return assigned ? 1 - output[at] : output[at];
    if (!assigned && d->background)
        return 1 - output[at];
    float found = 0; /* the highest of the wanted classes, or of all on the background */
    for (int e = 1; e <= d->classes; e++)
        if (!assigned || delta[at + e * cells] > 0)
            found = fmaxf(found, output[at + e * cells]);
    return assigned ? 1 - found : found;
}

/* The arrays of one image, or the part of them that belongs to one mined layer. */
typedef struct {
    float *loss, *boxes, *factor, *overlap, *error;
    bool *selected;
    int32_t *classes;
    int8_t *assigned;
} part;

static part beyond(part v, int64_t n)
{
    return (part){v.loss + n,    v.boxes + 4 * n, v.factor + n,  v.overlap + n,
                  v.error + n,   v.selected + n,  v.classes + n, v.assigned + n};
}

/* Everything about every prediction of one mined layer in one image. */
static void describe(const mining *s, const detector *d, const float *output, const float *delta,
                     part v)
{
    const int64_t cells = (int64_t)d->w * d->h;
    for (int64_t i = 0; i < detector_predictions(d); i++) {
        const int64_t at = detector_entry(d, i, 5);
        int best = 0;
        for (int c = 1; c < d->classes; c++)
            if (output[at + c * cells] > output[at + best * cells])
                best = c;
        v.loss[i] = (float)mining_losses[s->rank].loss(d, output, delta, i, v.assigned[i],
                                                       v.overlap[i]);
        v.error[i] = error_of(d, output, delta, i, v.assigned[i]);
        v.classes[i] = best;
        detector_box(d, output, i, v.boxes + i * 4);
    }
}

static void tally(const part v, int64_t i, dn_mining_stats *stats)
{
    const bool claimed = v.assigned[i] == 1, kept = v.selected[i];
    const double loss = v.loss[i];
    stats->claimed += claimed;
    stats->kept += kept;
    stats->kept_claimed += claimed && kept;
    stats->loss += loss;
    stats->claimed_loss += claimed ? loss : 0;
    stats->kept_loss += kept ? loss : 0;
    stats->kept_claimed_loss += claimed && kept ? loss : 0;
}

/* Multiplies deltas by their factors and counts what was kept. */
static void filter(const detector *d, float *delta, part v, dn_mining_stats *stats)
{
    const int64_t cells = (int64_t)d->w * d->h;
    for (int64_t i = 0; i < detector_predictions(d); i++) {
        const float factor = v.factor[i];
        v.selected[i] = factor >= 1;
        tally(v, i, stats);
        if (factor == 1)
            continue;
        float *entry = delta + detector_entry(d, i, 0);
        for (int e = 0; e < detector_width(d); e++)
            entry[e * cells] = factor == 0 ? 0 : factor * entry[e * cells];
    }
}

static size_t whole_lines(size_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

/* An image's workspace: its statistics, then arrays of n and mining_select()'s scratch. */
static size_t room_of_image(const mining *s)
{
    const size_t n = (size_t)s->predictions;
    return whole_lines(sizeof(dn_mining_stats)) + 4 * whole_lines(n * sizeof(float))
           + whole_lines(n * sizeof(int)) + whole_lines(n) + whole_lines(mining_scratch((int)n));
}

size_t reference_mine_workspace(const pass *p, const mining *s)
{
    return p->train ? (size_t)p->batch * room_of_image(s) : 0;
}

static void mine_image(const pass *p, const mining *s, const mining_arrays *a, int image)
{
    const int64_t n = s->predictions;
    const size_t floats = whole_lines((size_t)n * sizeof(float));
    char *room = (char *)p->workspace + (size_t)image * room_of_image(s);
    dn_mining_stats *stats = (dn_mining_stats *)room;
    room += whole_lines(sizeof *stats);
    float *factor = (float *)room, *rank = (float *)(room += floats);
    float *overlap = (float *)(room += floats), *error = (float *)(room += floats);
    int *kept = (int *)(room += floats);
    int8_t *assigned = (int8_t *)(room += whole_lines((size_t)n * sizeof(int)));
    void *scratch = room + whole_lines((size_t)n);
    const part all = {a->loss + image * n,     a->boxes + image * n * 4,  factor,  overlap, error,
                      a->selected + image * n, a->classes + image * n, assigned};
    part v = all;
    for (int j = 0; j < s->layers; j++) {
        const detector *d = s->detector[j];
        const int64_t own = detector_predictions(d), count = detector_values(d);
        memcpy(v.assigned, a->assigned[j] + image * own, (size_t)own);
        memcpy(v.overlap, a->overlap[j] + image * own, (size_t)own * sizeof(float));
        describe(s, d, a->output[j] + image * count, a->delta[j] + image * count, v);
        v = beyond(v, own);
    }
    const uint64_t seed = dn_random_bits(dn_random_bits(p->seed, (uint64_t)p->seen),
                                         (uint64_t)image);
    const candidates c = {.n = (int)n,
                          .loss = all.loss,
                          .boxes = all.boxes,
                          .classes = all.classes,
                          .assigned = assigned,
                          .overlap = overlap,
                          .error = error,
                          .seed = seed,
                          .factor = factor,
                          .kept = kept,
                          .rank = rank,
                          .scratch = scratch};
    mining_modes[s->mode].select(s, &c);
    *stats = (dn_mining_stats){.predictions = n};
    v = all;
    for (int j = 0; j < s->layers; j++) {
        const detector *d = s->detector[j];
        filter(d, a->delta[j] + image * detector_values(d), v, stats);
        v = beyond(v, detector_predictions(d));
    }
}

void reference_mine(const pass *p, const mining *s, const mining_arrays *a, dn_mining_stats *sum)
{
#pragma omp parallel for num_threads(p->threads) schedule(static)
    for (int b = 0; b < p->batch; b++)
        mine_image(p, s, a, b);
    *sum = (dn_mining_stats){0};
    for (int b = 0; b < p->batch; b++) {
        const dn_mining_stats *image =
            (const dn_mining_stats *)((char *)p->workspace + (size_t)b * room_of_image(s));
        sum->predictions += image->predictions;
        sum->claimed += image->claimed;
        sum->kept += image->kept;
        sum->kept_claimed += image->kept_claimed;
        sum->loss += image->loss;
        sum->claimed_loss += image->claimed_loss;
        sum->kept_loss += image->kept_loss;
        sum->kept_claimed_loss += image->kept_claimed_loss;
    }
}

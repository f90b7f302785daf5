/* [lrm]: of each image's predictions only some keep their delta (Yu et al., Loss Rank Mining,
 * 2018, section III).
 *
 * A prediction's loss is the sum of its squared deltas, as the loss layer's forward() leaves them.
 * A mode sets a factor for each prediction, by which its delta is multiplied.
 */
#include "mining.h"

#include <string.h>

#include "boxes.h"
#include "random.h"
#include "reference.h"

static int most_kept(const mining *s, int n)
{
    return s->k > 0 && s->k < n ? s->k : n;
}

static void keep(const candidates *c, int count)
{
    for (int i = 0; i < count; i++)
        c->factor[c->kept[i]] = 1;
}

/* The factor of what a mode does not keep. */
static void let_go(const candidates *c, float factor)
{
    for (int i = 0; i < c->n; i++)
        c->factor[i] = factor;
}

/* The fewest of the ranking's first `most` that carry the share `mass` of all survivors' loss. */
static int carriers(const mining *s, const candidates *c, int survivors, int most)
{
    double all = 0, carried = 0;
    for (int i = 0; i < survivors; i++)
        all += c->loss[c->kept[i]];
    int count = 0;
    while (count < most && (count < s->k_min || carried < s->mass * all))
        carried += c->loss[c->kept[count++]];
    return count;
}

/* The paper's: the hardest after non-maximum suppression. */
static void hardest(const mining *s, const candidates *c)
{
    let_go(c, s->easy_nms);
    const bool all = s->mass > 0 || s->easy != s->easy_nms; /* who survives must be known */
    const int survivors = mining_select(c->loss, c->boxes, c->classes, c->n, all ? 0 : s->k,
                                        s->nms, c->kept, c->scratch);
    for (int i = 0; all && i < survivors; i++)
        c->factor[c->kept[i]] = s->easy;
    const int limit = most_kept(s, c->n), most = survivors < limit ? survivors : limit;
    keep(c, s->mass > 0 ? carriers(s, c, survivors, most) : most);
}

/* Keeps what truths claim, and returns how many these are. Copies to rank what the background is
 * ranked by: its losses, or numbers at random; all else comes last. */
static int rank_background(const candidates *c, bool at_random)
{
    int claimed = 0;
    for (int i = 0; i < c->n; i++) {
        const bool background = c->assigned[i] == 0;
        c->rank[i] = !background ? -1
                     : at_random ? (float)dn_random_uniform(c->seed, (uint64_t)i)
                                 : c->loss[i];
        claimed += c->assigned[i] == 1;
        if (c->assigned[i] == 1)
            c->factor[i] = 1;
    }
    return claimed;
}

/* Keeps the first `count` of the ranked background. */
static void keep_background(const candidates *c, int count, double nms)
{
    if (count < 1)
        return;
    const int found = mining_select(c->rank, c->boxes, c->classes, c->n, count, nms, c->kept,
                                    c->scratch);
    for (int i = 0; i < found; i++)
        if (c->assigned[c->kept[i]] == 0)
            c->factor[c->kept[i]] = 1;
}

/* A control: claimed predictions, and background at random up to k. */
static void at_random(const mining *s, const candidates *c)
{
    let_go(c, s->easy);
    const int claimed = rank_background(c, true);
    keep_background(c, most_kept(s, c->n) - claimed, 0);
}

/* SSD's rule (Liu et al., SSD, 2016, section 2.2): claimed predictions, and for each of them some
 * of the hardest background; a floor for images with few objects. */
static void negatives(const mining *s, const candidates *c)
{
    let_go(c, s->easy);
    const int claimed = rank_background(c, false);
    const double wanted = s->negatives * claimed;
    const int count = wanted < s->negatives_floor ? s->negatives_floor
                      : wanted < c->n             ? (int)wanted
                                                  : c->n;
    keep_background(c, count, s->nms);
}

const mining_row mining_modes[] = {
    {{"hardest", "the k of the highest loss after non-maximum suppression: the paper's"}, hardest},
    {{"negatives", "what truths claim, and for each `negatives` of the hardest background: SSD's"},
     negatives},
    {{"random", "what truths claim, and background at random up to k: a control"}, at_random},
    {{NULL, NULL}, NULL},
};

/* The arrays of one image, or the part of them that belongs to one mined layer. */
typedef struct {
    float *loss, *boxes, *factor;
    bool *selected;
    int32_t *classes;
    int8_t *assigned;
} part;

static part beyond(part v, int64_t n)
{
    return (part){v.loss + n,     v.boxes + 4 * n, v.factor + n,
                  v.selected + n, v.classes + n,   v.assigned + n};
}

/* Loss, box and class of every prediction of one mined layer in one image. */
static void describe(const detector *d, const float *output, const float *delta, part v)
{
    const int64_t cells = (int64_t)d->w * d->h;
    for (int64_t i = 0; i < detector_predictions(d); i++) {
        const int64_t at = detector_entry(d, i, 0);
        double loss = 0;
        int best = 0;
        for (int e = 0; e < 5 + d->classes; e++)
            loss += (double)delta[at + e * cells] * delta[at + e * cells];
        for (int c = 1; c < d->classes; c++)
            if (output[at + (5 + c) * cells] > output[at + (5 + best) * cells])
                best = c;
        v.loss[i] = (float)loss;
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
        v.selected[i] = factor == 1;
        tally(v, i, stats);
        if (v.selected[i])
            continue;
        float *entry = delta + detector_entry(d, i, 0);
        for (int e = 0; e < 5 + d->classes; e++)
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
    return whole_lines(sizeof(dn_mining_stats)) + 2 * whole_lines(n * sizeof(float))
           + whole_lines(n * sizeof(int)) + whole_lines(n) + whole_lines(mining_scratch((int)n));
}

size_t reference_mine_workspace(const pass *p, const mining *s)
{
    return p->train ? (size_t)p->batch * room_of_image(s) : 0;
}

static void mine_image(const pass *p, const mining *s, const mining_arrays *a, int image)
{
    const int64_t n = s->predictions;
    char *room = (char *)p->workspace + (size_t)image * room_of_image(s);
    dn_mining_stats *stats = (dn_mining_stats *)room;
    room += whole_lines(sizeof *stats);
    float *factor = (float *)room, *rank = (float *)(room += whole_lines((size_t)n * sizeof(float)));
    int *kept = (int *)(room += whole_lines((size_t)n * sizeof(float)));
    int8_t *assigned = (int8_t *)(room += whole_lines((size_t)n * sizeof(int)));
    void *scratch = room + whole_lines((size_t)n);
    const part all = {a->loss + image * n, a->boxes + image * n * 4, factor,
                      a->selected + image * n, a->classes + image * n, assigned};
    part v = all;
    for (int j = 0; j < s->layers; j++) {
        const detector *d = s->detector[j];
        const int64_t own = detector_predictions(d), count = own * (5 + d->classes);
        describe(d, a->output[j] + image * count, a->delta[j] + image * count, v);
        memcpy(v.assigned, a->assigned[j] + image * own, (size_t)own);
        v = beyond(v, own);
    }
    const uint64_t seed = dn_random_bits(dn_random_bits(p->seed, (uint64_t)p->seen),
                                         (uint64_t)image);
    const candidates c = {.n = (int)n,
                          .loss = all.loss,
                          .boxes = all.boxes,
                          .classes = all.classes,
                          .assigned = assigned,
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
        const int64_t own = detector_predictions(d);
        filter(d, a->delta[j] + image * own * (5 + d->classes), v, stats);
        v = beyond(v, own);
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

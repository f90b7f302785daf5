/* What [lrm] mode= chooses from: of an image's predictions, which keep their delta, or by which
 * factors all are weighed. mine.c says what they are given.
 */
#include "mining.h"

#include <math.h>

#include "boxes.h"
#include "random.h"

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

/* GHM-C's weights (Li et al., Gradient Harmonized Single-stage Detector, 2019, section 3): the
 * inverse of the density of errors near a prediction's own, by equal bins. Their mean is 1. */
static void harmonised(const mining *s, const candidates *c)
{
    enum { BINS = 30 };
    int count[BINS] = {0}, valid = 0, filled = 0;
    (void)s;
    for (int i = 0; i < c->n; i++)
        if (c->assigned[i] >= 0) {
            const float error = c->error[i]; /* NaN goes to the last bin, as 1 does */
            c->kept[i] = error >= 0 && error < 1 ? (int)(error * BINS) : BINS - 1;
            filled += count[c->kept[i]]++ == 0;
            valid++;
        }
    for (int i = 0; i < c->n; i++)
        c->factor[i] = c->assigned[i] < 0
                           ? 1
                           : (float)((double)valid / ((double)filled * count[c->kept[i]]));
}

/* How many claimed predictions of i's class have a better box; of two alike, the first is. */
static int better_boxes(const candidates *c, int i)
{
    int better = 0;
    for (int j = 0; j < c->n; j++)
        better += c->assigned[j] == 1 && c->classes[j] == c->classes[i]
                  && (c->overlap[j] > c->overlap[i] || (c->overlap[j] == c->overlap[i] && j < i));
    return better;
}

/* PISA's weights of positives (Cao et al., Prime Sample Attention, 2020, section 4.1): by the rank of
 * the box's IoU within the class, scaled so that the sum of the positives' losses stays. Here a
 * class is the predicted one. */
static void prime(const mining *s, const candidates *c)
{
    let_go(c, 1);
    int most = 0;
    for (int i = 0; i < c->n; i++)
        if (c->assigned[i] == 1) {
            c->kept[i] = better_boxes(c, i);
            most = c->kept[i] + 1 > most ? c->kept[i] + 1 : most;
        }
    double before = 0, after = 0;
    for (int i = 0; i < c->n; i++)
        if (c->assigned[i] == 1) {
            const double u = (double)(most - c->kept[i]) / most;
            c->factor[i] = (float)pow((1 - s->prime_bias) * u + s->prime_bias, s->prime_gamma);
            before += c->loss[i];
            after += (double)c->factor[i] * c->loss[i];
        }
    for (int i = 0; after > 0 && i < c->n; i++)
        if (c->assigned[i] == 1)
            c->factor[i] = (float)(c->factor[i] * before / after);
}

const mining_row mining_modes[] = {
    {{"hardest", "the k of the highest loss after non-maximum suppression: the paper's"}, hardest},
    {{"negatives", "what truths claim, and for each `negatives` of the hardest background: SSD's"},
     negatives},
    {{"random", "what truths claim, and background at random up to k: a control"}, at_random},
    {{"ghm", "all, weighed by how few errors are alike: GHM-C's density weights"}, harmonised},
    {{"prime", "all; those that truths claim weighed by the rank of their IoU: PISA's"}, prime},
    {{NULL, NULL}, NULL},
};

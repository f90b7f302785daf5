/* [lrm] mode=hardest: a thread describes each prediction; a block an image picks the hardest, round
 * by round, and drops what repeats it; a thread applies each factor. What is picked is exactly what
 * mining_select() picks from the same losses, boxes and classes. Other modes are left to the host.
 */
#include "detector.h"
#include "formulas.h"
#include "hosted.h"

enum { HARDEST };           /* a row of mining_modes */
enum { BY_DELTA, BY_TRUE }; /* rows of mining_losses */

/* One mined layer: its arrays, and where its predictions stand among an image's n. */
typedef struct {
    predictor r;
    int rank;
    int64_t own, first, n;
    const float *output;
    float *delta;
    const int8_t *assigned;
    const float *overlap;
} mined;

static __global__ void describe(const __grid_constant__ mined l, float *loss, float *boxes,
                                int32_t *classes, int64_t count)
{
    const detector *d = &l.r.d;
    const int64_t cells = (int64_t)d->w * d->h, values = detector_values(d);
    FOR_EACH(i, count) {
        const int64_t b = i / l.own, prediction = i % l.own;
        const int64_t to = b * l.n + l.first + prediction;
        const float *output = l.output + b * values, *delta = l.delta + b * values;
        const int64_t at = detector_entry(d, prediction, 0);
        const float *scores = output + detector_entry(d, prediction, 5);
        int best = 0;
        for (int c = 1; c < d->classes; c++)
            if (scores[c * cells] > scores[best * cells])
                best = c;
        classes[to] = best;
        loss[to] = (float)(l.rank == BY_DELTA
                               ? squared_deltas_at(d, delta, at)
                               : true_loss(d, output, delta, detector_entry(d, prediction, 4),
                                               l.assigned[i], l.overlap[i]));
        predicted(&l.r, output, prediction, boxes + to * 4);
    }
}

/* What a selection is asked for, and an image's arrays in it. */
typedef struct {
    int n, k, k_min;
    double nms, mass;
    float easy, easy_nms;
} rule;

typedef struct {
    const float *loss, *boxes;
    const int32_t *classes;
    float *factor;
    int *kept;
    int8_t *gone; /* picked or dropped */
} picking;

/* The first by rank of what is left, known to all threads of the block; -1: nothing is. */
static __device__ int hardest_left(const picking *v, int n)
{
    __shared__ uint32_t keys[BLOCK];
    __shared__ int indices[BLOCK];
    uint32_t key = 0;
    int index = -1;
    EACH_MEMBER(i, n)
        if (!v->gone[i]) {
            const uint32_t own = rank_key(v->loss[i]);
            if (index < 0 || own < key) {
                key = own;
                index = (int)i;
            }
        }
    __syncthreads(); /* the round before has read its winner */
    keys[threadIdx.x] = key;
    indices[threadIdx.x] = index;
    __syncthreads();
    for (int half = BLOCK / 2; half > 0; half /= 2) {
        const int own = (int)threadIdx.x, other = own + half;
        if (own < half && indices[other] >= 0
            && (indices[own] < 0 || keys[other] < keys[own]
                || (keys[other] == keys[own] && indices[other] < indices[own]))) {
            keys[own] = keys[other];
            indices[own] = indices[other];
        }
        __syncthreads();
    }
    return indices[0];
}

/* Drops what repeats the one that was picked. */
static __device__ void drop_repeats(const picking *v, int n, int picked, double nms)
{
    const corners box = box_corners(v->boxes + (int64_t)picked * 4);
    EACH_MEMBER(i, n) {
        const corners other = box_corners(v->boxes + i * 4);
        if (i == picked
            || (nms > 0 && nms < 1 && !v->gone[i] && v->classes[i] == v->classes[picked]
                && corners_iou(&box, &other) >= nms))
            v->gone[i] = 1;
    }
    __syncthreads();
}

/* Fills kept, in rank order; returns how many. */
static __device__ int pick(const picking *v, const rule *s, int most)
{
    int count = 0;
    while (count < most) {
        const int picked = hardest_left(v, s->n);
        if (picked < 0)
            break;
        if (threadIdx.x == 0)
            v->kept[count] = picked;
        count++;
        drop_repeats(v, s->n, picked, s->nms);
    }
    return count;
}

/* The fewest of the first `most` that carry the share `mass` of all survivors' loss: one thread. */
static __device__ int carriers(const picking *v, const rule *s, int survivors, int most)
{
    double all = 0, carried = 0;
    for (int i = 0; i < survivors; i++)
        all += v->loss[v->kept[i]];
    int count = 0;
    while (count < most && (count < s->k_min || carried < s->mass * all))
        carried += v->loss[v->kept[count++]];
    return count;
}

static __global__ void pick_all(rule s, picking all, int batch)
{
    __shared__ int keeps;
    EACH_TEAM(b, batch) {
        const int64_t at = b * s.n;
        const picking v = {all.loss + at,   all.boxes + 4 * at, all.classes + at,
                           all.factor + at, all.kept + at,      all.gone + at};
        EACH_MEMBER(i, s.n) {
            v.factor[i] = s.easy_nms;
            v.gone[i] = 0;
        }
        __syncthreads();
        const int limit = s.k > 0 && s.k < s.n ? s.k : s.n;
        const bool whole = s.mass > 0 || s.easy != s.easy_nms; /* who survives must be known */
        const int survivors = pick(&v, &s, whole ? s.n : limit);
        const int most = survivors < limit ? survivors : limit;
        if (threadIdx.x == 0)
            keeps = s.mass > 0 ? carriers(&v, &s, survivors, most) : most;
        __syncthreads();
        EACH_MEMBER(i, survivors)
            v.factor[v.kept[i]] = i < keeps ? 1 : s.easy;
        __syncthreads();
    }
}

/* Multiplies deltas by their factors. */
static __global__ void filter(const __grid_constant__ mined l, const float *factors,
                              bool *selected, int64_t count)
{
    const detector *d = &l.r.d;
    const int64_t cells = (int64_t)d->w * d->h, values = detector_values(d);
    FOR_EACH(i, count) {
        const int64_t b = i / l.own, own = b * l.n + l.first + i % l.own;
        const float factor = factors[own];
        selected[own] = factor >= 1;
        if (factor == 1)
            continue;
        float *entry = l.delta + b * values + detector_entry(d, i % l.own, 0);
        for (int e = 0; e < detector_width(d); e++)
            entry[e * cells] = factor == 0 ? 0 : factor * entry[e * cells];
    }
}

/* Adds a layer's predictions to what is known of each image. */
static __global__ void tally(const __grid_constant__ mined l, const float *losses,
                             const bool *selected, int batch, dn_mining_stats *stats)
{
    EACH_TEAM(b, batch) {
        double claimed = 0, kept = 0, both = 0;
        double loss = 0, claimed_loss = 0, kept_loss = 0, both_loss = 0;
        EACH_MEMBER(i, l.own) {
            const int64_t at = b * l.n + l.first + i;
            const bool is_claimed = l.assigned[b * l.own + i] == 1, is_kept = selected[at];
            const double own = losses[at];
            claimed += is_claimed;
            kept += is_kept;
            both += is_claimed && is_kept;
            loss += own;
            claimed_loss += is_claimed ? own : 0;
            kept_loss += is_kept ? own : 0;
            both_loss += is_claimed && is_kept ? own : 0;
        }
        claimed = block_sum(claimed);
        kept = block_sum(kept);
        both = block_sum(both);
        loss = block_sum(loss);
        claimed_loss = block_sum(claimed_loss);
        kept_loss = block_sum(kept_loss);
        both_loss = block_sum(both_loss);
        if (threadIdx.x != 0)
            continue;
        dn_mining_stats *s = stats + b;
        s->predictions += l.own;
        s->claimed += (int64_t)claimed;
        s->kept += (int64_t)kept;
        s->kept_claimed += (int64_t)both;
        s->loss += loss;
        s->claimed_loss += claimed_loss;
        s->kept_loss += kept_loss;
        s->kept_claimed_loss += both_loss;
    }
}

static size_t whole_lines(size_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

size_t cuda_mine_workspace(const pass *p, const mining *s)
{
    const size_t batch = (size_t)p->batch, all = batch * (size_t)s->predictions;
    const size_t own = whole_lines(batch * sizeof(dn_mining_stats))
                       + whole_lines(all * sizeof(float)) + whole_lines(all * sizeof(int))
                       + whole_lines(all);
    return p->train ? own : 0;
}

static mined layer_of(const mining *s, const mining_arrays *a, int j, int64_t first)
{
    mined l = {};
    l.r = predictor_of(s->detector[j]);
    l.rank = s->rank;
    l.own = detector_predictions(s->detector[j]);
    l.first = first;
    l.n = s->predictions;
    l.output = a->output[j];
    l.delta = a->delta[j];
    l.assigned = a->assigned[j];
    l.overlap = a->overlap[j];
    return l;
}

static void mine(const pass *p, const mining *s, const mining_arrays *a, dn_mining_stats *stats)
{
    const size_t batch = (size_t)p->batch, all = batch * (size_t)s->predictions;
    char *room = (char *)stats + whole_lines(batch * sizeof *stats);
    float *factor = (float *)room;
    int *kept = (int *)(room += whole_lines(all * sizeof(float)));
    int8_t *gone = (int8_t *)(room + whole_lines(all * sizeof(int)));
    int64_t first = 0;
    for (int j = 0; j < s->layers; j++) {
        const mined l = layer_of(s, a, j, first);
        LAUNCH(describe, p->batch * l.own, l, a->loss, a->boxes, a->classes, p->batch * l.own);
        first += l.own;
    }
    const rule r = {s->predictions, s->k, s->k_min, s->nms, s->mass, s->easy, s->easy_nms};
    const picking v = {a->loss, a->boxes, a->classes, factor, kept, gone};
    LAUNCH_TEAMS(pick_all, p->batch, r, v, p->batch);
    first = 0;
    for (int j = 0; j < s->layers; j++) {
        const mined l = layer_of(s, a, j, first);
        LAUNCH(filter, p->batch * l.own, l, factor, a->selected, p->batch * l.own);
        LAUNCH_TEAMS(tally, p->batch, l, a->loss, a->selected, p->batch, stats);
        first += l.own;
    }
}

static void leave_to_host(const pass *p, const mining *s, const mining_arrays *a,
                          dn_mining_stats *sum)
{
    const int64_t all = (int64_t)p->batch * s->predictions;
    host_copies host;
    const pass here = host.on_host(p, 0, cuda_host->mine_workspace(p, s));
    mining_arrays arrays = {};
    for (int j = 0; j < s->layers; j++) {
        const int64_t values = p->batch * detector_values(s->detector[j]),
                      predictions = p->batch * detector_predictions(s->detector[j]);
        arrays.output[j] = host.take(a->output[j], values);
        arrays.delta[j] = host.take(a->delta[j], values);
        arrays.assigned[j] = host.take(a->assigned[j], predictions);
        arrays.overlap[j] = host.take(a->overlap[j], predictions);
    }
    arrays.loss = host.take(a->loss, all);
    arrays.boxes = host.take(a->boxes, all * 4);
    arrays.classes = host.take(a->classes, all);
    arrays.selected = host.take(a->selected, all);
    *sum = {};
    if (!host.ok)
        return;
    cuda_host->mine(&here, s, &arrays, sum);
    host.send();
}

void cuda_mine(const pass *p, const mining *s, const mining_arrays *a, dn_mining_stats *sum)
{
    if (s->mode != HARDEST) {
        leave_to_host(p, s, a, sum);
        return;
    }
    dn_mining_stats *stats = (dn_mining_stats *)p->workspace;
    cuda_note(cudaMemsetAsync(stats, 0, (size_t)p->batch * sizeof *stats, cudaStreamPerThread)
                  == cudaSuccess,
              "clearing an array");
    mine(p, s, a, stats);
    host_copies host;
    const dn_mining_stats *images = host.take((const dn_mining_stats *)stats, p->batch);
    *sum = {};
    for (int b = 0; b < p->batch && images; b++) {
        sum->predictions += images[b].predictions;
        sum->claimed += images[b].claimed;
        sum->kept += images[b].kept;
        sum->kept_claimed += images[b].kept_claimed;
        sum->loss += images[b].loss;
        sum->claimed_loss += images[b].claimed_loss;
        sum->kept_loss += images[b].kept_loss;
        sum->kept_claimed_loss += images[b].kept_claimed_loss;
    }
}

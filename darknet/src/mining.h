/* Loss Rank Mining's rule on arrays, without allocation (dn_lrm_select in darknet.h states it); and
 * [lrm] as it crosses the backend's table. The arithmetic of the latter is
 * backends/reference/mining_modes.c. */
#ifndef DN_MINING_H
#define DN_MINING_H

#include <stddef.h>

#include "detector.h"

/* Bytes of scratch (aligned for double) that a selection among n predictions takes. */
size_t mining_scratch(int n);

/* Indices kept, in rank order, to kept (room for n); returns how many. */
int mining_select(const float *loss, const float *boxes, const int *classes, int n, int k,
                  double nms, int *kept, void *scratch);

enum { MAX_MINED = 64 };

/* What [lrm] asks for. Its layers' predictions are ranked together, layer after layer. */
typedef struct {
    int mode, rank;       /* rows of mining_modes and mining_losses */
    int predictions;      /* of all layers, an image */
    int k, k_min;         /* predictions kept an image, at most (0: no limit) and by mass at least */
    double nms, mass;
    float easy, easy_nms; /* factors of the deltas of those that are not kept, and of those that NMS
                             drops */
    double negatives;     /* background for each claimed one */
    int negatives_floor;  /* at least */
    double prime_gamma, prime_bias;
    int layers;
    const detector *detector[MAX_MINED];
} mining;

/* The whole batch's. */
typedef struct {
    const float *output[MAX_MINED];
    float *delta[MAX_MINED];
    const int8_t *assigned[MAX_MINED];
    const float *overlap[MAX_MINED];
    float *loss, *boxes;  /* (batch, predictions), (batch, predictions, 4) */
    int32_t *classes;
    bool *selected;       /* with a factor of 1 or more */
} mining_arrays;

/* The predictions of one image. */
typedef struct {
    int n;
    const float *loss, *boxes;
    const int32_t *classes;
    const int8_t *assigned;
    const float *overlap, *error; /* error: 1 - the probability of what the loss wants: an object,
                                     the background, or the class; 0 of ignored ones */
    uint64_t seed;        /* of the image in this pass */
    float *factor;        /* to set: of each prediction's delta; 1 leaves it as it is */
    int *kept;            /* scratch for n */
    float *rank;          /* scratch for n */
    void *scratch;        /* mining_scratch(n) */
} candidates;

/* What [lrm] rank= chooses from: a prediction's loss. overlap: as in detector_arrays. */
typedef struct {
    choice choice;
    double (*loss)(const detector *d, const float *output, const float *delta, int64_t prediction,
                   int assigned, double overlap);
} mining_loss_row;
extern const mining_loss_row mining_losses[];

/* What [lrm] mode= chooses from. */
typedef struct {
    choice choice;
    void (*select)(const mining *s, const candidates *c);
} mining_row;
extern const mining_row mining_modes[];

#endif

/* What the C tests share: CHECK, and files of their own. Each test is a program that ends with 0.
 */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "darknet.h"

#define CHECK(condition) check((condition), #condition, __FILE__, __LINE__)

static inline void check(bool holds, const char *condition, const char *file, int line)
{
    if (holds)
        return;
    fprintf(stderr, "%s:%d: %s does not hold\n", file, line, condition);
    exit(1);
}

/* The status is the one expected, and so is a part of the message, which is one line. */
static inline void check_error(dn_status status, const dn_error *e, dn_status expected,
                               const char *part, const char *file, int line)
{
    if (status == expected && e->status == expected && strstr(e->message, part)
        && !strchr(e->message, '\n'))
        return;
    fprintf(stderr, "%s:%d: status %d, expected %d; '%s' should hold '%s'\n", file, line, status,
            expected, e->message, part);
    exit(1);
}
#define CHECK_ERROR(status, e, expected, part) \
    check_error((status), (e), (expected), (part), __FILE__, __LINE__)

static inline dn_network *make_network(const char *cfg, const dn_options *options)
{
    dn_network *net = NULL;
    dn_error e = {DN_OK, ""};
    const dn_status status = dn_network_create(cfg, options, &net, &e);
    if (status != DN_OK) {
        fprintf(stderr, "%s\n", e.message);
        exit(1);
    }
    return net;
}

/* Numbers that look random, 0…1, the same each time. */
static inline void fill(float *x, int64_t count, unsigned seed)
{
    unsigned state = seed * 2654435761u + 1;
    for (int64_t i = 0; i < count; i++) {
        state = state * 1664525u + 1013904223u;
        x[i] = (float)(state >> 8) / (float)(1 << 24);
    }
}

/* A small detector with every kind of buffer: batch norm, pooling indices, edges, two loss layers,
 * mining. */
#define SMALL_NET \
    "[net]\nbatch=4\nsubdivisions=2\nwidth=32\nheight=32\nchannels=3\nlearning_rate=.01\n" \
    "[convolutional]\nbatch_normalize=1\nfilters=8\nsize=3\nstride=2\npad=1\nactivation=leaky\n" \
    "[maxpool]\nsize=2\nstride=2\n" \
    "[convolutional]\nbatch_normalize=1\nfilters=8\nsize=3\npad=1\ngroups=8\nactivation=relu\n" \
    "[shortcut]\nfrom=-2\nactivation=linear\n" \
    "[convolutional]\nfilters=14\nactivation=linear\n" \
    "[region]\nanchors=1,1, 2,2\nnum=2\nclasses=2\n" \
    "[route]\nlayers=3,1\n" \
    "[reorg]\nstride=2\n" \
    "[convolutional]\nfilters=14\nsize=3\npad=1\nactivation=linear\n" \
    "[region]\nanchors=1,1, 2,2\nnum=2\nclasses=2\n" \
    "[lrm]\nk=9\nnms=.5\nlayers=-1,5\n"
enum { SMALL_BATCH = 2, SMALL_SIDE = 32, SMALL_IMAGE = 3 * 32 * 32, SMALL_TRUTHS = 3 };

static inline void small_batch(float *x, float *truth, unsigned seed)
{
    fill(x, SMALL_BATCH * SMALL_IMAGE, seed);
    memset(truth, 0, sizeof(float) * SMALL_BATCH * SMALL_TRUTHS * 5);
    for (int image = 0; image < SMALL_BATCH; image++) {
        float *row = truth + image * SMALL_TRUTHS * 5;
        fill(row, 4, seed + 1 + (unsigned)image);
        for (int i = 0; i < 4; i++)
            row[i] = .2f + .5f * row[i];
    }
}

#endif

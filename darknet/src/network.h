/* A network: a graph of layers, its schedule, its memory. */
#ifndef DN_NETWORK_H
#define DN_NETWORK_H

#include "backend.h"
#include "cfg.h"
#include "layer.h"
#include "plan.h"
#include "schedule.h"

struct dn_network {
    cfg text;                    /* the parsed cfg; keys' texts and lists point into it */
    char *source;                /* the cfg's file name, for messages */
    settings set;                /* [net] */
    const backend *backend;
    dn_purpose purpose;
    bool outline;                /* to look at only: neither params nor activations */
    int threads;
    uint64_t seed;

    int batch, subdivisions;     /* images a pass; passes an update */
    dims in;
    layer *layers;
    int layer_count;
    int stop;                    /* backward ends before this layer's own, at present; -1: none */
    int output_layer;

    dn_memory *params;           /* values, gradients, Adam's moments; survives resize */
    float *gradients;            /* in params: those of all parameters, one after the other */
    int64_t gradient_count;      /* floats there, with the gaps between arrays, which are 0 */
    float *former;               /* likewise: the gradients as the last update left them; NULL: not
                                    kept */
    float *apart;                /* in params: where a layer's gradient of one pass is summed; NULL:
                                    there is one pass an update, and it adds to the gradients */
    dn_memory *activations;      /* outputs, deltas, buffers, workspace; a new one at each resize */
    void *workspace;
    struct view *views;          /* of the host, on memory that it does not see; views.h */
    dn_memory *staged;           /* images and truths of a pass, where the backend has its own memory;
                                    NULL: none yet, or the caller's are read */
    size_t staged_bytes;
    dn_memory *gradient;         /* likewise dn_train_pass's; NULL: none yet */

    int64_t seen, updates;       /* updates: since the start, Adam's clock */
    double rate_factor;          /* on the schedule's rate */
    double gradient_norm;        /* of the last update, before it was clipped; -1: not measured */
    int images;                  /* of the last pass; 0: none yet */
    bool trained_pass;           /* the last pass may be followed by dn_backward */
    dn_times *times;             /* one a layer; NULL: not timed */
    char **warnings;
    int warning_count;
};

/* Floats that a parameter's array takes: every one starts on a cache line. */
static inline int64_t padded(int64_t count)
{
    enum { LINE = 16 };
    return (count + LINE - 1) / LINE * LINE;
}

/* Floats of `apart` in a network of some purpose: the most that a layer's gradients take. */
int64_t dn_apart_floats(const dn_network *net, dn_purpose purpose);

/* Refuses what needs parameters or maps in a network that is an outline. */
dn_status dn_check_memory(const dn_network *net, dn_error *e);

/* An update of all parameters; solver.c */
dn_status dn_apply_update(dn_network *net, dn_error *e);

/* The arrays of a parameter in a network of some purpose: its value, and where it is trained its
 * gradient and what the solver keeps. Memory, the user's views and checkpoints go by this one list.
 * Returns how many. */
enum { GRADIENTS = 1, FORMER, MAX_PARAM_ARRAYS = 5 }; /* the places of gradients, and of former ones
                                                         where they are kept, in the list */
typedef struct {
    const char *prefix; /* before the parameter's name */
    float **data;
} param_array;
int dn_param_arrays(const dn_network *net, dn_purpose purpose, param *p,
                    param_array arrays[MAX_PARAM_ARRAYS]);

#endif

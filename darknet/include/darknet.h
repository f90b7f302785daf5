/* libdarknet: a Darknet-compatible engine with Loss Rank Mining.
 *
 * The library never exits, prints or keeps state outside a network, except for one initialisation
 * of the process (CPU features). A call that can fail returns a dn_status and fills a dn_error.
 * Different networks may be used in different threads at once; one network is used by one thread at
 * a time.
 *
 * Everything between the two markers is plain C without preprocessor lines: pylrm's cffi reads it.
 */
#ifndef DARKNET_H
#define DARKNET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default) /* the rest of the library is hidden */

/* cffi: begin */
typedef enum {
    DN_OK = 0,
    DN_BAD_CFG,      /* the cfg text: syntax, unknown section, impossible shape, value out of
                        range */
    DN_BAD_WEIGHTS,  /* a weights file: missing, truncated, too long, unwritable */
    DN_BAD_ARGUMENT, /* a call that does not fit the network or its state */
    DN_BAD_FILE,     /* a file that cannot be read or written */
    DN_NO_MEMORY,
    DN_NO_DEVICE     /* a GPU, or what drives it: missing, or it failed */
} dn_status;

typedef struct {
    dn_status status;
    char message[1000]; /* one line; starts with "file:line: " where there is one */
} dn_error;

typedef enum { DN_FLOAT32, DN_INT32, DN_INT8, DN_BOOL } dn_type;
typedef enum { DN_PLAN_TRAIN, DN_PLAN_INFER, DN_PLAN_KEEP } dn_purpose;

typedef struct dn_network dn_network;
typedef struct dn_memory dn_memory; /* a counted block; the last release frees it */

typedef struct {
    const char *source;  /* the cfg's file name for messages; NULL: "cfg" */
    int batch;           /* images a pass, overriding the cfg (subdivisions then 1); 0: as the cfg
                            says */
    int threads;         /* 0: as many as the process may use */
    uint64_t seed;       /* of weights, dropout and the random policy */
    const char *kernels; /* "fast", "reference" or "cuda"; NULL: "fast" */
    dn_purpose purpose;
    bool outline;        /* shapes, options and sizes only, at once: no parameters and no maps */
    bool loads;          /* a whole weights file is loaded next: what it holds is not drawn before */
} dn_options;

/* Networks. options NULL: all defaults. */
dn_status dn_network_create(const char *cfg, const dn_options *options, dn_network **out,
                            dn_error *error);
void dn_network_destroy(dn_network *net);
dn_status dn_network_resize(dn_network *net, int width, int height, dn_error *error);

typedef struct {
    int layers, batch, subdivisions; /* batch: images a pass */
    int channels, height, width;
    int output_layer;     /* the last layer that is neither cost nor lrm */
    int classes;          /* of the last detector, softmax or output; 0: none */
    int max_truths;       /* boxes an image that the loss layers read; 0: no detector */
    int truths;           /* floats of truth an image for classifiers; 0: a detector or no loss */
    int warnings, threads;
    const char *kernels;  /* "reference", "cuda", or the fast one's kind: "baseline", "avx2",
                           * "avx512" */
} dn_network_info;
void dn_network_describe(const dn_network *net, dn_network_info *info);
const char *dn_network_warning(const dn_network *net, int index); /* NULL past the last */
/* Bytes that a network of this cfg takes by plan: parameters with their gradients, and the rest. */
typedef struct { int64_t parameters, activations; } dn_bytes;
dn_status dn_network_bytes(const dn_network *net, dn_purpose purpose, dn_bytes *bytes,
                           dn_error *error);

int64_t dn_seen(const dn_network *net);
void dn_set_seen(dn_network *net, int64_t seen);
/* Updates since the network was made or its state restored: Adam's clock. */
int64_t dn_updates(const dn_network *net);
void dn_set_updates(dn_network *net, int64_t updates);
/* On the rates of all updates; 1 at first. */
double dn_rate_factor(const dn_network *net);
void dn_set_rate_factor(dn_network *net, double factor);
/* Of the last update: the norm of its gradient (of the mean over its images, without momentum and
 * decay) before clipping; -1 without clip_norm=, or before the first update. */
double dn_gradient_norm(const dn_network *net);
double dn_rate_at(const dn_network *net, int64_t update); /* the first update is 1 */

/* A value of [net] (layer -1) or of a layer, as parsed, with defaults: numbers as they are, lists
 * by index, names (activation, policy) as text. DN_BAD_ARGUMENT where there is no such key or
 * index. */
dn_status dn_option_number(const dn_network *net, int layer, const char *key, int index,
                           double *value, dn_error *error);
dn_status dn_option_text(const dn_network *net, int layer, const char *key, const char **value,
                         dn_error *error);

/* Layers. */
typedef struct {
    const char *type;
    int line;                    /* of its section in the cfg */
    int channels, height, width; /* of the output of one image */
    int inputs;                  /* layers read; input[]: their indices, -1 for the image */
    const int *input;
    int64_t parameters;          /* trained values and rolling statistics */
    /* of one image, in convolutions and connected layers: forward; backward in training, for the
     * weights' gradient and, where it is asked for, the input's (0: an inference network) */
    int64_t multiply_adds, backward_multiply_adds;
    bool fused;                  /* inference: computed in the next layer's pass, without an output
                                  * of its own */
    bool loss, detector;
    bool fresh;                  /* rolling statistics not yet seen a batch, nor loaded */
    int anchors, classes;        /* detectors: anchors a cell, classes; cells across and down */
    int columns, rows;
    double cost;                 /* of the last pass; loss layers */
} dn_layer_info;
dn_status dn_layer_describe(const dn_network *net, int layer, dn_layer_info *info, dn_error *error);

typedef struct {
    void *data;
    int64_t count;     /* elements */
    int rank;
    int64_t shape[5];
    dn_type type;
    bool writable;
    dn_memory *memory; /* held for the caller, who releases it */
} dn_array;
/* name: output, delta; biases, weights, scales, rolling_mean, rolling_variance; "grad ", "former ",
 * "m ", "v " or "average " before one of the trained ones, where the solver keeps such an array; or
 * an array that a layer type declares (assigned, loss, selected, boxes, classes). */
dn_status dn_layer_array(dn_network *net, int layer, const char *name, dn_array *array,
                         dn_error *error);
/* of parameters and declared arrays; NULL past the last */
const char *dn_layer_array_name(const dn_network *net, int layer, int index);
void dn_memory_release(dn_memory *memory);

/* For checkpoints: the names, for dn_layer_array, of all arrays of a layer that training changes.
 * With them, dn_seen, dn_updates, dn_rate_factor and each layer's `fresh` training goes on exactly.
 * False past the last. */
enum { DN_NAME_ROOM = 64 };
bool dn_layer_state_name(const dn_network *net, int layer, int index, char *name);
/* The first of these arrays that has a value which is not finite, and its layer; -1: none has.
 * values_only: of the parameters' values alone. name: room for DN_NAME_ROOM. */
dn_status dn_find_not_finite(dn_network *net, bool values_only, int *layer, char *name,
                             dn_error *error);
dn_status dn_layer_set_fresh(dn_network *net, int layer, bool fresh, dn_error *error);

/* What a detector's last pass with a truth showed; sums over the pass, for averages and the log. */
typedef struct {
    /* sums: the first three over `count`, the last over `predictions` */
    double iou, class_probability, objectness, noobjectness;
    int64_t recall50, recall75;              /* truths met with IoU > .5, > .75 */
    int64_t count, class_count, predictions; /* truths that claimed a prediction */
} dn_detector_stats;
dn_status dn_layer_stats(const dn_network *net, int layer, dn_detector_stats *stats,
                         dn_error *error);

/* What [lrm] kept in the last training pass, and the part of it that truths claim (the foreground);
 * sums over the images of the pass. */
typedef struct {
    int64_t predictions, claimed, kept, kept_claimed;
    double loss, claimed_loss, kept_loss, kept_claimed_loss;
} dn_mining_stats;
dn_status dn_layer_mining(const dn_network *net, int layer, dn_mining_stats *stats,
                          dn_error *error);

/* Passes. x: (images, c, h, w). truth: (images, truths, 5) for detectors (x y w h class, relative;
 * class -1: an ignore region; a list ends at x == 0), (images, 1, n) one-hot or target values else;
 * NULL: none. A training pass takes exactly `batch` images, another 1…batch. */
dn_status dn_forward(dn_network *net, const float *x, int images, const float *truth, int truths,
                     bool train, dn_error *error);
dn_status dn_backward(dn_network *net, dn_error *error);
dn_status dn_update(dn_network *net, dn_error *error);
double dn_cost(const dn_network *net); /* mean over the loss layers of the last pass */
/* All three, the update after each `subdivisions` passes. A pass whose loss is not finite ends after
 * forward, and one whose images are not ends before it: it teaches nothing and its images are not
 * counted. */
dn_status dn_train_batch(dn_network *net, const float *x, const float *truth, int truths,
                         double *loss, dn_error *error);

/* For training in several processes: a pass of dn_train_batch without its update and its counting.
 * Its gradient goes to `gradient` (`count` floats, as many as dn_gradients has), from 0, in place of
 * being added to the network's. */
dn_status dn_train_pass(dn_network *net, const float *x, const float *truth, int truths,
                        float *gradient, int64_t count, double *loss, dn_error *error);
/* The gradients of all parameters, with the momentum's velocity, as one array: what the coming
 * update goes by. Added to it are the passes' gradients, each as a whole. */
dn_status dn_gradients(dn_network *net, dn_array *array, dn_error *error);
/* Rolling statistics after a batch with these of its own; fresh: the first one. A training pass of a
 * layer that is `fresh` leaves the batch's own statistics in its rolling ones. */
void dn_roll(float *rolling, const float *own, int64_t count, bool fresh);

/* Where the time goes, for benchmarks. Switched on, passes and updates are timed layer by layer from
 * then on (on once more: from 0); off, as a network starts, nothing is measured or kept. */
typedef struct { int64_t forward, backward, update; } dn_times; /* nanoseconds, sums */
dn_status dn_network_time(dn_network *net, bool on, dn_error *error);
dn_status dn_layer_times(const dn_network *net, int layer, dn_times *times, dn_error *error);

/* Weights files. upto: layers 0…upto-1; negative: all. Loading takes `seen` from the file. */
dn_status dn_weights_load(dn_network *net, const char *path, int upto, dn_error *error);
dn_status dn_weights_save(dn_network *net, const char *path, int upto, dn_error *error);

/* Detections of image `image` of the last pass: rows of x y w h objectness, probabilities (0 when
 * not above thresh). letterbox: undo it for an image of image_width x image_height. nms <= 0: none.
 * *rows is how many there are; at most `capacity` are written. */
dn_status dn_boxes(dn_network *net, int image, int image_width, int image_height,
                   float thresh, bool letterbox, float nms, float *out, int capacity,
                   int *rows, dn_error *error);
/* Greedy suppression by descending score, ties to the lower index: drops IoU > iou.
 * boxes: (n, 4) centre x, y, w, h. kept: room for n indices. */
dn_status dn_nms(const float *boxes, const float *scores, int n, float iou, int *kept,
                 int *kept_count, dn_error *error);
/* centre x, y, w, h; 0 without area or with NaN */
double dn_iou(const float a[4], const float b[4]);

/* Loss Rank Mining's rule on one image: indices kept, in rank order. k 0: no limit; nms 0 or 1:
 * none. */
dn_status dn_lrm_select(const float *loss, const float *boxes, const int *classes, int n, int k,
                        double nms, int *kept, int *kept_count, dn_error *error);

/* Images: float, (c, h, w), 0…1; bilinear as Darknet's. */
void dn_image_resize(const float *in, int c, int h, int w, float *out, int out_h, int out_w);
void dn_image_letterbox(const float *in, int c, int h, int w, float *out, int out_h, int out_w);
void dn_image_place(const float *in, int c, int h, int w, int new_w, int new_h, int dx, int dy,
                    float *canvas, int out_h, int out_w);
/* RGB, in place */
void dn_image_distort(float *image, int h, int w, float hue, float saturation, float exposure);

/* One image for the network in one pass: uint8 (h, w, channels in OpenCV's order) -> float
 * (channels, out_h, out_w) in RGB. The picture is scaled to new_w x new_h and placed at dx, dy on
 * grey .5, colours distorted (1, 1 and hue 0: not; finite), mirrored after placing when flip. corners:
 * scaled with the corners aligned (resize, letterbox), else as placement does. */
typedef struct {
    int new_w, new_h, dx, dy;
    float hue, saturation, exposure;
    bool flip, corners;
} dn_view;
void dn_augment(const uint8_t *image, int h, int w, int channels, const dn_view *view, float *out,
                int out_h, int out_w);

/* The cfg language as data, for docs and for writing plain cfg files. */
typedef struct {
    const char *section, *name, *type, *doc; /* type: int, float, text, ints, floats,
                                                choice; of other Darknets: ignored, refused */
    double fallback, least, most;
    const char *fallback_text;               /* where the default is not a number */
} dn_key;
/* false past the end; name NULL with index past the last key */
bool dn_key_at(int section, int index, dn_key *key);
/* What a key of type choice may be, with a line about it; false past the last one. */
bool dn_key_choice(int section, int index, int which, const char **name, const char **summary);

const char *dn_version(void);
/* "avx512", "avx2" or "baseline": what the fast kernels will use here */
const char *dn_cpu_features(void);
bool dn_has_threads(void); /* false: built without OpenMP, so that every network has one */
/* Single-precision operations a second that the CPU's widest vectors reach in `threads` threads when
 * no memory is in their way (a fused multiply-add is two): the best of some short runs. */
double dn_cpu_peak(int threads);
/* Tests: the nth allocation from now on fails (1: the next); 0: none. Counts are the process's. */
void dn_fail_allocation(int64_t nth);
int64_t dn_live_allocations(void);
/* cffi: end */

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif
#endif

/* Whole convolutions on the kernels of each table, whatever this CPU would choose: all passes as the
 * plain loops do them. */
#include <unistd.h>

#include "tables.h"

static const struct {
    int batch, channels, height, width;
    const char *layer;
} cases[] = {
    {3, 5, 11, 13, "filters=15\n"},
    {1, 37, 20, 31, "filters=131\n"}, /* panels that threads share */
    {5, 33, 2, 3, "filters=29\n"},    /* joined planes */
    {2, 3, 17, 35, "filters=30\nsize=3\npad=1\n"},
    {1, 15, 33, 21, "filters=99\nsize=3\nstride=2\npad=1\n"},
    {2, 6, 9, 8, "filters=28\ngroups=2\nsize=5\npad=1\n"},
    {2, 18, 19, 33, "filters=18\ngroups=18\nsize=3\npad=1\n"},
    {2, 18, 19, 34, "filters=18\ngroups=18\nsize=3\nstride=2\npad=1\n"},
    {3, 16, 1, 1, "filters=16\nsize=3\npad=1\n"}, /* from here on Winograd */
    {1, 40, 13, 13, "filters=45\nsize=3\npad=1\n"},
    {1, 131, 6, 18, "filters=27\nsize=3\npad=1\n"},
    {1, 17, 2, 530, "filters=16\nsize=3\npad=1\n"},
};
enum { CASES = sizeof cases / sizeof *cases };

static char weights[64]; /* a file: of the case at hand */

static dn_network *network(int i, const char *kernels, dn_purpose purpose)
{
    char cfg[400];
    snprintf(cfg, sizeof cfg,
             "[net]\nbatch=%d\nchannels=%d\nheight=%d\nwidth=%d\n[activation]\nactivation=linear\n"
             "[convolutional]\nbatch_normalize=1\nactivation=leaky\n%s[cost]\n",
             cases[i].batch, cases[i].channels, cases[i].height, cases[i].width, cases[i].layer);
    dn_network *net = make_network(
        cfg, &(dn_options){.kernels = kernels, .threads = 2, .purpose = purpose});
    if (*weights)
        CHECK(dn_weights_load(net, weights, -1, NULL) == DN_OK);
    return net;
}

/* Weights as a network starts with, and biases. */
static void write_weights(int i)
{
    *weights = 0;
    dn_network *net = network(i, "reference", DN_PLAN_TRAIN);
    dn_array biases;
    CHECK(dn_layer_array(net, 1, "biases", &biases, NULL) == DN_OK);
    draw(biases.data, biases.count);
    dn_memory_release(biases.memory);
    snprintf(weights, sizeof weights, "/tmp/dn-test-tables-%ld.weights", (long)getpid());
    CHECK(dn_weights_save(net, weights, -1, NULL) == DN_OK);
    dn_network_destroy(net);
}

/* The distance of two arrays, by the length of the second. */
static void alike(dn_network *ours, dn_network *theirs, int layer, const char *name)
{
    dn_array a, b;
    CHECK(dn_layer_array(ours, layer, name, &a, NULL) == DN_OK);
    CHECK(dn_layer_array(theirs, layer, name, &b, NULL) == DN_OK);
    CHECK(a.count == b.count);
    double distance = 0, length = 0;
    for (int64_t i = 0; i < a.count; i++) {
        const double x = ((float *)a.data)[i], y = ((float *)b.data)[i];
        distance += (x - y) * (x - y);
        length += y * y;
    }
    CHECK(length > 0 && isfinite(length) && sqrt(distance) <= 1e-5 * sqrt(length));
    dn_memory_release(a.memory);
    dn_memory_release(b.memory);
}

static void training(int i)
{
    dn_network *ours = network(i, "fast", DN_PLAN_KEEP),
               *theirs = network(i, "reference", DN_PLAN_KEEP);
    dn_network_info info;
    dn_network_describe(theirs, &info);
    const int64_t count = (int64_t)info.batch * info.channels * info.height * info.width;
    float *x = drawn(count), *truth = drawn((int64_t)info.batch * info.truths);
    dn_network *const nets[] = {ours, theirs};
    for (int k = 0; k < 2; k++) {
        CHECK(dn_forward(nets[k], x, info.batch, truth, info.truths, true, NULL) == DN_OK);
        CHECK(dn_backward(nets[k], NULL) == DN_OK);
    }
    alike(ours, theirs, 1, "output");
    alike(ours, theirs, 1, "grad weights");
    alike(ours, theirs, 0, "delta");
    free(x);
    free(truth);
    dn_network_destroy(ours);
    dn_network_destroy(theirs);
}

static void inference(int i)
{
    dn_network *ours = network(i, "fast", DN_PLAN_INFER),
               *theirs = network(i, "reference", DN_PLAN_INFER);
    dn_network_info info;
    dn_network_describe(theirs, &info);
    float *x = drawn((int64_t)info.batch * info.channels * info.height * info.width);
    for (int images = info.batch; images > 0; images--) {
        CHECK(dn_forward(ours, x, images, NULL, 0, false, NULL) == DN_OK);
        CHECK(dn_forward(theirs, x, images, NULL, 0, false, NULL) == DN_OK);
        alike(ours, theirs, info.output_layer, "output");
    }
    free(x);
    dn_network_destroy(ours);
    dn_network_destroy(theirs);
}

int main(void)
{
    dn_cpu_start(); /* which sets the table, once */
    for (int t = 0; table(t); t++) {
        dn_kernels = *table(t);
        for (int i = 0; i < CASES; i++) {
            write_weights(i);
            training(i);
            inference(i);
        }
    }
    remove(weights);
    return 0;
}

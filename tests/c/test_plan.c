/* The plan: whatever is kept, the numbers are the same; less is kept in less memory; views outlive
 * all. */
#include "check.h"

static float x[SMALL_BATCH * SMALL_IMAGE], truth[SMALL_BATCH * SMALL_TRUTHS * 5];

static dn_network *trained(dn_purpose purpose, int threads, const char *kernels)
{
    dn_network *net = make_network(
        SMALL_NET, &(dn_options){.threads = threads, .kernels = kernels, .purpose = purpose});
    for (unsigned k = 0; k < 4; k++) {
        double loss;
        small_batch(x, truth, k);
        CHECK(dn_train_batch(net, x, truth, SMALL_TRUTHS, &loss, NULL) == DN_OK);
    }
    return net;
}

static dn_array array(dn_network *net, int layer, const char *name)
{
    dn_array found;
    CHECK(dn_layer_array(net, layer, name, &found, NULL) == DN_OK);
    return found;
}

static void same(dn_network *a, dn_network *b)
{
    static const char *const names[] = {"weights", "biases", "scales", "rolling_mean",
                                        "rolling_variance"};
    dn_network_info info;
    dn_network_describe(a, &info);
    for (int i = 0; i < info.layers; i++)
        for (int n = 0; n < 5; n++) {
            dn_array p, q;
            if (dn_layer_array(a, i, names[n], &p, NULL) != DN_OK)
                continue;
            q = array(b, i, names[n]);
            CHECK(p.count == q.count && !memcmp(p.data, q.data, (size_t)p.count * sizeof(float)));
            dn_memory_release(p.memory);
            dn_memory_release(q.memory);
        }
}

static void plans_agree(const char *kernels)
{
    dn_network *lean = trained(DN_PLAN_TRAIN, 1, kernels),
               *full = trained(DN_PLAN_KEEP, 2, kernels);
    same(lean, full);
    dn_bytes train, keep, infer;
    CHECK(dn_network_bytes(lean, DN_PLAN_TRAIN, &train, NULL) == DN_OK);
    CHECK(dn_network_bytes(lean, DN_PLAN_KEEP, &keep, NULL) == DN_OK);
    CHECK(dn_network_bytes(lean, DN_PLAN_INFER, &infer, NULL) == DN_OK);
    CHECK(infer.activations < train.activations && train.activations < keep.activations);
    dn_array output;
    dn_error e;
    CHECK_ERROR(dn_layer_array(lean, 0, "output", &output, &e), &e, DN_BAD_ARGUMENT, "keep");
    dn_network_destroy(lean);
    dn_network_destroy(full);
}

/* A size that does not fit leaves the network as it was; one that does computes what a new network
 * would. */
static void resizing(void)
{
    dn_network *net = trained(DN_PLAN_TRAIN, 1, NULL), *other = trained(DN_PLAN_TRAIN, 1, NULL);
    dn_error e = {DN_OK, ""};
    static const int wrong[][2] = {{0, 32}, {32, -1}, {1, 1}, {36, 32}, {1 << 30, 1 << 30}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        CHECK(dn_network_resize(net, wrong[i][0], wrong[i][1], &e) != DN_OK);
        CHECK(e.status != DN_OK && e.message[0]);
    }
    CHECK(dn_network_resize(net, 64, 96, &e) == DN_OK);
    CHECK(dn_network_resize(net, SMALL_SIDE, SMALL_SIDE, &e) == DN_OK);
    double a, b;
    small_batch(x, truth, 9);
    CHECK(dn_train_batch(net, x, truth, SMALL_TRUTHS, &a, NULL) == DN_OK);
    CHECK(dn_train_batch(other, x, truth, SMALL_TRUTHS, &b, NULL) == DN_OK);
    CHECK(a == b);
    same(net, other);
    dn_network_destroy(net);
    dn_network_destroy(other);
}

static void views_outlive(void)
{
    dn_network *net = trained(DN_PLAN_KEEP, 1, NULL);
    dn_array weights = array(net, 0, "weights"), output = array(net, 0, "output"),
             delta = array(net, 0, "delta");
    const float first = *(float *)output.data;
    CHECK(dn_network_resize(net, 64, 64, NULL) == DN_OK);
    CHECK(*(float *)output.data == first);
    dn_network_destroy(net);
    memset(weights.data, 0, (size_t)weights.count * sizeof(float));
    memset(output.data, 0, (size_t)output.count * sizeof(float));
    memset(delta.data, 0, (size_t)delta.count * sizeof(float));
    dn_memory_release(weights.memory);
    dn_memory_release(output.memory);
    dn_memory_release(delta.memory);
}

int main(void)
{
    const int64_t before = dn_live_allocations();
    plans_agree("reference");
    plans_agree("fast");
    resizing();
    views_outlive();
    CHECK(dn_live_allocations() == before);
    return 0;
}

/* Every allocation made to fail once: an error, a network as it was, and no leak. */
#include <stdint.h>
#include <sys/resource.h>
#include <unistd.h>

#include "check.h"
#include "error.h"

static float x[SMALL_BATCH * SMALL_IMAGE], truth[SMALL_BATCH * SMALL_TRUTHS * 5];

static int creating(const dn_options *options)
{
    for (int nth = 1;; nth++) {
        const int64_t before = dn_live_allocations();
        dn_network *net = NULL;
        dn_error e = {DN_OK, ""};
        dn_fail_allocation(nth);
        const dn_status status = dn_network_create(SMALL_NET, options, &net, &e);
        dn_fail_allocation(0);
        dn_network_destroy(net);
        CHECK(dn_live_allocations() == before);
        if (status == DN_OK)
            return nth - 1;
        CHECK(!net);
        CHECK_ERROR(status, &e, DN_NO_MEMORY, "memory");
    }
}

static double train(dn_network *net, unsigned seed)
{
    double loss;
    small_batch(x, truth, seed);
    CHECK(dn_train_batch(net, x, truth, SMALL_TRUTHS, &loss, NULL) == DN_OK);
    return loss;
}

/* A resize that fails leaves the network as it was, and working. */
static int resizing(dn_purpose purpose)
{
    const dn_options options = {.purpose = purpose, .threads = 1};
    dn_network *net = make_network(SMALL_NET, &options), *twin = make_network(SMALL_NET, &options);
    int failures = 0;
    for (dn_status status = DN_NO_MEMORY; status != DN_OK; failures++) {
        const int64_t before = dn_live_allocations();
        dn_error e = {DN_OK, ""};
        dn_fail_allocation(failures + 1);
        status = dn_network_resize(net, 64, 32, &e);
        dn_fail_allocation(0);
        CHECK(dn_live_allocations() == before);
        if (status == DN_OK)
            break;
        CHECK_ERROR(status, &e, DN_NO_MEMORY, "memory");
        dn_network_info info;
        dn_network_describe(net, &info);
        CHECK(info.width == SMALL_SIDE && info.height == SMALL_SIDE);
        CHECK(train(net, (unsigned)failures) == train(twin, (unsigned)failures));
    }
    dn_network_destroy(net);
    dn_network_destroy(twin);
    return failures;
}

/* Passes allocate nothing, so with every allocation failing they do what they always do. */
static void passes(void)
{
    dn_network *net = make_network(SMALL_NET, &(dn_options){0}),
               *twin = make_network(SMALL_NET, &(dn_options){0});
    for (unsigned k = 0; k < 4; k++) {
        dn_fail_allocation(1);
        const double loss = train(net, k);
        dn_error e = {DN_OK, ""};
        dn_network *never = NULL;
        CHECK(dn_network_create(SMALL_NET, &(dn_options){0}, &never, &e)
              == DN_NO_MEMORY); /* the failure was still to come */
        CHECK(loss == train(twin, k));
    }
    dn_network_destroy(net);
    dn_network_destroy(twin);
}

/* The calls beside the network's: boxes, nms, mining's rule, files. */
static void others(void)
{
    dn_network *net = make_network(SMALL_NET, &(dn_options){0});
    train(net, 1);
    static float rows[512 * 7];
    const float boxes[8] = {.5f, .5f, .2f, .2f, .5f, .5f, .2f, .2f}, scores[2] = {1, 2};
    const int classes[2] = {0, 0};
    char path[64];
    snprintf(path, sizeof path, "/tmp/dn-test-allocation-%ld.weights", (long)getpid());
    int kept[2], count = 0, failed = 0;
    for (int call = 0; call < 5; call++)
        for (int nth = 1;; nth++) {
            const int64_t before = dn_live_allocations();
            dn_error e = {DN_OK, ""};
            dn_status status = DN_OK;
            dn_fail_allocation(nth);
            if (call == 0)
                status = dn_boxes(net, 0, 30, 20, .1f, true, .5f, rows, 512, &count, &e);
            else if (call == 1)
                status = dn_nms(boxes, scores, 2, .5f, kept, &count, &e);
            else if (call == 2)
                status = dn_lrm_select(scores, boxes, classes, 2, 1, .5, kept, &count, &e);
            else if (call == 3)
                status = dn_weights_save(net, path, -1, &e);
            else
                status = dn_weights_load(net, path, -1, &e);
            dn_fail_allocation(0);
            CHECK(dn_live_allocations() == before);
            if (status != DN_NO_MEMORY)
                break;
            CHECK_ERROR(status, &e, DN_NO_MEMORY, "memory");
            failed++;
        }
    CHECK(failed > 0);
    remove(path);
    dn_network_destroy(net);
}

/* Valgrind touches what it hands out: under it, memory is never taken lazily. */
static bool under_valgrind(void)
{
    const char *preloaded = getenv("LD_PRELOAD");
    return preloaded && strstr(preloaded, "vgpreload");
}

/* Zeroed, aligned, and taken from the system only where it is written. */
static void blocks(void)
{
    struct rusage before, after;
    getrusage(RUSAGE_SELF, &before);
    const size_t large = (size_t)2 << 30;
    for (size_t bytes = 0; bytes < 200; bytes++) {
        unsigned char *block = dn_allocate(bytes);
        CHECK(block && (uintptr_t)block % 64 == 0);
        for (size_t i = 0; i < bytes; i++)
            CHECK(block[i] == 0);
        memset(block, 1, bytes);
        dn_free(block);
    }
    char *block = dn_allocate(large);
    CHECK(block && block[large / 2] == 0);
    dn_free(block);
    getrusage(RUSAGE_SELF, &after);
    CHECK(under_valgrind() || after.ru_maxrss - before.ru_maxrss < 1 << 20); /* KiB */
    CHECK(!dn_allocate(SIZE_MAX));
}

/* Parameters that no machine holds: how many and of which cfg. */
static void too_many_parameters(void)
{
    const char *connected = "[route]\nlayers=0\n[connected]\noutput=16777216\n";
    char text[1000] = "[net]\nwidth=65536\nheight=32767\nchannels=1\nadam=1\n[conv]\n";
    for (int i = 0; i < 10; i++)
        strcat(text, connected);
    dn_network *net = NULL;
    dn_error e = {DN_OK, ""};
    CHECK_ERROR(dn_network_create(text, &(dn_options){.batch = 1, .source = "big.cfg"}, &net, &e),
                &e, DN_NO_MEMORY, "big.cfg: no memory for ");
    CHECK(strstr(e.message, " MiB of parameters"));
}

int main(void)
{
    const int64_t before = dn_live_allocations();
    const dn_purpose purposes[] = {DN_PLAN_TRAIN, DN_PLAN_INFER, DN_PLAN_KEEP};
    for (int i = 0; i < 3; i++)
        CHECK(creating(&(dn_options){.purpose = purposes[i]}) > 10);
    CHECK(resizing(DN_PLAN_TRAIN) > 1);
    CHECK(resizing(DN_PLAN_KEEP) > 1);
    passes();
    others();
    blocks();
    too_many_parameters();
    CHECK(dn_live_allocations() == before);
    return 0;
}

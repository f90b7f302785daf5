/* Networks made, trained, resized, saved, loaded and destroyed, a thousand times or so often as the
 * argument says: nothing is left, which valgrind and LeakSanitizer look for too. */
#include <unistd.h>

#include "check.h"

static float x[SMALL_BATCH * SMALL_IMAGE], truth[SMALL_BATCH * SMALL_TRUTHS * 5];

static void once(unsigned number, const char *path)
{
    static const char *const kernels[] = {"fast", "reference"};
    dn_network *net = make_network(SMALL_NET, &(dn_options){.seed = number,
                                                            .kernels = kernels[number % 2],
                                                            .threads = 1});
    dn_network *inference = make_network(
        SMALL_NET, &(dn_options){.purpose = DN_PLAN_INFER, .threads = 1});
    double loss;
    dn_array held;
    small_batch(x, truth, number);
    CHECK(dn_layer_array(net, 0, "weights", &held, NULL) == DN_OK);
    for (int pass = 0; pass < 2; pass++)
        CHECK(dn_train_batch(net, x, truth, SMALL_TRUTHS, &loss, NULL) == DN_OK);
    CHECK(dn_network_resize(net, 64, 64, NULL) == DN_OK);
    CHECK(dn_weights_save(net, path, -1, NULL) == DN_OK);
    CHECK(dn_weights_load(inference, path, -1, NULL) == DN_OK);
    CHECK(dn_forward(inference, x, 1, NULL, 0, false, NULL) == DN_OK);
    dn_network_destroy(net);
    dn_network_destroy(inference);
    dn_memory_release(held.memory);
}

int main(int count, char **arguments)
{
    const unsigned rounds = count > 1 ? (unsigned)strtoul(arguments[1], NULL, 10) : 1000;
    const int64_t before = dn_live_allocations();
    char path[64];
    snprintf(path, sizeof path, "/tmp/dn-test-rounds-%ld.weights", (long)getpid());
    for (unsigned i = 0; i < rounds; i++) {
        once(i, path);
        CHECK(dn_live_allocations() == before);
    }
    remove(path);
    return 0;
}

/* Two networks in two threads compute what each does alone. */
#include <pthread.h>

#include "check.h"

enum { PASSES = 8 };
typedef struct {
    uint64_t seed;
    const char *kernels;
    double losses[PASSES];
} job;

static void *run(void *argument)
{
    job *j = argument;
    float x[SMALL_BATCH * SMALL_IMAGE], truth[SMALL_BATCH * SMALL_TRUTHS * 5];
    dn_network *net = make_network(
        SMALL_NET, &(dn_options){.seed = j->seed, .kernels = j->kernels, .threads = 2});
    for (unsigned k = 0; k < PASSES; k++) {
        if (k == PASSES / 2)
            CHECK(dn_network_resize(net, SMALL_SIDE, SMALL_SIDE, NULL) == DN_OK);
        small_batch(x, truth, k);
        CHECK(dn_train_batch(net, x, truth, SMALL_TRUTHS, &j->losses[k], NULL) == DN_OK);
    }
    dn_network_destroy(net);
    return NULL;
}

int main(void)
{
    const int64_t before = dn_live_allocations();
    static const char *const kernels[] = {"fast", "reference"};
    for (int i = 0; i < 2; i++) {
        job alone[2] = {{1, kernels[i], {0}}, {2, kernels[i], {0}}},
            together[2] = {{1, kernels[i], {0}}, {2, kernels[i], {0}}};
        run(&alone[0]);
        run(&alone[1]);
        pthread_t thread;
        CHECK(pthread_create(&thread, NULL, run, &together[0]) == 0);
        run(&together[1]);
        CHECK(pthread_join(thread, NULL) == 0);
        for (int j = 0; j < 2; j++)
            CHECK(!memcmp(alone[j].losses, together[j].losses, sizeof alone[j].losses));
    }
    CHECK(dn_live_allocations() == before);
    return 0;
}

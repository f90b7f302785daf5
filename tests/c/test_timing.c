/* Layers' times: none unless asked for, from zero when asked again, kept by a resize; memory. */
#include "check.h"

enum { LAYERS = 11 };

static dn_times all(const dn_network *net, int layer)
{
    dn_times times;
    CHECK(dn_layer_times(net, layer, &times, NULL) == DN_OK);
    return times;
}

int main(void)
{
    const int64_t before = dn_live_allocations();
    dn_error e;
    dn_times times;
    double loss;
    float x[SMALL_BATCH * SMALL_IMAGE], truth[SMALL_BATCH * SMALL_TRUTHS * 5];
    small_batch(x, truth, 1);
    dn_network *net = make_network(SMALL_NET, NULL);

    CHECK_ERROR(dn_layer_times(net, 0, &times, &e), &e, DN_BAD_ARGUMENT, "not timed");
    CHECK(dn_network_time(net, false, &e) == DN_OK);
    const int64_t untimed = dn_live_allocations();
    dn_fail_allocation(1);
    CHECK_ERROR(dn_network_time(net, true, &e), &e, DN_NO_MEMORY, "times");
    CHECK_ERROR(dn_layer_times(net, 0, &times, &e), &e, DN_BAD_ARGUMENT, "not timed");
    CHECK(dn_network_time(net, true, &e) == DN_OK);
    CHECK_ERROR(dn_layer_times(net, -1, &times, &e), &e, DN_BAD_ARGUMENT, "0 to 10");
    CHECK_ERROR(dn_layer_times(net, LAYERS, &times, &e), &e, DN_BAD_ARGUMENT, "0 to 10");

    /* two passes an update */
    CHECK(dn_train_batch(net, x, truth, SMALL_TRUTHS, &loss, &e) == DN_OK);
    const dn_times first = all(net, 0);
    CHECK(first.forward > 0 && first.backward > 0 && first.update == 0);
    CHECK(dn_network_resize(net, SMALL_SIDE, SMALL_SIDE, &e) == DN_OK);
    CHECK(dn_train_batch(net, x, truth, SMALL_TRUTHS, &loss, &e) == DN_OK);
    times = all(net, 0);
    CHECK(times.forward > first.forward && times.backward > first.backward && times.update > 0);

    CHECK(dn_network_time(net, true, &e) == DN_OK);
    for (int i = 0; i < LAYERS; i++) {
        times = all(net, i);
        CHECK(times.forward == 0 && times.backward == 0 && times.update == 0);
    }
    CHECK(dn_network_time(net, false, &e) == DN_OK);
    CHECK(dn_live_allocations() == untimed);
    CHECK_ERROR(dn_layer_times(net, 0, &times, &e), &e, DN_BAD_ARGUMENT, "not timed");

    CHECK(dn_network_time(net, true, &e) == DN_OK);
    dn_network_destroy(net);
    CHECK(dn_live_allocations() == before);
    return 0;
}

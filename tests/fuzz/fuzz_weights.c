/* Any bytes as a weights file of a fixed network: loaded or refused in one line. */
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "../c/check.h"

static dn_network *net;
static char path[64];
static int file;

static void prepare(void)
{
    net = make_network(SMALL_NET, &(dn_options){.threads = 1});
    file = memfd_create("weights", 0);
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!net)
        prepare();
    const int64_t before = dn_live_allocations();
    if (ftruncate(file, 0) || pwrite(file, data, size, 0) != (ssize_t)size)
        abort();
    dn_error e = {DN_OK, ""};
    const int upto = size ? data[size - 1] % 16 - 1 : -1;
    must(dn_weights_load(net, path, upto, &e), &e);
    if (dn_live_allocations() != before)
        abort();
    return 0;
}

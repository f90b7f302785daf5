/* Any bytes as a weights file of the networks in nets/: loaded or refused in one line.
 * The first two bytes of an input say which network, what for, and up to which layer. */
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "../c/check.h"

static const char *const cfgs[] = {"classifier", "detector", "partial"};
enum { CFGS = sizeof cfgs / sizeof cfgs[0], HEAD = 2 };

static dn_network *nets[2 * CFGS]; /* for training, for inference */
static char path[64];
static int file;

static char *read_cfg(const char *name)
{
    static char text[4096];
    char from[128];
    snprintf(from, sizeof from, "tests/fuzz/nets/%s.cfg", name);
    FILE *cfg = fopen(from, "r");
    if (!cfg)
        abort(); /* run it in the root of the tree */
    text[fread(text, 1, sizeof text - 1, cfg)] = 0;
    fclose(cfg);
    return text;
}

static void prepare(void)
{
    for (int i = 0; i < 2 * CFGS; i++) {
        const dn_purpose purpose = i < CFGS ? DN_PLAN_TRAIN : DN_PLAN_INFER;
        nets[i] = make_network(read_cfg(cfgs[i % CFGS]),
                               &(dn_options){.threads = 1, .purpose = purpose});
    }
    file = memfd_create("weights", 0);
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!file)
        prepare();
    if (size < HEAD)
        return 0;
    const int64_t before = dn_live_allocations();
    const size_t length = size - HEAD;
    if (ftruncate(file, 0) || pwrite(file, data + HEAD, length, 0) != (ssize_t)length)
        abort();
    dn_error e = {DN_OK, ""};
    must(dn_weights_load(nets[data[0] % (2 * CFGS)], path, data[1] % 8 - 1, &e), &e);
    if (dn_live_allocations() != before)
        abort();
    return 0;
}

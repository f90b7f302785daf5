/* Any bytes as a cfg: a network or an error of one line, and nothing lost. Small networks are made
 * in full, and take a pass. */
#include <stdint.h>
#include <string.h>

#include "fuzz.h"

enum { MOST_BYTES = 1 << 16, MOST_WORK = 1 << 16, MOST_TEXT = 1 << 14 };

static dn_network *create(const char *text, dn_options options)
{
    dn_network *net = NULL;
    dn_error e = {DN_OK, ""};
    must(dn_network_create(text, &options, &net, &e), &e);
    return net;
}

/* Whether a network is made and run in no time. */
static bool is_small(const dn_network *outline, const dn_network_info *info)
{
    dn_bytes bytes;
    dn_error e = {DN_OK, ""};
    if (dn_network_bytes(outline, DN_PLAN_TRAIN, &bytes, &e) != DN_OK)
        return false;
    int64_t work = 0;
    for (int i = 0; i < info->layers; i++) {
        dn_layer_info layer;
        must(dn_layer_describe(outline, i, &layer, &e), &e);
        work += layer.multiply_adds / MOST_WORK > 0 ? MOST_WORK : layer.multiply_adds;
    }
    return bytes.parameters < MOST_BYTES && bytes.activations < MOST_BYTES
           && work * info->batch < MOST_WORK
           && (int64_t)info->batch * info->channels * info->height * info->width < MOST_WORK
           && (int64_t)info->batch * info->max_truths < 1000
           && (int64_t)info->batch * info->truths < MOST_WORK;
}

static void run(dn_network *net)
{
    static float x[MOST_WORK], truth[MOST_WORK];
    dn_network_info info;
    dn_network_describe(net, &info);
    dn_error e = {DN_OK, ""};
    double loss;
    for (int i = 0; i < MOST_WORK; i += 97)
        x[i] = (float)(i % 7) - 3;
    const int truths = info.max_truths ? info.max_truths : 1;
    must(dn_forward(net, x, 1, NULL, 0, false, &e), &e);
    must(dn_train_batch(net, x, truth, truths, &loss, &e), &e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char text[MOST_TEXT + 1];
    if (size > MOST_TEXT)
        return 0;
    memcpy(text, data, size);
    text[size] = 0;
    dn_network *outline = create(text, (dn_options){.outline = true, .threads = 1});
    if (!outline)
        return 0;
    dn_network_info info;
    dn_network_describe(outline, &info);
    if (is_small(outline, &info)) {
        dn_network *net = create(text, (dn_options){.threads = 1});
        if (net)
            run(net);
        dn_network_destroy(net);
    }
    dn_network_destroy(outline);
    no_leak();
    return 0;
}

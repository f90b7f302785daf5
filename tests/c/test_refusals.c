/* Calls that do not fit, files that cannot be read or written: one line each, and nothing changed. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "check.h"

#define NET "[net]\nwidth=8\nheight=8\nchannels=3\n"

static dn_network *net;

/* In place of the system's: the nth reading fails, as of a broken disk; renaming does. */
static int reading;
static bool renaming = true;
size_t fread_unlocked(void *to, size_t size, size_t count, FILE *file);

size_t fread(void *to, size_t size, size_t count, FILE *file)
{
    if (reading && !--reading) {
        errno = EIO;
        return 0;
    }
    return fread_unlocked(to, size, count, file);
}

int rename(const char *from, const char *to)
{
    if (renaming)
        return renameat(AT_FDCWD, from, AT_FDCWD, to);
    errno = EIO;
    return -1;
}

/* Layers that are not there; what a layer, or a network, has not. */
static void questions(void)
{
    dn_error e;
    dn_layer_info info;
    dn_array array;
    dn_detector_stats stats;
    dn_mining_stats mined;
    double number;
    const char *text;
    static const int indices[] = {-2, 11, 1 << 30};
    for (int i = 0; i < 3; i++) {
        const int none = indices[i];
        CHECK_ERROR(dn_layer_describe(net, none, &info, &e), &e, DN_BAD_ARGUMENT, "0 to 10");
        CHECK_ERROR(dn_layer_array(net, none, "output", &array, &e), &e, DN_BAD_ARGUMENT, "0 to 10");
        CHECK_ERROR(dn_layer_stats(net, none, &stats, &e), &e, DN_BAD_ARGUMENT, "0 to 10");
        CHECK_ERROR(dn_layer_mining(net, none, &mined, &e), &e, DN_BAD_ARGUMENT, "0 to 10");
        CHECK_ERROR(dn_layer_set_fresh(net, none, true, &e), &e, DN_BAD_ARGUMENT, "0 to 10");
        CHECK_ERROR(dn_option_number(net, none, "batch", 0, &number, &e), &e, DN_BAD_ARGUMENT,
                    "0 to 10");
        CHECK_ERROR(dn_option_text(net, none, "batch", &text, &e), &e, DN_BAD_ARGUMENT, "0 to 10");
        char name[DN_NAME_ROOM];
        CHECK(!dn_layer_state_name(net, none, 0, name) && !dn_layer_array_name(net, none, 0));
    }
    CHECK_ERROR(dn_option_number(net, -1, "nosuch", 0, &number, &e), &e, DN_BAD_ARGUMENT, "no key");
    CHECK_ERROR(dn_option_number(net, -1, "batch", 1, &number, &e), &e, DN_BAD_ARGUMENT, "value 1");
    CHECK_ERROR(dn_option_number(net, -1, "data", 0, &number, &e), &e, DN_BAD_ARGUMENT, "a text");
    CHECK_ERROR(dn_option_text(net, -1, "batch", &text, &e), &e, DN_BAD_ARGUMENT, "a number");
    CHECK_ERROR(dn_layer_array(net, 0, "nosuch", &array, &e), &e, DN_BAD_ARGUMENT, "nosuch");
    CHECK_ERROR(dn_layer_array(net, 10, "output", &array, &e), &e, DN_BAD_ARGUMENT, "output");
    CHECK_ERROR(dn_layer_stats(net, 0, &stats, &e), &e, DN_BAD_ARGUMENT, "layer 0");
    CHECK_ERROR(dn_layer_mining(net, 0, &mined, &e), &e, DN_BAD_ARGUMENT, "layer 0");
}

static void passes(void)
{
    static float x[SMALL_BATCH * SMALL_IMAGE], truth[SMALL_BATCH * SMALL_TRUTHS * 5], out[512 * 7];
    dn_error e;
    double loss;
    int rows, kept[2];
    small_batch(x, truth, 1);
    CHECK_ERROR(dn_backward(net, &e), &e, DN_BAD_ARGUMENT, "backward needs");
    static const int counts[] = {0, -1, SMALL_BATCH + 1};
    for (int i = 0; i < 3; i++)
        CHECK_ERROR(dn_forward(net, x, counts[i], NULL, 0, false, &e), &e, DN_BAD_ARGUMENT,
                    "takes 1 to 2");
    CHECK_ERROR(dn_forward(net, x, 1, truth, 1, true, &e), &e, DN_BAD_ARGUMENT, "takes exactly 2");
    CHECK_ERROR(dn_boxes(net, 0, 8, 8, .1f, false, 0, out, 1, &rows, &e), &e, DN_BAD_ARGUMENT,
                "image 0");
    CHECK(dn_forward(net, x, 1, NULL, 0, false, &e) == DN_OK);
    CHECK_ERROR(dn_boxes(net, 1, 8, 8, .1f, false, 0, out, 1, &rows, &e), &e, DN_BAD_ARGUMENT,
                "image 1");
    CHECK_ERROR(dn_boxes(net, 0, 0, 8, .1f, true, 0, out, 1, &rows, &e), &e, DN_BAD_ARGUMENT,
                "letterbox");
    CHECK_ERROR(dn_nms(x, x, -1, .5f, kept, &rows, &e), &e, DN_BAD_ARGUMENT, "-1");
    dn_network *inference = make_network(SMALL_NET, &(dn_options){.purpose = DN_PLAN_INFER});
    CHECK_ERROR(dn_train_batch(inference, x, truth, 1, &loss, &e), &e, DN_BAD_ARGUMENT,
                "cannot train");
    CHECK_ERROR(dn_forward(inference, x, 1, truth, 1, false, &e), &e, DN_BAD_ARGUMENT, "no truth");
    dn_network_destroy(inference);
    dn_network *outline = make_network(SMALL_NET, &(dn_options){.outline = true});
    CHECK_ERROR(dn_train_batch(outline, x, truth, 1, &loss, &e), &e, DN_BAD_ARGUMENT, "outline");
    CHECK_ERROR(dn_weights_save(outline, "/tmp/x", -1, &e), &e, DN_BAD_ARGUMENT, "outline");
    CHECK_ERROR(dn_weights_load(outline, "/tmp/x", -1, &e), &e, DN_BAD_ARGUMENT, "outline");
    dn_network_destroy(outline);
}

static void files(void)
{
    char path[64], part[80];
    dn_error e;
    snprintf(path, sizeof path, "/tmp/dn-test-refusals-%ld.weights", (long)getpid());
    snprintf(part, sizeof part, "%s.part", path);
    CHECK_ERROR(dn_weights_load(net, path, -1, &e), &e, DN_BAD_WEIGHTS, "No such file");
    CHECK_ERROR(dn_weights_load(net, "/tmp", -1, &e), &e, DN_BAD_WEIGHTS, "/tmp: ");
    CHECK_ERROR(dn_weights_save(net, "/tmp", -1, &e), &e, DN_BAD_WEIGHTS, "no regular file");
    CHECK_ERROR(dn_weights_save(net, "/no/such/folder/x", -1, &e), &e, DN_BAD_WEIGHTS, "No such");

    /* a disk that is full: what was there stays */
    CHECK(dn_weights_save(net, path, -1, &e) == DN_OK);
    struct rlimit usual;
    getrlimit(RLIMIT_FSIZE, &usual);
    signal(SIGXFSZ, SIG_IGN);
    static const int upto[] = {-1, 1}; /* found while it is written; found when it is flushed */
    for (int i = 0; i < 2; i++) {
        const struct rlimit full = {.rlim_cur = 512, .rlim_max = usual.rlim_max};
        setrlimit(RLIMIT_FSIZE, &full);
        const dn_status status = dn_weights_save(net, path, upto[i], &e);
        setrlimit(RLIMIT_FSIZE, &usual);
        CHECK_ERROR(status, &e, DN_BAD_WEIGHTS, "cannot be written: File too large");
        CHECK(access(part, F_OK) != 0);
        CHECK(dn_weights_load(net, path, -1, &e) == DN_OK);
    }

    /* a disk that breaks */
    int failures = 0;
    for (dn_status status = DN_BAD_WEIGHTS; status != DN_OK; failures++) {
        reading = failures + 1;
        status = dn_weights_load(net, path, -1, &e);
        reading = 0;
        if (status != DN_OK)
            CHECK_ERROR(status, &e, DN_BAD_WEIGHTS, failures < 2 ? "header" : "Input/output error");
    }
    CHECK(failures > 10);
    renaming = false;
    CHECK_ERROR(dn_weights_save(net, path, -1, &e), &e, DN_BAD_WEIGHTS, "Input/output error");
    renaming = true;
    CHECK(access(part, F_OK) != 0);

    /* a link in the part's place is not followed */
    char away[80];
    snprintf(away, sizeof away, "%s.away", path);
    FILE *file = fopen(away, "w");
    CHECK(file && fputs("kept", file) >= 0 && fclose(file) == 0 && symlink(away, part) == 0);
    CHECK(dn_weights_save(net, path, -1, &e) == DN_OK);
    char text[8] = "";
    file = fopen(away, "r");
    CHECK(file && fgets(text, sizeof text, file) && !strcmp(text, "kept") && fclose(file) == 0);
    remove(away);
    remove(path);
}

static void cfgs(void)
{
    static const struct {
        const char *text, *part;
    } bad[] = {
        {NET "[conv]\nfilters=10\n[region]\nanchors=1,1\nclasses=5\n[lrm]\n[route]\nlayers=2\n",
         "cfg:11: [route] reads layer 2, a [lrm], which has no output"},
        {NET "[route]\nlayers=,\n", "whole numbers separated by commas"},
        {NET "[route]\nlayers=1 2\n", "whole numbers separated by commas"},
        {NET "[cost]\n", "cfg:1: no layer has an output"},
        {NET "learning_rate=fast\n[maxpool]\n", "a number from 0 to 1000000"},
        {"[net]\nwidth=65536\nheight=16384\nchannels=1\n[upsample]\nstride=2\n",
         "cfg:5: [upsample] has an output of 4294967296 values an image, more than 2^31"},
        {"[net]\nwidth=1\nheight=1\nchannels=2147483647\n[maxpool]\n", "65536"},
    };
    dn_error e;
    dn_network *made = NULL;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const dn_status status = dn_network_create(bad[i].text, NULL, &made, &e);
        CHECK_ERROR(status, &e, DN_BAD_CFG, bad[i].part);
    }
    CHECK_ERROR(dn_network_create(SMALL_NET, &(dn_options){.kernels = "slow"}, &made, &e), &e,
                DN_BAD_ARGUMENT, "there are fast, reference and cuda");
}

int main(void)
{
    const int64_t before = dn_live_allocations();
    net = make_network(SMALL_NET, NULL);
    questions();
    passes();
    files();
    cfgs();
    dn_network_destroy(net);
    CHECK(dn_live_allocations() == before);
    return 0;
}

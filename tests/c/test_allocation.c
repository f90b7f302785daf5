/* Every allocation made to fail once: an error, a network as it was, and no leak. */
#include <stdint.h>
#include <sys/resource.h>
#include <unistd.h>

#include "check.h"
#include "error.h"

static float x[SMALL_BATCH * SMALL_IMAGE], truth[SMALL_BATCH * SMALL_TRUTHS * 5];

/* A classifier with the layers that the small detector has not, lists, and keys that are warned of:
 * a warning without memory is lost, not the network. */
#define CLASSIFIER \
    "[net]\nbatch=2\nwidth=8\nheight=8\nchannels=3\nadam=1\npolicy=steps\nsteps=2,4\nscales=.5,.5\n" \
    "colour=blue\nwidth=9\n" \
    "[conv]\nfilters=4\nsize=3\npad=1\nstopbackward=2\nactivation=leaky\n" \
    "[batchnorm]\n[activation]\nactivation=elu\n[dropout]\n[upsample]\n[avgpool]\n" \
    "[connected]\noutput=3\nbatch_normalize=1\n[connected]\noutput=3\n[softmax]\n[cost]\n"
enum { CLASSES = 3, CLASSIFIED = 2 * 3 * 8 * 8 };

/* Whether the failure that was asked for came; none is asked for from now on. */
static bool came(void)
{
    void *block = dn_allocate(1);
    dn_fail_allocation(0);
    dn_free(block);
    return block;
}

static int creating(const char *cfg, const dn_options *options)
{
    for (int nth = 1;; nth++) {
        const int64_t before = dn_live_allocations();
        dn_network *net = NULL;
        dn_error e = {DN_OK, ""};
        dn_fail_allocation(nth);
        const dn_status status = dn_network_create(cfg, options, &net, &e);
        const bool failed = came();
        CHECK((status == DN_OK) == (net != NULL));
        dn_network_destroy(net);
        CHECK(dn_live_allocations() == before);
        if (!failed)
            return nth - 1;
        if (status != DN_OK)
            CHECK_ERROR(status, &e, DN_NO_MEMORY, "memory");
    }
}

/* Class trees are the layers' own memory; the file lies beside the cfg. */
static void trees(void)
{
    char path[64], text[400];
    snprintf(path, sizeof path, "/tmp/dn-test-allocation-%ld.tree", (long)getpid());
    snprintf(text, sizeof text,
             "[net]\nwidth=2\nheight=2\nchannels=3\n[conv]\nfilters=8\n[region]\nanchors=1,1\n"
             "classes=3\ntree=%s\n[connected]\noutput=3\n[softmax]\ntree=%s\n",
             path + sizeof "/tmp", path + sizeof "/tmp");
    FILE *file = fopen(path, "w");
    CHECK(file && fputs("a -1\nb -1\nc 0\n", file) >= 0 && fclose(file) == 0);
    CHECK(creating(text, &(dn_options){.source = "/tmp/net.cfg"}) > 4);
    CHECK(creating(text, &(dn_options){.source = "/tmp/net.cfg", .outline = true}) > 4);
    remove(path);
    dn_network *net = NULL;
    dn_error e = {DN_OK, ""};
    CHECK(dn_network_create(text, NULL, &net, NULL) == DN_BAD_CFG && !net);
    CHECK_ERROR(dn_network_create(text, NULL, &net, &e), &e, DN_BAD_CFG, "cannot be read");
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

/* The calls that take memory for a while, beside the network's own: what each needs, and the call. */
typedef struct {
    dn_network *net, *inference, *classifier;
    char path[64], transposed[64];
} setting;

static dn_status boxes(setting *s, dn_error *e)
{
    static float rows[512 * 7];
    int count;
    return dn_boxes(s->net, 0, 30, 20, .1f, true, .5f, rows, 512, &count, e);
}

static const float two[8] = {.5f, .5f, .2f, .2f, .5f, .5f, .2f, .2f}, scores[2] = {1, 2};

static dn_status nms(setting *s, dn_error *e)
{
    int kept[2], count;
    (void)s;
    return dn_nms(two, scores, 2, .5f, kept, &count, e);
}

static dn_status rank(setting *s, dn_error *e)
{
    const int classes[2] = {0, 0};
    int kept[2], count;
    (void)s;
    return dn_lrm_select(scores, two, classes, 2, 1, .5, kept, &count, e);
}

static dn_status save(setting *s, dn_error *e)
{
    return dn_weights_save(s->net, s->path, -1, e);
}

static dn_status load(setting *s, dn_error *e)
{
    return dn_weights_load(s->inference, s->path, -1, e);
}

static dn_status load_transposed(setting *s, dn_error *e)
{
    return dn_weights_load(s->classifier, s->transposed, -1, e);
}

static dn_status bytes(setting *s, dn_error *e)
{
    dn_bytes found;
    return dn_network_bytes(s->net, DN_PLAN_KEEP, &found, e);
}

static dn_status timed(setting *s, dn_error *e)
{
    const dn_status status = dn_network_time(s->net, true, e);
    dn_network_time(s->net, false, NULL);
    return status;
}

/* The pass with which stopbackward= changes makes another plan. */
static dn_status another_plan(setting *s, dn_error *e)
{
    static const float y[2 * CLASSES] = {1, 0, 0, 0, 1, 0};
    double loss;
    const int64_t seen = dn_seen(s->classifier);
    dn_set_seen(s->classifier, 0);
    const dn_status status = dn_train_batch(s->classifier, x, y, 1, &loss, e);
    if (status != DN_OK)
        dn_set_seen(s->classifier, seen);
    return status;
}

static void write_transposed(const setting *s)
{
    const int32_t version[3] = {1001, 2, 0};
    CHECK(dn_weights_save(s->classifier, s->transposed, -1, NULL) == DN_OK);
    FILE *file = fopen(s->transposed, "r+b");
    char rest[1 << 14];
    CHECK(file && fread(rest, 1, 20, file) == 20);
    const size_t size = fread(rest, 1, sizeof rest, file);
    rewind(file); /* this version's `seen` has 4 bytes */
    CHECK(fwrite(version, 1, 12, file) == 12 && fwrite("\0\0\0", 1, 4, file) == 4);
    CHECK(fwrite(rest, 1, size, file) == size);
    CHECK(!ftruncate(fileno(file), (off_t)(16 + size)) && fclose(file) == 0);
}

static void others(void)
{
    static const struct {
        dn_status (*call)(setting *, dn_error *);
        int least; /* allocations */
    } calls[] = {{boxes, 1}, {nms, 1}, {rank, 1}, {save, 1}, {load, 0}, {load_transposed, 2},
                 {bytes, 1}, {timed, 1}, {another_plan, 1}};
    setting s = {make_network(SMALL_NET, NULL),
                 make_network(SMALL_NET, &(dn_options){.purpose = DN_PLAN_INFER}),
                 make_network(CLASSIFIER, NULL), "", ""};
    snprintf(s.path, sizeof s.path, "/tmp/dn-test-allocation-%ld.weights", (long)getpid());
    snprintf(s.transposed, sizeof s.transposed, "/tmp/dn-test-transposed-%ld.weights",
             (long)getpid());
    train(s.net, 1);
    write_transposed(&s);
    dn_set_seen(s.classifier, 100);
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        for (int nth = 1;; nth++) {
            const int64_t before = dn_live_allocations();
            dn_error e = {DN_OK, ""};
            dn_fail_allocation(nth);
            const dn_status status = calls[i].call(&s, &e);
            const bool failed = came();
            CHECK(dn_live_allocations() == before);
            if (!failed) {
                CHECK(status == DN_OK && nth - 1 >= calls[i].least);
                break;
            }
            CHECK_ERROR(status, &e, DN_NO_MEMORY, "memory");
        }
    remove(s.path);
    remove(s.transposed);
    dn_network_destroy(s.net);
    dn_network_destroy(s.inference);
    dn_network_destroy(s.classifier);
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
        for (int cfg = 0; cfg < 2; cfg++) {
            const char *text = cfg ? CLASSIFIER : SMALL_NET;
            CHECK(creating(text, &(dn_options){.purpose = purposes[i]}) > 10);
            CHECK(creating(text, &(dn_options){.purpose = purposes[i], .outline = true}) > 10);
        }
    CHECK(resizing(DN_PLAN_TRAIN) > 1);
    CHECK(resizing(DN_PLAN_KEEP) > 1);
    trees();
    passes();
    others();
    blocks();
    too_many_parameters();
    CHECK(dn_live_allocations() == before);
    return 0;
}

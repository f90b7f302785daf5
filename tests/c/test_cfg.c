/* The cfg reader: what it takes, and that every malformed text is one clear error and no leak. */
#include "check.h"

#define NET "[net]\nwidth=8\nheight=8\nchannels=3\n"

static const struct {
    const char *text, *part;
} bad[] = {
    {"", "cfg"},
    {"\n\n# only a comment\n", "cfg"},
    {"width=8\n", "cfg:1"},
    {"[convolutional]\nfilters=1\n", "[net]"},
    {"[net\nwidth=8\n", "cfg:1"},
    {"[]\n", "cfg:1"},
    {NET "[nosuchlayer]\n", "cfg:5"},
    {NET "[convolutional]\nfilters\n", "cfg:6"},
    {NET "[convolutional]\n=3\n", "cfg:6"},
    {NET "[convolutional]\nfilters=three\n", "cfg:6"},
    {NET "[convolutional]\nfilters=3x\n", "cfg:6"},
    {NET "[convolutional]\nfilters=\n", "cfg:6"},
    {NET "[convolutional]\nfilters=-1\n", "cfg:6"},
    {NET "[convolutional]\nfilters=99999999999999999999\n", "cfg:6"},
    {NET "[convolutional]\nfilters=nan\n", "cfg:6"},
    {NET "[convolutional]\nsize=0\n", "cfg:6"},
    {NET "[convolutional]\nstride=0\n", "cfg:6"},
    {NET "[convolutional]\nfilters=4\ngroups=2\n", "groups"},
    {NET "[convolutional]\nactivation=nosuch\n", "cfg:6"},
    {NET "[convolutional]\nsize=99\n", "cfg:5"},
    {NET "[maxpool]\nstride=0\n", "cfg:6"},
    {NET "[route]\nlayers=-3\n", "cfg:"},
    {NET "[route]\nlayers=7\n", "cfg:"},
    {NET "[route]\n", "cfg:5"},
    {NET "[shortcut]\nfrom=5\n", "cfg:"},
    {NET "[reorg]\nstride=3\n", "cfg:5"},
    {NET "[dropout]\nprobability=2\n", "cfg:6"},
    {NET "[convolutional]\nfilters=15\n[region]\nanchors=1,1\nnum=1\nclasses=5\n", "10"},
    {NET "[convolutional]\nfilters=10\n[region]\nanchors=1\nnum=1\nclasses=5\n", "anchors"},
    {NET "[convolutional]\nfilters=10\n[region]\nanchors=1,x\nnum=1\nclasses=5\n", "cfg:8"},
    {NET "[convolutional]\nfilters=10\n[lrm]\n", "lrm"},
    {NET "[convolutional]\nfilters=10\n[region]\nanchors=1,1\nnum=1\nclasses=5\n[lrm]\nk=-1\n",
     "cfg:12"},
    {NET "[convolutional]\nfilters=10\n[region]\nanchors=1,1\nnum=1\nclasses=5\n[lrm]\nnms=1.5\n",
     "cfg:12"},
    {"[net]\nbatch=0\nwidth=8\nheight=8\nchannels=3\n[maxpool]\n", "cfg:2"},
    {"[net]\nbatch=4\nsubdivisions=3\nwidth=8\nheight=8\nchannels=3\n[maxpool]\n", "subdivisions"},
    {"[net]\nwidth=0\nheight=8\nchannels=3\n[maxpool]\n", "width"},
    {NET, "cfg:1: [net] stands alone"},
    {NET "[route]\nlayers=-1\n", "cfg:5: [route] is the first layer"},
    {NET "[shortcut]\nfrom=-1\n", "cfg:5: [shortcut] is the first layer"},
    {"[net]\nwidth=65536\nheight=65536\nchannels=1\n[maxpool]\n", "cfg:1: [net] has an input"},
    {"[net]\nwidth=8\nheight=8\nchannels=65536\n[conv]\nsize=1024\npad=1\n", "products"},
    {"[net]\nwidth=8\nheight=8\nchannels=3\npolicy=nosuch\n[maxpool]\n", "cfg:5"},
};

static dn_status create(const char *text, dn_error *e)
{
    dn_network *net = NULL;
    const dn_status status = dn_network_create(text, &(dn_options){.threads = 1}, &net, e);
    CHECK((status == DN_OK) == (net != NULL));
    dn_network_destroy(net);
    return status;
}

static void malformed(void)
{
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        dn_error e = {DN_OK, ""};
        if (create(bad[i].text, &e) != DN_BAD_CFG || !strstr(e.message, bad[i].part))
            fprintf(stderr, "%s\n", bad[i].text);
        CHECK_ERROR(e.status, &e, DN_BAD_CFG, bad[i].part);
        CHECK(create(bad[i].text, NULL) == DN_BAD_CFG);
    }
}

/* A good text cut short anywhere, or with one byte changed, is taken or refused: no crash, no leak.
 */
static void mangled(void)
{
    const size_t length = strlen(SMALL_NET);
    char *text = malloc(length + 1);
    CHECK(text);
    for (size_t i = 0; i <= length; i++) {
        memcpy(text, SMALL_NET, length + 1);
        text[i] = 0;
        create(text, NULL);
    }
    static const char odd[] = {'[', ']', '=', '\n', '-', ',', '#', '\x01', '\xff'};
    for (size_t i = 0; i < length; i++) {
        memcpy(text, SMALL_NET, length + 1);
        text[i] = odd[i % sizeof odd];
        create(text, NULL);
    }
    free(text);
}

/* `head`, and then a line so often. */
static dn_status repeated(const char *head, const char *line, size_t times, dn_error *e)
{
    char *text = malloc(strlen(head) + strlen(line) * times + 1), *end = text;
    CHECK(text);
    strcpy(text, head);
    end += strlen(head);
    for (size_t i = 0; i < times; i++, end += strlen(line))
        strcpy(end, line);
    dn_network *net = NULL;
    const dn_status status = dn_network_create(text, &(dn_options){.outline = true}, &net, e);
    dn_network_destroy(net);
    free(text);
    return status;
}

/* What takes the square of their number in time is bounded, and so are the sums of sizes. */
static void too_many(void)
{
    dn_error e = {DN_OK, ""};
    CHECK(repeated(NET, "[activation]\n", 4095, &e) == DN_OK);
    CHECK_ERROR(repeated(NET, "[activation]\n", 4096, &e), &e, DN_BAD_CFG,
                "cfg:4100: there may be 4096 sections");
    CHECK(repeated(NET "[maxpool]\n", "a=1\n", 1024, &e) == DN_OK);
    CHECK_ERROR(repeated(NET "[maxpool]\n", "a=1\n", 1025, &e), &e, DN_BAD_CFG,
                "cfg:1030: a section may have 1024 keys");
}

static void spellings(void)
{
    static const char text[] =
        "\xef\xbb\xbf# a comment\r\n\r\n[network]\r\n width = 8 ; the width\r\nheight\t=8 # too\r\n"
        "channels=3\r\n; another\r\n[conv]\r\n filters = 7\r\n[maxpool]";
    dn_network *net = make_network(text + 3, &(dn_options){0});
    dn_network_info info;
    dn_network_describe(net, &info);
    CHECK(info.layers == 2 && info.width == 8 && info.height == 8 && info.warnings == 0);
    dn_layer_info layer;
    CHECK(dn_layer_describe(net, 0, &layer, NULL) == DN_OK);
    CHECK(layer.channels == 7 && layer.line == 8 && !strcmp(layer.type, "convolutional"));
    dn_network_destroy(net);
}

static void unknown_keys(void)
{
    dn_network *net = make_network(NET "colour=blue\n[convolutional]\nfilter=7\n",
                                   &(dn_options){0});
    dn_network_info info;
    dn_network_describe(net, &info);
    CHECK(info.warnings == 2);
    CHECK(strstr(dn_network_warning(net, 0), "cfg:5"));
    CHECK(strstr(dn_network_warning(net, 1), "cfg:7")
          && strstr(dn_network_warning(net, 1), "filters"));
    CHECK(!dn_network_warning(net, 2) && !dn_network_warning(net, -1));
    dn_network_destroy(net);
}

static void doubled_keys(void)
{
    dn_network *net = make_network(NET "[convolutional]\nfilters=7\nsize=1\nfilters=x\n", NULL);
    dn_network_info info;
    dn_network_describe(net, &info);
    double filters = 0;
    CHECK(dn_option_number(net, 0, "filters", 0, &filters, NULL) == DN_OK && filters == 7);
    CHECK(info.warnings == 1);
    CHECK(!strcmp(dn_network_warning(net, 0),
                  "cfg:8: [convolutional] second key 'filters' is ignored; the first, in line 6, "
                  "counts"));
    dn_network_destroy(net);
}

static void arguments(void)
{
    dn_network *net = NULL;
    dn_error e = {DN_OK, ""};
    CHECK_ERROR(dn_network_create(NULL, NULL, &net, &e), &e, DN_BAD_ARGUMENT, "NULL");
    CHECK_ERROR(dn_network_create(SMALL_NET, NULL, NULL, &e), &e, DN_BAD_ARGUMENT, "NULL");
    const dn_options odd = {.purpose = (dn_purpose)7};
    CHECK_ERROR(dn_network_create(SMALL_NET, &odd, &net, &e), &e, DN_BAD_ARGUMENT, "purpose 7");
    const dn_options batch = {.batch = -1}, threads = {.threads = 5000};
    CHECK_ERROR(dn_network_create(SMALL_NET, &batch, &net, &e), &e, DN_BAD_ARGUMENT, "batch -1");
    CHECK(!strstr(e.message, "threads"));
    CHECK_ERROR(dn_network_create(SMALL_NET, &threads, &net, &e), &e, DN_BAD_ARGUMENT,
                "threads 5000");
    CHECK(!strstr(e.message, "batch"));
    net = make_network(NET "[maxpool]\n", NULL);
    CHECK_ERROR(dn_network_resize(net, 65536, 65536, &e), &e, DN_BAD_ARGUMENT, "2^31");
    dn_network_destroy(net);
}

static void doubles_and_choices(void)
{
    dn_network *net = make_network(
        NET "[conv]\nfilters=10\n[region]\nanchors=1,1\nclasses=5\n[lrm]\n", NULL);
    double nms = 0;
    CHECK(dn_option_number(net, 2, "nms", 0, &nms, NULL) == DN_OK && nms == .7);
    dn_network_destroy(net);
    int found = 0;
    dn_key key;
    for (int section = 0; dn_key_at(section, 0, &key); section++)
        for (int i = 0; dn_key_at(section, i, &key) && key.name; i++) {
            const char *name = NULL, *summary = NULL;
            CHECK(dn_key_choice(section, i, 0, &name, &summary) == !strcmp(key.type, "choice"));
            CHECK(!name || (*name && summary && *summary));
            if (!strcmp(key.section, "lrm") && !strcmp(key.name, "nms")) {
                CHECK(!strcmp(key.type, "float") && key.fallback == .7);
                found++;
            }
            if (!strcmp(key.name, "policy")) {
                CHECK(!strcmp(name, "constant"));
                CHECK(dn_key_choice(section, i, 6, &name, &summary) && !strcmp(name, "random"));
                CHECK(dn_key_choice(section, i, 7, &name, &summary) && !strcmp(name, "sgdr"));
                CHECK(!dn_key_choice(section, i, 8, &name, &summary));
                CHECK(!dn_key_choice(section, i, 9, &name, &summary));
                found++;
            }
        }
    CHECK(found == 2);
}

int main(void)
{
    const int64_t before = dn_live_allocations();
    malformed();
    mangled();
    too_many();
    spellings();
    unknown_keys();
    doubled_keys();
    arguments();
    doubles_and_choices();
    CHECK(dn_live_allocations() == before);
    return 0;
}

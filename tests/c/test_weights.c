/* The weights reader: a file that ends anywhere but at a layer's border is refused, and nothing
 * leaks. */
#include "check.h"

#include <unistd.h>

static char path[64];

static void write_file(const unsigned char *data, size_t size)
{
    FILE *file = fopen(path, "wb");
    CHECK(file && fwrite(data, 1, size, file) == size);
    CHECK(fclose(file) == 0);
}

static size_t read_file(unsigned char *data, size_t capacity)
{
    FILE *file = fopen(path, "rb");
    CHECK(file);
    const size_t size = fread(data, 1, capacity, file);
    CHECK(size < capacity);
    fclose(file);
    return size;
}

static float weight(dn_network *net, int layer)
{
    dn_array array;
    CHECK(dn_layer_array(net, layer, "weights", &array, NULL) == DN_OK);
    const float value = *(float *)array.data;
    dn_memory_release(array.memory);
    return value;
}

static void round_trip(dn_network *net)
{
    dn_network *other = make_network(SMALL_NET, &(dn_options){.seed = 2});
    CHECK(weight(net, 4) != weight(other, 4));
    dn_set_seen(net, INT64_C(5000000000));
    CHECK(dn_weights_save(net, path, -1, NULL) == DN_OK);
    CHECK(dn_weights_load(other, path, -1, NULL) == DN_OK);
    CHECK(weight(net, 0) == weight(other, 0) && weight(net, 8) == weight(other, 8));
    CHECK(dn_seen(other) == INT64_C(5000000000));
    dn_network_destroy(other);
}

static void truncated(dn_network *net)
{
    static unsigned char data[1 << 16];
    CHECK(dn_weights_save(net, path, -1, NULL) == DN_OK);
    const size_t size = read_file(data, sizeof data);
    dn_error e = {DN_OK, ""};
    int taken = 0;
    for (size_t length = 0; length < size; length += length < 40 ? 1 : 4) {
        write_file(data, length);
        const dn_status status = dn_weights_load(net, path, -1, &e);
        taken += status == DN_OK;
        if (status != DN_OK)
            CHECK_ERROR(status, &e, DN_BAD_WEIGHTS, path);
    }
    CHECK(taken >= 3 && taken <= 4); /* the borders of four convolutions, perhaps a header alone */
    data[size] = 0;
    write_file(data, size + 1);
    CHECK_ERROR(dn_weights_load(net, path, -1, &e), &e, DN_BAD_WEIGHTS, path);
    write_file(data, size);
    CHECK(dn_weights_load(net, path, -1, &e) == DN_OK);
}

static void headers(dn_network *net)
{
    static unsigned char data[1 << 16];
    CHECK(dn_weights_save(net, path, -1, NULL) == DN_OK);
    const size_t size = read_file(data, sizeof data);
    const int32_t old[4] = {0, 1, 0, 77}; /* major, minor, revision, and `seen` as 32 bits */
    memcpy(data + 4, old, sizeof old);
    write_file(data + 4, size - 4);
    CHECK(dn_weights_load(net, path, -1, NULL) == DN_OK);
    CHECK(dn_seen(net) == 77);
}

static void files(dn_network *net)
{
    dn_error e = {DN_OK, ""};
    CHECK_ERROR(dn_weights_load(net, "/nowhere/some.weights", -1, &e), &e, DN_BAD_WEIGHTS,
                "/nowhere/some.weights");
    CHECK_ERROR(dn_weights_save(net, "/nowhere/some.weights", -1, &e), &e, DN_BAD_WEIGHTS,
                "/nowhere/some.weights");
    CHECK_ERROR(dn_weights_load(net, "/", -1, &e), &e, DN_BAD_WEIGHTS, "/");
}

int main(void)
{
    const int64_t before = dn_live_allocations();
    snprintf(path, sizeof path, "/tmp/dn-test-%ld.weights", (long)getpid());
    dn_network *net = make_network(SMALL_NET, &(dn_options){.seed = 1});
    round_trip(net);
    truncated(net);
    headers(net);
    files(net);
    dn_network_destroy(net);
    remove(path);
    CHECK(dn_live_allocations() == before);
    return 0;
}

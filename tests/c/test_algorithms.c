/* Which algorithm each convolution goes to, and which one takes the layer before it. */
#include <string.h>

#include "backends/cpu/conv.h"
#include "check.h"

static conv convolution(int channels, int filters, int size, int stride, int padding, int groups)
{
    enum { SIDE = 12 };
    const int out = (SIDE + 2 * padding - size) / stride + 1;
    return (conv){.in = {channels, SIDE, SIDE},
                  .out = {filters, out, out},
                  .size = size,
                  .stride = stride,
                  .padding = padding,
                  .groups = groups,
                  .activation = LEAKY};
}

static void choices(void)
{
    const struct {
        conv s;
        const char *algorithm;
    } cases[] = {
        {convolution(3, 5, 1, 1, 0, 1), "pointwise"},  {convolution(4, 4, 1, 2, 0, 1), "general"},
        {convolution(4, 4, 1, 1, 1, 1), "general"},    {convolution(4, 4, 1, 1, 0, 2), "general"},
        {convolution(6, 6, 3, 1, 1, 6), "depthwise"},  {convolution(6, 6, 3, 2, 1, 6), "depthwise"},
        {convolution(6, 6, 3, 3, 1, 6), "general"},    {convolution(6, 12, 3, 1, 1, 6), "general"},
        {convolution(6, 6, 3, 1, 0, 6), "general"},    {convolution(6, 6, 3, 1, 1, 3), "general"},
        {convolution(16, 16, 3, 1, 1, 1), "winograd"}, {convolution(16, 15, 3, 1, 1, 1), "general"},
        {convolution(15, 16, 3, 1, 1, 1), "general"},  {convolution(16, 16, 3, 2, 1, 1), "general"},
        {convolution(16, 16, 3, 1, 0, 1), "general"},  {convolution(16, 16, 5, 1, 1, 1), "general"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const conv_algorithm *a = conv_algorithm_of(&cases[i].s);
        CHECK(!strcmp(a->name, cases[i].algorithm));
        CHECK(a->forward
                  ? a->weight_grads && a->input_grad && !a->channel_forward && !a->channel_grads
                  : a->channel_forward && a->channel_grads && !a->weight_grads && !a->input_grad);
    }
}

static void takings(void)
{
    const conv pointwise = convolution(16, 8, 1, 1, 0, 1),
               winograd = convolution(16, 16, 3, 1, 1, 1);
    const conv depthwise = convolution(16, 16, 3, 1, 1, 16);
    CHECK(cpu_conv_fuses(&pointwise, &depthwise, false));
    CHECK(!cpu_conv_fuses(&pointwise, &winograd, false));
    CHECK(!cpu_conv_fuses(&pointwise, &pointwise, false));
    CHECK(!cpu_conv_fuses(&winograd, &depthwise, false));
    CHECK(!cpu_conv_fuses(&depthwise, &depthwise, false));
    conv few = pointwise, curved = depthwise;
    few.in.h = few.out.h = 1; /* planes that are joined */
    curved.activation = MISH;
    CHECK(!cpu_conv_fuses(&few, &depthwise, false));
    CHECK(!cpu_conv_fuses(&pointwise, &curved, false));

    /* bands of a large map, that a depthwise convolution within another one reads */
    enum { LARGE = 512 };
    conv maker = pointwise, reader = depthwise, first = depthwise, earlier = pointwise;
    maker.out = (dims){16, LARGE, LARGE};
    CHECK(cpu_conv_fuses(&reader, &maker, true));
    CHECK(!cpu_conv_fuses(&reader, &maker, false));
    CHECK(!cpu_conv_fuses(&reader, &pointwise, true)); /* small */
    maker.before = &first;
    CHECK(cpu_conv_fuses(&reader, &maker, true));
    first.before = &earlier; /* which is made in bands itself */
    CHECK(!cpu_conv_fuses(&reader, &maker, true));
    maker.before = NULL;
    maker.activation = MISH;
    CHECK(!cpu_conv_fuses(&reader, &maker, true));
    maker = (conv){.in = {16, LARGE, LARGE}, .out = {1024, LARGE, LARGE}, .size = 1, .stride = 1};
    maker.groups = 1;
    CHECK(!cpu_conv_fuses(&reader, &maker, true)); /* a band of a few rows would be too large */
}

int main(void)
{
    choices();
    takings();
    return 0;
}

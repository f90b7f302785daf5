#include "timing.h"

#include <string.h>

dn_status dn_network_time(dn_network *net, bool on, dn_error *e)
{
    const size_t bytes = (size_t)net->layer_count * sizeof *net->times;
    if (!on) {
        dn_free(net->times);
        net->times = NULL;
    } else if (net->times)
        memset(net->times, 0, bytes);
    else if (!(net->times = dn_allocate(bytes)))
        return dn_out_of_memory(e, "the layers' times");
    return DN_OK;
}

dn_status dn_layer_times(const dn_network *net, int index, dn_times *times, dn_error *e)
{
    if (index < 0 || index >= net->layer_count)
        return dn_fail(e, DN_BAD_ARGUMENT, "%s: layer %d: there are 0 to %d", net->source, index,
                       net->layer_count - 1);
    if (!net->times)
        return dn_fail(e, DN_BAD_ARGUMENT, "%s: its layers are not timed: switch that on first",
                       net->source);
    *times = net->times[index];
    return DN_OK;
}

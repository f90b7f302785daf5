/* The time that layers take; see dn_network_time. */
#ifndef DN_TIMING_H
#define DN_TIMING_H

#include "network.h"
#include "platform.h"

/* The time now if the network is timed; otherwise 0, without reading the clock. */
static inline int64_t dn_time_begin(const dn_network *net)
{
    return net->times ? dn_now() : 0;
}

/* How long ago that was; what a processor of the backend's own was told to do since is done. */
static inline int64_t dn_time_since(const dn_network *net, int64_t began)
{
    dn_finish(net->backend, NULL);
    return dn_now() - began;
}

#endif

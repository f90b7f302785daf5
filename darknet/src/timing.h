/* The time that layers take; see dn_network_time. */
#ifndef DN_TIMING_H
#define DN_TIMING_H

#include "network.h"

/* nanoseconds, from some moment on */
int64_t dn_now(void);

/* now, where the network is timed; else 0, without a look at the clock */
static inline int64_t dn_time_begin(const dn_network *net)
{
    return net->times ? dn_now() : 0;
}

#endif

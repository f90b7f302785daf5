/* Where every buffer of a network lives.
 *
 * A pass is a line of moments: the forward of layer i is moment i, its backward moment
 * 2*layers-1-i. A buffer is needed from the moment that first writes it to the last that reads it;
 * buffers whose spans do not meet may share memory. A training plan keeps what backward reads, an
 * inference plan only what later layers read, a keep-everything plan all to the end.
 */
#ifndef DN_PLAN_H
#define DN_PLAN_H

#include "error.h"

struct dn_network;

/* Decides all offsets for `purpose` without touching memory: the bytes of the activations block. */
dn_status dn_plan_bytes(struct dn_network *net, dn_purpose purpose, int64_t *bytes, dn_error *e);
/* Plans for the longest backward pass of any update (see dn_plan_flow), allocates and points every layer at its buffers. On failure the network is as before. */
dn_status dn_plan_apply(struct dn_network *net, dn_error *e);
/* Directs the gradients of an update (the first is 1), in the memory that was planned: which
 * layers run backward, and where they hand their gradients on. */
dn_status dn_plan_flow(struct dn_network *net, int64_t update, dn_error *e);

#endif

/* The host's views of a network's memory. Where the host computes, it sees the memory itself. Where a
 * device does, a view is a copy: what its holder wrote goes to the device before a pass, and what
 * the pass left comes back after it, so that a view reads and writes like the memory itself.
 */
#ifndef DN_VIEWS_H
#define DN_VIEWS_H

#include "network.h"

typedef struct view view;

/* Changes *data, `bytes` of a block, to where the host sees them, and returns the memory they lie in
 * then; it stays until the next pass, or as long as the caller holds it. writes: what the host
 * writes there counts. What lies within another view is seen in that one. NULL: no memory, or
 * the device failed; *e says it. */
dn_memory *dn_see(dn_network *net, dn_memory *block, void **data, size_t bytes, bool writes,
                  dn_error *e);

/* The same of a parameter's values. */
float *dn_see_values(dn_network *net, const param *p, bool writes, dn_error *e);

/* Does somebody hold a view of a part of these bytes? */
bool dn_is_seen_in_parts(const dn_network *net, const void *data, size_t bytes);

/* Before the network's memory is worked on: what the host wrote goes there. */
void dn_views_send(dn_network *net);
/* After it: waits for the backend, and the views that somebody holds show what there is. */
dn_status dn_views_fetch(dn_network *net, dn_error *e);
void dn_views_release(dn_network *net);

#endif

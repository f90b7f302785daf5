/* Loss Rank Mining's rule without allocation; dn_lrm_select in darknet.h states it. */
#ifndef DN_MINING_H
#define DN_MINING_H

#include <stddef.h>

/* Bytes of scratch (aligned for double) that a selection among n predictions takes. */
size_t mining_scratch(int n);

/* Indices kept, in rank order, to kept (room for n); returns how many. */
int mining_select(const float *loss, const float *boxes, const int *classes, int n, int k,
                  double nms, int *kept, void *scratch);

#endif

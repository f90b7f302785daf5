/* Initialisation: of the process, of new parameters, and of a network for inference. */
#ifndef DN_INIT_H
#define DN_INIT_H

#include "error.h"

struct dn_network;

/* Detects the CPU's features; may be called any number of times, from any thread. */
void dn_start_process(void);
/* How many of a network's threads can be used: all; 1 in a child made by fork(), and in a build
 * without OpenMP. */
int dn_usable_threads(int threads);
/* loads: a whole weights file comes next: weights that it holds are not drawn. */
dn_status dn_init_params(struct dn_network *net, bool loads, dn_error *e);
/* In inference, packs the parameters (again); otherwise does nothing. */
dn_status dn_fold(struct dn_network *net, dn_error *e);

#endif

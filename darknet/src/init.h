/* What happens once: to the process, to fresh parameters, to a network for inference. */
#ifndef DN_INIT_H
#define DN_INIT_H

#include "error.h"

struct dn_network;

/* CPU features; any number of calls from any thread */
void dn_start_process(void);
int dn_usable_processors(void);
/* of the threads a network has: all; 1 in a child made by fork() */
int dn_usable_threads(int threads);
void dn_init_params(struct dn_network *net);
/* inference: (re)packs the parameters; else nothing */
dn_status dn_fold(struct dn_network *net, dn_error *e);

#endif

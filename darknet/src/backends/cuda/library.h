/* The CUDA backend, which is a library of its own: libdarknet_cuda.so, from `make GPU=1`. Nothing of
 * CUDA is needed to build or use what it is not in.
 */
#ifndef DN_CUDA_LIBRARY_H
#define DN_CUDA_LIBRARY_H

#include "backend.h"

/* Loads it; host: what it leaves to the host's processors. NULL: it is not there, or finds no GPU. */
const backend *dn_cuda_load(const backend *host, dn_error *e);

/* What the library is asked for, as dn_cuda_start: version and size are those of the table that it
 * must have been built for. NULL: it cannot run, and `why` says so. */
typedef const backend *cuda_start(const backend *host, const char *version, size_t size, char *why,
                                  size_t room);

#endif

/* THE table of backends. To add one: a folder in backends/ that fills a `struct backend`
 * (backend.h), and one row here. CUDA's is a library of its own, loaded when it is asked for. */
#include <string.h>

#include "backend.h"
#include "backends/cuda/library.h"

extern const backend cpu_backend, reference_backend;

static const backend *const backends[] = {&cpu_backend, &reference_backend, NULL};

const backend *dn_backend(const char *name, dn_error *e)
{
    int i = 0;
    if (name && !strcmp(name, "cuda"))
        return dn_cuda_load(&reference_backend, e);
    while (name && backends[i] && strcmp(name, backends[i]->name))
        i++;
    if (!backends[i])
        dn_fail(e, DN_BAD_ARGUMENT, "kernels '%s': there are fast, reference and cuda", name);
    return backends[i];
}

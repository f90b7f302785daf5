#include "library.h"

#include <string.h>

#include "platform.h"

const backend *dn_cuda_load(const backend *host, dn_error *e)
{
    char why[600] = "no reason given";
    cuda_start *start = NULL;
    void *found = dn_library_function("PYLRM_CUDA_LIBRARY", "libdarknet_cuda.so", "dn_cuda_start",
                                      why, sizeof why);
    memcpy(&start, &found, sizeof start);
    const backend *cuda = found ? start(host, dn_version(), sizeof *host, why, sizeof why) : NULL;
    if (!cuda)
        dn_fail(e, DN_NO_DEVICE, "CUDA is not there: %s", why);
    return cuda;
}

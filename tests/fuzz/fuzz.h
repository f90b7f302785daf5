/* What the fuzz targets share. A target is a file fuzz_NAME.c; `make fuzz` builds and runs all. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "darknet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A call went well, or its error has its status and one line. */
static inline void must(dn_status status, const dn_error *e)
{
    const size_t length = strnlen(e->message, sizeof e->message);
    if (status != DN_OK
        && (e->status != status || !length || length == sizeof e->message
            || strchr(e->message, '\n')))
        abort();
}

static inline void no_leak(void)
{
    if (dn_live_allocations() != 0)
        abort();
}

#endif

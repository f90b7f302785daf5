/* The GPU's arrays, copied for what is left to the host. */
#ifndef DN_CUDA_HOSTED_H
#define DN_CUDA_HOSTED_H

#include <stdlib.h>

#include <type_traits>

#include "cuda.h"

class host_copies {
public:
    bool ok = true; /* there is memory for all that was taken */

    /* The host's copy of an array, which send() sends back unless it is constant. NULL of NULL. */
    template <typename value> value *take(value *array, int64_t count)
    {
        const size_t bytes = (size_t)count * sizeof(value);
        void *here = array ? room(bytes) : NULL;
        if (!here)
            return NULL;
        cuda_copy(here, (const void *)array, bytes);
        if (!std::is_const<value>::value)
            last->there = (void *)array;
        return (value *)here;
    }

    /* Memory of the host's alone. */
    void *room(size_t bytes)
    {
        copy *c = (copy *)aligned_alloc(sizeof *c, (sizeof *c + bytes + 63) / 64 * 64);
        cuda_note(c != NULL, "copying an array to the host, which has no memory for it,");
        if (!c) {
            ok = false;
            return NULL;
        }
        *c = {last, NULL, bytes};
        last = c;
        return c + 1;
    }

    /* A pass as the host sees it; truths: floats of them an image. */
    pass on_host(const pass *p, int64_t truths, size_t workspace)
    {
        pass own = *p;
        own.backend = cuda_host;
        own.truth = take(p->truth, p->batch * truths);
        own.workspace = room(workspace);
        return own;
    }

    void send(void) const
    {
        for (const copy *c = last; c; c = c->before)
            if (c->there)
                cuda_copy(c->there, c + 1, c->bytes);
    }

    host_copies() = default;
    host_copies(const host_copies &) = delete;
    ~host_copies()
    {
        while (last) {
            copy *c = last;
            last = c->before;
            free(c);
        }
    }

private:
    struct alignas(64) copy {
        copy *before;
        void *there; /* NULL: not to be sent back */
        size_t bytes;
    };
    copy *last = NULL;
};

#endif

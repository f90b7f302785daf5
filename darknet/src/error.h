/* Errors and counted memory. */
#ifndef DN_ERROR_H
#define DN_ERROR_H

#include "darknet.h"

/* Fills *e (may be NULL) and returns `status`, so that callers write `return dn_fail(e, …)`. */
dn_status dn_fail(dn_error *e, dn_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
dn_status dn_out_of_memory(dn_error *e, const char *what);

/* All memory of the library comes from here. Zeroed, 64-byte aligned; NULL when there is none. */
void *dn_allocate(size_t bytes);
void dn_free(void *block);

/* Memory of a processor of its own, which the host neither reads nor writes. */
typedef struct {
    void *(*allocate)(size_t bytes); /* zeroed, 64-byte aligned; NULL: there is none */
    void (*free)(void *block);
    void (*copy)(void *to, const void *from, size_t bytes); /* to or from the host's memory; done
                                                               when it returns */
} memory_home;

/* A counted block of zeroed memory; created with one holder. home NULL: dn_allocate()'s. */
dn_memory *dn_memory_create(const memory_home *home, size_t bytes);
dn_memory *dn_memory_hold(dn_memory *memory);
void *dn_memory_data(const dn_memory *memory);
bool dn_memory_is_shared(const dn_memory *memory); /* has more than one holder */

#endif

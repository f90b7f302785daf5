#include "error.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "platform.h"

dn_status dn_fail(dn_error *e, dn_status status, const char *format, ...)
{
    if (e) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(e->message, sizeof e->message, format, arguments);
        va_end(arguments);
        e->status = status;
    }
    return status;
}

dn_status dn_out_of_memory(dn_error *e, const char *what)
{
    return dn_fail(e, DN_NO_MEMORY, "no memory for %s", what);
}

static atomic_int_least64_t live, countdown;

void dn_fail_allocation(int64_t nth)
{
    atomic_store(&countdown, nth);
}

int64_t dn_live_allocations(void)
{
    return atomic_load(&live);
}

static bool told_to_fail(void)
{
    int_least64_t left = atomic_load(&countdown);
    while (left > 0)
        if (atomic_compare_exchange_weak(&countdown, &left, left - 1))
            return left == 1;
    return false;
}

enum { ALIGNMENT = 64 };

void *dn_allocate(size_t bytes)
{
    if (bytes > SIZE_MAX / 2 || told_to_fail())
        return NULL;
    /* calloc: the system gives large blocks zeroed, and memory for a page once it is written */
    const size_t rounded = (bytes + ALIGNMENT) / ALIGNMENT * ALIGNMENT;
    char *whole = calloc(1, rounded + ALIGNMENT + sizeof(void *));
    if (!whole)
        return NULL;
    char *block = whole + sizeof(void *);
    block += (ALIGNMENT - (uintptr_t)block % ALIGNMENT) % ALIGNMENT;
    /* Kernels read large blocks with strides that touch many pages at a time: with huge pages, all
     * of their addresses fit into the processor's TLB. */
    dn_ask_for_huge_pages(whole, rounded);
    memcpy(block - sizeof(void *), &whole, sizeof whole);
    atomic_fetch_add(&live, 1);
    return block;
}

void dn_free(void *block)
{
    if (!block)
        return;
    atomic_fetch_sub(&live, 1);
    void *whole;
    memcpy(&whole, (char *)block - sizeof(void *), sizeof whole);
    free(whole);
}

struct dn_memory {
    atomic_int holders;
    const memory_home *home;
    void *data;
};

dn_memory *dn_memory_create(const memory_home *home, size_t bytes)
{
    dn_memory *memory = dn_allocate(sizeof *memory);
    if (!memory)
        return NULL;
    memory->home = home;
    memory->data = home ? home->allocate(bytes) : dn_allocate(bytes);
    if (!memory->data) {
        dn_free(memory);
        return NULL;
    }
    atomic_init(&memory->holders, 1);
    return memory;
}

dn_memory *dn_memory_hold(dn_memory *memory)
{
    atomic_fetch_add(&memory->holders, 1);
    return memory;
}

void dn_memory_release(dn_memory *memory)
{
    if (!memory || atomic_fetch_sub(&memory->holders, 1) != 1)
        return;
    if (memory->home)
        memory->home->free(memory->data);
    else
        dn_free(memory->data);
    dn_free(memory);
}

bool dn_memory_is_shared(const dn_memory *memory)
{
    return atomic_load(&memory->holders) > 1;
}

void *dn_memory_data(const dn_memory *memory)
{
    return memory->data;
}

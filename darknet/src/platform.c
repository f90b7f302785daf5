#define _GNU_SOURCE     /* Linux: sched_getaffinity, madvise */
#define _DARWIN_C_SOURCE /* macOS: the number of processors */
#include "platform.h"

#ifdef _WIN32

#include <errno.h>
#include <io.h>
#include <windows.h>

int64_t dn_now(void)
{
    LARGE_INTEGER ticks, rate;
    QueryPerformanceCounter(&ticks);
    QueryPerformanceFrequency(&rate);
    return (int64_t)((double)ticks.QuadPart / (double)rate.QuadPart * 1e9);
}

int dn_processors(void)
{
    DWORD_PTR own, all;
    int count = 0;
    if (GetProcessAffinityMask(GetCurrentProcess(), &own, &all))
        for (; own; own &= own - 1)
            count++;
    return count > 0 ? count : 1;
}

static BOOL CALLBACK call(PINIT_ONCE once, void *start, void **unused)
{
    (void)once, (void)unused;
    (*(void (**)(void))start)();
    return TRUE;
}

void dn_once(void (*start)(void))
{
    static INIT_ONCE once = INIT_ONCE_STATIC_INIT;
    InitOnceExecuteOnce(&once, call, &start, NULL);
}

void dn_in_forked_children(void (*then)(void))
{
    (void)then; /* there is no fork() */
}

bool dn_seek(FILE *file, int64_t offset, int whence)
{
    return _fseeki64(file, offset, whence) == 0;
}

int64_t dn_tell(FILE *file)
{
    return _ftelli64(file);
}

bool dn_flush(FILE *file)
{
    return fflush(file) == 0 && _commit(_fileno(file)) == 0;
}

void *dn_library_function(const char *variable, const char *name, const char *function, char *why,
                          size_t room)
{
    (void)variable, (void)function;
    snprintf(why, room, "%s is not made for Windows", name);
    return NULL;
}

bool dn_rename(const char *from, const char *to)
{
    if (MoveFileExA(from, to, MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH))
        return true;
    errno = EACCES;
    return false;
}

#else

#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int64_t dn_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

#ifdef __linux__
#include <sched.h>
#endif

int dn_processors(void)
{
#ifdef __linux__
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0)
        return CPU_COUNT(&set);
#endif
    const long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count > 0 ? (int)count : 1;
}

void dn_once(void (*start)(void))
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, start);
}

void dn_in_forked_children(void (*then)(void))
{
    pthread_atfork(NULL, NULL, then);
}

bool dn_seek(FILE *file, int64_t offset, int whence)
{
    return fseeko(file, (off_t)offset, whence) == 0;
}

int64_t dn_tell(FILE *file)
{
    return ftello(file);
}

bool dn_flush(FILE *file)
{
    return fflush(file) == 0 && fsync(fileno(file)) == 0;
}

/* The path of a file beside the one that this code was loaded from; false: too long, or unknown. */
static bool beside(const char *name, char *path, size_t room)
{
    Dl_info here;
    static const char anchor;
    if (!dladdr(&anchor, &here) || !here.dli_fname)
        return false;
    const char *slash = strrchr(here.dli_fname, '/');
    const int folder = slash ? (int)(slash - here.dli_fname) : 1;
    const int length = snprintf(path, room, "%.*s/%s", folder, slash ? here.dli_fname : ".", name);
    return length > 0 && (size_t)length < room && access(path, F_OK) == 0;
}

void *dn_library_function(const char *variable, const char *name, const char *function, char *why,
                          size_t room)
{
    char path[4096];
    const char *named = getenv(variable);
    if (!named || !*named)
        named = beside(name, path, sizeof path) ? path : name;
    void *library = dlopen(named, RTLD_NOW | RTLD_LOCAL);
    void *found = library ? dlsym(library, function) : NULL;
    const char *failed = found ? NULL : dlerror();
    if (failed)
        snprintf(why, room, "%s", failed);
    return found;
}

bool dn_rename(const char *from, const char *to)
{
    return rename(from, to) == 0;
}

#endif

#ifdef __linux__
#include <sys/mman.h>
#endif

void dn_ask_for_huge_pages(char *block, size_t bytes)
{
#ifdef MADV_HUGEPAGE
    enum { HUGE = 1 << 21 };
    const size_t before = (HUGE - (uintptr_t)block % HUGE) % HUGE;
    if (bytes >= before + HUGE)
        madvise(block + before, (bytes - before) / HUGE * HUGE, MADV_HUGEPAGE);
#else
    (void)block, (void)bytes;
#endif
}

/* What differs between Linux, macOS and Windows. */
#ifndef DN_PLATFORM_H
#define DN_PLATFORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Nanoseconds since some fixed moment. */
int64_t dn_now(void);
/* Processors that this process may use. */
int dn_processors(void);

/* Calls start() in the first call of the process, and returns when that is done. */
void dn_once(void (*start)(void));
/* Calls then() in each child that fork() makes from now on. */
void dn_in_forked_children(void (*then)(void));

/* Asks for huge pages for all of a block that they can cover; the system may ignore it. */
void dn_ask_for_huge_pages(char *block, size_t bytes);

/* As fseek() and ftell(), for files of any size. */
bool dn_seek(FILE *file, int64_t offset, int whence);
int64_t dn_tell(FILE *file); /* negative: it has no position */
/* What was written is on the disk, or the call fails with errno. */
bool dn_flush(FILE *file);
/* Renames a file; one that has the new name is replaced. Or fails with errno. */
bool dn_rename(const char *from, const char *to);

/* A function of a shared library, which stays loaded: of the file that `variable` of the environment
 * names; without it, of the file `name` beside this code, or where the system looks for libraries.
 * NULL: there is none, and `why` says in a few words why. */
void *dn_library_function(const char *variable, const char *name, const char *function, char *why,
                          size_t room);

#endif

/* Cfg text -> sections with line numbers. */
#ifndef DN_CFG_H
#define DN_CFG_H

#include "keys.h"

typedef struct {
    const char *key, *value;
    int line;
} cfg_option;

typedef struct {
    const char *name;
    int line;
    cfg_option *options;
    int count;
} cfg_section;

typedef struct cfg_list { struct cfg_list *next; } cfg_list;

typedef struct {
    char *text;            /* own copy, cut into zero-ended pieces */
    cfg_section *sections;
    int count;
    cfg_option *options;   /* all sections' options, one after the other */
    cfg_list *lists;       /* numbers of list keys, freed with the cfg */
} cfg;

dn_status dn_cfg_parse(const char *text, const char *source, cfg *out, dn_error *e);
void dn_cfg_free(cfg *c);

/* Reads a section's keys into `state` (zeroed before; `state_size` bytes), as the tables (several,
 * NULL-ended) say: first the defaults, then the section's values. Range and syntax errors name the
 * file, line, section and key. ignored(context, …) is called for each key that is in no table, with
 * the known key of the most similar name (or NULL), and for each key that the section has twice,
 * with the first one, which counts; and for a value that no row of a KEY_CHOICE_OF_SOME has, with
 * that key. */
typedef void ignored_key(void *context, const cfg_section *section, const cfg_option *option,
                         const cfg_option *first, const char *nearest, const key *choice);
dn_status dn_keys_read(cfg *c, const cfg_section *section, const char *source,
                       const key *const *tables, void *const *states, ignored_key *ignored,
                       void *context, dn_error *e);

#endif

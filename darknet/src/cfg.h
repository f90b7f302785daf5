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

/* A section's keys into `state` (zeroed before; `state_size` bytes), by the tables (several,
 * NULL-ended): defaults, then values; range and syntax errors name file, line, section and key.
 * ignored(context, …) is called for each key in no table, with the nearest known one (or NULL),
 * and for each that the section has given before, with the first, which counts. */
typedef void ignored_key(void *context, const cfg_section *section, const cfg_option *option,
                         const cfg_option *first, const char *nearest);
dn_status dn_keys_read(cfg *c, const cfg_section *section, const char *source,
                       const key *const *tables, void *const *states, ignored_key *ignored,
                       void *context, dn_error *e);

#endif

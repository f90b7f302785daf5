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
 * unknown(context, …) is called for each key in no table, with the nearest known one (or NULL). */
typedef void unknown_key(void *context, const cfg_section *section, const cfg_option *option,
                         const char *nearest);
dn_status dn_keys_read(cfg *c, const cfg_section *section, const char *source,
                       const key *const *tables, void *const *states, unknown_key *unknown,
                       void *context, dn_error *e);

#endif

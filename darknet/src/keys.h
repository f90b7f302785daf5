/* Keys as data: one table per section drives the parser, the range errors, the warning that names
 * the key with the most similar name, and the cfg reference in the docs. */
#ifndef DN_KEYS_H
#define DN_KEYS_H

#include "error.h"

typedef enum {
    KEY_IS_INT, KEY_IS_FLOAT, KEY_IS_TEXT, KEY_IS_CHOICE, KEY_IS_INTS, KEY_IS_FLOATS,
    KEY_IS_DOUBLE, KEY_IS_FOREIGN
} key_kind;

/* What a row of a table that a key chooses from starts with. The table ends with a name of NULL. */
typedef struct {
    const char *name;
    const char *summary;      /* one line, for the reference */
} choice;

typedef struct { int n; int *v; } int_list;
typedef struct { int n; float *v; } float_list;

typedef struct {
    const char *name;
    key_kind kind;
    size_t offset;            /* of the field in the section's struct */
    double fallback, least, most;
    const char *text;         /* default of a text, choice or list; NULL: empty */
    const choice *choices;    /* KEY_IS_CHOICE: the first row; the field is an int, the index */
    size_t row;               /* bytes of a row */
    const char *doc;
} key;

/* A choice's row; its name is NULL past the last one. */
static inline const choice *key_choice(const key *k, int index)
{
    return (const choice *)((const char *)k->choices + (size_t)index * k->row);
}

#define KEY_INT(type, name, fallback, least, most, doc) \
    {#name, KEY_IS_INT, offsetof(type, name), fallback, least, most, NULL, NULL, 0, doc}
#define KEY_FLOAT(type, name, fallback, least, most, doc) \
    {#name, KEY_IS_FLOAT, offsetof(type, name), fallback, least, most, NULL, NULL, 0, doc}
#define KEY_DOUBLE(type, name, fallback, least, most, doc) \
    {#name, KEY_IS_DOUBLE, offsetof(type, name), fallback, least, most, NULL, NULL, 0, doc}
#define KEY_CHOICE(type, name, fallback, table, doc) \
    {#name, KEY_IS_CHOICE, offsetof(type, name), 0, 0, 0, fallback, &(table)[0].choice, \
     sizeof *(table), doc}
/* A choice of which other Darknets know more: a value that no row has is passed over. */
#define KEY_CHOICE_OF_SOME(type, name, fallback, table, doc) \
    {#name, KEY_IS_CHOICE, offsetof(type, name), 0, 1, 0, fallback, &(table)[0].choice, \
     sizeof *(table), doc}
#define KEY_TEXT(type, name, fallback, doc) \
    {#name, KEY_IS_TEXT, offsetof(type, name), 0, 0, 0, fallback, NULL, 0, doc}   /* const char * */
#define KEY_INTS(type, name, fallback, doc) \
    {#name, KEY_IS_INTS, offsetof(type, name), 0, 0, 0, fallback, NULL, 0, doc}   /* int_list */
#define KEY_FLOATS(type, name, fallback, doc) \
    {#name, KEY_IS_FLOATS, offsetof(type, name), 0, 0, 0, fallback, NULL, 0, doc} /* float_list */
#define KEY_FLOAT_NAMED(type, field, name, fallback, least, most, doc) \
    {name, KEY_IS_FLOAT, offsetof(type, field), fallback, least, most, NULL, NULL, 0, doc}
/* A key of other Darknets that is known and deliberately does nothing here. */
#define KEY_IGNORED(name, doc) {name, KEY_IS_TEXT, KEY_NO_FIELD, 0, 0, 0, NULL, NULL, 0, doc}
/* A key of other Darknets without which a network would compute something else: any value but the
 * neutral one is refused, and doc says why, or what to do. */
#define KEY_FOREIGN(name, neutral, doc) \
    {name, KEY_IS_FOREIGN, KEY_NO_FIELD, 0, 0, 0, neutral, NULL, 0, doc}
#define KEY_NO_FIELD ((size_t)-1)
#define KEY_END {NULL, KEY_IS_INT, 0, 0, 0, 0, NULL, NULL, 0, NULL}

#endif

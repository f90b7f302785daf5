#include "cfg.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Cuts white space off both ends, in place. */
static char *trim(char *text)
{
    while (isspace((unsigned char)*text))
        text++;
    char *end = text + strlen(text);
    while (end > text && isspace((unsigned char)end[-1]))
        end--;
    *end = 0;
    return text;
}

/* A comment starts at the line's first character, or after white space. */
static void cut_comment(char *line)
{
    for (char *c = line; *c; c++)
        if ((*c == '#' || *c == ';') && (c == line || isspace((unsigned char)c[-1]))) {
            *c = 0;
            return;
        }
}

/* Far above any network's. Times that grow with a square stay short, and sums of sizes fit: an array
 * has at most 2^31 values for each of 2^16 images. */
enum { MOST_SECTIONS = 4096, MOST_KEYS = 1024 };

static dn_status parse_line(char *line, int number, const char *source, cfg *out, int *options,
                            dn_error *e)
{
    cut_comment(line);
    char *text = trim(line);
    if (!*text)
        return DN_OK;
    if (*text == '[') {
        char *end = strchr(text, ']');
        if (!end || end[1])
            return dn_fail(e, DN_BAD_CFG, "%s:%d: '%.60s' is no section: it must be [name]", source,
                           number, text);
        if (out->count == MOST_SECTIONS)
            return dn_fail(e, DN_BAD_CFG, "%s:%d: there may be %d sections", source, number,
                           MOST_SECTIONS);
        *end = 0;
        out->sections[out->count++] = (cfg_section){
            .name = trim(text + 1), .line = number, .options = out->options + *options};
        return DN_OK;
    }
    char *equals = strchr(text, '=');
    if (!equals || equals == text)
        return dn_fail(e, DN_BAD_CFG, "%s:%d: '%.60s' is neither [section] nor key=value", source,
                       number, text);
    if (out->count == 0)
        return dn_fail(e, DN_BAD_CFG,
                       "%s:%d: '%.60s' stands before the first section, which must be [net]",
                       source, number, text);
    if (out->sections[out->count - 1].count == MOST_KEYS)
        return dn_fail(e, DN_BAD_CFG, "%s:%d: a section may have %d keys", source, number,
                       MOST_KEYS);
    *equals = 0;
    out->options[(*options)++] = (cfg_option){
        .key = trim(text), .value = trim(equals + 1), .line = number};
    out->sections[out->count - 1].count++;
    return DN_OK;
}

dn_status dn_cfg_parse(const char *text, const char *source, cfg *out, dn_error *e)
{
    *out = (cfg){0};
    if (!strncmp(text, "\xef\xbb\xbf", 3))
        text += 3;
    size_t lines = 1;
    for (const char *c = text; *c; c++)
        lines += *c == '\n';
    const size_t length = strlen(text);
    out->text = dn_allocate(length + 1);
    out->sections = dn_allocate(lines * sizeof *out->sections);
    out->options = dn_allocate(lines * sizeof *out->options);
    if (!out->text || !out->sections || !out->options) {
        dn_cfg_free(out);
        return dn_out_of_memory(e, "the cfg");
    }
    memcpy(out->text, text, length + 1);

    int number = 0, options = 0;
    dn_status status = DN_OK;
    for (char *line = out->text, *next; line && status == DN_OK; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = 0;
        status = parse_line(line, ++number, source, out, &options, e);
    }
    if (status == DN_OK && out->count == 0)
        status = dn_fail(e, DN_BAD_CFG, "%s:1: no section: a cfg starts with [net]", source);
    if (status != DN_OK)
        dn_cfg_free(out);
    return status;
}

void dn_cfg_free(cfg *c)
{
    dn_free(c->text);
    dn_free(c->sections);
    dn_free(c->options);
    while (c->lists) {
        cfg_list *next = c->lists->next;
        dn_free(c->lists);
        c->lists = next;
    }
    *c = (cfg){0};
}

/* What dn_keys_read knows while it reads one value. */
typedef struct {
    cfg *text;
    const char *source, *section;
    const cfg_option *option; /* NULL: the value is a default */
    const key *key;
    dn_error *e;
} reading;

static dn_status refuse(const reading *r, const char *value, const char *wanted)
{
    return dn_fail(r->e, DN_BAD_CFG, "%s:%d: [%s] %s=%.80s: must be %s", r->source,
                   r->option ? r->option->line : 0, r->section, r->key->name, value, wanted);
}

/* Reads a number at *text and moves *text past it; false: there is none. */
static bool read_number(const char **text, double *value)
{
    char *end;
    errno = 0;
    *value = strtod(*text, &end);
    const bool ok = end != *text && isfinite(*value);
    *text = end;
    return ok;
}

static bool at_end(const char *text)
{
    while (isspace((unsigned char)*text))
        text++;
    return !*text;
}

static dn_status read_scalar(const reading *r, const char *value, void *field)
{
    const key *k = r->key;
    const bool whole = k->kind == KEY_IS_INT;
    double number;
    const char *rest = value;
    char wanted[120];
    snprintf(wanted, sizeof wanted, "a %snumber from %g to %.10g", whole ? "whole " : "", k->least,
             k->most);
    if (!read_number(&rest, &number) || !at_end(rest) || number < k->least || number > k->most
        || (whole && number != floor(number)))
        return refuse(r, value, wanted);
    if (whole)
        *(int *)field = (int)number;
    else if (k->kind == KEY_IS_DOUBLE)
        *(double *)field = number;
    else
        *(float *)field = (float)number;
    return DN_OK;
}

static dn_status read_list(const reading *r, const char *value, void *field)
{
    const bool whole = r->key->kind == KEY_IS_INTS;
    size_t count = !at_end(value);
    for (const char *c = value; *c; c++)
        count += *c == ',';
    cfg_list *block = dn_allocate(sizeof(cfg_list) + count * (whole ? sizeof(int) : sizeof(float)));
    if (!block)
        return dn_out_of_memory(r->e, "a cfg's list");
    block->next = r->text->lists;
    r->text->lists = block;
    int *ints = (int *)(block + 1);
    float *floats = (float *)(block + 1);
    int n = 0;
    for (const char *rest = value; !at_end(rest);) {
        double number;
        if ((size_t)n == count || !read_number(&rest, &number) || fabs(number) > 1e9
            || (whole && number != floor(number)))
            return refuse(r, value,
                          whole ? "whole numbers separated by commas"
                                : "numbers separated by commas");
        if (whole)
            ints[n++] = (int)number;
        else
            floats[n++] = (float)number;
        while (isspace((unsigned char)*rest))
            rest++;
        if (*rest == ',')
            rest++; /* one comma may end the list, as in many cfg files */
        else if (*rest)
            return refuse(r, value,
                          whole ? "whole numbers separated by commas"
                                : "numbers separated by commas");
    }
    if (whole)
        *(int_list *)field = (int_list){n, ints};
    else
        *(float_list *)field = (float_list){n, floats};
    return DN_OK;
}

/* The row of a choice with that name; -1: there is none. */
static int row_of(const key *k, const char *value)
{
    for (int i = 0; key_choice(k, i)->name; i++)
        if (!strcasecmp(value, key_choice(k, i)->name))
            return i;
    return -1;
}

/* Is it a choice of some (KEY_CHOICE_OF_SOME), and the value another one? */
static bool passes_over(const key *k, const char *value)
{
    return k->kind == KEY_IS_CHOICE && k->least > 0 && row_of(k, value) < 0;
}

static dn_status read_choice(const reading *r, const char *value, int *field)
{
    char wanted[400] = "one of";
    const int row = row_of(r->key, value);
    if (row >= 0) {
        *field = row;
        return DN_OK;
    }
    for (int i = 0; key_choice(r->key, i)->name; i++) {
        const char *name = key_choice(r->key, i)->name;
        strncat(wanted, i ? ", " : " ", sizeof wanted - strlen(wanted) - 1);
        strncat(wanted, name, sizeof wanted - strlen(wanted) - 1);
    }
    return refuse(r, value, wanted);
}

/* The neutral value, as text or as a number, is fine. */
static dn_status read_foreign(const reading *r, const char *value)
{
    double given, neutral;
    const char *rest = value, *wanted = r->key->text;
    if (!strcmp(value, wanted)
        || (read_number(&rest, &given) && at_end(rest) && read_number(&wanted, &neutral)
            && given == neutral))
        return DN_OK;
    return dn_fail(r->e, DN_BAD_CFG, "%s:%d: [%s] %s=%.80s: not supported: %s", r->source,
                   r->option ? r->option->line : 0, r->section, r->key->name, value, r->key->doc);
}

static dn_status read_value(const reading *r, const char *value, void *state)
{
    if (r->key->kind == KEY_IS_FOREIGN)
        return read_foreign(r, value);
    if (r->key->offset == KEY_NO_FIELD)
        return DN_OK;
    void *field = (char *)state + r->key->offset;
    switch (r->key->kind) {
    case KEY_IS_INT:
    case KEY_IS_FLOAT:
    case KEY_IS_DOUBLE:
        return read_scalar(r, value, field);
    case KEY_IS_INTS:
    case KEY_IS_FLOATS:
        return read_list(r, value, field);
    case KEY_IS_CHOICE:
        return read_choice(r, value, field);
    case KEY_IS_TEXT:
        *(const char **)field = value;
        break;
    case KEY_IS_FOREIGN:
        break;
    }
    return DN_OK;
}

static dn_status set_default(const reading *r, void *state)
{
    const key *k = r->key;
    if (k->offset == KEY_NO_FIELD)
        return DN_OK;
    void *field = (char *)state + k->offset;
    if (k->kind == KEY_IS_INT)
        *(int *)field = (int)k->fallback;
    else if (k->kind == KEY_IS_FLOAT)
        *(float *)field = (float)k->fallback;
    else if (k->kind == KEY_IS_DOUBLE)
        *(double *)field = k->fallback;
    else if (k->kind == KEY_IS_TEXT)
        *(const char **)field = k->text;
    else if (k->text)
        return read_value(r, k->text, state);
    return DN_OK;
}

/* Levenshtein distance of two short names, capped. */
static int edit_distance(const char *a, const char *b)
{
    enum { LONGEST = 32 };
    const int la = (int)strlen(a), lb = (int)strlen(b);
    int row[LONGEST + 1];
    if (la > LONGEST || lb > LONGEST)
        return LONGEST;
    for (int j = 0; j <= lb; j++)
        row[j] = j;
    for (int i = 1; i <= la; i++) {
        int diagonal = row[0];
        row[0] = i;
        for (int j = 1; j <= lb; j++) {
            const int change =
                diagonal + (tolower((unsigned char)a[i - 1]) != tolower((unsigned char)b[j - 1]));
            diagonal = row[j];
            const int insert = row[j - 1] + 1, remove = row[j] + 1;
            row[j] = change < insert ? (change < remove ? change : remove)
                                     : (insert < remove ? insert : remove);
        }
    }
    return row[lb];
}

static const char *nearest_key(const key *const *tables, const char *name)
{
    const char *best = NULL;
    int least = (int)strlen(name) / 2 + 1;
    for (int t = 0; tables[t]; t++)
        for (const key *k = tables[t]; k->name; k++) {
            const int distance = edit_distance(name, k->name);
            if (distance < least) {
                least = distance;
                best = k->name;
            }
        }
    return best;
}

/* The first option of this section with the same key, if it comes before `option`; else NULL. */
static const cfg_option *given_before(const cfg_section *section, const cfg_option *option)
{
    for (const cfg_option *o = section->options; o < option; o++)
        if (!strcmp(o->key, option->key))
            return o;
    return NULL;
}

dn_status dn_keys_read(cfg *c, const cfg_section *section, const char *source,
                       const key *const *tables, void *const *states, ignored_key *ignored,
                       void *context, dn_error *e)
{
    reading r = {.text = c, .source = source, .section = section->name, .e = e};
    dn_status status = DN_OK;
    for (int t = 0; tables[t]; t++)
        for (r.key = tables[t]; r.key->name && status == DN_OK; r.key++)
            status = set_default(&r, states[t]);
    for (int i = 0; i < section->count && status == DN_OK; i++) {
        r.option = &section->options[i];
        const cfg_option *first = given_before(section, r.option);
        bool known = first != NULL;
        if (first) /* Darknet's choice */
            ignored(context, section, r.option, first, NULL, NULL);
        for (int t = 0; tables[t] && !known; t++)
            for (r.key = tables[t]; r.key->name && !known; r.key++)
                if (!strcmp(r.key->name, r.option->key)) {
                    known = true;
                    if (passes_over(r.key, r.option->value))
                        ignored(context, section, r.option, NULL, NULL, r.key);
                    else
                        status = read_value(&r, r.option->value, states[t]);
                    break;
                }
        if (!known)
            ignored(context, section, r.option, NULL, nearest_key(tables, r.option->key), NULL);
    }
    return status;
}

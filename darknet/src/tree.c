#include "tree.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { MOST_NODES = 1 << 20, LONGEST_LINE = 1024 };

static FILE *open_beside(const char *name, const char *cfg)
{
    const char *slash = strrchr(cfg, '/');
    FILE *file = fopen(name, "r");
    if (file || *name == '/' || !slash)
        return file;
    const size_t folder = (size_t)(slash - cfg) + 1;
    char *path = dn_allocate(folder + strlen(name) + 1);
    if (!path) {
        errno = ENOMEM;
        return NULL;
    }
    memcpy(path, cfg, folder);
    strcpy(path + folder, name);
    file = fopen(path, "r");
    dn_free(path);
    return file;
}

/* The next line's parent. False: there is no line, or *bad says what is wrong with it. */
static bool read_line(FILE *file, int number, int *parent, const char **bad)
{
    char line[LONGEST_LINE], rest;
    if (!fgets(line, sizeof line, file))
        return false;
    *bad = !strchr(line, '\n') && !feof(file) ? "longer than 1023 characters"
           : sscanf(line, "%*s %d %c", parent, &rest) != 1 ? "not a name and its parent's line"
           : *parent < -1 || *parent >= number
               ? "a parent that is not in a line before it, counted from 0, and not -1"
               : NULL;
    return !*bad;
}

static dn_status count_lines(FILE *file, const char *name, int *lines, dn_error *e)
{
    const char *bad = NULL;
    int parent;
    for (*lines = 0; read_line(file, *lines, &parent, &bad); ++*lines)
        if (*lines == MOST_NODES)
            return dn_fail(e, DN_BAD_CFG, "%s: has more than %d nodes", name, MOST_NODES);
    if (bad)
        return dn_fail(e, DN_BAD_CFG, "%s:%d: is %s", name, *lines + 1, bad);
    return *lines ? DN_OK : dn_fail(e, DN_BAD_CFG, "%s: has no nodes", name);
}

static tree *allocate(int nodes)
{
    tree *t = dn_allocate(sizeof *t + (size_t)nodes * 5 * sizeof(int));
    if (!t)
        return NULL;
    t->nodes = nodes;
    t->parent = (int *)(t + 1);
    t->group = t->parent + nodes;
    t->children = t->group + nodes;
    t->first = t->children + nodes;
    t->size = t->first + nodes;
    return t;
}

/* Nodes into groups; false: the file has changed since it was counted. */
static bool fill(tree *t, FILE *file)
{
    const char *bad;
    for (int i = 0; i < t->nodes; i++) {
        int *parent = &t->parent[i];
        if (!read_line(file, i, parent, &bad))
            return false;
        if (i == 0 || *parent != t->parent[i - 1]) {
            t->first[t->groups++] = i;
            if (*parent >= 0 && t->children[*parent] < 0)
                t->children[*parent] = t->groups - 1;
        }
        t->group[i] = t->groups - 1;
        t->size[t->groups - 1]++;
        t->children[i] = -1;
    }
    return true;
}

dn_status dn_tree_read(const char *name, const char *cfg, tree **out, dn_error *e)
{
    errno = 0;
    FILE *file = open_beside(name, cfg);
    if (!file && errno == ENOMEM)
        return dn_out_of_memory(e, "the name of a class tree");
    if (!file)
        return dn_fail(e, DN_BAD_CFG, "%s: cannot be read, here or beside %s: %s", name, cfg,
                       strerror(errno));
    int lines;
    tree *t = NULL;
    dn_status status = count_lines(file, name, &lines, e);
    if (status == DN_OK && !(t = allocate(lines)))
        status = dn_out_of_memory(e, "a class tree");
    rewind(file);
    if (status == DN_OK && !fill(t, file))
        status = dn_fail(e, DN_BAD_CFG, "%s: changed while it was read", name);
    fclose(file);
    if (status == DN_OK)
        *out = t;
    else
        dn_free(t);
    return status;
}

double tree_probability(const tree *t, const float *p, int64_t step, int node)
{
    double product = 1;
    for (; node >= 0; node = t->parent[node])
        product *= p[node * step];
    return product;
}

int tree_top(const tree *t, const float *p, int64_t step, double thresh)
{
    double product = 1;
    int top = -1, group = 0;
    while (group >= 0) {
        int best = t->first[group];
        for (int i = best + 1; i < t->first[group] + t->size[group]; i++)
            if (p[i * step] > p[best * step])
                best = i;
        product *= p[best * step];
        if (top >= 0 && !(product > thresh))
            return top;
        top = best;
        group = t->children[best];
    }
    return top;
}

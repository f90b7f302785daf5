/* A class tree: classes that are kinds of each other, in groups that each share a parent.
 *
 * The file has a line a node, `NAME PARENT`, with the parent's line counted from 0, and -1 for
 * nodes without one. Lines of one parent that follow each other are a group: one softmax, the
 * probabilities of its nodes given their parent.
 */
#ifndef DN_TREE_H
#define DN_TREE_H

#include "error.h"

typedef struct tree {
    int nodes, groups;
    int *parent;       /* of a node: another one before it; -1: none */
    int *group;        /* that a node is in */
    int *children;     /* a node's first group of children; -1: it is a leaf */
    int *first, *size; /* nodes of a group */
} tree;

/* Reads the tree that a cfg names: from there, or from the folder of the cfg. One block of memory;
 * dn_free frees it. */
dn_status dn_tree_read(const char *name, const char *cfg, tree **out, dn_error *e);

/* The product of the probabilities from a node up; they are `step` floats apart. */
double tree_probability(const tree *t, const float *p, int64_t step, int node);
/* From the top, the likeliest node of each group as long as the product stays above thresh. */
int tree_top(const tree *t, const float *p, int64_t step, double thresh);

#endif

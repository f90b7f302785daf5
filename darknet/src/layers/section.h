/* What [convolutional] and [connected] share: a convolution, batch norm or bias, an activation. A
 * connected layer is a 1x1 convolution of a map of one pixel. The state of either starts with its
 * `conv`. */
#ifndef DN_SECTION_H
#define DN_SECTION_H

#include "backend.h"

/* Declares the biases and, with batch norm, scales and rolling statistics: in the order of the
 * weights file. */
void section_add_biases(layer *l, const conv *s);
void section_add_norm(layer *l, const conv *s);
/* Declares the buffers that backward() needs besides input and output. */
void section_add_buffers(layer *l, const conv *s);

/* All of them, and the parameters. */
conv_data section_collect(const layer *l);

/* Makes the layer before conv.before, if the backend can compute it within this layer. */
bool section_fuses(layer *l, const layer *before, const backend *b);
size_t section_workspace(const layer *l, const pass *p);
void section_forward(layer *l, const pass *p);
void section_backward(layer *l, const pass *p);
size_t section_packed_bytes(const layer *l, const backend *b);
void section_fold(layer *l, const pass *p);

/* The functions in a row of the table of layer types. */
#define SECTION_FUNCTIONS                                              \
    .workspace = section_workspace, .forward = section_forward,        \
    .backward = section_backward, .packed_bytes = section_packed_bytes, \
    .fold = section_fold, .fuses = section_fuses

#endif

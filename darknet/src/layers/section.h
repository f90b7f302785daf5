/* What [convolutional] and [connected] share: a convolution, batch norm or bias, an activation. A
 * connected layer is a 1x1 convolution of a map of one pixel. */
#ifndef DN_SECTION_H
#define DN_SECTION_H

#include "backend.h"

/* Declares the biases and, with batch norm, scales and rolling statistics: in the order of the
 * weights file. */
void section_add_biases(layer *l, const conv *s);
void section_add_norm(layer *l, const conv *s);
/* Declares what backward needs besides input and output. */
void section_add_buffers(layer *l, const conv *s);
conv_data section_data(const layer *l, const conv *s);

#endif

/* Convolutional sections on a CPU: a convolution by one of several algorithms, between them and the
 * output batch norm or bias, and the activation. */
#ifndef DN_CPU_CONV_H
#define DN_CPU_CONV_H

#include "algorithm.h"

const conv_algorithm *conv_algorithm_of(const conv *s);
workspace conv_workspace_of(const conv_algorithm *a, const pass *p, const conv *s);

/* The backend's (backend.h). */
bool cpu_conv_fuses(const conv *s, const conv *before, bool within);
size_t cpu_conv_workspace(const conv *s, const pass *p);
void cpu_conv_forward(const pass *p, const conv *s, const conv_data *d);
void cpu_conv_backward(const pass *p, const conv *s, const conv_data *d);
size_t cpu_conv_packed_bytes(const conv *s);
void cpu_conv_fold(const pass *p, const conv *s, const conv_data *d, void *packed);

enum { CONV_EPS_INVERSE = 100000 }; /* batch norm's epsilon, 1e-5 */

#endif

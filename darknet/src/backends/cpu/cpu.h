/* Functions of the fast backend, besides convolutions, that are faster than the plain loops. */
#ifndef DN_CPU_H
#define DN_CPU_H

#include "backend.h"

void cpu_activate(const pass *p, activation a, const float *in, float *out, strip s);
void cpu_activate_grad(const pass *p, activation a, const float *y, const float *x,
                       const float *delta, float *input_delta, bool add, strip s);
void cpu_maxpool(const pass *p, const pool *s, const float *in, float *out, int32_t *index);
void cpu_upsample(const pass *p, dims in, int stride, float scale, const float *x, float *out);
void cpu_shortcut(const pass *p, const shortcut *s, const float *a, const float *b, float *out);
void cpu_shortcut_grad(const pass *p, const shortcut *s, const float *delta, float *a_delta,
                       bool add_a, float *b_delta, bool add_b);

#endif

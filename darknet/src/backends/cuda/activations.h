/* Activations in kernels: by number, as in the table of activation.c. */
#ifndef DN_CUDA_ACTIVATIONS_H
#define DN_CUDA_ACTIVATIONS_H

#include "cuda.h"

#include "activation_formulas.h"

/* The same for all threads of a launch: no thread waits for another's case. */
static inline __device__ float activated(activation a, float x)
{
    switch (a) {
#define CASE(number, name) \
    case number:           \
        return name##_y(x);
        EACH_ACTIVATION(CASE)
#undef CASE
    default:
        return x;
    }
}

static inline __device__ float slope(activation a, float y, float x)
{
    switch (a) {
#define CASE(number, name) \
    case number:           \
        return name##_gradient(y, x);
        EACH_ACTIVATION(CASE)
#undef CASE
    default:
        return 1;
    }
}

#endif

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

/* Does the gradient read x? Else it may be anything. */
static inline bool reads_x(activation a)
{
    switch (a) {
#define CASE(number, name) case number:
        EACH_ACTIVATION_OF_X(CASE)
#undef CASE
        return true;
    default:
        return false;
    }
}

#endif

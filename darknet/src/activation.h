/* Activations: y(x), and Darknet's gradient taken from the output y (those with a row
 * that says so need x as well). A row of the table each. */
#ifndef DN_ACTIVATION_H
#define DN_ACTIVATION_H

#include <stdbool.h>

#include "keys.h"

typedef enum {
    LOGISTIC, RELU, RELIE, LINEAR, RAMP, TANH, PLSE, LEAKY, ELU, LOGGY, STAIR, HARDTAN, LHTAN, SELU,
    RELU6, MISH, SWISH, GELU, HARD_MISH, ACTIVATIONS
} activation;

typedef struct {
    choice choice;                    /* the cfg's name, and the formula */
    float (*y)(float x);
    float (*gradient)(float y, float x); /* dy/dx */
    bool reads_x;                     /* the gradient reads x; else it may be anything */
} activation_row;

extern const activation_row activations[ACTIVATIONS + 1]; /* in the order above, then an end */

#endif

/* Activations: y(x), and Darknet's gradient taken from the output y (swish and mish need x as
 * well). */
#ifndef DN_ACTIVATION_H
#define DN_ACTIVATION_H

#include <stdbool.h>

typedef enum {
    LOGISTIC, RELU, RELIE, LINEAR, RAMP, TANH, PLSE, LEAKY, ELU, LOGGY, STAIR, HARDTAN, LHTAN, SELU,
    RELU6, MISH, SWISH
} activation;

extern const char *const activation_names[];   /* in the order above, NULL-ended */

float dn_activate(activation a, float x);
/* dy/dx. `x` is read by mish and swish only; see activation_reads_x(). */
float dn_activation_gradient(activation a, float y, float x);
bool dn_activation_reads_x(activation a);

#endif

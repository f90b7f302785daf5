#include "activation.h"

#include <stddef.h>

#include "activation_formulas.h"

#define OF_Y(number, name) enum { name##_reads_x = false };
#define OF_X(number, name) enum { name##_reads_x = true };
EACH_ACTIVATION_OF_Y(OF_Y)
EACH_ACTIVATION_OF_X(OF_X)
#define ROW(name, formula) {{#name, formula}, name##_y, name##_gradient, name##_reads_x}

const activation_row activations[ACTIVATIONS + 1] = {
    [LOGISTIC] = ROW(logistic, "1/(1 + e^-x)"),
    [RELU] = ROW(relu, "x, 0 below 0"),
    [RELIE] = ROW(relie, "x, .01x below 0"),
    [LINEAR] = ROW(linear, "x"),
    [RAMP] = ROW(ramp, "1.1x, .1x below 0"),
    [TANH] = ROW(tanh, "tanh(x)"),
    [PLSE] = ROW(plse, ".125x + .5; beyond 4, .01 as steep"),
    [LEAKY] = ROW(leaky, "x, .1x below 0"),
    [ELU] = ROW(elu, "x, e^x - 1 below 0"),
    [LOGGY] = ROW(loggy, "2/(1 + e^-x) - 1"),
    [STAIR] = ROW(stair, "flat and rising by turns, a whole number each"),
    [HARDTAN] = ROW(hardtan, "x from -1 to 1, these beyond"),
    [LHTAN] = ROW(lhtan, "x from 0 to 1, .001 as steep beyond"),
    [SELU] = ROW(selu, "1.0507x, 1.0507*1.6732(e^x - 1) below 0"),
    [RELU6] = ROW(relu6, "x from 0 to 6, these beyond"),
    [MISH] = ROW(mish, "x*tanh(ln(1 + e^x))"),
    [SWISH] = ROW(swish, "x/(1 + e^-x)"),
    [GELU] = ROW(gelu, "x*(1 + tanh(sqrt(2/pi)*(x + .044715x^3)))/2"),
    [HARD_MISH] = ROW(hard_mish, "x, x^2/2 + x from -2 to 0, 0 below"),
};

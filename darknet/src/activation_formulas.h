/* The formulas of the activations, for the CPU's table (activation.c) and a GPU's kernels:
 * NAME_y(x), and NAME_gradient(y, x). */
#ifndef DN_ACTIVATION_FORMULAS_H
#define DN_ACTIVATION_FORMULAS_H

#include <math.h>

#include "callable.h"

/* The arguments of a row's two functions. */
#define Y(name, value) static DN_CALLABLE inline float name##_y(float x) { return value; }
#define GRADIENT(name, value)                    \
    static DN_CALLABLE inline float name##_gradient(float y, float x) \
    {                                            \
        (void)y;                                 \
        (void)x;                                 \
        return value;                            \
    }

/* SELU's two constants (Klambauer et al., 2017), to Darknet's digits. */
static const float SELU_SCALE = 1.0507f, SELU_ALPHA = 1.6732f;

static DN_CALLABLE inline float logistic(float x)
{
    return 1.f / (1.f + expf(-x));
}

/* tanh(ln(1 + e^x)) = w/(w + 2) with w = e^x*(e^x + 2); beyond 20 it is 1. */
static DN_CALLABLE inline float mish_w(float x)
{
    const float e = expf(fminf(x, 20));
    return e * (e + 2);
}

static DN_CALLABLE inline float mish_slope(float x)
{
    const float w = mish_w(x), t = w / (w + 2);
    return x > 20 ? 1 : t + x * (1 + t) * 2 / (w + 2) * logistic(x);
}

static DN_CALLABLE inline float stairs(float x)
{
    const float whole = floorf(x);
    return fmodf(whole, 2) == 0 ? floorf(x / 2) : (x - whole) + floorf(x / 2);
}

/* GELU's approximation by tanh, as a logistic function: x*(1 + tanh u)/2 = x*logistic(2u). */
static DN_CALLABLE inline float gelu_gate(float x)
{
    return logistic(1.5957691f * (x + .044715f * x * x * x));
}

static DN_CALLABLE inline float gelu_slope(float x)
{
    const float gate = gelu_gate(x);
    return fabsf(x) > 10 ? gate
                         : gate + x * gate * (1 - gate) * 1.5957691f * (1 + .134145f * x * x);
}

Y(logistic, logistic(x))
GRADIENT(logistic, y * (1 - y))
Y(relu, x > 0 ? x : x * 0)
GRADIENT(relu, y > 0)
Y(relie, x > 0 ? x : .01f * x)
GRADIENT(relie, y > 0 ? 1 : .01f)
Y(linear, x)
GRADIENT(linear, 1)
Y(ramp, (x > 0 ? x : 0) + .1f * x)
GRADIENT(ramp, (float)(y > 0) + .1f)
Y(tanh, tanhf(x))
GRADIENT(tanh, 1 - y * y)
Y(plse, x < -4 ? .01f * (x + 4) : x > 4 ? .01f * (x - 4) + 1 : .125f * x + .5f)
GRADIENT(plse, y < 0 || y > 1 ? .01f : .125f)
Y(leaky, x > 0 ? x : .1f * x)
GRADIENT(leaky, y > 0 ? 1 : .1f)
Y(elu, x >= 0 ? x : expm1f(x))
GRADIENT(elu, y >= 0 ? 1 : y + 1)
Y(loggy, 2 * logistic(x) - 1)
GRADIENT(loggy, 2 * ((y + 1) / 2) * (1 - (y + 1) / 2))
Y(stair, stairs(x))
GRADIENT(stair, floorf(y) == y ? 0 : 1)
Y(hardtan, x < -1 ? -1 : x > 1 ? 1 : x)
GRADIENT(hardtan, y > -1 && y < 1)
Y(lhtan, x < 0 ? .001f * x : x > 1 ? .001f * (x - 1) + 1 : x)
GRADIENT(lhtan, y > 0 && y < 1 ? 1 : .001f)
Y(selu, SELU_SCALE * (x >= 0 ? x : SELU_ALPHA * expm1f(x)))
GRADIENT(selu, y >= 0 ? SELU_SCALE : y + SELU_SCALE * SELU_ALPHA)
Y(relu6, x > 6 ? 6 : x > 0 ? x : x * 0)
GRADIENT(relu6, y > 0 && y < 6)
Y(mish, x * (mish_w(x) / (mish_w(x) + 2)))
GRADIENT(mish, mish_slope(x))
Y(swish, x * logistic(x))
GRADIENT(swish, y + logistic(x) * (1 - y))
Y(gelu, x * gelu_gate(x))
GRADIENT(gelu, gelu_slope(x))
Y(hard_mish, x > 0 ? x : x > -2 ? x * (x / 2 + 1) : 0)
GRADIENT(hard_mish, x > 0 ? 1 : x > -2 ? x + 1 : 0)

#undef Y
#undef GRADIENT

/* Every activation, as its number and its formulas' name: those whose gradient reads y alone, and those
 * whose gradient reads x. */
#define EACH_ACTIVATION_OF_Y(DO)                                                           \
    DO(LOGISTIC, logistic) DO(RELU, relu) DO(RELIE, relie) DO(LINEAR, linear)              \
    DO(RAMP, ramp) DO(TANH, tanh) DO(PLSE, plse) DO(LEAKY, leaky) DO(ELU, elu)             \
    DO(LOGGY, loggy) DO(STAIR, stair) DO(HARDTAN, hardtan) DO(LHTAN, lhtan)                \
    DO(SELU, selu) DO(RELU6, relu6)
#define EACH_ACTIVATION_OF_X(DO) \
    DO(MISH, mish) DO(SWISH, swish) DO(GELU, gelu) DO(HARD_MISH, hard_mish)
#define EACH_ACTIVATION(DO) EACH_ACTIVATION_OF_Y(DO) EACH_ACTIVATION_OF_X(DO)

#endif

#include "activation.h"

#include <math.h>
#include <stddef.h>

/* The arguments of a row's two functions. */
#define Y(name, value) static float name##_y(float x) { return value; }
#define GRADIENT(name, value)                    \
    static float name##_gradient(float y, float x) \
    {                                            \
        (void)y;                                 \
        (void)x;                                 \
        return value;                            \
    }

/* SELU's two constants (Klambauer et al., 2017), to Darknet's digits. */
static const float SELU_SCALE = 1.0507f, SELU_ALPHA = 1.6732f;

static float logistic(float x)
{
    return 1.f / (1.f + expf(-x));
}

/* tanh(ln(1 + e^x)) = w/(w + 2) with w = e^x*(e^x + 2); beyond 20 it is 1. */
static float mish_w(float x)
{
    const float e = expf(fminf(x, 20));
    return e * (e + 2);
}

static float mish_slope(float x)
{
    const float w = mish_w(x), t = w / (w + 2);
    return x > 20 ? 1 : t + x * (1 + t) * 2 / (w + 2) * logistic(x);
}

static float stairs(float x)
{
    const float whole = floorf(x);
    return fmodf(whole, 2) == 0 ? floorf(x / 2) : (x - whole) + floorf(x / 2);
}

/* GELU's approximation by tanh, as a logistic function: x*(1 + tanh u)/2 = x*logistic(2u). */
static float gelu_gate(float x)
{
    return logistic(1.5957691f * (x + .044715f * x * x * x));
}

static float gelu_slope(float x)
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

#define ROW(name, formula) {{#name, formula}, name##_y, name##_gradient, false}
#define ROW_WITH_X(name, formula) {{#name, formula}, name##_y, name##_gradient, true}

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
    [MISH] = ROW_WITH_X(mish, "x*tanh(ln(1 + e^x))"),
    [SWISH] = ROW_WITH_X(swish, "x/(1 + e^-x)"),
    [GELU] = ROW_WITH_X(gelu, "x*(1 + tanh(sqrt(2/pi)*(x + .044715x^3)))/2"),
    [HARD_MISH] = ROW_WITH_X(hard_mish, "x, x^2/2 + x from -2 to 0, 0 below"),
};

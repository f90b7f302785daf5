#include "activation.h"

#include <math.h>
#include <stddef.h>

const char *const activation_names[] = {"logistic", "relu",  "relie", "linear", "ramp",  "tanh",
                                        "plse",     "leaky", "elu",   "loggy",  "stair", "hardtan",
                                        "lhtan",    "selu",  "relu6", "mish",   "swish", NULL};

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

static float stair(float x)
{
    const float whole = floorf(x);
    return fmodf(whole, 2) == 0 ? floorf(x / 2) : (x - whole) + floorf(x / 2);
}

float dn_activate(activation a, float x)
{
    switch (a) {
    case LOGISTIC: return logistic(x);
    case RELU: return x > 0 ? x : x * 0;
    case RELIE: return x > 0 ? x : .01f * x;
    case LINEAR: return x;
    case RAMP: return (x > 0 ? x : 0) + .1f * x;
    case TANH: return tanhf(x);
    case PLSE: return x < -4 ? .01f * (x + 4) : x > 4 ? .01f * (x - 4) + 1 : .125f * x + .5f;
    case LEAKY: return x > 0 ? x : .1f * x;
    case ELU: return x >= 0 ? x : expm1f(x);
    case LOGGY: return 2 * logistic(x) - 1;
    case STAIR: return stair(x);
    case HARDTAN: return x < -1 ? -1 : x > 1 ? 1 : x;
    case LHTAN: return x < 0 ? .001f * x : x > 1 ? .001f * (x - 1) + 1 : x;
    case SELU: return SELU_SCALE * (x >= 0 ? x : SELU_ALPHA * expm1f(x));
    case RELU6: return x > 6 ? 6 : x > 0 ? x : x * 0;
    case MISH: return x * (mish_w(x) / (mish_w(x) + 2));
    case SWISH: return x * logistic(x);
    }
    return x;
}

static float mish_gradient(float x)
{
    const float w = mish_w(x), t = w / (w + 2);
    return x > 20 ? 1 : t + x * (1 + t) * 2 / (w + 2) * logistic(x);
}

float dn_activation_gradient(activation a, float y, float x)
{
    switch (a) {
    case LOGISTIC: return y * (1 - y);
    case RELU: return y > 0;
    case RELIE: return y > 0 ? 1 : .01f;
    case LINEAR: return 1;
    case RAMP: return (float)(y > 0) + .1f;
    case TANH: return 1 - y * y;
    case PLSE: return y < 0 || y > 1 ? .01f : .125f;
    case LEAKY: return y > 0 ? 1 : .1f;
    case ELU: return y >= 0 ? 1 : y + 1;
    case LOGGY: return 2 * ((y + 1) / 2) * (1 - (y + 1) / 2);
    case STAIR: return floorf(y) == y ? 0 : 1;
    case HARDTAN: return y > -1 && y < 1;
    case LHTAN: return y > 0 && y < 1 ? 1 : .001f;
    case SELU: return y >= 0 ? SELU_SCALE : y + SELU_SCALE * SELU_ALPHA;
    case RELU6: return y > 0 && y < 6;
    case MISH: return mish_gradient(x);
    case SWISH: return y + logistic(x) * (1 - y);
    }
    return 1;
}

bool dn_activation_reads_x(activation a)
{
    return a == MISH || a == SWISH;
}

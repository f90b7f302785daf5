/* Sums over whole arrays: losses of values, and squares. A team adds up a piece of an array, whose
 * length the array's alone determines, and the host the pieces in their order. */
#include "cuda.h"
#include "hosted.h"
#include "sums.h"

enum { PIECE = 1 << 13 };
static const int64_t MOST_PIECES = 1 << 11;

pieces cuda_pieces(int64_t count)
{
    const int64_t wanted = (count + PIECE - 1) / PIECE;
    const int64_t number = wanted < 1 ? 1 : wanted < MOST_PIECES ? wanted : MOST_PIECES;
    return {count, number, (count + number - 1) / number};
}

double cuda_sum_of_pieces(const pass *p, pieces s)
{
    double sums[MOST_PIECES];
    double sum = 0;
    cuda_copy(sums, p->workspace, (size_t)s.number * sizeof *sums);
    for (int64_t i = 0; i < s.number; i++)
        sum += sums[i];
    return sum;
}

static __global__ void squares(pieces s, const float *a, const float *b, double *sums)
{
    EACH_TEAM(t, s.number) {
        double sum = 0;
        EACH_IN_PIECE(i, s, t) {
            const double d = b ? (double)a[i] - b[i] : a[i];
            sum += d * d;
        }
        write_piece(sums + t, sum);
    }
}

double cuda_squares(const pass *p, const float *a, const float *b, int64_t count)
{
    const pieces s = cuda_pieces(count);
    LAUNCH_TEAMS(squares, s.number, s, a, b, (double *)p->workspace);
    return cuda_sum_of_pieces(p, s);
}

static __device__ float sign(float d)
{
    return (float)((d > 0) - (d < 0));
}

/* Rows of cost_types. */
enum { SSE, ABSOLUTE, SMOOTH, MASKED };

static __global__ void cost(pieces s, int type, const float *x, const float *truth, float *error,
                            float *delta, double *sums)
{
    const float unknown = -1234;
    EACH_TEAM(t, s.number) {
        double sum = 0;
        EACH_IN_PIECE(i, s, t) {
            const float d = type == MASKED && truth[i] == unknown ? 0 : truth[i] - x[i];
            const bool far = fabsf(d) > 1;
            float e = d * d, back = d;
            if (type == ABSOLUTE || (type == SMOOTH && far)) {
                e = type == ABSOLUTE ? fabsf(d) : 2 * fabsf(d) - 1;
                back = sign(d);
            }
            error[i] = e;
            if (delta)
                delta[i] = back;
            sum += e;
        }
        write_piece(sums + t, sum);
    }
}

static void clear(float *values, int64_t count)
{
    if (values)
        cuda_note(cudaMemsetAsync(values, 0, (size_t)count * sizeof *values, cudaStreamPerThread)
                      == cudaSuccess,
                  "clearing an array");
}

double cuda_cost(const pass *p, int type, const float *x, const float *truth, float *error,
                 float *delta, int64_t count)
{
    if (!truth) {
        clear(error, count);
        clear(delta, count);
        return 0;
    }
    const pieces s = cuda_pieces(count);
    LAUNCH_TEAMS(cost, s.number, s, type, x, truth, error, delta, (double *)p->workspace);
    return cuda_sum_of_pieces(p, s);
}

/* binary: what is not wanted counts too. */
static __global__ void entropy(pieces s, const float *x, const float *truth, float *delta,
                               bool binary, double *sums)
{
    EACH_TEAM(t, s.number) {
        double sum = 0;
        EACH_IN_PIECE(i, s, t) {
            const float wanted = truth[i];
            delta[i] = wanted - x[i];
            if (wanted != 0)
                sum -= wanted * logf(fmaxf(x[i], 1e-37f));
            if (binary && wanted != 1)
                sum -= (1 - wanted) * logf(fmaxf(1 - x[i], 1e-37f));
        }
        write_piece(sums + t, sum);
    }
}

static double run_entropy(const pass *p, const float *x, const float *truth, float *delta,
                          int64_t count, bool binary)
{
    if (!truth) {
        clear(delta, count);
        return 0;
    }
    const pieces s = cuda_pieces(count);
    LAUNCH_TEAMS(entropy, s.number, s, x, truth, delta, binary, (double *)p->workspace);
    return cuda_sum_of_pieces(p, s);
}

double cuda_cross_entropy(const pass *p, const float *x, const float *truth, float *delta,
                          int64_t count)
{
    return run_entropy(p, x, truth, delta, count, false);
}

double cuda_binary_cross_entropy(const pass *p, const float *x, const float *truth, float *delta,
                                 int64_t count)
{
    return run_entropy(p, x, truth, delta, count, true);
}

/* Trees are in the host's memory, and so small that their losses are computed there. */
double cuda_tree_cross_entropy(const pass *p, const tree *t, const float *x, const float *truth,
                               float *delta)
{
    const int64_t count = (int64_t)p->batch * t->nodes;
    host_copies host;
    const float *scores = host.take(x, count), *wanted = host.take(truth, count);
    float *back = host.take(delta, count);
    const double sum = host.ok ? cuda_host->tree_cross_entropy(p, t, scores, wanted, back) : 0;
    host.send();
    return sum;
}

/* Activations by themselves: the clipped lines through the vector kernels, piece by piece. */
#include "backends/reference/reference.h"
#include "cpu.h"
#include "dispatch.h"

enum { PIECE = 1 << 14 };

static int64_t length(int64_t start, int64_t count)
{
    return count - start < PIECE ? count - start : PIECE;
}

void cpu_activate(const pass *p, activation a, const float *in, float *out, strip s)
{
    if (!is_clipped_line(a)) {
        reference_activate(p, a, in, out, s);
        return;
    }
#pragma omp parallel for collapse(2) num_threads(pass_team(p, s.rows * s.count))
    for (int64_t r = 0; r < s.rows; r++)
        for (int64_t i = 0; i < s.count; i += PIECE)
            dn_kernels.affine(in + r * s.step + i, out + r * s.step + i, length(i, s.count), 1, 0,
                              a);
}

/* For a clipped line, the gradient computed from y equals that computed from x. */
void cpu_activate_grad(const pass *p, activation a, const float *y, const float *x,
                       const float *delta, float *input_delta, bool add, strip s)
{
    if (!is_clipped_line(a) || input_delta != delta) {
        reference_activate_grad(p, a, y, x, delta, input_delta, add, s);
        return;
    }
#pragma omp parallel for collapse(2) num_threads(pass_team(p, s.rows * s.count))
    for (int64_t r = 0; r < s.rows; r++)
        for (int64_t i = 0; i < s.count; i += PIECE)
            dn_kernels.affine_grad(y + r * s.step + i, input_delta + r * s.step + i,
                                   length(i, s.count), 1, 0, 0, 1, 0, 0, a);
}

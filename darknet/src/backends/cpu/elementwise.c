/* Activations by themselves: the clipped lines through the vector kernels, piece by piece. */
#include "backends/reference/reference.h"
#include "cpu.h"
#include "dispatch.h"

enum { PIECE = 1 << 14 };

static int64_t length(int64_t start, int64_t count)
{
    return count - start < PIECE ? count - start : PIECE;
}

void cpu_activate(const pass *p, activation a, const float *in, float *out, int64_t count)
{
    if (!is_clipped_line(a)) {
        reference_activate(p, a, in, out, count);
        return;
    }
#pragma omp parallel for num_threads(pass_team(p, count))
    for (int64_t i = 0; i < count; i += PIECE)
        dn_kernels.affine(in + i, out + i, length(i, count), 1, 0, a);
}

/* For a clipped line, the gradient computed from y equals that computed from x. */
void cpu_activate_grad(const pass *p, activation a, const float *y, const float *x,
                       const float *delta, float *input_delta, bool add, int64_t count)
{
    if (!is_clipped_line(a) || input_delta != delta) {
        reference_activate_grad(p, a, y, x, delta, input_delta, add, count);
        return;
    }
#pragma omp parallel for num_threads(pass_team(p, count))
    for (int64_t i = 0; i < count; i += PIECE)
        dn_kernels.affine_grad(y + i, input_delta + i, length(i, count), 1, 0, 0, 1, 0, 0, a);
}

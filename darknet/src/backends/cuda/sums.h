/* Sums over arrays that teams take piece by piece. */
#ifndef DN_CUDA_SUMS_H
#define DN_CUDA_SUMS_H

#include "cuda.h"

typedef struct {
    int64_t count, number, length; /* of the array; of pieces; of a piece */
} pieces;

pieces cuda_pieces(int64_t count);
/* Of what teams wrote to p->workspace, a double a piece. Waits for them. */
double cuda_sum_of_pieces(const pass *p, pieces s);

#define EACH_IN_PIECE(i, s, piece)                                                       \
    for (int64_t i = (piece) * (s).length + threadIdx.x;                                 \
         i < (s).count && i < ((piece) + 1) * (s).length; i += blockDim.x)

static inline __device__ void write_piece(double *to, double own)
{
    const double sum = block_sum(own);
    if (threadIdx.x == 0)
        *to = sum;
}

#endif

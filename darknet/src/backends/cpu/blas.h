/* The BLAS, under names that do not depend on whose build it is. The build says DN_BLAS_PREFIX:
 * what stands before the library's symbols (scipy_ in the wheel scipy-openblas32, nothing in a
 * system's OpenBLAS). */
#ifndef DN_BLAS_H
#define DN_BLAS_H

#include <cblas.h>

#define DN_BLAS_GLUE(prefix, name) prefix##name
#define DN_BLAS_JOIN(prefix, name) DN_BLAS_GLUE(prefix, name)
#define DN_BLAS(name) DN_BLAS_JOIN(DN_BLAS_PREFIX, name)

/* cblas_sgemm; runs in the calling thread alone after dn_blas_single_thread(). */
#define dn_sgemm DN_BLAS(cblas_sgemm)

/* The process's BLAS stops using threads of its own: the callers' are enough. */
static inline void dn_blas_single_thread(void)
{
    DN_BLAS(openblas_set_num_threads)(1);
}

#endif

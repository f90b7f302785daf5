/* Marks a small function that kernels on a GPU call too. */
#ifndef DN_CALLABLE_H
#define DN_CALLABLE_H

#ifdef __CUDACC__
#define DN_CALLABLE __host__ __device__
#else
#define DN_CALLABLE
#endif

#endif

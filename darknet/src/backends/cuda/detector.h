/* A detector's output as kernels see it: what detector.h's struct points to comes along. */
#ifndef DN_CUDA_DETECTOR_H
#define DN_CUDA_DETECTOR_H

#include "cuda.h"

typedef struct {
    detector d; /* its pointers are of no use on the GPU */
    float anchor[2 * MAX_ANCHORS];
} predictor;

static inline predictor predictor_of(const detector *d)
{
    predictor r = {};
    r.d = *d;
    if (d->anchor)
        memcpy(r.anchor, d->anchor, (size_t)d->anchors * 2 * sizeof(float));
    return r;
}

/* As detector_box(), of detectors that do not share classes. */
static inline __device__ void predicted(const predictor *r, const float *output,
                                        int64_t prediction, float box[4])
{
    const detector *d = &r->d;
    const int64_t cells = (int64_t)d->w * d->h, cell = prediction % cells;
    const float *anchor = r->anchor + prediction / cells * 2;
    const float *t = output + detector_entry(d, prediction, 0);
    const int64_t step = detector_box_step(d);
    const double w = t[2 * step], h = t[3 * step];
    box[0] = (float)(((double)(cell % d->w) + t[0]) / d->w);
    box[1] = (float)(((double)(cell / d->w) + t[step]) / d->h);
    box[2] = (float)((d->squares ? 4 * w * w : exp(w)) * anchor[0]);
    box[3] = (float)((d->squares ? 4 * h * h : exp(h)) * anchor[1]);
}

#endif

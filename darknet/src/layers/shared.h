/* What layers of several types do in the same way: hand a loss's delta back, activate what they
 * computed, let a detector's loss judge its output. */
#ifndef DN_SHARED_H
#define DN_SHARED_H

#include "backend.h"

/* backward() of a loss layer: its delta, times scale, is its input's. */
void shared_hand_back(layer *l, const pass *p, float scale);

/* An activation behind the layer's own values, where these need not be the output. In shape(): keeps
 * the values where the gradient reads them. */
void shared_declare_activation(layer *l, activation a);
/* Where forward() writes its values, before shared_activate(). */
float *shared_values(const layer *l);
void shared_activate(layer *l, const pass *p, activation a);
/* In backward(): l->delta, from the output's to the values'. */
void shared_activate_grad(layer *l, const pass *p, activation a);

/* forward() of a detector, from its activated output: deltas, cost and statistics, by a loss of the
 * backend's. */
typedef void detector_judge(const pass *p, const detector_loss *s, const detector_arrays *a,
                            detector_result *sum);
void shared_judge(layer *l, const pass *p, const detector_loss *s, detector_judge *judge);
size_t shared_judge_workspace(const layer *l, const pass *p);

#endif

/* The learning rate of each update. */
#ifndef DN_SCHEDULE_H
#define DN_SCHEDULE_H

#include "settings.h"

/* What [net] policy= chooses from: the rate of update n after burn_in; the first is 1. */
typedef struct {
    choice choice;
    double (*rate)(const settings *s, uint64_t seed, double n);
} policy_row;
extern const policy_row policies[];

/* Rate of update n (the first is 1). seed: of the random policy. */
double dn_schedule_rate(const settings *s, uint64_t seed, int64_t n);

#endif

/* The one source of chance: xoshiro256** seeded through SplitMix64 (both by Blackman and Vigna,
 * public domain). Same seed and stream name, same numbers, on every machine.
 *
 * Each machine draws from a stream of its own, so that one more machine, or one more client,
 * changes nothing for the others. */
#ifndef SIMULATOR_RANDOM_H
#define SIMULATOR_RANDOM_H

#include <stdint.h>

struct random {
    uint64_t state[4];
};

void random_seed(struct random *random, uint64_t seed, const char *stream);

uint64_t random_next(struct random *random);

/* In [0, 1). */
double random_uniform(struct random *random);

/* Mean 0, standard deviation 1. Always draws two numbers. */
double random_normal(struct random *random);

/* Exponentially distributed. */
double random_exponential(struct random *random, double mean);

/* One step of a process that wanders around 0 with the standard deviation `sigma` and forgets
 * in `tau_s` (Ornstein and Uhlenbeck). */
double random_wander(struct random *random, double value, double sigma, double tau_s,
                     double step_s);

#endif

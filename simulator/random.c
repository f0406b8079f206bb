#include "simulator/random.h"

#include <math.h>

static uint64_t rotate_left(uint64_t value, unsigned bits)
{
    return (value << bits) | (value >> (64 - bits));
}

static uint64_t split_mix(uint64_t *state)
{
    *state += 0x9E3779B97F4A7C15U;
    uint64_t mixed = *state;
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9U;
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBU;
    return mixed ^ (mixed >> 31);
}

void random_seed(struct random *random, uint64_t seed, const char *stream)
{
    uint64_t hash = 0xCBF29CE484222325U; /* FNV-1a of the stream's name */
    for (const char *letter = stream; *letter != '\0'; letter++) {
        hash = (hash ^ (uint8_t)*letter) * 0x100000001B3U;
    }
    uint64_t state = seed ^ hash;
    for (unsigned i = 0; i < 4; i++) {
        random->state[i] = split_mix(&state);
    }
}

uint64_t random_next(struct random *random)
{
    uint64_t *state = random->state;
    uint64_t result = rotate_left(state[1] * 5, 7) * 9;
    uint64_t shifted = state[1] << 17;
    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= shifted;
    state[3] = rotate_left(state[3], 45);
    return result;
}

double random_uniform(struct random *random)
{
    return (double)(random_next(random) >> 11) * 0x1.0p-53;
}

double random_normal(struct random *random)
{
    double radius = sqrt(-2.0 * log(1.0 - random_uniform(random)));
    return radius * cos(2.0 * M_PI * random_uniform(random));
}

double random_exponential(struct random *random, double mean)
{
    return -mean * log(1.0 - random_uniform(random));
}

double random_wander(struct random *random, double value, double sigma, double tau_s,
                     double step_s)
{
    double keep = exp(-step_s / tau_s);
    return value * keep + sigma * sqrt(1.0 - keep * keep) * random_normal(random);
}

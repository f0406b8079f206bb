/* Faults: what can go wrong, where, from when to when. One table, one line of text a fault.
 *
 *     WHAT [target=NAME] [start=10s] [duration=20s] [ramp=5s] [value=NUMBER] [chance=0.5]
 *          [tag=NAME] [at=TABLE:ADDRESS] [count=N] [hidden | shown]
 *
 * The same line stands in a scene file, on the command line of `inject`, and in `list`. Times
 * are simulated times, so that a seed and a scene give one history at any speed. With a ramp, a
 * fault grows from nothing to what it is within that time. One thread. */
#ifndef SIMULATOR_FAULT_H
#define SIMULATOR_FAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "config/factory.h"
#include "config/map.h"
#include "simulator/line.h"
#include "simulator/random.h"

enum {
    FAULT_TEXT_MAX = 256,
    FAULT_NAME_MAX = 64,
    FAULTS_MAX = 256,     /* set at the same time */
    FAULT_REPLY_MAX = 512 /* bytes of a reply that a fault may have lengthened */
};

enum fault_effect {
    FAULT_ON_REPLY,       /* changes bytes or timing of a reply: `mutate` */
    FAULT_ON_LISTENING,   /* connections are reset and refused */
    FAULT_ON_CONNECTIONS, /* connections are ended every `value` seconds of real time */
    FAULT_ON_ADDRESS,     /* registers `at` are gone: exception 2 */
    FAULT_ON_TAG,         /* what the tag's registers hold; without tag=, of all tags */
    FAULT_ON_LINE,        /* a parameter of the line is `value` */
};

/* What FAULT_ON_TAG does. */
enum fault_hold {
    FAULT_RAW,   /* the registers hold `value` */
    FAULT_STUCK, /* they keep what they hold */
    FAULT_DRIFT, /* `value` more each simulated minute */
    FAULT_NOISE, /* plus chance, of standard deviation `value` */
    FAULT_SWAP,  /* the words of wider values in reverse */
};

/* What grows during a ramp. */
enum fault_growth {
    FAULT_GROWS_NOT, /* it is there or it is not */
    FAULT_GROWS_IN_VALUE,
    FAULT_GROWS_IN_CHANCE,
};

/* A reply on its way out. */
struct fault_reply {
    uint8_t bytes[FAULT_REPLY_MAX];
    size_t length;      /* 0: nothing is sent */
    int64_t delay_us;   /* until it is sent */
    int64_t dribble_us; /* between single bytes; 0: all at once */
    bool resets;        /* the connection is reset instead */
};

struct fault;

struct fault_kind {
    const char *name;
    enum fault_effect effect;
    double usual; /* of `value` */
    enum fault_hold hold;
    enum fault_growth growth; /* of FAULT_ON_LINE: the parameter decides, see line_can_grow() */
    const char *help;
    void (*mutate)(const struct fault *fault, struct fault_reply *reply, struct random *random);
};

struct fault {
    unsigned id;                   /* faults of one scenario share theirs */
    const char *label;             /* the scenario's id, "" for a fault of its own */
    double strength;               /* the scenario's; 1 for a fault of its own */
    const struct fault_kind *kind; /* NULL: the place is free */
    char target[FAULT_NAME_MAX];   /* a link or a machine; "*": all */
    char name[FAULT_NAME_MAX];     /* tag=, or the line's parameter */
    double value;
    double chance;
    enum table table;
    uint16_t address;
    uint16_t count;
    bool has_place; /* at= was given */
    bool is_hidden;
    bool is_active;
    uint64_t first_step;
    uint64_t end_step;   /* the first step without it; UINT64_MAX: for ever; 0: cleared */
    uint64_t ramp_steps; /* from nothing to all of it; 0: at once */
    double share;        /* 0 to 1: how much of it there is at this step */
};

struct faults;

/* Faults may be aimed at the links and the simulated machines of this factory, and at the tags
 * of these; it outlives them. NULL: at any name. */
struct faults *faults_create(const struct factory *factory);
void faults_destroy(struct faults *faults);

/* What is wrong with a line of text. */
struct fault_error {
    char text[256];
};

/* Adds the fault of this line; `start` counts from `steps`. Returns its id, 0 with `error`
 * filled when the line is not understood, aims at nobody or no tag, or there is no room. */
unsigned faults_add(struct faults *faults, const char *text, uint64_t steps,
                    struct fault_error *error);

/* Whether the fault of this line could have a ramp; false also when it is not understood. */
bool fault_can_grow(const char *text);

/* The fault of this id belongs to a scenario of that strength: it takes the id of the
 * scenario's first fault. */
void faults_join(struct faults *faults, unsigned id, unsigned group, const char *label,
                 double strength);

/* Ends the fault of that id, or all with 0; returns how many. */
size_t faults_clear(struct faults *faults, unsigned id);

/* Hides the fault of that id from learners or shows it, or all with 0; returns how many. */
size_t faults_hide(struct faults *faults, unsigned id, bool is_hidden);

/* Begins and ends what is due at this step; true when anything began or ended. */
bool faults_advance(struct faults *faults, uint64_t steps);

/* Whether any fault has grown in the last step. */
bool faults_have_grown(const struct faults *faults);

/* How much of a fault there is at this step, from 0 to 1. */
double fault_share(uint64_t first_step, uint64_t ramp_steps, uint64_t steps);

/* Counts the changes, so that others can tell whether to look again. */
uint64_t faults_version(const struct faults *faults);

/* Every fault that is set, active or not: NULL starts and ends. */
const struct fault *faults_next(const struct faults *faults, const struct fault *previous);

/* Whether it is active, has this effect, and is aimed at this link or machine ("" for none). */
bool fault_strikes(const struct fault *fault, enum fault_effect effect, const char *link,
                   const char *machine);

/* The fault as a line of text. */
void fault_format(const struct fault *fault, char text[static FAULT_TEXT_MAX]);

/* Lets the fault happen to a reply, unless chance spares it. */
void fault_apply(const struct fault *fault, struct fault_reply *reply, struct random *random);

/* All kinds, for help. */
void fault_print_kinds(FILE *stream);

#endif

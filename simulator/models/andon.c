/* The stack light and its input-output module: counts, lamps, and the pressure as a current. */
#include <math.h>

#include "simulator/model.h"

#define PRESSURE_MAX_BAR 10.0
#define RAW_MAX          65535.0
#define WH_A_PULSE       1.0 /* 1000 pulses a kWh */

enum { INPUT_ESTOP_OK = 1, INPUT_CALL_1 = 2, INPUT_DOOR = 8 };
enum { LAMP_RED = 1, LAMP_YELLOW = 2, LAMP_GREEN = 4, LAMP_BLUE = 8 };
enum { CALL_CHANCE_S = 1800, CALL_STEPS = 50 };

struct andon {
    bool was_at_exit;
    unsigned call_left; /* steps that someone keeps the button pressed */

    int64_t di0_counter;
    int64_t di1_counter;
    int64_t di_bits;
    int64_t ai0_raw;
    double ai0_scaled;
    int64_t ai0_status;
    int64_t do_bits;
};

#define TAG(name, kind)                                                                        \
    {                                                                                          \
#name, kind, offsetof(struct andon, name)                                              \
    }
static const struct model_tag tags[] = {
    TAG(di0_counter, MODEL_INTEGER), TAG(di1_counter, MODEL_INTEGER),
    TAG(di_bits, MODEL_INTEGER),     TAG(ai0_raw, MODEL_INTEGER),
    TAG(ai0_scaled, MODEL_NUMBER),   TAG(ai0_status, MODEL_INTEGER),
    TAG(do_bits, MODEL_INTEGER),     {NULL, MODEL_BOOLEAN, 0},
};

static void init(void *state, struct line *line, struct random *random)
{
    (void)line;
    (void)random;
    *(struct andon *)state = (struct andon){.di0_counter = 48231, .di1_counter = 4711250};
}

static int64_t lamps(const struct line *line)
{
    switch (line->mill_state) {
    case LINE_ABORTING:
    case LINE_ABORTED: return LAMP_RED;
    case LINE_EXECUTE: return LAMP_GREEN;
    case LINE_STOPPED:
    case LINE_IDLE:
    case LINE_SUSPENDED:
    case LINE_HELD: break;
    }
    return LAMP_YELLOW;
}

static void press_button(struct andon *andon, struct random *random)
{
    bool is_called = random_uniform(random) < LINE_STEP_S / CALL_CHANCE_S;
    if (andon->call_left > 0) {
        andon->call_left--;
    } else if (is_called) {
        andon->call_left = CALL_STEPS;
    }
}

static void step(void *state, struct line *line, struct random *random)
{
    struct andon *andon = state;
    double energy_wh = 0.0;
    for (unsigned i = 0; i < LINE_CONSUMERS_COUNT; i++) {
        energy_wh += line->energy_wh[i];
    }
    press_button(andon, random);
    andon->di0_counter += line->has_part_at_mill && !andon->was_at_exit ? 1 : 0;
    andon->was_at_exit = line->has_part_at_mill;
    andon->di1_counter = 4711250 + (int64_t)(energy_wh / WH_A_PULSE);
    bool is_door_open = line->mill_state == LINE_ABORTED;
    andon->di_bits = (line->parameters.estop > 0 ? 0 : INPUT_ESTOP_OK) |
                     (andon->call_left > 0 ? INPUT_CALL_1 : 0) |
                     (is_door_open ? 0 : INPUT_DOOR);
    andon->ai0_scaled = line->pressure_bar;
    andon->ai0_raw = llround(fmin(1.0, line->pressure_bar / PRESSURE_MAX_BAR) * RAW_MAX);
    /* The blue lamp is for whoever writes; the others follow the mill. */
    andon->do_bits = (andon->do_bits & LAMP_BLUE) | lamps(line);
}

const struct model andon_model = {
    .name = "andon",
    .size = sizeof(struct andon),
    .init = init,
    .step = step,
    .tags = tags,
};

/* The CNC mill: load 3 s, cut 18 s, unload 3 s; the bottleneck of the line. */
#include <math.h>

#include "simulator/model.h"

#define LOAD_S           3.0
#define CUT_S            18.0
#define UNLOAD_S         3.0
#define TOOL_CHANGE_S    120.0
#define BASE_W           350.0
#define COOLANT_W        180.0
#define SPINDLE_IDLE_W   150.0
#define CUT_SHARP_W      (0.8 * 300.0 / 0.75) /* J/mm³ × mm³/s / efficiency */
#define SPINDLE_FULL_W   1500.0
#define SPINDLE_TAU_S    600.0
#define SPINDLE_RISE_K   25.0
#define AIR_CUTTING      60.0 /* Nl/min */
#define ENGRAVING_RADIUS 21.0 /* mm, on a token of 50 mm */

enum phase { WAITS_FOR_PART, LOADS, CUTS, UNLOADS };

struct mill {
    enum phase phase;
    double phase_left_s;
    double failure_left_s;
    double microstop_left_s;
    double tool_change_left_s;
    double luck_left; /* of cutting without a failure, in units of the MTBF */
    double wear;      /* 1: to be changed */
    double cutting_s;
    bool is_held; /* by command */

    bool door_closed;
    bool clamp_ok;
    bool air_ok;
    bool coolant_ok;
    bool estop_ok;
    bool tool_clamped;
    bool part_present;
    bool axes_referenced;
    bool cmd_hold;
    bool cmd_unhold;
    bool work_light;
    bool coolant_on;
    int64_t state;
    int64_t program_no;
    double spindle_speed;
    double spindle_load;
    double spindle_power;
    double spindle_temp;
    double vibration_rms;
    double pos_x;
    double pos_y;
    double pos_z;
    int64_t parts_total;
    int64_t cutting_seconds;
    double energy;
    double tool_wear;
    int64_t tool_number;
    int64_t net_position_error_sum;
    double feed_override;
    double spindle_override;
    double ideal_cycle;
};

#define TAG(name, kind)                                                                        \
    {                                                                                          \
#name, kind, offsetof(struct mill, name)                                               \
    }
static const struct model_tag tags[] = {
    TAG(door_closed, MODEL_BOOLEAN),  TAG(clamp_ok, MODEL_BOOLEAN),
    TAG(air_ok, MODEL_BOOLEAN),       TAG(coolant_ok, MODEL_BOOLEAN),
    TAG(estop_ok, MODEL_BOOLEAN),     TAG(tool_clamped, MODEL_BOOLEAN),
    TAG(part_present, MODEL_BOOLEAN), TAG(axes_referenced, MODEL_BOOLEAN),
    TAG(cmd_hold, MODEL_BOOLEAN),     TAG(cmd_unhold, MODEL_BOOLEAN),
    TAG(work_light, MODEL_BOOLEAN),   TAG(coolant_on, MODEL_BOOLEAN),
    TAG(state, MODEL_INTEGER),        TAG(program_no, MODEL_INTEGER),
    TAG(spindle_speed, MODEL_NUMBER), TAG(spindle_load, MODEL_NUMBER),
    TAG(spindle_power, MODEL_NUMBER), TAG(spindle_temp, MODEL_NUMBER),
    TAG(vibration_rms, MODEL_NUMBER), TAG(pos_x, MODEL_NUMBER),
    TAG(pos_y, MODEL_NUMBER),         TAG(pos_z, MODEL_NUMBER),
    TAG(parts_total, MODEL_INTEGER),  TAG(cutting_seconds, MODEL_INTEGER),
    TAG(energy, MODEL_NUMBER),        TAG(tool_wear, MODEL_NUMBER),
    TAG(tool_number, MODEL_INTEGER),  TAG(net_position_error_sum, MODEL_INTEGER),
    TAG(feed_override, MODEL_NUMBER), TAG(spindle_override, MODEL_NUMBER),
    TAG(ideal_cycle, MODEL_NUMBER),   {NULL, MODEL_BOOLEAN, 0},
};

static void init(void *state, struct line *line, struct random *random)
{
    struct mill *mill = state;
    (void)line;
    *mill = (struct mill){
        .luck_left = random_exponential(random, 1.0),
        .door_closed = true,
        .clamp_ok = true,
        .air_ok = true,
        .coolant_ok = true,
        .estop_ok = true,
        .tool_clamped = true,
        .axes_referenced = true,
        .work_light = true,
        .state = LINE_SUSPENDED,
        .program_no = 12,
        .spindle_temp = 35.0,
        .parts_total = 48210, /* a machine that has a past */
        .cutting_s = 48210 * CUT_S,
        .energy = 297.25,
        .tool_number = 4,
        .feed_override = 100.0,
        .spindle_override = 100.0,
        .ideal_cycle = LOAD_S + CUT_S + UNLOAD_S,
    };
}

static void finish_part(struct mill *mill, struct line *line, struct random *random)
{
    mill->wear += line->parameters.wear_rate;
    double dull = fmax(0.0, mill->wear - 0.7);
    double scrap_probability = 0.005 + 1.2 * dull * dull;
    line_push_part(&line->mill_output, random_uniform(random) < scrap_probability);
    line->milled++;
    mill->parts_total++;
    mill->program_no = 12 + mill->parts_total / 50 % 3; /* another engraving now and then */
    mill->phase = WAITS_FOR_PART;
}

static void wait_for_part(struct mill *mill, struct line *line)
{
    if (line->parameters.auto_tool > 0 && mill->wear >= 1.0) {
        mill->tool_change_left_s = TOOL_CHANGE_S;
    } else if (line->has_part_at_mill) {
        line->has_part_at_mill = false;
        mill->phase = LOADS;
        mill->phase_left_s = LOAD_S;
    }
}

static void load(struct mill *mill, const struct line *line, struct random *random)
{
    mill->phase_left_s -= LINE_STEP_S;
    if (mill->phase_left_s <= 0) {
        if (random_uniform(random) < line->parameters.microstop) {
            mill->microstop_left_s = 15.0 + 25.0 * random_uniform(random);
        }
        mill->phase = CUTS;
        mill->phase_left_s = CUT_S;
    }
}

static void cut(struct mill *mill, struct line *line, struct random *random)
{
    mill->phase_left_s -= LINE_STEP_S * mill->feed_override / 100.0;
    mill->cutting_s += LINE_STEP_S;
    mill->luck_left -= LINE_STEP_S / line->parameters.mtbf;
    line->air_nl_min += AIR_CUTTING;
    if (mill->luck_left <= 0) {
        mill->failure_left_s = random_exponential(random, line->parameters.mttr);
        mill->luck_left = random_exponential(random, 1.0);
    }
    if (mill->phase_left_s <= 0) {
        mill->phase = UNLOADS;
        mill->phase_left_s = UNLOAD_S;
    }
}

/* Blocked while the cobot has not taken the part before. */
static bool unload(struct mill *mill, struct line *line, struct random *random)
{
    bool works = mill->phase_left_s > 0;
    if (works) {
        mill->phase_left_s -= LINE_STEP_S;
    }
    if (mill->phase_left_s <= 0 && line->mill_output.count == 0) {
        finish_part(mill, line, random);
    }
    return works;
}

/* One step of the cycle; returns the PackML state it was in. */
static enum line_state work(struct mill *mill, struct line *line, struct random *random)
{
    switch (mill->phase) {
    case WAITS_FOR_PART: wait_for_part(mill, line); return LINE_SUSPENDED;
    case LOADS: load(mill, line, random); return LINE_EXECUTE;
    case CUTS: cut(mill, line, random); return LINE_EXECUTE;
    case UNLOADS: return unload(mill, line, random) ? LINE_EXECUTE : LINE_SUSPENDED;
    }
    return LINE_SUSPENDED;
}

static bool count_down(double *left_s)
{
    bool was_running = *left_s > 0;
    *left_s -= was_running ? LINE_STEP_S : 0;
    return was_running;
}

static enum line_state run(struct mill *mill, struct line *line, struct random *random)
{
    mill->is_held = (mill->is_held || mill->cmd_hold) && !mill->cmd_unhold;
    if (count_down(&mill->failure_left_s)) {
        return LINE_ABORTED;
    }
    if (count_down(&mill->microstop_left_s)) {
        return LINE_HELD;
    }
    if (count_down(&mill->tool_change_left_s)) {
        if (mill->tool_change_left_s <= 0) {
            mill->wear = 0.0;
            mill->tool_number = mill->tool_number % 12 + 1;
        }
        return LINE_HELD;
    }
    if (line->parameters.estop > 0) {
        return LINE_ABORTED;
    }
    return mill->is_held ? LINE_HELD : work(mill, line, random);
}

/* Where the tool is: three turns around the token, a little deeper with each. */
static void move_axes(struct mill *mill, bool is_cutting)
{
    if (!is_cutting) {
        mill->pos_x = mill->pos_y = 0.0;
        mill->pos_z = mill->phase == LOADS || mill->phase == CUTS ? -125.0 : -5.0;
        return;
    }
    double progress = 1.0 - mill->phase_left_s / CUT_S;
    double angle = 6.0 * M_PI * progress;
    double radius = ENGRAVING_RADIUS * (1.0 - 0.3 * sin(5.0 * angle) * progress);
    mill->pos_x = radius * cos(angle);
    mill->pos_y = radius * sin(angle);
    mill->pos_z = -150.25 - 1.5 * progress;
}

static void measure(struct mill *mill, const struct line *line, struct random *random,
                    bool is_cutting)
{
    double noise = random_normal(random);
    double wear = mill->wear;
    double cutting_w = is_cutting ? CUT_SHARP_W * (1.0 + 1.2 * wear) : 0.0;
    double target_c =
        line->parameters.ambient + (is_cutting ? SPINDLE_RISE_K * (1.0 + 0.5 * wear) : 0.0);
    mill->spindle_temp += LINE_STEP_S / SPINDLE_TAU_S * (target_c - mill->spindle_temp);
    mill->spindle_speed =
        is_cutting ? 90.0 * mill->spindle_override + 10.0 * fmax(-1.0, fmin(1.0, noise)) : 0.0;
    mill->spindle_load = 100.0 * cutting_w / SPINDLE_FULL_W;
    mill->spindle_power = is_cutting ? SPINDLE_IDLE_W + cutting_w : 0.0;
    mill->vibration_rms = fmax(0.0, (is_cutting ? 1.2 + 2.5 * wear * wear : 0.15) +
                                        (is_cutting ? 0.1 : 0.02) * random_normal(random));
    mill->tool_wear = 100.0 * wear;
    mill->cutting_seconds = (int64_t)mill->cutting_s;
    if (is_cutting) {
        mill->net_position_error_sum += llround(40.0 * random_normal(random));
    }
}

static void step(void *state, struct line *line, struct random *random)
{
    struct mill *mill = state;
    bool was_cutting = mill->phase == CUTS;
    (void)line_take_once(line, &line->parameters.wear, &mill->wear);
    enum line_state now = line_state(line, run(mill, line, random));
    bool is_cutting = was_cutting && now == LINE_EXECUTE;
    double power_w = BASE_W;
    mill->state = now;
    line->mill_state = now;
    line->tool_wear = mill->wear;
    move_axes(mill, is_cutting);
    measure(mill, line, random, is_cutting);
    power_w += is_cutting ? COOLANT_W + mill->spindle_power : 0.0;
    line->power_w[LINE_MILL] = power_w;
    mill->energy += power_w * LINE_STEP_S / 3.6e6;
    mill->part_present = mill->phase != WAITS_FOR_PART;
    mill->door_closed =
        now == LINE_EXECUTE ? mill->phase == CUTS : now != LINE_ABORTED && now != LINE_ABORTING;
    mill->clamp_ok = mill->phase != UNLOADS;
    mill->tool_clamped = mill->tool_change_left_s <= 0;
    mill->air_ok = line->pressure_bar > 5.5;
    mill->estop_ok = line->parameters.estop <= 0;
    mill->coolant_on = is_cutting;
}

const struct model mill_model = {
    .name = "mill",
    .size = sizeof(struct mill),
    .init = init,
    .step = step,
    .tags = tags,
};

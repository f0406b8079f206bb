/* The conveyor: brings blanks to the mill's stopper. Its motor is the drive's. */
#include <math.h>

#include "simulator/model.h"

#define LENGTH_M    2.4
#define PART_GAP_M  0.15
#define FULL_M_S    0.25 /* at 50 Hz */
#define ENTRY_M     0.2
#define JAM_STANDS  0.8 /* above, the belt stands and the motor slips */
#define HZ_AN_MM_S  0.2
#define NO_SETPOINT (-1)

enum {
    STATUS_RUN = 1,
    STATUS_STOPPER_OPEN = 2,
    STATUS_ENTRY = 4,
    STATUS_EXIT = 8,
    STATUS_JAM = 16,
    STATUS_DRIVE_OK = 32,
    STATUS_ESTOP_OK = 64,
};

struct conveyor {
    bool has_offered; /* the foremost part is at the stopper and the mill was told */
    int64_t setpoint_shown;
    double run_s;

    int64_t status;
    int64_t parts_on_belt;
    int64_t speed_setpoint;
    int64_t speed_actual;
    int64_t parts_total;
    int64_t run_seconds;
    double belt_tension;
    int64_t state;
    bool cmd_start;
    bool cmd_stop;
    bool cmd_reset;
    bool stopper_open;
};

#define TAG(name, kind)                                                                        \
    {                                                                                          \
#name, kind, offsetof(struct conveyor, name)                                           \
    }
static const struct model_tag tags[] = {
    TAG(status, MODEL_INTEGER),         TAG(parts_on_belt, MODEL_INTEGER),
    TAG(speed_setpoint, MODEL_INTEGER), TAG(speed_actual, MODEL_INTEGER),
    TAG(parts_total, MODEL_INTEGER),    TAG(run_seconds, MODEL_INTEGER),
    TAG(belt_tension, MODEL_NUMBER),    TAG(state, MODEL_INTEGER),
    TAG(cmd_start, MODEL_BOOLEAN),      TAG(cmd_stop, MODEL_BOOLEAN),
    TAG(cmd_reset, MODEL_BOOLEAN),      TAG(stopper_open, MODEL_BOOLEAN),
    {NULL, MODEL_BOOLEAN, 0},
};

static void init(void *state, struct line *line, struct random *random)
{
    (void)line;
    (void)random;
    *(struct conveyor *)state = (struct conveyor){
        .setpoint_shown = NO_SETPOINT,
        .parts_total = 48230, /* a machine that has a past */
        .run_s = 1180200.0,
        .state = LINE_EXECUTE,
    };
}

/* The coils are pulses: seen once, they fall back. */
static void obey(struct conveyor *conveyor, struct line_motor *motor)
{
    if (conveyor->setpoint_shown != NO_SETPOINT &&
        conveyor->speed_setpoint != conveyor->setpoint_shown) {
        motor->setpoint_hz = (double)conveyor->speed_setpoint * HZ_AN_MM_S;
    }
    motor->is_stopped = (motor->is_stopped || conveyor->cmd_stop) && !conveyor->cmd_start;
    motor->is_tripped = motor->is_tripped && !conveyor->cmd_reset;
    conveyor->cmd_start = conveyor->cmd_stop = conveyor->cmd_reset = false;
    conveyor->speed_setpoint = llround(motor->setpoint_hz / HZ_AN_MM_S);
    conveyor->setpoint_shown = conveyor->speed_setpoint;
}

/* The mill has taken the foremost part. */
static void release_part(struct conveyor *conveyor, struct line *line)
{
    line->conveyor_count--;
    for (unsigned i = 0; i < line->conveyor_count; i++) {
        line->conveyor_m[i] = line->conveyor_m[i + 1];
    }
    conveyor->has_offered = false;
    conveyor->parts_total++;
}

static void move_parts(struct line *line, double speed_m_s)
{
    for (unsigned i = 0; i < line->conveyor_count; i++) {
        double limit = i == 0 ? LENGTH_M : line->conveyor_m[i - 1] - PART_GAP_M;
        line->conveyor_m[i] = fmin(limit, line->conveyor_m[i] + speed_m_s * LINE_STEP_S);
    }
}

static void show(struct conveyor *conveyor, const struct line *line, struct random *random,
                 double speed_m_s)
{
    const struct line_motor *motor = &line->motor;
    unsigned count = line->conveyor_count;
    bool is_jammed = line->parameters.jam > JAM_STANDS;
    bool is_at_entry = count > 0 && line->conveyor_m[count - 1] < ENTRY_M;
    conveyor->status =
        (motor->output_hz > 0 ? STATUS_RUN : 0) |
        (conveyor->stopper_open ? STATUS_STOPPER_OPEN : 0) | (is_at_entry ? STATUS_ENTRY : 0) |
        (conveyor->has_offered ? STATUS_EXIT : 0) | (is_jammed ? STATUS_JAM : 0) |
        (motor->is_tripped ? 0 : STATUS_DRIVE_OK) |
        (line->parameters.estop > 0 ? 0 : STATUS_ESTOP_OK);
    conveyor->parts_on_belt = count;
    conveyor->speed_actual = llround(1000.0 * speed_m_s);
    conveyor->run_s += speed_m_s > 0 ? LINE_STEP_S : 0.0;
    conveyor->run_seconds = (int64_t)conveyor->run_s;
    conveyor->belt_tension = 180.0 + 60.0 * (0.05 * count + 1.2 * line->parameters.jam) +
                             1.5 * random_normal(random);
    conveyor->state = line_state(line, motor->is_tripped   ? LINE_ABORTED
                                       : motor->is_stopped ? LINE_STOPPED
                                       : is_jammed         ? LINE_HELD
                                                           : LINE_EXECUTE);
}

static void step(void *state, struct line *line, struct random *random)
{
    struct conveyor *conveyor = state;
    obey(conveyor, &line->motor);
    conveyor->stopper_open = conveyor->has_offered && !line->has_part_at_mill;
    if (conveyor->stopper_open) {
        release_part(conveyor, line);
    }
    double speed_m_s =
        line->parameters.jam > JAM_STANDS ? 0.0 : FULL_M_S * line->motor.output_hz / 50.0;
    move_parts(line, speed_m_s);
    if (line->conveyor_count > 0 && line->conveyor_m[0] >= LENGTH_M - 1e-9) {
        conveyor->has_offered = true;
        line->has_part_at_mill = true;
    }
    show(conveyor, line, random, speed_m_s);
}

const struct model conveyor_model = {
    .name = "conveyor",
    .size = sizeof(struct conveyor),
    .init = init,
    .step = step,
    .tags = tags,
};

/* The cobot: mill to oven in 9 s, oven to vision in 6 s; its joints swing along the cycle. */
#include <math.h>

#include "simulator/model.h"

#define MILL_TO_OVEN_S   9.0
#define OVEN_TO_VISION_S 6.0
#define IDLE_W           90.0
#define MOVING_W         250.0
#define SUPPLY_V         48.0

enum { JOINTS = 6, WORD_TURN = 65536 };
enum { MODE_RUNNING = 7, MODE_POWER_ON = 5 };
enum { INPUT_PART_AT_MILL = 1, INPUT_PART_AT_OVEN = 2, OUTPUT_GRIPPER = 1 };

struct cobot {
    struct line_parts *target; /* NULL: idle */
    double left_s;
    double cycle_s;
    bool is_scrap;

    int64_t digital_inputs;
    int64_t digital_outputs;
    int64_t robot_mode;
    int64_t is_power_on;
    int64_t is_security_stopped;
    int64_t is_emergency_stopped;
    double angles[JOINTS];
    double speeds[JOINTS];
    double tcp_x;
    double tcp_y;
    double tcp_z;
    double robot_current;
    int64_t parts_moved;
    double last_cycle;
    int64_t packml_state;
};

#define TAG_AT(name, kind, field)                                                              \
    {                                                                                          \
        name, kind, offsetof(struct cobot, field)                                              \
    }
#define TAG(name, kind) TAG_AT(#name, kind, name)
static const struct model_tag tags[] = {
    TAG(digital_inputs, MODEL_INTEGER),
    TAG(digital_outputs, MODEL_INTEGER),
    TAG(robot_mode, MODEL_INTEGER),
    TAG(is_power_on, MODEL_INTEGER),
    TAG(is_security_stopped, MODEL_INTEGER),
    TAG(is_emergency_stopped, MODEL_INTEGER),
    TAG_AT("joint_base_angle", MODEL_NUMBER, angles[0]),
    TAG_AT("joint_shoulder_angle", MODEL_NUMBER, angles[1]),
    TAG_AT("joint_elbow_angle", MODEL_NUMBER, angles[2]),
    TAG_AT("joint_wrist1_angle", MODEL_NUMBER, angles[3]),
    TAG_AT("joint_wrist2_angle", MODEL_NUMBER, angles[4]),
    TAG_AT("joint_wrist3_angle", MODEL_NUMBER, angles[5]),
    TAG_AT("joint_base_speed", MODEL_NUMBER, speeds[0]),
    TAG_AT("joint_shoulder_speed", MODEL_NUMBER, speeds[1]),
    TAG_AT("joint_elbow_speed", MODEL_NUMBER, speeds[2]),
    TAG_AT("joint_wrist1_speed", MODEL_NUMBER, speeds[3]),
    TAG_AT("joint_wrist2_speed", MODEL_NUMBER, speeds[4]),
    TAG_AT("joint_wrist3_speed", MODEL_NUMBER, speeds[5]),
    TAG(tcp_x, MODEL_NUMBER),
    TAG(tcp_y, MODEL_NUMBER),
    TAG(tcp_z, MODEL_NUMBER),
    TAG(robot_current, MODEL_NUMBER),
    TAG(parts_moved, MODEL_INTEGER),
    TAG(last_cycle, MODEL_NUMBER),
    TAG(packml_state, MODEL_INTEGER),
    {NULL, MODEL_BOOLEAN, 0},
};

/* A joint's rest, and the sines that it swings with in one cycle, in rad. */
static const struct {
    double rest;
    double swing;
    double shake;
} joints[JOINTS] = {
    {0.20, 1.35, 0.06},  {-1.45, 0.42, 0.05}, {1.85, 0.55, 0.08},
    {-1.97, 0.30, 0.04}, {-1.57, 0.12, 0.02}, {0.78, 0.90, 0.10},
};

static void init(void *state, struct line *line, struct random *random)
{
    (void)line;
    (void)random;
    *(struct cobot *)state = (struct cobot){.parts_moved = 65100, .last_cycle = 9.0};
}

static void grip(struct cobot *cobot, struct line_parts *from, struct line_parts *target,
                 double seconds)
{
    cobot->is_scrap = line_pop_part(from);
    cobot->target = target;
    cobot->left_s = seconds;
    cobot->cycle_s = seconds;
}

/* The same time backwards as forwards: the arm comes back to where it was. */
static void swing(struct cobot *cobot)
{
    bool moves = cobot->target != NULL;
    double progress = moves ? 1.0 - cobot->left_s / cobot->cycle_s : 0.0;
    double angle = 2.0 * M_PI * progress;
    double rate = moves ? 2.0 * M_PI / cobot->cycle_s : 0.0; /* rad/s of the cycle's angle */
    for (unsigned i = 0; i < JOINTS; i++) {
        double phase = angle * (i + 1.0);
        cobot->angles[i] = joints[i].rest + joints[i].swing * (1.0 - cos(angle)) / 2.0 +
                           joints[i].shake * sin(phase);
        cobot->speeds[i] = rate * (joints[i].swing * sin(angle) / 2.0 +
                                   joints[i].shake * (i + 1.0) * cos(phase));
    }
    double reach_mm = 520.0 + 160.0 * sin(angle / 2.0);
    cobot->tcp_x = reach_mm * cos(cobot->angles[0]);
    cobot->tcp_y = reach_mm * sin(cobot->angles[0]);
    cobot->tcp_z = 180.0 + 140.0 * sin(angle / 2.0);
}

static void work(struct cobot *cobot, struct line *line)
{
    double slow = line->parameters.cobot_slow;
    if (cobot->target != NULL) {
        cobot->left_s -= LINE_STEP_S;
        if (cobot->left_s <= 0) {
            line_push_part(cobot->target, cobot->is_scrap);
            cobot->target = NULL;
            cobot->last_cycle = cobot->cycle_s;
            cobot->parts_moved = (cobot->parts_moved + 1) % WORD_TURN;
        }
    } else if (line->oven_output.count > 0 && line->vision_input.count == 0) {
        grip(cobot, &line->oven_output, &line->vision_input, OVEN_TO_VISION_S * slow);
    } else if (line->mill_output.count > 0 && line->oven_input.count < LINE_TRAY_SIZE) {
        grip(cobot, &line->mill_output, &line->oven_input, MILL_TO_OVEN_S * slow);
    }
}

static void step(void *state, struct line *line, struct random *random)
{
    struct cobot *cobot = state;
    (void)random;
    bool is_stopped = line->parameters.estop > 0;
    bool was_moving = cobot->target != NULL && !is_stopped;
    if (!is_stopped) {
        work(cobot, line);
        swing(cobot);
    }
    line->power_w[LINE_COBOT] = was_moving ? MOVING_W : IDLE_W;
    for (unsigned i = 0; is_stopped && i < JOINTS; i++) {
        cobot->speeds[i] = 0.0;
    }
    cobot->robot_current = 1000.0 * line->power_w[LINE_COBOT] / SUPPLY_V;
    cobot->robot_mode = is_stopped ? MODE_POWER_ON : MODE_RUNNING;
    cobot->is_power_on = 1;
    cobot->is_emergency_stopped = is_stopped;
    cobot->is_security_stopped = is_stopped;
    cobot->digital_inputs = (line->mill_output.count > 0 ? INPUT_PART_AT_MILL : 0) |
                            (line->oven_output.count > 0 ? INPUT_PART_AT_OVEN : 0);
    cobot->digital_outputs = cobot->target != NULL ? OUTPUT_GRIPPER : 0;
    cobot->packml_state = line_state(line, was_moving ? LINE_EXECUTE : LINE_IDLE);
}

const struct model cobot_model = {
    .name = "cobot",
    .size = sizeof(struct cobot),
    .init = init,
    .step = step,
    .tags = tags,
};

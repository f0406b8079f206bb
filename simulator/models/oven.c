/* The curing oven: batches of four, two-point control around the set-point. */
#include <math.h>

#include "simulator/model.h"

#define DOOR_S            5.0
#define CURE_S            72.0
#define CURE_TOO_LONG_S   600.0
#define CURE_BELOW_K      10.0
#define HYSTERESIS_K      1.0
#define HEATER_W          2000.0
#define CONTROL_W         40.0
#define MAINS_V           230.0
#define HEAT_CAPACITY_J_K 6000.0
#define LOSS_W_K          (1.0 / 0.12)
#define DOOR_LOSS_W_K     20.0
#define PARTS_HEAT_J_K    (4 * 0.049 * 900.0)
#define PARTS_TAU_S       20.0
#define AIR_DOOR          12.0 /* Nl/min */

enum phase { WAITS_FOR_TRAY, LOADS, CURES, UNLOADS };

/* Bits of the door's word, and results of the program. */
enum { DOOR_OPEN = 1, DOOR_LOCKED = 2 };
enum { PROGRAM_IDLE = 0, PROGRAM_RUNNING = 1, PROGRAM_DONE = 2 };

struct oven {
    enum phase phase;
    double phase_left_s;
    struct line_parts batch;
    double temperature_c;
    bool is_heating;
    double cured_s;
    double closed_s;        /* since the door closed behind the batch */
    double parts_missing_j; /* heat that the parts still take up */
    double energy_wh;

    double chamber_temp;
    double setpoint;
    double heater_output;
    int64_t door;
    int64_t state;
    double cure_remaining;
    double element_current;
    int64_t batches_total;
    int64_t energy;
    int64_t sensor_status;
    double electronics_temp;
    int64_t program_start;
    int64_t program_result;
};

#define TAG(name, kind)                                                                        \
    {                                                                                          \
#name, kind, offsetof(struct oven, name)                                               \
    }
static const struct model_tag tags[] = {
    TAG(chamber_temp, MODEL_NUMBER),     TAG(setpoint, MODEL_NUMBER),
    TAG(heater_output, MODEL_NUMBER),    TAG(door, MODEL_INTEGER),
    TAG(state, MODEL_INTEGER),           TAG(cure_remaining, MODEL_NUMBER),
    TAG(element_current, MODEL_NUMBER),  TAG(batches_total, MODEL_INTEGER),
    TAG(energy, MODEL_INTEGER),          TAG(sensor_status, MODEL_INTEGER),
    TAG(electronics_temp, MODEL_NUMBER), TAG(program_start, MODEL_INTEGER),
    TAG(program_result, MODEL_INTEGER),  {NULL, MODEL_BOOLEAN, 0},
};

static void init(void *state, struct line *line, struct random *random)
{
    struct oven *oven = state;
    (void)random; /* an oven has no luck */
    *oven = (struct oven){
        .temperature_c = 160.0,
        .is_heating = true,
        .energy_wh = 12340.0,
        .setpoint = 160.0,
        .state = LINE_SUSPENDED,
        .batches_total = 65510, /* wraps at 16 bits within a lesson */
        .electronics_temp = line->parameters.ambient + 6.0,
    };
}

static bool is_hot_enough(const struct oven *oven)
{
    return oven->temperature_c >= oven->setpoint - CURE_BELOW_K;
}

static void take_tray(struct oven *oven, struct line *line)
{
    if (line->oven_input.count == LINE_TRAY_SIZE && is_hot_enough(oven)) {
        oven->batch = line->oven_input;
        line->oven_input.count = 0;
        oven->phase = LOADS;
        oven->phase_left_s = DOOR_S;
    }
}

static void close_door(struct oven *oven, const struct line *line)
{
    oven->phase_left_s -= LINE_STEP_S;
    if (oven->phase_left_s <= 0) {
        oven->phase = CURES;
        oven->cured_s = 0.0;
        oven->closed_s = 0.0;
        oven->parts_missing_j =
            PARTS_HEAT_J_K * (oven->temperature_c - line->parameters.ambient);
    }
}

/* Returns the power that the parts take up. */
static double cure(struct oven *oven, const struct line *line)
{
    double taken_j = oven->parts_missing_j * LINE_STEP_S / PARTS_TAU_S;
    oven->parts_missing_j -= taken_j;
    oven->closed_s += LINE_STEP_S;
    oven->cured_s += is_hot_enough(oven) ? LINE_STEP_S : 0.0;
    bool is_over = oven->cured_s >= CURE_S || oven->closed_s > CURE_TOO_LONG_S;
    if (is_over && line->oven_output.count == 0 && line->parameters.estop <= 0) {
        oven->phase = UNLOADS;
        oven->phase_left_s = DOOR_S;
    }
    return taken_j / LINE_STEP_S;
}

static void give_tray(struct oven *oven, struct line *line)
{
    oven->phase_left_s -= LINE_STEP_S;
    if (oven->phase_left_s > 0) {
        return;
    }
    bool is_undercured = oven->cured_s < CURE_S;
    while (oven->batch.count > 0) {
        bool is_scrap = line_pop_part(&oven->batch);
        line_push_part(&line->oven_output, is_scrap || is_undercured);
    }
    oven->batches_total++;
    oven->phase = WAITS_FOR_TRAY;
}

static void heat(struct oven *oven, struct line *line, bool is_door_open, double parts_w)
{
    double ambient_c = line->parameters.ambient;
    double loss_w_k =
        LOSS_W_K + (is_door_open ? DOOR_LOSS_W_K : 0.0) + line->parameters.seal_leak;
    if (oven->temperature_c > oven->setpoint + HYSTERESIS_K) {
        oven->is_heating = false;
    } else if (oven->temperature_c < oven->setpoint - HYSTERESIS_K) {
        oven->is_heating = true;
    }
    double heater_w = oven->is_heating ? HEATER_W * line->parameters.heater : 0.0;
    double loss_w = loss_w_k * (oven->temperature_c - ambient_c);
    oven->temperature_c += LINE_STEP_S / HEAT_CAPACITY_J_K * (heater_w - loss_w - parts_w);
    line->power_w[LINE_OVEN] = CONTROL_W + heater_w;
    oven->energy_wh += line->power_w[LINE_OVEN] * LINE_STEP_S / 3600.0;
    oven->heater_output = oven->is_heating ? 100.0 : 0.0;
    oven->element_current = heater_w / MAINS_V;
    double warm_c = ambient_c + 4.0 + 0.04 * (oven->temperature_c - ambient_c);
    oven->electronics_temp += LINE_STEP_S / 900.0 * (warm_c - oven->electronics_temp);
}

/* Cold starts and counters that a scene sets. */
static void take_over(struct oven *oven, const struct line *line)
{
    const struct line_parameters *parameters = &line->parameters;
    double batches = 0.0;
    if (parameters->warm <= 0 && line_has_changed(line, &parameters->warm)) {
        oven->temperature_c = parameters->ambient;
    }
    if (line_take_once(line, &parameters->batches, &batches)) {
        oven->batches_total = (int64_t)batches;
    }
    (void)line_take_once(line, &parameters->oven_energy, &oven->energy_wh);
}

/* One step; returns the power that the parts take up. The emergency stop holds door and tray:
 * what is in the oven goes on curing. */
static double cycle(struct oven *oven, struct line *line)
{
    bool is_held = line->parameters.estop > 0;
    switch (oven->phase) {
    case WAITS_FOR_TRAY:
        if (!is_held) {
            take_tray(oven, line);
        }
        break;
    case LOADS:
        if (!is_held) {
            close_door(oven, line);
        }
        break;
    case CURES: return cure(oven, line);
    case UNLOADS:
        if (!is_held) {
            give_tray(oven, line);
        }
        break;
    }
    return 0.0;
}

static void step(void *state, struct line *line, struct random *random)
{
    struct oven *oven = state;
    enum phase phase = oven->phase;
    take_over(oven, line);
    double parts_w = cycle(oven, line);
    bool is_door_open = phase == LOADS || phase == UNLOADS;
    line->air_nl_min += is_door_open ? AIR_DOOR : 0.0;
    heat(oven, line, is_door_open, parts_w);
    oven->chamber_temp = oven->temperature_c + 0.05 * random_normal(random);
    oven->door = is_door_open ? DOOR_OPEN : phase == CURES ? DOOR_LOCKED : 0;
    oven->state = line_state(line, phase == WAITS_FOR_TRAY ? LINE_SUSPENDED : LINE_EXECUTE);
    oven->cure_remaining = phase == CURES ? ceil(fmax(0.0, CURE_S - oven->cured_s)) : nan("");
    oven->energy = (int64_t)oven->energy_wh;
    oven->program_result = phase == CURES                            ? PROGRAM_RUNNING
                           : oven->program_result == PROGRAM_RUNNING ? PROGRAM_DONE
                                                                     : oven->program_result;
}

const struct model oven_model = {
    .name = "oven",
    .size = sizeof(struct oven),
    .init = init,
    .step = step,
    .tags = tags,
};

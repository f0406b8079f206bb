/* The transport robot: takes five parts away in 90 s and brings blanks back. What it tells of
 * itself comes from a cache that is renewed once a second. */
#include <math.h>

#include "simulator/model.h"

#define TRIP_S     90.0
#define BATTERY_J  3.6e6 /* 1 kWh */
#define IDLE_W     45.0
#define DRIVING_W  120.0
#define CHARGING_W 400.0
#define EFFICIENCY 0.9
#define LEAST      0.15 /* no mission below this charge */
#define CHARGED    0.95
#define DOCK_X_M   2.0
#define DOCK_Y_M   1.5
#define WAY_X_M    14.0
#define WAY_Y_M    6.0

enum { STORE_ROOM = 20, BLANKS_A_TRIP = 10, PARTS_A_TRIP = 5, FEW_BLANKS = 5 };
enum { CACHE_STEPS = 10, MODE_MISSION = 7, ERROR_DRIVE = 100 };
enum { READY = 3, PAUSED = 4, DRIVES = 5, EMERGENCY_STOP = 10, ERROR = 12 };

struct amr {
    double trip_left_s; /* 0: docked */
    double charge;      /* 0 … 1 */
    double driven_m;
    bool is_paused;
    bool is_wanted;

    int64_t mode;
    int64_t state;
    int64_t error_code;
    int64_t battery_level;
    int64_t uptime;
    double distance_run;
    double position_x;
    double position_y;
    double orientation;
    int64_t mission_queue_length;
    bool cmd_continue;
    bool cmd_pause;
    bool cmd_cancel_mission;
    bool cmd_clear_queue;
    bool cmd_clear_error;
};

#define TAG(name, kind)                                                                        \
    {                                                                                          \
#name, kind, offsetof(struct amr, name)                                                \
    }
static const struct model_tag tags[] = {
    TAG(mode, MODEL_INTEGER),
    TAG(state, MODEL_INTEGER),
    TAG(error_code, MODEL_INTEGER),
    TAG(battery_level, MODEL_INTEGER),
    TAG(uptime, MODEL_INTEGER),
    TAG(distance_run, MODEL_NUMBER),
    TAG(position_x, MODEL_NUMBER),
    TAG(position_y, MODEL_NUMBER),
    TAG(orientation, MODEL_NUMBER),
    TAG(mission_queue_length, MODEL_INTEGER),
    TAG(cmd_continue, MODEL_BOOLEAN),
    TAG(cmd_pause, MODEL_BOOLEAN),
    TAG(cmd_cancel_mission, MODEL_BOOLEAN),
    TAG(cmd_clear_queue, MODEL_BOOLEAN),
    TAG(cmd_clear_error, MODEL_BOOLEAN),
    {NULL, MODEL_BOOLEAN, 0},
};

static void init(void *state, struct line *line, struct random *random)
{
    (void)line;
    (void)random;
    *(struct amr *)state = (struct amr){.charge = 0.85, .driven_m = 184230.0};
}

/* The coils are pulses: seen once, they fall back. */
static void obey(struct amr *amr)
{
    amr->is_paused = (amr->is_paused || amr->cmd_pause) && !amr->cmd_continue;
    amr->cmd_continue = amr->cmd_pause = amr->cmd_cancel_mission = false;
    amr->cmd_clear_queue = amr->cmd_clear_error = false;
}

static void drive(struct amr *amr, struct line *line)
{
    amr->charge -= LINE_STEP_S * DRIVING_W / BATTERY_J;
    amr->driven_m += 2.0 * hypot(WAY_X_M, WAY_Y_M) / TRIP_S * LINE_STEP_S;
    amr->trip_left_s -= LINE_STEP_S;
    if (amr->trip_left_s <= 0) {
        amr->trip_left_s = 0.0;
        unsigned room = line->blanks < STORE_ROOM ? STORE_ROOM - line->blanks : 0;
        line->blanks += room < BLANKS_A_TRIP ? room : BLANKS_A_TRIP;
    }
}

/* At the dock; returns the charger's power. */
static double wait_for_mission(struct amr *amr, struct line *line)
{
    double charger_w = 0.0;
    amr->is_wanted = line->pallet >= PARTS_A_TRIP || line->blanks <= FEW_BLANKS;
    bool can_go = line->parameters.amr_ok > 0 && amr->charge > LEAST && !amr->is_paused &&
                  line->parameters.estop <= 0;
    if (amr->is_wanted && can_go) {
        amr->trip_left_s = TRIP_S;
        line->pallet -= line->pallet < PARTS_A_TRIP ? line->pallet : PARTS_A_TRIP;
    } else if (amr->charge < CHARGED) {
        charger_w = CHARGING_W;
    }
    double gained_w = charger_w * EFFICIENCY - IDLE_W;
    amr->charge = fmin(1.0, amr->charge + LINE_STEP_S * gained_w / BATTERY_J);
    return charger_w;
}

static void renew_cache(struct amr *amr, const struct line *line)
{
    bool drives = amr->trip_left_s > 0;
    double progress = drives ? 1.0 - amr->trip_left_s / TRIP_S : 0.0;
    double reach = 1.0 - fabs(1.0 - 2.0 * progress);
    double heading = atan2(WAY_Y_M, WAY_X_M) * 180.0 / M_PI;
    amr->mode = MODE_MISSION;
    amr->state = line->parameters.estop > 0     ? EMERGENCY_STOP
                 : line->parameters.amr_ok <= 0 ? ERROR
                 : amr->is_paused               ? PAUSED
                 : drives                       ? DRIVES
                                                : READY;
    amr->error_code = line->parameters.amr_ok <= 0 ? ERROR_DRIVE : 0;
    amr->battery_level = llround(100.0 * amr->charge);
    amr->uptime = 86400 + (int64_t)(line->steps / 10);
    amr->distance_run = amr->driven_m;
    amr->position_x = DOCK_X_M + WAY_X_M * reach;
    amr->position_y = DOCK_Y_M + WAY_Y_M * reach;
    amr->orientation = progress <= 0.5 ? heading : heading - 180.0;
    amr->mission_queue_length = drives || amr->is_wanted ? 1 : 0;
}

static void step(void *state, struct line *line, struct random *random)
{
    struct amr *amr = state;
    (void)random;
    bool stands = line->parameters.estop > 0 || amr->is_paused;
    double charger_w = 0.0;
    obey(amr);
    (void)line_take_once(line, &line->parameters.soc, &amr->charge);
    if (amr->trip_left_s <= 0) {
        charger_w = wait_for_mission(amr, line);
    } else if (!stands) {
        drive(amr, line);
    }
    line->power_w[LINE_CHARGER] = charger_w;
    if (line->steps % CACHE_STEPS == 0) {
        renew_cache(amr, line);
    }
}

const struct model amr_model = {
    .name = "amr",
    .size = sizeof(struct amr),
    .init = init,
    .step = step,
    .tags = tags,
};

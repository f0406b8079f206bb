/* The automated store: 20 places, a blank every 8 to 14 s, positions of its two axes. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "simulator/model.h"

enum { SLOTS = 20, COLUMNS = 5, CLOSEST_PARTS_MM = 300, PARTS_AN_ORDER = 50 };
enum { COMMAND_STOP = 2, COMMAND_RESET = 4, COMMAND_START = 1 };
enum { MODE_PRODUCTION = 1, FAULT_SLOT_EMPTY = 110 };

#define RETRIEVE_LEAST_S 8.0
#define RETRIEVE_RANGE_S 6.0
#define IDLE_W           80.0
#define MOVING_W         350.0

struct store {
    double busy_left_s;
    double busy_s; /* of this retrieval */
    unsigned slot;
    bool is_stopped;

    int64_t heartbeat;
    int64_t state;
    int64_t mode;
    int64_t fault_code;
    int64_t cycles_total;
    double axis_x;
    double axis_y;
    double power;
    int64_t slots_occupied;
    int64_t stock_bitmap;
    int64_t reserved;
    char order_id[17];
    char part_name[17];
    int64_t uptime_ms;
    int64_t clock_year;
    int64_t clock_month;
    int64_t clock_day;
    int64_t clock_weekday;
    int64_t clock_hour;
    int64_t clock_minute;
    int64_t clock_second;
    int64_t clock_ns;
    int64_t cmd_word;
    int64_t watchdog_preset;
};

#define TAG(name, kind)                                                                        \
    {                                                                                          \
#name, kind, offsetof(struct store, name)                                              \
    }
static const struct model_tag tags[] = {
    TAG(heartbeat, MODEL_INTEGER),      TAG(state, MODEL_INTEGER),
    TAG(mode, MODEL_INTEGER),           TAG(fault_code, MODEL_INTEGER),
    TAG(cycles_total, MODEL_INTEGER),   TAG(axis_x, MODEL_NUMBER),
    TAG(axis_y, MODEL_NUMBER),          TAG(power, MODEL_NUMBER),
    TAG(slots_occupied, MODEL_INTEGER), TAG(stock_bitmap, MODEL_INTEGER),
    TAG(reserved, MODEL_INTEGER),       TAG(order_id, MODEL_TEXT),
    TAG(part_name, MODEL_TEXT),         TAG(uptime_ms, MODEL_INTEGER),
    TAG(clock_year, MODEL_INTEGER),     TAG(clock_month, MODEL_INTEGER),
    TAG(clock_day, MODEL_INTEGER),      TAG(clock_weekday, MODEL_INTEGER),
    TAG(clock_hour, MODEL_INTEGER),     TAG(clock_minute, MODEL_INTEGER),
    TAG(clock_second, MODEL_INTEGER),   TAG(clock_ns, MODEL_INTEGER),
    TAG(cmd_word, MODEL_INTEGER),       TAG(watchdog_preset, MODEL_INTEGER),
    {NULL, MODEL_BOOLEAN, 0},
};

static void init(void *state, struct line *line, struct random *random)
{
    struct store *store = state;
    (void)random;
    *store = (struct store){
        .mode = MODE_PRODUCTION,
        .cycles_total = 96420, /* a machine that has a past */
        .stock_bitmap = (INT64_C(1) << line->blanks) - 1,
        .part_name = "Jeton \xD8"
                     "50 alu", /* ISO-8859-1, as the controller stores it */
        .watchdog_preset = 10,
    };
}

/* The transport robot has put blanks in: they go to the first free places. */
static void store_blanks(struct store *store, const struct line *line)
{
    for (unsigned i = 0; i < SLOTS && store->slots_occupied < line->blanks; i++) {
        if ((store->stock_bitmap >> i & 1) == 0) {
            store->stock_bitmap |= INT64_C(1) << i;
            store->slots_occupied++;
            store->cycles_total++;
        }
    }
}

static void start_retrieval(struct store *store, struct line *line, struct random *random)
{
    unsigned slot = 0;
    while (slot < SLOTS - 1 && (store->stock_bitmap >> slot & 1) == 0) {
        slot++;
    }
    store->stock_bitmap &= ~(INT64_C(1) << slot);
    store->slot = slot;
    store->cycles_total++;
    line->blanks--;
    store->slots_occupied = line->blanks;
    store->busy_s = RETRIEVE_LEAST_S + RETRIEVE_RANGE_S * random_uniform(random);
    store->busy_left_s = store->busy_s;
}

/* How far a drive has come that speeds up, runs and slows down, a third of the time each. */
static double trapezoid(double share)
{
    share = fmin(1.0, fmax(0.0, share));
    if (share < 1.0 / 3) {
        return 2.25 * share * share;
    }
    return share < 2.0 / 3 ? 0.25 + 1.5 * (share - 1.0 / 3)
                           : 1.0 - 2.25 * (1.0 - share) * (1.0 - share);
}

static void move_axes(struct store *store)
{
    double progress = store->busy_left_s > 0 ? 1.0 - store->busy_left_s / store->busy_s : 0.0;
    double reach =
        progress < 0.5 ? trapezoid(progress / 0.45) : 1.0 - trapezoid((progress - 0.55) / 0.45);
    store->axis_x = reach * (200.0 + 400.0 * (store->slot % COLUMNS));
    unsigned row = store->slot / COLUMNS;
    store->axis_y = reach * (150.0 + 300.0 * row);
}

static void show_clock(struct store *store, const struct line *line)
{
    int64_t now_us = line_clock_us(line);
    time_t seconds = now_us / 1000000;
    struct tm now;
    if (gmtime_r(&seconds, &now) == NULL) {
        return;
    }
    store->clock_year = now.tm_year + 1900;
    store->clock_month = now.tm_mon + 1;
    store->clock_day = now.tm_mday;
    store->clock_weekday = now.tm_wday + 1;
    store->clock_hour = now.tm_hour;
    store->clock_minute = now.tm_min;
    store->clock_second = now.tm_sec;
    store->clock_ns = now_us % 1000000 * 1000;
}

static void obey(struct store *store)
{
    store->is_stopped = (store->is_stopped || (store->cmd_word & COMMAND_STOP) != 0) &&
                        (store->cmd_word & COMMAND_START) == 0;
    if ((store->cmd_word & COMMAND_RESET) != 0) {
        store->cmd_word = 0;
    }
}

static void retrieve(struct store *store, struct line *line, struct random *random)
{
    bool has_room = line->conveyor_count < LINE_CONVEYOR_PARTS &&
                    (line->conveyor_count == 0 ||
                     line->conveyor_m[line->conveyor_count - 1] * 1000.0 > CLOSEST_PARTS_MM);
    if (store->busy_left_s > 0) {
        store->busy_left_s -= LINE_STEP_S;
        store->power = MOVING_W;
        if (store->busy_left_s <= 0) {
            line->conveyor_m[line->conveyor_count++] = 0.0;
        }
    } else if (line->blanks > 0 && has_room && !store->is_stopped) {
        start_retrieval(store, line, random);
    }
}

static void step(void *state, struct line *line, struct random *random)
{
    struct store *store = state;
    bool was_busy = store->busy_left_s > 0;
    obey(store);
    store_blanks(store, line);
    store->power = IDLE_W;
    if (line->parameters.estop <= 0) {
        retrieve(store, line, random);
    }
    line->power_w[LINE_STORE] = store->power;
    move_axes(store);
    store->state = line_state(line, store->is_stopped ? LINE_STOPPED
                                    : was_busy        ? LINE_EXECUTE
                                                      : LINE_SUSPENDED);
    store->fault_code = line->blanks == 0 ? FAULT_SLOT_EMPTY : 0;
    store->heartbeat = (int64_t)(line->steps / 10);
    store->uptime_ms = (int64_t)line->steps * 100;
    (void)snprintf(store->order_id, sizeof store->order_id, "OF-2026-%04lu",
                   147 + line->milled / PARTS_AN_ORDER % 9000);
    show_clock(store, line);
}

const struct model store_model = {
    .name = "store",
    .size = sizeof(struct store),
    .init = init,
    .step = step,
    .tags = tags,
};

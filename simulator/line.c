#include "simulator/line.h"

#include <assert.h>
#include <string.h>

struct parameter {
    const char *name;
    size_t offset;
    double usual;
    bool can_grow;
};

#define QUANTITY(name, usual)                                                                  \
    {                                                                                          \
#name, offsetof(struct line_parameters, name), usual, true                             \
    }
#define SWITCH(name, usual)                                                                    \
    {                                                                                          \
#name, offsetof(struct line_parameters, name), usual, false                            \
    }

static const struct parameter table[] = {
    QUANTITY(jam, 0.0),         QUANTITY(freq, 40.0),       QUANTITY(wear_rate, 1.0 / 200),
    SWITCH(auto_tool, 1.0),     QUANTITY(seal_leak, 0.0),   QUANTITY(heater, 1.0),
    QUANTITY(leak, 0.10),       QUANTITY(people, 4.0),      QUANTITY(vent, 900.0),
    QUANTITY(microstop, 0.03),  QUANTITY(mtbf, 3 * 3600.0), QUANTITY(mttr, 360.0),
    QUANTITY(vision_bias, 0.0), SWITCH(estop, 0.0),         SWITCH(amr_ok, 1.0),
    QUANTITY(cobot_slow, 1.0),  QUANTITY(ambient, 21.0),    SWITCH(warm, 1.0),
    SWITCH(wear, -1.0),         SWITCH(soc, -1.0),          SWITCH(batches, -1.0),
    SWITCH(oven_energy, -1.0),  SWITCH(probe, 1.0),         QUANTITY(sun, 1.0),
    SWITCH(pv_scale, 0.0),      QUANTITY(clock, 0.0),
};
enum { PARAMETERS_COUNT = sizeof table / sizeof table[0] };

static const struct parameter *find(const char *name)
{
    for (size_t i = 0; i < PARAMETERS_COUNT; i++) {
        if (strcmp(table[i].name, name) == 0) {
            return &table[i];
        }
    }
    return NULL;
}

double *line_find_parameter(struct line_parameters *parameters, const char *name)
{
    const struct parameter *parameter = find(name);
    return parameter != NULL ? (double *)(void *)((char *)parameters + parameter->offset)
                             : NULL;
}

const char *line_parameter_name(size_t index)
{
    return index < PARAMETERS_COUNT ? table[index].name : NULL;
}

double line_usual_parameter(const char *name)
{
    const struct parameter *parameter = find(name);
    return parameter != NULL ? parameter->usual : 0.0;
}

bool line_can_grow(const char *name)
{
    const struct parameter *parameter = find(name);
    return parameter != NULL && parameter->can_grow;
}

/* Monday, 2 March 2026, 08:00 UTC: every run begins there, so that its seed tells everything.
 */
#define START_US INT64_C(1772438400000000)
enum { STEP_US = 100000 };

int64_t line_clock_us(const struct line *line)
{
    return START_US + (int64_t)line->steps * STEP_US + (int64_t)(line->parameters.clock * 1e6);
}

enum line_state line_state(const struct line *line, enum line_state usual)
{
    if (line->estop_s <= 0) {
        return usual;
    }
    return line->estop_s < 1.0 ? LINE_ABORTING : LINE_ABORTED;
}

bool line_has_changed(const struct line *line, const double *parameter)
{
    ptrdiff_t place = (const char *)parameter - (const char *)&line->parameters;
    const double *before = (const double *)(const void *)((const char *)&line->before + place);
    return *parameter < *before || *parameter > *before;
}

bool line_take_once(const struct line *line, const double *parameter, double *value)
{
    bool is_given = *parameter >= 0 && line_has_changed(line, parameter);
    *value = is_given ? *parameter : *value;
    return is_given;
}

void line_init(struct line *line)
{
    *line = (struct line){
        .blanks = 15,
        .pressure_bar = 7.0,
        .co2_ppm = 600.0,
        .mill_state = LINE_SUSPENDED,
        .motor = {.winding_c = 54.0},
    };
    for (size_t i = 0; i < PARAMETERS_COUNT; i++) {
        *line_find_parameter(&line->parameters, table[i].name) = table[i].usual;
    }
    line->before = line->parameters;
    line->motor.setpoint_hz = line->parameters.freq;
    line->motor.output_hz = line->parameters.freq;
}

void line_begin_step(struct line *line)
{
    line->air_nl_min = 0.0;
    line->estop_s = line->parameters.estop > 0 ? line->estop_s + LINE_STEP_S : 0.0;
    line->power_w[LINE_MISCELLANEOUS] = 120.0; /* control cabinets, lights */
}

void line_end_step(struct line *line)
{
    for (unsigned i = 0; i < LINE_CONSUMERS_COUNT; i++) {
        line->energy_wh[i] += line->power_w[i] * LINE_STEP_S / 3600.0;
    }
    line->before = line->parameters;
    line->steps++;
}

void line_push_part(struct line_parts *parts, bool is_scrap)
{
    assert(parts->count < LINE_TRAY_SIZE);
    parts->is_scrap[parts->count++] = is_scrap;
}

bool line_pop_part(struct line_parts *parts)
{
    assert(parts->count > 0);
    bool is_scrap = parts->is_scrap[0];
    parts->count--;
    memmove(parts->is_scrap, parts->is_scrap + 1, parts->count * sizeof parts->is_scrap[0]);
    return is_scrap;
}

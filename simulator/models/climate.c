/* The room, 600 m³: carbon dioxide, warmth and moisture of the people in it, seen by a probe.
 */
#include <math.h>

#include "simulator/model.h"

#define ROOM_M3        600.0
#define OUTSIDE_PPM    420.0
#define CO2_M3_H       0.018 /* a person's */
#define PERSON_K       0.06  /* warmer with each person, at rest */
#define PERSON_PERCENT 0.25
#define BASE_PERCENT   42.0
#define ROOM_TAU_S     1800.0
#define WANDER_K       0.08
#define WANDER_PERCENT 0.4
#define WANDER_TAU_S   120.0
#define MAGNUS_A       17.62 /* over water, WMO guide to instruments, annex 4.B */
#define MAGNUS_B_C     243.12

struct climate {
    double temperature_c;
    double humidity_percent;
    double wander_k;
    double wander_percent;

    double relative_humidity;
    double temperature;
    double dew_point;
};

#define TAG(name, field)                                                                       \
    {                                                                                          \
        name, MODEL_NUMBER, offsetof(struct climate, field)                                    \
    }
static const struct model_tag tags[] = {
    TAG("relative_humidity", relative_humidity),
    TAG("temperature", temperature),
    TAG("dew_point", dew_point),
    TAG("relative_humidity_int", relative_humidity),
    TAG("temperature_int", temperature),
    {NULL, MODEL_NUMBER, 0},
};

static double rest_temperature(const struct line_parameters *parameters)
{
    return parameters->ambient + PERSON_K * parameters->people;
}

static double rest_humidity(const struct line_parameters *parameters)
{
    return BASE_PERCENT + PERSON_PERCENT * parameters->people;
}

static void init(void *state, struct line *line, struct random *random)
{
    (void)random;
    *(struct climate *)state = (struct climate){
        .temperature_c = rest_temperature(&line->parameters),
        .humidity_percent = rest_humidity(&line->parameters),
    };
}

static double dew_point_c(double temperature_c, double humidity_percent)
{
    double gamma =
        log(humidity_percent / 100.0) + MAGNUS_A * temperature_c / (MAGNUS_B_C + temperature_c);
    return MAGNUS_B_C * gamma / (MAGNUS_A - gamma);
}

static void step(void *state, struct line *line, struct random *random)
{
    struct climate *climate = state;
    const struct line_parameters *parameters = &line->parameters;
    double emitted_ppm_h = parameters->people * CO2_M3_H * 1e6 / ROOM_M3;
    double aired_ppm_h = parameters->vent / ROOM_M3 * (line->co2_ppm - OUTSIDE_PPM);
    line->co2_ppm += LINE_STEP_S / 3600.0 * (emitted_ppm_h - aired_ppm_h);
    double share = LINE_STEP_S / ROOM_TAU_S;
    climate->temperature_c += share * (rest_temperature(parameters) - climate->temperature_c);
    climate->humidity_percent +=
        share * (rest_humidity(parameters) - climate->humidity_percent);
    climate->wander_k =
        random_wander(random, climate->wander_k, WANDER_K, WANDER_TAU_S, LINE_STEP_S);
    climate->wander_percent = random_wander(random, climate->wander_percent, WANDER_PERCENT,
                                            WANDER_TAU_S, LINE_STEP_S);
    if (parameters->probe <= 0) {
        climate->temperature = climate->relative_humidity = climate->dew_point = nan("");
        return;
    }
    climate->temperature = climate->temperature_c + climate->wander_k;
    climate->relative_humidity =
        fmax(1.0, fmin(100.0, climate->humidity_percent + climate->wander_percent));
    climate->dew_point = dew_point_c(climate->temperature, climate->relative_humidity);
}

const struct model climate_model = {
    .name = "climate",
    .size = sizeof(struct climate),
    .init = init,
    .step = step,
    .tags = tags,
};

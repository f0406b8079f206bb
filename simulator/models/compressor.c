/* The compressor: fills a vessel of 270 l between 6.5 and 7.5 bar. */
#include <math.h>

#include "simulator/model.h"

#define VESSEL_L    270.0
#define DELIVERY    350.0 /* Nl/min */
#define BASE_DRAW   10.0  /* Nl/min, whatever the line does */
#define LOAD_BAR    6.5
#define UNLOAD_BAR  7.5
#define LOADED_W    2200.0
#define UNLOADED_W  440.0
#define LOW_BAR     6.0
#define HOT_C       95.0
#define OIL_TAU_S   240.0
#define DEW_POINT_C 3.0
#define SERVICE_S   (4000.0 * 3600.0)

#define ALARM_LOW     INT64_C(1)
#define ALARM_HOT     INT64_C(2)
#define ALARM_SERVICE (INT64_C(1) << 16)
#define ALARM_ANY     (INT64_C(1) << 31)

struct compressor {
    bool is_loaded;
    double loaded_s;
    double run_s;
    double delivered_nl;

    double pressure;
    double discharge_temp;
    double flow;
    double power;
    int64_t load_seconds;
    int64_t run_seconds;
    int64_t starts;
    int64_t alarm_bits;
    double dew_point;
    int64_t volume_total;
};

#define TAG(name, kind)                                                                        \
    {                                                                                          \
#name, kind, offsetof(struct compressor, name)                                         \
    }
static const struct model_tag tags[] = {
    TAG(pressure, MODEL_NUMBER),      TAG(discharge_temp, MODEL_NUMBER),
    TAG(flow, MODEL_NUMBER),          TAG(power, MODEL_NUMBER),
    TAG(load_seconds, MODEL_INTEGER), TAG(run_seconds, MODEL_INTEGER),
    TAG(starts, MODEL_INTEGER),       TAG(alarm_bits, MODEL_INTEGER),
    TAG(dew_point, MODEL_NUMBER),     TAG(volume_total, MODEL_INTEGER),
    {NULL, MODEL_BOOLEAN, 0},
};

static void init(void *state, struct line *line, struct random *random)
{
    (void)line;
    (void)random;
    *(struct compressor *)state = (struct compressor){
        .loaded_s = 1901040.0, /* a machine that has a past */
        .run_s = 7128000.0,
        .delivered_nl = 1.1089e10,
        .starts = 18422,
        .discharge_temp = 62.0,
    };
}

static void show(struct compressor *compressor, const struct line *line, double filled_nl_min)
{
    const struct line_parameters *parameters = &line->parameters;
    double target_c = parameters->ambient + (compressor->is_loaded ? 58.0 : 34.0);
    compressor->discharge_temp +=
        LINE_STEP_S / OIL_TAU_S * (target_c - compressor->discharge_temp);
    compressor->pressure = line->pressure_bar;
    compressor->flow = filled_nl_min;
    compressor->power = line->power_w[LINE_COMPRESSOR];
    compressor->load_seconds = (int64_t)compressor->loaded_s;
    compressor->run_seconds = (int64_t)compressor->run_s;
    compressor->volume_total = (int64_t)compressor->delivered_nl;
    /* The dryer cools as long as the compressor delivers enough; below 1 bar it is off. */
    compressor->dew_point =
        line->pressure_bar > 1.0 ? DEW_POINT_C + 0.1 * (parameters->ambient - 21.0) : nan("");
    int64_t alarms = (line->pressure_bar < LOW_BAR ? ALARM_LOW : 0) |
                     (compressor->discharge_temp > HOT_C ? ALARM_HOT : 0) |
                     (compressor->run_s > SERVICE_S ? ALARM_SERVICE : 0);
    compressor->alarm_bits = alarms != 0 ? alarms | ALARM_ANY : 0;
}

static void step(void *state, struct line *line, struct random *random)
{
    struct compressor *compressor = state;
    (void)random;
    double leak_nl_min = line->parameters.leak * DELIVERY * (line->pressure_bar + 1.0) / 8.0;
    line->air_nl_min += BASE_DRAW + leak_nl_min;
    if (line->pressure_bar < LOAD_BAR && !compressor->is_loaded) {
        compressor->is_loaded = true;
        compressor->starts++;
    } else if (line->pressure_bar > UNLOAD_BAR) {
        compressor->is_loaded = false;
    }
    double filled_nl_min = compressor->is_loaded ? DELIVERY : 0.0;
    line->pressure_bar += LINE_STEP_S / 60.0 * (filled_nl_min - line->air_nl_min) / VESSEL_L;
    line->pressure_bar = fmax(0.0, line->pressure_bar);
    line->power_w[LINE_COMPRESSOR] = compressor->is_loaded ? LOADED_W : UNLOADED_W;
    compressor->loaded_s += compressor->is_loaded ? LINE_STEP_S : 0.0;
    compressor->run_s += LINE_STEP_S;
    compressor->delivered_nl += filled_nl_min * LINE_STEP_S / 60.0;
    show(compressor, line, filled_nl_min);
}

const struct model compressor_model = {
    .name = "compressor",
    .size = sizeof(struct compressor),
    .init = init,
    .step = step,
    .tags = tags,
};

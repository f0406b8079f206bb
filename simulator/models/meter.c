/* The main meter: sums what the whole line draws, on three phases. The oven hangs on L2. */
#include <math.h>

#include "simulator/model.h"

enum { PHASES = 3, OVEN_PHASE = 1 };

#define NOMINAL_V       230.0
#define VOLTAGE_SIGMA_V 1.5
#define VOLTAGE_TAU_S   60.0
#define NOMINAL_HZ      50.0
#define FREQUENCY_SIGMA 0.02
#define FREQUENCY_TAU_S 30.0
#define MOTOR_COSINE    0.82 /* power factor of everything but the oven, a plain resistor */

struct meter {
    double voltage_wander[PHASES];
    double frequency_wander;

    double voltage[PHASES];
    double current[PHASES];
    double active_power[PHASES];
    double power_factor[PHASES];
    double frequency;
    double total_apparent_power;
    double total_active_power;
    double total_power_factor;
    double active_energy_import_t1;
    double active_energy_export_t1;
};

#define TAG(name, field)                                                                       \
    {                                                                                          \
        name, MODEL_NUMBER, offsetof(struct meter, field)                                      \
    }
static const struct model_tag tags[] = {
    TAG("voltage_l1_n", voltage[0]),
    TAG("voltage_l2_n", voltage[1]),
    TAG("voltage_l3_n", voltage[2]),
    TAG("current_l1", current[0]),
    TAG("current_l2", current[1]),
    TAG("current_l3", current[2]),
    TAG("active_power_l1", active_power[0]),
    TAG("active_power_l2", active_power[1]),
    TAG("active_power_l3", active_power[2]),
    TAG("power_factor_l1", power_factor[0]),
    TAG("power_factor_l2", power_factor[1]),
    TAG("power_factor_l3", power_factor[2]),
    TAG("frequency", frequency),
    TAG("total_apparent_power", total_apparent_power),
    TAG("total_active_power", total_active_power),
    TAG("total_power_factor", total_power_factor),
    TAG("active_energy_import_t1", active_energy_import_t1),
    TAG("active_energy_export_t1", active_energy_export_t1),
    {NULL, MODEL_NUMBER, 0},
};

static void init(void *state, struct line *line, struct random *random)
{
    struct meter *meter = state;
    (void)line;
    *meter = (struct meter){.active_energy_import_t1 = 4711250.0,
                            .active_energy_export_t1 = 18200.0};
    for (unsigned i = 0; i < PHASES; i++) {
        meter->voltage_wander[i] = VOLTAGE_SIGMA_V * random_normal(random);
    }
}

static void measure_phase(struct meter *meter, unsigned phase, double shared_w, double oven_w)
{
    double active = shared_w / PHASES + (phase == OVEN_PHASE ? oven_w : 0.0);
    double reactive = shared_w / PHASES * tan(acos(MOTOR_COSINE));
    double apparent = hypot(active, reactive);
    meter->voltage[phase] = NOMINAL_V + meter->voltage_wander[phase];
    meter->active_power[phase] = active;
    meter->current[phase] = apparent / meter->voltage[phase];
    meter->power_factor[phase] = active / apparent;
    meter->total_active_power += active;
    meter->total_apparent_power += apparent;
}

static void step(void *state, struct line *line, struct random *random)
{
    struct meter *meter = state;
    double oven_w = line->power_w[LINE_OVEN];
    double shared_w = -oven_w;
    for (unsigned i = 0; i < LINE_CONSUMERS_COUNT; i++) {
        shared_w += line->power_w[i];
    }
    meter->total_active_power = 0.0;
    meter->total_apparent_power = 0.0;
    for (unsigned i = 0; i < PHASES; i++) {
        meter->voltage_wander[i] = random_wander(random, meter->voltage_wander[i],
                                                 VOLTAGE_SIGMA_V, VOLTAGE_TAU_S, LINE_STEP_S);
        measure_phase(meter, i, shared_w, oven_w);
    }
    meter->frequency_wander = random_wander(random, meter->frequency_wander, FREQUENCY_SIGMA,
                                            FREQUENCY_TAU_S, LINE_STEP_S);
    meter->frequency = NOMINAL_HZ + meter->frequency_wander;
    meter->total_power_factor = meter->total_active_power / meter->total_apparent_power;
    double surplus_w = fmax(0.0, line->pv_w - meter->total_active_power);
    meter->active_energy_export_t1 += surplus_w * LINE_STEP_S / 3600.0;
    meter->active_energy_import_t1 += meter->total_active_power * LINE_STEP_S / 3600.0;
}

const struct model meter_model = {
    .name = "meter",
    .size = sizeof(struct meter),
    .init = init,
    .step = step,
    .tags = tags,
};

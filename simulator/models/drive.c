/* The conveyor's drive and motor: torque, current, and the winding that warms and trips. */
#include <math.h>

#include "simulator/model.h"

#define MAGNETISING_A 0.55
#define TORQUE_A      0.84
#define RATED_W       370.0
#define EFFICIENCY    0.75
#define CONTROL_W     60.0
#define WINDING_K     80.0 /* above ambient at the rated current */
#define WINDING_TAU_S 900.0
#define TRIP_PERCENT  118.0
#define JAM_STANDS    0.8
#define FULL_HZ       50.0

enum { STATUS_RUNNING = 0x0237, STATUS_READY = 0x0231, STATUS_FAULT = 0x0208 };
enum { FAULT_MOTOR_OVERLOAD = 16 };

struct drive {
    double setpoint_shown;

    int64_t drive_status;
    double output_freq;
    double motor_current;
    double thermal_state;
    double freq_setpoint;
    int64_t fault_code;
};

#define TAG(name, kind)                                                                        \
    {                                                                                          \
#name, kind, offsetof(struct drive, name)                                              \
    }
static const struct model_tag tags[] = {
    TAG(drive_status, MODEL_INTEGER), TAG(output_freq, MODEL_NUMBER),
    TAG(motor_current, MODEL_NUMBER), TAG(thermal_state, MODEL_NUMBER),
    TAG(freq_setpoint, MODEL_NUMBER), TAG(fault_code, MODEL_INTEGER),
    {NULL, MODEL_BOOLEAN, 0},
};

static void init(void *state, struct line *line, struct random *random)
{
    (void)random;
    *(struct drive *)state = (struct drive){
        .freq_setpoint = line->motor.setpoint_hz,
        .setpoint_shown = line->motor.setpoint_hz,
    };
}

/* Whoever spoke last is obeyed: a scene, the drive's own register, or the controller. */
static void obey(struct drive *drive, struct line *line)
{
    struct line_motor *motor = &line->motor;
    const struct line_parameters *parameters = &line->parameters;
    if (line_has_changed(line, &parameters->freq)) {
        motor->setpoint_hz = parameters->freq;
    } else if (fabs(drive->freq_setpoint - drive->setpoint_shown) > 0.0) {
        motor->setpoint_hz = fmax(0.0, fmin(FULL_HZ, drive->freq_setpoint));
    }
    drive->freq_setpoint = motor->setpoint_hz;
    drive->setpoint_shown = motor->setpoint_hz;
    if (parameters->warm <= 0 && line_has_changed(line, &parameters->warm)) {
        motor->winding_c = parameters->ambient;
    }
}

static void step(void *state, struct line *line, struct random *random)
{
    struct drive *drive = state;
    struct line_motor *motor = &line->motor;
    const struct line_parameters *parameters = &line->parameters;
    (void)random;
    obey(drive, line);
    bool is_driven = !motor->is_tripped && !motor->is_stopped && parameters->estop <= 0;
    double torque = 0.35 + 0.05 * line->conveyor_count + 1.2 * parameters->jam;
    motor->output_hz = is_driven ? motor->setpoint_hz : 0.0;
    bool turns = motor->output_hz > 0;
    motor->current_a = turns ? hypot(MAGNETISING_A, TORQUE_A * torque) : 0.0;
    double mechanical_w = torque * (motor->output_hz / FULL_HZ) * RATED_W / EFFICIENCY;
    line->power_w[LINE_CONVEYOR] =
        CONTROL_W + mechanical_w * (parameters->jam > JAM_STANDS ? 0.6 : 1.0);
    double target_c = parameters->ambient + WINDING_K * motor->current_a * motor->current_a;
    motor->winding_c += LINE_STEP_S / WINDING_TAU_S * (target_c - motor->winding_c);
    drive->thermal_state = 100.0 * (motor->winding_c - parameters->ambient) / WINDING_K;
    motor->is_tripped = motor->is_tripped || drive->thermal_state > TRIP_PERCENT;
    drive->output_freq = motor->output_hz;
    drive->motor_current = motor->current_a;
    drive->fault_code = motor->is_tripped ? FAULT_MOTOR_OVERLOAD : 0;
    drive->drive_status = motor->is_tripped ? STATUS_FAULT
                          : turns           ? STATUS_RUNNING
                                            : STATUS_READY;
}

const struct model drive_model = {
    .name = "drive",
    .size = sizeof(struct drive),
    .init = init,
    .step = step,
    .tags = tags,
};

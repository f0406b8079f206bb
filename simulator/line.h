/* One production line: what its machines share. A plain value, stepped by the world.
 *
 * Parts, blanks, energy and air flow through here and nowhere else, so that machines know the
 * line but never each other. FACTORY.md of the design, 5.1 to 5.3, gives the figures. */
#ifndef SIMULATOR_LINE_H
#define SIMULATOR_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LINE_STEP_S 0.1 /* simulated; --speed changes how many, never how long */

/* What a scene may change; line_find_parameter() knows them by name. */
struct line_parameters {
    double jam;         /* 0 … 1: how much the conveyor is braked; above 0.8 it stands */
    double freq;        /* Hz, of the conveyor's drive */
    double wear_rate;   /* of the mill's tool, per part */
    double auto_tool;   /* 0: the worn tool is never changed */
    double seal_leak;   /* W/K, of the oven's door */
    double heater;      /* share of the oven's heater that works */
    double leak;        /* share of the compressor's flow that is lost */
    double people;      /* in the room */
    double vent;        /* m³/h */
    double microstop;   /* probability per cycle of the mill */
    double mtbf;        /* s of cutting between failures */
    double mttr;        /* s */
    double vision_bias; /* probability of a false reject, added */
    double estop;       /* 1: the emergency stop is pressed */
    double amr_ok;      /* 0: the transport robot stands */
    double cobot_slow;  /* factor on its times */
    double ambient;     /* °C */
    double warm;        /* 0: oven and motor are as cold as the room from then on */
    double wear;        /* the tool gets this wear once; negative: it does not */
    double soc;         /* the transport robot gets this charge once; negative: it does not */
    double batches;     /* the oven's counter gets this value once; negative: it does not */
    double oven_energy; /* Wh, likewise */
    double probe;       /* 0: the room's probe is unplugged */
    double sun;         /* share of the sun that there is; 0: night */
    double pv_scale;    /* least exponent of ten of the inverter's power */
    double clock;       /* s that the controllers' clocks are ahead */
};

enum { LINE_TRAY_SIZE = 4, LINE_PALLET_SIZE = 10, LINE_CONVEYOR_PARTS = 3 };

/* Parts in a row; the first one leaves first. */
struct line_parts {
    unsigned count;
    bool is_scrap[LINE_TRAY_SIZE];
};

/* Who draws power: indices of line.power_w. */
enum line_consumer {
    LINE_STORE,
    LINE_CONVEYOR,
    LINE_MILL,
    LINE_COBOT,
    LINE_OVEN,
    LINE_VISION,
    LINE_CHARGER,
    LINE_COMPRESSOR,
    LINE_MISCELLANEOUS,
    LINE_CONSUMERS_COUNT,
};

/* PackML states as the machines report them. */
enum line_state {
    LINE_STOPPED = 2,
    LINE_IDLE = 4,
    LINE_SUSPENDED = 5,
    LINE_EXECUTE = 6,
    LINE_ABORTING = 8,
    LINE_ABORTED = 9,
    LINE_HELD = 11,
};

/* The conveyor's motor: what its controller and its drive both know. */
struct line_motor {
    double setpoint_hz;
    double output_hz;
    double current_a;
    double winding_c;
    bool is_tripped;
    bool is_stopped; /* by command */
};

struct line {
    struct line_parameters parameters;
    struct line_parameters before; /* as they were in the last step: see line_has_changed() */
    uint64_t steps;
    double estop_s; /* since the emergency stop was pressed; 0: it is not */
    struct line_motor motor;
    enum line_state mill_state;
    double tool_wear;
    double pv_w;
    double co2_ppm;
    unsigned blanks;                        /* in the store */
    double conveyor_m[LINE_CONVEYOR_PARTS]; /* positions, the foremost first */
    unsigned conveyor_count;
    bool has_part_at_mill;         /* waits at the conveyor's stopper; the mill clears it */
    struct line_parts mill_output; /* at most one */
    struct line_parts oven_input;
    struct line_parts oven_output;
    struct line_parts vision_input;
    unsigned pallet; /* good parts that wait for transport */
    unsigned long milled;
    unsigned long good;
    unsigned long scrap;
    double power_w[LINE_CONSUMERS_COUNT]; /* each machine writes its own in each step */
    double energy_wh[LINE_CONSUMERS_COUNT];
    double air_nl_min;   /* drawn in this step; each consumer adds */
    double pressure_bar; /* above atmosphere */
};

void line_init(struct line *line);

/* Before the machines of a step, and after them. */
void line_begin_step(struct line *line);
void line_end_step(struct line *line);

/* What a machine reports that would be in `usual` if nobody had pressed the emergency stop. */
enum line_state line_state(const struct line *line, enum line_state usual);

/* Whether this parameter of line->parameters is another than in the last step. */
bool line_has_changed(const struct line *line, const double *parameter);

/* Once, when a parameter that is negative by default gets a value: takes it over. */
bool line_take_once(const struct line *line, const double *parameter, double *value);

/* The line's own time of day, as the controllers show it: us since 1970 UTC. */
int64_t line_clock_us(const struct line *line);

/* What a parameter is when no scene says otherwise; 0 when there is none of that name. */
double line_usual_parameter(const char *name);

/* Whether the parameter of that name is a quantity: it may grow slowly. Switches, and values
 * that are taken over once, are not. */
bool line_can_grow(const char *name);

/* NULL when there is no parameter of that name. */
double *line_find_parameter(struct line_parameters *parameters, const char *name);

/* NULL behind the last. */
const char *line_parameter_name(size_t index);

void line_push_part(struct line_parts *parts, bool is_scrap);
bool line_pop_part(struct line_parts *parts); /* whether it is scrap */

#endif

#include "simulator/personality.h"

#include <string.h>

enum { REGISTERS_MAX = 125 };

/* The controller answers its whole block; documented are only some of the registers. */
static const struct registers_range oven_extra[] = {
    {TABLE_HOLDING, 0, 22, 1},
    {.count = 0},
};

/* The real PAC3200 has a float at every odd address up to 70, and doubles from 801 on. */
static const struct registers_range meter_extra[] = {
    {TABLE_INPUT, 1, 70, 2},
    {TABLE_INPUT, 801, 40, 4},
    {.count = 0},
};

/* The drive answers its whole block; documented are only some of the registers. */
static const struct registers_range drive_extra[] = {
    {TABLE_HOLDING, 3201, 29, 1},
    {.count = 0},
};

/* The user's own registers, the robot's state, its joints and its tool. */
static const struct registers_range cobot_extra[] = {
    {TABLE_HOLDING, 0, 32, 1},
    {TABLE_HOLDING, 128, 128, 1},
    {TABLE_HOLDING, 256, 44, 1},
    {TABLE_HOLDING, 400, 16, 1},
    {.count = 0},
};

static const struct registers_range amr_extra[] = {
    {TABLE_HOLDING, 0, 20, 1},
    {.count = 0},
};

/* Eight counters, four analogue inputs with their values as numbers and their states. */
static const struct registers_range andon_extra[] = {
    {TABLE_INPUT, 16, 16, 1},
    {TABLE_INPUT, 512, 16, 1},
    {TABLE_INPUT, 576, 4, 1},
    {.count = 0},
};

/* The common model and the inverter's, without a hole. */
static const struct registers_range pv_extra[] = {
    {TABLE_HOLDING, 40000, 122, 1},
    {.count = 0},
};

static const uint16_t oven_program = 20;

static const struct personality personalities[] = {
    {
        .model = "store",
        .latency_us = 3000,
        .jitter_us = 5000, /* a negative latency answers at once */
        .max_registers = REGISTERS_MAX,
        .max_connections = 1,
        .ignores_unit = true,
        .silent_unit = -1,
    },
    {
        .model = "conveyor",
        .latency_us = 8000,
        .jitter_us = 4000,
        .max_registers = REGISTERS_MAX,
        .max_connections = 8,
        .stranger_us = 300000,
        .gap_us = 20000,
        .silent_unit = -1,
    },
    {
        .model = "drive",
        .latency_us = 8000,
        .jitter_us = 4000,
        .max_registers = 29,
        .max_connections = 8,
        .stranger_us = 300000,
        .gap_us = 20000,
        .silent_unit = -1,
        .extra = drive_extra,
    },
    {
        .model = "mill",
        .latency_us = 5000,
        .jitter_us = 3000,
        .late_chance = 0.005,
        .late_us = 2500000,
        .max_registers = REGISTERS_MAX,
        .max_connections = 4,
        .silent_unit = -1,
    },
    {
        .model = "oven",
        .latency_us = 12000,
        .jitter_us = 6000,
        .busy_chance = 0.3,
        .max_registers = 32,
        .max_connections = 2,
        .is_silent_for_others = true,
        .silent_unit = -1,
        .acknowledged = &oven_program,
        .extra = oven_extra,
    },
    {
        .model = "cobot",
        .latency_us = 2000,
        .jitter_us = 1000,
        .max_registers = REGISTERS_MAX,
        .max_connections = 8,
        .is_silent_for_others = true,
        .silent_unit = -1,
        .aliases = {1, 0},
        .aliases_count = 2,
        .extra = cobot_extra,
    },
    {
        .model = "vision",
        .latency_us = 10000,
        .jitter_us = 5000,
        .max_registers = 60,
        .max_connections = 2,
        .silent_unit = -1,
        .sends_single_bytes = true,
        .glues_replies = true,
    },
    {
        .model = "amr",
        .latency_us = 40000,
        .jitter_us = 30000,
        .drop_chance = 0.01,
        .max_registers = REGISTERS_MAX,
        .max_connections = 4,
        .silent_unit = -1,
        .extra = amr_extra,
    },
    {
        .model = "compressor",
        .latency_us = 15000,
        .jitter_us = 5000,
        .max_registers = 64,
        .max_connections = 1,
        .silent_unit = -1,
        .idle_us = 15000000,
        .kicks_out = true,
    },
    {
        .model = "meter",
        .latency_us = 20000,
        .jitter_us = 10000,
        .max_registers = REGISTERS_MAX,
        .max_connections = 1,
        .answers_surplus = true,
        .silent_unit = 255,
        .refuses_cut_values = true,
        .extra = meter_extra,
    },
    {
        .model = "climate",
        .latency_us = 30000,
        .jitter_us = 10000,
        .max_registers = REGISTERS_MAX,
        .max_connections = 2,
        .silent_unit = -1,
    },
    {
        .model = "andon",
        .latency_us = 3000,
        .jitter_us = 2000,
        .max_registers = REGISTERS_MAX,
        .max_connections = 10,
        .silent_unit = -1,
        .extra = andon_extra,
    },
    {
        .model = "pv",
        .latency_us = 60000,
        .jitter_us = 30000,
        .max_registers = 110,
        .max_connections = 1,
        .gap_us = 100000,
        .settle_us = 1000000,
        .silent_unit = -1,
        .extra = pv_extra,
    },
};

static const struct personality none = {.max_registers = REGISTERS_MAX, .silent_unit = -1};

const struct personality *personality_find(const char *model)
{
    for (size_t i = 0; i < sizeof personalities / sizeof personalities[0]; i++) {
        if (strcmp(personalities[i].model, model) == 0) {
            return &personalities[i];
        }
    }
    return &none;
}

const struct personality *personality_none(void)
{
    return &none;
}

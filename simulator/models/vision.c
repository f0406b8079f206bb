/* The vision check: 4 s a part; the part stays at its input until it is judged. */
#include <math.h>
#include <stdio.h>

#include "simulator/model.h"

#define CHECK_S       4.0
#define FALSE_REJECT  0.003
#define POWER_W       35.0
#define DIAMETER_MM   50.0
#define SIGMA_MM      0.012
#define WEAR_MM       0.02
#define CAMERA_RISE_K 14.0
#define CAMERA_TAU_S  600.0

enum { PARTS_AN_ORDER = 50, LOT_FIRST = 20260147 };
enum { DEFECT_NONE, DEFECT_DIAMETER, DEFECT_COLOUR, DEFECT_EDGE, DEFECTS_COUNT };

static const char *const results[DEFECTS_COUNT] = {"OK", "NOK_DIAM", "NOK_COLOR", "NOK_EDGE"};

struct vision {
    double left_s;

    double diameter;
    double score;
    char result_text[17];
    int64_t lot;
    int64_t inspected_total;
    int64_t rejects_total;
    int64_t last_defect;
    int64_t last_time;
    int64_t exposure;
    double camera_temp;
    char model_id[5];
};

#define TAG(name, kind)                                                                        \
    {                                                                                          \
#name, kind, offsetof(struct vision, name)                                             \
    }
static const struct model_tag tags[] = {
    TAG(diameter, MODEL_NUMBER),         TAG(score, MODEL_NUMBER),
    TAG(result_text, MODEL_TEXT),        TAG(lot, MODEL_INTEGER),
    TAG(inspected_total, MODEL_INTEGER), TAG(rejects_total, MODEL_INTEGER),
    TAG(last_defect, MODEL_INTEGER),     TAG(last_time, MODEL_TIME),
    TAG(exposure, MODEL_INTEGER),        TAG(camera_temp, MODEL_NUMBER),
    TAG(model_id, MODEL_TEXT),           {NULL, MODEL_BOOLEAN, 0},
};

static void init(void *state, struct line *line, struct random *random)
{
    (void)random;
    *(struct vision *)state = (struct vision){
        .diameter = DIAMETER_MM,
        .score = 97.0,
        .result_text = "OK",
        .inspected_total = 48190, /* a machine that has a past */
        .rejects_total = 9990,    /* wraps behind 9999 within a lesson */
        .last_time = line_clock_us(line),
        .exposure = 850,
        .camera_temp = line->parameters.ambient + CAMERA_RISE_K,
        .model_id = "FLV1",
    };
}

static void measure(struct vision *vision, const struct line *line, struct random *random,
                    bool is_good)
{
    double miss = random_normal(random);
    int64_t defect = 1 + (int64_t)(random_uniform(random) * (DEFECTS_COUNT - 1));
    double score = random_normal(random);
    vision->diameter =
        DIAMETER_MM + SIGMA_MM * fmax(-3.0, fmin(3.0, miss)) + WEAR_MM * line->tool_wear;
    vision->score = fmax(60.0, fmin(100.0, (is_good ? 96.0 : 71.0) + 1.5 * score));
    vision->last_defect = is_good ? DEFECT_NONE : defect;
    (void)snprintf(vision->result_text, sizeof vision->result_text, "%s",
                   results[vision->last_defect]);
    vision->inspected_total++;
    vision->rejects_total += is_good ? 0 : 1;
    vision->last_time = line_clock_us(line);
}

static void judge(struct vision *vision, struct line *line, struct random *random)
{
    bool is_scrap = line_pop_part(&line->vision_input);
    double limit = FALSE_REJECT + line->parameters.vision_bias;
    bool is_good = random_uniform(random) >= limit && !is_scrap;
    line->good += is_good ? 1 : 0;
    line->scrap += is_good ? 0 : 1;
    line->pallet += is_good ? 1 : 0;
    measure(vision, line, random, is_good);
}

static void step(void *state, struct line *line, struct random *random)
{
    struct vision *vision = state;
    line->power_w[LINE_VISION] = POWER_W;
    double target_c = line->parameters.ambient + CAMERA_RISE_K;
    vision->camera_temp += LINE_STEP_S / CAMERA_TAU_S * (target_c - vision->camera_temp);
    vision->lot = LOT_FIRST + (int64_t)(line->milled / PARTS_AN_ORDER % 9000);
    if (line->parameters.estop > 0) {
        return;
    }
    if (vision->left_s <= 0) {
        bool can_start = line->vision_input.count > 0 && line->pallet < LINE_PALLET_SIZE;
        vision->left_s = can_start ? CHECK_S : 0.0;
        return;
    }
    vision->left_s -= LINE_STEP_S;
    if (vision->left_s <= 0) {
        judge(vision, line, random);
    }
}

const struct model vision_model = {
    .name = "vision",
    .size = sizeof(struct vision),
    .init = init,
    .step = step,
    .tags = tags,
};

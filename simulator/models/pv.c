/* The inverter of the photovoltaic plant: 6 kWp, a sun from 6 to 18 h behind wandering clouds.
 * Above 3 kW it counts its power in tens of watts; at night nothing is available. */
#include <math.h>

#include "simulator/model.h"

#define PEAK_W        6000.0
#define CLOUD_MEAN    0.7
#define CLOUD_SIGMA   0.18
#define CLOUD_TAU_S   300.0
#define NIGHT_W       5.0 /* below, the inverter sleeps */
#define COARSE_W      3000.0
#define NOMINAL_V     230.0
#define CABINET_K     0.004 /* a watt warms the cabinet by */
#define CABINET_TAU_S 900.0
#define HOUR_US       INT64_C(3600000000)

#define SUNS INT64_C(0x53756E53) /* "SunS" */

enum { SLEEPING = 2, TRACKING = 4 };

struct pv {
    double cloud;
    double energy_wh;
    double cabinet_c;

    int64_t suns_marker;
    double a;
    int64_t a_sf;
    double phvpha;
    int64_t v_sf;
    double w;
    int64_t w_sf;
    double wh;
    int64_t wh_sf;
    double tmpcab;
    int64_t tmp_sf;
    int64_t st;
};

#define TAG(name, kind)                                                                        \
    {                                                                                          \
#name, kind, offsetof(struct pv, name)                                                 \
    }
static const struct model_tag tags[] = {
    TAG(suns_marker, MODEL_INTEGER), TAG(a, MODEL_NUMBER),       TAG(a_sf, MODEL_INTEGER),
    TAG(phvpha, MODEL_NUMBER),       TAG(v_sf, MODEL_INTEGER),   TAG(w, MODEL_NUMBER),
    TAG(w_sf, MODEL_INTEGER),        TAG(wh, MODEL_NUMBER),      TAG(wh_sf, MODEL_INTEGER),
    TAG(tmpcab, MODEL_NUMBER),       TAG(tmp_sf, MODEL_INTEGER), TAG(st, MODEL_INTEGER),
    {NULL, MODEL_BOOLEAN, 0},
};

static void init(void *state, struct line *line, struct random *random)
{
    *(struct pv *)state = (struct pv){
        .cloud = CLOUD_SIGMA * random_normal(random),
        .energy_wh = 8412300.0,
        .cabinet_c = line->parameters.ambient + 8.0,
        .suns_marker = SUNS,
        .a_sf = -2,
        .v_sf = -1,
        .tmp_sf = -1,
    };
}

static double sun(const struct line *line)
{
    double hour = (double)(line_clock_us(line) % (24 * HOUR_US)) / (double)HOUR_US;
    double height = hour > 6.0 && hour < 18.0 ? sin(M_PI * (hour - 6.0) / 12.0) : 0.0;
    return height * line->parameters.sun;
}

static void step(void *state, struct line *line, struct random *random)
{
    struct pv *pv = state;
    pv->cloud = random_wander(random, pv->cloud, CLOUD_SIGMA, CLOUD_TAU_S, LINE_STEP_S);
    double clear = fmax(0.1, fmin(1.0, CLOUD_MEAN + pv->cloud));
    double power_w = PEAK_W * sun(line) * clear;
    bool sleeps = power_w < NIGHT_W;
    line->pv_w = sleeps ? 0.0 : power_w;
    pv->energy_wh += line->pv_w * LINE_STEP_S / 3600.0;
    double target_c = line->parameters.ambient + 4.0 + CABINET_K * line->pv_w;
    pv->cabinet_c += LINE_STEP_S / CABINET_TAU_S * (target_c - pv->cabinet_c);
    pv->w_sf = power_w > COARSE_W || line->parameters.pv_scale >= 1.0 ? 1 : 0;
    pv->w = sleeps ? nan("") : power_w;
    pv->a = sleeps ? nan("") : power_w / NOMINAL_V;
    pv->phvpha = sleeps ? nan("") : NOMINAL_V + 3.0 * power_w / PEAK_W;
    pv->tmpcab = sleeps ? nan("") : pv->cabinet_c;
    pv->wh = floor(pv->energy_wh);
    pv->st = sleeps ? SLEEPING : TRACKING;
}

const struct model pv_model = {
    .name = "pv",
    .size = sizeof(struct pv),
    .init = init,
    .step = step,
    .tags = tags,
};

#include "simulator/model.h"

#include <string.h>

extern const struct model store_model;
extern const struct model conveyor_model;
extern const struct model drive_model;
extern const struct model mill_model;
extern const struct model cobot_model;
extern const struct model oven_model;
extern const struct model vision_model;
extern const struct model amr_model;
extern const struct model compressor_model;
extern const struct model climate_model;
extern const struct model pv_model;
extern const struct model meter_model;
extern const struct model andon_model;
extern const struct model pattern_model;

static const struct model *const models[] = {
    &store_model, &conveyor_model, &drive_model, &mill_model,       &cobot_model,
    &oven_model,  &vision_model,   &amr_model,   &compressor_model, &climate_model,
    &pv_model,    &meter_model,    &andon_model, &pattern_model,
};

const struct model *const *model_all(size_t *count)
{
    *count = sizeof models / sizeof models[0];
    return models;
}

const struct model *model_find(const char *name)
{
    for (size_t i = 0; i < sizeof models / sizeof models[0]; i++) {
        bool is_served = models[i]->tags != NULL || models[i]->fill != NULL;
        if (is_served && strcmp(models[i]->name, name) == 0) {
            return models[i];
        }
    }
    return NULL;
}

bool model_is_of_line(const struct model *model)
{
    return model->step != NULL;
}

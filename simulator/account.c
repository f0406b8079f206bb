#include "simulator/account.h"

#include "config/units.h"
#include "simulator/scenario.h"

static const char *boolean(bool value)
{
    return value ? "true" : "false";
}

void account_put_string(FILE *stream, const char *text)
{
    (void)fputc('"', stream);
    for (; *text != '\0'; text++) {
        unsigned char letter = (unsigned char)*text;
        if (letter < ' ') {
            (void)fprintf(stream, "\\u%04x", letter);
        } else {
            (void)fprintf(stream, letter == '"' || letter == '\\' ? "\\%c" : "%c", letter);
        }
    }
    (void)fputc('"', stream);
}

static void put_member(FILE *stream, const char *name, const char *text)
{
    (void)fprintf(stream, ",\"%s\":", name);
    account_put_string(stream, text);
}

/* ---- Scenarios ---- */

static void put_texts(FILE *stream, const char *name,
                      const char *const texts[static SCENARIO_LANGUAGES_COUNT])
{
    static const char *const languages[SCENARIO_LANGUAGES_COUNT] = {"fr", "de", "en"};
    for (unsigned i = 0; i < SCENARIO_LANGUAGES_COUNT; i++) {
        (void)fprintf(stream, ",\"%s_%s\":", name, languages[i]);
        account_put_string(stream, texts[i]);
    }
}

static void put_scenario(FILE *stream, const struct scenario *scenario)
{
    double usual = 0.0;
    double amount = 0.0;
    (void)fprintf(stream, "{\"id\":\"%s\",\"kind\":\"%s\",\"target\":\"%s\"", scenario->id,
                  scenario->kind, scenario->target);
    put_texts(stream, "title", scenario->titles);
    put_texts(stream, "description", scenario->questions);
    if (scenario_figure(scenario, &usual, &amount)) {
        (void)fprintf(stream, ",\"strength\":1,\"amount\":%.12g,\"usual\":%.12g", amount,
                      usual);
    } else {
        (void)fputs(",\"strength\":null,\"amount\":null,\"usual\":null", stream);
    }
    put_member(stream, "unit", scenario->unit != NULL ? scenario->unit : "");
    (void)fputs(",\"duration_s\":", stream);
    uint64_t duration_us = 0;
    bool ends =
        scenario->duration != NULL && units_parse_duration_us(scenario->duration, &duration_us);
    (void)fprintf(stream, ends ? "%.12g" : "null", (double)duration_us / 1e6);
    (void)fprintf(stream, ",\"ramps\":%s,\"hidden\":%s,\"simulated\":%s}",
                  boolean(scenario_can_grow(scenario)), boolean(scenario->is_hidden),
                  boolean(scenario->faults[0].text != NULL));
}

void account_put_scenarios(FILE *stream)
{
    (void)fputs("\"scenarios\":[", stream);
    for (const struct scenario *scenario = scenario_all(); scenario->id != NULL; scenario++) {
        (void)fputs(scenario == scenario_all() ? "" : ",", stream);
        put_scenario(stream, scenario);
    }
    (void)fputc(']', stream);
}

/* ---- What is wrong ---- */

/* The faults of one id, as one: a scenario's, or one on its own. */
struct group {
    const struct fault *first;
    uint64_t first_step;
    uint64_t end_step;
    double share;
    bool is_active;
    bool is_hidden;
};

/* What was cleared stays until the next step; it is not told any more. */
static bool is_told(const struct fault *fault, bool is_for_learners)
{
    return fault->end_step > 0 && !(is_for_learners && fault->is_hidden);
}

static bool is_first_of_its_group(const struct faults *faults, const struct fault *fault)
{
    const struct fault *other = faults_next(faults, NULL);
    while (other->id != fault->id) {
        other = faults_next(faults, other);
    }
    return other == fault;
}

static struct group gather(const struct faults *faults, const struct fault *first)
{
    struct group group = {.first = first, .first_step = UINT64_MAX};
    for (const struct fault *fault = first; fault != NULL; fault = faults_next(faults, fault)) {
        if (fault->id != first->id) {
            continue;
        }
        group.first_step =
            fault->first_step < group.first_step ? fault->first_step : group.first_step;
        group.end_step = fault->end_step > group.end_step ? fault->end_step : group.end_step;
        group.share = fault->share > group.share ? fault->share : group.share;
        group.is_active = group.is_active || fault->is_active;
        group.is_hidden = group.is_hidden || fault->is_hidden;
    }
    return group;
}

/* The wall clock when so many steps are, or were, done. */
static int64_t wall_ms(const struct dialog_parts *parts, uint64_t steps)
{
    double ahead_s = ((double)steps - (double)world_steps(parts->world)) * LINE_STEP_S;
    return parts->now_ms + (int64_t)(1000.0 * ahead_s / parts->speed);
}

static void put_moment(const struct dialog_parts *parts, const char *name, uint64_t steps,
                       FILE *stream)
{
    if (steps == UINT64_MAX) {
        (void)fprintf(stream, ",\"%s\":null,\"%s_s\":null", name, name);
    } else {
        (void)fprintf(stream, ",\"%s\":%lld,\"%s_s\":%.1f", name,
                      (long long)wall_ms(parts, steps), name, (double)steps * LINE_STEP_S);
    }
}

static void put_group(const struct dialog_parts *parts, const struct group *group, FILE *stream)
{
    char text[FAULT_TEXT_MAX];
    const struct scenario *scenario = scenario_find(group->first->label);
    (void)fprintf(stream, "{\"id\":%u,\"scenario\":\"%s\"", group->first->id,
                  group->first->label);
    fault_format(group->first, text);
    put_member(stream, "fault", text);
    put_member(stream, "target", scenario != NULL ? scenario->target : group->first->target);
    (void)fprintf(stream, ",\"started\":%s", boolean(group->is_active));
    put_moment(parts, "since", group->first_step, stream);
    put_moment(parts, "ends", group->end_step, stream);
    (void)fprintf(stream, ",\"strength\":%.12g,\"share\":%.4g,\"hidden\":%s}",
                  group->first->strength, group->share, boolean(group->is_hidden));
}

static void put_groups(const struct dialog_parts *parts, bool is_for_learners, FILE *stream)
{
    const char *separator = "";
    (void)fputs("\"active\":[", stream);
    for (const struct fault *fault = faults_next(parts->faults, NULL); fault != NULL;
         fault = faults_next(parts->faults, fault)) {
        if (is_told(fault, is_for_learners) && is_first_of_its_group(parts->faults, fault)) {
            struct group group = gather(parts->faults, fault);
            (void)fputs(separator, stream);
            put_group(parts, &group, stream);
            separator = ",";
        }
    }
    (void)fputc(']', stream);
}

static void put_log(const struct diary *diary, bool is_for_learners, FILE *stream)
{
    const char *separator = "";
    const struct diary_entry *entry = NULL;
    (void)fputs(",\"log\":[", stream);
    for (size_t age = 0; (entry = diary_read(diary, age)) != NULL; age++) {
        if (is_for_learners && entry->is_hidden) {
            continue;
        }
        (void)fprintf(stream,
                      "%s{\"time\":%lld,\"time_s\":%.1f,\"action\":\"%s\",\"id\":%u,"
                      "\"scenario\":\"%s\"",
                      separator, (long long)entry->time_ms, (double)entry->steps * LINE_STEP_S,
                      entry->action, entry->id, entry->scenario);
        put_member(stream, "fault", entry->fault);
        (void)fprintf(stream, ",\"strength\":%.12g,\"hidden\":%s}", entry->strength,
                      boolean(entry->is_hidden));
        separator = ",";
    }
    (void)fputc(']', stream);
}

static void put_single_faults(const struct faults *faults, bool is_for_learners, FILE *stream)
{
    const char *separator = "";
    (void)fputs(",\"faults\":[", stream);
    for (const struct fault *fault = faults_next(faults, NULL); fault != NULL;
         fault = faults_next(faults, fault)) {
        char text[FAULT_TEXT_MAX];
        if (!is_told(fault, is_for_learners)) {
            continue;
        }
        fault_format(fault, text);
        (void)fprintf(stream, "%s{\"id\":%u,\"scenario\":\"%s\",\"active\":%s,\"hidden\":%s",
                      separator, fault->id, fault->label, boolean(fault->is_active),
                      boolean(fault->is_hidden));
        put_member(stream, "fault", text);
        (void)fputc('}', stream);
        separator = ",";
    }
    (void)fputc(']', stream);
}

void account_put_faults(const struct dialog_parts *parts, bool is_for_learners, FILE *stream)
{
    put_groups(parts, is_for_learners, stream);
    put_log(parts->diary, is_for_learners, stream);
    put_single_faults(parts->faults, is_for_learners, stream);
}

/* ---- The line ---- */

void account_put_lines(const struct world *world, FILE *stream)
{
    const struct line *line = NULL;
    (void)fputs("\"lines\":[", stream);
    for (size_t i = 0; (line = world_line(world, i)) != NULL; i++) {
        double power_w = 0.0;
        double energy_wh = 0.0;
        for (unsigned k = 0; k < LINE_CONSUMERS_COUNT; k++) {
            power_w += line->power_w[k];
            energy_wh += line->energy_wh[k];
        }
        (void)fprintf(stream,
                      "%s{\"milled\":%lu,\"good\":%lu,\"scrap\":%lu,\"blanks\":%u,"
                      "\"pallet\":%u,\"power_w\":%.3f,\"energy_wh\":%.3f,"
                      "\"pressure_bar\":%.4f,\"co2_ppm\":%.2f,\"pv_w\":%.2f,\"mill_state\":%d}",
                      i > 0 ? "," : "", line->milled, line->good, line->scrap, line->blanks,
                      line->pallet, power_w, energy_wh, line->pressure_bar, line->co2_ppm,
                      line->pv_w, (int)line->mill_state);
    }
    (void)fputc(']', stream);
}

static void put_block(const struct registers_block *block, FILE *stream)
{
    (void)fprintf(stream, "\"%s:%u\":[", table_name(block->table), block->first);
    for (uint32_t i = 0; i < block->count; i++) {
        (void)fprintf(stream, "%s%u", i > 0 ? "," : "", block->words[i]);
    }
    (void)fputc(']', stream);
}

void account_put_machines(const struct dialog_parts *parts, FILE *stream)
{
    (void)fputs("\"machines\":{", stream);
    for (size_t i = 0; i < world_units_count(parts->world); i++) {
        struct world_unit *unit = world_unit(parts->world, i);
        const struct registers *registers = world_read(parts->world, unit, 0);
        struct registers_block block;
        (void)fprintf(stream, "%s\"%s\":{", i > 0 ? "," : "", unit->machine->name);
        for (size_t k = 0; registers_block(registers, k, &block); k++) {
            (void)fputs(k > 0 ? "," : "", stream);
            put_block(&block, stream);
        }
        (void)fputc('}', stream);
    }
    (void)fputc('}', stream);
}

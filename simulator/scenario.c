#include "simulator/scenario.h"

#include <stdio.h>
#include <string.h>

#include "config/units.h"

const struct scenario *scenario_all(void)
{
    return scenario_table;
}

/* What stands behind the scenario's id. */
struct wish {
    double strength;
    const char *start;
    const char *duration;
    const char *ramp; /* NULL: none */
    bool is_hidden;
};

static bool fail(struct fault_error *error, const char *what, const char *text)
{
    (void)snprintf(error->text, sizeof error->text, "%s: \"%.60s\"", what, text);
    return false;
}

const struct scenario *scenario_find(const char *text)
{
    size_t length = strcspn(text, " \t\r\n");
    for (const struct scenario *scenario = scenario_table; scenario->id != NULL; scenario++) {
        if (strlen(scenario->id) == length && strncmp(scenario->id, text, length) == 0) {
            return scenario;
        }
    }
    return NULL;
}

/* The rest of the word behind "key=", or NULL. */
static const char *value_of(const char *word, const char *key)
{
    size_t length = strlen(key);
    return strncmp(word, key, length) == 0 && word[length] == '=' ? word + length + 1 : NULL;
}

static bool read_word(const char *word, struct wish *wish, struct fault_error *error)
{
    static const struct {
        const char *key;
        size_t offset;
    } texts[] = {
        {"start", offsetof(struct wish, start)},
        {"delay", offsetof(struct wish, start)},
        {"duration", offsetof(struct wish, duration)},
        {"ramp", offsetof(struct wish, ramp)},
    };
    struct decimal decimal;
    const char *strength = value_of(word, "strength");
    if (strength != NULL && units_parse_decimal(strength, &decimal)) {
        wish->strength = decimal_to_double(decimal);
        return wish->strength >= 0 || fail(error, "a number from 0 on", word);
    }
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const char *value = value_of(word, texts[i].key);
        if (value != NULL) {
            *(const char **)(void *)((char *)wish + texts[i].offset) = value;
            return true;
        }
    }
    if (strcmp(word, "hidden") == 0 || strcmp(word, "shown") == 0) {
        wish->is_hidden = word[0] == 'h';
        return true;
    }
    return fail(error, "a scenario takes strength=, start=, duration=, ramp=, hidden, shown",
                word);
}

static double usual_value(const struct scenario_fault *fault)
{
    const char *parameter = strrchr(fault->text, '=');
    double usual = fault->scale == SCENARIO_PARAMETER && parameter != NULL
                       ? line_usual_parameter(parameter + 1)
                       : 0.0;
    return usual < 0 ? 0.0 : usual; /* negative: there is no usual value */
}

static double scale(const struct scenario_fault *fault, double strength)
{
    double usual = usual_value(fault);
    double value = usual + strength * (fault->value - usual);
    /* No strength turns a quantity into its opposite. */
    return fault->scale == SCENARIO_PLAIN      ? fault->value
           : (value < 0) == (fault->value < 0) ? value
                                               : 0.0;
}

bool scenario_figure(const struct scenario *scenario, double *usual, double *amount)
{
    double factor = scenario->factor > 0 ? scenario->factor : 1.0;
    for (size_t i = 0; i < SCENARIO_FAULTS_MAX && scenario->faults[i].text != NULL; i++) {
        if (scenario->faults[i].scale != SCENARIO_PLAIN) {
            *usual = factor * usual_value(&scenario->faults[i]);
            *amount = factor * scenario->faults[i].value;
            return true;
        }
    }
    return false;
}

bool scenario_can_grow(const struct scenario *scenario)
{
    bool can_grow = false;
    for (size_t i = 0; i < SCENARIO_FAULTS_MAX && scenario->faults[i].text != NULL; i++) {
        can_grow = can_grow || fault_can_grow(scenario->faults[i].text);
    }
    return can_grow;
}

static void append_key(char *text, size_t size, const char *key, const char *value)
{
    size_t length = strlen(text);
    if (value != NULL) {
        (void)snprintf(text + length, size - length, " %s=%s", key, value);
    }
}

static unsigned add_fault(struct faults *faults, const struct scenario_fault *fault,
                          const struct wish *wish, uint64_t steps, struct fault_error *error)
{
    char text[FAULT_TEXT_MAX + 1]; /* one more: a line that is cut is too long for a fault */
    (void)snprintf(text, sizeof text, "%s value=%.12g %s", fault->text,
                   scale(fault, wish->strength), wish->is_hidden ? "hidden" : "shown");
    append_key(text, sizeof text, "start", wish->start);
    append_key(text, sizeof text, "duration", wish->duration);
    append_key(text, sizeof text, "ramp", fault_can_grow(fault->text) ? wish->ramp : NULL);
    return faults_add(faults, text, steps, error);
}

/* What a scenario does not understand, though the words are right. */
static bool check(const struct scenario *scenario, const struct wish *wish,
                  struct fault_error *error)
{
    double usual = 0.0;
    double amount = 0.0;
    if (scenario->faults[0].text == NULL) {
        return fail(error,
                    "this concerns the broker, not a device: stop or slow it down itself",
                    scenario->id);
    }
    if (wish->ramp != NULL && !scenario_can_grow(scenario)) {
        return fail(error, "this is there or it is not: it takes no ramp", scenario->id);
    }
    bool is_usual = wish->strength >= 1.0 && wish->strength <= 1.0;
    return is_usual || scenario_figure(scenario, &usual, &amount) ||
           fail(error, "this is there or it is not: it takes no strength", scenario->id);
}

static unsigned add_all(struct faults *faults, const struct scenario *scenario,
                        const struct wish *wish, uint64_t steps, struct fault_error *error)
{
    unsigned group = 0;
    if (!check(scenario, wish, error)) {
        return 0;
    }
    for (size_t i = 0; i < SCENARIO_FAULTS_MAX && scenario->faults[i].text != NULL; i++) {
        unsigned id = add_fault(faults, &scenario->faults[i], wish, steps, error);
        if (id == 0 && group != 0) {
            (void)faults_clear(faults, group);
        }
        if (id == 0) {
            return 0;
        }
        group = group == 0 ? id : group;
        faults_join(faults, id, group, scenario->id, wish->strength);
    }
    return group;
}

unsigned scenario_add(struct faults *faults, const char *text, uint64_t steps,
                      struct fault_error *error)
{
    const struct scenario *scenario = scenario_find(text);
    if (scenario == NULL) {
        return faults_add(faults, text, steps, error);
    }
    char words[FAULT_TEXT_MAX];
    struct wish wish = {
        .strength = 1.0,
        .start = "0s",
        .duration = scenario->duration,
        .is_hidden = scenario->is_hidden,
    };
    if ((size_t)snprintf(words, sizeof words, "%s", text) >= sizeof words) {
        (void)fail(error, "the line is too long", text);
        return 0;
    }
    char *rest = NULL;
    (void)strtok_r(words, " \t\r\n", &rest); /* the scenario's id */
    const char *word = NULL;
    while ((word = strtok_r(NULL, " \t\r\n", &rest)) != NULL) {
        if (!read_word(word, &wish, error)) {
            return 0;
        }
    }
    return add_all(faults, scenario, &wish, steps, error);
}

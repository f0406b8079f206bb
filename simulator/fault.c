#include "simulator/fault.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "config/memory.h"
#include "config/names.h"
#include "config/units.h"
#include "simulator/mbap.h"

struct faults {
    struct fault faults[FAULTS_MAX];
    unsigned next_id;
    uint64_t version;
    bool have_grown;
    const struct factory *factory; /* NULL: any name is taken */
    struct names *targets;         /* of the factory; NULL without one */
};

/* ---- What they do to a reply ---- */

static void add_word(uint8_t *bytes, double value)
{
    unsigned word = (unsigned)(bytes[0] << 8 | bytes[1]) + (unsigned)(int64_t)value;
    bytes[0] = (uint8_t)(word >> 8);
    bytes[1] = (uint8_t)word;
}

static void mute(const struct fault *fault, struct fault_reply *reply, struct random *random)
{
    (void)fault;
    (void)random;
    reply->length = 0;
}

static void delay(const struct fault *fault, struct fault_reply *reply, struct random *random)
{
    (void)random;
    reply->delay_us += (int64_t)(fault->value * 1000.0);
}

static void dribble(const struct fault *fault, struct fault_reply *reply, struct random *random)
{
    (void)random;
    reply->dribble_us = (int64_t)(fault->value * 1000.0);
}

static void truncate_reply(const struct fault *fault, struct fault_reply *reply,
                           struct random *random)
{
    (void)random;
    size_t length = (size_t)fault->value;
    reply->length = length < reply->length ? length : reply->length;
}

static void wrong_transaction(const struct fault *fault, struct fault_reply *reply,
                              struct random *random)
{
    (void)random;
    add_word(reply->bytes, fault->value);
}

static void wrong_protocol(const struct fault *fault, struct fault_reply *reply,
                           struct random *random)
{
    (void)random;
    add_word(reply->bytes + 2, fault->value);
}

static void wrong_unit(const struct fault *fault, struct fault_reply *reply,
                       struct random *random)
{
    (void)random;
    reply->bytes[6] = (uint8_t)(reply->bytes[6] + (int64_t)fault->value);
}

static void lying_length(const struct fault *fault, struct fault_reply *reply,
                         struct random *random)
{
    (void)random;
    add_word(reply->bytes + 4, fault->value);
}

static void false_length(const struct fault *fault, struct fault_reply *reply,
                         struct random *random)
{
    (void)random;
    reply->bytes[4] = reply->bytes[5] = 0;
    add_word(reply->bytes + 4, fault->value);
}

static void exception(const struct fault *fault, struct fault_reply *reply,
                      struct random *random)
{
    (void)random;
    reply->bytes[4] = 0;
    reply->bytes[5] = 3;
    reply->bytes[7] |= 0x80;
    reply->bytes[8] = (uint8_t)fault->value;
    reply->length = 9;
}

static void reset(const struct fault *fault, struct fault_reply *reply, struct random *random)
{
    (void)fault;
    (void)random;
    reply->resets = true;
}

static void garbage(const struct fault *fault, struct fault_reply *reply, struct random *random)
{
    reply->length = (size_t)fault->value;
    for (size_t i = 0; i < reply->length; i++) {
        reply->bytes[i] = (uint8_t)random_next(random);
    }
}

#define EXCEPTION "exception-"
#define VALUE_MAX 1e7 /* milliseconds: hours; seconds: months; far from any overflow */

#define POWER_CYCLE  "power-cycle"
#define REBOOT_STEPS 80 /* how long a power cycle refuses unless it says otherwise */

#define VALUE(name, usual, mutate, help)                                                       \
    {                                                                                          \
        name, FAULT_ON_REPLY, usual, FAULT_RAW, FAULT_GROWS_IN_VALUE, help, mutate             \
    }
#define CHANCE(name, usual, mutate, help)                                                      \
    {                                                                                          \
        name, FAULT_ON_REPLY, usual, FAULT_RAW, FAULT_GROWS_IN_CHANCE, help, mutate            \
    }
#define STATE(name, effect, usual, help)                                                       \
    {                                                                                          \
        name, effect, usual, FAULT_RAW, FAULT_GROWS_NOT, help, NULL                            \
    }
#define HOLD(name, usual, hold, growth, help)                                                  \
    {                                                                                          \
        name, FAULT_ON_TAG, usual, hold, growth, help, NULL                                    \
    }

static const struct fault_kind kinds[] = {
    STATE("refuse", FAULT_ON_LISTENING, 0, "connections are reset and refused"),
    STATE(POWER_CYCLE, FAULT_ON_LISTENING, 2,
          "refused for its duration (8 s), then registers are 0 for value= s"),
    CHANCE("mute", 0, mute, "requests are taken and never answered"),
    VALUE("delay", 2500, delay, "value= ms later than usual"),
    VALUE("dribble", 5, dribble, "single bytes, value= ms apart"),
    CHANCE("truncate", 6, truncate_reply, "only the first value= bytes"),
    CHANCE("wrong-transaction", -1, wrong_transaction, "transaction id + value="),
    CHANCE("wrong-protocol", 7, wrong_protocol, "protocol id + value="),
    CHANCE("wrong-unit", 1, wrong_unit, "unit id + value="),
    CHANCE("lying-length", 40, lying_length, "length field + value="),
    CHANCE("false-length", 0, false_length, "length field = value="),
    CHANCE(EXCEPTION "N", 0, exception, "exception N (1 to 255) for an answer"),
    CHANCE("reset", 0, reset, "requests are answered with RST"),
    CHANCE("garbage", 64, garbage, "value= random bytes for an answer"),
    STATE("gone", FAULT_ON_ADDRESS, 0, "the registers at= no longer exist"),
    HOLD("stuck", 0, FAULT_STUCK, FAULT_GROWS_NOT, "the tag= (or all) keeps its value"),
    HOLD("raw", 0, FAULT_RAW, FAULT_GROWS_NOT, "the registers of tag= (or all) hold value="),
    HOLD("drift", 1, FAULT_DRIFT, FAULT_GROWS_IN_VALUE,
         "the number in tag= grows by value= a minute"),
    HOLD("noise", 1, FAULT_NOISE, FAULT_GROWS_IN_VALUE,
         "chance of deviation value= is added to tag="),
    HOLD("swap", 0, FAULT_SWAP, FAULT_GROWS_NOT, "the words of wider numbers come in reverse"),
    STATE("kick", FAULT_ON_CONNECTIONS, 5,
          "an intruder ends the connections every value= s of real time"),
    STATE("set", FAULT_ON_LINE, 0, "the line's parameter tag= is value="),
};
enum { KINDS_COUNT = sizeof kinds / sizeof kinds[0] };

/* ---- Text ---- */

enum { STEP_US = 100000 }; /* LINE_STEP_S, in whole numbers */

static bool fail(struct fault_error *error, const char *what, const char *text)
{
    (void)snprintf(error->text, sizeof error->text, "%s: \"%.60s\"", what, text);
    return false;
}

static bool parse_number(const char *text, double *number)
{
    struct decimal decimal;
    if (!units_parse_decimal(text, &decimal)) {
        return false;
    }
    *number = decimal_to_double(decimal);
    return true;
}

static bool parse_steps(const char *text, uint64_t *steps)
{
    uint64_t duration_us = 0;
    if (!units_parse_duration_us(text, &duration_us)) {
        return false;
    }
    *steps = duration_us / STEP_US;
    return true;
}

static bool parse_name(const char *text, char name[static FAULT_NAME_MAX])
{
    size_t length = strlen(text);
    if (length == 0 || length >= FAULT_NAME_MAX) {
        return false;
    }
    memcpy(name, text, length + 1);
    return true;
}

static bool parse_place(const char *text, struct fault *fault)
{
    const char *colon = strchr(text, ':');
    uint64_t address = 0;
    if (colon == NULL || !units_parse_unsigned(colon + 1, &address) || address > UINT16_MAX) {
        return false;
    }
    for (unsigned i = 0; i < TABLES_COUNT; i++) {
        const char *name = table_name((enum table)i);
        if (strlen(name) == (size_t)(colon - text) &&
            strncmp(name, text, (size_t)(colon - text)) == 0) {
            fault->table = (enum table)i;
            fault->address = (uint16_t)address;
            fault->has_place = true;
            return true;
        }
    }
    return false;
}

/* The parameters of a fault's line: one row a key. */
static bool parse_target(const char *text, struct fault *fault)
{
    return parse_name(text, fault->target);
}

static bool parse_tag(const char *text, struct fault *fault)
{
    return parse_name(text, fault->name);
}

static bool parse_start(const char *text, struct fault *fault)
{
    return parse_steps(text, &fault->first_step);
}

static bool parse_duration(const char *text, struct fault *fault)
{
    /* A duration until the start is known. None at all is for ever: a short one is a step. */
    uint64_t duration_us = 0;
    bool is_right = units_parse_duration_us(text, &duration_us);
    uint64_t steps = duration_us / STEP_US;
    fault->end_step = steps == 0 && duration_us > 0 ? 1 : steps;
    return is_right;
}

static bool parse_ramp(const char *text, struct fault *fault)
{
    return parse_steps(text, &fault->ramp_steps);
}

static bool parse_value(const char *text, struct fault *fault)
{
    return parse_number(text, &fault->value) && fault->value > -9e18 && fault->value < 9e18;
}

static bool parse_chance(const char *text, struct fault *fault)
{
    return parse_number(text, &fault->chance) && fault->chance >= 0 && fault->chance <= 1;
}

static bool parse_count(const char *text, struct fault *fault)
{
    uint64_t count = 0;
    bool is_right = units_parse_unsigned(text, &count) && count >= 1 && count <= UINT16_MAX;
    fault->count = (uint16_t)count;
    return is_right;
}

static const struct key {
    const char *name;
    bool (*parse)(const char *text, struct fault *fault);
    const char *accepted;
} keys[] = {
    {"target", parse_target, "the name of a link or a machine"},
    {"start", parse_start, "a duration, such as 10s"},
    {"delay", parse_start, "a duration, such as 10s"}, /* another word for start */
    {"duration", parse_duration, "a duration, such as 500ms"},
    {"ramp", parse_ramp, "a duration, such as 5min"},
    {"value", parse_value, "a number"},
    {"chance", parse_chance, "a number from 0 to 1"},
    {"tag", parse_tag, "a name"},
    {"at", parse_place, "TABLE:ADDRESS, such as input:18"},
    {"count", parse_count, "1 to 65535"},
};

static bool parse_word(const char *word, struct fault *fault, struct fault_error *error)
{
    const char *equals = strchr(word, '=');
    if (strcmp(word, "hidden") == 0 || strcmp(word, "shown") == 0) {
        fault->is_hidden = word[0] == 'h';
        return true;
    }
    for (size_t i = 0; equals != NULL && i < sizeof keys / sizeof keys[0]; i++) {
        size_t length = strlen(keys[i].name);
        if (length != (size_t)(equals - word) || strncmp(keys[i].name, word, length) != 0) {
            continue;
        }
        return keys[i].parse(equals + 1, fault) || fail(error, keys[i].accepted, word);
    }
    return fail(error, "no such parameter", word);
}

static const struct fault_kind *find_kind(const char *name)
{
    for (size_t i = 0; i < KINDS_COUNT; i++) {
        if (strcmp(kinds[i].name, name) == 0) {
            return &kinds[i];
        }
    }
    return NULL;
}

static bool parse_kind(const char *word, struct fault *fault, struct fault_error *error)
{
    uint64_t code = 0;
    bool is_exception = strncmp(word, EXCEPTION, sizeof EXCEPTION - 1) == 0;
    const struct fault_kind *kind = find_kind(is_exception ? EXCEPTION "N" : word);
    if (kind == NULL) {
        return fail(error, "no such fault", word);
    }
    if (is_exception &&
        (!units_parse_unsigned(strchr(word, '-') + 1, &code) || code < 1 || code > UINT8_MAX)) {
        return fail(error, "exception-1 to exception-255", word);
    }
    fault->kind = kind;
    fault->value = is_exception ? (double)code : kind->usual;
    return true;
}

static bool can_grow(const struct fault *fault)
{
    return fault->kind->effect == FAULT_ON_LINE ? line_can_grow(fault->name)
                                                : fault->kind->growth != FAULT_GROWS_NOT;
}

/* Where `value` is bytes or a time: a row a kind. The other kinds take any number. */
static const struct bounds {
    const char *kind;
    double low;
    double high;
} bounds[] = {
    {"delay", 0, VALUE_MAX},
    {"dribble", 0, VALUE_MAX},
    {"truncate", 0, VALUE_MAX},
    {"garbage", 0, FAULT_REPLY_MAX},
    {POWER_CYCLE, 0, VALUE_MAX},
    {"kick", 0.1, VALUE_MAX}, /* below, nobody could ask anything */
};

static bool check_value(const struct fault *fault, const char *text, struct fault_error *error)
{
    for (size_t i = 0; i < sizeof bounds / sizeof bounds[0]; i++) {
        char what[80];
        bool is_of_it = strcmp(bounds[i].kind, fault->kind->name) == 0;
        if (is_of_it && (fault->value < bounds[i].low || fault->value > bounds[i].high)) {
            (void)snprintf(what, sizeof what, "value must be from %.12g to %.12g",
                           bounds[i].low, bounds[i].high);
            return fail(error, what, text);
        }
    }
    return true;
}

/* What one key alone cannot tell. */
static bool check(const struct fault *fault, const char *text, struct fault_error *error)
{
    struct line_parameters parameters;
    enum fault_effect effect = fault->kind->effect;
    if (effect == FAULT_ON_ADDRESS && !fault->has_place) {
        return fail(error, "it needs at=TABLE:ADDRESS", text);
    }
    if (effect == FAULT_ON_LINE && line_find_parameter(&parameters, fault->name) == NULL) {
        return fail(error, "it needs tag=PARAMETER of the line", text);
    }
    if (fault->ramp_steps > 0 && !can_grow(fault)) {
        return fail(error, "this is there or it is not: it takes no ramp", text);
    }
    return check_value(fault, text, error);
}

static bool parse(const char *text, struct fault *fault, struct fault_error *error)
{
    char words[FAULT_TEXT_MAX];
    size_t length = strlen(text);
    if (length >= sizeof words) {
        return fail(error, "the line is too long", text);
    }
    memcpy(words, text, length + 1);
    char *rest = NULL;
    char *word = strtok_r(words, " \t\r\n", &rest);
    if (word == NULL) {
        return fail(error, "no fault is named", text);
    }
    if (!parse_kind(word, fault, error)) {
        return false;
    }
    while ((word = strtok_r(NULL, " \t\r\n", &rest)) != NULL) {
        if (!parse_word(word, fault, error)) {
            return false;
        }
    }
    return check(fault, text, error);
}

bool fault_can_grow(const char *text)
{
    struct fault_error ignored;
    struct fault fault = {.label = ""};
    return parse(text, &fault, &ignored) && can_grow(&fault);
}

/* Appends to the text what fits. */
static void append(char text[static FAULT_TEXT_MAX], const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void append(char text[static FAULT_TEXT_MAX], const char *format, ...)
{
    size_t length = strlen(text);
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text + length, FAULT_TEXT_MAX - length, format, arguments);
    va_end(arguments);
}

void fault_format(const struct fault *fault, char text[static FAULT_TEXT_MAX])
{
    text[0] = '\0';
    if (fault->kind->mutate == exception) {
        append(text, EXCEPTION "%.0f", fault->value);
    } else {
        append(text, "%s value=%.12g", fault->kind->name, fault->value);
    }
    append(text, " target=%s start=%.1fs", fault->target,
           (double)fault->first_step * LINE_STEP_S);
    if (fault->end_step != UINT64_MAX) {
        append(text, " duration=%.1fs",
               (double)(fault->end_step - fault->first_step) * LINE_STEP_S);
    }
    if (fault->ramp_steps > 0) {
        append(text, " ramp=%.1fs", (double)fault->ramp_steps * LINE_STEP_S);
    }
    if (fault->chance < 1.0) {
        append(text, " chance=%.12g", fault->chance);
    }
    if (fault->name[0] != '\0') {
        append(text, " tag=%s", fault->name);
    }
    if (fault->kind->effect == FAULT_ON_ADDRESS) {
        append(text, " at=%s:%u count=%u", table_name(fault->table), fault->address,
               fault->count);
    }
    append(text, "%s", fault->is_hidden ? " hidden" : "");
}

void fault_print_kinds(FILE *stream)
{
    for (size_t i = 0; i < KINDS_COUNT; i++) {
        (void)fprintf(stream, "  %-18s %s\n", kinds[i].name, kinds[i].help);
    }
}

/* ---- The set ---- */

static struct names *collect_targets(const struct factory *factory)
{
    struct names *targets = names_create();
    for (size_t i = 0; i < factory->machines_count; i++) {
        const struct machine *machine = &factory->machines[i];
        if (machine->simulate[0] != '\0') {
            (void)names_add(targets, machine->name, 0);
            (void)names_add(targets, factory->links[machine->link].name, 0);
        }
    }
    return targets;
}

struct faults *faults_create(const struct factory *factory)
{
    struct faults *faults = memory_allocate(1, sizeof *faults);
    faults->next_id = 1;
    faults->factory = factory;
    faults->targets = factory != NULL ? collect_targets(factory) : NULL;
    return faults;
}

void faults_destroy(struct faults *faults)
{
    if (faults != NULL) {
        names_destroy(faults->targets);
        free(faults);
    }
}

/* "what (did you mean NAME?)", when any of the names is near. */
static bool fail_near(struct fault_error *error, const char *what, const struct names *names,
                      const char *name)
{
    const char *nearest = names_nearest(names, name);
    char all[FAULT_NAME_MAX + 80];
    (void)snprintf(all, sizeof all, "%s%s%.60s%s", what,
                   nearest != NULL ? " (did you mean " : "", nearest != NULL ? nearest : "",
                   nearest != NULL ? "?)" : "");
    return fail(error, all, name);
}

/* A fault that is aimed at nobody would be waited for in vain. */
static bool check_target(const struct faults *faults, const struct fault *fault,
                         struct fault_error *error)
{
    if (faults->targets == NULL || strcmp(fault->target, "*") == 0 ||
        names_find(faults->targets, fault->target) != NAMES_NONE) {
        return true;
    }
    return fail_near(error, "no simulated link or machine", faults->targets, fault->target);
}

/* The map of the index-th machine, NULL when the fault is not aimed at it. */
static const struct map *aimed_map(const struct factory *factory, size_t index,
                                   const struct fault *fault)
{
    const struct machine *machine = &factory->machines[index];
    bool is_aimed_at = strcmp(fault->target, "*") == 0 ||
                       strcmp(fault->target, machine->name) == 0 ||
                       strcmp(fault->target, factory->links[machine->link].name) == 0;
    return is_aimed_at && machine->simulate[0] != '\0' ? machine->map : NULL;
}

static bool fail_tag(const struct factory *factory, const struct fault *fault,
                     struct fault_error *error)
{
    struct names *tags = names_create();
    for (size_t i = 0; i < factory->machines_count; i++) {
        const struct map *map = aimed_map(factory, i, fault);
        for (size_t k = 0; map != NULL && k < map->tags_count; k++) {
            (void)names_add(tags, map->tags[k].name, 0);
        }
    }
    (void)fail_near(error, "no such tag at its target", tags, fault->name);
    names_destroy(tags);
    return false;
}

/* So would one on a tag that none of its machines has. */
static bool check_tag(const struct faults *faults, const struct fault *fault,
                      struct fault_error *error)
{
    const struct factory *factory = faults->factory;
    bool names_tag = fault->name[0] != '\0' && fault->kind->effect != FAULT_ON_LINE;
    if (factory == NULL || !names_tag) {
        return true;
    }
    for (size_t i = 0; i < factory->machines_count; i++) {
        const struct map *map = aimed_map(factory, i, fault);
        if (map != NULL && map_find(map, fault->name) != NULL) {
            return true;
        }
    }
    return fail_tag(factory, fault, error);
}

static struct fault *find_room(struct faults *faults)
{
    for (size_t i = 0; i < FAULTS_MAX; i++) {
        if (faults->faults[i].kind == NULL) {
            return &faults->faults[i];
        }
    }
    return NULL;
}

static bool store(struct faults *faults, const struct fault *fault, struct fault_error *error)
{
    struct fault *room = find_room(faults);
    if (room == NULL) {
        return fail(error, "too many faults are set", fault->kind->name);
    }
    *room = *fault;
    return true;
}

/* What follows a power cycle: the registers of a device that has just booted. */
static bool store_boot(struct faults *faults, struct fault fault, struct fault_error *error)
{
    uint64_t boot_steps = (uint64_t)(fault.value / LINE_STEP_S);
    fault.first_step = fault.end_step;
    fault.end_step += boot_steps;
    fault.kind = find_kind("raw");
    fault.value = 0;
    return store(faults, &fault, error);
}

unsigned faults_add(struct faults *faults, const char *text, uint64_t steps,
                    struct fault_error *error)
{
    struct fault fault = {
        .label = "", .strength = 1.0, .target = "*", .chance = 1.0, .count = 1};
    if (!parse(text, &fault, error) || !check_target(faults, &fault, error) ||
        !check_tag(faults, &fault, error)) {
        return 0;
    }
    bool is_power_cycle = strcmp(fault.kind->name, POWER_CYCLE) == 0;
    uint64_t duration = is_power_cycle && fault.end_step == 0 ? REBOOT_STEPS : fault.end_step;
    fault.first_step += steps;
    fault.end_step = duration == 0 ? UINT64_MAX : fault.first_step + duration;
    fault.id = faults->next_id;
    if (!store(faults, &fault, error)) {
        return 0;
    }
    if (is_power_cycle && !store_boot(faults, fault, error)) {
        (void)faults_clear(faults, fault.id);
        return 0;
    }
    return faults->next_id++;
}

void faults_join(struct faults *faults, unsigned id, unsigned group, const char *label,
                 double strength)
{
    for (size_t i = 0; i < FAULTS_MAX; i++) {
        if (faults->faults[i].kind != NULL && faults->faults[i].id == id) {
            faults->faults[i].id = group;
            faults->faults[i].label = label;
            faults->faults[i].strength = strength;
        }
    }
}

size_t faults_clear(struct faults *faults, unsigned id)
{
    size_t count = 0;
    for (size_t i = 0; i < FAULTS_MAX; i++) {
        struct fault *fault = &faults->faults[i];
        if (fault->kind != NULL && (id == 0 || fault->id == id)) {
            fault->first_step = 0;
            fault->end_step = 0; /* the next step takes it away */
            count++;
        }
    }
    return count;
}

size_t faults_hide(struct faults *faults, unsigned id, bool is_hidden)
{
    size_t count = 0;
    for (size_t i = 0; i < FAULTS_MAX; i++) {
        struct fault *fault = &faults->faults[i];
        if (fault->kind != NULL && (id == 0 || fault->id == id)) {
            fault->is_hidden = is_hidden;
            count++;
        }
    }
    return count;
}

double fault_share(uint64_t first_step, uint64_t ramp_steps, uint64_t steps)
{
    if (steps < first_step) {
        return 0.0;
    }
    uint64_t since = steps - first_step;
    return since >= ramp_steps ? 1.0 : (double)since / (double)ramp_steps;
}

bool faults_advance(struct faults *faults, uint64_t steps)
{
    bool has_changed = false;
    faults->have_grown = false;
    for (size_t i = 0; i < FAULTS_MAX; i++) {
        struct fault *fault = &faults->faults[i];
        if (fault->kind == NULL) {
            continue;
        }
        bool was_active = fault->is_active;
        fault->is_active = steps >= fault->first_step && steps < fault->end_step;
        has_changed = has_changed || fault->is_active != was_active;
        double share = fault_share(fault->first_step, fault->ramp_steps, steps);
        faults->have_grown = faults->have_grown || share > fault->share;
        fault->share = share;
        if (steps >= fault->end_step) {
            *fault = (struct fault){.kind = NULL};
        }
    }
    faults->version += has_changed ? 1 : 0;
    return has_changed;
}

bool faults_have_grown(const struct faults *faults)
{
    return faults->have_grown;
}

uint64_t faults_version(const struct faults *faults)
{
    return faults->version;
}

const struct fault *faults_next(const struct faults *faults, const struct fault *previous)
{
    size_t next = previous == NULL ? 0 : (size_t)(previous - faults->faults) + 1;
    for (size_t i = next; i < FAULTS_MAX; i++) {
        if (faults->faults[i].kind != NULL) {
            return &faults->faults[i];
        }
    }
    return NULL;
}

bool fault_strikes(const struct fault *fault, enum fault_effect effect, const char *link,
                   const char *machine)
{
    return fault->is_active && fault->kind->effect == effect &&
           (strcmp(fault->target, "*") == 0 || strcmp(fault->target, link) == 0 ||
            strcmp(fault->target, machine) == 0);
}

void fault_apply(const struct fault *fault, struct fault_reply *reply, struct random *random)
{
    struct fault now = *fault;
    now.value *= fault->kind->growth == FAULT_GROWS_IN_VALUE ? fault->share : 1.0;
    now.chance *= fault->kind->growth == FAULT_GROWS_IN_CHANCE ? fault->share : 1.0;
    bool is_spared = now.chance < 1.0 && random_uniform(random) >= now.chance;
    if (!is_spared && reply->length >= 9 && fault->kind->mutate != NULL) {
        fault->kind->mutate(&now, reply, random);
    }
}

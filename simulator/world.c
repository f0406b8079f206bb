#include "simulator/world.h"

#include <stdlib.h>
#include <string.h>

#include "config/memory.h"

/* More steps than this at once would leave the clients waiting: about 0.1 s of work. */
enum { ADVANCE_STEPS_MAX = 20000 };

enum { STEP_US = 100000 }; /* LINE_STEP_S, in whole numbers: no rounding in the count */

#define WORLD_PRIME UINT64_C(0x9E3779B97F4A7C15) /* spreads neighbouring steps */

enum { MODELS_MAX = 32 };

/* A line and all its machines. */
struct production {
    struct line line;
    void *states[MODELS_MAX]; /* by the models' order; NULL: no machine of the line */
    struct random randoms[MODELS_MAX];
};

struct world {
    const struct model *const *models;
    size_t models_count;
    struct production *productions;
    size_t productions_count;
    struct world_unit *units;
    size_t units_count;
    struct faults *faults;
    uint64_t steps;
    uint64_t skipped; /* steps that a stall has cost */
};

/* ---- Making it ---- */

static void make_production(const struct world *world, struct production *production,
                            size_t index, uint64_t seed)
{
    line_init(&production->line);
    for (size_t i = 0; i < world->models_count; i++) {
        const struct model *model = world->models[i];
        if (!model_is_of_line(model)) {
            continue;
        }
        random_seed(&production->randoms[i], seed + index, model->name);
        production->states[i] = memory_allocate(1, model->size);
        if (model->init != NULL) {
            model->init(production->states[i], &production->line, &production->randoms[i]);
        }
    }
}

static size_t find_field(const struct model *model, const char *name)
{
    for (size_t i = 0; model->tags != NULL && model->tags[i].name != NULL; i++) {
        if (strcmp(model->tags[i].name, name) == 0) {
            return i;
        }
    }
    return WORLD_NO_FIELD;
}

static void bind_tags(struct world_unit *unit)
{
    const struct map *map = unit->machine->map;
    unit->fields = memory_allocate(map->tags_count, sizeof *unit->fields);
    unit->holds = memory_allocate(map->tags_count, sizeof *unit->holds);
    for (size_t i = 0; i < map->tags_count; i++) {
        unit->fields[i] = find_field(unit->model, map->tags[i].name);
    }
}

static void report_unknown_tags(const struct world_unit *unit)
{
    const struct map *map = unit->machine->map;
    for (size_t i = 0; unit->model->tags != NULL && i < map->tags_count; i++) {
        if (unit->fields[i] == WORLD_NO_FIELD) {
            (void)fprintf(stderr, "<5>world machine=%s tag=%s model=%s unknown, served as 0\n",
                          unit->machine->name, map->tags[i].name, unit->model->name);
        }
    }
}

static size_t count_before(const struct world *world, size_t count, const struct model *model)
{
    size_t same = 0;
    for (size_t i = 0; i < count; i++) {
        same += world->units[i].model == model ? 1 : 0;
    }
    return same;
}

static bool is_first_of_its_map(const struct world *world, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (world->units[i].machine->map == world->units[index].machine->map) {
            return false;
        }
    }
    return true;
}

/* Mixed: with the seed itself, a tag would have the noise of its neighbour under the next. */
static uint64_t mix_seed(uint64_t seed)
{
    struct random random;
    random_seed(&random, seed, "noise");
    return random_next(&random);
}

static void make_units(struct world *world, const struct factory *factory, uint64_t seed)
{
    for (size_t i = 0; i < factory->machines_count; i++) {
        const struct machine *machine = &factory->machines[i];
        if (machine->simulate[0] == '\0') {
            continue;
        }
        struct world_unit *unit = &world->units[world->units_count++];
        unit->machine = machine;
        unit->link = factory->links[machine->link].name;
        unit->noise_seed = mix_seed(seed);
        unit->model = model_find(machine->simulate);
        unit->personality = personality_find(machine->simulate);
        unit->registers = registers_create(machine, unit->personality->extra);
        bind_tags(unit);
        if (is_first_of_its_map(world, world->units_count - 1)) {
            report_unknown_tags(unit);
        }
    }
}

/* The k-th machine of a model stands in the k-th line. */
static size_t line_of_unit(const struct world *world, size_t index)
{
    return count_before(world, index, world->units[index].model);
}

static void join_lines(struct world *world, uint64_t seed)
{
    for (size_t i = 0; i < world->units_count; i++) {
        size_t needed =
            model_is_of_line(world->units[i].model) ? line_of_unit(world, i) + 1 : 0;
        world->productions_count =
            needed > world->productions_count ? needed : world->productions_count;
    }
    world->productions = memory_allocate(world->productions_count, sizeof(struct production));
    for (size_t i = 0; i < world->productions_count; i++) {
        make_production(world, &world->productions[i], i, seed);
    }
    for (size_t i = 0; i < world->units_count; i++) {
        struct world_unit *unit = &world->units[i];
        if (!model_is_of_line(unit->model)) {
            continue;
        }
        struct production *production = &world->productions[line_of_unit(world, i)];
        unit->line = &production->line;
        for (size_t k = 0; k < world->models_count; k++) {
            unit->state = world->models[k] == unit->model ? production->states[k] : unit->state;
        }
    }
}

/* "mill, oven, …": what can be served. */
static void list_models(char *text, size_t size)
{
    size_t count = 0;
    size_t length = 0;
    const struct model *const *models = model_all(&count);
    for (size_t i = 0; i < count && length < size; i++) {
        if (model_find(models[i]->name) != NULL) {
            int added = snprintf(text + length, size - length, "%s%s", length > 0 ? ", " : "",
                                 models[i]->name);
            length += added > 0 ? (size_t)added : 0;
        }
    }
}

static bool check_models(const struct factory *factory, struct problems *problems)
{
    size_t before = problems_count(problems);
    for (size_t i = 0; i < factory->machines_count; i++) {
        const struct machine *machine = &factory->machines[i];
        if (machine->simulate[0] != '\0' && model_find(machine->simulate) == NULL) {
            char where[160];
            char accepted[256];
            list_models(accepted, sizeof accepted);
            (void)snprintf(where, sizeof where, "machine %s/simulate", machine->name);
            problems_add(problems, factory->path, machine->line, where,
                         "there is no model \"%s\"; accepted: %s", machine->simulate, accepted);
        }
    }
    return problems_count(problems) == before;
}

struct world *world_create(const struct factory *factory, uint64_t seed, struct faults *faults,
                           struct problems *problems)
{
    if (!check_models(factory, problems)) {
        return NULL;
    }
    struct world *world = memory_allocate(1, sizeof *world);
    world->models = model_all(&world->models_count);
    world->faults = faults;
    world->units = memory_allocate(factory->machines_count, sizeof *world->units);
    make_units(world, factory, seed);
    join_lines(world, seed);
    world_step(world); /* what nobody has measured yet must not be served */
    return world;
}

void world_destroy(struct world *world)
{
    if (world == NULL) {
        return;
    }
    for (size_t i = 0; i < world->units_count; i++) {
        registers_destroy(world->units[i].registers);
        free(world->units[i].fields);
        free(world->units[i].holds);
    }
    for (size_t i = 0; i < world->productions_count; i++) {
        for (size_t k = 0; k < MODELS_MAX; k++) {
            free(world->productions[i].states[k]);
        }
    }
    free(world->productions);
    free(world->units);
    free(world);
}

/* ---- Registers ---- */

static void put_field(struct world_unit *unit, size_t tag)
{
    const struct model_tag *field = &unit->model->tags[unit->fields[tag]];
    const char *place = (const char *)unit->state + field->offset;
    switch (field->kind) {
    case MODEL_BOOLEAN:
        registers_put_integer(unit->registers, tag, *(const bool *)place);
        break;
    case MODEL_INTEGER:
        registers_put_integer(unit->registers, tag, *(const int64_t *)(const void *)place);
        break;
    case MODEL_NUMBER:
        registers_put_number(unit->registers, tag, *(const double *)(const void *)place);
        break;
    case MODEL_TEXT: registers_put_text(unit->registers, tag, place); break;
    case MODEL_TIME:
        registers_put_time(unit->registers, tag, *(const int64_t *)(const void *)place);
        break;
    }
}

/* A number without luck of its own: the same for a seed, a tag and a step whoever reads, and
 * when. */
static double noise(const struct world_unit *unit, size_t tag, uint64_t steps)
{
    struct random random;
    random_seed(&random, unit->noise_seed + steps * WORLD_PRIME + tag, unit->machine->name);
    return random_normal(&random);
}

static void fill_value(struct world_unit *unit, size_t tag, uint64_t steps)
{
    if (unit->model->fill != NULL) {
        unit->model->fill(unit->registers, tag, steps);
    } else if (unit->fields[tag] != WORLD_NO_FIELD) {
        put_field(unit, tag);
    }
}

static void add_to_value(struct world_unit *unit, size_t tag, double addend)
{
    double number = registers_get_number(unit->registers, tag);
    registers_put_number(unit->registers, tag, number + addend);
}

static void fill_tag(struct world_unit *unit, size_t tag, uint64_t steps)
{
    const struct world_hold *hold = &unit->holds[tag];
    if (!hold->is_held) {
        fill_value(unit, tag, steps);
        return;
    }
    double value = hold->value * fault_share(hold->first_step, hold->ramp_steps, steps);
    switch (hold->hold) {
    case FAULT_STUCK: break;
    case FAULT_RAW:
        registers_put_raw(unit->registers, tag, (uint64_t)(int64_t)hold->value);
        break;
    case FAULT_DRIFT: {
        double minutes = (double)(steps - hold->first_step) * LINE_STEP_S / 60.0;
        fill_value(unit, tag, steps);
        add_to_value(unit, tag, value * minutes);
        break;
    }
    case FAULT_NOISE:
        fill_value(unit, tag, steps);
        add_to_value(unit, tag, value * noise(unit, tag, steps));
        break;
    case FAULT_SWAP:
        fill_value(unit, tag, steps);
        registers_swap_words(unit->registers, tag);
        break;
    }
}

/* Those that have an exponent in another tag, or the others. */
static void fill_tags(struct world_unit *unit, bool has_exponent, uint64_t steps)
{
    const struct map *map = unit->machine->map;
    for (size_t i = 0; i < map->tags_count; i++) {
        if ((map->tags[i].scale_tag >= 0) == has_exponent) {
            fill_tag(unit, i, steps);
        }
    }
}

static void fill(struct world_unit *unit, uint64_t steps)
{
    if (unit->is_filled && unit->filled_steps == steps) {
        return;
    }
    /* Exponents first: they say how the others are written. */
    fill_tags(unit, false, steps);
    fill_tags(unit, true, steps);
    unit->is_filled = true;
    unit->filled_steps = steps;
}

const struct registers *world_read(struct world *world, struct world_unit *unit,
                                   int64_t time_us)
{
    fill(unit, world->steps);
    if (unit->model->touch != NULL) {
        unit->model->touch(unit->registers, time_us);
    }
    return unit->registers;
}

static void take_field(struct world_unit *unit, size_t tag)
{
    const struct model_tag *field = &unit->model->tags[unit->fields[tag]];
    char *place = (char *)unit->state + field->offset;
    double number = registers_get_number(unit->registers, tag);
    switch (field->kind) {
    case MODEL_BOOLEAN: *(bool *)place = number > 0; break;
    case MODEL_INTEGER: *(int64_t *)(void *)place = (int64_t)number; break;
    case MODEL_NUMBER: *(double *)(void *)place = number; break;
    case MODEL_TEXT:
    case MODEL_TIME: break; /* nobody writes these */
    }
}

void world_written(struct world_unit *unit, enum table table, uint16_t address, uint16_t count)
{
    const struct map *map = unit->machine->map;
    for (size_t i = 0; i < map->tags_count; i++) {
        const struct tag *tag = &map->tags[i];
        uint32_t first = machine_wire_address(unit->machine, tag);
        bool is_touched = tag->table == table && first < (uint32_t)address + count &&
                          address < first + tag->registers;
        if (is_touched && unit->fields[i] != WORLD_NO_FIELD) {
            take_field(unit, i);
        }
    }
}

/* ---- Time ---- */

static void hold_tags(struct world_unit *unit, const struct fault *fault)
{
    const struct map *map = unit->machine->map;
    for (size_t i = 0; i < map->tags_count; i++) {
        if (fault->name[0] == '\0' || strcmp(fault->name, map->tags[i].name) == 0) {
            unit->holds[i] = (struct world_hold){
                .is_held = true,
                .hold = fault->kind->hold,
                .value = fault->value,
                .first_step = fault->first_step,
                .ramp_steps = fault->ramp_steps,
            };
        }
    }
}

static void apply_tag_faults(struct world *world, struct world_unit *unit)
{
    fill(unit, world->steps); /* what gets stuck keeps the value of this very step */
    unit->is_filled = false;
    for (size_t i = 0; i < unit->machine->map->tags_count; i++) {
        unit->holds[i].is_held = false;
    }
    for (const struct fault *fault = faults_next(world->faults, NULL); fault != NULL;
         fault = faults_next(world->faults, fault)) {
        if (fault_strikes(fault, FAULT_ON_TAG, unit->link, unit->machine->name)) {
            hold_tags(unit, fault);
        }
    }
}

static void apply_line_faults(struct world *world, struct line *line)
{
    struct line usual;
    line_init(&usual);
    line->parameters = usual.parameters;
    for (const struct fault *fault = faults_next(world->faults, NULL); fault != NULL;
         fault = faults_next(world->faults, fault)) {
        bool strikes = fault_strikes(fault, FAULT_ON_LINE, "", "");
        for (size_t i = 0; !strikes && i < world->units_count; i++) {
            const struct world_unit *unit = &world->units[i];
            strikes = unit->line == line &&
                      fault_strikes(fault, FAULT_ON_LINE, unit->link, unit->machine->name);
        }
        if (strikes) {
            double *parameter = line_find_parameter(&line->parameters, fault->name);
            *parameter = fault->share < 1.0
                             ? *parameter + fault->share * (fault->value - *parameter)
                             : fault->value;
        }
    }
}

static void apply_all_line_faults(struct world *world)
{
    for (size_t i = 0; i < world->productions_count; i++) {
        apply_line_faults(world, &world->productions[i].line);
    }
}

static void apply_faults(struct world *world)
{
    for (size_t i = 0; i < world->units_count; i++) {
        apply_tag_faults(world, &world->units[i]);
    }
    apply_all_line_faults(world);
}

static void step_production(const struct world *world, struct production *production)
{
    line_begin_step(&production->line);
    for (size_t i = 0; i < world->models_count; i++) {
        if (production->states[i] != NULL) {
            world->models[i]->step(production->states[i], &production->line,
                                   &production->randoms[i]);
        }
    }
    line_end_step(&production->line);
}

void world_step(struct world *world)
{
    if (faults_advance(world->faults, world->steps)) {
        apply_faults(world);
    } else if (faults_have_grown(world->faults)) {
        apply_all_line_faults(world);
    }
    for (size_t i = 0; i < world->productions_count; i++) {
        step_production(world, &world->productions[i]);
    }
    world->steps++;
}

uint64_t world_steps(const struct world *world)
{
    return world->steps;
}

uint64_t world_advance(struct world *world, int64_t elapsed_us, double speed)
{
    uint64_t wanted = (uint64_t)((double)elapsed_us * speed / STEP_US);
    uint64_t behind =
        wanted > world->steps + world->skipped ? wanted - world->steps - world->skipped : 0;
    uint64_t skipped = behind > ADVANCE_STEPS_MAX ? behind - ADVANCE_STEPS_MAX : 0;
    world->skipped += skipped;
    for (uint64_t i = skipped; i < behind; i++) {
        world_step(world);
    }
    return skipped;
}

size_t world_units_count(const struct world *world)
{
    return world->units_count;
}

struct world_unit *world_unit(struct world *world, size_t index)
{
    return &world->units[index];
}

const struct line *world_line(const struct world *world, size_t index)
{
    return index < world->productions_count ? &world->productions[index].line : NULL;
}

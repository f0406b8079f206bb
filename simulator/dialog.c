#include "simulator/dialog.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "simulator/scenario.h"

/* --- Reading: a flat object of strings and whole numbers --------------------------------- */

struct request {
    char command[32];
    char fault[FAULT_TEXT_MAX];
    char id[16];
};

static const struct {
    const char *name;
    size_t offset;
    size_t size;
} members[] = {
    {"command", offsetof(struct request, command), sizeof((struct request *)0)->command},
    {"fault", offsetof(struct request, fault), sizeof((struct request *)0)->fault},
    {"id", offsetof(struct request, id), sizeof((struct request *)0)->id},
};

static const char *skip_blanks(const char *text)
{
    while (isspace((unsigned char)*text)) {
        text++;
    }
    return text;
}

/* Copies the string that begins behind the quote; returns what follows it, NULL when it is no
 * string or too long. Escapes of other than printable characters are not needed here. */
static const char *read_string(const char *text, char *value, size_t size)
{
    size_t length = 0;
    for (; *text != '"'; text++) {
        text += *text == '\\' ? 1 : 0;
        if ((unsigned char)*text < ' ' || length + 1 >= size) {
            return NULL;
        }
        value[length++] = *text;
    }
    value[length] = '\0';
    return text + 1;
}

static const char *read_number(const char *text, char *value, size_t size)
{
    size_t length = strspn(text, "0123456789");
    if (length == 0 || length >= size) {
        return NULL;
    }
    memcpy(value, text, length);
    value[length] = '\0';
    return text + length;
}

static const char *read_member(const char *text, struct request *request)
{
    char name[16];
    char ignored[FAULT_TEXT_MAX];
    char *value = ignored;
    size_t size = sizeof ignored;
    text = skip_blanks(text);
    text = *text == '"' ? read_string(text + 1, name, sizeof name) : NULL;
    text = text != NULL ? skip_blanks(text) : NULL;
    if (text == NULL || *text != ':') {
        return NULL;
    }
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        if (strcmp(members[i].name, name) == 0) {
            value = (char *)request + members[i].offset;
            size = members[i].size;
        }
    }
    text = skip_blanks(text + 1);
    text = *text == '"' ? read_string(text + 1, value, size) : read_number(text, value, size);
    return text != NULL ? skip_blanks(text) : NULL;
}

static bool read_request(const char *text, struct request *request)
{
    *request = (struct request){.id = ""};
    text = skip_blanks(text);
    if (*text != '{') {
        return false;
    }
    do {
        text = read_member(text + 1, request);
    } while (text != NULL && *text == ',');
    return text != NULL && *text == '}' && *skip_blanks(text + 1) == '\0';
}

/* --- Writing ----------------------------------------------------------------------------- */

void dialog_put_string(FILE *stream, const char *text)
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

static void put_error(FILE *reply, const char *text)
{
    (void)fputs("{\"ok\":false,\"error\":", reply);
    dialog_put_string(reply, text);
    (void)fputc('}', reply);
}

static void put_faults(const struct faults *faults, FILE *reply)
{
    const char *separator = "";
    (void)fputs("\"faults\":[", reply);
    for (const struct fault *fault = faults_next(faults, NULL); fault != NULL;
         fault = faults_next(faults, fault)) {
        char text[FAULT_TEXT_MAX];
        fault_format(fault, text);
        (void)fprintf(reply, "%s{\"id\":%u,\"scenario\":\"%s\",\"active\":%s,\"hidden\":%s,",
                      separator, fault->id, fault->label, fault->is_active ? "true" : "false",
                      fault->is_hidden ? "true" : "false");
        (void)fputs("\"fault\":", reply);
        dialog_put_string(reply, text);
        (void)fputc('}', reply);
        separator = ",";
    }
    (void)fputc(']', reply);
}

static void put_lines(const struct world *world, FILE *reply)
{
    const struct line *line = NULL;
    (void)fputs("\"lines\":[", reply);
    for (size_t i = 0; (line = world_line(world, i)) != NULL; i++) {
        double power_w = 0.0;
        double energy_wh = 0.0;
        for (unsigned k = 0; k < LINE_CONSUMERS_COUNT; k++) {
            power_w += line->power_w[k];
            energy_wh += line->energy_wh[k];
        }
        (void)fprintf(reply,
                      "%s{\"milled\":%lu,\"good\":%lu,\"scrap\":%lu,\"blanks\":%u,"
                      "\"pallet\":%u,\"power_w\":%.3f,\"energy_wh\":%.3f,"
                      "\"pressure_bar\":%.4f,\"co2_ppm\":%.2f,\"pv_w\":%.2f,\"mill_state\":%d}",
                      i > 0 ? "," : "", line->milled, line->good, line->scrap, line->blanks,
                      line->pallet, power_w, energy_wh, line->pressure_bar, line->co2_ppm,
                      line->pv_w, (int)line->mill_state);
    }
    (void)fputc(']', reply);
}

/* --- The commands ------------------------------------------------------------------------ */

static void inject(const struct dialog_parts *parts, const struct request *request, FILE *reply)
{
    struct fault_error error = {""};
    unsigned id =
        scenario_add(parts->faults, request->fault, world_steps(parts->world), &error);
    if (id == 0) {
        put_error(reply, error.text);
    } else {
        (void)fprintf(reply, "{\"ok\":true,\"id\":%u}", id);
    }
}

static void clear(const struct dialog_parts *parts, const struct request *request, FILE *reply)
{
    unsigned long id = strtoul(request->id, NULL, 10);
    size_t cleared = id <= UINT32_MAX ? faults_clear(parts->faults, (unsigned)id) : 0;
    (void)fprintf(reply, "{\"ok\":true,\"cleared\":%zu}", cleared);
}

static void list(const struct dialog_parts *parts, const struct request *request, FILE *reply)
{
    static const char *const languages[SCENARIO_LANGUAGES_COUNT] = {"fr", "de", "en"};
    (void)parts;
    (void)request;
    (void)fputs("{\"ok\":true,\"scenarios\":[", reply);
    for (const struct scenario *scenario = scenario_all(); scenario->id != NULL; scenario++) {
        (void)fprintf(reply, "%s{\"id\":\"%s\",\"category\":\"%s\",\"target\":\"%s\"",
                      scenario == scenario_all() ? "" : ",", scenario->id, scenario->category,
                      scenario->target);
        for (unsigned i = 0; i < SCENARIO_LANGUAGES_COUNT; i++) {
            (void)fprintf(reply, ",\"title_%s\":", languages[i]);
            dialog_put_string(reply, scenario->titles[i]);
        }
        (void)fprintf(reply, ",\"hidden\":%s,\"simulated\":%s}",
                      scenario->is_hidden ? "true" : "false",
                      scenario->faults[0].text != NULL ? "true" : "false");
    }
    (void)fputs("]}", reply);
}

static void status(const struct dialog_parts *parts, const struct request *request, FILE *reply)
{
    uint64_t steps = world_steps(parts->world);
    (void)request;
    (void)fprintf(reply,
                  "{\"ok\":true,\"steps\":%llu,\"time_s\":%.1f,\"seed\":%llu,\"speed\":%g,"
                  "\"machines\":%zu,\"broker\":\"N03 and N04 concern the broker, which is "
                  "none of the simulator's\",",
                  (unsigned long long)steps, (double)steps * LINE_STEP_S,
                  (unsigned long long)parts->seed, parts->speed,
                  world_units_count(parts->world));
    put_lines(parts->world, reply);
    (void)fputc(',', reply);
    put_faults(parts->faults, reply);
    (void)fputc('}', reply);
}

static void put_block(const struct registers_block *block, FILE *reply)
{
    (void)fprintf(reply, "\"%s:%u\":[", table_name(block->table), block->first);
    for (uint32_t i = 0; i < block->count; i++) {
        (void)fprintf(reply, "%s%u", i > 0 ? "," : "", block->words[i]);
    }
    (void)fputc(']', reply);
}

static void dump(const struct dialog_parts *parts, const struct request *request, FILE *reply)
{
    (void)request;
    (void)fprintf(reply, "{\"ok\":true,\"steps\":%llu,\"machines\":{",
                  (unsigned long long)world_steps(parts->world));
    for (size_t i = 0; i < world_units_count(parts->world); i++) {
        struct world_unit *unit = world_unit(parts->world, i);
        const struct registers *registers = world_read(parts->world, unit, 0);
        struct registers_block block;
        (void)fprintf(reply, "%s\"%s\":{", i > 0 ? "," : "", unit->machine->name);
        for (size_t k = 0; registers_block(registers, k, &block); k++) {
            (void)fputs(k > 0 ? "," : "", reply);
            put_block(&block, reply);
        }
        (void)fputc('}', reply);
    }
    (void)fputs("},", reply);
    put_lines(parts->world, reply);
    (void)fputc('}', reply);
}

static const struct {
    const char *name;
    void (*run)(const struct dialog_parts *parts, const struct request *request, FILE *reply);
} table[] = {
    {"inject", inject}, {"clear", clear}, {"list", list}, {"status", status}, {"dump", dump},
};

void dialog_answer(const struct dialog_parts *parts, const char *line, FILE *reply)
{
    struct request request;
    bool is_known = false;
    if (!read_request(line, &request)) {
        put_error(reply, "this is no flat JSON object with strings and whole numbers");
        (void)fputc('\n', reply);
        return;
    }
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (strcmp(table[i].name, request.command) == 0) {
            table[i].run(parts, &request, reply);
            is_known = true;
        }
    }
    if (!is_known) {
        put_error(reply, "\"command\" must be inject, clear, list, status or dump");
    }
    (void)fputc('\n', reply);
}

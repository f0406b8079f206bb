#include "simulator/dialog.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "simulator/account.h"
#include "simulator/scenario.h"

/* ---- Reading: a flat object of strings and whole numbers ---- */

struct request {
    char command[32];
    char fault[FAULT_TEXT_MAX];
    char id[16];
    char audience[16];
};

static const struct {
    const char *name;
    size_t offset;
    size_t size;
} members[] = {
    {"command", offsetof(struct request, command), sizeof((struct request *)0)->command},
    {"fault", offsetof(struct request, fault), sizeof((struct request *)0)->fault},
    {"id", offsetof(struct request, id), sizeof((struct request *)0)->id},
    {"audience", offsetof(struct request, audience), sizeof((struct request *)0)->audience},
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

static void put_error(FILE *reply, const char *text)
{
    (void)fputs("{\"ok\":false,\"error\":", reply);
    account_put_string(reply, text);
    (void)fputc('}', reply);
}

/* ---- The commands ---- */

static unsigned read_id(const struct request *request)
{
    unsigned long id = strtoul(request->id, NULL, 10);
    return id <= UINT32_MAX ? (unsigned)id : UINT32_MAX; /* which no fault has */
}

static const struct fault *find_fault(const struct faults *faults, unsigned id)
{
    const struct fault *fault = faults_next(faults, NULL);
    while (fault != NULL && fault->id != id) {
        fault = faults_next(faults, fault);
    }
    return fault;
}

/* Enters into the diary what is done to the fault of that id, while it is still there. */
static void note(const struct dialog_parts *parts, const char *action, unsigned id,
                 const char *text)
{
    const struct fault *fault = find_fault(parts->faults, id);
    struct diary_entry entry = {
        .action = action,
        .id = id,
        .time_ms = parts->now_ms,
        .steps = world_steps(parts->world),
        .is_hidden = fault != NULL && fault->is_hidden,
        .strength = fault != NULL ? fault->strength : 1.0,
        .scenario = fault != NULL ? fault->label : "",
    };
    (void)snprintf(entry.fault, sizeof entry.fault, "%s", text);
    diary_write(parts->diary, &entry);
}

static void inject(const struct dialog_parts *parts, const struct request *request, FILE *reply)
{
    struct fault_error error = {""};
    unsigned id =
        scenario_add(parts->faults, request->fault, world_steps(parts->world), &error);
    if (id == 0) {
        put_error(reply, error.text);
        return;
    }
    note(parts, "inject", id, request->fault);
    (void)fprintf(reply, "{\"ok\":true,\"id\":%u}", id);
}

static void clear(const struct dialog_parts *parts, const struct request *request, FILE *reply)
{
    unsigned id = read_id(request);
    if (id == 0 || find_fault(parts->faults, id) != NULL) {
        note(parts, "clear", id, "");
    }
    (void)fprintf(reply, "{\"ok\":true,\"cleared\":%zu}", faults_clear(parts->faults, id));
}

static void change_hiding(const struct dialog_parts *parts, const struct request *request,
                          bool is_hidden, FILE *reply)
{
    unsigned id = read_id(request);
    size_t changed = faults_hide(parts->faults, id, is_hidden);
    diary_hide(parts->diary, id, is_hidden);
    if (changed > 0) {
        note(parts, is_hidden ? "hide" : "reveal", id, "");
    }
    (void)fprintf(reply, "{\"ok\":true,\"changed\":%zu}", changed);
}

static void hide(const struct dialog_parts *parts, const struct request *request, FILE *reply)
{
    change_hiding(parts, request, true, reply);
}

static void reveal(const struct dialog_parts *parts, const struct request *request, FILE *reply)
{
    change_hiding(parts, request, false, reply);
}

static void list(const struct dialog_parts *parts, const struct request *request, FILE *reply)
{
    (void)parts;
    (void)request;
    (void)fputs("{\"ok\":true,", reply);
    account_put_scenarios(reply);
    (void)fputc('}', reply);
}

static void status(const struct dialog_parts *parts, const struct request *request, FILE *reply)
{
    uint64_t steps = world_steps(parts->world);
    (void)fprintf(reply,
                  "{\"ok\":true,\"steps\":%llu,\"time_s\":%.1f,\"seed\":%llu,\"speed\":%g,"
                  "\"machines\":%zu,\"broker\":\"N03 and N04 concern the broker, which is "
                  "none of the simulator's\",",
                  (unsigned long long)steps, (double)steps * LINE_STEP_S,
                  (unsigned long long)parts->seed, parts->speed,
                  world_units_count(parts->world));
    account_put_lines(parts->world, reply);
    (void)fputc(',', reply);
    account_put_faults(parts, strcmp(request->audience, "learner") == 0, reply);
    (void)fputc('}', reply);
}

static void dump(const struct dialog_parts *parts, const struct request *request, FILE *reply)
{
    (void)request;
    (void)fprintf(reply, "{\"ok\":true,\"steps\":%llu,",
                  (unsigned long long)world_steps(parts->world));
    account_put_machines(parts, reply);
    (void)fputc(',', reply);
    account_put_lines(parts->world, reply);
    (void)fputc('}', reply);
}

static const struct {
    const char *name;
    void (*run)(const struct dialog_parts *parts, const struct request *request, FILE *reply);
} table[] = {
    {"inject", inject}, {"clear", clear},   {"hide", hide}, {"reveal", reveal},
    {"list", list},     {"status", status}, {"dump", dump},
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
        put_error(reply,
                  "\"command\" must be inject, clear, hide, reveal, list, status or dump");
    }
    (void)fputc('\n', reply);
}

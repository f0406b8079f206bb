#include "config/keys.h"

#include <stdarg.h>
#include <string.h>

#include "config/endpoint.h"
#include "config/source.h"
#include "config/text.h"
#include "config/units.h"

enum { MINUTE_MS = 60000, HOUR_MS = 3600000, DAY_MS = 86400000 };
enum { DAY_S = 86400 };

#define KIB                      (UINT64_C(1) << 10)
#define TIB                      (UINT64_C(1) << 40)
#define AT(structure, member)    .offset = offsetof(struct structure, member)
#define RANGE(smallest, largest) .min = (smallest), .max = (largest)
#define NO_DEFAULT               NULL /* must be given */

static const struct {
    const char *name;
    size_t size;
    bool is_named;
} sections[SECTIONS_COUNT] = {
    [SECTION_SITE] = {"site", sizeof(struct site), false},
    [SECTION_GATEWAY] = {"gateway", sizeof(struct gateway), false},
    [SECTION_BROKER] = {"broker", sizeof(struct broker_draft), false},
    [SECTION_JOURNAL] = {"journal", sizeof(struct journal_settings), false},
    [SECTION_WEB] = {"web", sizeof(struct web_draft), false},
    [SECTION_LINK] = {"link", sizeof(struct link), true},
    [SECTION_MACHINE] = {"machine", sizeof(struct machine_draft), true},
};

/* One key, two lines or three.
 * clang-format would put every member into a column of its own. */
/* clang-format off */
static const struct key keys[] = {
    {SECTION_SITE, KEY_TOPICS, "root", .standard = "formlab", AT(site, root),
     .help = "first level or levels of every topic"},
    {SECTION_SITE, KEY_TEXT, "title", .standard = "", AT(site, title),
     .help = "what people call the site"},

    {SECTION_GATEWAY, KEY_NAME, "name", .standard = "gw1", AT(gateway, name),
     .help = "name of this gateway: its own topics, and its client id at the broker"},
    {SECTION_GATEWAY, KEY_NOW, "now", RANGE(0, HOUR_MS), .standard = "100 ms",
     AT(gateway, now_ms), .offset_enabled = offsetof(struct gateway, now_is_enabled),
     .help = "least time between two `now` messages of a tag; off: none"},

    {SECTION_BROKER, KEY_TEXT, "url", .standard = "mqtt://127.0.0.1:1883",
     AT(broker_draft, url),
     .help = "mqtt://host[:port], mqtts:// for TLS; several, separated by commas, are tried "
             "in turn"},
    {SECTION_BROKER, KEY_CHOICE, "version", .standard = "5", .choices = "3.1.1|5",
     AT(broker_draft, broker.version),
     .help = "of MQTT; with 3.1.1 a refused message cannot be told"},
    {SECTION_BROKER, KEY_TEXT, "username", .standard = "", AT(broker_draft, broker.username),
     .help = "empty: none"},
    {SECTION_BROKER, KEY_FILE, "password_file", .standard = "",
     AT(broker_draft, broker.password_file),
     .help = "its first line is the password"},
    {SECTION_BROKER, KEY_FILE, "ca_file", .standard = "", AT(broker_draft, broker.ca_file),
     .help = "PEM certificates that may sign the broker's; needed for mqtts"},
    {SECTION_BROKER, KEY_FILE, "cert_file", .standard = "", AT(broker_draft, broker.cert_file),
     .help = "PEM certificate of this gateway, with key_file"},
    {SECTION_BROKER, KEY_FILE, "key_file", .standard = "", AT(broker_draft, broker.key_file),
     .help = "PEM key of this gateway, with cert_file"},

    {SECTION_JOURNAL, KEY_FILE, "file", .standard = "formlab.db", AT(journal_settings, file),
     .help = "the SQLite file"},
    {SECTION_JOURNAL, KEY_SIZE, "max_size", RANGE(256 * KIB, TIB), .standard = "1 GiB",
     AT(journal_settings, max_size_bytes),
     .help = "file and WAL together; the oldest samples go first"},
    {SECTION_JOURNAL, KEY_SECONDS, "max_age", RANGE(1, UINT64_C(3660) * DAY_S), .standard = "30 d",
     AT(journal_settings, max_age_s),
     .help = "samples older than that go"},
    {SECTION_JOURNAL, KEY_MS, "commit", RANGE(0, MINUTE_MS), .standard = "100 ms",
     AT(journal_settings, commit_ms),
     .help = "the most a power cut may take; 0: each poll is committed"},
    {SECTION_JOURNAL, KEY_CHOICE, "sync", .standard = "full", .choices = "full|normal",
     AT(journal_settings, sync),
     .help = "full outlives a power cut, normal a crash of the program"},
    {SECTION_JOURNAL, KEY_MODE, "mode", RANGE(0600, 0777), .standard = "0640",
     AT(journal_settings, mode),
     .help = "permissions of the files, octal"},

    {SECTION_WEB, KEY_LISTEN, "listen", .standard = "off", AT(web_draft, web.listen),
     .help = "address of the page, host:port; off: no page"},
    {SECTION_WEB, KEY_FILE, "lab", .standard = "", AT(web_draft, web.lab),
     .help = "control socket of the simulator; empty: no Lab"},
    {SECTION_WEB, KEY_FILE, "lab_pin_file", .standard = "", AT(web_draft, web.lab_pin_file),
     .help = "its first line is the PIN of the Lab"},
    {SECTION_WEB, KEY_TEXT, "power", .standard = "", AT(web_draft, power),
     .help = "MACHINE.TAG of the power taken from the grid, for the wall; empty: none"},
    {SECTION_WEB, KEY_TEXT, "good", .standard = "", AT(web_draft, good),
     .help = "MACHINE.TAG of a counter of parts, for the wall"},
    {SECTION_WEB, KEY_TEXT, "scrap", .standard = "", AT(web_draft, scrap),
     .help = "MACHINE.TAG of a counter of those of them that are no good"},

    {SECTION_LINK, KEY_WORD, "driver", .standard = "modbus-tcp", .choices = "modbus-tcp",
     AT(link, driver),
     .help = "how to talk to what is there"},
    {SECTION_LINK, KEY_HOST, "host", .standard = NO_DEFAULT, AT(link, host),
     .help = "name, IPv4 or IPv6 address"},
    {SECTION_LINK, KEY_NUMBER, "port", RANGE(1, 65535), .standard = "502", AT(link, port),
     .help = "TCP port"},
    {SECTION_LINK, KEY_MS, "timeout", RANGE(10, MINUTE_MS), .standard = "1 s",
     AT(link, timeout_ms),
     .help = "for connecting, and for each request"},
    {SECTION_LINK, KEY_MS, "gap", RANGE(0, 10000), .standard = "0", AT(link, gap_ms),
     .help = "pause between a reply and the next request"},
    {SECTION_LINK, KEY_MS, "settle", RANGE(0, MINUTE_MS), .standard = "0", AT(link, settle_ms),
     .help = "pause after connecting"},
    {SECTION_LINK, KEY_NUMBER, "max_registers", RANGE(1, 125), .standard = "125",
     AT(link, max_registers),
     .help = "registers that one request may read"},
    {SECTION_LINK, KEY_NUMBER, "max_bits", RANGE(1, 2000), .standard = "2000",
     AT(link, max_bits),
     .help = "coils or discrete inputs that one request may read"},
    {SECTION_LINK, KEY_NUMBER, "max_hole", RANGE(0, 124), .standard = "16", AT(link, max_hole),
     .help = "registers that may be read for nothing to save a request; 16 times as many bits"},

    {SECTION_MACHINE, KEY_TEXT, "link", .standard = NO_DEFAULT, AT(machine_draft, link),
     .help = "name of the [link] it is behind"},
    {SECTION_MACHINE, KEY_TOPIC, "area", .standard = NO_DEFAULT,
     AT(machine_draft, machine.area),
     .help = "where it stands: the topic level between root and machine"},
    {SECTION_MACHINE, KEY_BYTE, "unit_id", RANGE(0, 255), .standard = "1",
     AT(machine_draft, machine.unit_id),
     .help = "Modbus unit behind the link; 248 to 254 do not exist"},
    {SECTION_MACHINE, KEY_FILE, "map", .standard = NO_DEFAULT, AT(machine_draft, map),
     .help = "register map of its type, a CSV file"},
    {SECTION_MACHINE, KEY_BYTE, "base", RANGE(0, 1), .standard = "0",
     AT(machine_draft, machine.base),
     .help = "what the map's addresses count from: 1 where the manual does"},
    {SECTION_MACHINE, KEY_MS, "every", RANGE(FACTORY_PERIOD_MIN_MS, DAY_MS), .standard = "1 s",
     AT(machine_draft, machine.every_ms),
     .help = "pace of its polls"},
    {SECTION_MACHINE, KEY_NOW, "now", RANGE(0, HOUR_MS), .standard = "",
     AT(machine_draft, machine.now_ms),
     .offset_enabled = offsetof(struct machine_draft, machine.now_is_enabled),
     .help = "as in [gateway], for this machine; empty: the gateway's"},
    {SECTION_MACHINE, KEY_CHOICE, "record", .standard = "all", .choices = "all|changes",
     AT(machine_draft, machine.record),
     .help = "which samples the journal takes"},
    {SECTION_MACHINE, KEY_TEXT, "headline", .standard = "", AT(machine_draft, headline),
     .help = "the tag whose number stands on the page's wall; empty: none"},
    {SECTION_MACHINE, KEY_BAND, "normal", .standard = "", AT(machine_draft, machine.normal),
     .help = "where the headline lies while all is well, such as 6.3 .. 7.7; empty: not said"},
    {SECTION_MACHINE, KEY_TEXT, "title_fr", .standard = "",
     AT(machine_draft, machine.titles[0]),
     .help = "what people call it, in French"},
    {SECTION_MACHINE, KEY_TEXT, "title_de", .standard = "",
     AT(machine_draft, machine.titles[1]),
     .help = "in German"},
    {SECTION_MACHINE, KEY_TEXT, "title_en", .standard = "",
     AT(machine_draft, machine.titles[2]),
     .help = "in English"},
    {SECTION_MACHINE, KEY_TEXT, "simulate", .standard = "", AT(machine_draft, machine.simulate),
     .help = "the simulator's model of it; empty: not simulated"},
};
/* clang-format on */

enum { KEYS_COUNT = sizeof keys / sizeof keys[0] };

const char *keys_section_name(enum section_kind kind)
{
    return sections[kind].name;
}

bool keys_section_is_named(enum section_kind kind)
{
    return sections[kind].is_named;
}

size_t keys_section_size(enum section_kind kind)
{
    return sections[kind].size;
}

int keys_section_find(const char *name, const char **nearest)
{
    struct nearest search;
    text_nearest_start(&search, name);
    for (int i = 0; i < SECTIONS_COUNT; i++) {
        if (strcmp(sections[i].name, name) == 0) {
            return i;
        }
        text_nearest_try(&search, sections[i].name);
    }
    *nearest = text_nearest_found(&search);
    return -1;
}

const struct key *keys_of(enum section_kind kind, size_t *count)
{
    size_t first = 0;
    while (keys[first].section != kind) {
        first++;
    }
    size_t end = first;
    while (end < KEYS_COUNT && keys[end].section == kind) {
        end++;
    }
    *count = end - first;
    return &keys[first];
}

/* How a type reads its values: `parse` writes to `place` and says whether it could. */
struct context {
    const struct key *key;
    struct arena *arena;
    const char *file;
    void *target;
    void *place; /* target + offset */
};

static bool parse_text(const struct context *context, const char *text)
{
    if (text_has_control(text)) {
        return false;
    }
    *(const char **)context->place = text;
    return true;
}

static bool parse_name(const struct context *context, const char *text)
{
    return text_is_name(text, true) && parse_text(context, text);
}

/* Levels of a topic: MQTT 5.0, 4.7; `$` and `_gateway` are taken. */
static bool is_topic(const char *text)
{
    size_t length = strlen(text);
    return length > 0 && length <= TEXT_LEVELS_MAX && strpbrk(text, "+#") == NULL &&
           text[0] != '$' && text[0] != '/' && text[length - 1] != '/' &&
           strstr(text, "//") == NULL;
}

static bool parse_topic(const struct context *context, const char *text)
{
    return is_topic(text) && strchr(text, '/') == NULL && strcmp(text, "_gateway") != 0 &&
           parse_text(context, text);
}

static bool parse_topics(const struct context *context, const char *text)
{
    return is_topic(text) && parse_text(context, text);
}

static bool parse_file(const struct context *context, const char *text)
{
    bool is_empty = *text == '\0';
    if (is_empty && (context->key->standard == NULL || *context->key->standard != '\0')) {
        return false;
    }
    return parse_text(context,
                      is_empty ? "" : source_beside(context->arena, context->file, text));
}

static bool parse_host(const struct context *context, const char *text)
{
    const char *host = endpoint_parse_host(context->arena, text, strlen(text));
    return host != NULL && parse_text(context, host);
}

static bool parse_listen(const struct context *context, const char *text)
{
    if (*text == '\0' || strcmp(text, "off") == 0) {
        return parse_text(context, "");
    }
    const char *host = NULL;
    uint16_t port = 0;
    return endpoint_parse(context->arena, text, &host, &port) && parse_text(context, text);
}

static bool is_in_range(const struct key *key, uint64_t number)
{
    return number >= key->min && number <= key->max;
}

static bool parse_byte(const struct context *context, const char *text)
{
    uint64_t number = 0;
    if (!units_parse_unsigned(text, &number) || !is_in_range(context->key, number)) {
        return false;
    }
    *(uint8_t *)context->place = (uint8_t)number;
    return true;
}

static bool parse_number(const struct context *context, const char *text)
{
    uint64_t number = 0;
    if (!units_parse_unsigned(text, &number) || !is_in_range(context->key, number)) {
        return false;
    }
    *(uint16_t *)context->place = (uint16_t)number;
    return true;
}

static bool parse_duration(const struct key *key, const char *text, uint64_t unit_us,
                           uint64_t *number)
{
    uint64_t duration_us = 0;
    if (!units_parse_duration_us(text, &duration_us) || duration_us % unit_us != 0 ||
        !is_in_range(key, duration_us / unit_us)) {
        return false;
    }
    *number = duration_us / unit_us;
    return true;
}

static bool parse_ms(const struct context *context, const char *text)
{
    uint64_t number = 0;
    if (!parse_duration(context->key, text, 1000, &number)) {
        return false;
    }
    *(uint32_t *)context->place = (uint32_t)number;
    return true;
}

static bool parse_seconds(const struct context *context, const char *text)
{
    return parse_duration(context->key, text, 1000000, context->place);
}

static bool parse_size(const struct context *context, const char *text)
{
    uint64_t number = 0;
    if (!units_parse_size(text, &number) || !is_in_range(context->key, number)) {
        return false;
    }
    *(uint64_t *)context->place = number;
    return true;
}

static bool parse_mode(const struct context *context, const char *text)
{
    size_t length = strspn(text, "01234567");
    unsigned mode = 0;
    if (text[length] != '\0' || length < 3 || length > 4) {
        return false;
    }
    for (const char *p = text; *p != '\0'; p++) {
        mode = mode * 8 + (unsigned)(*p - '0');
    }
    if (!is_in_range(context->key, mode)) {
        return false;
    }
    *(unsigned *)context->place = mode;
    return true;
}

/* The place of the text among `choices`, -1 when it is not there. */
static int choice_of(const char *choices, const char *text)
{
    size_t length = strlen(text);
    const char *choice = choices;
    for (int i = 0;; i++) {
        size_t choice_length = strcspn(choice, "|");
        if (choice_length == length && memcmp(choice, text, length) == 0) {
            return i;
        }
        if (choice[choice_length] == '\0') {
            return -1;
        }
        choice += choice_length + 1;
    }
}

static bool parse_choice(const struct context *context, const char *text)
{
    int choice = choice_of(context->key->choices, text);
    if (choice < 0) {
        return false;
    }
    *(int *)context->place = choice;
    return true;
}

static bool parse_word(const struct context *context, const char *text)
{
    return choice_of(context->key->choices, text) >= 0 && parse_text(context, text);
}

/* "155 .. 165", the lower first. */
static bool parse_band(const struct context *context, const char *text)
{
    struct band band = {.is_given = *text != '\0'};
    if (band.is_given) {
        const char *between = strstr(text, "..");
        const char *low = text;
        const char *high = between != NULL ? between + 2 : "";
        size_t low_length = between != NULL ? (size_t)(between - text) : 0;
        size_t high_length = strlen(high);
        text_trim(&low, &low_length);
        text_trim(&high, &high_length);
        if (!units_parse_decimal(arena_copy(context->arena, low, low_length), &band.low) ||
            !units_parse_decimal(arena_copy(context->arena, high, high_length), &band.high) ||
            decimal_to_double(band.low) >= decimal_to_double(band.high)) {
            return false;
        }
    }
    *(struct band *)context->place = band;
    return true;
}

static bool parse_now(const struct context *context, const char *text)
{
    if (*text == '\0' && *context->key->standard == '\0') {
        return true; /* stays what the gateway says */
    }
    bool is_off = strcmp(text, "off") == 0;
    if (!is_off && !parse_ms(context, text)) {
        return false;
    }
    *(bool *)((char *)context->target + context->key->offset_enabled) = !is_off;
    return true;
}

/* clang-format off */
static const struct {
    const char *name;
    bool (*parse)(const struct context *context, const char *text);
    const char *accepted; /* printf format; NULL where the range or the choices tell it */
    const char *unit;
} types[] = {
    [KEY_TEXT] = {"text", parse_text, "any text without control characters", ""},
    [KEY_NAME] = {"name", parse_name, "1 to 64 of the characters a-z 0-9 _ -", ""},
    [KEY_TOPIC] = {"topic", parse_topic,
        "one topic level: no / + #, no $ at its start, not _gateway, at most 128 bytes", ""},
    [KEY_TOPICS] = {"topics", parse_topics,
        "topic levels separated by /, none of them empty, no + or #, no $ at the start, "
        "at most 128 bytes", ""},
    [KEY_FILE] = {"file", parse_file, "a path, relative to the file that names it", ""},
    [KEY_HOST] = {"host", parse_host, "a host name, an IPv4 or an IPv6 address", ""},
    [KEY_LISTEN] = {"address", parse_listen,
        "host:port such as 127.0.0.1:8080 or [::1]:8080, or off", ""},
    [KEY_BYTE] = {"number", parse_byte, NULL, ""},
    [KEY_NUMBER] = {"number", parse_number, NULL, ""},
    [KEY_MS] = {"duration", parse_ms, NULL, "ms"},
    [KEY_SECONDS] = {"duration", parse_seconds, NULL, "s"},
    [KEY_SIZE] = {"size", parse_size, NULL, "B"},
    [KEY_MODE] = {"mode", parse_mode,
        "octal permissions from 0600 to 0777 that let the owner read and write, such as "
        "0640", ""},
    [KEY_CHOICE] = {"choice", parse_choice, NULL, ""},
    [KEY_WORD] = {"choice", parse_word, NULL, ""},
    [KEY_BAND] = {"band", parse_band, "two numbers, the lower first, such as 6.3 .. 7.7", ""},
    [KEY_NOW] = {"duration", parse_now, NULL, "ms"},
};
/* clang-format on */

struct step {
    const char *unit;
    uint64_t factor;
};

/* The largest unit in which the number is whole: 86400000 ms is "1 d". */
static void print_number(uint64_t number, const struct step *steps, char *text, size_t size)
{
    const struct step *step = steps;
    while (number == 0 || number % step->factor != 0) {
        if (step->factor == 1) {
            break;
        }
        step++;
    }
    (void)snprintf(text, size, "%llu%s%s", (unsigned long long)(number / step->factor),
                   *step->unit == '\0' ? "" : " ", step->unit);
}

static const struct step *steps_of(enum key_type type)
{
    static const struct step plain[] = {{"", 1}};
    static const struct step ms[] = {
        {"d", DAY_MS}, {"h", HOUR_MS}, {"min", MINUTE_MS}, {"s", 1000}, {"ms", 1}};
    static const struct step seconds[] = {{"d", DAY_S}, {"h", 3600}, {"min", 60}, {"s", 1}};
    static const struct step sizes[] = {
        {"TiB", TIB}, {"GiB", KIB * KIB * KIB}, {"MiB", KIB * KIB}, {"KiB", KIB}, {"B", 1}};
    const char *unit = types[type].unit;
    if (*unit == '\0') {
        return plain;
    }
    return *unit == 'm' ? ms : *unit == 's' ? seconds : sizes;
}

static void print_range(const struct key *key, const char *between, char *text, size_t size)
{
    char min[24];
    char max[24];
    print_number(key->min, steps_of(key->type), min, sizeof min);
    print_number(key->max, steps_of(key->type), max, sizeof max);
    (void)snprintf(text, size, "%s%s%s", min, between, max);
}

/* "full|normal" → "full, normal" */
static void write_choices(const char *choices, char *text, size_t size)
{
    size_t used = 0;
    for (const char *p = choices; *p != '\0' && used + 3 < size; p++) {
        if (*p == '|') {
            text[used++] = ',';
            text[used++] = ' ';
        } else {
            text[used++] = *p;
        }
    }
    text[used] = '\0';
}

static const char *unit_hint(enum key_type type)
{
    switch (*types[type].unit) {
    case 'm': return ", with a unit: ms, s, min, h, d, whole milliseconds";
    case 's': return ", with a unit: s, min, h, d, whole seconds";
    case 'B': return ", with a unit: B, kB, KiB, MB, MiB, GB, GiB, TiB";
    default: return "";
    }
}

void keys_accepted(const struct key *key, char accepted[static KEYS_ERROR_SIZE])
{
    if (key->choices != NULL) {
        write_choices(key->choices, accepted, KEYS_ERROR_SIZE);
    } else if (types[key->type].accepted != NULL) {
        (void)snprintf(accepted, KEYS_ERROR_SIZE, "%s", types[key->type].accepted);
    } else {
        char range[64];
        print_range(key, " to ", range, sizeof range);
        (void)snprintf(accepted, KEYS_ERROR_SIZE, "%s%s%s", range, unit_hint(key->type),
                       key->type == KEY_NOW ? "; or off" : "");
    }
}

static const char *nearest_choice(const struct key *key, struct arena *arena, const char *text)
{
    struct nearest nearest;
    text_nearest_start(&nearest, text);
    const char *choice = key->choices;
    while (choice != NULL && *choice != '\0') {
        size_t length = strcspn(choice, "|");
        text_nearest_try(&nearest, arena_copy(arena, choice, length));
        choice += length + (choice[length] == '|');
    }
    return text_nearest_found(&nearest);
}

bool keys_parse(const struct key *key, struct arena *arena, const char *file, const char *text,
                void *target, char error[static KEYS_ERROR_SIZE])
{
    struct context context = {
        .key = key,
        .arena = arena,
        .file = file,
        .target = target,
        .place = (char *)target + key->offset,
    };
    if (types[key->type].parse(&context, text)) {
        return true;
    }
    char accepted[KEYS_ERROR_SIZE];
    char hint[TEXT_HINT_SIZE];
    keys_accepted(key, accepted);
    const char *meant = nearest_choice(key, arena, text);
    (void)snprintf(error, KEYS_ERROR_SIZE, "\"%.60s\" is not accepted%s accepted: %.180s", text,
                   text_hint(meant, hint), accepted);
    return false;
}

void factory_print_keys(FILE *stream)
{
    (void)fprintf(stream, "%-10s%-15s%-10s%-22s%-23s%-6s%s\n", "section", "key", "type",
                  "accepted", "default", "unit", "meaning");
    for (const struct key *key = keys; key < keys + KEYS_COUNT; key++) {
        char accepted[64] = "";
        if (key->choices != NULL) {
            (void)snprintf(accepted, sizeof accepted, "%s", key->choices);
        } else if (key->type == KEY_MODE) {
            (void)snprintf(accepted, sizeof accepted, "0600 to 0777");
        } else if (key->max > 0) {
            print_range(key, " to ", accepted, sizeof accepted);
        }
        (void)fprintf(stream, "%-10s%-15s%-10s%-22s%-23s%-6s%s\n", sections[key->section].name,
                      key->name, types[key->type].name, *accepted == '\0' ? "-" : accepted,
                      key->standard == NULL    ? "(must be given)"
                      : *key->standard == '\0' ? "-"
                                               : key->standard,
                      *types[key->type].unit == '\0' ? "-" : types[key->type].unit, key->help);
    }
    (void)fprintf(stream, "%-10s%-15s%-10s%-22s%-23s%-6s%s\n", "(any)", "include", "file", "-",
                  "-", "-", "reads that file too, as if it stood here");
}

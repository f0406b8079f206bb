#include "gateway/export.h"

#include <inttypes.h>
#include <string.h>

#include "gateway/clock.h"
#include "gateway/payload.h"

/* One tag of a sample, with what the payload says about it elsewhere. */
struct value {
    struct payload_member member;
    struct payload_member reason; /* its name's length is 0 unless the value is bad */
    const char *quality;
};

struct export_format {
    const char *name;
    char separator; /* CSV only */
    char decimal;
    bool is_marked; /* begins with a byte order mark */
    void (*write)(const struct export_format *format, const struct journal_row *row,
                  const struct value *value, FILE *stream);
};

static bool is_named(const struct payload_member *member, const char *name)
{
    return strlen(name) == member->name_length &&
           memcmp(member->name, name, member->name_length) == 0;
}

/* The members of a payload that are no tags. */
static bool is_reserved(const struct payload_member *member)
{
    static const char *const names[] = {"seq", "run", "time", "t", "q", "bad", "late"};
    for (size_t at = 0; at < sizeof names / sizeof names[0]; at++) {
        if (is_named(member, names[at])) {
            return true;
        }
    }
    return false;
}

/* ---- texts ---- */

static unsigned hex_digit(char digit)
{
    return (unsigned)(digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10) & 15;
}

static void write_utf8(unsigned code, FILE *stream)
{
    if (code < 0x80) {
        (void)fputc((int)code, stream);
    } else if (code < 0x800) {
        (void)fputc((int)(0xC0 | code >> 6), stream);
        (void)fputc((int)(0x80 | (code & 0x3F)), stream);
    } else {
        (void)fputc((int)(0xE0 | code >> 12), stream);
        (void)fputc((int)(0x80 | (code >> 6 & 0x3F)), stream);
        (void)fputc((int)(0x80 | (code & 0x3F)), stream);
    }
}

/* Writes what one escape stands for; returns how many characters of JSON it took. Our payloads
 * escape control characters only: no surrogates. */
static size_t write_escape(const char *json, size_t length, FILE *stream)
{
    static const char letters[] = "bfnrt";
    static const char meanings[] = "\b\f\n\r\t";
    if (json[1] == 'u' && length >= 6) {
        write_utf8(hex_digit(json[2]) << 12 | hex_digit(json[3]) << 8 |
                       hex_digit(json[4]) << 4 | hex_digit(json[5]),
                   stream);
        return 6;
    }
    const char *letter = strchr(letters, json[1]);
    (void)fputc(letter != NULL && json[1] != '\0' ? meanings[letter - letters] : json[1],
                stream);
    return 2;
}

/* A JSON string as a quoted field of CSV: what it means, quotes doubled. */
static void write_text(const char *json, size_t length, FILE *stream)
{
    (void)fputc('"', stream);
    size_t at = 1;
    while (at + 1 < length) {
        if (json[at] == '\\' && json[at + 1] == '"') {
            (void)fputs("\"\"", stream);
            at += 2;
        } else if (json[at] == '\\' && at + 2 < length) {
            at += write_escape(json + at, length - at - 1, stream);
        } else {
            (void)fputc(json[at++], stream);
        }
    }
    (void)fputc('"', stream);
}

static void write_number(const char *json, size_t length, char decimal, FILE *stream)
{
    for (size_t at = 0; at < length; at++) {
        (void)fputc(json[at] == '.' ? decimal : json[at], stream);
    }
}

/* Without its quotes: reasons are plain words. */
static void write_word(const struct payload_member *member, FILE *stream)
{
    if (member->value_length > 2) {
        (void)fwrite(member->value + 1, 1, member->value_length - 2, stream);
    }
}

/* ---- the formats ---- */

static void write_csv(const struct export_format *format, const struct journal_row *row,
                      const struct value *value, FILE *stream)
{
    char time[CLOCK_ISO_LENGTH];
    clock_format_iso(row->time_us, time);
    const struct payload_member *member = &value->member;
    char separator = format->separator;
    (void)fprintf(stream, "%" PRIu64 "%c%" PRIu64 "%c%.*s%c%s%c%.*s%c", row->seq, separator,
                  row->run, separator, CLOCK_ISO_LENGTH, time, separator, row->name, separator,
                  (int)member->name_length, member->name, separator);
    if (member->value[0] == '"') {
        write_text(member->value, member->value_length, stream);
    } else if (member->value[0] != 'n') { /* null: nothing */
        write_number(member->value, member->value_length, format->decimal, stream);
    }
    (void)fprintf(stream, "%c%s%c", separator, value->quality, separator);
    if (value->reason.name_length > 0) {
        write_word(&value->reason, stream);
    }
    (void)fputs("\r\n", stream);
}

/* One tag as an object of the same shape; its `q` is the tag's own. */
static void write_json(const struct export_format *format, const struct journal_row *row,
                       const struct value *value, FILE *stream)
{
    (void)format;
    char time[CLOCK_ISO_LENGTH];
    clock_format_iso(row->time_us, time);
    const struct payload_member *member = &value->member;
    (void)fprintf(stream,
                  "{\"machine\":\"%s\",\"seq\":%" PRIu64 ",\"run\":%" PRIu64
                  ",\"time\":\"%.*s\",\"t\":%" PRId64 ",\"q\":\"%s\",\"%.*s\":%.*s",
                  row->name, row->seq, row->run, CLOCK_ISO_LENGTH, time, row->time_us / 1000,
                  value->quality, (int)member->name_length, member->name,
                  (int)member->value_length, member->value);
    if (value->reason.name_length > 0) {
        (void)fprintf(stream, ",\"bad\":{\"%.*s\":%.*s}", (int)member->name_length,
                      member->name, (int)value->reason.value_length, value->reason.value);
    }
    (void)fputs("}\n", stream);
}

static const struct export_format formats[] = {
    {"csv", ',', '.', false, write_csv},
    {"csv-fr", ';', ',', true, write_csv},
    {"jsonl", 0, '.', false, write_json},
};

const struct export_format *export_find(const char *name)
{
    for (size_t at = 0; at < sizeof formats / sizeof formats[0]; at++) {
        if (strcmp(formats[at].name, name) == 0) {
            return &formats[at];
        }
    }
    return NULL;
}

void export_header(const struct export_format *format, FILE *stream)
{
    static const char *const columns[] = {"run",   "time",    "machine", "tag",
                                          "value", "quality", "reason"};
    if (format->separator == 0) {
        return;
    }
    (void)fputs(format->is_marked ? "\xEF\xBB\xBFseq" : "seq", stream);
    for (size_t at = 0; at < sizeof columns / sizeof columns[0]; at++) {
        (void)fprintf(stream, "%c%s", format->separator, columns[at]);
    }
    (void)fputs("\r\n", stream);
}

/* ---- one sample ---- */

/* The member of that name, `name_length` 0 when there is none. */
static struct payload_member find_member(const char *text, size_t length, const char *name,
                                         size_t name_length)
{
    struct payload_member member;
    size_t position = 0;
    while (payload_next(text, length, &position, &member)) {
        if (member.name_length == name_length && memcmp(member.name, name, name_length) == 0) {
            return member;
        }
    }
    return (struct payload_member){.name_length = 0};
}

static bool is_listed(const struct journal_row *row, const struct payload_member *member)
{
    if (row->uncertain_length == strlen("true")) {
        return memcmp(row->uncertain, "true", row->uncertain_length) == 0;
    }
    /* A quote ends a name and cannot be in one. */
    const char *found = row->uncertain;
    const char *end = row->uncertain + row->uncertain_length;
    while ((found = memmem(found, (size_t)(end - found), member->name, member->name_length)) !=
           NULL) {
        bool is_whole = found > row->uncertain && found[-1] == '"' &&
                        found + member->name_length < end && found[member->name_length] == '"';
        if (is_whole) {
            return true;
        }
        found++;
    }
    return false;
}

static struct value describe(const struct journal_row *row, const struct payload_member *member,
                             const struct payload_member *bad)
{
    struct value value = {.member = *member, .quality = "good"};
    if (member->value[0] == 'n') {
        value.quality = "bad";
        if (bad->name_length > 0) {
            value.reason =
                find_member(bad->value, bad->value_length, member->name, member->name_length);
        }
    } else if (row->uncertain_length > 0 && is_listed(row, member)) {
        value.quality = "uncertain";
    }
    return value;
}

size_t export_row(const struct export_format *format, const struct journal_row *row,
                  const char *tag, FILE *stream)
{
    if (row->payload_length < strlen("{}")) {
        return 0;
    }
    if (tag == NULL && format->write == write_json) {
        /* The bytes that were published, from behind the brace on. */
        (void)fprintf(stream, "{\"machine\":\"%s\",%.*s\n", row->name,
                      (int)row->payload_length - 1, row->payload + 1);
        return 1;
    }
    struct payload_member bad =
        find_member(row->payload, row->payload_length, "bad", strlen("bad"));
    struct payload_member member;
    size_t position = 0;
    size_t lines = 0;
    while (payload_next(row->payload, row->payload_length, &position, &member)) {
        if (!is_reserved(&member) && (tag == NULL || is_named(&member, tag))) {
            struct value value = describe(row, &member, &bad);
            format->write(format, row, &value, stream);
            lines++;
        }
    }
    return lines;
}

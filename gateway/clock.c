#include "gateway/clock.h"

#include <string.h>
#include <time.h>

#include "config/units.h"

enum { US_PER_S = 1000000 };
#define US_PER_DAY  (INT64_C(86400) * US_PER_S)
#define WALL_MAX_US (INT64_C(253402300800) * US_PER_S - 1) /* end of 9999 */
/* This program was written after 2026-01-01: an earlier wall clock has not been set. */
#define WRITTEN_US (INT64_C(1767225600) * US_PER_S)

static int64_t read_clock_us(clockid_t id)
{
    struct timespec now;
    (void)clock_gettime(id, &now); /* cannot fail for the two clocks we ask */
    return (int64_t)now.tv_sec * US_PER_S + now.tv_nsec / 1000;
}

int64_t clock_wall_us(void)
{
    return read_clock_us(CLOCK_REALTIME);
}

int64_t clock_monotonic_us(void)
{
    return read_clock_us(CLOCK_MONOTONIC);
}

bool clock_is_set(int64_t wall_us)
{
    return wall_us >= WRITTEN_US;
}

/* Year, month and day of a day number. Years begin in March, so that the leap day is the last
 * of its year; 719468 days lie between 0000-03-01 and 1970-01-01. */
static void date_from_days(int64_t days, unsigned *year, unsigned *month, unsigned *day)
{
    uint64_t shifted = (uint64_t)(days + 719468);
    uint64_t era = shifted / 146097;
    uint64_t day_of_era = shifted % 146097;
    uint64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    uint64_t day_of_year =
        day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    uint64_t month_from_march = (5 * day_of_year + 2) / 153;
    *day = (unsigned)(day_of_year - (153 * month_from_march + 2) / 5 + 1);
    *month = (unsigned)(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
    *year = (unsigned)(year_of_era + era * 400 + (*month <= 2 ? 1 : 0));
}

static int64_t days_from_date(int64_t year, int64_t month, int64_t day)
{
    int64_t shifted_year = month <= 2 ? year - 1 : year;
    int64_t era = shifted_year / 400;
    int64_t year_of_era = shifted_year % 400;
    int64_t month_from_march = (month + 9) % 12;
    int64_t day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static void put_digits(char *text, unsigned value, unsigned digits)
{
    for (unsigned at = digits; at > 0; at--) {
        text[at - 1] = (char)('0' + value % 10);
        value /= 10;
    }
}

void clock_format_iso(int64_t wall_us, char text[static CLOCK_ISO_LENGTH])
{
    if (wall_us < 0) {
        wall_us = 0;
    }
    if (wall_us > WALL_MAX_US) {
        wall_us = WALL_MAX_US;
    }
    unsigned year;
    unsigned month;
    unsigned day;
    date_from_days(wall_us / US_PER_DAY, &year, &month, &day);
    unsigned ms = (unsigned)(wall_us % US_PER_DAY / 1000);
    (void)memcpy(text, "0000-00-00T00:00:00.000Z", CLOCK_ISO_LENGTH);
    put_digits(text, year, 4);
    put_digits(text + 5, month, 2);
    put_digits(text + 8, day, 2);
    put_digits(text + 11, ms / 3600000, 2);
    put_digits(text + 14, ms / 60000 % 60, 2);
    put_digits(text + 17, ms / 1000 % 60, 2);
    put_digits(text + 20, ms % 1000, 3);
}

/* One field of a time: what comes before it, how wide it is and what it may hold. */
struct field {
    char before;
    unsigned digits;
    unsigned min;
    unsigned max;
};
enum { YEAR, MONTH, DAY, HOUR, MINUTE, SECOND, MILLISECOND, FIELDS_COUNT };
static const struct field fields[FIELDS_COUNT] = {
    [YEAR] = {'\0', 4, 1970, 9999},   [MONTH] = {'-', 2, 1, 12},  [DAY] = {'-', 2, 1, 31},
    [HOUR] = {'T', 2, 0, 23},         [MINUTE] = {':', 2, 0, 59}, [SECOND] = {':', 2, 0, 59},
    [MILLISECOND] = {'.', 3, 0, 999},
};

/* Returns how many characters the field takes, 0 when it is not there. A blank may stand for T.
 */
static unsigned parse_field(const char *text, const struct field *field, unsigned *value)
{
    unsigned before = field->before != '\0' ? 1 : 0;
    if (before > 0 && *text != field->before && !(field->before == 'T' && *text == ' ')) {
        return 0;
    }
    unsigned number = 0;
    for (unsigned at = before; at < before + field->digits; at++) {
        if (text[at] < '0' || text[at] > '9') {
            return 0;
        }
        number = number * 10 + (unsigned)(text[at] - '0');
    }
    if (number < field->min || number > field->max) {
        return 0;
    }
    *value = number;
    return before + field->digits;
}

static bool parse_date(const char *text, int64_t *wall_us)
{
    unsigned values[FIELDS_COUNT] = {0};
    unsigned count = 0;
    const char *rest = text;
    unsigned length = 0;
    do {
        rest += length;
        length = parse_field(rest, &fields[count], &values[count]);
        count += length > 0 ? 1 : 0;
    } while (length > 0 && count < FIELDS_COUNT);
    rest += length;
    if (*rest == 'Z') {
        rest++;
    }
    /* A date alone, or with hours and minutes at least. */
    if (*rest != '\0' || count < DAY + 1 || count == HOUR + 1) {
        return false;
    }
    int64_t days = days_from_date(values[YEAR], values[MONTH], values[DAY]);
    unsigned year;
    unsigned month;
    unsigned day;
    date_from_days(days, &year, &month, &day);
    if (month != values[MONTH]) {
        return false; /* 31 February */
    }
    int64_t seconds = values[HOUR] * 3600 + values[MINUTE] * 60 + values[SECOND];
    *wall_us = days * US_PER_DAY + seconds * US_PER_S + values[MILLISECOND] * INT64_C(1000);
    return true;
}

bool clock_parse(const char *text, int64_t now_us, int64_t *wall_us)
{
    if (parse_date(text, wall_us)) {
        return true;
    }
    uint64_t ago_us;
    if (!units_parse_duration_us(text, &ago_us) || ago_us > (uint64_t)now_us) {
        return false;
    }
    *wall_us = now_us - (int64_t)ago_us;
    return true;
}

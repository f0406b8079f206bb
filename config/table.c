#include "config/table.h"

#include <ctype.h>
#include <string.h>

#include "config/units.h"

enum { MODICON_UNIT = 100000 }; /* of the first of six digits */

static const struct {
    const char *name;
    unsigned digit; /* the first of Modicon's numbers */
} tables[TABLES_COUNT] = {
    [TABLE_COIL] = {"coil", 0},
    [TABLE_DISCRETE] = {"discrete", 1},
    [TABLE_HOLDING] = {"holding", 4},
    [TABLE_INPUT] = {"input", 3},
};

const char *table_name(enum table table)
{
    return tables[table].name;
}

bool table_find(const char *name, size_t length, enum table *table)
{
    for (int i = 0; i < TABLES_COUNT; i++) {
        if (strlen(tables[i].name) == length && memcmp(tables[i].name, name, length) == 0) {
            *table = (enum table)i;
            return true;
        }
    }
    return false;
}

bool table_is_bits(enum table table)
{
    return table == TABLE_COIL || table == TABLE_DISCRETE;
}

unsigned table_modicon(enum table table, uint16_t address)
{
    return tables[table].digit * MODICON_UNIT + address + 1;
}

bool table_parse_modicon(const char *text, enum table *table, uint16_t *address)
{
    size_t length = strlen(text);
    uint64_t number;
    if ((length != 5 && length != 6) || !isdigit((unsigned char)text[0]) || text[1] == 'x' ||
        text[1] == 'X' || !units_parse_unsigned(text + 1, &number) || number < 1 ||
        number > TABLE_SIZE) {
        return false;
    }
    for (int i = 0; i < TABLES_COUNT; i++) {
        if (tables[i].digit == (unsigned)(text[0] - '0')) {
            *table = (enum table)i;
            *address = (uint16_t)(number - 1);
            return true;
        }
    }
    return false;
}

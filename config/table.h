/* The four tables of Modbus, and the numbers that manuals give their registers. Pure. */
#ifndef CONFIG_TABLE_H
#define CONFIG_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Modbus Application Protocol V1.1b3, 4.3; in the order of their read function codes 1, 2, 3,
 * 4. */
enum table { TABLE_COIL, TABLE_DISCRETE, TABLE_HOLDING, TABLE_INPUT };
enum { TABLES_COUNT = 4 };
enum { TABLE_SIZE = 65536 }; /* addresses of each */

/* "coil", "discrete", "holding", "input". */
const char *table_name(enum table table);

/* The table whose name are these characters; false when there is none. */
bool table_find(const char *name, size_t length, enum table *table);

/* Registers are words, coils and discrete inputs are bits. */
bool table_is_bits(enum table table);

/* What Modicon's manuals, and those that follow them, print for a wire address: the first of
 * six digits is the table, the others count from 1: 400001 is holding register 0. */
unsigned table_modicon(enum table table, uint16_t address);

/* The other way round, from 5 or 6 digits: "40001", "400001", "000001". False when it is no
 * such number. */
bool table_parse_modicon(const char *text, enum table *table, uint16_t *address);

#endif

/* Rows of the journal as text for people's programs: CSV, French CSV, JSON lines. Pure.
 *
 * CSV has one line a tag (RFC 4180), with the header
 * seq,run,time,machine,tag,value,quality,reason; digits are those of the journal. `csv-fr` is
 * what a French or German spreadsheet expects: a byte order mark, semicolons, decimal commas.
 * JSON lines are the samples as they were published,
 * `"machine"` put before. */
#ifndef GATEWAY_EXPORT_H
#define GATEWAY_EXPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "gateway/journal_row.h"

struct export_format;

/* "csv", "csv-fr", "jsonl"; NULL when there is no such. */
const struct export_format *export_find(const char *name);

/* What comes before the first row. */
void export_header(const struct export_format *format, FILE *stream);

/* One sample; of `tag` only unless that is NULL. Returns the lines written. */
size_t export_row(const struct export_format *format, const struct journal_row *row,
                  const char *tag, FILE *stream);

#endif

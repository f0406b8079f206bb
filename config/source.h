/* A whole text file in memory, made safe to parse; and where the files it names are. */
#ifndef CONFIG_SOURCE_H
#define CONFIG_SOURCE_H

#include <stddef.h>

#include "config/arena.h"
#include "config/problems.h"

enum { SOURCE_SIZE_MAX = 16 << 20 }; /* bytes; no factory is described by more */
enum { SOURCE_ERROR_SIZE = 120 };

struct source {
    char *text; /* terminated; the arena's */
    size_t length;
};

/* Reads a regular file. On failure returns a source without text (NULL) and fills `error` with
 * the rest of a sentence: "cannot be read: …". */
struct source source_read(struct arena *arena, const char *path,
                          char error[static SOURCE_ERROR_SIZE]);

/* A copy of a text in memory. */
struct source source_copy(struct arena *arena, const char *text, size_t length);

/* Drops a byte order mark. Every line with bytes that are not UTF-8, or with a NUL, is a
 * problem; such bytes become '?', so that all that follows deals with terminated, valid text
 * only. */
void source_mend(struct source *source, const char *path, struct problems *problems);

/* `path` as seen from the folder of the file `from` that names it; absolute ones as they are.
 */
const char *source_beside(struct arena *arena, const char *from, const char *path);

#endif

/* What texts are made of, and which text a person may have meant. Pure functions. */
#ifndef CONFIG_TEXT_H
#define CONFIG_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { TEXT_NAME_MAX = 64 }; /* characters of a name; with the next, topics fit in 512 bytes */
enum { TEXT_LEVELS_MAX = 128 }; /* bytes of the site's root, and of an area */

/* Length of the valid UTF-8 character at the start of `text`, 0 when there is none (RFC 3629:
 * no surrogates, nothing overlong, nothing above U+10FFFF). */
size_t text_utf8_length(const char *text, size_t length);

/* Characters of a valid UTF-8 text: its width in a table. */
size_t text_width(const char *text);

/* Prints the text, then blanks until it is so many characters wide. */
void text_print(const char *text, size_t width, FILE *stream);

/* 1 to TEXT_NAME_MAX of `a-z 0-9 _`, and `-` where `dash` allows it. */
bool text_is_name(const char *text, bool dash);

/* Holds a control character (C0 or DEL). */
bool text_has_control(const char *text);

/* Cuts blanks, tabs and carriage returns at both ends: moves the start, shortens the length. */
void text_trim(const char **text, size_t *length);

/* Finds the candidate with the smallest edit distance (insertions, deletions, replacements and
 * swapped neighbours), if it is near enough to be a misspelling. */
struct nearest {
    const char *text;
    size_t length;
    const char *found;
    size_t distance; /* of `found`; candidates must be nearer */
};
void text_nearest_start(struct nearest *nearest, const char *text);
void text_nearest_try(struct nearest *nearest, const char *candidate);
const char *text_nearest_found(const struct nearest *nearest);

enum { TEXT_HINT_SIZE = 120 };

/* What stands between what is wrong and what is accepted: `; did you mean "CANDIDATE"?`, only
 * `;` for NULL. Returns `hint`. */
const char *text_hint(const char *candidate, char hint[static TEXT_HINT_SIZE]);

#endif

/* A damaged journal makes room for a new one and is set aside, never deleted: there may be
 * samples in it that nobody else has.
 *
 * In steps that a power cut may separate. The new journal is built as `<file>.draft`; renaming
 * it to `<file>.next-<time>` is the decision; then the old one moves to `<file>.damaged-<time>`
 * and the new one into its place. What is decided is finished at the next start: there is
 * always the old journal or the new one, never none. Nobody may have the files open. One
 * thread. */
#ifndef GATEWAY_ASIDE_H
#define GATEWAY_ASIDE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

enum { ASIDE_KEPT_MAX = 3 }; /* the newest; older ones go, unless they are still needed */
enum { ASIDE_NAME_SIZE = 256 };

/* The path of the draft; what an earlier attempt left of it is removed. */
void aside_draft(const char *file, char draft[static PATH_MAX]);

/* The base name that `file` will have when it is set aside at `now_us`; nothing has it yet. */
void aside_name(const char *file, int64_t now_us, char name[static ASIDE_NAME_SIZE]);

/* Decides that the draft, complete and closed, takes the place of `file`, which gets `name`.
 * False (see errno): nothing has changed. */
bool aside_decide(const char *file, const char *name);

/* Finishes what was decided; harmless when nothing was. False (see errno): to be tried again.
 */
bool aside_finish(const char *file);

/* Removes the oldest files beyond ASIDE_KEPT_MAX that `is_needed` does not ask for. */
void aside_prune(const char *file, bool (*is_needed)(void *context, const char *name),
                 void *context);

#endif

/* One line on stderr per change of state, never one per poll. Any thread.
 *
 *     <4>poller link=m3_mill event=lost reason=timeout retry_ms=500
 *
 * The number is the syslog severity that systemd reads. A line is written with one write(). */
#ifndef GATEWAY_LOG_H
#define GATEWAY_LOG_H

enum log_level { LOG_LEVEL_ERROR = 3, LOG_LEVEL_WARNING = 4, LOG_LEVEL_INFO = 6 };

/* `module` is the file's name; the rest is key=value pairs, values with blanks in quotes.
 * Control characters become '?', lines are cut at 1000 bytes. */
void log_line(enum log_level level, const char *module, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Who says too much is cut short, see fold.h; what is kept is said by log_flush(). Main awaits
 * log_descriptor(), which is readable when a line is kept, and calls log_flush() then and after
 * the milliseconds that it returns; -1: nothing is kept any more. The descriptor is made when
 * it is first asked for, and stays; -1: there is none. */
int log_descriptor(void);
int log_flush(void);

#endif

#include "gateway/thread.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/command.h"
#include "gateway/log.h"

enum { STACK_SIZE = 256 * 1024 }; /* only what is touched counts */
enum { NAME_SIZE = 16 };          /* the kernel's limit, terminator included */

static int start(pthread_t *thread, int detach_state, void *(*function)(void *), void *argument)
{
    pthread_attr_t attributes;
    (void)pthread_attr_init(&attributes);
    (void)pthread_attr_setstacksize(&attributes, STACK_SIZE);
    (void)pthread_attr_setdetachstate(&attributes, detach_state);
    int error = pthread_create(thread, &attributes, function, argument);
    (void)pthread_attr_destroy(&attributes);
    return error;
}

void thread_start(pthread_t *thread, const char *name, void *(*function)(void *),
                  void *argument)
{
    int error = start(thread, PTHREAD_CREATE_JOINABLE, function, argument);
    if (error != 0) {
        log_line(LOG_LEVEL_ERROR, "run", "event=no-thread name=%s error=\"%s\"", name,
                 strerrordesc_np(error));
        _Exit(EXIT_FAILED); /* the other threads still run: nothing may be torn down */
    }
    char short_name[NAME_SIZE];
    (void)snprintf(short_name, sizeof short_name, "%s", name);
    (void)pthread_setname_np(*thread, short_name);
}

bool thread_detach(void *(*function)(void *), void *argument)
{
    pthread_t thread;
    return start(&thread, PTHREAD_CREATE_DETACHED, function, argument) == 0;
}

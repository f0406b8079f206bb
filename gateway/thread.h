/* Threads: each has a name that `ps -L` and a debugger show, and all signals blocked. */
#ifndef GATEWAY_THREAD_H
#define GATEWAY_THREAD_H

#include <pthread.h>
#include <stdbool.h>

/* Starts `function` with `argument`. A machine that has no thread left for us cannot run the
 * daemon: that is said, and the program ends with 1. The caller joins. */
void thread_start(pthread_t *thread, const char *name, void *(*function)(void *),
                  void *argument);

/* The same for a thread that nobody waits for, and that names itself; false when the machine
 * has none left. */
bool thread_detach(void *(*function)(void *), void *argument);

#endif

/* Forced into every file of the product: what we never call does not compile.
 *
 * Unbounded copies, functions with hidden state, and select() with its 1024 descriptors. The
 * system headers that declare them come first, so that only our own uses are caught. */
#ifndef TESTS_LINT_BANNED_H
#define TESTS_LINT_BANNED_H

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#pragma GCC poison strcpy strcat strncpy strncat sprintf vsprintf gets
#pragma GCC poison strtok atoi atol atof gmtime localtime ctime asctime
#pragma GCC poison system select usleep tmpnam mktemp rand srand gethostbyname inet_ntoa
#endif

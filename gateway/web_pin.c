#include "gateway/web_pin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/memory.h"
#include "gateway/log.h"

enum { PIN_SIZE = 64, GUESSES_MAX = 5, PAUSE_US = 30 * 1000000, GUESSERS_MAX = 32 };

struct guesser {
    uint8_t peer[HTTP_PEER_SIZE];
    unsigned guesses;
    int64_t last_us;
};

struct web_pin {
    bool is_needed;
    char text[PIN_SIZE]; /* "": nobody knows it */
    struct guesser guessers[GUESSERS_MAX];
    struct guesser others; /* all that found no place */
};

static void read_first_line(struct web_pin *pin, const char *path)
{
    FILE *file = fopen(path, "re");
    if (file != NULL && fgets(pin->text, sizeof pin->text, file) != NULL) {
        size_t length = strcspn(pin->text, "\r\n");
        (void)memset(pin->text + length, 0, sizeof pin->text - length);
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    if (*pin->text == '\0') {
        log_line(LOG_LEVEL_ERROR, "web",
                 "event=no-pin file=\"%s\" advice=\"nobody can use the Lab\"", path);
    }
}

struct web_pin *web_pin_create(const char *path)
{
    struct web_pin *pin = memory_allocate(1, sizeof *pin);
    pin->is_needed = *path != '\0';
    if (pin->is_needed) {
        read_first_line(pin, path);
    }
    return pin;
}

void web_pin_destroy(struct web_pin *pin)
{
    free(pin);
}

bool web_pin_is_needed(const struct web_pin *pin)
{
    return pin->is_needed;
}

/* Takes as long whatever was guessed: how much of it is right must not be heard. */
static bool is_same(const char *known, const char *given)
{
    char padded[PIN_SIZE] = {0};
    size_t length = strlen(given);
    (void)memcpy(padded, given, length < sizeof padded ? length : sizeof padded - 1);
    unsigned differences = length < sizeof padded ? 0 : 1;
    for (size_t at = 0; at < sizeof padded; at++) {
        differences |= (unsigned)(unsigned char)known[at] ^ (unsigned)(unsigned char)padded[at];
    }
    return differences == 0 && *known != '\0';
}

/* The place of this peer: its own, a free one, one whose guesses are forgiven, or the common
 * one.
 */
static struct guesser *find(struct web_pin *pin, const uint8_t *peer, int64_t now_us)
{
    struct guesser *free_one = NULL;
    for (size_t at = 0; at < GUESSERS_MAX; at++) {
        struct guesser *guesser = &pin->guessers[at];
        bool is_forgiven = guesser->guesses == 0 || now_us - guesser->last_us >= PAUSE_US;
        if (!is_forgiven && memcmp(guesser->peer, peer, HTTP_PEER_SIZE) == 0) {
            return guesser;
        }
        free_one = is_forgiven && free_one == NULL ? guesser : free_one;
    }
    if (free_one == NULL) {
        if (now_us - pin->others.last_us >= PAUSE_US) {
            pin->others.guesses = 0;
        }
        return &pin->others;
    }
    *free_one = (struct guesser){.last_us = now_us};
    (void)memcpy(free_one->peer, peer, HTTP_PEER_SIZE);
    return free_one;
}

enum web_pin_verdict web_pin_check(struct web_pin *pin, const uint8_t peer[HTTP_PEER_SIZE],
                                   const char *given, int64_t now_us)
{
    if (!pin->is_needed) {
        return WEB_PIN_RIGHT;
    }
    if (*given == '\0') {
        return WEB_PIN_ABSENT;
    }
    struct guesser *guesser = find(pin, peer, now_us);
    if (guesser->guesses >= GUESSES_MAX) {
        return WEB_PIN_PAUSED;
    }
    if (is_same(pin->text, given)) {
        guesser->guesses = 0;
        return WEB_PIN_RIGHT;
    }
    guesser->guesses++;
    guesser->last_us = now_us;
    return WEB_PIN_WRONG;
}

unsigned web_pin_pause_s(struct web_pin *pin, const uint8_t peer[HTTP_PEER_SIZE],
                         int64_t now_us)
{
    int64_t left_us = find(pin, peer, now_us)->last_us + PAUSE_US - now_us;
    return left_us > 1000000 ? (unsigned)((left_us + 999999) / 1000000) : 1;
}

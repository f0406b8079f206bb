/* A reading: one tag's raw value as a driver took it, or why there is none. A plain value.
 *
 * Raw means: sentinels looked at, bytes put in order, decoded to the tag's type and masked; not
 * yet scaled, ranged or named. That is the gateway's, in one place for all drivers. */
#ifndef DRIVERS_READING_H
#define DRIVERS_READING_H

#include <stdbool.h>
#include <stdint.h>

enum reading_kind {
    READING_ABSENT, /* not read on this beat */
    READING_BAD,    /* `reason` says why */
    READING_BOOLEAN,
    READING_INTEGER,
    READING_UNSIGNED,
    READING_FLOAT32,
    READING_FLOAT64,
    READING_TEXT, /* valid UTF-8 without control characters other than tab; not terminated */
};

/* Why a value is bad; reason_text() gives the word that is published. */
enum reason {
    REASON_NONE,
    REASON_TIMEOUT,      /* no answer in time */
    REASON_NO_LINK,      /* not connected, refused, or the connection broke */
    REASON_BAD_REPLY,    /* an answer that does not fit the request */
    REASON_EXCEPTION,    /* the device refused: `exception` holds the Modbus code */
    REASON_NOT_A_NUMBER, /* NaN or an infinity */
    REASON_SENTINEL,     /* the map's `absent` */
    REASON_OVER_RANGE,   /* the map's `over` */
    REASON_UNDER_RANGE,  /* the map's `under` */
    REASON_BAD_ENCODING, /* BCD nibble above 9, mod10k word above 9999, text that is no UTF-8 */
};

struct reading {
    int64_t time_us; /* wall clock, UTC: when the answer that carried it was complete; for a bad
                        reading, when that was known */
    union {
        bool boolean;
        int64_t integer;
        uint64_t natural;
        float float32;
        double float64;
        const char *text; /* owned by the driver's link, valid until its next read */
    } value;
    uint16_t text_length; /* bytes */
    uint8_t kind;         /* enum reading_kind */
    uint8_t reason;       /* enum reason; REASON_NONE unless bad */
    uint8_t exception;    /* Modbus exception code with REASON_EXCEPTION, else 0 */
};

/* Whether the device said nothing about this tag. A refusal is an answer; silence, a broken
 * connection and a reply that does not fit are none. */
bool reading_is_silence(const struct reading *reading);

enum { REASON_TEXT_SIZE = 24 };

/* The published word: "timeout", "no-link", "exception-2" … written to `text`, terminated;
 * returns its length. */
unsigned reason_text(uint8_t reason, uint8_t exception, char text[static REASON_TEXT_SIZE]);

#endif

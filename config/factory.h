/* The factory file and its maps, loaded into one immutable structure that both programs use.
 *
 * Everything is read and checked before the first thread starts; nothing changes afterwards, so
 * any thread may read it without a lock. Every string is valid UTF-8 and never NULL ("" when
 * not given). Relative paths are already relative to the file that named them. */
#ifndef CONFIG_FACTORY_H
#define CONFIG_FACTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "config/map.h"
#include "config/problems.h"

enum { FACTORY_LINKS_MAX = 1000 };  /* descriptors below 1024, see drivers/tcp.h */
enum { FACTORY_PERIODS_MAX = 16 };  /* different paces within one machine */
enum { FACTORY_PERIOD_MIN_MS = 5 }; /* below that a thread's wake-up is no longer punctual */

struct site {
    const char *root; /* first level(s) of every topic, no leading or trailing slash */
    const char *title;
};

struct gateway {
    const char *name;
    uint32_t now_ms;     /* least time between two `now` messages of a tag */
    bool now_is_enabled; /* false: `now = off` */
};

enum mqtt_version { MQTT_VERSION_3_1_1, MQTT_VERSION_5 };

/* One URL of the broker's list, checked. */
struct broker_url {
    const char *text; /* as written */
    const char *host; /* without the brackets of an IPv6 address */
    uint16_t port;
    bool is_tls; /* mqtts:// */
};

struct broker {
    const struct broker_url *urls; /* tried in turn, at least one */
    size_t urls_count;
    enum mqtt_version version;
    const char *username;
    const char *password_file; /* its first line is the password; read at each connect */
    const char *ca_file;
    const char *cert_file;
    const char *key_file;
};

enum journal_sync { JOURNAL_SYNC_FULL, JOURNAL_SYNC_NORMAL };

struct journal_settings {
    const char *file;
    uint64_t max_size_bytes; /* file and WAL together */
    uint64_t max_age_s;
    uint32_t commit_ms; /* 0: each poll */
    enum journal_sync sync;
    unsigned mode; /* permission bits of the files, such as 0640 */
};

/* A tag of a machine that the page shows by itself; NULL: none. */
struct tag_reference {
    const struct machine *machine;
    const struct tag *tag;
};

struct web_settings {
    const char *listen;         /* "" when there is no page */
    struct tag_reference power; /* what the factory takes from the grid */
    struct tag_reference good;  /* counts parts */
    struct tag_reference scrap; /* counts those of them that are no good */
    const char *lab;
    const char *lab_pin_file;
};

/* One connection to one host and port. */
struct link {
    const char *name;
    const char *driver; /* "modbus-tcp" */
    const char *host;   /* name, IPv4 or IPv6 without brackets */
    uint16_t port;      /* --port-offset already added */
    uint32_t timeout_ms;
    uint32_t gap_ms;    /* pause between a reply and the next request */
    uint32_t settle_ms; /* pause after connecting */
    uint16_t max_registers;
    uint16_t max_bits;
    uint16_t max_hole;      /* registers that a joined read may bridge; 16 times as many bits */
    const size_t *machines; /* indices into factory.machines, in the order of the file */
    size_t machines_count;
    unsigned line; /* of its section, for messages */
};

/* From low to high, as the factory file says it. */
struct band {
    bool is_given;
    struct decimal low;
    struct decimal high;
};

enum record_mode { RECORD_ALL, RECORD_CHANGES };

struct machine {
    const char *name;
    size_t link; /* index into factory.links */
    const char *area;
    uint8_t unit_id;
    const struct map *map;
    uint8_t base; /* 0 or 1: what the map's addresses count from */
    uint32_t every_ms;
    /* The paces of its tags: periods_ms[tag_periods[i]] is tag i's. Ascending, no equal ones.
     */
    uint32_t periods_ms[FACTORY_PERIODS_MAX];
    size_t periods_count;
    const uint8_t *tag_periods;
    uint32_t now_ms;
    bool now_is_enabled;
    enum record_mode record;
    const struct tag *headline;              /* its one number on the page's wall; NULL: none */
    struct band normal;                      /* where that lies while all is well */
    const char *titles[MAP_LANGUAGES_COUNT]; /* fr, de, en */
    const char *simulate;                    /* the simulator's model; "" when not simulated */
    unsigned line;
};

struct factory {
    const char *path;
    struct site site;
    struct gateway gateway;
    struct broker broker;
    struct journal_settings journal;
    struct web_settings web;
    struct link *links; /* in the order of the file */
    size_t links_count;
    struct machine *machines; /* in the order of the file */
    size_t machines_count;
    const struct map **maps;
    size_t maps_count;
    struct arena *arena; /* holds all of the above; NULL in a factory made by hand */
};

/* What the command line adds to the file. */
struct factory_overrides {
    const char *const *settings; /* "SECTION.KEY=VALUE", checked like the file */
    size_t settings_count;
    long port_offset; /* added to every link's port */
};

/* Reads the file, what it includes and every map it names. Every problem is added; returns NULL
 * when there was any. The caller destroys the factory after the last thread has ended. */
struct factory *factory_load(const char *path, const struct factory_overrides *overrides,
                             struct problems *problems);

/* The same with the main file's text from memory (`path` names it; includes and maps are still
 * read from disk). For tests and fuzzers. */
struct factory *factory_parse(const char *path, const char *text, size_t length,
                              const struct factory_overrides *overrides,
                              struct problems *problems);

void factory_destroy(struct factory *factory);

/* The table of keys: section, key, type, range, default, unit, help. */
void factory_print_keys(FILE *stream);

/* The address a tag has on the wire for this machine. */
uint16_t machine_wire_address(const struct machine *machine, const struct tag *tag);

/* The pace of tag `index` in milliseconds. */
uint32_t machine_tag_period_ms(const struct machine *machine, size_t index);

#endif

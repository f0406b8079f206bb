/* A subscriber that notes when each message came, in an MQTT 5 of its own: no library between
 * the socket and the clock.
 *
 *     watch PORT FILE BIRTHS FILTER...
 *
 * Prints `ready` when the broker has granted the subscriptions (QoS 0), `born` when BIRTHS
 * topics of `meta` have come, and appends one record a message to FILE until SIGTERM. Machines
 * are named p0, p1, …; a tag `stamp` holds the wall clock at which the simulator answered. */
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "tests/bench/meter.h"

enum kind { KIND_OTHER, KIND_SAMPLES, KIND_NOW, KIND_NOW_STAMP };
enum { FLAG_GOOD = 1, FLAG_LATE = 2 };

/* Read by way.py: keep both alike. Times in microseconds since 1970, 0: none. */
struct record {
    int64_t received_us;
    int64_t stamp_us;
    uint64_t seq;
    uint32_t machine;
    uint16_t values;
    uint8_t kind;
    uint8_t flags;
};
_Static_assert(sizeof(struct record) == 32, "way.py reads 32 bytes");

/* MQTT 5.0, 2.1.2: packet types in the upper four bits. */
enum { CONNECT = 0x10, CONNACK = 0x20, PUBLISH = 0x30, SUBSCRIBE = 0x82, SUBACK = 0x90 };
enum { TYPE_MASK = 0xF0, QOS_MASK = 0x06 };
enum { BUFFER_SIZE = 4 * 1024 * 1024, RECEIVE_SIZE = 1024 * 1024, PACKET_SIZE = 1024 };
enum { HEADER_MAX = 5, LENGTH_BITS = 7, LENGTH_MORE = 0x80 };

struct watch {
    int link;
    FILE *file;
    size_t filled;
    int64_t now_us;
    long births; /* still awaited */
    uint8_t buffer[BUFFER_SIZE];
};

static volatile sig_atomic_t is_ending;

static void on_signal(int number)
{
    (void)number;
    is_ending = 1;
}

static int64_t wall_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * METER_US_PER_S + now.tv_nsec / METER_NS_PER_US;
}

/* ---- what we say ---- */

struct packet {
    uint8_t bytes[PACKET_SIZE];
    size_t length;
};

static void put(struct packet *packet, const void *bytes, size_t length)
{
    if (packet->length + length > sizeof packet->bytes) {
        meter_fail("too many filters");
    }
    memcpy(packet->bytes + packet->length, bytes, length);
    packet->length += length;
}

static void put_text(struct packet *packet, const char *text)
{
    size_t length = strlen(text);
    uint8_t prefix[2] = {(uint8_t)(length >> 8), (uint8_t)length};
    put(packet, prefix, sizeof prefix);
    put(packet, text, length);
}

/* The body behind its fixed header, in one piece. */
static void say(struct watch *watch, uint8_t type, const struct packet *body)
{
    struct packet packet = {.length = 0};
    uint8_t low = (uint8_t)(body->length % LENGTH_MORE);
    uint8_t high = (uint8_t)(body->length / LENGTH_MORE);
    put(&packet, &type, 1);
    if (high > 0) {
        low |= LENGTH_MORE;
    }
    put(&packet, &low, 1);
    put(&packet, &high, high > 0 ? 1 : 0);
    put(&packet, body->bytes, body->length);
    if (send(watch->link, packet.bytes, packet.length, MSG_NOSIGNAL) !=
        (ssize_t)packet.length) {
        meter_fail("the broker does not listen: %s", strerrordesc_np(errno));
    }
}

static void say_hello(struct watch *watch)
{
    static const uint8_t variable[] = {5,    /* version */
                                       0x02, /* clean start */
                                       0, 0, /* no keep-alive */
                                       0};   /* no properties */
    struct packet body = {.length = 0};
    put_text(&body, "MQTT");
    put(&body, variable, sizeof variable);
    put_text(&body, "watch");
    say(watch, CONNECT, &body);
}

static void subscribe(struct watch *watch, char **filters)
{
    static const uint8_t variable[] = {0, 1, 0}; /* packet id 1, no properties */
    const uint8_t qos = 0;
    struct packet body = {.length = 0};
    put(&body, variable, sizeof variable);
    for (char **filter = filters; *filter != NULL; filter++) {
        put_text(&body, *filter);
        put(&body, &qos, 1);
    }
    say(watch, SUBSCRIBE, &body);
}

/* ---- what we hear ---- */

struct span {
    const uint8_t *bytes;
    size_t length;
};

static const uint8_t *find(struct span text, const char *key)
{
    return memmem(text.bytes, text.length, key, strlen(key));
}

/* The number behind the key; 0 when there is none. */
static uint64_t number_behind(struct span text, const char *key)
{
    const uint8_t *at = find(text, key);
    const uint8_t *end = text.bytes + text.length;
    uint64_t number = 0;
    for (at = at != NULL ? at + strlen(key) : end; at < end && *at >= '0' && *at <= '9'; at++) {
        number = number * 10 + (uint64_t)(*at - '0');
    }
    return number;
}

static bool ends_with(struct span text, const char *end)
{
    size_t length = strlen(end);
    return text.length >= length && memcmp(text.bytes + text.length - length, end, length) == 0;
}

static uint16_t count_members(struct span text)
{
    unsigned count = 0;
    for (size_t at = 1; at < text.length; at++) {
        count += text.bytes[at] == ':' && text.bytes[at - 1] == '"' ? 1 : 0;
    }
    return (uint16_t)count;
}

static void note_sample(struct record *record, struct span payload)
{
    enum { NO_TAGS = 5 }; /* seq, run, time, t, q */
    bool is_late = find(payload, ",\"late\":true}") != NULL;
    record->kind = KIND_SAMPLES;
    record->seq = number_behind(payload, "{\"seq\":");
    record->stamp_us = (int64_t)number_behind(payload, "\"stamp\":");
    record->values = (uint16_t)(count_members(payload) - NO_TAGS - (is_late ? 1 : 0));
    record->flags = (uint8_t)((find(payload, "\"q\":\"good\"") != NULL ? FLAG_GOOD : 0) |
                              (is_late ? FLAG_LATE : 0));
}

static void say_once(const char *what)
{
    (void)puts(what);
    (void)fflush(stdout);
}

static void note(struct watch *watch, struct span topic, struct span payload)
{
    struct record record = {.received_us = watch->now_us, .kind = KIND_OTHER};
    record.machine = (uint32_t)number_behind(topic, "/p");
    if (ends_with(topic, "/samples")) {
        note_sample(&record, payload);
    } else if (ends_with(topic, "/now/stamp")) {
        record.kind = KIND_NOW_STAMP;
        record.stamp_us = (int64_t)number_behind(payload, "\"value\":");
    } else if (find(topic, "/now/") != NULL) {
        record.kind = KIND_NOW;
    } else if (find(topic, "/meta/") != NULL && --watch->births == 0) {
        say_once("born");
    }
    if (fwrite(&record, sizeof record, 1, watch->file) != 1) {
        meter_fail("the file cannot be written");
    }
}

static void take_publish(struct watch *watch, uint8_t first, struct span body)
{
    size_t topic_length = (size_t)(body.bytes[0] << 8 | body.bytes[1]);
    size_t at = 2 + topic_length;
    if ((first & QOS_MASK) != 0) {
        meter_fail("the broker sends with a QoS that was not asked for");
    }
    if (at >= body.length || body.bytes[at] >= LENGTH_MORE) {
        meter_fail("a message that cannot be read");
    }
    at += 1 + (size_t)body.bytes[at]; /* properties: content type */
    struct span topic = {.bytes = body.bytes + 2, .length = topic_length};
    struct span payload = {.bytes = body.bytes + at, .length = body.length - at};
    note(watch, topic, payload);
}

static void take_packet(struct watch *watch, uint8_t first, struct span body)
{
    if ((first & TYPE_MASK) == PUBLISH) {
        take_publish(watch, first, body);
    } else if ((first & TYPE_MASK) == SUBACK) {
        say_once("ready");
    }
}

/* The packet's whole length when it is complete, else 0; `header` bytes are before its body. */
static size_t complete_length(struct span text, size_t *header)
{
    size_t length = 0;
    for (size_t at = 1; at < HEADER_MAX && at < text.length; at++) {
        length |= (size_t)(text.bytes[at] % LENGTH_MORE) << (LENGTH_BITS * (at - 1));
        if (text.bytes[at] < LENGTH_MORE) {
            *header = at + 1;
            return text.length - *header >= length ? *header + length : 0;
        }
    }
    return 0;
}

static void take_all(struct watch *watch)
{
    size_t at = 0;
    for (;;) {
        struct span rest = {.bytes = watch->buffer + at, .length = watch->filled - at};
        size_t header = 0;
        size_t length = complete_length(rest, &header);
        if (length == 0) {
            break;
        }
        struct span body = {.bytes = rest.bytes + header, .length = length - header};
        take_packet(watch, rest.bytes[0], body);
        at += length;
    }
    watch->filled -= at;
    memmove(watch->buffer, watch->buffer + at, watch->filled);
}

static bool hear(struct watch *watch)
{
    ssize_t got =
        recv(watch->link, watch->buffer + watch->filled, BUFFER_SIZE - watch->filled, 0);
    if (got < 0 && errno == EINTR) {
        return true;
    }
    watch->now_us = wall_us();
    watch->filled += got > 0 ? (size_t)got : 0;
    return got > 0;
}

static int connect_to(const char *port)
{
    const int size = RECEIVE_SIZE;
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)meter_number(port)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int link = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)setsockopt(link, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    if (connect(link, (const struct sockaddr *)&address, sizeof address) != 0) {
        meter_fail("no broker at port %s", port);
    }
    return link;
}

int main(int argc, char **argv)
{
    static struct watch watch;
    if (argc < 5) {
        meter_fail("watch PORT FILE BIRTHS FILTER...");
    }
    struct sigaction action = {.sa_handler = on_signal}; /* recv() then ends early */
    (void)sigaction(SIGTERM, &action, NULL);
    watch.file = fopen(argv[2], "we");
    if (watch.file == NULL) {
        meter_fail("%s cannot be written", argv[2]);
    }
    watch.births = meter_number(argv[3]);
    watch.link = connect_to(argv[1]);
    say_hello(&watch);
    subscribe(&watch, argv + 4);
    while (is_ending == 0 && hear(&watch)) {
        take_all(&watch);
    }
    return fclose(watch.file) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Sends random and mutated frames to Modbus TCP servers as fast as they take them, and checks
 * that whatever is a frame is answered: once, in order, by a sound frame. What no frame can
 * begin with must end the connection, and nothing else may.
 *
 *     frames FRAMES SEED PORT[:UNIT,TABLE,FIRST,COUNT]… …
 *
 * At 127.0.0.1; TABLE is the function that reads it. Most frames are aimed at the registers
 * that are named. Prints one line of figures; exits with 1 on a wrong reply.
 *
 * The servers are to be without personality: a device that is slow, silent or busy by design
 * would look broken here. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    LINKS_A_PORT = 4,
    PORTS_MAX = 64,
    BLOCKS_MAX = 32,
    HEADER_SIZE = 7,
    ADU_MAX = 260,
    GARBAGE_MAX = 300,
    BATCH_MAX = 48,         /* frames */
    OUTSTANDING_MAX = 4096, /* frames of a link that wait for their reply */
    STALL_MS = 20000,       /* no server may take that long over nothing */
    ENDS_ONE_IN = 4,        /* batches that end the connection */
};

struct block {
    unsigned unit;
    unsigned table; /* the function that reads it, 1 to 4 */
    unsigned first;
    unsigned count;
};

struct port {
    uint16_t number;
    size_t blocks_count;
    struct block blocks[BLOCKS_MAX];
};

struct link {
    int fd;
    const struct port *port;
    uint16_t next;    /* transaction of the next frame */
    uint16_t awaited; /* transaction of the next reply */
    bool is_ending;   /* what was sent last ends the connection */
    size_t out_length;
    size_t out_sent;
    size_t in_length;
    uint8_t units[UINT16_MAX + 1]; /* by transaction: what was asked */
    uint8_t functions[UINT16_MAX + 1];
    uint8_t out[BATCH_MAX * ADU_MAX + GARBAGE_MAX];
    uint8_t in[65536];
};

static struct {
    uint64_t wanted;
    uint64_t sent;
    uint64_t answered;
    uint64_t refused; /* answered with an exception */
    uint64_t ended;   /* connections */
} sums;

static uint64_t random_state;

static uint32_t draw(uint32_t below)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return (uint32_t)((random_state * UINT64_C(2685821657736338717)) >> 33) % below;
}

static void put_word(uint8_t *bytes, uint32_t word)
{
    bytes[0] = (uint8_t)(word >> 8);
    bytes[1] = (uint8_t)word;
}

static void fill(uint8_t *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        bytes[i] = (uint8_t)draw(256);
    }
}

/* Tells what went wrong, and gives up. */
static void fail(const struct link *link, const char *what)
{
    (void)fprintf(stderr, "frames: port %u, transaction %u: %s\n", link->port->number,
                  link->awaited, what);
    _exit(1); /* stderr has no buffer, and one thread is all there is */
}

/* ---- Frames: each writes what follows the unit id, and returns how many bytes ---- */

static uint32_t draw_address(void)
{
    static const uint32_t bases[] = {0, 0, 0, 100, 256, 400, 801, 3200, 8500, 40070, 65500};
    return bases[draw(sizeof bases / sizeof bases[0])] + draw(64);
}

/* Some registers that there are, or, one time in four, any. */
static struct block draw_block(const struct port *port)
{
    if (port->blocks_count == 0 || draw(4) == 0) {
        return (struct block){.unit = draw(256),
                              .table = 1 + draw(4),
                              .first = draw_address(),
                              .count = 1 + draw(draw(4) == 0 ? 2000 : 40)};
    }
    struct block block = port->blocks[draw((uint32_t)port->blocks_count)];
    uint32_t skipped = draw(block.count);
    block.first += skipped;
    block.count = 1 + draw(block.count - skipped);
    return block;
}

static size_t make_read(const struct block *block, uint8_t *pdu)
{
    pdu[0] = (uint8_t)block->table;
    put_word(pdu + 1, block->first);
    put_word(pdu + 3, block->count);
    return 5;
}

static size_t make_write(const struct block *block, uint8_t *pdu)
{
    bool is_bits = block->table <= 2;
    put_word(pdu + 1, block->first);
    if (draw(2) == 0) {
        pdu[0] = is_bits ? 5 : 6;
        put_word(pdu + 3, draw(2) == 0 ? 0xFF00 : draw(65536));
        return 5;
    }
    uint32_t most = is_bits ? 1968 : 123;
    uint32_t count = block->count < most ? block->count : most;
    size_t size = is_bits ? (count + 7) / 8 : 2 * (size_t)count;
    pdu[0] = is_bits ? 15 : 16;
    put_word(pdu + 3, count);
    pdu[5] = (uint8_t)size;
    fill(pdu + 6, size);
    return 6 + size;
}

static size_t make_random(const struct block *block, uint8_t *pdu)
{
    (void)block;
    size_t length = 1 + draw(253);
    fill(pdu, length);
    pdu[0] = (uint8_t)(draw(2) == 0 ? draw(20) : pdu[0]);
    return length;
}

static size_t make_mutated(const struct block *block, uint8_t *pdu)
{
    size_t length = draw(2) == 0 ? make_read(block, pdu) : make_write(block, pdu);
    for (uint32_t i = 1 + draw(4); i > 0; i--) {
        pdu[draw((uint32_t)length)] = (uint8_t)draw(256);
    }
    if (draw(4) == 0) {
        length = 1 + draw((uint32_t)length);
    }
    return length;
}

static size_t (*const makers[])(const struct block *block, uint8_t *pdu) = {
    make_read, make_write, make_random, make_mutated, make_mutated};

static void add_frame(struct link *link)
{
    uint8_t *frame = link->out + link->out_length;
    struct block block = draw_block(link->port);
    size_t length = makers[draw(sizeof makers / sizeof makers[0])](&block, frame + HEADER_SIZE);
    put_word(frame, link->next);
    put_word(frame + 2, 0);
    put_word(frame + 4, (uint32_t)length + 1);
    frame[6] = (uint8_t)(draw(16) == 0 ? draw(256) : block.unit);
    link->units[link->next] = frame[6];
    link->functions[link->next] = frame[7];
    link->next++;
    link->out_length += HEADER_SIZE + length;
    sums.sent++;
}

/* What no frame begins with, what is cut off, or bytes that mean nothing. */
static void add_end(struct link *link)
{
    static const uint32_t lengths[] = {0, 1, 255, 256, 3000, 65535};
    uint8_t *bytes = link->out + link->out_length;
    struct block block = draw_block(link->port);
    size_t length = HEADER_SIZE + make_read(&block, bytes + HEADER_SIZE);
    put_word(bytes, link->next);
    put_word(bytes + 2, 0);
    put_word(bytes + 4, (uint32_t)length - 6);
    bytes[6] = 1;
    switch (draw(4)) {
    case 0: put_word(bytes + 2, 1 + draw(65535)); break;
    case 1: put_word(bytes + 4, lengths[draw(sizeof lengths / sizeof lengths[0])]); break;
    case 2: length = 1 + draw((uint32_t)length - 1); break;
    default:
        length = 1 + draw(GARBAGE_MAX);
        fill(bytes, length);
        break;
    }
    link->out_length += length;
    link->is_ending = true;
    sums.sent++;
}

static void make_batch(struct link *link)
{
    link->out_length = 0;
    link->out_sent = 0;
    for (uint32_t i = draw(BATCH_MAX); i > 0; i--) {
        add_frame(link);
    }
    if (draw(ENDS_ONE_IN) == 0) {
        add_end(link);
    }
}

/* ---- Links ---- */

static void open_link(struct link *link)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(link->port->number),
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    /* A port of a connection that has just ended would be in the way at this pace. */
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    int on = 1;
    link->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (link->fd < 0 ||
        connect(link->fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        fail(link, strerrordesc_np(errno));
    }
    (void)setsockopt(link->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    (void)setsockopt(link->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)fcntl(link->fd, F_SETFL, O_NONBLOCK);
    link->is_ending = false;
    link->awaited = link->next;
    link->in_length = 0;
    link->out_length = 0;
    link->out_sent = 0;
}

static void check_reply(struct link *link, const uint8_t *reply, size_t length)
{
    uint16_t transaction = (uint16_t)(reply[0] << 8 | reply[1]);
    if (transaction != link->awaited || link->awaited == link->next) {
        fail(link, "another reply than the one that is due");
    }
    if (reply[6] != link->units[transaction] ||
        (reply[7] & 0x7F) != (link->functions[transaction] & 0x7F)) {
        fail(link, "a reply of another unit or function");
    }
    bool is_exception = (reply[7] & 0x80) != 0;
    if (is_exception && (length != 9 || reply[8] == 0 || reply[8] > 11)) {
        fail(link, "an exception that is none");
    }
    if (!is_exception && reply[7] <= 4 && length != 9U + reply[8]) {
        fail(link, "a byte count that is not true");
    }
    sums.refused += is_exception ? 1 : 0;
    sums.answered++;
    link->awaited++;
}

/* Checks the replies that are whole. */
static void check_input(struct link *link)
{
    size_t used = 0;
    while (link->in_length - used >= HEADER_SIZE + 2) {
        const uint8_t *reply = link->in + used;
        size_t length = 6 + (size_t)(reply[4] << 8 | reply[5]);
        if ((reply[2] | reply[3]) != 0 || length < HEADER_SIZE + 2 || length > ADU_MAX) {
            fail(link, "a reply that is no frame");
        }
        if (link->in_length - used < length) {
            break;
        }
        check_reply(link, reply, length);
        used += length;
    }
    link->in_length -= used;
    memmove(link->in, link->in + used, link->in_length);
}

static void receive(struct link *link)
{
    ssize_t got =
        recv(link->fd, link->in + link->in_length, sizeof link->in - link->in_length, 0);
    if (got > 0) {
        link->in_length += (size_t)got;
        check_input(link);
        return;
    }
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (!link->is_ending) {
        fail(link, "the connection ended, though all frames were frames");
    }
    (void)close(link->fd);
    sums.ended++;
    open_link(link);
}

static bool can_begin_batch(const struct link *link)
{
    return link->out_sent == link->out_length && !link->is_ending && sums.sent < sums.wanted &&
           (uint16_t)(link->next - link->awaited) < OUTSTANDING_MAX;
}

static void transmit(struct link *link)
{
    if (can_begin_batch(link)) {
        make_batch(link);
    }
    while (link->out_sent < link->out_length) {
        /* In pieces, so that frames come cut in two. */
        size_t rest = link->out_length - link->out_sent;
        size_t piece = draw(2) == 0 ? rest : 1 + draw((uint32_t)rest);
        ssize_t sent = send(link->fd, link->out + link->out_sent, piece, MSG_NOSIGNAL);
        if (sent < 0) {
            return; /* later; or receive() sees why */
        }
        link->out_sent += (size_t)sent;
    }
    if (link->is_ending) {
        (void)shutdown(link->fd, SHUT_WR); /* what was cut off ends here */
    }
}

static bool is_done(const struct link *link)
{
    return sums.sent >= sums.wanted && link->out_sent == link->out_length && !link->is_ending &&
           link->awaited == link->next;
}

/* Says what each link waits for; returns how many have nothing left to do. */
static size_t look_at(const struct link *links, size_t count, struct pollfd *polled)
{
    size_t done = 0;
    for (size_t i = 0; i < count; i++) {
        bool sends = links[i].out_sent < links[i].out_length || can_begin_batch(&links[i]);
        polled[i] = (struct pollfd){.fd = links[i].fd,
                                    .events = (short)(POLLIN | (sends ? POLLOUT : 0))};
        done += is_done(&links[i]) ? 1 : 0;
    }
    return done;
}

static void serve(struct link *link, int events)
{
    if ((events & POLLOUT) != 0) {
        transmit(link);
    }
    if ((events & (POLLIN | POLLHUP | POLLERR)) != 0) {
        receive(link);
    }
}

/* Lets the links work until all is sent and answered. */
static void work(struct link *links, size_t count)
{
    struct pollfd polled[PORTS_MAX * LINKS_A_PORT];
    while (look_at(links, count, polled) < count) {
        if (poll(polled, count, STALL_MS) <= 0) {
            fail(&links[0], "some server has stalled");
        }
        for (size_t i = 0; i < count; i++) {
            serve(&links[i], polled[i].revents);
        }
    }
}

/* "5023:1,4,0,18:1,3,100,4" */
static bool parse_port(const char *text, struct port *port)
{
    char *end = NULL;
    port->number = (uint16_t)strtoul(text, &end, 10);
    while (*end == ':' && port->blocks_count < BLOCKS_MAX) {
        struct block *block = &port->blocks[port->blocks_count++];
        unsigned *const numbers[] = {&block->unit, &block->table, &block->first, &block->count};
        for (size_t i = 0; i < 4; i++) {
            *numbers[i] = (unsigned)strtoul(end + 1, &end, 10);
        }
    }
    return *end == '\0' && port->number > 0;
}

static double seconds_since(const struct timespec *begin)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - begin->tv_sec) + (double)(now.tv_nsec - begin->tv_nsec) / 1e9;
}

int main(int argc, char **argv)
{
    static struct port ports[PORTS_MAX];
    static struct link links[PORTS_MAX * LINKS_A_PORT];
    size_t ports_count = argc > 3 ? (size_t)argc - 3 : 0;
    size_t count = ports_count * LINKS_A_PORT;
    bool is_right = ports_count > 0 && ports_count <= PORTS_MAX;
    for (size_t i = 0; is_right && i < ports_count; i++) {
        is_right = parse_port(argv[3 + i], &ports[i]);
    }
    if (!is_right) {
        (void)fprintf(stderr, "usage: frames FRAMES SEED PORT[:UNIT,TABLE,FIRST,COUNT]… …\n");
        return 64;
    }
    struct timespec begin;
    (void)clock_gettime(CLOCK_MONOTONIC, &begin);
    sums.wanted = strtoull(argv[1], NULL, 10);
    random_state = strtoull(argv[2], NULL, 10) | 1;
    for (size_t i = 0; i < count; i++) {
        links[i].port = &ports[i / LINKS_A_PORT];
        open_link(&links[i]);
    }
    work(links, count);
    for (size_t i = 0; i < count; i++) {
        (void)close(links[i].fd);
    }
    (void)printf("frames=%llu answered=%llu refused=%llu connections=%llu seconds=%.1f\n",
                 (unsigned long long)sums.sent, (unsigned long long)sums.answered,
                 (unsigned long long)sums.refused, (unsigned long long)sums.ended,
                 seconds_since(&begin));
    return 0;
}

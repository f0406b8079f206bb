#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/memory.h"
#include "gateway/clock.h"
#include "gateway/command.h"
#include "gateway/log.h"
#include "gateway/mqtt.h"
#include "gateway/notify.h"
#include "gateway/poller.h"
#include "gateway/publisher.h"
#include "gateway/recorder.h"
#include "gateway/web.h"

enum {
    QUEUE_SIZE = 16 * 1024 * 1024
}; /* memory that is touched only when the disk stands still */
enum { DESCRIPTORS_MAX = 4096 };
enum {
    STOP_US = 2000000
}; /* what is unsent may take so long; then the birth topics say offline */

const struct command_option command_run_options[] = {
    {"ready-file", "FILE",
     "written when every link was tried once and the broker's state is known"},
    {.name = NULL},
};

/* Everything that runs, in the order in which it starts. */
struct daemon {
    const struct factory *factory;
    const char *ready_file;
    struct journal *journal;
    uint64_t run;
    int64_t started_us; /* wall clock */
    struct wake recorder_wake;
    struct wake publisher_wake;
    struct ledger *ledger;
    struct events *events;
    struct uplink *uplink;
    struct bus *bus;
    struct trace *trace;
    struct live *live;
    struct queue *queue;
    struct samples *samples;
    struct ready *ready;
    struct poller **pollers; /* one for each link that has a machine */
    size_t pollers_count;
    char **obsolete;
    size_t obsolete_count;
    struct web *web;
    struct recorder *recorder;
    struct publisher *publisher;
    int signals; /* readable when SIGTERM or SIGINT came */
};

/* Paho takes descriptor 0 for "no socket", and a stray write to 2 must not hit the journal. */
static void open_standard_descriptors(void)
{
    int descriptor;
    do {
        descriptor = open("/dev/null", O_RDWR);
    } while (descriptor >= 0 && descriptor <= STDERR_FILENO);
    if (descriptor > STDERR_FILENO) {
        (void)close(descriptor);
    }
}

static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= DESCRIPTORS_MAX) {
        return;
    }
    limit.rlim_cur = limit.rlim_max < DESCRIPTORS_MAX ? limit.rlim_max : DESCRIPTORS_MAX;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
        log_line(LOG_LEVEL_WARNING, "run", "event=descriptor-limit error=\"%s\"",
                 strerrordesc_np(errno));
    }
}

/* Signals are blocked in every thread and awaited in main alone. */
static int block_signals(void)
{
    sigset_t awaited;
    (void)sigemptyset(&awaited);
    (void)sigaddset(&awaited, SIGTERM);
    (void)sigaddset(&awaited, SIGINT);
    sigset_t blocked = awaited;
    (void)sigaddset(&blocked, SIGPIPE);
    (void)sigaddset(&blocked, SIGHUP);
    (void)sigaddset(&blocked, SIGXFSZ); /* a limit of a file's size: the write fails instead */
    (void)pthread_sigmask(SIG_BLOCK, &blocked, NULL);
    return signalfd(-1, &awaited, SFD_CLOEXEC);
}

static bool open_journal(struct daemon *daemon)
{
    struct journal_error error;
    daemon->journal = journal_open(daemon->factory, &error);
    if (daemon->journal == NULL) {
        log_line(LOG_LEVEL_ERROR, "journal", "%s", error.text);
        return false;
    }
    uint64_t now_s = (uint64_t)(clock_wall_us() / 1000000);
    /* A journal that cannot be written yet is the recorder's affair: polling does not wait. */
    (void)journal_begin_run(daemon->journal, now_s, &daemon->run);
    daemon->obsolete = journal_obsolete_topics(daemon->journal, &daemon->obsolete_count);
    return true;
}

static size_t count_busy_links(const struct factory *factory)
{
    size_t count = 0;
    for (size_t at = 0; at < factory->links_count; at++) {
        count += factory->links[at].machines_count > 0 ? 1 : 0;
    }
    return count;
}

static void create_exchange(struct daemon *daemon)
{
    const struct factory *factory = daemon->factory;
    uint64_t last_seq = journal_last_seq(daemon->journal);
    wake_init(&daemon->recorder_wake);
    wake_init(&daemon->publisher_wake);
    /* Without a journal its recorder says later how far things are. */
    daemon->ledger = ledger_create(daemon->run, last_seq, journal_cursor(daemon->journal),
                                   &daemon->publisher_wake);
    ledger_park_any(daemon->ledger, journal_parked(daemon->journal));
    daemon->events = events_create(&daemon->publisher_wake);
    daemon->uplink = uplink_create();
    daemon->bus = bus_create(factory);
    daemon->trace = trace_create(factory);
    daemon->live = live_create(factory, &daemon->publisher_wake);
    daemon->queue = queue_create(QUEUE_SIZE, daemon->run, last_seq + 1, &daemon->recorder_wake);
    daemon->samples = samples_create(factory);
    daemon->ready = ready_create(count_busy_links(factory) + 1); /* the links and the broker */
}

static void destroy_exchange(struct daemon *daemon)
{
    ready_destroy(daemon->ready);
    samples_destroy(daemon->samples);
    queue_destroy(daemon->queue);
    live_destroy(daemon->live);
    trace_destroy(daemon->trace);
    bus_destroy(daemon->bus);
    uplink_destroy(daemon->uplink);
    events_destroy(daemon->events);
    ledger_destroy(daemon->ledger);
    wake_destroy(&daemon->publisher_wake);
    wake_destroy(&daemon->recorder_wake);
    free(daemon->obsolete);
}

static bool create_pollers(struct daemon *daemon)
{
    const struct factory *factory = daemon->factory;
    struct poller_parts parts = {
        .factory = factory,
        .queue = daemon->queue,
        .live = daemon->live,
        .events = daemon->events,
        .bus = daemon->bus,
        .trace = daemon->trace,
        .samples = daemon->samples,
        .ready = daemon->ready,
    };
    daemon->pollers = memory_allocate(factory->links_count + 1, sizeof(struct poller *));
    for (size_t link = 0; link < factory->links_count; link++) {
        if (factory->links[link].machines_count == 0) {
            continue;
        }
        struct driver_error error;
        struct poller *poller = poller_create(&parts, link, &error);
        if (poller == NULL) {
            log_line(LOG_LEVEL_ERROR, "poller", "%s:%u: link %s: %s", factory->path,
                     factory->links[link].line, factory->links[link].name, error.text);
            return false;
        }
        daemon->pollers[daemon->pollers_count++] = poller;
    }
    return true;
}

static void destroy_pollers(struct daemon *daemon)
{
    for (size_t at = 0; at < daemon->pollers_count; at++) {
        poller_destroy(daemon->pollers[at]);
    }
    free(daemon->pollers);
}

static void start_web(struct daemon *daemon)
{
    struct web_parts parts = {
        .factory = daemon->factory,
        .live = daemon->live,
        .ledger = daemon->ledger,
        .events = daemon->events,
        .uplink = daemon->uplink,
        .bus = daemon->bus,
        .trace = daemon->trace,
        .ready = daemon->ready,
        .run = daemon->run,
        .started_us = daemon->started_us,
    };
    daemon->web = web_start(&parts);
}

static void start_threads(struct daemon *daemon)
{
    start_web(daemon);
    struct recorder_parts recorder = {
        .factory = daemon->factory,
        .queue = daemon->queue,
        .journal = daemon->journal,
        .ledger = daemon->ledger,
        .events = daemon->events,
        .trace = daemon->trace,
        .wake = &daemon->recorder_wake,
        .run = daemon->run,
    };
    struct publisher_parts publisher = {
        .factory = daemon->factory,
        .live = daemon->live,
        .ledger = daemon->ledger,
        .events = daemon->events,
        .ready = daemon->ready,
        .uplink = daemon->uplink,
        .trace = daemon->trace,
        .wake = &daemon->publisher_wake,
        .obsolete = daemon->obsolete,
        .obsolete_count = daemon->obsolete_count,
        .info = {.run = daemon->run,
                 .started_us = daemon->started_us,
                 .page = web_url(daemon->web),
                 .page_error = web_error(daemon->web)},
    };
    daemon->recorder = recorder_start(&recorder);
    daemon->publisher = publisher_start(&publisher);
    for (size_t at = 0; at < daemon->pollers_count; at++) {
        poller_start(daemon->pollers[at]);
    }
}

/* Returns whether everything that was read is in the journal. */
static bool stop_threads(struct daemon *daemon)
{
    int64_t until_us = clock_monotonic_us() + STOP_US;
    for (size_t at = 0; at < daemon->pollers_count; at++) {
        poller_interrupt(daemon->pollers[at]);
    }
    for (size_t at = 0; at < daemon->pollers_count; at++) {
        poller_join(daemon->pollers[at]);
    }
    recorder_finish(daemon->recorder);
    publisher_stop(daemon->publisher, until_us);
    bool is_all_kept = recorder_stop(daemon->recorder);
    web_stop(daemon->web);
    return is_all_kept;
}

static void tell_ready(const struct daemon *daemon)
{
    log_line(LOG_LEVEL_INFO, "run", "event=ready run=%" PRIu64 " links=%zu machines=%zu",
             daemon->run, daemon->pollers_count, daemon->factory->machines_count);
    notify_send("READY=1");
    if (daemon->ready_file == NULL) {
        return;
    }
    int descriptor = open(daemon->ready_file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (descriptor < 0 || write(descriptor, "ready\n", 6) != 6) {
        log_line(LOG_LEVEL_ERROR, "run", "event=no-ready-file file=%s error=\"%s\"",
                 daemon->ready_file, strerrordesc_np(errno));
    }
    if (descriptor >= 0) {
        (void)close(descriptor);
    }
}

static void await_signal(const struct daemon *daemon)
{
    struct pollfd awaited[] = {
        {.fd = daemon->signals, .events = POLLIN},
        {.fd = ready_descriptor(daemon->ready), .events = POLLIN},
        {.fd = log_descriptor(), .events = POLLIN},
    };
    while (awaited[0].revents == 0) {
        if (poll(awaited, sizeof awaited / sizeof *awaited, log_flush()) > 0 &&
            awaited[1].revents != 0) {
            tell_ready(daemon);
            awaited[1].fd = -1; /* poll() passes over it, and leaves revents 0 */
        }
    }
    log_line(LOG_LEVEL_INFO, "run", "event=stopping");
    notify_send("STOPPING=1");
}

static int run_daemon(struct daemon *daemon)
{
    if (!open_journal(daemon)) {
        return EXIT_FAILED;
    }
    int code = EXIT_CONFIGURATION;
    daemon->started_us = clock_wall_us();
    create_exchange(daemon);
    if (create_pollers(daemon)) {
        start_threads(daemon);
        await_signal(daemon);
        code = stop_threads(daemon) ? EXIT_DONE : EXIT_FAILED;
    }
    destroy_pollers(daemon);
    destroy_exchange(daemon);
    journal_close(daemon->journal);
    return code;
}

int command_run(const struct command_line *line)
{
    open_standard_descriptors();
    (void)umask(0027);
    raise_descriptor_limit();
    struct daemon daemon = {.ready_file = line->values[0], .signals = block_signals()};
    struct factory *factory = command_load_factory(line);
    if (factory == NULL) {
        return EXIT_CONFIGURATION;
    }
    if (geteuid() == 0) {
        log_line(LOG_LEVEL_WARNING, "run",
                 "event=running-as-root advice=\"use a user of its own\"");
    }
    daemon.factory = factory;
    mqtt_global_init();
    int code = run_daemon(&daemon);
    factory_destroy(factory);
    (void)close(daemon.signals);
    log_line(LOG_LEVEL_INFO, "run", "event=stopped code=%d", code);
    return code;
}

/* formlab-simulator: the factory that is not there. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "config/command.h"
#include "config/memory.h"
#include "config/units.h"
#include "simulator/account.h"
#include "simulator/control.h"
#include "simulator/fault.h"
#include "simulator/oracle.h"
#include "simulator/scenario.h"
#include "simulator/scene.h"
#include "simulator/server.h"
#include "simulator/world.h"

#define SPEED_MAX 1000.0

/* All that a run owns; made in this order, taken down in the reverse. */
struct run {
    struct factory *factory;
    struct faults *faults;
    struct world *world;
    struct oracle *oracle;
    struct server *server;
    struct control *control;
    uint64_t seed;
    double speed;
    struct scene scene;
};

static const struct command_option run_options[] = {
    {"seed", "N", "everything that chance decides follows from it (1)"},
    {"speed", "X", "simulated seconds a second, 0.1 to 1000 (1)"},
    {"scene", "FILE", "what goes wrong, and when: see simulator/README.md"},
    {"control", "PATH", "listen there for inject, clear, status, …"},
    {"journal", "FILE", "write what was served, as JSON lines"},
    {NULL, NULL, NULL},
};

static const struct command_option control_options[] = {
    {"control", "PATH", "the socket of a simulator that runs"},
    {NULL, NULL, NULL},
};

static int run(const struct command_line *line);
static int inject(const struct command_line *line);
static int clear(const struct command_line *line);
static int hide(const struct command_line *line);
static int reveal(const struct command_line *line);
static int list(const struct command_line *line);
static int status(const struct command_line *line);
static int dump(const struct command_line *line);
static int list_faults(const struct command_line *line);

#define COMMAND(...)                                                                           \
    {                                                                                          \
        __VA_ARGS__                                                                            \
    }
static const struct command commands[] = {
    COMMAND("run", "CONFIG", 1, 1, true,
            "Serves every machine of the factory that is simulated.", run_options, run),
    COMMAND("inject", "FAULT …", 1, COMMAND_ARGUMENTS_MAX, false,
            "Lets a scenario or a fault happen now: P04 strength=2, or as in a scene.",
            control_options, inject),
    COMMAND("clear", "[ID]", 0, 1, false, "Ends the faults of that id, or all.",
            control_options, clear),
    COMMAND("hide", "[ID]", 0, 1, false, "Keeps the faults of that id, or all, from learners.",
            control_options, hide),
    COMMAND("reveal", "[ID]", 0, 1, false, "Shows the faults of that id, or all, to learners.",
            control_options, reveal),
    COMMAND("list", "", 0, 0, false,
            "Prints the scenarios; with --control those of one that runs, as one line of JSON.",
            control_options, list),
    COMMAND("status", "", 0, 0, false, "Prints time, line and faults, as one line of JSON.",
            control_options, status),
    COMMAND("dump", "", 0, 0, false, "Prints every register there is, as one line of JSON.",
            control_options, dump),
    COMMAND("faults", "", 0, 0, false, "Prints what a scene may name: faults and parameters.",
            NULL, list_faults),
    {.name = NULL},
};

static bool parse_options(const struct command_line *line, struct run *run)
{
    const char *seed = command_value(&commands[0], line, "seed");
    const char *speed = command_value(&commands[0], line, "speed");
    struct decimal decimal;
    if (seed != NULL && !units_parse_unsigned(seed, &run->seed)) {
        (void)fprintf(stderr, "formlab-simulator: --seed %s: accepted: a whole number\n", seed);
        return false;
    }
    bool is_speed = speed == NULL || units_parse_decimal(speed, &decimal);
    if (is_speed && speed != NULL) {
        run->speed = decimal_to_double(decimal);
    }
    if (!is_speed || run->speed < 0.1 || run->speed > SPEED_MAX) {
        (void)fprintf(stderr, "formlab-simulator: --speed %s: accepted: 0.1 to 1000\n", speed);
        return false;
    }
    return true;
}

/* Scene and models: everything that a person can have got wrong. */
static bool make_world(const struct command_line *line, struct run *run)
{
    struct problems *problems = problems_create();
    const char *scene = command_value(&commands[0], line, "scene");
    run->faults = faults_create(run->factory);
    run->scene.has_personalities = true;
    if (scene != NULL) {
        scene_load(scene, run->faults, &run->scene, problems);
    }
    run->world = world_create(run->factory, run->seed, run->faults, problems);
    bool is_right = problems_count(problems) == 0;
    problems_print(problems, stderr);
    problems_destroy(problems);
    return is_right;
}

static bool make_oracle(const struct command_line *line, struct run *run)
{
    const char *path = command_value(&commands[0], line, "journal");
    if (path == NULL) {
        return true;
    }
    run->oracle = oracle_create(path);
    if (run->oracle == NULL) {
        (void)fprintf(stderr, "formlab-simulator: %s: %s\n", path, strerrordesc_np(errno));
    }
    return run->oracle != NULL;
}

static bool make_server(struct run *run)
{
    struct server_error error;
    run->server = server_create(
        &(struct server_parts){
            .factory = run->factory,
            .world = run->world,
            .faults = run->faults,
            .oracle = run->oracle,
            .seed = run->seed,
            .speed = run->speed,
            .has_personalities = run->scene.has_personalities,
        },
        &error);
    if (run->server == NULL) {
        (void)fprintf(stderr, "formlab-simulator: cannot listen at %s\n", error.text);
    }
    return run->server != NULL;
}

static bool make_control(const struct command_line *line, struct run *run)
{
    const char *path = command_value(&commands[0], line, "control");
    if (path == NULL) {
        return true;
    }
    run->control = control_create(
        path,
        &(struct dialog_parts){
            .world = run->world, .faults = run->faults, .seed = run->seed, .speed = run->speed},
        run->server);
    if (run->control == NULL) {
        (void)fprintf(stderr, "formlab-simulator: %s: %s\n", path, strerrordesc_np(errno));
    }
    return run->control != NULL;
}

static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit); /* what there is must do */
    }
}

struct stop_source {
    struct server_source source;
    struct server *server;
};

static void stop_ready(struct server_source *source, uint32_t events)
{
    (void)events;
    server_stop(((struct stop_source *)(void *)source)->server);
}

static int serve(struct run *run)
{
    sigset_t signals;
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigaddset(&signals, SIGINT);
    (void)pthread_sigmask(SIG_BLOCK, &signals, NULL);
    int fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    struct stop_source stop = {.source = {.ready = stop_ready}, .server = run->server};
    if (fd < 0 || !server_watch(run->server, fd, &stop.source)) {
        (void)fprintf(stderr, "formlab-simulator: signals: %s\n", strerrordesc_np(errno));
        return EXIT_FAILED;
    }
    (void)printf("ready endpoints=%zu machines=%zu seed=%llu speed=%g\n",
                 server_endpoints_count(run->server), world_units_count(run->world),
                 (unsigned long long)run->seed, run->speed);
    (void)fflush(stdout);
    server_run(run->server);
    (void)close(fd);
    return EXIT_DONE;
}

static int run(const struct command_line *line)
{
    struct run parts = {.seed = 1, .speed = 1.0};
    int code = EXIT_USAGE;
    if (!parse_options(line, &parts)) {
        return code;
    }
    raise_descriptor_limit();
    code = EXIT_CONFIGURATION;
    parts.factory = command_load_factory(line);
    if (parts.factory != NULL && make_world(line, &parts)) {
        bool is_made =
            make_oracle(line, &parts) && make_server(&parts) && make_control(line, &parts);
        code = is_made ? serve(&parts) : EXIT_FAILED;
    }
    control_destroy(parts.control);
    server_destroy(parts.server);
    oracle_destroy(parts.oracle);
    world_destroy(parts.world);
    faults_destroy(parts.faults);
    factory_destroy(parts.factory);
    return code;
}

/* ---- Speaking to one that runs ---- */

/* Asks, prints the reply; `reply` decides the exit code. */
static int ask(const struct command_line *line, const char *request)
{
    const char *path = command_value(&commands[1], line, "control");
    char *text = NULL;
    size_t size = 0;
    if (path == NULL) {
        (void)fprintf(stderr, "formlab-simulator: --control PATH is needed\n");
        return EXIT_USAGE;
    }
    FILE *reply = open_memstream(&text, &size);
    bool is_told = reply != NULL && control_ask(path, request, reply);
    int error = errno;
    bool is_whole = reply != NULL && fclose(reply) == 0;
    bool is_done = is_told && is_whole && strncmp(text, "{\"ok\":true", 10) == 0;
    if (!is_told) {
        (void)fprintf(stderr, "formlab-simulator: %s: %s\n", path, strerrordesc_np(error));
    } else {
        (void)fputs(text, is_done ? stdout : stderr);
    }
    free(text);
    return is_done ? EXIT_DONE : EXIT_FAILED;
}

static int inject(const struct command_line *line)
{
    char fault[DIALOG_LINE_MAX] = "";
    char request[DIALOG_LINE_MAX] = "";
    size_t length = 0;
    for (size_t i = 0; i < line->arguments_count && length < sizeof fault; i++) {
        length += (size_t)snprintf(fault + length, sizeof fault - length, "%s%s",
                                   i > 0 ? " " : "", line->arguments[i]);
    }
    FILE *stream = fmemopen(request, sizeof request, "w");
    if (stream == NULL) {
        return EXIT_FAILED;
    }
    (void)fputs("{\"command\":\"inject\",\"fault\":", stream);
    account_put_string(stream, fault);
    (void)fputs("}", stream);
    return fclose(stream) == 0 ? ask(line, request) : EXIT_FAILED;
}

/* A command that takes an id, or none for all. */
static int ask_about(const struct command_line *line, const char *command)
{
    char request[64];
    uint64_t id = 0;
    if (line->arguments_count > 0 && !units_parse_unsigned(line->arguments[0], &id)) {
        (void)fprintf(stderr, "formlab-simulator: %s: accepted: the id that inject printed\n",
                      line->arguments[0]);
        return EXIT_USAGE;
    }
    (void)snprintf(request, sizeof request, "{\"command\":\"%s\",\"id\":%llu}", command,
                   (unsigned long long)id);
    return ask(line, request);
}

static int clear(const struct command_line *line)
{
    return ask_about(line, "clear");
}

static int hide(const struct command_line *line)
{
    return ask_about(line, "hide");
}

static int reveal(const struct command_line *line)
{
    return ask_about(line, "reveal");
}

static int status(const struct command_line *line)
{
    return ask(line, "{\"command\":\"status\"}");
}

static int dump(const struct command_line *line)
{
    return ask(line, "{\"command\":\"dump\"}");
}

static int list(const struct command_line *line)
{
    if (command_value(&commands[1], line, "control") != NULL) {
        return ask(line, "{\"command\":\"list\"}");
    }
    for (const struct scenario *scenario = scenario_all(); scenario->id != NULL; scenario++) {
        (void)printf("%s  %-8s  %-13s  %s / %s / %s%s%s\n", scenario->id, scenario->kind,
                     scenario->target, scenario->titles[0], scenario->titles[1],
                     scenario->titles[2], scenario->is_hidden ? " (hidden)" : "",
                     scenario->faults[0].text == NULL ? " (not the simulator's)" : "");
    }
    return EXIT_DONE;
}

static int list_faults(const struct command_line *line)
{
    (void)line;
    fault_print_kinds(stdout);
    (void)printf("parameters of the line:");
    for (size_t i = 0; line_parameter_name(i) != NULL; i++) {
        (void)printf(" %s", line_parameter_name(i));
    }
    (void)printf("\n");
    return EXIT_DONE;
}

int main(int argc, char **argv)
{
    return command_main("formlab-simulator", commands, argc, argv);
}

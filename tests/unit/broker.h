/* A real mosquitto for tests: in a folder of its own, on an ephemeral port of the loopback.
 *
 * Included by one test program each; a failure to start ends the program. */
#ifndef TESTS_UNIT_BROKER_H
#define TESTS_UNIT_BROKER_H

#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct test_broker {
    pid_t pid;
    uint16_t port;
    char folder[64];
};

static inline __attribute__((noreturn)) void broker_fail(const char *what)
{
    perror(what);
    _exit(1);
}

static inline struct sockaddr_in broker_address(uint16_t port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons(port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static inline int broker_listener(uint16_t *port)
{
    struct sockaddr_in address = broker_address(0);
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, length) != 0 ||
        listen(listener, 8) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &length) != 0) {
        broker_fail("no port");
    }
    *port = ntohs(address.sin_port);
    return listener;
}

/* A child of ours: it ends with us, also when a test fails. */
static inline pid_t broker_fork(void)
{
    pid_t pid = fork();
    if (pid == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) {
        _exit(127);
    }
    return pid;
}

/* Runs a shell script in the folder and waits for it; false when it failed. */
static inline bool broker_shell(const char *folder, const char *script)
{
    pid_t pid = broker_fork();
    if (pid == 0) {
        if (chdir(folder) == 0) {
            (void)execl("/bin/sh", "sh", "-ec", script, (char *)NULL);
        }
        _exit(127);
    }
    int status = -1;
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static inline void broker_prepare(struct test_broker *broker)
{
    (void)snprintf(broker->folder, sizeof broker->folder, "/tmp/test_broker.XXXXXX");
    if (mkdtemp(broker->folder) == NULL) {
        broker_fail("no folder");
    }
    (void)close(broker_listener(&broker->port));
    broker->pid = -1;
}

static inline bool broker_answers(const struct test_broker *broker)
{
    struct sockaddr_in address = broker_address(broker->port);
    int probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool is_there = connect(probe, (struct sockaddr *)&address, sizeof address) == 0;
    (void)close(probe);
    return is_there;
}

/* `settings`: further lines of mosquitto.conf. Returns when it listens. */
static inline void broker_start(struct test_broker *broker, const char *settings)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/mosquitto.conf", broker->folder);
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        broker_fail(path);
        return;
    }
    (void)fprintf(file,
                  "listener %u 127.0.0.1\nuser root\nlog_dest file %s/log\n"
                  "persistence_location %s/\n%s\n",
                  broker->port, broker->folder, broker->folder, settings);
    (void)fclose(file);
    broker->pid = broker_fork();
    if (broker->pid == 0) {
        if (freopen("/dev/null", "w", stderr) == NULL) {
            _exit(127);
        }
        (void)execlp("mosquitto", "mosquitto", "-c", path, (char *)NULL);
        (void)execl("/usr/sbin/mosquitto", "mosquitto", "-c", path, (char *)NULL);
        _exit(127);
    }
    const struct timespec moment = {.tv_nsec = 2000000};
    while (!broker_answers(broker)) {
        if (waitpid(broker->pid, NULL, WNOHANG) != 0) {
            broker_fail("mosquitto ended");
        }
        (void)nanosleep(&moment, NULL); /* a listener tells nobody that it listens */
    }
}

static inline void broker_kill(struct test_broker *broker)
{
    if (broker->pid > 0) {
        (void)kill(broker->pid, SIGKILL);
        (void)waitpid(broker->pid, NULL, 0);
        broker->pid = -1;
    }
}

static inline void broker_end(struct test_broker *broker)
{
    broker_kill(broker);
    char script[128];
    (void)snprintf(script, sizeof script, "rm -rf '%s'", broker->folder);
    (void)broker_shell("/", script);
}

/* An outside witness: mosquitto_sub, whose lines are read with fgets. It has a session, so that
 * a broker that keeps its state keeps what was published before it was back. */
struct witness {
    pid_t pid;
    FILE *lines;
};

static inline void witness_start(struct witness *witness, uint16_t port, const char *format)
{
    int ends[2]; /* not inherited by others */
    char number[8];
    (void)snprintf(number, sizeof number, "%u", port);
    if (pipe2(ends, O_CLOEXEC) != 0) {
        broker_fail("no pipe");
    }
    witness->pid = broker_fork();
    if (witness->pid == 0) {
        (void)dup2(ends[1], STDOUT_FILENO);
        (void)execlp("mosquitto_sub", "mosquitto_sub", "-h", "127.0.0.1", "-p", number, "-V",
                     "mqttv5", "-c", "-i", "witness", "-x", "3600", "-q", "1", "-t", "#", "-F",
                     format, (char *)NULL);
        _exit(127);
    }
    (void)close(ends[1]);
    witness->lines = fdopen(ends[0], "r");
}

static inline void witness_end(struct witness *witness)
{
    (void)kill(witness->pid, SIGKILL);
    (void)waitpid(witness->pid, NULL, 0);
    (void)fclose(witness->lines);
}

#endif

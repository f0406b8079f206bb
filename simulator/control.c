#include "simulator/control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "config/memory.h"

enum { CLIENTS_MAX = 16, BACKLOG = 8 };

struct client {
    struct server_source source;
    struct control *control;
    int fd; /* -1: free */
    size_t input_length;
    char input[DIALOG_LINE_MAX];
    char *reply; /* NULL: none is on its way */
    size_t reply_length;
    size_t sent;
};

struct control {
    struct server_source source;
    struct dialog_parts parts;
    struct diary diary;
    struct server *server;
    int fd;
    struct sockaddr_un address;
    struct client clients[CLIENTS_MAX];
};

static bool make_address(const char *path, struct sockaddr_un *address)
{
    size_t length = strlen(path);
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (length >= sizeof address->sun_path) {
        errno = ENAMETOOLONG;
        return false;
    }
    memcpy(address->sun_path, path, length + 1);
    return true;
}

static int connect_to(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof *address) != 0) {
        int error = errno;
        (void)close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

/* ---- Clients ---- */

static void close_client(struct client *client)
{
    (void)close(client->fd);
    free(client->reply);
    *client = (struct client){.fd = -1};
}

/* Sends what the socket takes; false when the client is gone. */
static bool send_reply(struct client *client)
{
    while (client->sent < client->reply_length) {
        ssize_t sent = send(client->fd, client->reply + client->sent,
                            client->reply_length - client->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0) {
            return errno == EAGAIN || errno == EINTR;
        }
        client->sent += (size_t)sent;
    }
    free(client->reply);
    client->reply = NULL;
    client->reply_length = 0;
    client->sent = 0;
    return true;
}

static int64_t wall_clock_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool answer(struct client *client, const char *line)
{
    FILE *reply = open_memstream(&client->reply, &client->reply_length);
    if (reply == NULL) {
        return false;
    }
    struct dialog_parts parts = client->control->parts;
    parts.diary = &client->control->diary;
    parts.now_ms = wall_clock_ms();
    dialog_answer(&parts, line, reply);
    bool is_written = fclose(reply) == 0;
    return is_written && send_reply(client);
}

/* Answers the lines that have arrived, one after the other. */
static bool answer_lines(struct client *client)
{
    bool is_open = true;
    while (is_open && client->reply == NULL) {
        char *end = memchr(client->input, '\n', client->input_length);
        if (end == NULL) {
            return client->input_length < sizeof client->input;
        }
        *end = '\0';
        is_open = answer(client, client->input);
        client->input_length -= (size_t)(end + 1 - client->input);
        memmove(client->input, end + 1, client->input_length);
    }
    return is_open;
}

static void client_ready(struct server_source *source, uint32_t events)
{
    struct client *client = (struct client *)(void *)source;
    (void)events;
    if (client->fd < 0) {
        return; /* closed by an event before this one */
    }
    /* The lines behind a reply that had to wait come first: no edge tells of them again, and
     * they may leave no room to receive. */
    bool is_open = send_reply(client) && answer_lines(client);
    while (is_open && client->reply == NULL) {
        ssize_t got = recv(client->fd, client->input + client->input_length,
                           sizeof client->input - client->input_length, MSG_DONTWAIT);
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
            return;
        }
        client->input_length += got > 0 ? (size_t)got : 0;
        is_open = got > 0 && answer_lines(client);
    }
    if (!is_open) {
        close_client(client);
    }
}

static void take_client(struct control *control, struct client *client, int fd)
{
    *client = (struct client){.source = {.ready = client_ready}, .control = control, .fd = fd};
    if (!server_watch_edges(control->server, fd, &client->source)) {
        close_client(client);
    }
}

static void control_ready(struct server_source *source, uint32_t events)
{
    struct control *control = (struct control *)(void *)source;
    (void)events;
    int fd = accept4(control->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        return;
    }
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        if (control->clients[i].fd < 0) {
            take_client(control, &control->clients[i], fd);
            return;
        }
    }
    (void)close(fd); /* all places are taken */
}

/* ---- The socket ---- */

/* Takes away what a simulator that was killed has left. */
static bool clear_place(const struct sockaddr_un *address)
{
    int fd = connect_to(address);
    if (fd >= 0) {
        (void)close(fd);
        errno = EADDRINUSE;
        return false;
    }
    return errno == ENOENT || (errno == ECONNREFUSED && unlink(address->sun_path) == 0);
}

static int listen_at(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    if (bind(fd, (const struct sockaddr *)address, sizeof *address) != 0 ||
        chmod(address->sun_path, S_IRUSR | S_IWUSR) != 0 || listen(fd, BACKLOG) != 0) {
        int error = errno;
        (void)close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

struct control *control_create(const char *path, const struct dialog_parts *parts,
                               struct server *server)
{
    struct sockaddr_un address;
    if (!make_address(path, &address) || !clear_place(&address)) {
        return NULL;
    }
    int fd = listen_at(&address);
    if (fd < 0) {
        return NULL;
    }
    struct control *control = memory_allocate(1, sizeof *control);
    *control = (struct control){.source = {.ready = control_ready},
                                .parts = *parts,
                                .server = server,
                                .fd = fd,
                                .address = address};
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        control->clients[i].fd = -1;
    }
    if (!server_watch(server, fd, &control->source)) {
        control_destroy(control);
        return NULL;
    }
    return control;
}

void control_destroy(struct control *control)
{
    if (control == NULL) {
        return;
    }
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        if (control->clients[i].fd >= 0) {
            close_client(&control->clients[i]);
        }
    }
    (void)close(control->fd);
    (void)unlink(control->address.sun_path);
    free(control);
}

bool control_ask(const char *path, const char *line, FILE *reply)
{
    struct sockaddr_un address;
    int fd = make_address(path, &address) ? connect_to(&address) : -1;
    FILE *stream = fd >= 0 ? fdopen(fd, "r+") : NULL;
    if (stream == NULL) {
        return false;
    }
    char *answer = NULL;
    size_t size = 0;
    (void)fprintf(stream, "%s\n", line);
    bool is_told = fflush(stream) == 0 && getline(&answer, &size, stream) > 0;
    if (is_told) {
        (void)fputs(answer, reply);
    }
    free(answer);
    (void)fclose(stream);
    return is_told;
}

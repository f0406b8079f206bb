/* Paho's MQTTClient as bare as it can be used while every PUBACK is waited for.
 *
 *     bare_sync HOW PORT PAYLOAD_FILE QOS WINDOW COUNT [BATCH PERIOD_MS]
 *
 * The window is the caller's own and stays below paho's limit, at which paho sleeps in steps of
 * 100 ms. HOW `thread`: paho's thread takes the answers. `single`: there is no thread; when the
 * window is full, MQTTClient_receive() takes what has come. With BATCH and PERIOD_MS: as many
 * messages at each beat, at the product's rate. MQTT 5, where a refusal can be told. */
#include <MQTTClient.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "tests/bench/meter.h"

static const char topic[] = "bench/hall/p0/samples";

enum { MARGIN = 8 };         /* how far paho's limit is above the window */
enum { PATIENCE_MS = 1 };    /* of one look for answers */
enum { SILENCE_MAX = 5000 }; /* looks without an answer */

struct sender {
    MQTTClient client;
    struct payload payload;
    int qos;
    long window;
    bool is_single;
    sem_t room;
    _Atomic long answered;
};

static struct sender sender;

/* The types are paho's. NOLINTBEGIN(readability-non-const-parameter) */
static void on_published(void *context, int token, int packet_type, MQTTProperties *properties,
                         enum MQTTReasonCodes reason)
{
    (void)context;
    (void)token;
    (void)packet_type;
    (void)properties;
    if (reason >= MQTTREASONCODE_UNSPECIFIED_ERROR) {
        meter_fail("a message was refused: %d", (int)reason);
    }
    (void)atomic_fetch_add(&sender.answered, 1);
    if (!sender.is_single) {
        (void)sem_post(&sender.room);
    }
}

static int on_message(void *context, char *name, int length, MQTTClient_message *message)
{
    (void)context;
    (void)length;
    MQTTClient_freeMessage(&message);
    MQTTClient_free(name);
    return 1;
}
/* NOLINTEND(readability-non-const-parameter) */

static void connect_to(const char *port)
{
    char url[64];
    (void)snprintf(url, sizeof url, "tcp://127.0.0.1:%s", port);
    MQTTClient_createOptions create = MQTTClient_createOptions_initializer;
    create.MQTTVersion = MQTTVERSION_5;
    MQTTClient_connectOptions options = MQTTClient_connectOptions_initializer5;
    options.maxInflightMessages = (int)sender.window + MARGIN;
    options.reliable = 0;
    if (MQTTClient_createWithOptions(&sender.client, url, "bare", MQTTCLIENT_PERSISTENCE_NONE,
                                     NULL, &create) != MQTTCLIENT_SUCCESS) {
        meter_fail("cannot make a client for %s", url);
    }
    if (!sender.is_single) {
        (void)MQTTClient_setCallbacks(sender.client, NULL, NULL, on_message, NULL);
    }
    (void)MQTTClient_setPublished(sender.client, NULL, on_published);
    MQTTResponse response = MQTTClient_connect5(sender.client, &options, NULL, NULL);
    if (response.reasonCode != MQTTREASONCODE_SUCCESS) {
        meter_fail("no broker at %s: %d", url, (int)response.reasonCode);
    }
    MQTTResponse_free(response);
}

static void send_one(void)
{
    MQTTResponse response =
        MQTTClient_publish5(sender.client, topic, (int)sender.payload.length,
                            sender.payload.text, sender.qos, 0, NULL, NULL);
    if (response.reasonCode != MQTTREASONCODE_SUCCESS) {
        meter_fail("paho does not take a message: %d", (int)response.reasonCode);
    }
    MQTTResponse_free(response);
}

/* Takes answers until at most `under_way_max` of `sent` are without one. */
static void take_answers(long sent, long under_way_max)
{
    int silence = 0;
    while (sent - atomic_load(&sender.answered) > under_way_max) {
        char *name = NULL;
        int length = 0;
        MQTTClient_message *message = NULL;
        long before = atomic_load(&sender.answered);
        (void)MQTTClient_receive(sender.client, &name, &length, &message, PATIENCE_MS);
        silence = atomic_load(&sender.answered) == before ? silence + 1 : 0;
        if (silence > SILENCE_MAX) {
            meter_fail("the broker is silent");
        }
    }
}

static void await_room(long sent)
{
    if (!sender.is_single) {
        (void)sem_wait(&sender.room);
    } else if (sent - atomic_load(&sender.answered) >= sender.window) {
        take_answers(sent, sender.window / 2);
    }
}

static void await_all(long count)
{
    if (sender.is_single) {
        take_answers(count, 0);
        return;
    }
    for (long at = 0; at < sender.window; at++) {
        (void)sem_wait(&sender.room);
    }
}

/* At a beat: nothing of the one before is under way any more. */
static void await_beat(long sent, int64_t *due_ns, long period_ms)
{
    if (sender.is_single && sender.qos > 0) {
        take_answers(sent, 0);
    }
    meter_wait(due_ns, period_ms);
}

static void send_all(long count, long batch, long period_ms)
{
    int64_t due_ns = meter_now_ns();
    for (long at = 0; at < count; at++) {
        if (batch > 0 && at > 0 && at % batch == 0) {
            await_beat(at, &due_ns, period_ms);
        }
        if (sender.qos > 0) {
            await_room(at);
        }
        send_one();
    }
    if (sender.qos > 0) {
        await_all(count);
    }
}

int main(int argc, char **argv)
{
    if (argc != 7 && argc != 9) {
        meter_fail(
            "bare_sync thread|single PORT PAYLOAD_FILE QOS WINDOW COUNT [BATCH PERIOD_MS]");
    }
    sender.is_single = strcmp(argv[1], "single") == 0;
    meter_read_payload(argv[3], &sender.payload);
    sender.qos = (int)meter_number(argv[4]);
    sender.window = meter_number(argv[5]);
    long count = meter_number(argv[6]);
    long batch = argc == 9 ? meter_number(argv[7]) : 0;
    long period_ms = argc == 9 ? meter_number(argv[8]) : 0;
    (void)sem_init(&sender.room, 0, (unsigned)sender.window);
    connect_to(argv[2]);
    struct meter start = meter_start();
    send_all(count, batch, period_ms);
    meter_print(&start, (uint64_t)count);
    return EXIT_SUCCESS;
}

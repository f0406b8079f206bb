/* Paho's MQTTAsync as bare as it can be used while every PUBACK is waited for.
 *
 *     bare_async HOW PORT PAYLOAD_FILE QOS WINDOW COUNT [BATCH PERIOD_MS]
 *
 * HOW `wait`: one thread sends while the window has room. `chain`: each answer's callback sends
 * the next message, so that no thread of ours ever runs. With BATCH and PERIOD_MS: as many
 * messages at each beat, at the product's rate. MQTT 5: with 3.1.1 a refusal looks like
 * success. */
#include <MQTTAsync.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "tests/bench/meter.h"

static const char topic[] = "bench/hall/p0/samples";

struct sender {
    MQTTAsync client;
    struct payload payload;
    int qos;
    long window;
    long count;
    bool is_chained;
    sem_t room;      /* one for each message that may leave */
    sem_t connected; /* or refused: `is_up` */
    sem_t done;      /* all answers are here */
    _Atomic long sent;
    _Atomic long answered;
    bool is_up;
};

static struct sender sender;

static void send_one(void);

static void on_sent(void *context, MQTTAsync_successData5 *data)
{
    (void)context;
    (void)data;
    if (sender.is_chained && atomic_fetch_add(&sender.sent, 1) < sender.count) {
        send_one();
    }
    if (atomic_fetch_add(&sender.answered, 1) + 1 == sender.count) {
        (void)sem_post(&sender.done);
    }
    (void)sem_post(&sender.room);
}

static void on_not_sent(void *context, MQTTAsync_failureData5 *data)
{
    (void)context;
    meter_fail("a message was refused: %d", data->reasonCode);
}

static void send_one(void)
{
    MQTTAsync_responseOptions options = MQTTAsync_responseOptions_initializer;
    options.onSuccess5 = on_sent;
    options.onFailure5 = on_not_sent;
    int sent = MQTTAsync_send(sender.client, topic, (int)sender.payload.length,
                              sender.payload.text, sender.qos, 0, &options);
    if (sent != MQTTASYNC_SUCCESS) {
        meter_fail("paho does not take a message: %d", sent);
    }
}

static void on_connected(void *context, MQTTAsync_successData5 *data)
{
    (void)context;
    (void)data;
    sender.is_up = true;
    (void)sem_post(&sender.connected);
}

static void on_refused(void *context, MQTTAsync_failureData5 *data)
{
    (void)context;
    (void)data;
    (void)sem_post(&sender.connected);
}

static void connect_to(const char *port)
{
    char url[64];
    (void)snprintf(url, sizeof url, "tcp://127.0.0.1:%s", port);
    MQTTAsync_createOptions create = MQTTAsync_createOptions_initializer;
    create.MQTTVersion = MQTTVERSION_5;
    create.maxBufferedMessages = (int)sender.window + 1;
    MQTTAsync_connectOptions options = MQTTAsync_connectOptions_initializer5;
    options.maxInflight = (int)sender.window + 1;
    options.onSuccess5 = on_connected;
    options.onFailure5 = on_refused;
    if (MQTTAsync_createWithOptions(&sender.client, url, "bare", MQTTCLIENT_PERSISTENCE_NONE,
                                    NULL, &create) != MQTTASYNC_SUCCESS ||
        MQTTAsync_connect(sender.client, &options) != MQTTASYNC_SUCCESS) {
        meter_fail("cannot connect to %s", url);
    }
    (void)sem_wait(&sender.connected);
    if (!sender.is_up) {
        meter_fail("no broker at %s", url);
    }
}

static void send_all(long batch, long period_ms)
{
    int64_t due_ns = meter_now_ns();
    for (long at = 0; at < sender.count; at++) {
        if (batch > 0 && at > 0 && at % batch == 0) {
            meter_wait(&due_ns, period_ms);
        }
        (void)sem_wait(&sender.room);
        send_one();
    }
}

static void start_chain(void)
{
    atomic_store(&sender.sent, sender.window);
    for (long at = 0; at < sender.window; at++) {
        send_one();
    }
}

int main(int argc, char **argv)
{
    if (argc != 7 && argc != 9) {
        meter_fail(
            "bare_async wait|chain PORT PAYLOAD_FILE QOS WINDOW COUNT [BATCH PERIOD_MS]");
    }
    sender.is_chained = strcmp(argv[1], "chain") == 0;
    meter_read_payload(argv[3], &sender.payload);
    sender.qos = (int)meter_number(argv[4]);
    sender.window = meter_number(argv[5]);
    sender.count = meter_number(argv[6]);
    (void)sem_init(&sender.room, 0, (unsigned)sender.window);
    (void)sem_init(&sender.connected, 0, 0);
    (void)sem_init(&sender.done, 0, 0);
    connect_to(argv[2]);
    struct meter start = meter_start();
    if (sender.is_chained) {
        start_chain();
    } else {
        send_all(argc == 9 ? meter_number(argv[7]) : 0, argc == 9 ? meter_number(argv[8]) : 0);
    }
    (void)sem_wait(&sender.done);
    meter_print(&start, (uint64_t)sender.count);
    return EXIT_SUCCESS;
}

/* The product's MQTT connection (mqtt.c), given the same payload and window as the bare ones.
 *
 *     ours_publish CONFIG PAYLOAD_FILE QOS WINDOW COUNT [BATCH PERIOD_MS]
 *
 * CONFIG names the broker. What the publisher's thread does with the connection is done here in
 * the same way: hand over while the window has room, take all events, wait. */
#include <stdbool.h>

#include "gateway/clock.h"
#include "gateway/mqtt.h"
#include "tests/bench/factory.h"
#include "tests/bench/meter.h"

enum { TIMEOUT_S = 5, KEEPALIVE_S = 5 };

struct sender {
    struct mqtt *mqtt;
    struct wake wake;
    struct mqtt_message message;
    long window;
    long sent;
    long answered;
    bool is_up;
};

static void take_events(struct sender *sender)
{
    struct mqtt_event event;
    while (mqtt_next_event(sender->mqtt, &event)) {
        switch (event.kind) {
        case MQTT_EVENT_CONNECTED: sender->is_up = true; break;
        case MQTT_EVENT_ACKNOWLEDGED: sender->answered++; break;
        case MQTT_EVENT_FAILED:
        case MQTT_EVENT_LOST: meter_fail("%s", event.error);
        case MQTT_EVENT_REJECTED: meter_fail("refused: %u", (unsigned)event.reason_code);
        case MQTT_EVENT_NONE: break;
        }
    }
}

static void wait_for_events(struct sender *sender)
{
    enum { PATIENCE_US = 10 * 1000 * 1000 };
    int64_t until_us = clock_monotonic_us() + PATIENCE_US;
    mqtt_wait(sender->mqtt, until_us);
    if (clock_monotonic_us() >= until_us) {
        meter_fail("the broker is silent");
    }
    take_events(sender);
}

static void connect_to(struct sender *sender, const struct factory *factory)
{
    char error[MQTT_ERROR_SIZE] = "";
    struct mqtt_settings settings = {
        .broker = &factory->broker,
        .url = &factory->broker.urls[0],
        .address = factory->broker.urls[0].host,
        .client_id = "ours",
        .will_topic = "bench/_gateway/ours/status",
        .will_payload = "offline",
        .timeout_s = TIMEOUT_S,
        .keepalive_s = KEEPALIVE_S,
    };
    wake_init(&sender->wake);
    mqtt_global_init();
    sender->mqtt = mqtt_connect(&settings, &sender->wake, error);
    if (sender->mqtt == NULL) {
        meter_fail("%s", error);
    }
    while (!sender->is_up) {
        wait_for_events(sender);
    }
}

/* Hands over up to message `until`, as the window permits. */
static void fill(struct sender *sender, long until)
{
    while (sender->sent < until && sender->sent - sender->answered < sender->window &&
           mqtt_publish(sender->mqtt, &sender->message, (uint64_t)sender->sent)) {
        sender->sent++;
    }
}

static void send_all(struct sender *sender, long count, long batch, long period_ms)
{
    int64_t due_ns = meter_now_ns();
    for (long until = batch; sender->answered < count; until += batch) {
        long goal = until < count ? until : count;
        fill(sender, goal);
        while (sender->answered < goal) {
            wait_for_events(sender);
            fill(sender, goal);
        }
        if (goal < count) {
            meter_wait(&due_ns, period_ms);
        }
    }
}

int main(int argc, char **argv)
{
    static struct payload payload;
    if (argc != 6 && argc != 8) {
        meter_fail("ours_publish CONFIG PAYLOAD_FILE QOS WINDOW COUNT [BATCH PERIOD_MS]");
    }
    struct factory *factory = bench_factory(argv[1]);
    meter_read_payload(argv[2], &payload);
    struct sender sender = {
        .message = {.topic = "bench/hall/p0/samples",
                    .payload = payload.text,
                    .length = payload.length,
                    .qos = (int)meter_number(argv[3]),
                    .is_json = true},
        .window = meter_number(argv[4]),
    };
    long count = meter_number(argv[5]);
    long batch = argc == 8 ? meter_number(argv[6]) : count;
    long period_ms = argc == 8 ? meter_number(argv[7]) : 0;
    connect_to(&sender, factory);
    struct meter start = meter_start();
    send_all(&sender, count, batch, period_ms);
    meter_print(&start, (uint64_t)count);
    mqtt_destroy(sender.mqtt, true);
    wake_destroy(&sender.wake);
    factory_destroy(factory);
    return EXIT_SUCCESS;
}

#include "gateway/mqtt.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <MQTTClient.h>

#include "config/memory.h"
#include "gateway/clock.h"
#include "gateway/handshake.h"
#include "gateway/mqtt_socket.h"
#include "gateway/mqtt_window.h"
#include "gateway/thread.h"

enum { URI_SIZE = 320, PASSWORD_SIZE = 1024, PLACE_SIZE = 120, NAME_SIZE = 64 };

/* Paho thinks of its keep-alive when it is called, but not oftener than ten times in that time:
 * it is called when nothing came for so long, and a little later once more. */
enum { SECOND_US = 1000 * 1000, LATER_US = 50 * 1000 };

/* While the window is less than half used nobody waits for a PUBACK: those of some messages are
 * taken together, instead of waking for each. */
enum { TOGETHER_US = 2000 };

enum trial { TRIAL_RUNNING, TRIAL_CONNECTED, TRIAL_FAILED };

struct mqtt {
    MQTTClient handle;
    bool is_mqtt5;
    bool is_tls;
    char place[PLACE_SIZE]; /* "host:port", for sentences */
    char host[PLACE_SIZE];
    char username[NAME_SIZE]; /* for sentences, cut */
    char ca_file[PLACE_SIZE];
    unsigned timeout_s;
    int64_t keepalive_us;
    struct wake *wake; /* the owner's */

    pthread_mutex_t mutex; /* between the trial's thread and the owner's */
    enum trial trial;
    bool is_abandoned; /* whoever tries to connect frees it */

    /* Of the trial's thread until the trial has ended, then the owner's. */
    struct mqtt_socket socket;
    uint16_t receive_maximum;
    uint32_t packet_max;         /* the broker's Maximum Packet Size */
    char error[MQTT_ERROR_SIZE]; /* of the failure or the loss */

    /* The owner's. */
    bool is_told; /* how the trial ended */
    bool is_up;
    bool is_lost; /* and that was not yet told */
    struct mqtt_window window;
    bool has_input;      /* worth a look */
    int64_t look_us;     /* when to look in any case */
    int64_t together_us; /* until when PUBACKs are left to gather; 0: none wanted */
};

/* Two trials at once would take each other's packets: paho has one place for all of them. */
static atomic_bool is_trying;

/* The type is paho's. NOLINTNEXTLINE(readability-non-const-parameter) */
static void on_trace(enum MQTTCLIENT_TRACE_LEVELS level, char *message)
{
    (void)level;
    handshake_note_trace(message);
}

static int on_tls_error(const char *text, size_t length, void *context)
{
    (void)context;
    handshake_note_error(text, length);
    return 1; /* go on */
}

void mqtt_global_init(void)
{
    MQTTClient_init_options options = MQTTClient_init_options_initializer;
    options.do_openssl_init = 1;
    /* Paho would send MQTT through the web's proxy. NOLINTBEGIN(concurrency-mt-unsafe) */
    (void)unsetenv("http_proxy");
    (void)unsetenv("https_proxy");
    /* NOLINTEND(concurrency-mt-unsafe) */
    MQTTClient_global_init(&options);
    MQTTClient_setTraceCallback(on_trace);
    /* Otherwise paho formats several lines a message for nobody. */
    MQTTClient_setTraceLevel(MQTTCLIENT_TRACE_ERROR);

    /* Destroying the last handle takes down what all have in common. This one is never
     * connected and never destroyed, so no other is the last. */
    static MQTTClient keeper;
    int made = MQTTClient_create(&keeper, "tcp://127.0.0.1:1", "keeper",
                                 MQTTCLIENT_PERSISTENCE_NONE, NULL);
    assert(made == MQTTCLIENT_SUCCESS);
    (void)made;
}

/* ---- answers ---- */

static void lose(struct mqtt *mqtt)
{
    if (!mqtt->is_up) {
        return;
    }
    mqtt->is_up = false;
    mqtt->is_lost = true;
    if (mqtt->error[0] == '\0') {
        (void)snprintf(mqtt->error, sizeof mqtt->error, "the connection to %s broke",
                       mqtt->place);
    }
}

/* Both run within our own calls of paho, which holds its lock meanwhile. */
static void on_published5(void *context, int message_id, int packet_type,
                          MQTTProperties *properties, enum MQTTReasonCodes reason_code)
{
    (void)packet_type;
    (void)properties;
    struct mqtt *mqtt = context;
    mqtt_window_acknowledge(&mqtt->window, message_id, (uint8_t)reason_code);
}

static void on_published(void *context, int message_id)
{
    struct mqtt *mqtt = context;
    mqtt_window_acknowledge(&mqtt->window, message_id, 0); /* MQTT 3.1.1 has no refusals */
}

/* We subscribe to nothing; paho wants the function. The types are paho's.
 * NOLINTNEXTLINE(readability-non-const-parameter) */
static int on_message(void *context, char *topic, int topic_length, MQTTClient_message *message)
{
    (void)context;
    (void)topic;
    (void)topic_length;
    (void)message;
    return 0;
}

/* ---- connecting ---- */

/* All that the trial's thread needs: the settings may be gone before it ends. */
struct attempt {
    struct mqtt *mqtt;
    uint16_t port;
    char address[PLACE_SIZE]; /* "": not known */
    char username[NAME_SIZE];
    char password[PASSWORD_SIZE];
    char *will_topic;
    char *will_payload;
    char *ca_file;
    char *cert_file;
    char *key_file;
    unsigned keepalive_s;
};

static void destroy_attempt(struct attempt *attempt)
{
    free(attempt->will_topic);
    free(attempt->will_payload);
    free(attempt->ca_file);
    free(attempt->cert_file);
    free(attempt->key_file);
    explicit_bzero(attempt->password, sizeof attempt->password);
    free(attempt);
}

static void end_connection(struct mqtt *mqtt, bool is_orderly)
{
    if (!MQTTClient_isConnected(mqtt->handle)) {
        return;
    }
    if (mqtt->is_mqtt5) {
        (void)MQTTClient_disconnect5(mqtt->handle, 0,
                                     is_orderly ? MQTTREASONCODE_NORMAL_DISCONNECTION
                                                : MQTTREASONCODE_DISCONNECT_WITH_WILL_MESSAGE,
                                     NULL);
    } else {
        (void)MQTTClient_disconnect(mqtt->handle, 0);
    }
}

static void release(struct mqtt *mqtt)
{
    MQTTClient_destroy(&mqtt->handle);
    (void)pthread_mutex_destroy(&mqtt->mutex);
    free(mqtt);
}

/* CONNACK: return codes of MQTT 3.1.1 (3.2.2.3) and reason codes of MQTT 5 (3.2.2.2). */
static void explain_refusal(const struct mqtt *mqtt, unsigned code,
                            char error[static MQTT_ERROR_SIZE])
{
    static const char *const codes[] = {NULL, "unacceptable protocol version",
                                        "client id refused", "server unavailable"};
    bool is_login = code == 4 || code == 5 ||
                    code == MQTTREASONCODE_BAD_USER_NAME_OR_PASSWORD ||
                    code == MQTTREASONCODE_NOT_AUTHORIZED;
    if (is_login && mqtt->username[0] != '\0') {
        (void)snprintf(error, MQTT_ERROR_SIZE,
                       "the broker %s refused user %s: bad user name or password", mqtt->place,
                       mqtt->username);
    } else if (is_login) {
        (void)snprintf(error, MQTT_ERROR_SIZE,
                       "the broker %s refused us: it wants a user name and password",
                       mqtt->place);
    } else {
        const char *text =
            code < sizeof codes / sizeof *codes ? codes[code] : mqtt_reason_text((uint8_t)code);
        (void)snprintf(error, MQTT_ERROR_SIZE, "the broker %s refused us: %s", mqtt->place,
                       text);
    }
}

static void explain_failure(struct mqtt *mqtt, int code, bool is_timeout)
{
    char *error = mqtt->error;
    if (code > 0 && code <= UINT8_MAX) {
        explain_refusal(mqtt, (unsigned)code, error);
    } else if (is_timeout) {
        (void)snprintf(error, MQTT_ERROR_SIZE, "no answer from %s within %u s", mqtt->place,
                       mqtt->timeout_s);
    } else if (!mqtt->is_tls || !handshake_explain(mqtt->place, mqtt->host, mqtt->ca_file,
                                                   error, MQTT_ERROR_SIZE)) {
        (void)snprintf(error, MQTT_ERROR_SIZE, "no connection to %s: nobody answers %s there",
                       mqtt->place, mqtt->is_tls ? "TLS" : "MQTT");
    }
}

static uint32_t property(MQTTProperties *properties, enum MQTTPropertyCodes code,
                         uint32_t absent)
{
    if (!MQTTProperties_hasProperty(properties, code)) {
        return absent;
    }
    return (uint32_t)MQTTProperties_getNumericValue(properties, code);
}

static MQTTResponse connect_handle(const struct attempt *attempt)
{
    struct mqtt *mqtt = attempt->mqtt;
    MQTTClient_willOptions will = MQTTClient_willOptions_initializer;
    will.topicName = attempt->will_topic;
    will.message = attempt->will_payload;
    will.retained = 1;
    will.qos = 1;
    MQTTClient_SSLOptions tls = MQTTClient_SSLOptions_initializer;
    tls.trustStore = attempt->ca_file;
    tls.keyStore = attempt->cert_file;
    tls.privateKey = attempt->key_file;
    tls.enableServerCertAuth = 1;
    tls.verify = 1; /* the host's name too: paho's default is not to */
    tls.ssl_error_cb = on_tls_error;

    MQTTClient_connectOptions options = MQTTClient_connectOptions_initializer;
    if (mqtt->is_mqtt5) {
        options = (MQTTClient_connectOptions)MQTTClient_connectOptions_initializer5;
    } else {
        options.MQTTVersion = MQTTVERSION_3_1_1;
        options.reliable = 0;
    }
    options.keepAliveInterval = (int)attempt->keepalive_s;
    options.connectTimeout = (int)mqtt->timeout_s;
    options.maxInflightMessages = MQTT_WINDOW_MAX + 1; /* at which paho would begin to wait */
    options.will = &will;
    options.ssl = mqtt->is_tls ? &tls : NULL;
    options.username = attempt->username[0] != '\0' ? attempt->username : NULL;
    options.password = attempt->password[0] != '\0' ? attempt->password : NULL;
    if (mqtt->is_mqtt5) {
        return MQTTClient_connect5(mqtt->handle, &options, NULL, NULL);
    }
    MQTTResponse response = MQTTResponse_initializer;
    response.reasonCode = (enum MQTTReasonCodes)MQTTClient_connect(mqtt->handle, &options);
    return response;
}

/* Paho calls for PUBACKs whom it knows; with MQTT 3.1.1 those who were named before connecting
 * would get a thread of paho's. */
static bool settle(const struct attempt *attempt, const MQTTResponse *response)
{
    struct mqtt *mqtt = attempt->mqtt;
    mqtt->receive_maximum = UINT16_MAX;
    mqtt->packet_max = UINT32_MAX;
    if (mqtt->is_mqtt5 && response->properties != NULL) {
        mqtt->receive_maximum = (uint16_t)property(
            response->properties, MQTTPROPERTY_CODE_RECEIVE_MAXIMUM, UINT16_MAX);
        mqtt->packet_max =
            property(response->properties, MQTTPROPERTY_CODE_MAXIMUM_PACKET_SIZE, UINT32_MAX);
    } else if (!mqtt->is_mqtt5) {
        (void)MQTTClient_setCallbacks(mqtt->handle, mqtt, NULL, on_message, on_published);
    }
    if (!mqtt_socket_find(&mqtt->socket, attempt->address, attempt->port)) {
        (void)snprintf(mqtt->error, sizeof mqtt->error, "the connection to %s has no socket",
                       mqtt->place);
        return false;
    }
    return true;
}

static bool try_to_connect(const struct attempt *attempt)
{
    struct mqtt *mqtt = attempt->mqtt;
    if (mqtt->is_tls) {
        handshake_forget();
        MQTTClient_setTraceLevel(MQTTCLIENT_TRACE_MINIMUM);
    }
    int64_t until_us = clock_monotonic_us() + (int64_t)mqtt->timeout_s * SECOND_US;
    MQTTResponse response = connect_handle(attempt);
    MQTTClient_setTraceLevel(MQTTCLIENT_TRACE_ERROR);
    bool is_connected = (int)response.reasonCode == MQTTCLIENT_SUCCESS;
    if (is_connected) {
        is_connected = settle(attempt, &response);
    } else {
        explain_failure(mqtt, (int)response.reasonCode, clock_monotonic_us() >= until_us);
    }
    MQTTResponse_free(response);
    return is_connected;
}

static void *run_trial(void *argument)
{
    struct attempt *attempt = argument;
    struct mqtt *mqtt = attempt->mqtt;
    (void)pthread_setname_np(pthread_self(), "mqtt-connect");
    bool is_connected = try_to_connect(attempt);
    destroy_attempt(attempt);
    atomic_store(&is_trying, false);
    (void)pthread_mutex_lock(&mqtt->mutex);
    mqtt->trial = is_connected ? TRIAL_CONNECTED : TRIAL_FAILED;
    bool is_abandoned = mqtt->is_abandoned;
    if (!is_abandoned) {
        wake_up(mqtt->wake); /* under the lock: it may be gone once abandoned */
    }
    (void)pthread_mutex_unlock(&mqtt->mutex);
    if (is_abandoned) {
        end_connection(mqtt, true);
        release(mqtt);
    }
    return NULL;
}

/* ---- settings ---- */

static bool can_read(const char *key, const char *file, char error[static MQTT_ERROR_SIZE])
{
    if (file[0] == '\0' || access(file, R_OK) == 0) {
        return true;
    }
    char cause[64];
    (void)snprintf(error, MQTT_ERROR_SIZE, "%s %s: %s", key, file,
                   strerror_r(errno, cause, sizeof cause));
    return false;
}

/* By read(), so that no buffer of stdio keeps a copy. */
static bool read_password(const char *file, char password[static PASSWORD_SIZE],
                          char error[static MQTT_ERROR_SIZE])
{
    ssize_t length = -1;
    int descriptor = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor >= 0) {
        length = read(descriptor, password, PASSWORD_SIZE - 1);
        (void)close(descriptor);
    }
    if (length < 0) {
        char cause[64];
        (void)snprintf(error, MQTT_ERROR_SIZE, "password_file %s: %s", file,
                       strerror_r(errno, cause, sizeof cause));
        return false;
    }
    password[length] = '\0';
    password[strcspn(password, "\r\n")] = '\0';
    return true;
}

static void format_uri(const struct mqtt_settings *settings, char uri[static URI_SIZE])
{
    const struct broker_url *url = settings->url;
    bool is_looked_up = !url->is_tls && settings->address[0] != '\0';
    const char *host = is_looked_up ? settings->address : url->host;
    bool is_bracketed = strchr(host, ':') != NULL;
    (void)snprintf(uri, URI_SIZE, "%s://%s%s%s:%u", url->is_tls ? "ssl" : "tcp",
                   is_bracketed ? "[" : "", host, is_bracketed ? "]" : "", url->port);
}

static struct mqtt *allocate(const struct mqtt_settings *settings, struct wake *wake)
{
    struct mqtt *mqtt = memory_allocate(1, sizeof *mqtt);
    (void)pthread_mutex_init(&mqtt->mutex, NULL);
    mqtt->wake = wake;
    mqtt->is_mqtt5 = settings->broker->version == MQTT_VERSION_5;
    mqtt->is_tls = settings->url->is_tls;
    mqtt->timeout_s = settings->timeout_s;
    mqtt->keepalive_us = (int64_t)settings->keepalive_s * SECOND_US;
    (void)snprintf(mqtt->host, sizeof mqtt->host, "%s", settings->url->host);
    (void)snprintf(mqtt->place, sizeof mqtt->place, "%s:%u", settings->url->host,
                   settings->url->port);
    (void)snprintf(mqtt->username, sizeof mqtt->username, "%s", settings->broker->username);
    (void)snprintf(mqtt->ca_file, sizeof mqtt->ca_file, "%s", settings->broker->ca_file);
    return mqtt;
}

static char *copy_name(const char *name)
{
    return name[0] != '\0' ? memory_copy(name) : NULL;
}

static struct attempt *make_attempt(const struct mqtt_settings *settings, struct mqtt *mqtt,
                                    const char *password)
{
    struct attempt *attempt = memory_allocate(1, sizeof *attempt);
    attempt->mqtt = mqtt;
    attempt->port = settings->url->port;
    attempt->keepalive_s = settings->keepalive_s;
    attempt->will_topic = memory_copy(settings->will_topic);
    attempt->will_payload = memory_copy(settings->will_payload);
    attempt->ca_file = copy_name(settings->broker->ca_file);
    attempt->cert_file = copy_name(settings->broker->cert_file);
    attempt->key_file = copy_name(settings->broker->key_file);
    (void)snprintf(attempt->address, sizeof attempt->address, "%s",
                   mqtt->is_tls ? "" : settings->address);
    (void)snprintf(attempt->username, sizeof attempt->username, "%s",
                   settings->broker->username);
    (void)snprintf(attempt->password, sizeof attempt->password, "%s", password);
    return attempt;
}

/* The handle and its thread; a return code of paho. */
static int start_trial(struct mqtt *mqtt, const struct mqtt_settings *settings,
                       const char *password)
{
    MQTTClient_createOptions options = MQTTClient_createOptions_initializer;
    options.MQTTVersion = mqtt->is_mqtt5 ? MQTTVERSION_5 : MQTTVERSION_3_1_1;
    char uri[URI_SIZE];
    format_uri(settings, uri);
    int done = MQTTClient_createWithOptions(&mqtt->handle, uri, settings->client_id,
                                            MQTTCLIENT_PERSISTENCE_NONE, NULL, &options);
    if (done != MQTTCLIENT_SUCCESS) {
        return done;
    }
    (void)MQTTClient_setPublished(mqtt->handle, mqtt, on_published5);
    struct attempt *attempt = make_attempt(settings, mqtt, password);
    if (!thread_detach(run_trial, attempt)) {
        destroy_attempt(attempt);
        return MQTTCLIENT_FAILURE;
    }
    return MQTTCLIENT_SUCCESS;
}

struct mqtt *mqtt_connect(const struct mqtt_settings *settings, struct wake *wake,
                          char error[static MQTT_ERROR_SIZE])
{
    const struct broker *broker = settings->broker;
    if (settings->url->is_tls && !(can_read("ca_file", broker->ca_file, error) &&
                                   can_read("cert_file", broker->cert_file, error) &&
                                   can_read("key_file", broker->key_file, error))) {
        return NULL;
    }
    char password[PASSWORD_SIZE] = "";
    if (broker->password_file[0] != '\0' &&
        !read_password(broker->password_file, password, error)) {
        return NULL;
    }
    if (atomic_exchange(&is_trying, true)) {
        explicit_bzero(password, sizeof password);
        (void)snprintf(error, MQTT_ERROR_SIZE, "the try before has not ended yet");
        return NULL;
    }
    struct mqtt *mqtt = allocate(settings, wake);
    int done = start_trial(mqtt, settings, password);
    explicit_bzero(password, sizeof password);
    if (done != MQTTCLIENT_SUCCESS) {
        const char *cause = MQTTClient_strerror(done);
        (void)snprintf(error, MQTT_ERROR_SIZE, "cannot connect to %s: %s", mqtt->place,
                       cause != NULL ? cause : "out of memory");
        release(mqtt);
        atomic_store(&is_trying, false);
        return NULL;
    }
    return mqtt;
}

/* ---- publishing ---- */

static char json_type[] = "application/json";
static MQTTProperty json_property = {
    .identifier = MQTTPROPERTY_CODE_CONTENT_TYPE,
    .value.data = {.len = sizeof json_type - 1, .data = json_type},
};
enum { JSON_PROPERTY_SIZE = 1 + 2 + sizeof json_type - 1 };

/* Of the whole packet (MQTT 5, 3.3), its fixed header at its largest. */
static size_t packet_size(const struct mqtt_message *message)
{
    enum { FIXED_HEADER = 5, LENGTH = 2, PACKET_ID = 2, PROPERTIES_LENGTH = 1 };
    return FIXED_HEADER + LENGTH + strlen(message->topic) + PACKET_ID + PROPERTIES_LENGTH +
           JSON_PROPERTY_SIZE + message->length;
}

static void note_sent(struct mqtt *mqtt, uint64_t token, int message_id)
{
    int64_t now_us = clock_monotonic_us();
    mqtt_window_enter(&mqtt->window, token, message_id, now_us);
    if (mqtt->together_us == 0) {
        mqtt->together_us = now_us + TOGETHER_US;
    }
}

bool mqtt_publish(struct mqtt *mqtt, const struct mqtt_message *message, uint64_t token)
{
    enum { PACKET_MAX = 256 * 1024 * 1024 }; /* MQTT 5, 2.1.4 */
    /* Paho itself would wait as soon as its window is full, with a QoS 0 message too. */
    if (!mqtt->is_up || !mqtt_window_has_room(&mqtt->window, mqtt->receive_maximum)) {
        return false;
    }
    size_t size = packet_size(message);
    if (size > mqtt->packet_max || size > PACKET_MAX) {
        mqtt_window_settle(&mqtt->window, token, MQTTREASONCODE_PACKET_TOO_LARGE);
        return true;
    }
    if (!mqtt_socket_has_room(&mqtt->socket, size)) {
        return false;
    }
    MQTTProperties properties = MQTTProperties_initializer;
    if (message->is_json) {
        properties = (MQTTProperties){
            .count = 1, .max_count = 1, .length = JSON_PROPERTY_SIZE, .array = &json_property};
    }
    int message_id = 0;
    MQTTResponse response = MQTTClient_publish5(
        mqtt->handle, message->topic, (int)message->length, message->payload, message->qos,
        message->is_retained, mqtt->is_mqtt5 ? &properties : NULL, &message_id);
    int done = (int)response.reasonCode;
    if (done == MQTTCLIENT_BAD_UTF8_STRING) {
        mqtt_window_settle(&mqtt->window, token, MQTTREASONCODE_TOPIC_NAME_INVALID);
    } else if (done == MQTTCLIENT_SUCCESS && message->qos > 0) {
        note_sent(mqtt, token, message_id);
    } else if (done == MQTTCLIENT_SUCCESS) {
        mqtt_window_settle(&mqtt->window, token, MQTTREASONCODE_SUCCESS);
    }
    bool is_in_doubt = done != MQTTCLIENT_SUCCESS || message->qos > 0;
    if (is_in_doubt && !MQTTClient_isConnected(mqtt->handle)) {
        lose(mqtt); /* with QoS 1 paho calls that a success, too */
    }
    return done == MQTTCLIENT_SUCCESS || done == MQTTCLIENT_BAD_UTF8_STRING;
}

int64_t mqtt_waiting_since_us(const struct mqtt *mqtt)
{
    return mqtt_window_since_us(&mqtt->window, WAKE_NEVER);
}

/* ---- what comes ---- */

/* Lets paho take a packet, if there is one, and look at its keep-alive. */
static void take_packet(struct mqtt *mqtt)
{
    char *topic = NULL;
    int topic_length = 0;
    MQTTClient_message *message = NULL;
    (void)MQTTClient_receive(mqtt->handle, &topic, &topic_length, &message, 0);
    if (message != NULL) { /* nobody asked for it */
        MQTTClient_freeMessage(&message);
        MQTTClient_free(topic);
    }
    if (!MQTTClient_isConnected(mqtt->handle)) {
        lose(mqtt);
    }
}

/* How many packets can be taken. Why the broker ends the connection paho would tell a thread of
 * its own only. */
static unsigned count_packets(struct mqtt *mqtt)
{
    uint8_t reason_code = 0;
    unsigned packets = 0;
    enum mqtt_socket_input input = mqtt_socket_peek(&mqtt->socket, &reason_code, &packets);
    if (input == MQTT_SOCKET_DISCONNECT && mqtt->is_mqtt5) {
        (void)snprintf(mqtt->error, sizeof mqtt->error, "the broker ended the connection: %s",
                       mqtt_reason_text(reason_code));
        lose(mqtt);
        return 0;
    }
    return packets;
}

/* All packets that are there. With TLS some may lie in OpenSSL, and only trying tells: one
 * without an answer for us may be a PINGRESP. */
static void take_packets(struct mqtt *mqtt, bool is_due)
{
    unsigned fruitless = 0;
    unsigned packets = is_due || mqtt->is_tls ? 1 : count_packets(mqtt);
    while (packets > 0 && fruitless < 2 && mqtt->is_up) {
        size_t before = mqtt->window.answers_count;
        take_packet(mqtt);
        fruitless = mqtt->window.answers_count > before ? 0 : fruitless + 1;
        packets--;
        if (packets == 0 && fruitless < 2 && mqtt->is_up) {
            packets = mqtt->is_tls ? 1 : count_packets(mqtt);
        }
    }
}

static void look(struct mqtt *mqtt)
{
    int64_t now_us = clock_monotonic_us();
    bool is_due = now_us >= mqtt->look_us;
    bool is_gathered = mqtt->together_us != 0 && now_us >= mqtt->together_us;
    if (!is_due && !is_gathered && !mqtt->has_input) {
        return;
    }
    bool has_come = mqtt->has_input;
    mqtt->has_input = false;
    mqtt->together_us = 0;
    take_packets(mqtt, is_due);
    if (has_come || mqtt->window.answers_count > 0) {
        mqtt->look_us = now_us + mqtt->keepalive_us + LATER_US;
    } else if (is_due) {
        mqtt->look_us = now_us + mqtt->keepalive_us / 10 + LATER_US;
    }
}

static bool take_outcome(struct mqtt *mqtt, struct mqtt_event *event)
{
    (void)pthread_mutex_lock(&mqtt->mutex);
    enum trial trial = mqtt->trial;
    (void)pthread_mutex_unlock(&mqtt->mutex);
    if (trial == TRIAL_RUNNING) {
        return false;
    }
    mqtt->is_told = true;
    mqtt->is_up = trial == TRIAL_CONNECTED;
    mqtt->look_us = clock_monotonic_us() + mqtt->keepalive_us + LATER_US;
    event->kind = mqtt->is_up ? MQTT_EVENT_CONNECTED : MQTT_EVENT_FAILED;
    event->receive_maximum = mqtt->receive_maximum;
    (void)snprintf(event->error, sizeof event->error, "%s", mqtt->error);
    return true;
}

bool mqtt_next_event(struct mqtt *mqtt, struct mqtt_event *event)
{
    *event = (struct mqtt_event){.kind = MQTT_EVENT_NONE};
    if (!mqtt->is_told) {
        return take_outcome(mqtt, event);
    }
    if (mqtt->window.answers_count == 0 && mqtt->is_up) {
        look(mqtt);
    }
    struct mqtt_answer answer;
    if (mqtt_window_take(&mqtt->window, &answer)) {
        bool is_refused = answer.reason_code >= MQTT_REFUSED_FROM;
        event->kind = is_refused ? MQTT_EVENT_REJECTED : MQTT_EVENT_ACKNOWLEDGED;
        event->token = answer.token;
        event->reason_code = answer.reason_code;
        return true;
    }
    if (mqtt->is_lost) {
        mqtt->is_lost = false;
        event->kind = MQTT_EVENT_LOST;
        (void)snprintf(event->error, sizeof event->error, "%s", mqtt->error);
        return true;
    }
    return false;
}

static bool has_event(const struct mqtt *mqtt)
{
    return mqtt->window.answers_count > 0 || mqtt->is_lost;
}

void mqtt_wait(struct mqtt *mqtt, int64_t until_us)
{
    if (!mqtt->is_up) {
        if (!has_event(mqtt)) {
            (void)wake_wait(mqtt->wake, until_us);
        }
        return;
    }
    mqtt_socket_flush(&mqtt->socket);
    if (has_event(mqtt)) {
        return;
    }
    size_t window =
        mqtt->receive_maximum < MQTT_WINDOW_MAX ? mqtt->receive_maximum : MQTT_WINDOW_MAX;
    bool is_gathering = mqtt->together_us != 0 && mqtt->window.unacknowledged * 2 < window;
    until_us = clock_sooner(until_us, mqtt->look_us);
    if (is_gathering) {
        until_us = clock_sooner(until_us, mqtt->together_us);
    }
    int wanted = (is_gathering ? 0 : POLLIN) | (mqtt->socket.is_full ? POLLOUT : 0);
    int ready = wake_wait_or(mqtt->wake, mqtt->socket.descriptor, wanted, until_us);
    mqtt->has_input = mqtt->has_input || (ready & ~POLLOUT) != 0;
}

/* ---- the end ---- */

void mqtt_destroy(struct mqtt *mqtt, bool is_orderly)
{
    if (mqtt == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&mqtt->mutex);
    mqtt->is_abandoned = mqtt->trial == TRIAL_RUNNING;
    bool is_abandoned = mqtt->is_abandoned;
    (void)pthread_mutex_unlock(&mqtt->mutex);
    if (!is_abandoned) {
        end_connection(mqtt, is_orderly);
        release(mqtt);
    }
}

const char *mqtt_reason_text(uint8_t reason_code)
{
    const char *text = MQTTReasonCode_toString((enum MQTTReasonCodes)reason_code);
    return text != NULL ? text : "unknown reason";
}

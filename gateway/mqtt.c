#include "gateway/mqtt.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <MQTTAsync.h>

#include "config/memory.h"
#include "gateway/clock.h"
#include "gateway/handshake.h"

/* What paho gets and has not answered is in a slot; what it answered stays in its slot until
 * the event is taken. So the box has room for every answer, and an answer cannot come twice. */
struct slot {
    struct mqtt *mqtt;
    uint64_t token;
    int64_t since_us; /* monotonic, when it was handed over; valid while under way */
    int qos;
    bool is_under_way;
};

struct answer {
    enum mqtt_event_kind kind;
    struct slot *slot; /* NULL: of the connection */
    uint8_t reason_code;
};

/* One outcome of connecting and one loss come beside the answers. */
enum { BOX_SIZE = MQTT_WINDOW_MAX + 2 };
enum { URI_SIZE = 320, PASSWORD_SIZE = 1024, PLACE_SIZE = 120 };

struct mqtt {
    MQTTAsync handle;
    bool is_mqtt5;
    bool is_tls;
    char place[PLACE_SIZE]; /* "host:port", for sentences */
    char host[PLACE_SIZE];
    char username[64]; /* for sentences, cut */
    char ca_file[PLACE_SIZE];
    unsigned timeout_s;
    struct wake *wake;   /* the owner's */
    struct wake closed;  /* told when an asked DISCONNECT is done */
    uint32_t packet_max; /* the broker's Maximum Packet Size */

    pthread_mutex_t mutex; /* a leaf: guards all below */
    struct slot slots[MQTT_WINDOW_MAX];
    struct slot *vacant[MQTT_WINDOW_MAX];
    size_t vacant_count;
    struct answer box[BOX_SIZE]; /* a ring, oldest at `first` */
    size_t first;
    size_t count;
    unsigned unacknowledged; /* QoS 1 under way */
    uint16_t receive_maximum;
    bool is_up;
    char error[MQTT_ERROR_SIZE]; /* of the failure or the loss */
};

/* The type is paho's. NOLINTNEXTLINE(readability-non-const-parameter) */
static void on_trace(enum MQTTASYNC_TRACE_LEVELS level, char *message)
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
    MQTTAsync_init_options options = MQTTAsync_init_options_initializer;
    options.do_openssl_init = 1;
    /* Paho would send MQTT through the web's proxy. NOLINTBEGIN(concurrency-mt-unsafe) */
    (void)unsetenv("http_proxy");
    (void)unsetenv("https_proxy");
    /* NOLINTEND(concurrency-mt-unsafe) */
    MQTTAsync_global_init(&options);
    MQTTAsync_setTraceCallback(on_trace);
    /* Otherwise paho formats several lines a message for nobody. */
    MQTTAsync_setTraceLevel(MQTTASYNC_TRACE_ERROR);

    /* Destroying the last handle ends paho's threads, in steps of 100 ms and with races. This
     * one is never connected and never destroyed, so no other is the last. */
    static MQTTAsync keeper;
    int made = MQTTAsync_create(&keeper, "tcp://127.0.0.1:1", "keeper",
                                MQTTCLIENT_PERSISTENCE_NONE, NULL);
    assert(made == MQTTASYNC_SUCCESS);
    (void)made;
}

/* ---- the box: what paho's threads enter ---- */

static void enter(struct mqtt *mqtt, struct answer answer)
{
    assert(mqtt->count < BOX_SIZE);
    mqtt->box[(mqtt->first + mqtt->count) % BOX_SIZE] = answer;
    mqtt->count++;
}

static void answer_slot(struct slot *slot, enum mqtt_event_kind kind, uint8_t reason_code)
{
    struct mqtt *mqtt = slot->mqtt;
    bool is_first = false;
    (void)pthread_mutex_lock(&mqtt->mutex);
    if (slot->is_under_way) {
        is_first = true;
        slot->is_under_way = false;
        mqtt->unacknowledged -= slot->qos > 0 ? 1 : 0;
        enter(mqtt, (struct answer){.kind = kind, .slot = slot, .reason_code = reason_code});
    }
    (void)pthread_mutex_unlock(&mqtt->mutex);
    if (is_first) {
        wake_up(mqtt->wake);
    }
}

/* A failure without the broker's word means that the connection breaks: the loss follows, and
 * then nobody may take the message for refused. */
static void fail_slot(struct slot *slot, unsigned reason_code)
{
    if (reason_code >= MQTTREASONCODE_UNSPECIFIED_ERROR) {
        answer_slot(slot, MQTT_EVENT_REJECTED, (uint8_t)reason_code);
    }
}

static void on_sent(void *context, MQTTAsync_successData *data)
{
    (void)data;
    answer_slot(context, MQTT_EVENT_ACKNOWLEDGED, 0);
}

static void on_sent5(void *context, MQTTAsync_successData5 *data)
{
    (void)data; /* its reason code is always 0, also for 0x10 */
    answer_slot(context, MQTT_EVENT_ACKNOWLEDGED, 0);
}

static void on_not_sent(void *context, MQTTAsync_failureData *data)
{
    (void)data; /* MQTT 3.1.1 has no refusals */
    fail_slot(context, 0);
}

static void on_not_sent5(void *context, MQTTAsync_failureData5 *data)
{
    fail_slot(context, (unsigned)data->reasonCode);
}

/* ---- connecting ---- */

static void connected(struct mqtt *mqtt, uint16_t receive_maximum, uint32_t packet_max)
{
    MQTTAsync_setTraceLevel(MQTTASYNC_TRACE_ERROR);
    (void)pthread_mutex_lock(&mqtt->mutex);
    mqtt->is_up = true;
    mqtt->receive_maximum = receive_maximum;
    mqtt->packet_max = packet_max;
    enter(mqtt, (struct answer){.kind = MQTT_EVENT_CONNECTED});
    (void)pthread_mutex_unlock(&mqtt->mutex);
    wake_up(mqtt->wake);
}

static void on_connected(void *context, MQTTAsync_successData *data)
{
    (void)data;
    connected(context, UINT16_MAX, UINT32_MAX);
}

static uint32_t property(MQTTProperties *properties, enum MQTTPropertyCodes code,
                         uint32_t absent)
{
    if (!MQTTProperties_hasProperty(properties, code)) {
        return absent;
    }
    return (uint32_t)MQTTProperties_getNumericValue(properties, code);
}

static void on_connected5(void *context, MQTTAsync_successData5 *data)
{
    uint32_t window =
        property(&data->properties, MQTTPROPERTY_CODE_RECEIVE_MAXIMUM, UINT16_MAX);
    uint32_t packet_max =
        property(&data->properties, MQTTPROPERTY_CODE_MAXIMUM_PACKET_SIZE, UINT32_MAX);
    connected(context, (uint16_t)window, packet_max);
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

static void failed(struct mqtt *mqtt, int code, const char *message)
{
    char error[MQTT_ERROR_SIZE];
    bool is_refused = code > 0 && code <= UINT8_MAX;
    MQTTAsync_setTraceLevel(MQTTASYNC_TRACE_ERROR);
    if (is_refused) {
        explain_refusal(mqtt, (unsigned)code, error);
    } else if (message != NULL && strstr(message, "timeout") != NULL) {
        (void)snprintf(error, sizeof error, "no answer from %s within %u s", mqtt->place,
                       mqtt->timeout_s);
    } else if (!mqtt->is_tls || !handshake_explain(mqtt->place, mqtt->host, mqtt->ca_file,
                                                   error, sizeof error)) {
        (void)snprintf(error, sizeof error, "no connection to %s: nobody answers %s there",
                       mqtt->place, mqtt->is_tls ? "TLS" : "MQTT");
    }
    (void)pthread_mutex_lock(&mqtt->mutex);
    (void)snprintf(mqtt->error, sizeof mqtt->error, "%s", error);
    enter(mqtt, (struct answer){.kind = MQTT_EVENT_FAILED});
    (void)pthread_mutex_unlock(&mqtt->mutex);
    wake_up(mqtt->wake);
}

static void on_failed(void *context, MQTTAsync_failureData *data)
{
    failed(context, data->code, data->message);
}

static void on_failed5(void *context, MQTTAsync_failureData5 *data)
{
    failed(context, data->code, data->message);
}

static void on_disconnected(void *context, MQTTProperties *properties,
                            enum MQTTReasonCodes reason_code)
{
    struct mqtt *mqtt = context;
    (void)properties;
    (void)pthread_mutex_lock(&mqtt->mutex);
    (void)snprintf(mqtt->error, sizeof mqtt->error, "the broker ended the connection: %s",
                   mqtt_reason_text((uint8_t)reason_code));
    (void)pthread_mutex_unlock(&mqtt->mutex);
}

/* The type is paho's. NOLINTNEXTLINE(readability-non-const-parameter) */
static void on_lost(void *context, char *cause)
{
    struct mqtt *mqtt = context;
    (void)cause; /* always NULL */
    bool was_up = false;
    (void)pthread_mutex_lock(&mqtt->mutex);
    was_up = mqtt->is_up;
    mqtt->is_up = false;
    if (was_up) {
        if (mqtt->error[0] == '\0') {
            (void)snprintf(mqtt->error, sizeof mqtt->error, "the connection to %s broke",
                           mqtt->place);
        }
        enter(mqtt, (struct answer){.kind = MQTT_EVENT_LOST});
    }
    (void)pthread_mutex_unlock(&mqtt->mutex);
    if (was_up) {
        wake_up(mqtt->wake);
    }
}

static int on_message(void *context, char *topic, int topic_length, MQTTAsync_message *message)
{
    (void)context;
    (void)topic_length;
    MQTTAsync_freeMessage(&message); /* we subscribe to nothing; paho wants the function */
    MQTTAsync_free(topic);
    return 1;
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

static int start_connecting(struct mqtt *mqtt, const struct mqtt_settings *settings,
                            const char *password)
{
    static const char *const none = NULL;
    const struct broker *broker = settings->broker;
    MQTTAsync_willOptions will = MQTTAsync_willOptions_initializer;
    will.topicName = settings->will_topic;
    will.message = settings->will_payload;
    will.retained = 1;
    will.qos = 1;
    MQTTAsync_SSLOptions tls = MQTTAsync_SSLOptions_initializer;
    tls.trustStore = broker->ca_file[0] != '\0' ? broker->ca_file : none;
    tls.keyStore = broker->cert_file[0] != '\0' ? broker->cert_file : none;
    tls.privateKey = broker->key_file[0] != '\0' ? broker->key_file : none;
    tls.enableServerCertAuth = 1;
    tls.verify = 1; /* the host's name too: paho's default is not to */
    tls.ssl_error_cb = on_tls_error;

    MQTTAsync_connectOptions options = MQTTAsync_connectOptions_initializer;
    if (mqtt->is_mqtt5) {
        options = (MQTTAsync_connectOptions)MQTTAsync_connectOptions_initializer5;
        options.onSuccess5 = on_connected5;
        options.onFailure5 = on_failed5;
    } else {
        options.MQTTVersion = MQTTVERSION_3_1_1;
        options.onSuccess = on_connected;
        options.onFailure = on_failed;
    }
    options.context = mqtt;
    options.keepAliveInterval = (int)settings->keepalive_s;
    options.connectTimeout = (int)settings->timeout_s;
    options.maxInflight = MQTT_WINDOW_MAX;
    options.automaticReconnect = 0;
    options.will = &will;
    options.ssl = settings->url->is_tls ? &tls : NULL;
    options.username = broker->username[0] != '\0' ? broker->username : none;
    options.password = password[0] != '\0' ? password : none;
    return MQTTAsync_connect(mqtt->handle, &options);
}

static struct mqtt *allocate(const struct mqtt_settings *settings, struct wake *wake)
{
    struct mqtt *mqtt = memory_allocate(1, sizeof *mqtt);
    (void)pthread_mutex_init(&mqtt->mutex, NULL);
    wake_init(&mqtt->closed);
    mqtt->wake = wake;
    mqtt->is_mqtt5 = settings->broker->version == MQTT_VERSION_5;
    mqtt->is_tls = settings->url->is_tls;
    mqtt->timeout_s = settings->timeout_s;
    mqtt->packet_max = UINT32_MAX;
    (void)snprintf(mqtt->host, sizeof mqtt->host, "%s", settings->url->host);
    (void)snprintf(mqtt->place, sizeof mqtt->place, "%s:%u", settings->url->host,
                   settings->url->port);
    (void)snprintf(mqtt->username, sizeof mqtt->username, "%s", settings->broker->username);
    (void)snprintf(mqtt->ca_file, sizeof mqtt->ca_file, "%s", settings->broker->ca_file);
    for (size_t at = 0; at < MQTT_WINDOW_MAX; at++) {
        mqtt->slots[at].mqtt = mqtt;
        mqtt->vacant[at] = &mqtt->slots[at];
    }
    mqtt->vacant_count = MQTT_WINDOW_MAX;
    return mqtt;
}

static void release(struct mqtt *mqtt)
{
    wake_destroy(&mqtt->closed);
    (void)pthread_mutex_destroy(&mqtt->mutex);
    free(mqtt);
}

/* The handle, its callbacks, and the start of connecting; a return code of paho. */
static int open_handle(struct mqtt *mqtt, const struct mqtt_settings *settings,
                       const char *password)
{
    MQTTAsync_createOptions options = MQTTAsync_createOptions_initializer;
    options.MQTTVersion = mqtt->is_mqtt5 ? MQTTVERSION_5 : MQTTVERSION_3_1_1;
    options.sendWhileDisconnected = 0;
    options.maxBufferedMessages = MQTT_WINDOW_MAX;
    options.deleteOldestMessages = 0;
    char uri[URI_SIZE];
    format_uri(settings, uri);
    int done = MQTTAsync_createWithOptions(&mqtt->handle, uri, settings->client_id,
                                           MQTTCLIENT_PERSISTENCE_NONE, NULL, &options);
    if (done != MQTTASYNC_SUCCESS) {
        return done;
    }
    (void)MQTTAsync_setCallbacks(mqtt->handle, mqtt, on_lost, on_message, NULL);
    if (mqtt->is_mqtt5) {
        (void)MQTTAsync_setDisconnected(mqtt->handle, mqtt, on_disconnected);
    }
    if (mqtt->is_tls) {
        handshake_forget();
        MQTTAsync_setTraceLevel(MQTTASYNC_TRACE_MINIMUM);
    }
    done = start_connecting(mqtt, settings, password);
    if (done != MQTTASYNC_SUCCESS) {
        MQTTAsync_destroy(&mqtt->handle);
    }
    return done;
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
    struct mqtt *mqtt = allocate(settings, wake);
    int done = open_handle(mqtt, settings, password);
    explicit_bzero(password, sizeof password);
    if (done != MQTTASYNC_SUCCESS) {
        const char *cause = MQTTAsync_strerror(done);
        (void)snprintf(error, MQTT_ERROR_SIZE, "cannot connect to %s: %s", mqtt->place,
                       cause != NULL ? cause : "out of memory");
        release(mqtt);
        return NULL;
    }
    return mqtt;
}

/* ---- publishing ---- */

static struct slot *take_slot(struct mqtt *mqtt, int qos, uint64_t token)
{
    struct slot *slot = NULL;
    (void)pthread_mutex_lock(&mqtt->mutex);
    bool is_window_open = qos == 0 || mqtt->unacknowledged < mqtt->receive_maximum;
    if (mqtt->is_up && is_window_open && mqtt->vacant_count > 0) {
        mqtt->vacant_count--;
        slot = mqtt->vacant[mqtt->vacant_count];
        slot->token = token;
        slot->qos = qos;
        slot->since_us = clock_monotonic_us();
        slot->is_under_way = true;
        mqtt->unacknowledged += qos > 0 ? 1 : 0;
    }
    (void)pthread_mutex_unlock(&mqtt->mutex);
    return slot;
}

static void return_slot(struct slot *slot)
{
    struct mqtt *mqtt = slot->mqtt;
    (void)pthread_mutex_lock(&mqtt->mutex);
    slot->is_under_way = false;
    mqtt->unacknowledged -= slot->qos > 0 ? 1 : 0;
    mqtt->vacant[mqtt->vacant_count] = slot;
    mqtt->vacant_count++;
    (void)pthread_mutex_unlock(&mqtt->mutex);
}

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

bool mqtt_publish(struct mqtt *mqtt, const struct mqtt_message *message, uint64_t token)
{
    enum { PACKET_MAX = 256 * 1024 * 1024 }; /* MQTT 5, 2.1.4 */
    struct slot *slot = take_slot(mqtt, message->qos, token);
    if (slot == NULL) {
        return false;
    }
    size_t size = packet_size(message);
    if (size > mqtt->packet_max || size > PACKET_MAX) {
        answer_slot(slot, MQTT_EVENT_REJECTED, MQTTREASONCODE_PACKET_TOO_LARGE);
        return true;
    }
    MQTTAsync_responseOptions options = MQTTAsync_responseOptions_initializer;
    options.context = slot;
    if (mqtt->is_mqtt5) {
        options.onSuccess5 = on_sent5;
        options.onFailure5 = on_not_sent5;
        if (message->is_json) {
            options.properties = (MQTTProperties){.count = 1,
                                                  .max_count = 1,
                                                  .length = JSON_PROPERTY_SIZE,
                                                  .array = &json_property};
        }
    } else {
        options.onSuccess = on_sent;
        options.onFailure = on_not_sent;
    }
    int sent = MQTTAsync_send(mqtt->handle, message->topic, (int)message->length,
                              message->payload, message->qos, message->is_retained, &options);
    if (sent == MQTTASYNC_BAD_UTF8_STRING) {
        answer_slot(slot, MQTT_EVENT_REJECTED, MQTTREASONCODE_TOPIC_NAME_INVALID);
        return true;
    }
    if (sent != MQTTASYNC_SUCCESS) {
        return_slot(slot);
        return false;
    }
    return true;
}

int64_t mqtt_waiting_since_us(struct mqtt *mqtt)
{
    int64_t since_us = WAKE_NEVER;
    (void)pthread_mutex_lock(&mqtt->mutex);
    bool is_idle = mqtt->vacant_count == MQTT_WINDOW_MAX;
    for (size_t at = 0; !is_idle && at < MQTT_WINDOW_MAX; at++) {
        const struct slot *slot = &mqtt->slots[at];
        bool is_older = slot->is_under_way && slot->since_us < since_us;
        since_us = is_older ? slot->since_us : since_us;
    }
    (void)pthread_mutex_unlock(&mqtt->mutex);
    return since_us;
}

bool mqtt_next_event(struct mqtt *mqtt, struct mqtt_event *event)
{
    *event = (struct mqtt_event){.kind = MQTT_EVENT_NONE};
    (void)pthread_mutex_lock(&mqtt->mutex);
    bool is_there = mqtt->count > 0;
    if (is_there) {
        const struct answer *answer = &mqtt->box[mqtt->first];
        mqtt->first = (mqtt->first + 1) % BOX_SIZE;
        mqtt->count--;
        event->kind = answer->kind;
        event->receive_maximum = mqtt->receive_maximum;
        if (answer->slot != NULL) {
            event->token = answer->slot->token;
            event->reason_code = answer->reason_code;
            mqtt->vacant[mqtt->vacant_count] = answer->slot;
            mqtt->vacant_count++;
        } else {
            (void)snprintf(event->error, sizeof event->error, "%s", mqtt->error);
        }
    }
    (void)pthread_mutex_unlock(&mqtt->mutex);
    return is_there;
}

/* ---- the end ---- */

static void on_closed5(void *context, MQTTAsync_successData5 *data)
{
    struct mqtt *mqtt = context;
    (void)data;
    wake_up(&mqtt->closed);
}

void mqtt_destroy(struct mqtt *mqtt, bool is_orderly, unsigned timeout_ms)
{
    if (mqtt == NULL) {
        return;
    }
    if (!is_orderly && mqtt->is_mqtt5) {
        MQTTAsync_disconnectOptions options = MQTTAsync_disconnectOptions_initializer5;
        options.reasonCode = MQTTREASONCODE_DISCONNECT_WITH_WILL_MESSAGE;
        options.context = mqtt;
        options.onSuccess5 = on_closed5;
        if (MQTTAsync_disconnect(mqtt->handle, &options) == MQTTASYNC_SUCCESS) {
            (void)wake_wait(&mqtt->closed, clock_monotonic_us() + (int64_t)timeout_ms * 1000);
        }
    }
    MQTTAsync_setTraceLevel(MQTTASYNC_TRACE_ERROR);
    /* Sends DISCONNECT where there still is a connection. Every callback of this handle runs
     * under the lock that this takes, and none is left when it returns. */
    MQTTAsync_destroy(&mqtt->handle);
    release(mqtt);
}

const char *mqtt_reason_text(uint8_t reason_code)
{
    const char *text = MQTTReasonCode_toString((enum MQTTReasonCodes)reason_code);
    return text != NULL ? text : "unknown reason";
}

/* One connection to a real broker: every message gets exactly one answer, every loss and
 * refusal one sentence, and nothing but the right certificate is accepted. */
#include "gateway/mqtt.h"

#include <setjmp.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gateway/clock.h"
#include "tests/unit/broker.h"

#define SECOND_US INT64_C(1000000)

static struct wake wake;
static struct broker broker_settings;
static struct broker_url url;
static struct mqtt_settings settings;
static struct test_broker mosquitto;
static const char open_to_all[] = "allow_anonymous true";

static int reset(void **state)
{
    (void)state;
    url = (struct broker_url){.text = "", .host = "127.0.0.1"};
    broker_settings = (struct broker){.urls = &url,
                                      .urls_count = 1,
                                      .version = MQTT_VERSION_5,
                                      .username = "",
                                      .password_file = "",
                                      .ca_file = "",
                                      .cert_file = "",
                                      .key_file = ""};
    settings = (struct mqtt_settings){.broker = &broker_settings,
                                      .url = &url,
                                      .address = "",
                                      .client_id = "formlab-test",
                                      .will_topic = "t/status",
                                      .will_payload = "offline",
                                      .timeout_s = 5,
                                      .keepalive_s = 5};
    wake_init(&wake);
    broker_prepare(&mosquitto);
    url.port = mosquitto.port;
    return 0;
}

static int tidy(void **state)
{
    (void)state;
    broker_end(&mosquitto);
    wake_destroy(&wake);
    return 0;
}

/* The next event within the time; kind NONE when there was none. */
static struct mqtt_event await(struct mqtt *mqtt, int64_t timeout_us)
{
    struct mqtt_event event;
    int64_t until_us = clock_monotonic_us() + timeout_us;
    while (!mqtt_next_event(mqtt, &event) && clock_monotonic_us() < until_us) {
        mqtt_wait(mqtt, until_us);
    }
    return event;
}

static struct mqtt *start(void)
{
    char error[MQTT_ERROR_SIZE] = "";
    struct mqtt *mqtt = mqtt_connect(&settings, &wake, error);
    assert_string_equal(error, "");
    assert_non_null(mqtt);
    return mqtt;
}

/* What came is CONNECTED. */
static struct mqtt_event await_connected(struct mqtt *mqtt)
{
    struct mqtt_event event = await(mqtt, 5 * SECOND_US);
    assert_string_equal(event.error, "");
    assert_int_equal(event.kind, MQTT_EVENT_CONNECTED);
    return event;
}

static struct mqtt *connect_to(const char *conf)
{
    broker_start(&mosquitto, conf);
    struct mqtt *mqtt = start();
    (void)await_connected(mqtt);
    return mqtt;
}

static bool publish(struct mqtt *mqtt, const char *topic, const char *payload, int qos,
                    uint64_t token)
{
    struct mqtt_message message = {.topic = topic,
                                   .payload = payload,
                                   .length = strlen(payload),
                                   .qos = qos,
                                   .is_json = true};
    return mqtt_publish(mqtt, &message, token);
}

/* 500 messages of both kinds through a window of 20: one answer each, in order, none twice. */
static void check_exchange(uint16_t receive_maximum)
{
    enum { MESSAGES = 500 };
    broker_start(&mosquitto, open_to_all);
    struct mqtt *mqtt = start();
    assert_int_equal(await_connected(mqtt).receive_maximum, receive_maximum);
    uint8_t answers[MESSAGES] = {0};
    uint64_t sent = 0;
    uint64_t answered = 0;
    while (answered < MESSAGES) {
        while (sent < MESSAGES && publish(mqtt, "t/x", "{\"a\":1}", sent % 5 != 0, sent)) {
            sent++;
        }
        struct mqtt_event event = await(mqtt, 5 * SECOND_US);
        assert_int_equal(event.kind, MQTT_EVENT_ACKNOWLEDGED);
        answers[event.token]++;
        answered++;
    }
    for (size_t at = 0; at < MESSAGES; at++) {
        assert_int_equal(answers[at], 1);
    }
    assert_int_equal(mqtt_waiting_since_us(mqtt), WAKE_NEVER);
    mqtt_destroy(mqtt, true);
}

static void test_exchange_5(void **state)
{
    (void)state;
    check_exchange(20);
}

static void test_exchange_3_1_1(void **state)
{
    (void)state;
    broker_settings.version = MQTT_VERSION_3_1_1;
    check_exchange(65535);
}

static void expect_line(struct witness *witness, const char *expected)
{
    char line[512] = "";
    assert_non_null(fgets(line, sizeof line, witness->lines));
    line[strcspn(line, "\n")] = '\0';
    assert_string_equal(line, expected);
}

static void test_witness_sees_type_retain_order_and_no_will(void **state)
{
    (void)state;
    struct mqtt *mqtt = connect_to(open_to_all);
    struct mqtt_message message = {.topic = "t/meta",
                                   .payload = "{}",
                                   .length = 2,
                                   .qos = 1,
                                   .is_retained = true,
                                   .is_json = true};
    assert_true(mqtt_publish(mqtt, &message, 1));
    assert_int_equal(await(mqtt, SECOND_US).kind, MQTT_EVENT_ACKNOWLEDGED);
    struct witness witness;
    witness_start(&witness, mosquitto.port, "%t %p %r %q %C");
    expect_line(&witness, "t/meta {} 1 1 application/json"); /* subscribed from here on */
    message.is_retained = false;
    message.is_json = false;
    for (unsigned at = 0; at < 5; at++) {
        char payload[8];
        message.length = (size_t)snprintf(payload, sizeof payload, "%u", at);
        message.payload = payload;
        assert_true(mqtt_publish(mqtt, &message, at));
    }
    expect_line(&witness, "t/meta 0 0 1 ");
    expect_line(&witness, "t/meta 1 0 1 ");
    expect_line(&witness, "t/meta 2 0 1 ");
    expect_line(&witness, "t/meta 3 0 1 ");
    expect_line(&witness, "t/meta 4 0 1 ");
    for (unsigned at = 0; at < 5; at++) {
        assert_int_equal(await(mqtt, SECOND_US).token, at);
    }
    mqtt_destroy(mqtt, true);
    mqtt = start(); /* had the will been sent, it would come first */
    assert_int_equal(await(mqtt, 5 * SECOND_US).kind, MQTT_EVENT_CONNECTED);
    message.payload = "after";
    message.length = 5;
    assert_true(mqtt_publish(mqtt, &message, 9));
    expect_line(&witness, "t/meta after 0 1 ");
    mqtt_destroy(mqtt, false);
    expect_line(&witness, "t/status offline 0 1 ");
    witness_end(&witness);
}

static void test_loss_is_told_once_and_nothing_is_rejected(void **state)
{
    (void)state;
    struct mqtt *mqtt = connect_to(open_to_all);
    (void)kill(mosquitto.pid, SIGSTOP);
    assert_true(publish(mqtt, "t/x", "1", 1, 1));
    assert_true(publish(mqtt, "t/x", "2", 1, 2));
    assert_in_range(clock_monotonic_us() - mqtt_waiting_since_us(mqtt), 0, SECOND_US);
    broker_kill(&mosquitto);
    struct mqtt_event event = await(mqtt, 5 * SECOND_US);
    assert_int_equal(event.kind, MQTT_EVENT_LOST);
    assert_non_null(strstr(event.error, "broke"));
    assert_false(publish(mqtt, "t/x", "3", 1, 3));
    mqtt_destroy(mqtt, false);
}

static void test_take_over_is_a_loss(void **state)
{
    (void)state;
    struct mqtt *first = connect_to(open_to_all);
    static struct wake other; /* outlives a failed test */
    wake_init(&other);
    char error[MQTT_ERROR_SIZE] = "";
    struct mqtt *second = mqtt_connect(&settings, &other, error);
    struct mqtt_event event = await(first, 5 * SECOND_US);
    assert_int_equal(event.kind, MQTT_EVENT_LOST);
    if (strstr(event.error, "broke") == NULL && strstr(event.error, "taken over") == NULL) {
        assert_string_equal(event.error, "");
    }
    mqtt_destroy(first, false);
    mqtt_destroy(second, true);
    wake_destroy(&other);
}

static void test_window_of_the_stopped_broker_is_bounded(void **state)
{
    (void)state;
    struct mqtt *mqtt = connect_to(open_to_all);
    (void)kill(mosquitto.pid, SIGSTOP);
    uint64_t taken = 0;
    while (taken < 1000 && publish(mqtt, "t/x", "1", 1, taken)) {
        taken++;
    }
    assert_int_equal(taken, 20);
    assert_false(publish(mqtt, "t/x", "1", 0, taken)); /* paho would wait */
    int64_t before_us = clock_monotonic_us();
    mqtt_destroy(mqtt, false);
    assert_in_range(clock_monotonic_us() - before_us, 0, SECOND_US);
}

static void test_refused_publish_is_rejected_with_its_code(void **state)
{
    (void)state;
    assert_true(broker_shell(mosquitto.folder, "printf 'topic write ok/#\n' > acl"));
    char conf[160];
    (void)snprintf(conf, sizeof conf, "allow_anonymous true\nacl_file %s/acl",
                   mosquitto.folder);
    struct mqtt *mqtt = connect_to(conf);
    assert_true(publish(mqtt, "ok/x", "1", 1, 1));
    assert_true(publish(mqtt, "denied/x", "1", 1, 2));
    assert_true(publish(mqtt, "bad\xff", "1", 1, 3));
    uint8_t codes[4] = {0};
    for (unsigned at = 0; at < 3; at++) {
        struct mqtt_event event = await(mqtt, 2 * SECOND_US);
        assert_int_equal(event.kind,
                         event.token == 1 ? MQTT_EVENT_ACKNOWLEDGED : MQTT_EVENT_REJECTED);
        codes[event.token] = event.reason_code;
    }
    assert_int_equal(codes[2], 0x87);
    assert_int_equal(codes[3], 0x90);
    mqtt_destroy(mqtt, true);
}

static void test_packet_too_large_is_rejected_and_the_connection_stays(void **state)
{
    (void)state;
    struct mqtt *mqtt = connect_to("allow_anonymous true\nmax_packet_size 1000");
    static char large[2000];
    memset(large, 'x', sizeof large - 1);
    assert_true(publish(mqtt, "t/x", large, 1, 1));
    assert_true(publish(mqtt, "t/x", "small", 1, 2));
    struct mqtt_event event = await(mqtt, 2 * SECOND_US);
    assert_int_equal(event.kind, MQTT_EVENT_REJECTED);
    assert_int_equal(event.token, 1);
    assert_int_equal(event.reason_code, 0x95);
    event = await(mqtt, 2 * SECOND_US);
    assert_int_equal(event.kind, MQTT_EVENT_ACKNOWLEDGED);
    mqtt_destroy(mqtt, true);
}

/* What the header asks for. */
static const struct timespec pause_after_failure = {.tv_nsec = 110000000};

static void expect_failure(const char *words)
{
    struct mqtt *mqtt = start();
    struct mqtt_event event = await(mqtt, 5 * SECOND_US);
    assert_int_equal(event.kind, MQTT_EVENT_FAILED);
    if (strstr(event.error, words) == NULL) {
        assert_string_equal(event.error, words);
    }
    mqtt_destroy(mqtt, false);
    (void)nanosleep(&pause_after_failure, NULL);
}

static void test_nobody_there(void **state)
{
    (void)state;
    expect_failure("nobody answers");
}

static void check_password(enum mqtt_version version)
{
    char conf[160];
    char file[128];
    assert_true(broker_shell(mosquitto.folder, "mosquitto_passwd -b -c users lab right;"
                                               "printf 'right\n' > right;"
                                               "printf 'wrong\n' > wrong"));
    (void)snprintf(conf, sizeof conf, "allow_anonymous false\npassword_file %s/users",
                   mosquitto.folder);
    broker_settings.version = version;
    broker_settings.username = "lab";
    broker_settings.password_file = file;
    (void)snprintf(file, sizeof file, "%s/right", mosquitto.folder);
    mqtt_destroy(connect_to(conf), true);
    (void)snprintf(file, sizeof file, "%s/wrong", mosquitto.folder);
    expect_failure("refused user lab: bad user name or password");
    broker_settings.username = "";
    broker_settings.password_file = "";
    expect_failure("it wants a user name and password");
}

static void test_password_5(void **state)
{
    (void)state;
    check_password(MQTT_VERSION_5);
}

static void test_password_3_1_1(void **state)
{
    (void)state;
    check_password(MQTT_VERSION_3_1_1);
}

static void test_missing_files_are_named(void **state)
{
    (void)state;
    char error[MQTT_ERROR_SIZE] = "";
    broker_settings.password_file = "/nowhere/password";
    assert_null(mqtt_connect(&settings, &wake, error));
    assert_string_equal(error, "password_file /nowhere/password: No such file or directory");
    broker_settings.ca_file = "/nowhere/ca.pem";
    url.is_tls = true;
    assert_null(mqtt_connect(&settings, &wake, error));
    assert_string_equal(error, "ca_file /nowhere/ca.pem: No such file or directory");
}

static const char certificates[] =
    "exec >openssl.log 2>&1\n"
    "key='-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'\n"
    "for ca in ca other; do\n"
    "  openssl req -x509 $key -keyout $ca.key -out $ca.pem -days 3 -subj /CN=$ca\n"
    "done\n"
    "sign() {\n" /* name, alternative name, first and last day */
    "  openssl req $key -keyout $1.key -out $1.csr -subj /CN=$1\n"
    "  printf 'subjectAltName=%s' \"$2\" > $1.ext\n"
    "  rm -rf db; mkdir db; : > db/index; echo 01 > db/serial\n"
    "  printf '[ca]\\ndefault_ca=d\\n[d]\\ndatabase=db/index\\nserial=db/serial\\n"
    "new_certs_dir=db\\ndefault_md=sha256\\npolicy=p\\n[p]\\ncommonName=supplied\\n' > "
    "ca.conf\n"
    "  openssl ca -batch -config ca.conf -cert ca.pem -keyfile ca.key -in $1.csr -out $1.pem "
    "-extfile $1.ext -startdate $3 -enddate $4 -notext\n"
    "}\n"
    "sign good DNS:localhost,IP:127.0.0.1 20200101000000Z 20990101000000Z\n"
    "sign elsewhere DNS:elsewhere.example 20200101000000Z 20990101000000Z\n"
    "sign expired DNS:localhost,IP:127.0.0.1 20200101000000Z 20210101000000Z\n"
    "sign client DNS:client 20200101000000Z 20990101000000Z\n";

static void start_tls(const char *certificate, const char *further)
{
    char conf[512];
    const char *folder = mosquitto.folder;
    (void)snprintf(conf, sizeof conf,
                   "allow_anonymous true\ncafile %s/ca.pem\ncertfile %s/%s.pem\n"
                   "keyfile %s/%s.key\n%s",
                   folder, folder, certificate, folder, certificate, further);
    broker_start(&mosquitto, conf);
}

static char ca_file[128];

static void use_tls(const char *authority)
{
    (void)snprintf(ca_file, sizeof ca_file, "%s/%s.pem", mosquitto.folder, authority);
    broker_settings.ca_file = ca_file;
    url.is_tls = true;
}

static void expect_connected(void)
{
    struct mqtt *mqtt = start();
    (void)await_connected(mqtt);
    assert_true(publish(mqtt, "t/x", "1", 1, 7));
    struct mqtt_event event = await(mqtt, 5 * SECOND_US);
    assert_int_equal(event.kind, MQTT_EVENT_ACKNOWLEDGED);
    assert_int_equal(event.token, 7);
    mqtt_destroy(mqtt, true);
}

static void test_only_the_right_certificate_is_accepted(void **state)
{
    (void)state;
    assert_true(broker_shell(mosquitto.folder, certificates));
    use_tls("ca");
    start_tls("good", "");
    expect_connected(); /* by address */
    url.host = "localhost";
    expect_connected(); /* by name */
    use_tls("other");
    expect_failure("is not signed by an authority in ");
    expect_failure("other.pem");
    broker_settings.ca_file = "";
    expect_failure("is not signed by an authority in the system's list");
    broker_kill(&mosquitto);

    use_tls("ca");
    start_tls("expired", "");
    expect_failure("the certificate of localhost:");
    expect_failure("has expired");
    broker_kill(&mosquitto);

    start_tls("elsewhere", "");
    expect_failure("is for another host than localhost");
    broker_kill(&mosquitto);

    broker_start(&mosquitto, open_to_all);
    expect_failure("nobody answers TLS there");
    url.is_tls = false;
    expect_connected();
}

static void test_client_certificate(void **state)
{
    (void)state;
    char cert_file[128];
    char key_file[128];
    assert_true(broker_shell(mosquitto.folder, certificates));
    use_tls("ca");
    start_tls("good", "require_certificate true");
    expect_failure("client certificate");
    (void)snprintf(cert_file, sizeof cert_file, "%s/client.pem", mosquitto.folder);
    (void)snprintf(key_file, sizeof key_file, "%s/client.key", mosquitto.folder);
    broker_settings.cert_file = cert_file;
    broker_settings.key_file = key_file;
    expect_connected();
}

static void test_ten_connections_leave_no_descriptor(void **state)
{
    (void)state;
    broker_start(&mosquitto, open_to_all);
    expect_connected();
    int before = dup(0);
    (void)close(before);
    for (unsigned at = 0; at < 10; at++) {
        expect_connected();
    }
    int after = dup(0);
    (void)close(after);
    assert_int_equal(after, before);
}

int main(void)
{
    (void)signal(SIGPIPE, SIG_IGN);
    mqtt_global_init();
#define WITH_BROKER(test) cmocka_unit_test_setup_teardown(test, reset, tidy)
    const struct CMUnitTest tests[] = {
        WITH_BROKER(test_exchange_5),
        WITH_BROKER(test_exchange_3_1_1),
        WITH_BROKER(test_witness_sees_type_retain_order_and_no_will),
        WITH_BROKER(test_loss_is_told_once_and_nothing_is_rejected),
        WITH_BROKER(test_take_over_is_a_loss),
        WITH_BROKER(test_window_of_the_stopped_broker_is_bounded),
        WITH_BROKER(test_refused_publish_is_rejected_with_its_code),
        WITH_BROKER(test_packet_too_large_is_rejected_and_the_connection_stays),
        WITH_BROKER(test_nobody_there),
        WITH_BROKER(test_password_5),
        WITH_BROKER(test_password_3_1_1),
        WITH_BROKER(test_missing_files_are_named),
        WITH_BROKER(test_only_the_right_certificate_is_accepted),
        WITH_BROKER(test_client_certificate),
        WITH_BROKER(test_ten_connections_leave_no_descriptor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

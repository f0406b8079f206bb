/* Claim: samples leave in the order of their numbers, whole; when there is no room the oldest
 * go, and the numbers that are missing tell which. */
#include "gateway/queue.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { TEXT_SIZE = 512, RUN = 7 };

/* A sample with a payload of its own, built without the decoder. */
struct fake {
    struct sample sample;
    char text[TEXT_SIZE];
};

static void fake_build(struct fake *fake, size_t machine, unsigned number, unsigned padding)
{
    fake->sample = (struct sample){.machine = machine, .text = fake->text, .payload = 64};
    int length = snprintf(fake->text + 64, TEXT_SIZE - 64,
                          "\"machine\":%zu,\"number\":%u,\"x\":\"%*s\"}", machine, number,
                          (int)padding, "");
    fake->sample.payload_length = (uint32_t)length;
}

static void a_sample_comes_out_as_it_went_in(void **state)
{
    (void)state;
    struct wake wake;
    wake_init(&wake);
    struct queue *queue = queue_create(4096, RUN, 41, &wake);
    struct ring *ring = ring_create(4096);
    struct fake fake;
    fake_build(&fake, 3, 5, 4);
    (void)memcpy(fake.text + 64 + fake.sample.payload_length, "[\"x\"]", 5);
    fake.sample.uncertain_length = 5;
    queue_push(queue, &fake.sample);
    assert_int_equal(fake.sample.seq, 41);
    assert_true(wake_wait(&wake, 0));
    assert_int_equal(queue_take(queue, ring, 0), 41);
    const struct record *record = ring_first(ring);
    assert_non_null(record);
    assert_int_equal(record->seq, 41);
    assert_int_equal(record->machine, 3);
    static const char payload[] =
        "{\"seq\":41,\"run\":7,\"machine\":3,\"number\":5,\"x\":\"    \"}";
    assert_int_equal(record->payload_length, sizeof payload - 1);
    assert_memory_equal(record_payload(record), payload, sizeof payload - 1);
    assert_memory_equal(record_uncertain(record), "[\"x\"]", 5);
    assert_null(ring_next(ring, record));
    ring_destroy(ring);
    queue_destroy(queue);
    wake_destroy(&wake);
}

/* Random pushes and takes against a plain list of what must be there. */
static void what_is_missing_was_the_oldest(void **state)
{
    (void)state;
    struct wake wake;
    wake_init(&wake);
    struct queue *queue = queue_create(2048, RUN, 1, &wake);
    struct ring *ring = ring_create(3072);
    struct fake fake;
    uint32_t chance = 12345;
    uint64_t seen_to = 0;
    uint64_t missing = 0;
    uint64_t pushed = 0;
    for (unsigned turn = 0; turn < 20000; turn++) {
        chance = chance * 1664525 + 1013904223;
        if (chance >> 28 != 0) {
            fake_build(&fake, 0, turn, chance >> 20 & 255);
            queue_push(queue, &fake.sample);
            pushed++;
            continue;
        }
        assert_int_equal(queue_take(queue, ring, 0), pushed);
        const struct record *record = ring_first(ring);
        while (record != NULL && (chance >> 24 & 7) != 0) {
            assert_true(record->seq > seen_to);
            missing += record->seq - seen_to - 1;
            seen_to = record->seq;
            char expected[32];
            (void)snprintf(expected, sizeof expected, "{\"seq\":%llu,",
                           (unsigned long long)record->seq);
            assert_memory_equal(record_payload(record), expected, strlen(expected));
            assert_int_equal(record_payload(record)[record->payload_length - 1], '}');
            ring_remove_first(ring);
            record = ring_first(ring);
        }
    }
    (void)queue_take(queue, ring, 0);
    assert_true(ring_count(ring) > 0);
    for (; ring_first(ring) != NULL; ring_remove_first(ring)) {
        seen_to = ring_first(ring)->seq;
    }
    assert_int_equal(ring_count(ring), 0);
    assert_int_equal(seen_to, pushed); /* the newest never goes */
    assert_true(missing > 0);
    ring_destroy(ring);
    queue_destroy(queue);
    wake_destroy(&wake);
}

static void numbers_move_on_in_payloads_too(void **state)
{
    (void)state;
    struct wake wake;
    wake_init(&wake);
    struct queue *queue = queue_create(4096, RUN, 1, &wake);
    struct ring *ring = ring_create(1024);
    struct fake fake;
    /* More than fit: the ring has wrapped. */
    for (unsigned number = 1; number <= 12; number++) {
        fake_build(&fake, 0, number, number);
        (void)memcpy(fake.text + 64 + fake.sample.payload_length, "[\"x\"]", 5);
        fake.sample.uncertain_length = 5;
        queue_push(queue, &fake.sample);
    }
    uint64_t shift = UINT64_MAX - 100; /* no number is longer */
    assert_int_equal(queue_take(queue, ring, shift), 12);
    ring_renumber(ring, shift);
    size_t count = ring_count(ring);
    assert_in_range(count, 2, 11);
    for (uint64_t number = 13 - count; number <= 12; number++) {
        const struct record *record = ring_first(ring);
        char expected[TEXT_SIZE];
        int length = snprintf(
            expected, sizeof expected,
            "{\"seq\":%llu,\"run\":7,\"machine\":0,\"number\":%llu,\"x\":\"%*s\"}",
            (unsigned long long)record->seq, (unsigned long long)number, (int)number, "");
        assert_int_equal(record->seq, number + shift);
        assert_int_equal(record->payload_length, length);
        assert_memory_equal(record_payload(record), expected, (size_t)length);
        assert_memory_equal(record_uncertain(record), "[\"x\"]", 5);
        ring_remove_first(ring);
    }
    fake_build(&fake, 0, 13, 13);
    queue_push(queue, &fake.sample);
    assert_int_equal(fake.sample.seq, 13 + shift);
    ring_destroy(ring);
    queue_destroy(queue);
    wake_destroy(&wake);
}

enum { THREADS = 8, PUSHES = 2000, ROOMY = 16 << 20 };

static void *push_many(void *argument)
{
    struct fake fake;
    for (unsigned number = 0; number < PUSHES; number++) {
        fake_build(&fake, 1, number, number % 50);
        queue_push(argument, &fake.sample);
    }
    return NULL;
}

static void many_pollers_share_one_numbering(void **state)
{
    (void)state;
    struct wake wake;
    wake_init(&wake);
    struct queue *queue = queue_create(ROOMY, RUN, 1, &wake);
    struct ring *ring = ring_create(ROOMY);
    pthread_t threads[THREADS];
    for (unsigned at = 0; at < THREADS; at++) {
        assert_int_equal(pthread_create(&threads[at], NULL, push_many, queue), 0);
    }
    uint64_t seq = 0;
    while (seq < (uint64_t)THREADS * PUSHES) {
        (void)wake_wait(&wake, WAKE_NEVER);
        (void)queue_take(queue, ring, 0);
        for (; ring_first(ring) != NULL; ring_remove_first(ring)) {
            assert_int_equal(ring_first(ring)->seq, ++seq);
        }
    }
    for (unsigned at = 0; at < THREADS; at++) {
        (void)pthread_join(threads[at], NULL);
    }
    ring_destroy(ring);
    queue_destroy(queue);
    wake_destroy(&wake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sample_comes_out_as_it_went_in),
        cmocka_unit_test(what_is_missing_was_the_oldest),
        cmocka_unit_test(numbers_move_on_in_payloads_too),
        cmocka_unit_test(many_pollers_share_one_numbering),
    };
    return cmocka_run_group_tests_name("queue", tests, NULL, NULL);
}

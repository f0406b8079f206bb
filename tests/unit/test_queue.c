/* Claim: samples leave in the order of their numbers, whole; when there is no room the oldest
 * go and are counted, so that nothing is missing without being named. */
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
    struct dropped dropped = {0};
    struct fake fake;
    fake_build(&fake, 3, 5, 4);
    (void)memcpy(fake.text + 64 + fake.sample.payload_length, "[\"x\"]", 5);
    fake.sample.uncertain_length = 5;
    queue_push(queue, &fake.sample);
    assert_int_equal(fake.sample.seq, 41);
    assert_true(wake_wait(&wake, 0));
    queue_take(queue, ring, &dropped);
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
    assert_int_equal(dropped.count, 0);
    ring_destroy(ring);
    queue_destroy(queue);
    wake_destroy(&wake);
}

/* Random pushes and takes against a plain list of what must be there. */
static void nothing_is_missing_without_being_counted(void **state)
{
    (void)state;
    struct wake wake;
    wake_init(&wake);
    struct queue *queue = queue_create(2048, RUN, 1, &wake);
    struct ring *ring = ring_create(3072);
    struct fake fake;
    uint32_t chance = 12345;
    uint64_t next_seq = 1; /* the next that must come out */
    uint64_t dropped_total = 0;
    uint64_t seen_total = 0;
    uint64_t pushed_total = 0;
    for (unsigned turn = 0; turn < 20000; turn++) {
        chance = chance * 1664525 + 1013904223;
        if (chance >> 28 != 0) {
            fake_build(&fake, 0, turn, chance >> 20 & 255);
            queue_push(queue, &fake.sample);
            pushed_total++;
            continue;
        }
        struct dropped dropped = {0};
        queue_take(queue, ring, &dropped);
        dropped_total += dropped.count;
        const struct record *record = ring_first(ring);
        while (record != NULL && (chance >> 24 & 7) != 0) {
            assert_true(record->seq >= next_seq);
            next_seq = record->seq + 1;
            seen_total++;
            char expected[32];
            (void)snprintf(expected, sizeof expected, "{\"seq\":%llu,",
                           (unsigned long long)record->seq);
            assert_memory_equal(record_payload(record), expected, strlen(expected));
            assert_int_equal(record_payload(record)[record->payload_length - 1], '}');
            ring_remove_first(ring);
            record = ring_first(ring);
        }
    }
    struct dropped dropped = {0};
    queue_take(queue, ring, &dropped);
    dropped_total += dropped.count;
    for (; ring_first(ring) != NULL; ring_remove_first(ring)) {
        seen_total++;
    }
    assert_true(dropped_total > 0);
    assert_int_equal(seen_total + dropped_total, pushed_total);
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
    struct dropped dropped = {0};
    pthread_t threads[THREADS];
    for (unsigned at = 0; at < THREADS; at++) {
        assert_int_equal(pthread_create(&threads[at], NULL, push_many, queue), 0);
    }
    uint64_t seq = 0;
    while (seq < (uint64_t)THREADS * PUSHES) {
        (void)wake_wait(&wake, WAKE_NEVER);
        queue_take(queue, ring, &dropped);
        for (; ring_first(ring) != NULL; ring_remove_first(ring)) {
            assert_int_equal(ring_first(ring)->seq, ++seq);
        }
    }
    for (unsigned at = 0; at < THREADS; at++) {
        (void)pthread_join(threads[at], NULL);
    }
    assert_int_equal(dropped.count, 0);
    ring_destroy(ring);
    queue_destroy(queue);
    wake_destroy(&wake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sample_comes_out_as_it_went_in),
        cmocka_unit_test(nothing_is_missing_without_being_counted),
        cmocka_unit_test(many_pollers_share_one_numbering),
    };
    return cmocka_run_group_tests_name("queue", tests, NULL, NULL);
}

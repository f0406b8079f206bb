#include "gateway/station.h"

#include <assert.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "config/memory.h"
#include "gateway/clock.h"
#include "gateway/log.h"

enum { OFFLINE_AFTER = 3 };       /* failed polls */
enum { BAD_SAMPLE_EVERY_S = 60 }; /* an unreachable machine is journaled once a minute */
enum { ACHIEVED_WEIGHT = 8 };     /* the achieved pace is a mean over about as many polls */
enum { US_PER_S = 1000000 };

void station_init(struct station *station, const struct station_parts *parts, size_t machine)
{
    *station = (struct station){
        .parts = parts,
        .machine = &parts->factory->machines[machine],
        .index = machine,
        .health.since_us = clock_wall_us(),
    };
    size_t tags_count = station->machine->map->tags_count;
    station->told = station->machine->record == RECORD_CHANGES
                        ? memory_allocate(tags_count + 1, sizeof *station->told)
                        : NULL;
    station->refused = memory_allocate(tags_count + 1, sizeof *station->refused);
}

void station_release(struct station *station)
{
    free(station->told);
    free(station->refused);
}

void station_start(struct station *station, int64_t now_us)
{
    const struct machine *machine = station->machine;
    int64_t fastest_us = (int64_t)machine->periods_ms[0] * 1000;
    int64_t spread_us = fastest_us < US_PER_S ? fastest_us : US_PER_S;
    int64_t grid_us = now_us + pace_phase_us(machine->name, spread_us);
    for (size_t period = 0; period < machine->periods_count; period++) {
        int64_t period_us = (int64_t)machine->periods_ms[period] * 1000;
        int64_t second_us = period_us > spread_us ? grid_us + period_us : grid_us;
        station->paces[period] = pace_start(second_us, period_us);
    }
    station->first_us = now_us;
}

int64_t station_due_us(const struct station *station)
{
    if (station->health.polls == 0) {
        return station->first_us;
    }
    int64_t due_us = station->paces[0].due_us;
    for (size_t period = 1; period < station->machine->periods_count; period++) {
        if (station->paces[period].due_us < due_us) {
            due_us = station->paces[period].due_us;
        }
    }
    return due_us;
}

/* The mean period of the polls, so that asked and achieved pace can be compared. */
static void measure_pace(struct station *station, int64_t now_us)
{
    if (station->last_poll_us != 0) {
        double period_us = (double)(now_us - station->last_poll_us);
        double mean_us = station->achieved_us;
        station->achieved_us =
            mean_us > 0 ? mean_us + (period_us - mean_us) / ACHIEVED_WEIGHT : period_us;
        station->health.achieved_ms = (uint32_t)(station->achieved_us / 1000 + 0.5);
    }
    station->last_poll_us = now_us;
}

/* All paces of a machine lie on one grid, so those due together are read together. */
static uint32_t take_beats(struct station *station, int64_t now_us)
{
    uint32_t due = 0;
    for (size_t period = 0; period < station->machine->periods_count; period++) {
        struct pace *pace = &station->paces[period];
        if (pace->due_us <= now_us) {
            due |= UINT32_C(1) << period;
            station->health.missed += pace_advance(pace, now_us);
        }
    }
    return due;
}

uint32_t station_begin_poll(struct station *station, int64_t now_us)
{
    const uint32_t all = (UINT32_C(1) << station->machine->periods_count) - 1;
    if (station->health.polls++ == 0) {
        return all;
    }
    uint32_t due = take_beats(station, now_us);
    measure_pace(station, now_us);
    station->is_second_try = station->is_all_due;
    station->is_all_due = false;
    return station->is_second_try ? all : due;
}

/* With `record = changes` a sample in which nothing moved is not worth keeping. */
static bool is_worth_keeping(struct station *station, const struct sample *sample)
{
    const struct machine *machine = station->machine;
    if (machine->record == RECORD_ALL) {
        return true;
    }
    bool has_moved = false;
    for (size_t tag = 0; tag < sample->points_count; tag++) {
        const struct point *point = &sample->points[tag];
        if (point->is_present && told_has_moved(&station->told[tag], &machine->map->tags[tag],
                                                point, sample_value(sample, tag))) {
            told_remember(&station->told[tag], point, sample_value(sample, tag));
            has_moved = true;
        }
    }
    return has_moved;
}

/* The readings leave as one sample: numbered and queued for the journal, then shown as newest.
 * The page does not wait for the disk. */
static void hand_over(struct station *station, const struct reading *readings)
{
    const struct station_parts *parts = station->parts;
    struct sample *sample = samples_take(parts->samples);
    sample_build(sample, parts->factory, station->index, readings);
    /* That a machine is still away is told whether anything moved or not. */
    if (is_worth_keeping(station, sample) || sample->quality == QUALITY_BAD) {
        queue_push(parts->queue, sample);
        live_update(parts->live, sample);
    }
    samples_release(parts->samples, sample);
}

static bool has_silence(const struct station *station, const struct reading *readings)
{
    for (size_t tag = 0; tag < station->machine->map->tags_count; tag++) {
        if (reading_is_silence(&readings[tag])) {
            return true;
        }
    }
    return false;
}

/* Whether a tag's refusal began or ended; those that were not read stay as they were. */
static bool note_refused(struct station *station, const struct reading *readings)
{
    bool has_changed = false;
    for (size_t at = 0; at < station->machine->map->tags_count; at++) {
        const struct reading *reading = &readings[at];
        bool is_refused = reading->kind == READING_BAD && reading->reason == REASON_EXCEPTION;
        uint8_t exception = is_refused ? reading->exception : 0;
        if (reading->kind != READING_ABSENT && station->refused[at] != exception) {
            station->refused[at] = exception;
            has_changed = true;
        }
    }
    return has_changed;
}

/* "refused: input 18 (spindle_x), input 20 (spindle_y)" */
static void describe_refused(struct station *station)
{
    char *detail = station->health.detail;
    size_t length = 0;
    detail[0] = '\0';
    for (size_t at = 0; at < station->machine->map->tags_count; at++) {
        const struct tag *tag = &station->machine->map->tags[at];
        if (station->refused[at] == 0) {
            continue;
        }
        int written = snprintf(detail + length, LIVE_DETAIL_SIZE - length, "%s%s %u (%s)",
                               length == 0 ? "refused: " : ", ", table_name(tag->table),
                               machine_wire_address(station->machine, tag), tag->name);
        if (written < 0 || length + (size_t)written >= LIVE_DETAIL_SIZE) {
            /* What is cut says so. */
            (void)snprintf(detail + LIVE_DETAIL_SIZE - 4, 4, "...");
            return;
        }
        length += (size_t)written;
    }
}

static void tell_back(struct station *station, int64_t now_us)
{
    int64_t away_ms = (now_us - station->lost_us) / 1000;
    log_line(LOG_LEVEL_INFO, "poller",
             "machine=%s event=back after_ms=%" PRId64 " failed_polls=%u",
             station->machine->name, away_ms, station->failed_in_row);
    events_push(station->parts->events, station->index, "link-back", "\"after_ms\":%" PRId64,
                away_ms);
}

static void tell_lost(struct station *station)
{
    const struct link *link = &station->parts->factory->links[station->machine->link];
    char reason[REASON_TEXT_SIZE];
    (void)reason_text(station->health.reason, station->health.exception, reason);
    log_line(LOG_LEVEL_WARNING, "poller",
             "machine=%s event=lost reason=%s host=%s port=%u unit=%u", station->machine->name,
             reason, link->host, link->port, station->machine->unit_id);
    events_push(station->parts->events, station->index, "link-lost", "\"reason\":\"%s\"",
                reason);
}

void station_answered(struct station *station, const struct reading *readings, int64_t now_us)
{
    struct health *health = &station->health;
    if (station->failed_in_row >= OFFLINE_AFTER) {
        tell_back(station, now_us);
    }
    if (!health->is_online) {
        health->is_online = true;
        health->since_us = clock_wall_us();
    }
    health->is_known = true;
    health->reason = REASON_NONE;
    health->exception = 0;
    station->failed_in_row = 0;
    station->is_all_due = !station->is_second_try && has_silence(station, readings);
    if (note_refused(station, readings)) {
        describe_refused(station);
    }
    hand_over(station, readings);
    live_report(station->parts->live, station->index, health);
}

/* A machine that was lost in between stays lost: its bad samples are those of station_failed.
 */
void station_idle(struct station *station, const struct reading *readings)
{
    if (station->failed_in_row == 0) {
        hand_over(station, readings);
    }
    live_report(station->parts->live, station->index, &station->health);
}

/* For every tag, not only those that are due: the slower ones cannot be read either. */
static void fill_bad(const struct station *station, struct reading *readings)
{
    int64_t now_us = clock_wall_us();
    for (size_t tag = 0; tag < station->machine->map->tags_count; tag++) {
        readings[tag] = (struct reading){
            .time_us = now_us,
            .kind = READING_BAD,
            .reason = station->health.reason,
            .exception = station->health.exception,
        };
    }
}

static void tell_bad(struct station *station, struct reading *readings, int64_t now_us)
{
    if (now_us >= station->bad_sample_next_us) {
        station->bad_sample_next_us = now_us + (int64_t)BAD_SAMPLE_EVERY_S * US_PER_S;
        fill_bad(station, readings);
        hand_over(station, readings);
    }
    live_report(station->parts->live, station->index, &station->health);
}

void station_failed(struct station *station, uint8_t reason, uint8_t exception,
                    struct reading *readings, int64_t now_us)
{
    struct health *health = &station->health;
    if (station->failed_in_row == 0) {
        station->lost_us = now_us;
        station->bad_sample_next_us = now_us;
    }
    station->failed_in_row++;
    station->is_all_due = true;
    health->failed++;
    health->reason = reason;
    health->exception = exception;
    if (station->failed_in_row == OFFLINE_AFTER) {
        health->is_known = true;
        health->is_online = false;
        health->since_us = clock_wall_us();
        tell_lost(station);
    }
    tell_bad(station, readings, now_us);
}

void station_hold_back(struct station *station, struct reading *readings, int64_t now_us)
{
    assert(station->failed_in_row > 0);
    (void)take_beats(station, now_us);
    station->last_poll_us = 0; /* a pause that is wanted is no slow pace */
    tell_bad(station, readings, now_us);
}

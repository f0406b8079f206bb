/* What the journal knows of the factory: its machines, and the topics retained for it. */
#include <stdio.h>
#include <string.h>

#include "config/memory.h"
#include "gateway/journal_crc.h"
#include "gateway/journal_private.h"

enum statement {
    FIND_MACHINE,
    LAST_MACHINE,
    PUT_MACHINE,
    WANT_TOPIC,
    ADD_TOPICS,
    OBSOLETE_TOPICS,
    FORGET_TOPICS,
    STATEMENTS_COUNT,
};

/* What this configuration retains; the file keeps what any configuration did. */
static const char wanted[] = "create temp table wanted(topic text primary key) without rowid";

#define OBSOLETE "root = ?1 and topic not in (select topic from temp.wanted)"

static const char *const texts[STATEMENTS_COUNT] = {
    [FIND_MACHINE] = "select id, area, root, crc from machines where name = ?1",
    [LAST_MACHINE] = "select max(id) from machines",
    [PUT_MACHINE] = ("insert or replace into machines(id, name, area, root, crc)"
                     " values(?1, ?2, ?3, ?4, ?5)"),
    [WANT_TOPIC] = "insert or ignore into temp.wanted values(?1)",
    [ADD_TOPICS] = ("insert into retained select ?1, topic from wanted"
                    " except select root, topic from retained"),
    [OBSOLETE_TOPICS] = ("select topic, sum(length(cast(topic as blob)) + 1) over (),"
                         " count(*) over () from retained where " OBSOLETE),
    [FORGET_TOPICS] = ("delete from retained where " OBSOLETE),
};

static void bind_name(struct journal *journal, enum statement which, int index,
                      const char *name)
{
    sql_bind_text(journal->entries, which, index, name, strlen(name));
}

static bool is_run(struct journal *journal, enum statement which)
{
    return sql_run(journal->entries, which) == SQL_DONE;
}

/* ---- machines ---- */

/* Its number, 0 when it has none yet; `is_same` when its entry says the same. False when the
 * table cannot be read. */
static bool find_machine(struct journal *journal, const char *name, const char *area_wanted,
                         int64_t *id, bool *is_same)
{
    struct sql_statements *statements = journal->entries;
    bind_name(journal, FIND_MACHINE, 1, name);
    enum sql_status status = sql_step(statements, FIND_MACHINE);
    *id = 0;
    *is_same = false;
    if (status == SQL_ROW) {
        const char *area = sql_text(statements, FIND_MACHINE, 1, NULL);
        const char *root = sql_text(statements, FIND_MACHINE, 2, NULL);
        *id = sql_number(statements, FIND_MACHINE, 0);
        *is_same = strcmp(area, area_wanted) == 0 &&
                   strcmp(root, journal->factory->site.root) == 0 &&
                   sql_number(statements, FIND_MACHINE, 3) ==
                       journal_crc_machine(*id, name, area_wanted);
    }
    sql_reset(statements, FIND_MACHINE);
    return status == SQL_ROW || status == SQL_DONE;
}

static int64_t new_machine(struct journal *journal)
{
    bool is_row = sql_step(journal->entries, LAST_MACHINE) == SQL_ROW;
    int64_t last = is_row ? sql_number(journal->entries, LAST_MACHINE, 0) : 0;
    sql_reset(journal->entries, LAST_MACHINE);
    return last + 1;
}

static bool put_machine(struct journal *journal, int64_t id, const char *name, const char *area)
{
    sql_bind_number(journal->entries, PUT_MACHINE, 1, id);
    bind_name(journal, PUT_MACHINE, 2, name);
    bind_name(journal, PUT_MACHINE, 3, area);
    bind_name(journal, PUT_MACHINE, 4, journal->factory->site.root);
    sql_bind_number(journal->entries, PUT_MACHINE, 5, journal_crc_machine(id, name, area));
    return is_run(journal, PUT_MACHINE);
}

/* Finds or enters one machine. Rows keep their machine's number for ever. */
static bool enter_machine(struct journal *journal, size_t index)
{
    const struct machine *machine = &journal->factory->machines[index];
    int64_t id;
    bool is_same;
    if (!find_machine(journal, machine->name, machine->area, &id, &is_same)) {
        return false;
    }
    id = id != 0 ? id : new_machine(journal);
    journal->machines[index] = id;
    return is_same || put_machine(journal, id, machine->name, machine->area);
}

int64_t journal_factory_machine(struct journal *journal, const char *name, const char *area)
{
    int64_t id;
    bool is_same;
    if (!find_machine(journal, name, area, &id, &is_same)) {
        return 0;
    }
    if (id != 0) {
        return id; /* should the area differ, the configuration knows better */
    }
    id = new_machine(journal);
    return put_machine(journal, id, name, area) ? id : 0;
}

static bool enter_machines(struct journal *journal)
{
    bool is_done = true;
    for (size_t at = 0; is_done && at < journal->factory->machines_count; at++) {
        is_done = enter_machine(journal, at);
    }
    return is_done;
}

/* ---- topics ---- */

static bool want_topic(struct journal *journal, const struct machine *machine, const char *leaf,
                       const char *name)
{
    char topic[512];
    int length = snprintf(topic, sizeof topic, "%s/%s/%s%s%s", machine->area, machine->name,
                          leaf, name[0] == '\0' ? "" : "/", name);
    if (length < 0 || length >= (int)sizeof topic) {
        return true; /* longer than any topic that is published */
    }
    sql_bind_text(journal->entries, WANT_TOPIC, 1, topic, (size_t)length);
    return is_run(journal, WANT_TOPIC);
}

static bool want_topics(struct journal *journal, const struct machine *machine)
{
    bool is_done = want_topic(journal, machine, "status", "") &&
                   want_topic(journal, machine, "info", "") &&
                   want_topic(journal, machine, "snapshot", "");
    for (size_t at = 0; is_done && at < machine->map->tags_count; at++) {
        const char *tag = machine->map->tags[at].name;
        is_done = want_topic(journal, machine, "meta", tag) &&
                  (!machine->now_is_enabled || want_topic(journal, machine, "now", tag));
    }
    return is_done;
}

static bool enter_topics(struct journal *journal)
{
    bool is_done = true;
    for (size_t at = 0; is_done && at < journal->factory->machines_count; at++) {
        is_done = want_topics(journal, &journal->factory->machines[at]);
    }
    bind_name(journal, ADD_TOPICS, 1, journal->factory->site.root);
    return is_done && is_run(journal, ADD_TOPICS);
}

enum journal_connection journal_factory_enter(struct journal *journal)
{
    struct sql *sql = journal->sql;
    if (sql_execute(sql, wanted) != SQL_DONE) {
        return journal_refuse(journal, "entering the topics");
    }
    journal->entries = sql_prepare(sql, texts, STATEMENTS_COUNT);
    if (journal->entries == NULL || sql_execute(sql, "begin immediate") != SQL_DONE ||
        !enter_machines(journal) || !enter_topics(journal) ||
        sql_execute(sql, "commit") != SQL_DONE) {
        return journal_refuse(journal, "entering the machines");
    }
    return JOURNAL_READY;
}

char **journal_obsolete_topics(struct journal *journal, size_t *count)
{
    struct sql_statements *statements = journal->entries;
    char **topics = NULL;
    char *end = NULL;
    size_t found = 0;
    bind_name(journal, OBSOLETE_TOPICS, 1, journal->factory->site.root);
    while (sql_step(statements, OBSOLETE_TOPICS) == SQL_ROW) {
        if (topics == NULL) {
            size_t bytes = (size_t)sql_number(statements, OBSOLETE_TOPICS, 1);
            size_t rows = (size_t)sql_number(statements, OBSOLETE_TOPICS, 2);
            topics = memory_allocate(1, rows * sizeof *topics + bytes);
            end = (char *)(topics + rows);
        }
        size_t length;
        const char *topic = sql_text(statements, OBSOLETE_TOPICS, 0, &length);
        topics[found++] = memcpy(end, topic, length + 1);
        end += length + 1;
    }
    *count = found;
    return topics;
}

enum journal_status journal_forget_obsolete(struct journal *journal)
{
    enum journal_status status = journal_begin(journal);
    if (status != JOURNAL_OK) {
        return status;
    }
    bind_name(journal, FORGET_TOPICS, 1, journal->factory->site.root);
    status = journal_run(journal, journal->entries, FORGET_TOPICS, "forgetting topics");
    return journal_end(journal, status);
}

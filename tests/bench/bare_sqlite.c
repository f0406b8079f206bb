/* SQLite as bare as it can be used: a prepared insert into an equal table, in transactions.
 *
 *     bare_sqlite FILE PAYLOAD_FILE BATCH COUNT [PERIOD_MS]
 *
 * WAL and synchronous = full, as the product has them; what SQLite does by itself is left as it
 * is (a checkpoint every 1000 pages). With PERIOD_MS: one transaction at each beat. */
#include <sqlite3.h>
#include <stdbool.h>

#include "tests/bench/meter.h"

static const char schema[] =
    "pragma page_size = 4096; pragma auto_vacuum = incremental; pragma journal_mode = wal;"
    "pragma synchronous = full;"
    "create table samples(seq integer primary key autoincrement, run integer not null,"
    " machine integer not null, time_us integer not null, payload text not null,"
    " crc integer not null, uncertain text);";

enum { RUN = 1795450800, MACHINE = 1, CRC = 0x5bd1e995 };
#define TIME_US INT64_C(1795450800123456)

struct table {
    sqlite3 *database;
    sqlite3_stmt *begin;
    sqlite3_stmt *insert;
    sqlite3_stmt *commit;
};

static sqlite3_stmt *prepare(sqlite3 *database, const char *text)
{
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v3(database, text, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL) !=
        SQLITE_OK) {
        meter_fail("%s: %s", text, sqlite3_errmsg(database));
    }
    return statement;
}

static void run(const struct table *table, sqlite3_stmt *statement)
{
    if (sqlite3_step(statement) != SQLITE_DONE || sqlite3_reset(statement) != SQLITE_OK) {
        meter_fail("%s: %s", sqlite3_sql(statement), sqlite3_errmsg(table->database));
    }
}

static void open_table(struct table *table, const char *file)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    if (sqlite3_open_v2(file, &table->database, flags, NULL) != SQLITE_OK ||
        sqlite3_exec(table->database, schema, NULL, NULL, NULL) != SQLITE_OK) {
        meter_fail("%s: %s", file, sqlite3_errmsg(table->database));
    }
    table->begin = prepare(table->database, "begin immediate");
    table->insert =
        prepare(table->database, "insert into samples(seq, run, machine, time_us, payload, crc)"
                                 " values(?1, ?2, ?3, ?4, ?5, ?6)");
    table->commit = prepare(table->database, "commit");
}

static void insert(const struct table *table, int64_t seq, const struct payload *payload)
{
    sqlite3_stmt *statement = table->insert;
    bool is_bound = sqlite3_bind_int64(statement, 1, seq) == SQLITE_OK &&
                    sqlite3_bind_int64(statement, 2, RUN) == SQLITE_OK &&
                    sqlite3_bind_int64(statement, 3, MACHINE) == SQLITE_OK &&
                    sqlite3_bind_int64(statement, 4, TIME_US + seq) == SQLITE_OK &&
                    sqlite3_bind_text(statement, 5, payload->text, (int)payload->length,
                                      SQLITE_STATIC) == SQLITE_OK &&
                    sqlite3_bind_int64(statement, 6, CRC) == SQLITE_OK;
    if (!is_bound) {
        meter_fail("binding: %s", sqlite3_errmsg(table->database));
    }
    run(table, statement);
}

static void close_table(struct table *table)
{
    (void)sqlite3_finalize(table->begin);
    (void)sqlite3_finalize(table->insert);
    (void)sqlite3_finalize(table->commit);
    (void)sqlite3_close(table->database);
}

int main(int argc, char **argv)
{
    static struct payload payload;
    if (argc != 5 && argc != 6) {
        meter_fail("bare_sqlite FILE PAYLOAD_FILE BATCH COUNT [PERIOD_MS]");
    }
    struct table table;
    open_table(&table, argv[1]);
    meter_read_payload(argv[2], &payload);
    long batch = meter_number(argv[3]);
    long count = meter_number(argv[4]);
    long period_ms = argc == 6 ? meter_number(argv[5]) : 0;
    struct meter start = meter_start();
    int64_t due_ns = start.wall_ns;
    for (long seq = 0; seq < count;) {
        run(&table, table.begin);
        for (long end = seq + batch; seq < end && seq < count;) {
            insert(&table, ++seq, &payload);
        }
        run(&table, table.commit);
        if (period_ms > 0) {
            meter_wait(&due_ns, period_ms);
        }
    }
    meter_print(&start, (uint64_t)count);
    close_table(&table);
    return EXIT_SUCCESS;
}

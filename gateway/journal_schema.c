/* The tables, and how a file of an earlier version gets what later ones added. */
#include <inttypes.h>
#include <stdio.h>

#include "gateway/journal_private.h"

enum { APPLICATION_ID = 0x464C4A31 }; /* "FLJ1" */

static const char schema_1[] =
    "create table samples("
    "  seq integer primary key autoincrement,"
    "  run integer not null,"
    "  machine integer not null references machines(id),"
    "  time_us integer not null," /* UTC, of its oldest reading */
    "  payload text not null,"    /* what `samples` publishes */
    "  crc integer not null,"     /* journal_crc_row() of it */
    "  uncertain text);"          /* JSON array of tags, or true: all; null: none */
    "create table machines("
    "  id integer primary key, name text not null unique, area text not null,"
    "  root text not null, crc integer not null);"
    "create table runs(run integer primary key, started integer not null);" /* s since 1970 */
    "create table gaps("
    "  id integer primary key, first integer not null, last integer not null,"
    "  count integer not null, reason text not null, time_us integer not null);"
    "create table retained("
    "  root text not null, topic text not null, primary key(root, topic)) without rowid;"
    "create table state("
    "  name text primary key, value integer not null, crc integer not null) without rowid;"
    /* Cross joins keep this order: a query by machine and tag then walks the samples from the
     * newest, and needs no index. */
    "create view readings(seq, time, machine, tag, value, quality) as"
    "  select samples.seq,"
    "    strftime('%Y-%m-%dT%H:%M:%S', samples.time_us / 1000000, 'unixepoch')"
    "      || printf('.%03dZ', samples.time_us / 1000 % 1000),"
    "    machines.name, member.key, member.value,"
    "    case when member.type = 'null' then 'bad'"
    "      when samples.uncertain is null then 'good'"
    "      when samples.uncertain = 'true' or member.key in"
    "        (select listed.value from json_each(samples.uncertain) as listed) then 'uncertain'"
    "      else 'good' end"
    "  from samples cross join machines on machines.id = samples.machine"
    "    cross join json_each(iif(json_valid(samples.payload), samples.payload, '{}')) as "
    "member"
    "  where member.key not in ('seq', 'run', 'time', 't', 'q', 'bad', 'late');";

/* What is still to be saved from files that were set aside, in the same folder. */
static const char schema_2[] =
    "create table salvage("
    "  id integer primary key, file text not null,"
    "  is_history integer not null," /* 0: unsent, going up; 1: acknowledged, going down */
    "  first integer not null, last integer not null, next integer not null);";

/* One entry a version, applied in order; PRAGMA user_version tells how many a file has had. */
static const char *const migrations[] = {schema_1, schema_2};
enum { MIGRATIONS_COUNT = sizeof migrations / sizeof migrations[0] };

enum journal_connection journal_schema_migrate(struct journal *journal)
{
    struct sql *sql = journal->sql;
    int64_t version = sql_ask(sql, "pragma user_version", 0);
    int64_t application = sql_ask(sql, "pragma application_id", 0);
    int64_t tables = sql_ask(sql, "select count(*) from sqlite_schema", -1);
    if (tables < 0) {
        return journal_refuse(journal, "reading");
    }
    if (application != APPLICATION_ID && tables > 0) {
        journal_tell(journal, "it is a database of something else");
        return JOURNAL_DAMAGED;
    }
    journal->is_hopeless = version > MIGRATIONS_COUNT;
    if (version < 0 || version > MIGRATIONS_COUNT) {
        journal_tell(journal,
                     "a newer version of this program wrote it (schema %" PRId64 ", here %d)",
                     version, (int)MIGRATIONS_COUNT);
        return JOURNAL_REFUSED;
    }
    for (int64_t next = version; next < MIGRATIONS_COUNT; next++) {
        char last[128];
        (void)snprintf(last, sizeof last,
                       "pragma application_id = %d; pragma user_version = %" PRId64 "; commit",
                       (int)APPLICATION_ID, next + 1);
        if (sql_execute(sql, "begin immediate") != SQL_DONE ||
            sql_execute(sql, migrations[next]) != SQL_DONE ||
            sql_execute(sql, last) != SQL_DONE) {
            return journal_refuse(journal, "migrating");
        }
    }
    return JOURNAL_READY;
}

/* Claim: a factory file becomes what it says, with its defaults; every mistake of every file is
 * told in one run, with file, line, section and key, and none hides another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/factory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { PATH_SIZE = 256 };
static char folder[PATH_SIZE]; /* of this run, below /tmp */

static const char *in_folder(const char *name)
{
    static char path[PATH_SIZE + 64];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void write_file(const char *name, const char *text)
{
    FILE *file = fopen(in_folder(name), "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static int create_folder(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/test_factory.XXXXXX");
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    write_file("small.csv", "tag,table,address,type,every\n"
                            "speed,input,1,float32,\n"
                            "total,holding,5,uint32,5 s\n"
                            "fast,holding,7,uint16,50 ms\n");
    write_file("zero.csv", "tag,table,address,type\na,holding,0,string:80\nb,,40001,uint16\n");
    write_file("wrong.csv", "tag,table,address,type\na,holding,0,int16\nb,40001,,\n");
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    static const char *const names[] = {"small.csv", "zero.csv",  "more.conf", "loop.conf",
                                        "main.conf", "wrong.csv", "paces.csv", "power.csv"};
    for (size_t i = 0; i < COUNT(names); i++) {
        (void)unlink(in_folder(names[i])); /* not every test makes every file */
    }
    return rmdir(folder);
}

static char *printed(const struct problems *problems)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    assert_non_null(stream);
    problems_print(problems, stream);
    (void)fclose(stream);
    return text;
}

static struct factory *parse(const char *text, const struct factory_overrides *overrides,
                             struct problems *problems)
{
    return factory_parse(in_folder("main.conf"), text, strlen(text), overrides, problems);
}

static struct factory *parse_right(const char *text, const struct factory_overrides *overrides)
{
    struct problems *problems = problems_create();
    struct factory *factory = parse(text, overrides, problems);
    char *found = printed(problems);
    assert_string_equal(found, "");
    free(found);
    problems_destroy(problems);
    assert_non_null(factory);
    return factory;
}

/* Where `expected` stands behind `from`; it must. */
static const char *next_place(const char *from, const char *expected, const char *found)
{
    const char *place = strstr(from, expected);
    if (place == NULL) {
        fail_msg("not there, or out of order: %s\nfound:\n%s", expected, found);
    }
    return place;
}

/* The file must be refused, with exactly these problems in this order. */
static void expect(const char *text, const struct factory_overrides *overrides,
                   const char *const *expected, size_t count)
{
    struct problems *problems = problems_create();
    struct factory *factory = parse(text, overrides, problems);
    char *found = printed(problems);
    const char *place = found;
    for (size_t i = 0; i < count; i++) {
        place = next_place(place, expected[i], found);
    }
    if (problems_count(problems) != count) {
        fail_msg("%zu problems expected, found:\n%s", count, found);
    }
    assert_null(factory);
    free(found);
    problems_destroy(problems);
}

static const char smallest[] = "[link a]\nhost = 10.0.0.1\n"
                               "[machine m]\nlink = a\narea = hall\nmap = small.csv\n";

static void defaults_are_sane(void **state)
{
    (void)state;
    struct factory *factory = parse_right(smallest, NULL);
    assert_string_equal(factory->site.root, "formlab");
    assert_int_equal(factory->gateway.now_ms, 100);
    assert_true(factory->gateway.now_is_enabled);
    assert_int_equal(factory->broker.urls_count, 1);
    assert_int_equal(factory->broker.urls[0].port, 1883);
    assert_int_equal(factory->broker.version, MQTT_VERSION_5);
    assert_string_equal(factory->broker.ca_file, "");
    assert_string_equal(factory->journal.file, in_folder("formlab.db"));
    assert_int_equal(factory->journal.max_size_bytes, 1 << 30);
    assert_int_equal(factory->journal.max_age_s, 30 * 86400);
    assert_int_equal(factory->journal.commit_ms, 100);
    assert_int_equal(factory->journal.sync, JOURNAL_SYNC_FULL);
    assert_int_equal(factory->journal.mode, 0640);
    assert_string_equal(factory->web.listen, "");
    const struct link *link = &factory->links[0];
    assert_string_equal(link->driver, "modbus-tcp");
    assert_int_equal(link->port, 502);
    assert_int_equal(link->timeout_ms, 1000);
    assert_int_equal(link->gap_ms, 0);
    assert_int_equal(link->settle_ms, 0);
    assert_int_equal(link->max_registers, 125);
    assert_int_equal(link->max_bits, 2000);
    assert_int_equal(link->max_hole, 16);
    assert_int_equal(link->machines_count, 1);
    assert_int_equal(link->line, 1);
    const struct machine *machine = &factory->machines[0];
    assert_int_equal(machine->unit_id, 1);
    assert_int_equal(machine->every_ms, 1000);
    assert_int_equal(machine->base, 0);
    assert_int_equal(machine->record, RECORD_ALL);
    assert_int_equal(machine->now_ms, 100);
    assert_string_equal(machine->titles[2], "");
    assert_string_equal(machine->simulate, "");
    factory_destroy(factory);
}

static void what_is_written_is_taken(void **state)
{
    (void)state;
    struct factory *factory = parse_right(
        "\xEF\xBB\xBF# a comment\r\n[site]\r\nroot = fr/formlab # two levels\r\n"
        "[gateway]\nnow = off\n"
        "[broker]\nurl = mqtts://broker.example, mqtt://[::1]:1884\nversion = 3.1.1\n"
        "ca_file = ca.pem\nusername = u\npassword_file = /etc/secret\n"
        "[journal]\nfile = /var/x.db\nmax_size = 2 GiB\nsync = normal\nmode = 0644\ncommit = "
        "0\n"
        "[web]\nlisten = [::1]:8080\npower = z.total\n"
        "[link a]\nhost = [fe80::1]\nport = 5023\n[link b]\nhost = plc-1.example\ngap = 20 ms\n"
        "[machine z]\nlink = b\narea = hall\nmap = small.csv\nevery = 200 ms\nunit_id = 255\n"
        "record = changes\nheadline = fast\nnormal = -1.5..2e1\ntitle_fr = Fraiseuse "
        "\xC3\xA9t\xC3\xA9\n"
        "[machine y]\nlink = a\narea = hall\nmap = zero.csv\nnow = 1 s\n"
        "[machine x]\nlink = b\narea = hall\nmap = small.csv\nbase = 1\nunit_id = 0\n",
        NULL);
    assert_string_equal(factory->site.root, "fr/formlab");
    assert_int_equal(factory->broker.urls_count, 2);
    assert_true(factory->broker.urls[0].is_tls);
    assert_int_equal(factory->broker.urls[0].port, 8883);
    assert_string_equal(factory->broker.urls[1].host, "::1");
    assert_int_equal(factory->broker.urls[1].port, 1884);
    assert_int_equal(factory->broker.version, MQTT_VERSION_3_1_1);
    assert_string_equal(factory->broker.ca_file, in_folder("ca.pem"));
    assert_string_equal(factory->broker.password_file, "/etc/secret");
    assert_string_equal(factory->journal.file, "/var/x.db");
    assert_int_equal(factory->journal.mode, 0644);
    assert_int_equal(factory->journal.commit_ms, 0);
    assert_string_equal(factory->web.listen, "[::1]:8080");
    assert_string_equal(factory->links[0].host, "fe80::1");
    assert_int_equal(factory->links[1].machines_count, 2);
    assert_int_equal(factory->links[1].machines[0], 0);
    assert_int_equal(factory->links[1].machines[1], 2);
    assert_int_equal(factory->maps_count, 2);
    const struct machine *z = &factory->machines[0];
    assert_false(z->now_is_enabled);
    assert_int_equal(z->record, RECORD_CHANGES);
    assert_string_equal(z->headline->name, "fast");
    assert_true(z->normal.is_given);
    assert_int_equal(z->normal.low.mantissa, -15);
    assert_true(decimal_to_double(z->normal.high) == 20.0);
    assert_string_equal(factory->web.power.tag->name, "total");
    assert_ptr_equal(factory->web.power.machine, z);
    assert_null(factory->web.good.tag);
    assert_null(factory->machines[1].headline);
    assert_string_equal(z->titles[0], "Fraiseuse \xC3\xA9t\xC3\xA9");
    assert_true(factory->machines[1].now_is_enabled);
    assert_int_equal(factory->machines[1].now_ms, 1000);
    assert_ptr_equal(z->map, factory->machines[2].map);
    /* Three paces, ascending: of `fast`, of the machine, of `total`. */
    assert_int_equal(z->periods_count, 3);
    assert_int_equal(z->periods_ms[0], 50);
    assert_int_equal(machine_tag_period_ms(z, 0), 200);
    assert_int_equal(machine_tag_period_ms(z, 1), 5000);
    assert_int_equal(machine_tag_period_ms(z, 2), 50);
    assert_int_equal(machine_wire_address(z, &z->map->tags[0]), 1);
    assert_int_equal(machine_wire_address(&factory->machines[2], &z->map->tags[0]), 0);
    factory_destroy(factory);
}

static void one_run_tells_all_mistakes(void **state)
{
    (void)state;
    static const char text[] = "name = x\n"                               /* 1 */
                               "[site]\nroot = a//b\n"                    /* 3 */
                               "[brokr]\nurl = http://x\n"                /* 4, 5 */
                               "version = 4\n"                            /* 6 */
                               "[journal]\nfile = file:x.db\n"            /* 8 */
                               "max_size = 2\n"                           /* 9 */
                               "max_size = 2 GiB\n"                       /* 10 */
                               "[link a]\ndriver = modbus_tcp\n"          /* 12 */
                               "prot = 5\nhost = 1.2.3.256\n"             /* 13, 14 */
                               "[link b]\nhost = PLC\n"                   /* 15 */
                               "[link c]\nhost = plc\nport = 502\n"       /* 17: on 19 */
                               "[link b]\nhost = other\n"                 /* 20 */
                               "[machine M]\nlink = bb\n"                 /* 22, 23 */
                               "area = x/y\nunit_id = 250\n"              /* 24, 25 */
                               "map = none.csv\nevery = 1\n"              /* 26, 27 */
                               "[machine n]\nlink = b\narea = hall\n"     /* 28 */
                               "[nonsense]\nkey = value\n"                /* 31 */
                               "no setting\n"                             /* 33 */
                               "[site]\ntitle = x\n"                      /* 34 */
                               "[machine o]\nlink = b\nmap = wrong.csv\n" /* 36 */
                               "area = hall\nbase = 1\n"
                               "title_fr = \xFF\n"; /* 41 */
    static const char *const expected[] = {
        "main.conf:1: \"name\" stands before the first section",
        "main.conf:3: site/root: \"a//b\" is not accepted; accepted: topic levels",
        "main.conf:4: unknown section [brokr]; did you mean \"broker\"?",
        "main.conf:5: broker/url: \"http://x\" has no known scheme",
        "main.conf:6: broker/version: \"4\" is not accepted; accepted: 3.1.1, 5",
        "main.conf:8: journal/file: ",
        "main.conf:10: journal/max_size: the key is set already at ",
        "main.conf:12: link a/driver: \"modbus_tcp\" is not accepted; did you",
        "main.conf:13: link a/prot: unknown key; did you mean \"port\"?",
        "main.conf:14: link a/host: \"1.2.3.256\"",
        "main.conf:19: link c/port: host and port are those of [link b]",
        "main.conf:20: link b: the section stands already",
        "main.conf:22: machine M: \"M\" is no name",
        "main.conf:23: machine M/link: there is no [link bb]",
        "main.conf:24: machine M/area: \"x/y\"",
        "main.conf:25: machine M/unit_id: 250 is reserved",
        "none.csv\" cannot be read: No such file",
        "main.conf:27: machine M/every: \"1\" is not accepted; accepted: 5 ms to 1 d",
        "main.conf:28: machine n/map: is missing",
        "main.conf:31: unknown section [nonsense]; accepted: site",
        "main.conf:33: neither a [section] nor a setting",
        "main.conf:34: site: the section stands already",
        "main.conf:40: machine o/base: 1 leaves no address for \"a\"",
        "main.conf:41: bytes that are not UTF-8",
        "wrong.csv:3: b/table: unknown table \"40001\"",
        "wrong.csv:3: b/address: \"\" is no address",
        "wrong.csv:3: b/type: is missing",
    };
    expect(text, NULL, expected, COUNT(expected));
}

/* One mistake each, in front of what is right. */
static const struct {
    const char *text;
    const char *expected;
} single[] = {
    {"[broker]\nurl = mqtts://x\n", "broker/url: mqtts needs ca_file"},
    {"[broker]\nurl = mqtt://u:secret@x\n", "broker/url: holds a user or a password"},
    {"[broker]\nurl = mqtt://x:0\n", "\"mqtt://x:0\" is no address of a broker"},
    {"[broker]\nurl = mqtt://x,\n", "\"\" has no known scheme"},
    {"[broker]\nurl = mqtt://::1\n", "\"mqtt://::1\" is no address of a broker"},
    {"[broker]\nurl = mqtt://x/path\n", "is no address of a broker"},
    {"[broker]\ncert_file = x\n", "broker/cert_file: needs key_file"},
    {"[broker]\nkey_file = x\n", "broker/key_file: needs cert_file"},
    {"[broker]\npassword_file = x\n", "broker/password_file: needs username"},
    {"[journal]\nmode = 0240\n", "journal/mode: \"0240\""},
    {"[journal]\nmode = 0888\n", "journal/mode: \"0888\""},
    {"[journal]\nfile =\n", "journal/file: \"\" is not accepted"},
    {"[site x]\n", "takes no name"},
    {"[site]\nroot = a/#\n", "site/root: \"a/#\""},
    {"[site]\nroot = /a\n", "site/root: \"/a\""},
    {"[site]\nroot =\n", "site/root: \"\""},
    {"[site]\nroot = $SYS\n", "site/root: \"$SYS\""},
    {"[gateway]\nname = A\n", "gateway/name: \"A\""},
    {"[gateway]\nnow = of\n", "gateway/now: \"of\" is not accepted"},
    {"[web]\nlisten = 8080\n", "web/listen: \"8080\""},
    {"[web]\nlisten = x:99999\n", "web/listen: \"x:99999\""},
    {"[web]\npower = m\n", "web/power: \"m\" is not accepted; accepted: MACHINE.TAG"},
    {"[web]\ngood = mm.slow\n", "there is no [machine mm]; did you mean \"m\"?"},
    {"[web]\nscrap = m.no_such_tag_here\n", "web/scrap: there is no tag \"no_such_tag_here\""},
    {"[machine n]\nlink = a\narea = x\nmap = small.csv\nheadline = totol\n",
     "machine n/headline: there is no tag \"totol\"; did you mean \"total\"?"},
    {"[machine n]\nlink = a\narea = x\nmap = small.csv\nnormal = 1 .. 2\n",
     "machine n/normal: needs headline"},
    {"[machine n]\nlink = a\narea = x\nmap = small.csv\nheadline = total\nnormal = 2 .. 1\n",
     "machine n/normal: \"2 .. 1\" is not accepted; accepted: two numbers"},
    {"[link b\nhost = x\nnonsense = y\n", "main.conf:1: a section's line ends with ]"},
    {"[link]\nhost = x\n", "link: \"\" is no name"},
    {"[link b]\n", "link b/host: is missing"},
    {"[link b]\nhost = x\nport = 0\n", "link b/port: \"0\""},
    {"[link b]\nhost = x\nmax_registers = 126\n",
     "\"126\" is not accepted; accepted: 1 to 125"},
    {"[link b]\nhost = x\ntimeout = 5\n", "link b/timeout: \"5\""},
    {"[link b]\nhost = 10.0.0.1\n", "link a/port: host and port are those of [link b]"},
    {"include = nowhere.conf\n", "include: \"nowhere.conf\" cannot be read"},
    {"include = .\n", "is a directory"},
    {"[machine m]\nlink = a\narea = x\nmap = small.csv\n",
     "machine m: the section stands already"},
    {"[machine n]\nlink = a\narea = x\nmap = paces.csv\n",
     "machine n/map: its tags have too many"},
    {"[machine n]\nlink = a\narea = x\nmap = .\n", "is a directory"},
    {"[machine n]\nlink = a\narea = _gateway\nmap = small.csv\n",
     "machine n/area: \"_gateway\""},
    {"[machine n]\nlink = a\narea = x\nmap = small.csv\nrecord = change\n",
     "did you mean \"changes\"?"},
    {"[link s]\nhost = s\nmax_registers = 1\n[machine n]\nlink = s\narea = x\nmap = "
     "long.csv\n",
     "long.csv\" cannot be read"},
    {"[machine n]\nlinc = a\nlink = a\narea = x\nmap = small.csv\n",
     "machine n/linc: unknown key; did you mean \"link\"?"},
};

static void single_mistakes(void **state)
{
    (void)state;
    write_file("paces.csv", "tag,table,address,type,every\n"
                            "a,coil,0,,1 s\nb,coil,0,,2 s\nc,coil,0,,3 s\nd,coil,0,,4 s\n"
                            "e,coil,0,,5 s\nf,coil,0,,6 s\ng,coil,0,,7 s\nh,coil,0,,8 s\n"
                            "i,coil,0,,9 s\nj,coil,0,,10 s\nk,coil,0,,11 s\nl,coil,0,,12 s\n"
                            "m,coil,0,,13 s\nn,coil,0,,14 s\no,coil,0,,15 s\np,coil,0,,16 s\n"
                            "u,coil,0,,17 s\n");
    for (size_t i = 0; i < COUNT(single); i++) {
        char text[600];
        (void)snprintf(text, sizeof text, "%s%s", single[i].text, smallest);
        expect(text, NULL, &single[i].expected, 1);
    }
}

static void long_tags_need_their_registers(void **state)
{
    (void)state;
    static const char *const expected[] = {
        "machine m/map: \"speed\" ",
        "machine m/map: \"total\" ",
    };
    expect("[link a]\nhost = x\nmax_registers = 1\n"
           "[machine m]\nlink = a\narea = hall\nmap = small.csv\n",
           NULL, expected, COUNT(expected));
}

/* Else the exponent is not there on the beats that read the value. */
static void a_value_and_its_exponent_have_one_pace(void **state)
{
    (void)state;
    static const char text[] = "[link a]\nhost = x\n"
                               "[machine m]\nlink = a\narea = hall\nmap = power.csv\n";
    char same[sizeof text + sizeof "every = 5 s\n"];
    char wanted[2 * PATH_SIZE];
    const char *expected = wanted;
    write_file("power.csv", "tag,table,address,type,scale_tag,every\n"
                            "w,holding,0,int16,w_sf,5 s\n"
                            "w_sf,holding,1,int16,,\n"
                            "a,holding,2,int16,a_sf,\n"
                            "a_sf,holding,3,int16,,\n");
    (void)snprintf(wanted, sizeof wanted,
                   "main.conf:6: machine m/map: \"w\" (%s:2) is read every 5000 ms, its "
                   "scale_tag \"w_sf\" every 1000 ms; accepted: one pace (column every) for "
                   "both\n",
                   in_folder("power.csv"));
    expect(text, NULL, &expected, 1);
    (void)snprintf(same, sizeof same, "%severy = 5 s\n", text);
    factory_destroy(parse_right(same, NULL));
}

static void includes_are_read_once(void **state)
{
    (void)state;
    write_file("more.conf", "[machine m]\nlink = a\narea = hall\nmap = small.csv\n");
    struct factory *factory = parse_right("[link a]\ninclude = more.conf\nhost = x\n", NULL);
    assert_int_equal(factory->machines_count, 1);
    factory_destroy(factory);
    write_file("loop.conf",
               "include = main.conf\ninclude = loop.conf\n[link b]\nhost = y\nport = x\n");
    write_file("main.conf", "include = loop.conf\n[link a]\nhost = x\ninclude = more.conf\n");
    static const char *const expected[] = {
        "loop.conf:1: include: \"main.conf\" is read already",
        "loop.conf:2: include: \"loop.conf\" is read already",
        "loop.conf:5: link b/port: \"x\"",
    };
    expect("include = loop.conf\n[link a]\nhost = x\ninclude = more.conf\n", NULL, expected,
           COUNT(expected));
}

static void the_command_line_overrides(void **state)
{
    (void)state;
    static const char *const right[] = {"link a.port=5000", "site.title=Hall = 1",
                                        "web.listen=[::1]:80", "machine m.every=20 ms",
                                        "link a.port=6000"};
    struct factory_overrides overrides = {right, COUNT(right), 5};
    struct factory *factory = parse_right(smallest, &overrides);
    assert_int_equal(factory->links[0].port, 6005);
    assert_string_equal(factory->site.title, "Hall = 1");
    assert_int_equal(factory->machines[0].every_ms, 20);
    factory_destroy(factory);

    static const char *const wrong[] = {
        "link a.port=0", "link b.port=1", "lnik a.port=1",
        "port=5",        "link a.prot=1", "link.port=1",
        "site x.root=y", "nonsense",      "machine m.map=nowhere.csv"};
    static const char *const expected[] = {
        "--set link b.port=1: there is no [link b]",
        "--set lnik a.port=1: unknown section \"lnik\"; did you mean \"link\"?",
        "--set port=5: is no setting",
        "--set link a.prot=1: link a/prot: unknown key; did you mean \"port\"?",
        "--set link.port=1: [link] needs a name",
        "--set site x.root=y: [site] takes no name",
        "--set nonsense: is no setting",
        "--set link a.port=0: link a/port: \"0\" is not accepted",
        "--set machine m.map=nowhere.csv: machine m/map: \"nowhere.csv\" cannot be read",
    };
    overrides = (struct factory_overrides){wrong, COUNT(wrong), 0};
    expect(smallest, &overrides, expected, COUNT(expected));
}

static void port_offsets_stay_in_range(void **state)
{
    (void)state;
    static const char *const expected[] = {
        "link a/port: 502 with --port-offset 65500 is no port"};
    struct factory_overrides overrides = {NULL, 0, 65500};
    expect(smallest, &overrides, expected, 1);
    overrides.port_offset = -502;
    static const char *const below[] = {"link a/port: 502 with --port-offset -502"};
    expect(smallest, &overrides, below, 1);
}

static void a_required_key_may_come_from_the_command_line(void **state)
{
    (void)state;
    static const char *const settings[] = {"link a.host=10.0.0.9"};
    struct factory_overrides overrides = {settings, 1, 0};
    struct factory *factory = parse_right(
        "[link a]\n[machine m]\nlink = a\narea = hall\nmap = small.csv\n", &overrides);
    assert_string_equal(factory->links[0].host, "10.0.0.9");
    factory_destroy(factory);
}

static void files_that_cannot_be_read(void **state)
{
    (void)state;
    static const char *const paths[] = {"/nonexistent/formlab.conf", "/tmp", "/dev/zero"};
    for (size_t i = 0; i < COUNT(paths); i++) {
        struct problems *problems = problems_create();
        assert_null(factory_load(paths[i], NULL, problems));
        assert_int_equal(problems_count(problems), 1);
        problems_destroy(problems);
    }
    static const char *const nobody[] = {"main.conf: there is no machine"};
    expect("", NULL, nobody, 1);
}

static void terminals_are_not_harmed(void **state)
{
    (void)state;
    struct problems *problems = problems_create();
    problems_add(problems, "x\x1B[2J", 1, "a/b", "%s", "bell \a, C1 \xC2\x9B, newline \n");
    for (int i = 0; i < 300; i++) {
        problems_add(problems, "x", 1, NULL, "again");
    }
    char *found = printed(problems);
    assert_null(strpbrk(found, "\x1B\a"));
    assert_null(strstr(found, "\xC2\x9B"));
    assert_non_null(strstr(found, "101 more"));
    assert_int_equal(problems_count(problems), 301);
    free(found);
    problems_destroy(problems);
}

static void keys_are_listed(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    assert_non_null(stream);
    factory_print_keys(stream);
    (void)fclose(stream);
    static const char *const expected[] = {"max_size",        "256 KiB to 1 TiB", "5 ms to 1 d",
                                           "(must be given)", "full|normal",      "include"};
    for (size_t i = 0; i < COUNT(expected); i++) {
        assert_non_null(strstr(text, expected[i]));
    }
    free(text);
}

/* 1000 links with a machine each: no search may be quadratic. The limit leaves room for
 * sanitizers. */
static void large_factories_load_quickly(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    assert_non_null(stream);
    for (int i = 0; i < FACTORY_LINKS_MAX; i++) {
        (void)fprintf(stream,
                      "[link l%d]\nhost = 10.0.%d.%d\n[machine m%d]\nlink = l%d\narea = hall\n"
                      "map = small.csv\n",
                      i, i / 250, i % 250 + 1, i, i);
    }
    (void)fclose(stream);
    struct timespec started;
    struct timespec ended;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &started);
    struct factory *factory = parse_right(text, NULL);
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ended);
    assert_int_equal(factory->links_count, FACTORY_LINKS_MAX);
    assert_int_equal(factory->links[999].machines[0], 999);
    assert_true(ended.tv_sec - started.tv_sec < 3);
    factory_destroy(factory);
    char *one_more = NULL;
    assert_true(asprintf(&one_more, "%s[link more]\nhost = x\n", text) > 0);
    static const char *const expected[] = {"main.conf: 1001 links are too many"};
    expect(one_more, NULL, expected, 1);
    free(one_more);
    free(text);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_sane),
        cmocka_unit_test(what_is_written_is_taken),
        cmocka_unit_test(one_run_tells_all_mistakes),
        cmocka_unit_test(single_mistakes),
        cmocka_unit_test(long_tags_need_their_registers),
        cmocka_unit_test(a_value_and_its_exponent_have_one_pace),
        cmocka_unit_test(includes_are_read_once),
        cmocka_unit_test(the_command_line_overrides),
        cmocka_unit_test(port_offsets_stay_in_range),
        cmocka_unit_test(a_required_key_may_come_from_the_command_line),
        cmocka_unit_test(files_that_cannot_be_read),
        cmocka_unit_test(terminals_are_not_harmed),
        cmocka_unit_test(keys_are_listed),
        cmocka_unit_test(large_factories_load_quickly),
    };
    return cmocka_run_group_tests(tests, create_folder, remove_folder);
}

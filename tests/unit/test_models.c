/* Claim: the line's physics lands on the reference model, one seed gives one history at any
 * speed, and every tag of the three machines is plausible and moves. */
#include "simulator/world.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

enum { MACHINES = 4, STEPS_2_H = 72000 };

static const char *const models[MACHINES] = {"mill", "oven", "meter", "pattern"};

static const char *const rows[MACHINES] = {
    "state,input,0,uint16,,\nspindle_speed,input,2,float32,CDAB,\n"
    "spindle_temp,input,8,float32,CDAB,\nvibration_rms,input,10,float32,CDAB,\n"
    "pos_x,input,12,int32,CDAB,\nparts_total,input,30,uint32,CDAB,\n"
    "net_position_error_sum,input,40,int64,GHEFCDAB,\ncmd_hold,coil,0,bool,,rw\n"
    "feed_override,holding,100,uint16,,rw\ndoor_closed,discrete,0,bool,,\n",
    "chamber_temp,holding,0,int16,,\nsetpoint,holding,1,int16,,rw\n"
    "cure_remaining,holding,5,uint16,,\nenergy,holding,8,uint32,,\n",
    "voltage_l1_n,input,1,float32,,\nfrequency,input,55,float32,,\n"
    "total_active_power,input,65,float32,,\nactive_energy_import_t1,input,801,float64,,\n"
    "nobody_knows_this,input,900,uint16,,\n",
    "a,input,0,uint16,,\nb,input,1,float32,,\nc,input,3,bit:0,,\nd,input,4,string:6,,\n"
    "e,holding,0,bcd32,,\nf,holding,2,mod10k4,,\ng,holding,6,datetime4,,\n"
    "stamp,holding,10,uint64,,\n",
};

struct plant {
    struct problems *problems;
    struct map *maps[MACHINES];
    struct machine machines[MACHINES];
    struct link link;
    struct factory factory;
    struct faults *faults;
    struct world *world;
};

static void make_plant(struct plant *plant, uint64_t seed, const char *const *scene)
{
    *plant = (struct plant){.problems = problems_create(), .faults = faults_create(NULL)};
    for (size_t i = 0; i < MACHINES; i++) {
        char csv[1024];
        const char *head = "tag,table,address,type,order,access\n";
        (void)snprintf(csv, sizeof csv, "%s%s", head, rows[i]);
        plant->maps[i] = map_parse("test.csv", csv, strlen(csv), plant->problems);
        plant->machines[i] = (struct machine){
            .name = models[i], .map = plant->maps[i], .simulate = models[i], .unit_id = 1};
    }
    plant->link = (struct link){.name = "line"};
    plant->factory = (struct factory){.path = "test.conf",
                                      .links = &plant->link,
                                      .links_count = 1,
                                      .machines = plant->machines,
                                      .machines_count = MACHINES};
    for (; scene != NULL && *scene != NULL; scene++) {
        struct fault_error error = {""};
        (void)faults_add(plant->faults, *scene, 0, &error);
        assert_string_equal(error.text, "");
    }
    plant->world = world_create(&plant->factory, seed, plant->faults, plant->problems);
    problems_print(plant->problems, stderr);
    assert_int_equal(problems_count(plant->problems), 0);
    assert_non_null(plant->world);
}

static void end_plant(struct plant *plant)
{
    world_destroy(plant->world);
    faults_destroy(plant->faults);
    for (size_t i = 0; i < MACHINES; i++) {
        map_destroy(plant->maps[i]);
    }
    problems_destroy(plant->problems);
}

static uint64_t hash(struct plant *plant)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < MACHINES; i++) {
        sum =
            sum * 31 + registers_hash(world_read(plant->world, world_unit(plant->world, i), 5));
    }
    return sum;
}

static double value(struct plant *plant, size_t machine, const char *tag)
{
    const struct registers *registers =
        world_read(plant->world, world_unit(plant->world, machine), 5);
    const struct map *map = registers_map(registers);
    return registers_get_number(registers, (size_t)(map_find(map, tag) - map->tags));
}

static void test_same_seed_same_history(void **state)
{
    (void)state;
    static const char *const scene[] = {"stuck target=mill tag=pos_x start=120s duration=30s",
                                        "set tag=jam value=0.5 start=60s",
                                        "raw target=oven tag=energy start=90s duration=2s",
                                        NULL};
    struct plant slow;
    struct plant fast;
    struct plant other;
    make_plant(&slow, 7, scene);
    make_plant(&fast, 7, scene);
    make_plant(&other, 8, scene);
    bool differs = false;
    for (int64_t step = 6; step <= 3000; step += 6) {
        /* 10 ms at speed 60 are six steps. */
        assert_int_equal(world_advance(fast.world, step / 6 * 10000, 60.0), 0);
        for (int64_t i = step - 5; i <= step; i++) {
            assert_int_equal(world_advance(slow.world, i * 100000, 1.0), 0);
            (void)hash(&slow); /* being read changes nothing */
        }
        assert_int_equal(world_advance(other.world, step * 100000, 1.0), 0);
        assert_int_equal(world_steps(slow.world), step);
        assert_int_equal(world_steps(fast.world), step);
        assert_true(hash(&slow) == hash(&fast));
        differs = differs || hash(&other) != hash(&slow);
    }
    assert_true(differs);
    end_plant(&slow);
    end_plant(&fast);
    end_plant(&other);
}

/* Claim: noise has its seed too. The tag counts, whatever the seed: only the noise can differ.
 */
static void test_noise_follows_the_seed(void **state)
{
    (void)state;
    static const char *const scene[] = {"noise target=pattern tag=a value=50", NULL};
    struct plant first;
    struct plant again;
    struct plant other;
    make_plant(&first, 7, scene);
    make_plant(&again, 7, scene);
    make_plant(&other, 8, scene);
    unsigned differing = 0;
    for (int64_t step = 501; step <= 600; step++) {
        (void)world_advance(first.world, step * 100000, 1.0);
        (void)world_advance(again.world, step * 100000, 1.0);
        (void)world_advance(other.world, step * 100000, 1.0);
        int number = (int)value(&first, 3, "a");
        assert_int_equal((int)value(&again, 3, "a"), number);
        differing += (int)value(&other, 3, "a") != number ? 1 : 0;
    }
    assert_in_range(differing, 90, 100);
    end_plant(&first);
    end_plant(&again);
    end_plant(&other);
}

/* Claim: who names a link means the line of the machines behind it. */
static void test_a_parameter_is_set_by_link(void **state)
{
    (void)state;
    static const struct {
        const char *fault;
        double leak;
    } faults[] = {
        {"set target=line tag=seal_leak value=2", 2.0}, /* the link's name */
        {"set target=oven tag=seal_leak value=3", 3.0},
        {"set target=pattern tag=seal_leak value=4", 0.0}, /* of no line */
        {"set target=other tag=seal_leak value=5", 0.0},
    };
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        struct plant plant;
        const char *const scene[] = {faults[i].fault, NULL};
        print_message("%s\n", faults[i].fault);
        make_plant(&plant, 7, scene);
        world_step(plant.world);
        double leak = world_line(plant.world, 0)->parameters.seal_leak;
        assert_true(leak >= faults[i].leak && leak <= faults[i].leak);
        end_plant(&plant);
    }
}

static void test_a_stall_is_skipped(void **state)
{
    (void)state;
    struct plant plant;
    make_plant(&plant, 1, NULL);
    uint64_t skipped = world_advance(plant.world, INT64_C(3600) * 1000000 * 24, 1.0);
    assert_true(skipped > 0);
    assert_int_equal(world_steps(plant.world) + skipped, 24 * 36000);
    assert_int_equal(world_advance(plant.world, INT64_C(3600) * 1000000 * 24, 1.0), 0);
    assert_int_equal(world_advance(plant.world, INT64_C(3600) * 1000000 * 24 + 100000, 1.0), 0);
    assert_int_equal(world_steps(plant.world) + skipped, 24 * 36000 + 1);
    end_plant(&plant);
}

#define CLEAN "set tag=microstop value=0", "set tag=mtbf value=1e9"

struct reference {
    const char *name;
    const char *scene[5];
    double milled;
    double line_kwh;
};

static const struct reference references[] = {
    {"clean", {CLEAN}, 291, 8.92},
    {"oven seal 2 W/K", {CLEAN, "set tag=seal_leak value=2"}, 291, 9.45},
    {"oven seal 4 W/K", {CLEAN, "set tag=seal_leak value=4"}, 233, 9.24},
    {"air leak 40 %", {CLEAN, "set tag=leak value=0.4"}, 291, 9.97},
    {"cobot 1.5", {CLEAN, "set tag=cobot_slow value=1.5"}, 291, 9.02},
    {"cobot 2.0", {CLEAN, "set tag=cobot_slow value=2"}, 237, 8.56},
    {"bearing", {CLEAN, "set tag=jam value=0.5"}, 291, 9.39},
    {"no transport", {CLEAN, "set tag=amr_ok value=0"}, 15, 5.83},
};

static void test_reference_results(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof references / sizeof references[0]; i++) {
        const struct reference *reference = &references[i];
        struct plant plant;
        make_plant(&plant, 1, reference->scene);
        double before_wh = value(&plant, 2, "active_energy_import_t1");
        for (unsigned step = 0; step < STEPS_2_H; step++) {
            world_step(plant.world);
        }
        const struct line *line = world_line(plant.world, 0);
        double kwh = (value(&plant, 2, "active_energy_import_t1") - before_wh) / 1000.0;
        print_message("%-16s milled %lu (%g) good %lu bad %lu, %.2f kWh (%.2f)\n",
                      reference->name, line->milled, reference->milled, line->good, line->scrap,
                      kwh, reference->line_kwh);
        assert_true(fabs((double)line->milled - reference->milled) <=
                    fmax(1.0, 0.02 * reference->milled));
        assert_true(fabs(kwh - reference->line_kwh) <= 0.02 * reference->line_kwh);
        end_plant(&plant);
    }
}

static void check_range(struct plant *plant, size_t machine, const char *tag, double least,
                        double greatest)
{
    double now = value(plant, machine, tag);
    if (!(now >= least && now <= greatest)) {
        print_error("%s is %g, outside %g … %g\n", tag, now, least, greatest);
        fail();
    }
}

static void test_values_are_plausible(void **state)
{
    (void)state;
    struct plant plant;
    make_plant(&plant, 3, NULL);
    double parts = value(&plant, 0, "parts_total");
    for (unsigned step = 0; step < 36000; step++) {
        world_step(plant.world);
        check_range(&plant, 0, "spindle_speed", 0, 9010);
        check_range(&plant, 0, "spindle_temp", 20, 60);
        check_range(&plant, 0, "vibration_rms", 0, 6);
        check_range(&plant, 1, "chamber_temp", 140, 165); /* no scale in this map */
        check_range(&plant, 2, "voltage_l1_n", 215, 245);
        check_range(&plant, 2, "frequency", 49.8, 50.2);
        check_range(&plant, 2, "total_active_power", 500, 8000);
        double now = value(&plant, 0, "parts_total");
        assert_true(now >= parts);
        parts = now;
    }
    assert_true(parts > 48300);
    assert_int_equal((int)value(&plant, 2, "nobody_knows_this"), 0);
    end_plant(&plant);
}

static void test_hold_command(void **state)
{
    (void)state;
    struct plant plant;
    make_plant(&plant, 3, NULL);
    struct world_unit *mill = world_unit(plant.world, 0);
    for (unsigned step = 0; step < 600; step++) {
        world_step(plant.world);
    }
    (void)world_read(plant.world, mill, 5);
    uint16_t *coil = registers_find_writable(mill->registers, TABLE_COIL, 0, 1);
    assert_non_null(coil);
    *coil = 1;
    world_written(mill, TABLE_COIL, 0, 1);
    for (unsigned step = 0; step < 600; step++) {
        world_step(plant.world);
    }
    assert_int_equal((int)value(&plant, 0, "state"), LINE_HELD);
    end_plant(&plant);
}

static void test_pattern_changes_with_each_step(void **state)
{
    (void)state;
    struct plant plant;
    make_plant(&plant, 3, NULL);
    struct world_unit *unit = world_unit(plant.world, 3);
    for (unsigned step = 0; step < 1000; step++) {
        uint16_t before[10];
        memcpy(before, registers_find(world_read(plant.world, unit, 5), TABLE_INPUT, 0, 7), 14);
        world_step(plant.world);
        const uint16_t *now =
            registers_find(world_read(plant.world, unit, 9), TABLE_INPUT, 0, 7);
        assert_int_not_equal(before[0], now[0]);
        assert_memory_not_equal(before + 1, now + 1, 4);
        assert_int_not_equal(before[3], now[3]);
        assert_memory_not_equal(before + 4, now + 4, 6);
        const uint16_t *holding = registers_find(unit->registers, TABLE_HOLDING, 0, 14);
        for (unsigned i = 2; i < 6; i++) {
            assert_true(holding[i] < 10000);
        }
        assert_int_equal(holding[13], 9); /* the stamp is the moment of reading */
    }
    end_plant(&plant);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_seed_same_history),
        cmocka_unit_test(test_noise_follows_the_seed),
        cmocka_unit_test(test_a_parameter_is_set_by_link),
        cmocka_unit_test(test_a_stall_is_skipped),
        cmocka_unit_test(test_reference_results),
        cmocka_unit_test(test_values_are_plausible),
        cmocka_unit_test(test_hold_command),
        cmocka_unit_test(test_pattern_changes_with_each_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

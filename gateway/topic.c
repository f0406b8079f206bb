#include "gateway/topic.h"

#include <stdbool.h>

static const char *slash(const char *name)
{
    return name != NULL ? "/" : "";
}

static const char *text(const char *name)
{
    return name != NULL ? name : "";
}

void topic_of_machine(const struct factory *factory, size_t machine, const char *leaf,
                      const char *name, char topic[static TOPIC_SIZE])
{
    const struct machine *of = &factory->machines[machine];
    (void)snprintf(topic, TOPIC_SIZE, "%s/%s/%s/%s%s%s", factory->site.root, of->area, of->name,
                   leaf, slash(name), text(name));
}

void topic_of_gateway(const struct factory *factory, const char *leaf, const char *name,
                      char topic[static TOPIC_SIZE])
{
    (void)snprintf(topic, TOPIC_SIZE, "%s/_gateway/%s/%s%s%s", factory->site.root,
                   factory->gateway.name, leaf, slash(name), text(name));
}

void topic_below_root(const struct factory *factory, const char *path, const char *leaf,
                      char topic[static TOPIC_SIZE])
{
    (void)snprintf(topic, TOPIC_SIZE, "%s/%s%s%s", factory->site.root, path, slash(leaf),
                   text(leaf));
}

static void print_leaves(const struct factory *factory, size_t machine,
                         const char *const *leaves, const char *name, FILE *stream)
{
    char topic[TOPIC_SIZE];
    for (; *leaves != NULL; leaves++) {
        topic_of_machine(factory, machine, *leaves, name, topic);
        (void)fprintf(stream, "%s\n", topic);
    }
}

void topic_print_all(const struct factory *factory, FILE *stream)
{
    static const char *const of_machine[] = {"status", "info", "snapshot", "samples", NULL};
    static const char *const of_tag[] = {"now", "meta", NULL};
    static const char *const of_silent_tag[] = {"meta", NULL};
    static const char *const of_gateway[] = {"status", "info", "stats", NULL};
    static const char *const machine_events[] = {"link-lost", "link-back", NULL};
    static const char *const gateway_events[] = {
        "backlog-started", "backlog-drained", "evicted",         "rejected",
        "damaged",         "journal-held",    "journal-damaged", NULL};
    char topic[TOPIC_SIZE];
    for (const char *const *leaf = of_gateway; *leaf != NULL; leaf++) {
        topic_of_gateway(factory, *leaf, NULL, topic);
        (void)fprintf(stream, "%s\n", topic);
    }
    for (const char *const *event = gateway_events; *event != NULL; event++) {
        topic_of_gateway(factory, "event", *event, topic);
        (void)fprintf(stream, "%s\n", topic);
    }
    for (size_t at = 0; at < factory->machines_count; at++) {
        const struct machine *machine = &factory->machines[at];
        print_leaves(factory, at, of_machine, NULL, stream);
        for (size_t tag = 0; tag < machine->map->tags_count; tag++) {
            print_leaves(factory, at, machine->now_is_enabled ? of_tag : of_silent_tag,
                         machine->map->tags[tag].name, stream);
        }
        for (const char *const *event = machine_events; *event != NULL; event++) {
            topic_of_machine(factory, at, "event", *event, topic);
            (void)fprintf(stream, "%s\n", topic);
        }
    }
}

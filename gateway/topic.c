#include "gateway/topic.h"

#include <stdbool.h>

const char *const topic_events[] = {
    [TOPIC_BACKLOG_STARTED] = "backlog-started",
    [TOPIC_BACKLOG_DRAINED] = "backlog-drained",
    [TOPIC_EVICTED] = "evicted",
    [TOPIC_REJECTED] = "rejected",
    [TOPIC_DAMAGED] = "damaged",
    [TOPIC_JOURNAL_HELD] = "journal-held",
    [TOPIC_JOURNAL_DAMAGED] = "journal-damaged",
    [TOPIC_JOURNAL_SALVAGED] = "journal-salvaged",
    [TOPIC_EVENTS_COUNT] = NULL,
};

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

static void visit_leaves(const struct topic_visit *visit, const char *const *leaves,
                         const char *name, size_t tag)
{
    for (; *leaves != NULL; leaves++) {
        visit->see(visit->context, *leaves, name, tag);
    }
}

static void visit_events(const struct topic_visit *visit, const char *const *events)
{
    for (; *events != NULL; events++) {
        visit->see(visit->context, "event", *events, TOPIC_OF_NO_TAG);
    }
}

void topic_visit_gateway(const struct topic_visit *visit)
{
    static const char *const leaves[] = {"status", "info", "stats", NULL};
    visit_leaves(visit, leaves, NULL, TOPIC_OF_NO_TAG);
    visit_events(visit, topic_events);
}

void topic_visit_machine(const struct machine *machine, const struct topic_visit *visit)
{
    static const char *const of_machine[] = {"status", "info", "snapshot", "samples", NULL};
    static const char *const of_tag[] = {"now", "meta", NULL};
    static const char *const of_silent_tag[] = {"meta", NULL};
    static const char *const events[] = {"link-lost", "link-back", NULL};
    visit_leaves(visit, of_machine, NULL, TOPIC_OF_NO_TAG);
    for (size_t tag = 0; tag < machine->map->tags_count; tag++) {
        visit_leaves(visit, machine->now_is_enabled ? of_tag : of_silent_tag,
                     machine->map->tags[tag].name, tag);
    }
    visit_events(visit, events);
}

/* What is being printed. */
struct printing {
    const struct factory *factory;
    size_t machine;
    bool is_of_gateway;
    FILE *stream;
};

static void print_topic(void *context, const char *leaf, const char *name, size_t tag)
{
    const struct printing *printing = context;
    char topic[TOPIC_SIZE];
    (void)tag;
    if (printing->is_of_gateway) {
        topic_of_gateway(printing->factory, leaf, name, topic);
    } else {
        topic_of_machine(printing->factory, printing->machine, leaf, name, topic);
    }
    (void)fprintf(printing->stream, "%s\n", topic);
}

void topic_print_all(const struct factory *factory, FILE *stream)
{
    struct printing printing = {.factory = factory, .is_of_gateway = true, .stream = stream};
    struct topic_visit visit = {.see = print_topic, .context = &printing};
    topic_visit_gateway(&visit);
    printing.is_of_gateway = false;
    for (size_t at = 0; at < factory->machines_count; at++) {
        printing.machine = at;
        topic_visit_machine(&factory->machines[at], &visit);
    }
}

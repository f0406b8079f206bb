#include "gateway/births.h"

#include <stdlib.h>
#include <string.h>

#include "config/memory.h"
#include "gateway/clock.h"
#include "gateway/payload.h"
#include "gateway/topic.h"

enum stage {
    STAGE_STATUS,
    STAGE_INFO,
    STAGE_CLEAR,
    STAGE_META,
    STAGE_OFFLINE,
    STAGE_MACHINES_OFFLINE,
    STAGE_END,
};

struct births {
    const struct factory *factory;
    char *const *obsolete;
    size_t obsolete_count;
    struct gateway_info info;
    enum stage stage;
    size_t index; /* of the obsolete topic or the machine */
    size_t tag;
    bool is_built;
    struct mqtt_message message;
    char topic[TOPIC_SIZE];
    char payload[PAYLOAD_META_SIZE];
};

struct births *births_create(const struct factory *factory, char *const *obsolete,
                             size_t obsolete_count, const struct gateway_info *info)
{
    struct births *births = memory_allocate(1, sizeof *births);
    births->factory = factory;
    births->obsolete = obsolete;
    births->obsolete_count = obsolete_count;
    births->info = *info;
    births->stage = STAGE_END;
    return births;
}

void births_destroy(struct births *births)
{
    free(births);
}

static void begin(struct births *births, enum stage stage)
{
    births->stage = stage;
    births->index = 0;
    births->tag = 0;
    births->is_built = false;
}

void births_begin(struct births *births)
{
    begin(births, STAGE_STATUS);
}

void births_begin_farewell(struct births *births)
{
    begin(births, STAGE_OFFLINE);
}

/* Moves on to the next stage that has a message at the present index. */
static void skip_empty(struct births *births)
{
    const struct factory *factory = births->factory;
    if (births->stage == STAGE_CLEAR && births->index >= births->obsolete_count) {
        begin(births, STAGE_META);
    }
    if (births->stage == STAGE_META) {
        while (births->index < factory->machines_count &&
               births->tag >= factory->machines[births->index].map->tags_count) {
            births->index++;
            births->tag = 0;
        }
    }
    bool is_of_machine = births->stage == STAGE_META || births->stage == STAGE_MACHINES_OFFLINE;
    if (is_of_machine && births->index >= factory->machines_count) {
        begin(births, STAGE_END);
    }
}

static void set_word(struct births *births, const char *word)
{
    births->message.length = strlen(word);
    memcpy(births->payload, word, births->message.length + 1);
}

static void build(struct births *births)
{
    const struct factory *factory = births->factory;
    struct mqtt_message *message = &births->message;
    *message = (struct mqtt_message){
        .topic = births->topic, .payload = births->payload, .qos = 1, .is_retained = true};
    switch (births->stage) {
    case STAGE_STATUS:
    case STAGE_OFFLINE:
        topic_of_gateway(factory, "status", NULL, births->topic);
        set_word(births, births->stage == STAGE_STATUS ? "online" : "offline");
        break;
    case STAGE_INFO:
        topic_of_gateway(factory, "info", NULL, births->topic);
        message->is_json = true;
        message->length = payload_gateway_info(factory, &births->info, births->payload,
                                               sizeof births->payload);
        break;
    case STAGE_CLEAR:
        topic_below_root(factory, births->obsolete[births->index], NULL, births->topic);
        set_word(births, "");
        break;
    case STAGE_META:
        topic_of_machine(factory, births->index, "meta",
                         factory->machines[births->index].map->tags[births->tag].name,
                         births->topic);
        message->qos = 0;
        message->is_json = true;
        message->length = payload_meta(factory, births->index, births->tag, births->payload,
                                       sizeof births->payload);
        break;
    case STAGE_MACHINES_OFFLINE:
        topic_of_machine(factory, births->index, "status", NULL, births->topic);
        set_word(births, "offline");
        break;
    case STAGE_END: break;
    }
}

const struct mqtt_message *births_peek(struct births *births)
{
    skip_empty(births);
    if (births->stage == STAGE_END) {
        return NULL;
    }
    if (!births->is_built) {
        build(births);
        births->is_built = true;
    }
    return &births->message;
}

void births_advance(struct births *births)
{
    static const enum stage next[] = {
        [STAGE_STATUS] = STAGE_INFO,
        [STAGE_INFO] = STAGE_CLEAR,
        [STAGE_OFFLINE] = STAGE_MACHINES_OFFLINE,
        [STAGE_END] = STAGE_END,
    };
    births->is_built = false;
    switch (births->stage) {
    case STAGE_STATUS:
    case STAGE_INFO:
    case STAGE_OFFLINE:
    case STAGE_END: begin(births, next[births->stage]); break;
    case STAGE_CLEAR:
    case STAGE_MACHINES_OFFLINE: births->index++; break;
    case STAGE_META: births->tag++; break;
    }
}

bool births_is_clearing(const struct births *births)
{
    return births->stage == STAGE_CLEAR;
}

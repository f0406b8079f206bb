#include "gateway/uplink.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "config/memory.h"
#include "gateway/clock.h"

struct uplink {
    pthread_mutex_t mutex;
    struct uplink_view view;
};

struct uplink *uplink_create(void)
{
    struct uplink *uplink = memory_allocate(1, sizeof *uplink);
    (void)pthread_mutex_init(&uplink->mutex, NULL);
    uplink->view.since_us = clock_wall_us();
    uplink->view.url = "";
    return uplink;
}

void uplink_destroy(struct uplink *uplink)
{
    (void)pthread_mutex_destroy(&uplink->mutex);
    free(uplink);
}

void uplink_report(struct uplink *uplink, enum uplink_state state, const char *url,
                   const char *error)
{
    (void)pthread_mutex_lock(&uplink->mutex);
    struct uplink_view *view = &uplink->view;
    if (view->state != state) {
        view->since_us = clock_wall_us();
        view->reconnects += view->state == UPLINK_CONNECTED ? 1 : 0;
    }
    view->state = state;
    view->url = url;
    (void)snprintf(view->error, sizeof view->error, "%s", error != NULL ? error : "");
    (void)pthread_mutex_unlock(&uplink->mutex);
}

void uplink_count(struct uplink *uplink, uint64_t published, uint64_t rejected)
{
    (void)pthread_mutex_lock(&uplink->mutex);
    uplink->view.published = published;
    uplink->view.rejected = rejected;
    (void)pthread_mutex_unlock(&uplink->mutex);
}

void uplink_read(struct uplink *uplink, struct uplink_view *view)
{
    (void)pthread_mutex_lock(&uplink->mutex);
    *view = uplink->view;
    (void)pthread_mutex_unlock(&uplink->mutex);
}

const char *uplink_state_text(enum uplink_state state)
{
    static const char *const texts[] = {
        [UPLINK_CONNECTING] = "connecting",
        [UPLINK_CONNECTED] = "connected",
        [UPLINK_DOWN] = "down",
    };
    return texts[state];
}

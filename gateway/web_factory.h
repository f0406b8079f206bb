/* /api/factory: everything that does not change during a run. Pure. */
#ifndef GATEWAY_WEB_FACTORY_H
#define GATEWAY_WEB_FACTORY_H

#include <stddef.h>

#include "gateway/web_parts.h"

/* JSON; the caller frees. */
char *web_factory_write(const struct web_parts *parts, size_t *length);

#endif

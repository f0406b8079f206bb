/* Which machine, and which of its tags, a request asks for. Pure. */
#ifndef GATEWAY_WEB_TAG_H
#define GATEWAY_WEB_TAG_H

#include "config/factory.h"
#include "gateway/http.h"

/* By its arguments `machine` and `tag`; NULLs when there is no such. */
struct tag_reference web_tag_find(const struct factory *factory,
                                  const struct http_request *request);

/* By the argument `machine`; NULL when there is no such. */
const struct machine *web_tag_find_machine(const struct factory *factory,
                                           const struct http_request *request);

#endif

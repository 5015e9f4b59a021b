/* SPDX-License-Identifier: MIT */
/* Serves the description of the API. */
#include "api/openapi.h"

#include "api/handlers.h"
#include "http/reply.h"

struct answered openapi_get(struct request *request)
{
	reply_etag(request, openapi_etag);
	buffer_append_text(reply_body(request), openapi_document);
	return reply_json(request, 200);
}

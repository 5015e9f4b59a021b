/* SPDX-License-Identifier: MIT */
/* The description of the API for machines: openapi.json, compiled in. */
#pragma once

/* The document, an OpenAPI 3.1 description in JSON. */
extern const char openapi_document[];

/* Its ETag, quoted and weak. */
extern const char openapi_etag[];

/* SPDX-License-Identifier: MIT */
/* Builds URLs, and decides whether a next-page address may be followed. */
#include "mixpanel/endpoints.h"

#include <assert.h>
#include <curl/curl.h>
#include <inttypes.h>
#include <strings.h>

#include "util/text.h"

static const struct {
	const char *name;
	const char *method;
	bool writes;
} endpoints[] = {
    [ENDPOINT_LIST] = {"list", "GET", false},
    [ENDPOINT_GET] = {"get", "GET", false},
    [ENDPOINT_CREATE] = {"create", "POST", true},
    [ENDPOINT_DELETE] = {"delete", "DELETE", true},
    [ENDPOINT_HISTORY] = {"history", "GET", false},
};
_Static_assert(ARRAY_SIZE(endpoints) == ENDPOINT_COUNT, "an endpoint has no row");

const char *endpoint_name(enum endpoint endpoint)
{
	return endpoints[endpoint].name;
}

const char *endpoint_method(enum endpoint endpoint)
{
	return endpoints[endpoint].method;
}

bool endpoint_writes(enum endpoint endpoint)
{
	return endpoints[endpoint].writes;
}

/* Servers and proxies resolve dot segments, escaped or not: deleting the connector ".." would
 * delete at the address of something else. */
static bool id_stays_in_place(const char *connector_id)
{
	return strcmp(connector_id, "") != 0 && strcmp(connector_id, ".") != 0 &&
	       strcmp(connector_id, "..") != 0;
}

int endpoint_url(struct buffer *buffer, enum endpoint endpoint, const char *base_url,
    int64_t project_id, const char *connector_id)
{
	buffer_printf(buffer, "%s/projects/%" PRId64 "/connectors/", base_url, project_id);
	/* The collection keeps its slash: a create must not meet the redirect that adds one. */
	if (endpoint == ENDPOINT_LIST || endpoint == ENDPOINT_CREATE)
		return buffer_failed(buffer) ? -1 : 0;
	assert(connector_id);
	if (!id_stays_in_place(connector_id))
		return -1;
	text_append_percent_encoded(buffer, connector_id);
	if (endpoint == ENDPOINT_HISTORY)
		buffer_append_text(buffer, "/history");
	return buffer_failed(buffer) ? -1 : 0;
}

/* Addresses that an answer names --------------------------------------------------------------
 *
 * They are parsed by the very parser that libcurl uses to connect, so that what was checked is
 * what is connected to. */

static void cleanup_url(CURLU **url)
{
	curl_url_cleanup(*url);
}
#define _cleanup_url_ _cleanup_(cleanup_url)

static void cleanup_part(char **part)
{
	curl_free(*part);
}
#define _cleanup_part_ _cleanup_(cleanup_part)

/* NULL when there is no such part. */
static char *url_part(CURLU *url, CURLUPart which)
{
	char *part = NULL;
	return curl_url_get(url, which, &part, CURLU_DEFAULT_PORT) == CURLUE_OK ? part : NULL;
}

static bool same_part(CURLU *a, CURLU *b, CURLUPart which)
{
	char *of_a _cleanup_part_ = url_part(a, which);
	char *of_b _cleanup_part_ = url_part(b, which);
	if (!of_a || !of_b)
		return !of_a && !of_b;
	/* Only host names come in either case; the scheme is lower case already. */
	return which == CURLUPART_HOST ? strcasecmp(of_a, of_b) == 0 : strcmp(of_a, of_b) == 0;
}

static bool same_origin(CURLU *a, CURLU *b)
{
	return same_part(a, b, CURLUPART_SCHEME) && same_part(a, b, CURLUPART_HOST) &&
	       same_part(a, b, CURLUPART_PORT);
}

static bool is_plain(const char *reference)
{
	for (const char *at = reference; *at; at++)
		if (*at <= ' ' || *at >= 0x7f)
			return false;
	return true;
}

/* An absolute URL, or a path from the root; "//host/path" is neither, nor is "page=2". */
static bool is_absolute_or_rooted(const char *reference)
{
	if (reference[0] == '/')
		return reference[1] != '/';
	return strncasecmp(reference, "https://", 8) == 0 ||
	       strncasecmp(reference, "http://", 7) == 0;
}

static CURLU *parse_url(const char *text)
{
	CURLU *url = curl_url();
	if (url && curl_url_set(url, CURLUPART_URL, text, CURLU_DISALLOW_USER) == CURLUE_OK)
		return url;
	curl_url_cleanup(url);
	return NULL;
}

/* What a reference found in an answer of base means; NULL when it leaves base's origin. The
 * fragment is dropped. */
static CURLU *resolve(CURLU *base, const char *reference)
{
	if (!is_plain(reference) || !is_absolute_or_rooted(reference))
		return NULL;
	CURLU *url = curl_url_dup(base);
	if (url && curl_url_set(url, CURLUPART_URL, reference, CURLU_DISALLOW_USER) == CURLUE_OK &&
	    curl_url_set(url, CURLUPART_FRAGMENT, NULL, 0) == CURLUE_OK && same_origin(base, url))
		return url;
	curl_url_cleanup(url);
	return NULL;
}

static int append_url(struct buffer *buffer, CURLU *url, struct err *err)
{
	char *text _cleanup_part_ = NULL;
	if (curl_url_get(url, CURLUPART_URL, &text, 0) != CURLUE_OK ||
	    buffer_append_text(buffer, text) < 0)
		return err_set(err, "a URL that Mixpanel names is too long");
	return 0;
}

int endpoint_next_url(
    struct buffer *buffer, const char *base_url, const char *next_url, struct err *err)
{
	CURLU *base _cleanup_url_ = parse_url(base_url);
	if (!base)
		return err_set(err, "the base URL %s cannot be parsed", base_url);
	CURLU *next _cleanup_url_ = resolve(base, next_url);
	if (!next)
		return err_set(err,
		    "the next page is at \"%.200s\", which is no address under the origin of %s",
		    next_url, base_url);
	return append_url(buffer, next, err);
}

static bool adds_slash(CURLU *from, CURLU *to)
{
	char *path _cleanup_part_ = url_part(from, CURLUPART_PATH);
	char *slashed _cleanup_part_ = url_part(to, CURLUPART_PATH);
	if (!path || !slashed)
		return false;
	size_t len = strlen(path);
	return len > 0 && path[len - 1] != '/' && strlen(slashed) == len + 1 &&
	       strncmp(path, slashed, len) == 0 && slashed[len] == '/' &&
	       same_part(from, to, CURLUPART_QUERY);
}

int endpoint_slash_redirect(
    struct buffer *buffer, const char *url, const char *location, struct err *err)
{
	CURLU *from _cleanup_url_ = parse_url(url);
	if (!from)
		return err_set(err, "the URL %s cannot be parsed", url);
	CURLU *to _cleanup_url_ = resolve(from, location);
	if (!to || !adds_slash(from, to))
		return err_set(err, "%s redirects to \"%.200s\": only an added slash is followed",
		    url, location);
	return append_url(buffer, to, err);
}

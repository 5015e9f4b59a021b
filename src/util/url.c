/* SPDX-License-Identifier: MIT */
/* URLs by libcurl's own parser: their parts, and whether one that an answer names may be asked. */
#include "util/url.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "util/cleanup.h"

static void cleanup_handle(CURLU **url)
{
	curl_url_cleanup(*url);
}
#define _cleanup_handle_ _cleanup_(cleanup_handle)

static void cleanup_part(char **part)
{
	curl_free(*part);
}
#define _cleanup_part_ _cleanup_(cleanup_part)

void url_done(struct url *url)
{
	curl_free(url->whole);
	curl_free(url->scheme);
	curl_free(url->host);
	curl_free(url->port);
	curl_free(url->path);
	*url = (struct url){.whole = NULL};
}

static char *written_part(CURLU *handle, CURLUPart which)
{
	char *part = NULL;
	return curl_url_get(handle, which, &part, 0) == CURLUE_OK ? part : NULL;
}

int url_parse(const char *text, struct err *err, struct url *ret_url)
{
	CURLU *handle _cleanup_handle_ = curl_url();
	if (!handle)
		return err_set(err, "no memory for a URL");
	CURLUcode r = curl_url_set(handle, CURLUPART_URL, text, 0);
	if (r)
		return err_set(err, "this is no URL (%s)", curl_url_strerror(r));
	*ret_url = (struct url){
	    .whole = written_part(handle, CURLUPART_URL),
	    .scheme = written_part(handle, CURLUPART_SCHEME),
	    .host = written_part(handle, CURLUPART_HOST),
	    .port = written_part(handle, CURLUPART_PORT),
	    .path = written_part(handle, CURLUPART_PATH),
	};
	if (ret_url->whole)
		return 0;
	url_done(ret_url);
	return err_set(err, "no memory for a URL");
}

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

static bool url_is_plain(const char *reference)
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
static CURLU *url_resolve(CURLU *base, const char *reference)
{
	if (!url_is_plain(reference) || !is_absolute_or_rooted(reference))
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
		return err_set(err, "the URL that an answer names is too long");
	return 0;
}

int url_next(struct buffer *buffer, const char *base_url, const char *next_url, struct err *err)
{
	CURLU *base _cleanup_handle_ = parse_url(base_url);
	if (!base)
		return err_set(err, "the base URL %s cannot be parsed", base_url);
	CURLU *next _cleanup_handle_ = url_resolve(base, next_url);
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

int url_slash_redirect(
    struct buffer *buffer, const char *url, const char *location, struct err *err)
{
	CURLU *from _cleanup_handle_ = parse_url(url);
	if (!from)
		return err_set(err, "the URL %s cannot be parsed", url);
	CURLU *to _cleanup_handle_ = url_resolve(from, location);
	if (!to || !adds_slash(from, to))
		return err_set(err, "%s redirects to \"%.200s\": only an added slash is followed",
		    url, location);
	return append_url(buffer, to, err);
}

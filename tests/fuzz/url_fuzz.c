/* SPDX-License-Identifier: MIT */
/* Whatever an answer names as its next page, or redirects to: what is followed is of the origin
 * that was asked, and a redirect adds a slash and nothing else. With a blank before it, the input
 * is what somebody configured. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util/text.h"
#include "util/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const bases[] = {
    "https://mixpanel.com/api/app",
    "http://127.0.0.1:8080/api/app",
    "http://[::1]:8080",
};

static void check_next(const char *base, const char *text)
{
	struct err err = ERR_INIT;
	_cleanup_buffer_ struct buffer found;
	_cleanup_url_ struct url of_base = {.whole = NULL}, of_found = {.whole = NULL};
	buffer_init(&found, 65536);
	if (url_next(&found, base, text, &err) < 0) {
		assert(err.text[0]);
		return;
	}
	assert(url_parse(base, &err, &of_base) == 0);
	assert(url_parse(buffer_text(&found), &err, &of_found) == 0);
	assert(strcmp(of_base.scheme, of_found.scheme) == 0);
	assert(strcasecmp(of_base.host, of_found.host) == 0);
	assert(text_same(of_base.port, of_found.port) || !of_base.port || !of_found.port);
	assert(!strchr(buffer_text(&found), '@') || strchr(of_found.whole + 8, '/'));
	for (size_t i = 0; i < found.len; i++)
		assert(found.data[i] > ' ' && (unsigned char)found.data[i] < 0x7f);
}

/* The origin may be written otherwise: in capitals, with the port that its scheme has. */
static void check_redirect(const char *base, const char *text)
{
	struct err err = ERR_INIT;
	_cleanup_buffer_ struct buffer found;
	_cleanup_url_ struct url of_base = {.whole = NULL}, of_found = {.whole = NULL};
	buffer_init(&found, 65536);
	if (url_slash_redirect(&found, base, text, &err) < 0)
		return;
	check_next(base, buffer_text(&found));
	assert(url_parse(base, &err, &of_base) == 0);
	assert(url_parse(buffer_text(&found), &err, &of_found) == 0);
	size_t len = strlen(of_base.path);
	assert(strlen(of_found.path) == len + 1 && of_found.path[len] == '/');
	assert(strncmp(of_found.path, of_base.path, len) == 0);
	const char *query = strchr(base, '?');
	assert(text_same(query, strchr(buffer_text(&found), '?')));
}

static void check_configured(const char *text)
{
	struct err err = ERR_INIT;
	_cleanup_url_ struct url url = {.whole = NULL};
	if (url_parse(text, &err, &url) < 0)
		assert(err.text[0]);
	else
		assert(url.whole);
}

static void check_followed(const char *text)
{
	for (size_t i = 0; i < ARRAY_SIZE(bases); i++) {
		check_next(bases[i], text);
		check_redirect(bases[i], text);
	}
	check_redirect("https://mixpanel.com/api/app/projects/1/connectors?a=b", text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 8192)
		return 0;
	_cleanup_free_ char *text = malloc(size + 1);
	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	if (text[0] == ' ')
		check_configured(text + 1);
	else
		check_followed(text);
	return 0;
}

/* SPDX-License-Identifier: MIT */
/* HTTP by libcurl, which is told to look at nothing but what it is given: no proxy, no .netrc, no
 * redirect. Its own tracing would show the token, so --verbose writes lines of ours. */
#include "ctl/link.h"

#include <curl/curl.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "config.h"
#include "ctl/complain.h"
#include "util/account.h"
#include "util/cleanup.h"
#include "util/timestamp.h"

#define CONNECT_PATIENCE 5000L /* milliseconds */
#define LINE_PAUSE (5 * MICROSECONDS_PER_MILLISECOND)
#define ANSWER_LIMIT ((size_t)256 * 1024 * 1024)

struct link {
	CURL *curl;
	const struct endpoint *endpoint;
	int64_t patience;
	bool verbose;
};

enum exit_code link_new(
    const struct options *options, const struct endpoint *endpoint, struct link **ret_link)
{
	struct link *link = calloc(1, sizeof(*link));
	if (link)
		link->curl = curl_easy_init();
	if (!link || !link->curl) {
		link_free(link);
		return complain(EXIT_REFUSED, "no memory for a connection");
	}
	link->endpoint = endpoint;
	link->patience = options->max_time;
	link->verbose = options_have(options, OPTION_VERBOSE);
	*ret_link = link;
	return EXIT_DONE;
}

struct link *link_free(struct link *link)
{
	if (!link)
		return NULL;
	curl_easy_cleanup(link->curl);
	free(link);
	return NULL;
}

void exchange_done(struct exchange *exchange)
{
	buffer_done(&exchange->text);
}

const char *link_name(const struct link *link)
{
	return link->endpoint->socket ? link->endpoint->socket : link->endpoint->url;
}

const char *link_token_from(const struct link *link)
{
	return link->endpoint->token_from;
}

/* The request ----------------------------------------------------------------------------------*/

static void add_header(struct curl_slist **list, const char *name, const char *value, size_t len)
{
	struct buffer line _cleanup_buffer_;
	buffer_init(&line, 4096);
	buffer_printf(&line, "%s: ", name);
	buffer_append(&line, value, len);
	struct curl_slist *longer =
	    buffer_failed(&line) ? NULL : curl_slist_append(*list, buffer_text(&line));
	if (longer)
		*list = longer;
	if (line.data)
		secret_wipe(line.data, line.len);
}

static struct curl_slist *headers_of(const struct link *link, const struct exchange *exchange)
{
	struct curl_slist *list = curl_slist_append(NULL, "Expect:");
	const char *content = exchange->content ? exchange->content : "application/json";
	if (exchange->body.ptr)
		add_header(&list, "Content-Type", content, strlen(content));
	if (exchange->key)
		add_header(&list, "Idempotency-Key", exchange->key, strlen(exchange->key));
	if (link->endpoint->token) {
		struct buffer bearer _cleanup_buffer_;
		buffer_init(&bearer, 4096);
		buffer_append_text(&bearer, "Bearer ");
		buffer_append(&bearer, link->endpoint->token->data, link->endpoint->token->len);
		add_header(&list, "Authorization", buffer_text(&bearer), bearer.len);
		secret_wipe(bearer.data, bearer.len);
	}
	return list;
}

static void forget_headers(struct curl_slist *list)
{
	for (struct curl_slist *at = list; at; at = at->next)
		secret_wipe(at->data, strlen(at->data));
	curl_slist_free_all(list);
}

static size_t link_take_body(char *data, size_t size, size_t count, void *context)
{
	struct exchange *exchange = context;
	size_t len = size * count;
	if (exchange->copy_to) {
		if (fwrite(data, 1, len, exchange->copy_to) == len)
			return len;
		exchange->end = LINK_UNWRITABLE;
		return 0;
	}
	if (buffer_append(&exchange->text, data, len) == 0)
		return len;
	exchange->end = LINK_TOO_LONG;
	return 0;
}

static size_t link_take_header(char *data, size_t size, size_t count, void *context)
{
	static const char date[] = "date:";
	struct exchange *exchange = context;
	size_t len = size * count;
	char text[64];
	if (len < sizeof(date) || len >= sizeof(text) || strncasecmp(data, date, strlen(date)) != 0)
		return len;
	memcpy(text, data + strlen(date), len - strlen(date));
	text[len - strlen(date)] = '\0';
	time_t at = curl_getdate(text, NULL);
	if (at != (time_t)-1)
		exchange->skew = (int64_t)at * MICROSECONDS_PER_SECOND - clock_wall(&clock_system);
	return len;
}

static int link_tick(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	const struct exchange *exchange = context;
	(void)a, (void)b, (void)c, (void)d;
	exchange->tick(exchange->tick_context);
	return 0;
}

/* The target is made of escaped parts, and so is taken as it is. */
static void prepare(
    struct link *link, struct exchange *exchange, const char *url, struct curl_slist *headers)
{
	CURL *curl = link->curl;
	int64_t patience = exchange->patience ? exchange->patience : link->patience;
	curl_easy_reset(curl);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	if (link->endpoint->socket)
		curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, link->endpoint->socket);
	curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http");
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "mixportctl/" PACKAGE_VERSION);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_PATIENCE);
	curl_easy_setopt(
	    curl, CURLOPT_TIMEOUT_MS, (long)(patience / MICROSECONDS_PER_MILLISECOND) + 1);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, link_take_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, exchange);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, link_take_header);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, exchange);
	if (exchange->tick) {
		curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
		curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, link_tick);
		curl_easy_setopt(curl, CURLOPT_XFERINFODATA, exchange);
	}
	if (exchange->body.ptr) {
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)exchange->body.len);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, exchange->body.ptr);
	} else if (strcmp(exchange->method, "POST") == 0) {
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, 0L);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, "");
	} else if (strcmp(exchange->method, "HEAD") == 0) {
		curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
	}
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, exchange->method);
}

/* The answer -----------------------------------------------------------------------------------*/

/* Whether more callers stand in line than the UNIX socket holds. The library asks the socket for
 * its error afterwards, and there is none. */
static bool is_crowded(const struct link *link, CURLcode result)
{
	long errno_value = 0;
	curl_easy_getinfo(link->curl, CURLINFO_OS_ERRNO, &errno_value);
	return link->endpoint->socket && result == CURLE_COULDNT_CONNECT &&
	       (errno_value == 0 || errno_value == EAGAIN);
}

static enum link_end end_of_connecting(const struct link *link)
{
	long errno_value = 0;
	if (is_crowded(link, CURLE_COULDNT_CONNECT))
		return LINK_TIME_UP;
	curl_easy_getinfo(link->curl, CURLINFO_OS_ERRNO, &errno_value);
	if (errno_value == EACCES || errno_value == EPERM)
		return LINK_NOT_ALLOWED;
	if (link->endpoint->socket && (errno_value == ENOENT || errno_value == ENOTDIR))
		return LINK_NO_SOCKET;
	return LINK_NOBODY;
}

static enum link_end link_end_of(const struct link *link, CURLcode result)
{
	switch ((int)result) {
	case CURLE_OK:
		return LINK_ANSWERED;
	case CURLE_COULDNT_CONNECT:
		return end_of_connecting(link);
	case CURLE_OPERATION_TIMEDOUT:
		return LINK_TIME_UP;
	case CURLE_GOT_NOTHING:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
	case CURLE_PARTIAL_FILE:
		return LINK_LOST;
	default:
		return LINK_FAILED;
	}
}

static void link_take_answer(struct link *link, struct exchange *exchange)
{
	long status = 0;
	long size = 0;
	const char *type = NULL;
	curl_easy_getinfo(link->curl, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(link->curl, CURLINFO_CONTENT_TYPE, &type);
	curl_easy_getinfo(link->curl, CURLINFO_REQUEST_SIZE, &size);
	exchange->status = (unsigned)status;
	exchange->sent = size > 0;
	snprintf(exchange->content_type, sizeof(exchange->content_type), "%.*s",
	    type ? (int)strcspn(type, "; ") : 0, type ? type : "");
}

/* How it went, behind the line with the request. */
static void tell(const struct exchange *exchange, int64_t began)
{
	int64_t took = clock_monotonic(&clock_system) - began;
	if (exchange->end == LINK_ANSWERED)
		remark("< %u %s, %zu bytes, %.1f ms", exchange->status, exchange->content_type,
		    exchange->text.len, (double)took / (double)MICROSECONDS_PER_MILLISECOND);
	else
		remark("< nothing: %s", exchange->failure);
}

/* Nothing was sent where there was no place in the line, so it is tried again. */
static CURLcode perform(const struct link *link, int64_t patience)
{
	const struct timespec pause = {.tv_nsec = LINE_PAUSE * 1000};
	const int64_t most = CONNECT_PATIENCE * MICROSECONDS_PER_MILLISECOND;
	int64_t until = clock_monotonic(&clock_system) + (patience < most ? patience : most);
	for (;;) {
		CURLcode result = curl_easy_perform(link->curl);
		if (!is_crowded(link, result) || clock_monotonic(&clock_system) >= until)
			return result;
		(void)nanosleep(&pause, NULL);
	}
}

void link_exchange(struct link *link, struct exchange *exchange)
{
	struct buffer url _cleanup_buffer_;
	int64_t began = clock_monotonic(&clock_system);
	buffer_init(&url, (size_t)64 * 1024);
	buffer_printf(&url, "%s%s",
	    link->endpoint->socket ? "http://localhost" : link->endpoint->url, exchange->target);
	buffer_done(&exchange->text);
	buffer_init(&exchange->text, ANSWER_LIMIT);
	exchange->end = LINK_ANSWERED;
	exchange->skew = TIMESTAMP_NONE;
	struct curl_slist *headers = headers_of(link, exchange);
	prepare(link, exchange, buffer_text(&url), headers);
	if (link->verbose)
		remark("> %s %s on %s", exchange->method, exchange->target, link_name(link));
	CURLcode result = perform(link, exchange->patience ? exchange->patience : link->patience);
	forget_headers(headers);
	/* What the callbacks noted says more. */
	if (exchange->end == LINK_ANSWERED)
		exchange->end = link_end_of(link, result);
	snprintf(exchange->failure, sizeof(exchange->failure), "%s", curl_easy_strerror(result));
	link_take_answer(link, exchange);
	if (link->verbose)
		tell(exchange, began);
}

/* Complaints -----------------------------------------------------------------------------------*/

static void append_rights(const struct link *link, struct buffer *text)
{
	struct stat status;
	if (!link->endpoint->socket || stat(link_name(link), &status) < 0) {
		buffer_append_text(text, "it may not be reached by this user");
		return;
	}
	buffer_append_text(text, "it is for root and the group ");
	account_append_group(status.st_gid, text);
	buffer_append_text(text, ", the socket's");
}

enum exit_code link_explain(
    const struct link *link, const struct exchange *exchange, struct buffer *text)
{
	buffer_printf(text, "%s: ", link_name(link));
	switch (exchange->end) {
	case LINK_ANSWERED:
		return EXIT_DONE;
	case LINK_NO_SOCKET:
		buffer_append_text(text, "there is no such file; is the daemon on?");
		return EXIT_NO_DAEMON;
	case LINK_NOBODY:
		buffer_append_text(text, "nobody answers; is the daemon on?");
		return EXIT_NO_DAEMON;
	case LINK_NOT_ALLOWED:
		append_rights(link, text);
		return EXIT_NOT_ALLOWED;
	case LINK_TIME_UP:
		buffer_append_text(text, "the time for an answer is up");
		return EXIT_TIME_UP;
	case LINK_LOST:
		buffer_printf(
		    text, "the connection ended before the answer (%s)", exchange->failure);
		return EXIT_NO_DAEMON;
	case LINK_TOO_LONG:
		buffer_append_text(text, "the answer is too long");
		return EXIT_REFUSED;
	case LINK_UNWRITABLE:
		buffer_append_text(text, "standard output cannot be written");
		return EXIT_FILE;
	case LINK_FAILED:
		buffer_append_text(text, exchange->failure);
		return EXIT_REFUSED;
	}
	return EXIT_REFUSED;
}

enum exit_code link_complain(const struct link *link, const struct exchange *exchange)
{
	struct buffer text _cleanup_buffer_;
	buffer_init(&text, 16384);
	enum exit_code code = link_explain(link, exchange, &text);
	return code ? complain(code, "%s", buffer_text(&text)) : EXIT_DONE;
}

enum exit_code link_ask(struct link *link, struct exchange *exchange)
{
	link_exchange(link, exchange);
	return link_complain(link, exchange);
}

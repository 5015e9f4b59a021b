/* SPDX-License-Identifier: MIT */
/* What can go wrong here, and why it cannot
 *
 * A create carried out twice imports a bucket twice, so for a request that ended without an answer
 * everything hangs on two questions: did it go out more than once, and did it go out at all?
 *
 * More than once: libcurl repeats a request, a POST too, when a connection it reuses dies before
 * the first byte of an answer. It has no option against that, but it takes a new connection for
 * what it is: writes go out on a fresh connection, which nothing reuses afterwards. The other ways
 * to a second POST are shut as well: redirects (never followed by libcurl), "Expect: 100-continue"
 * answered by 417 (never sent), and a second round of authentication (Basic only).
 *
 * At all: libcurl calls back when a connection stands, TLS included, and before it writes the
 * first byte of the request. Without that call nothing was sent, whatever the error is called; no
 * early data is in use that could overtake it. After it, only a complete answer proves anything.
 *
 * HTTP/1.1 throughout: one request at a time on a connection, so a connection that dies takes one
 * request with it. */
#include "transfer/client.h"

#include <curl/curl.h>
#include <limits.h>
#include <poll.h>
#include <strings.h>
#include <sys/queue.h>

#include "util/backoff.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/timestamp.h"
#include "util/url.h"

/* Connections kept open for the next read. */
#define CONNECTIONS_LIMIT 16L

/* A read slower than this for this long is given up before its timeout. A write gets all its time:
 * giving it up early would only make its outcome unknown. */
#define LOW_SPEED_BYTES_PER_SECOND 16L
#define LOW_SPEED_SECONDS 60L

/* A connection that reads share; the address behind a name is asked for again after it. */
#define CONNECTION_SECONDS 60L

#define URL_LIMIT 16384
#define MESSAGE_SIZE (CURL_ERROR_SIZE + 64)

/* A request in flight. Invariant: in its client's list and in the multi handle. */
struct transfer {
	struct client *client;
	LIST_ENTRY(transfer) entry;
	CURL *easy;
	const char *name;
	const char *method;
	bool once;
	client_done_fn *done;
	void *context;
	struct buffer body;
	bool too_large;
	bool connected;     /* a connection stood: from here on something may have been sent */
	bool headers_done;  /* the empty line behind the headers has come */
	int64_t started_at; /* wall clock */
	int64_t started;    /* monotonic */
	int64_t timeout;
	char error[CURL_ERROR_SIZE];
};

struct client {
	CURLM *multi;
	char *user_agent;
	const char *id_header;
	struct curl_slist *read_headers;
	struct curl_slist *body_headers;
	LIST_HEAD(transfer_list, transfer) transfers;
	unsigned in_flight;
};

int client_library_init(struct err *err)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0)
		return err_set(err, "libcurl cannot be used");
	return 0;
}

void client_library_done(void)
{
	curl_global_cleanup();
}

/* The client -----------------------------------------------------------------------------------*/

static int append_header(struct curl_slist **headers, const char *line)
{
	struct curl_slist *longer = curl_slist_append(*headers, line);
	if (!longer)
		return -1;
	*headers = longer;
	return 0;
}

int client_new(
    const char *user_agent, const char *id_header, struct err *err, struct client **ret_client)
{
	struct client *client = calloc(1, sizeof(*client));
	if (client) {
		client->multi = curl_multi_init();
		client->user_agent = strdup(user_agent);
		client->id_header = id_header;
	}
	if (!client || !client->multi || !client->user_agent ||
	    curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, CONNECTIONS_LIMIT) != CURLM_OK ||
	    append_header(&client->read_headers, "Accept: application/json") < 0 ||
	    append_header(&client->body_headers, "Accept: application/json") < 0 ||
	    append_header(&client->body_headers, "Content-Type: application/json") < 0 ||
	    append_header(&client->body_headers, "Expect:") < 0) {
		client_free(client);
		return err_set(err, "no memory for requests");
	}
	*ret_client = client;
	return 0;
}

static struct transfer *transfer_free(struct transfer *transfer)
{
	if (!transfer)
		return NULL;
	curl_easy_cleanup(transfer->easy);
	buffer_done(&transfer->body);
	free(transfer);
	return NULL;
}

struct client *client_free(struct client *client)
{
	if (!client)
		return NULL;
	struct transfer *transfer;
	while ((transfer = LIST_FIRST(&client->transfers))) {
		LIST_REMOVE(transfer, entry);
		curl_multi_remove_handle(client->multi, transfer->easy);
		transfer_free(transfer);
	}
	curl_multi_cleanup(client->multi);
	curl_slist_free_all(client->read_headers);
	curl_slist_free_all(client->body_headers);
	free(client->user_agent);
	free(client);
	return NULL;
}

unsigned client_in_flight(const struct client *client)
{
	return client->in_flight;
}

void client_wake(struct client *client)
{
	curl_multi_wakeup(client->multi);
}

/* Setting up a request -------------------------------------------------------------------------*/

static size_t client_take_body(char *data, size_t size, size_t count, void *context)
{
	struct transfer *transfer = context;
	size_t len = size * count;
	/* Counted here, because libcurl's own limit does not see chunked answers. */
	if (len > transfer->body.limit - transfer->body.len) {
		transfer->too_large = true;
		return CURL_WRITEFUNC_ERROR;
	}
	return buffer_append(&transfer->body, data, len) < 0 ? CURL_WRITEFUNC_ERROR : len;
}

#define SET(easy, option, value) (curl_easy_setopt(easy, option, value) == CURLE_OK)

/* 0 for none. Of some first lines libcurl makes a number that cannot be one. */
static long client_answer_status(CURL *easy)
{
	long status = 0;
	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	return status >= 100 && status <= 999 ? status : 0;
}

/* libcurl takes a connection closed amid the headers for the end of an answer without a body. */
static size_t note_header(char *data, size_t size, size_t count, void *context)
{
	struct transfer *transfer = context;
	size_t len = size * count;
	struct span line = {.ptr = data, .len = len};
	if (len >= 5 && memcmp(data, "HTTP/", 5) == 0)
		transfer->headers_done = false;
	else if (span_equals(line, "\r\n") || span_equals(line, "\n")) {
		/* Whoever fails may no longer be the one that the name stands for. */
		transfer->headers_done = true;
		if (client_answer_status(transfer->easy) >= 500)
			(void)SET(transfer->easy, CURLOPT_FORBID_REUSE, 1L);
	}
	return len;
}

static int note_connected(
    void *context, char *remote_address, char *local_address, int remote_port, int local_port)
{
	(void)remote_address;
	(void)local_address;
	(void)remote_port;
	(void)local_port;
	struct transfer *transfer = context;
	transfer->connected = true;
	return CURL_PREREQFUNC_OK;
}

/* The environment may name a proxy, or hosts without one, and the home folder hold a .netrc: none
 * is asked. What a proxy says of its own is none of an answer's headers. */
static bool set_proxy(CURL *easy, const char *proxy)
{
	return SET(easy, CURLOPT_PROXY, proxy ? proxy : "") && SET(easy, CURLOPT_NOPROXY, "") &&
	       SET(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L) &&
	       SET(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
}

/* ca_file is taken instead of the system's, which libcurl would look through as well. */
static bool set_transport(CURL *easy, const char *url, const char *ca_file)
{
	bool plain = strncasecmp(url, "http://", 7) == 0;
	if (ca_file && !(SET(easy, CURLOPT_CAINFO, ca_file) && SET(easy, CURLOPT_CAPATH, NULL)))
		return false;
	return SET(easy, CURLOPT_PROTOCOLS_STR, plain ? "http" : "https") &&
	       SET(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) &&
	       SET(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) &&
	       SET(easy, CURLOPT_SSL_VERIFYPEER, 1L) && SET(easy, CURLOPT_SSL_VERIFYHOST, 2L) &&
	       SET(easy, CURLOPT_FOLLOWLOCATION, 0L) && SET(easy, CURLOPT_PATH_AS_IS, 1L) &&
	       SET(easy, CURLOPT_NOSIGNAL, 1L) &&
	       /* Else giving up on a name waits for the resolver, and the whole thread with it. */
	       SET(easy, CURLOPT_QUICK_EXIT, 1L);
}

static bool set_callbacks(struct transfer *transfer)
{
	CURL *easy = transfer->easy;
	return SET(easy, CURLOPT_PRIVATE, transfer) &&
	       SET(easy, CURLOPT_ERRORBUFFER, transfer->error) &&
	       SET(easy, CURLOPT_PREREQFUNCTION, note_connected) &&
	       SET(easy, CURLOPT_PREREQDATA, transfer) &&
	       SET(easy, CURLOPT_HEADERFUNCTION, note_header) &&
	       SET(easy, CURLOPT_HEADERDATA, transfer) &&
	       SET(easy, CURLOPT_WRITEFUNCTION, client_take_body) &&
	       SET(easy, CURLOPT_WRITEDATA, transfer);
}

static bool set_method(struct transfer *transfer, struct span body)
{
	const struct client *client = transfer->client;
	CURL *easy = transfer->easy;
	const char *method = transfer->method;
	/* libcurl sends a body with a POST, by whatever name that goes. */
	if (body.ptr)
		return SET(easy, CURLOPT_POST, 1L) && SET(easy, CURLOPT_CUSTOMREQUEST, method) &&
		       SET(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len) &&
		       SET(easy, CURLOPT_COPYPOSTFIELDS, body.ptr) &&
		       SET(easy, CURLOPT_HTTPHEADER, client->body_headers);
	return SET(easy, CURLOPT_HTTPGET, 1L) && SET(easy, CURLOPT_CUSTOMREQUEST, method) &&
	       SET(easy, CURLOPT_HTTPHEADER, client->read_headers);
}

static bool set_care(struct transfer *transfer)
{
	CURL *easy = transfer->easy;
	if (transfer->once)
		return SET(easy, CURLOPT_FRESH_CONNECT, 1L) && SET(easy, CURLOPT_FORBID_REUSE, 1L);
	return SET(easy, CURLOPT_MAXLIFETIME_CONN, CONNECTION_SECONDS) &&
	       SET(easy, CURLOPT_LOW_SPEED_LIMIT, LOW_SPEED_BYTES_PER_SECOND) &&
	       SET(easy, CURLOPT_LOW_SPEED_TIME, LOW_SPEED_SECONDS);
}

/* Whole milliseconds, rounded up, as many as an int holds. */
static int to_milliseconds(int64_t microseconds)
{
	if (microseconds <= 0)
		return 0;
	int64_t milliseconds = (microseconds - 1) / MICROSECONDS_PER_MILLISECOND + 1;
	return milliseconds < INT_MAX ? (int)milliseconds : INT_MAX;
}

/* 0 would mean no timeout at all. */
static bool set_timeout(CURL *easy, int64_t timeout)
{
	int milliseconds = to_milliseconds(timeout);
	return SET(easy, CURLOPT_TIMEOUT_MS, milliseconds > 0 ? (long)milliseconds : 1L);
}

/* libcurl copies what it is given; nothing of the credential stays in memory of ours. */
static int transfer_set_up(struct transfer *transfer, const struct client_request *request)
{
	CURL *easy = transfer->easy;
	bool done = SET(easy, CURLOPT_URL, request->url) &&
		    set_transport(easy, request->url, request->ca_file) &&
		    set_proxy(easy, request->proxy) &&
		    SET(easy, CURLOPT_USERAGENT, transfer->client->user_agent) &&
		    SET(easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC) &&
		    SET(easy, CURLOPT_USERPWD, request->credential) && set_callbacks(transfer) &&
		    set_method(transfer, request->body) && set_care(transfer) &&
		    set_timeout(easy, request->timeout);
	return done ? 0 : -1;
}

static struct transfer *transfer_new(struct client *client, const struct client_request *request)
{
	struct transfer *transfer = calloc(1, sizeof(*transfer));
	if (!transfer)
		return NULL;
	transfer->client = client;
	transfer->name = request->name;
	transfer->method = request->method;
	transfer->once = request->once;
	transfer->done = request->done;
	transfer->context = request->context;
	transfer->timeout = request->timeout;
	transfer->started_at = clock_wall(&clock_system);
	transfer->started = clock_monotonic(&clock_system);
	buffer_init(&transfer->body, CLIENT_BODY_LIMIT);
	transfer->easy = curl_easy_init();
	if (!transfer->easy || transfer_set_up(transfer, request) < 0)
		return transfer_free(transfer);
	return transfer;
}

int client_submit(struct client *client, const struct client_request *request, struct err *err)
{
	struct transfer *transfer = transfer_new(client, request);
	if (!transfer || curl_multi_add_handle(client->multi, transfer->easy) != CURLM_OK) {
		transfer_free(transfer);
		return err_set(
		    err, "the %s request to %s could not be prepared", request->name, request->url);
	}
	LIST_INSERT_HEAD(&client->transfers, transfer, entry);
	client->in_flight++;
	return 0;
}

/* The end of a request -------------------------------------------------------------------------*/

/* A header of the answer; NULL when it is missing, or there more than once. */
static const char *answer_header(CURL *easy, const char *name)
{
	struct curl_header *header = NULL;
	if (curl_easy_header(easy, name, 0, CURLH_HEADER, -1, &header) != CURLHE_OK ||
	    header->amount != 1)
		return NULL;
	return header->value;
}

static int64_t longer(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* Seconds, with or without a fraction, however many digits they have; INT64_MIN when it is no such
 * number. A comma or the end follows, perhaps behind blanks. */
static int64_t read_seconds(struct span text)
{
	uint64_t seconds = 0;
	char whole[16];
	size_t digits = strspn(text.ptr, "0123456789");
	size_t fraction = digits + (digits < text.len && text.ptr[digits] == '.');
	size_t end = fraction + strspn(text.ptr + fraction, "0123456789");
	if (digits == 0 || end < text.len)
		return INT64_MIN;
	size_t zeros = strspn(text.ptr, "0");
	zeros -= zeros == digits;
	if (digits - zeros >= sizeof(whole))
		return INT64_MAX;
	snprintf(whole, sizeof(whole), "%.*s", (int)(digits - zeros), text.ptr + zeros);
	if (text_parse_unsigned(whole, 0, INT32_MAX, &seconds) < 0)
		return INT64_MAX;
	bool more = strspn(text.ptr + fraction, "0") < end - fraction;
	return (int64_t)seconds + more;
}

/* Seconds until a date; INT64_MIN when it is none, as is what is longer than any. */
static int64_t read_date(struct span text)
{
	char part[64];
	snprintf(
	    part, sizeof(part), "%.*s", (int)(text.len < sizeof(part) ? text.len : 0), text.ptr);
	time_t date = curl_getdate(part, NULL);
	return date == -1 ? INT64_MIN : date - clock_wall(&clock_system) / MICROSECONDS_PER_SECOND;
}

/* Seconds from now, INT64_MIN for what cannot be read: the longest in a header that something on
 * the way may have joined from several, by commas; a date has a comma of its own, behind its first
 * word. */
static int64_t read_delays(const char *text)
{
	int64_t longest = INT64_MIN;
	while (*text) {
		text += strspn(text, " \t,");
		size_t len = strcspn(text, ",");
		if (((*text | 0x20) >= 'a' && (*text | 0x20) <= 'z') && text[len] == ',')
			len += 1 + strcspn(text + len + 1, ",");
		struct span part = {.ptr = text, .len = len};
		while (part.len > 0 && strchr(" \t", part.ptr[part.len - 1]))
			part.len--;
		int64_t delay = read_seconds(part);
		longest = longer(longest, delay == INT64_MIN ? read_date(part) : delay);
		text += len;
	}
	return longest;
}

/* libcurl's own reading of this header makes a huge number 0, the same as none at all. It may be
 * there more than once: the longest counts. */
static int64_t answer_retry_after(CURL *easy)
{
	int64_t longest = INT64_MIN;
	struct curl_header *header = NULL;
	for (size_t i = 0;
	     curl_easy_header(easy, "Retry-After", i, CURLH_HEADER, -1, &header) == CURLHE_OK; i++)
		longest = longer(longest, read_delays(header->value));
	return longest == INT64_MIN ? 0 : backoff_retry_after(longest);
}

/* Only what cannot be mistaken for anything else. */
static void answer_request_id(const struct transfer *transfer, char ret_id[CLIENT_REQUEST_ID_SIZE])
{
	static const char allowed[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
	const char *id = answer_header(transfer->easy, transfer->client->id_header);
	ret_id[0] = '\0';
	if (id && strlen(id) < CLIENT_REQUEST_ID_SIZE && id[strspn(id, allowed)] == '\0')
		snprintf(ret_id, CLIENT_REQUEST_ID_SIZE, "%s", id);
}

/* Sends a read once more, to where the answer points; once, since a path that ends in a slash is
 * not given another. Returns 1 when it is on its way, 0 when the answer stands as it is. */
static int follow_redirect(struct transfer *transfer)
{
	CURL *easy = transfer->easy;
	long status = client_answer_status(easy);
	if (transfer->once || (status != 301 && status != 302 && status != 307 && status != 308))
		return 0;
	struct err err = ERR_INIT;
	const char *url = NULL;
	const char *location = answer_header(easy, "Location");
	struct buffer target _cleanup_buffer_;
	buffer_init(&target, URL_LIMIT);
	curl_easy_getinfo(easy, CURLINFO_EFFECTIVE_URL, &url);
	if (!url || !location || url_slash_redirect(&target, url, location, &err) < 0)
		return 0;
	int64_t left = transfer->timeout - (clock_monotonic(&clock_system) - transfer->started);
	if (!SET(easy, CURLOPT_URL, buffer_text(&target)) || !set_timeout(easy, left))
		return 0;
	if (curl_multi_add_handle(transfer->client->multi, easy) != CURLM_OK)
		return 0;
	buffer_clear(&transfer->body);
	return 1;
}

/* What went wrong, into message of MESSAGE_SIZE bytes. */
static enum client_outcome judge_failure(
    const struct transfer *transfer, CURLcode code, char *message)
{
	const char *reason = transfer->error[0] ? transfer->error
			     : code != CURLE_OK ? curl_easy_strerror(code)
			     : transfer->headers_done
				 ? "its first line tells no status"
				 : "the connection was closed amid the headers";
	if (!transfer->connected) {
		snprintf(message, MESSAGE_SIZE, "no connection could be made: %s", reason);
		return CLIENT_NOT_SENT;
	}
	if (transfer->too_large)
		snprintf(message, MESSAGE_SIZE, "the answer is larger than %d MiB",
		    CLIENT_BODY_LIMIT / 1024 / 1024);
	else
		snprintf(message, MESSAGE_SIZE, "no complete answer: %s", reason);
	return CLIENT_UNCLEAR;
}

/* What libcurl calls a success, less what only looks like one. */
static bool is_complete(const struct transfer *transfer, CURLcode code)
{
	return code == CURLE_OK && transfer->headers_done &&
	       client_answer_status(transfer->easy) > 0;
}

static void transfer_ended(struct transfer *transfer, CURLcode code)
{
	curl_multi_remove_handle(transfer->client->multi, transfer->easy);
	if (is_complete(transfer, code) && follow_redirect(transfer) > 0)
		return;
	LIST_REMOVE(transfer, entry);
	transfer->client->in_flight--;
	char message[MESSAGE_SIZE] = "";
	struct client_answer answer = {
	    .outcome = CLIENT_ANSWERED,
	    .status = client_answer_status(transfer->easy),
	    .message = message,
	    .date = TIMESTAMP_NONE,
	    .started_at = transfer->started_at,
	    .duration = clock_monotonic(&clock_system) - transfer->started,
	};
	answer_request_id(transfer, answer.request_id);
	if (!is_complete(transfer, code)) {
		answer.outcome = judge_failure(transfer, code, message);
	} else {
		answer.retry_after = answer_retry_after(transfer->easy);
		const char *text = answer_header(transfer->easy, "Date");
		time_t date = text ? curl_getdate(text, NULL) : -1;
		answer.date = date == -1 ? TIMESTAMP_NONE : (int64_t)date * MICROSECONDS_PER_SECOND;
		answer.rate_limit = answer_header(transfer->easy, "RateLimit");
		answer.rate_limit_policy = answer_header(transfer->easy, "RateLimit-Policy");
		answer.body = (struct span){
		    .ptr = buffer_text(&transfer->body),
		    .len = transfer->body.len,
		};
	}
	transfer->done(&answer, transfer->context);
	transfer_free(transfer);
}

static void end_transfers(struct client *client)
{
	CURLMsg *message;
	int left = 0;
	while ((message = curl_multi_info_read(client->multi, &left))) {
		if (message->msg != CURLMSG_DONE)
			continue;
		/* The message is gone once its handle is removed. */
		CURLcode code = message->data.result;
		char *pointer = NULL;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &pointer);
		transfer_ended((struct transfer *)(void *)pointer, code);
	}
}

/* Waits first: what done() decides is then acted upon by the caller without a wait in between. A
 * request just submitted ends the wait at once, through libcurl's own timer. */
void client_run(struct client *client, int64_t timeout)
{
	CURLMcode code = curl_multi_poll(client->multi, NULL, 0, to_milliseconds(timeout), NULL);
	int running = 0;
	if (code == CURLM_OK)
		code = curl_multi_perform(client->multi, &running);
	end_transfers(client);
	if (code == CURLM_OK)
		return;
	log_error("requests cannot be moved on: %s", curl_multi_strerror(code));
	/* The caller will be back at once, and this may last. */
	poll(NULL, 0, 100);
}

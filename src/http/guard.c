/* SPDX-License-Identifier: MIT */
/* The guard.
 *
 * What can go wrong here, and why it cannot:
 *
 * Smuggling. libmicrohttpd 0.9.75 is lax even when told to be strict: it takes two Hosts, two
 * Content-Lengths, any Transfer-Encoding, a bare CR as the end of a line, folded
 * lines, and cuts strings at a NUL. Whoever stands between a client and us may read such a request
 * otherwise. Each is refused on the first call, and the connection closed with the answer, so that
 * what follows is never taken for a request. Bare CRs, folds and NULs leave no trace in the strings
 * that the library hands out, only in where they lie: it keeps a head in one piece and overwrites
 * the end of each line by NULs, two for CR LF. So each name must begin exactly two bytes after the
 * value before it. This looks at memory whose layout only this version promises, so it is done with
 * this version only; later ones refuse such heads by themselves. Some ends cannot be told apart
 * there: a NUL in the place of the CR of a line; and a head of which the last four bytes are not CR
 * LF CR LF but lie so, since the library ends lines at the LF, cuts them at a NUL, and takes those
 * for empty that begin with a NUL or a colon. http1.h of the fuzzers lists them.
 *
 * Escapes. The target is split and routed raw, before any escape is decoded: %2f makes no segment,
 * %00 is refused.
 *
 * Browsers. A page that a user of this host visits can make their browser send requests to
 * loopback, also by a DNS name that suddenly points here. Such requests carry Origin or
 * Sec-Fetch-Site, or a Host that is not ours: refused, before anything else is told.
 *
 * Telling strangers what exists. The order is: framing, Host, browser, who calls; and only then
 * whether there is such a path and method, what the caller may do, the parameters, whether the
 * project exists, the body. A project that the caller may not see does not exist.
 *
 * Bodies. What is too long by its Content-Length is refused before a byte of it is read, and
 * without one there is no body: the library's parser of chunks takes a bare LF, folds and NULs. One
 * that it cannot read itself libmicrohttpd 0.9.75 answers with two heads. What it logs before that
 * is the only sign of it: of the thread's connections only the one at work has a whole head that no
 * call was made for. That one is given our answer, and the library no way to send its own.
 *
 * What only the library sees it answers alone, once, with an answer of its own: a head over the
 * memory of its connection (414, 431), a line without a colon or with a NUL before it (400), a
 * version that is not HTTP/1.x (400, 505). It hangs up on a first line without a blank, and passes
 * over empty lines before it, and over lines that begin with a NUL. test_framing.py holds it to
 * that. */
#include "http/guard.h"

#include <assert.h>
#include <string.h>
#include <sys/socket.h>

#include "http/connection.h"
#include "http/field.h"
#include "http/quota.h"
#include "http/reply.h"
#include "http/request.h"
#include "http/share.h"
#include "http/suspend.h"

#define LENGTH_FAULT "Content-Length must be digits only."
#define HEAD_FAULT "The head is too long, or has too many fields or cookies."

/* libmicrohttpd 0.9.75 keeps a record of 64 bytes for each field and each cookie, and the cookies
 * once more. It reads into half of its memory first, and grows that by at most so much at a time;
 * requests behind this one can fill it. */
#define RECORD_SIZE 64
#define READ_STEP 1152
#define ANSWER_HEAD_SIZE 2048

/* Whether places in libmicrohttpd's memory mean what is said above. */
static bool layout_is_known(void)
{
	static _Atomic int known = -1;
	if (known < 0)
		known = strcmp(MHD_get_version(), "0.9.75") == 0;
	return known == 1;
}

static void set_fault(struct headers *headers, const char *fault)
{
	if (!headers->fault)
		headers->fault = fault;
}

/* Which field is it? By length first, which distinguishes most of them. */
static void take_field(struct headers *headers, struct span name, struct span value)
{
	static const struct {
		const char *name;
		size_t offset;
	} singles[] = {
	    {"host", offsetof(struct headers, host)},
	    {"origin", offsetof(struct headers, origin)},
	    {"sec-fetch-site", offsetof(struct headers, fetch_site)},
	    {"authorization", offsetof(struct headers, authorization)},
	    {"content-length", offsetof(struct headers, content_length)},
	    {"transfer-encoding", offsetof(struct headers, transfer_encoding)},
	    {"content-type", offsetof(struct headers, content_type)},
	    {"content-encoding", offsetof(struct headers, content_encoding)},
	    {"idempotency-key", offsetof(struct headers, idempotency_key)},
	    {"last-event-id", offsetof(struct headers, last_event_id)},
	};
	for (size_t i = 0; i < ARRAY_SIZE(singles); i++) {
		if (!field_same(name, singles[i].name))
			continue;
		struct span *field = (struct span *)((char *)headers + singles[i].offset);
		/* The library goes by the first, and its complaints are about that. */
		if (field->ptr)
			set_fault(headers, "A header field that must come once came twice.");
		else
			*field = value;
		return;
	}
	if (field_same(name, "if-none-match")) {
		if (headers->etag_count < HEADERS_ETAGS_LIMIT)
			headers->etags[headers->etag_count++] = value;
	} else if (field_same(name, "accept")) {
		headers->event_stream |= field_lists_type(value, "text/event-stream");
	} else if (field_same(name, "cookie")) {
		headers->cookie = true;
		headers->records += value.len + RECORD_SIZE;
		for (size_t i = 0; i < value.len; i++)
			if (value.ptr[i] == ';' || value.ptr[i] == ',')
				headers->records += RECORD_SIZE;
	} else if (field_same(name, "expect")) {
		headers->expects |= field_same(value, "100-continue");
	} else if (field_same(name, "x-request-id")) {
		headers->request_ids++;
		headers->request_id = value;
	}
}

static enum MHD_Result visit_field(void *context, enum MHD_ValueKind kind, const char *name,
    size_t name_len, const char *value, size_t value_len)
{
	struct headers *headers = context;
	(void)kind;
	struct span name_span = {.ptr = name, .len = name_len};
	struct span value_span = {.ptr = value ? value : "", .len = value_len};
	headers->records += RECORD_SIZE;
	if (headers->line_end && name != headers->line_end + 2)
		set_fault(headers,
		    "A line of the head is folded, holds a NUL, or does not end in CR LF.");
	if (headers->line_end)
		headers->line_end = value_span.ptr + value_len;
	if (!field_is_token(name_span) || !field_is_clean(value_span))
		set_fault(
		    headers, "The name or value of a header field has characters it must not.");
	take_field(headers, name_span, value_span);
	return MHD_YES;
}

static void guard_take_id(struct request *request)
{
	const struct headers *headers = &request->headers;
	if (headers->request_ids == 1 && field_is_request_id(headers->request_id)) {
		memcpy(request->id, headers->request_id.ptr, headers->request_id.len);
		request->id[headers->request_id.len] = '\0';
	} else {
		worker_request_id(connection_of(request)->worker, request->id);
	}
	atomic_store(&connection_of(request)->identified, true);
}

/* Reads the header fields, once. The end of the last line is followed by the empty line. */
static void read_head(struct request *request, const char *version)
{
	struct headers *headers = &request->headers;
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(request->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
	if (layout_is_known()) {
		headers->line_end = version + strlen(version);
		if (request->method + strlen(request->method) + 1 != request->target_at ||
		    (!request->target_too_long &&
			request->target_at + request->target.len + 1 != version))
			set_fault(headers, "The request line holds a NUL or stray blanks.");
	}
	MHD_get_connection_values_n(request->mhd, MHD_HEADER_KIND, visit_field, headers);
	if (headers->line_end && info &&
	    headers->line_end + strlen("\r\n\r\n") != request->method + info->header_size)
		set_fault(headers,
		    "A line of the head is folded, holds a NUL, or does not end in CR LF.");
	guard_take_id(request);
}

/* Whether the library can have complained of this head. */
static bool is_meant(const struct headers *headers, enum problem problem)
{
	uint64_t length;
	if (problem == PROBLEM_HEAD_TOO_LARGE)
		return headers->cookie;
	return headers->content_length.ptr &&
	       (field_content_length(headers->content_length, &length) < 0 || length == UINT64_MAX);
}

/* No call told the method yet. It begins as long before the end of the head as that has bytes. Read
 * backwards no byte before a shorter one is looked at. */
static bool begins_with_head(const struct request *request, size_t size)
{
	static const char wanted[] = "HEAD";
	const char *method = request->headers.line_end + strlen("\r\n\r\n") - size;
	bool same = layout_is_known() && method + sizeof(wanted) == request->target_at;
	for (size_t i = strlen(wanted); same && i > 0; i--)
		same = request->target_at[-(ptrdiff_t)(sizeof(wanted) - i + 1)] == wanted[i - 1];
	return same;
}

static const char *why_unread(enum problem problem)
{
	if (problem == PROBLEM_HEAD_TOO_LARGE)
		return HEAD_FAULT;
	return problem == PROBLEM_BODY_TOO_LARGE ? "No body of such a length is taken here."
						 : LENGTH_FAULT;
}

static bool refuse_whole(struct connection *connection, enum problem problem, const char *why)
{
	bool sent = connection_refuse(
	    connection, &connection->worker->counters, problem, connection->request.id, why);
	connection->phase = PHASE_FAILED;
	connection->body_unread = true;
	shutdown(connection->fd, SHUT_WR);
	return sent;
}

/* One that the library has refused by itself, and that does not read its answer, looks like the one
 * at work. It is told by its head, and by what can be sent to it. */
bool guard_refuse_unread(struct worker *worker, enum problem problem)
{
	struct connection *at;
	bool sent = false;
	pthread_mutex_lock(&worker->mutex);
	LIST_FOREACH (at, &worker->connections, entry) {
		struct headers headers = {.line_end = at->request.target_at};
		if (at->phase != PHASE_ARRIVED)
			continue;
		const union MHD_ConnectionInfo *info = MHD_get_connection_info(
		    at->request.mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
		if (!info)
			continue;
		MHD_get_connection_values_n(
		    at->request.mhd, MHD_HEADER_KIND, visit_field, &headers);
		if (!is_meant(&headers, problem))
			continue;
		at->request.headers = headers;
		at->request.head = begins_with_head(&at->request, info->header_size);
		guard_take_id(&at->request);
		sent = refuse_whole(at, problem, why_unread(problem));
		if (sent)
			break;
	}
	pthread_mutex_unlock(&worker->mutex);
	return sent;
}

static int bad_request(struct request *request, const char *why)
{
	/* It is unclear how to read the remaining bytes, so they are not read. */
	connection_of(request)->body_unread = true;
	reply_problem(request, PROBLEM_BAD_REQUEST, "%s", why);
	return 1;
}

/* Whether the head of an answer finds room beside this one. Without room the library hangs up once
 * it has the answer: the request would be carried out, and its client told nothing. */
static bool leaves_room(const struct request *request)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(request->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
	size_t head = info ? info->header_size : 0;
	if (head < CONNECTION_MEMORY / 2)
		head = CONNECTION_MEMORY / 2;
	return head + READ_STEP + request->headers.records + ANSWER_HEAD_SIZE <= CONNECTION_MEMORY;
}

int guard_frame(struct request *request, const char *version)
{
	struct field_target target;
	read_head(request, version);
	const struct headers *headers = &request->headers;
	if (!leaves_room(request)) {
		refuse_whole(connection_of(request), PROBLEM_HEAD_TOO_LARGE, HEAD_FAULT);
		return 1;
	}
	if (headers->transfer_encoding.ptr) {
		connection_of(request)->body_unread = true;
		reply_problem(request, PROBLEM_LENGTH_REQUIRED,
		    "A body is taken with a Content-Length only, not with a Transfer-Encoding.");
		return 1;
	}
	if (headers->fault)
		return bad_request(request, headers->fault);
	if (!field_is_token(span_of(request->method)))
		return bad_request(request, "The method has characters it must not.");
	if (!headers->host.ptr && !request->http_1_0)
		return bad_request(request, "HTTP/1.1 needs a Host.");
	uint64_t length = 0;
	if (headers->content_length.ptr &&
	    field_content_length(headers->content_length, &length) < 0)
		return bad_request(request, LENGTH_FAULT);
	request->has_body = connection_of(request)->body_unread = length > 0;
	/* The library would say 100, and could say nothing after it. */
	if (headers->expects && !request->has_body && !request->http_1_0)
		return bad_request(request, "Expect: 100-continue is for a body, and none comes.");
	if (request->target_too_long) {
		connection_of(request)->body_unread = true;
		reply_problem(request, PROBLEM_URI_TOO_LONG,
		    "The request target is over %d bytes long.", TARGET_LIMIT);
		return 1;
	}
	if (!request->target.ptr || field_target(request->target, &target) < 0)
		return bad_request(request,
		    "The request target must be a path in printable ASCII with whole escapes, none "
		    "of them %00.");
	request->path = target.path;
	request->query = target.query;
	request->authority = target.authority;
	return 0;
}

static const struct endpoint *endpoint_of(const struct request *request)
{
	return connection_of(request)->worker->endpoint;
}

static bool host_is_ours(const struct request *request, struct span host)
{
	const struct endpoint *endpoint = endpoint_of(request);
	struct span name;
	uint16_t port;
	if (field_host(host, &name, &port) < 0)
		return false;
	/* A UNIX socket has no host, and no browser reaches it: its clients name what they like. */
	if (endpoint->kind == LISTENER_SOCKET)
		return true;
	if (port != 0 && port != endpoint->port)
		return false;
	for (char **at = request->config->hosts; at && *at; at++)
		if (field_same(name, *at))
			return true;
	return false;
}

static int check_quota(struct request *request, uint64_t holder);

/* Who is refused before it is known who calls counts as nobody, and is not kept. */
static int check_refused(struct request *request)
{
	connection_of(request)->reply.close = true;
	return endpoint_of(request)->kind == LISTENER_HEALTH ? 0
							     : check_quota(request, HOLDER_NOBODY);
}

#define HOST_SHOWN 100
#define HOSTS_SHOWN 400

/* Which Host came, and which would do. */
static int refuse_host(struct request *request, struct span host)
{
	if (check_refused(request))
		return 1;
	char shown[HOST_SHOWN];
	size_t taken;
	int len = (int)text_escape(host.ptr, host.len, shown, sizeof(shown), &taken);
	const char *rest = taken < host.len ? "..." : "";
	const struct endpoint *endpoint = endpoint_of(request);
	if (endpoint->kind == LISTENER_SOCKET) {
		reply_problem(request, PROBLEM_MISDIRECTED_REQUEST,
		    "The Host \"%.*s%s\" is no host's name; any that is one does.", len, shown,
		    rest);
		return 1;
	}
	struct buffer hosts _cleanup_buffer_;
	buffer_init(&hosts, HOSTS_SHOWN);
	for (char **at = request->config->hosts; at && *at; at++)
		buffer_printf(&hosts, "%s%s", at == request->config->hosts ? "" : ", ", *at);
	reply_problem(request, PROBLEM_MISDIRECTED_REQUEST,
	    "The Host \"%.*s%s\" is none of those that are served here: %s%s, each alone or with "
	    "the port %u. Further names go into `hosts` in the configuration.",
	    len, shown, rest, buffer_text(&hosts), buffer_failed(&hosts) ? ", ..." : "",
	    (unsigned)endpoint->port);
	return 1;
}

static int check_host(struct request *request)
{
	const struct headers *headers = &request->headers;
	struct span authority = request->authority;
	if (authority.ptr && !host_is_ours(request, authority))
		return refuse_host(request, authority);
	/* A UNIX socket has no host: an empty one, or with HTTP/1.0 none, is as good as any. */
	if ((headers->host.len > 0 || (headers->host.ptr && endpoint_of(request)->port)) &&
	    !host_is_ours(request, headers->host))
		return refuse_host(request, headers->host);
	return 0;
}

static int check_browser(struct request *request)
{
	const struct headers *headers = &request->headers;
	if (!headers->origin.ptr &&
	    (!headers->fetch_site.ptr || field_same(headers->fetch_site, "none")))
		return 0;
	if (check_refused(request))
		return 1;
	reply_problem(request, PROBLEM_BROWSER_REFUSED,
	    "The request has an Origin, or a Sec-Fetch-Site other than none: it comes from a web "
	    "page.");
	return 1;
}

static void guard_find(const struct request *request, const char *method, struct span path,
    struct route_match *ret_match)
{
	const struct application *application = connection_of(request)->worker->application;
	router_find(application->routes, application->route_count, method, path, ret_match);
}

/* What the health listener serves is read only. */
static bool health_serves(const struct request *request, struct span path)
{
	struct route_match match;
	guard_find(request, "GET", path, &match);
	return match.route && (match.route->flags & ROUTE_HEALTH);
}

#define PATH_SHOWN 300

static int shown_length(struct span path)
{
	return path.len < PATH_SHOWN ? (int)path.len : PATH_SHOWN;
}

/* What was asked for, and what would do: on this listener, or on another one. */
static int refuse_path(struct request *request)
{
	struct span path = request->path, there = path;
	bool health = endpoint_of(request)->kind == LISTENER_HEALTH;
	struct route_match match;
	guard_find(request, request->method, there, &match);
	while (!match.path_known && there.len > 1 && there.ptr[there.len - 1] == '/') {
		there.len--;
		guard_find(request, request->method, there, &match);
	}
	if (!match.path_known)
		reply_problem(request, PROBLEM_NOT_FOUND,
		    "There is nothing at \"%.*s\"; mixport-api(7) lists what there is.",
		    shown_length(path), path.ptr);
	else if (health && !health_serves(request, there))
		reply_problem(request, PROBLEM_NOT_FOUND,
		    "There is nothing at \"%.*s\" here: this listener serves health and metrics "
		    "alone; \"%.*s\" is served by the listeners of the API.",
		    shown_length(path), path.ptr, shown_length(there), there.ptr);
	else
		reply_problem(request, PROBLEM_NOT_FOUND,
		    "There is nothing at \"%.*s\"; without the slash at its end there is: "
		    "\"%.*s\".",
		    shown_length(path), path.ptr, shown_length(there), there.ptr);
	return 1;
}

/* First of all, so that it is known what was asked for of those who are refused, too. One that
 * cannot be decoded stays NULL. */
static void take_segments(struct request *request, const struct route_match *match)
{
	for (size_t i = 0; match->route && i < ROUTE_SEGMENTS_LIMIT && match->segments[i].ptr;
	     i++) {
		char *segment = connection_text(connection_of(request), match->segments[i]);
		if (segment && text_percent_decode(segment, false) >= 0)
			request->segments[i] = segment;
	}
}

static int check_route(struct request *request, const struct route_match *match)
{
	if (!match->route && match->path_known) {
		reply_header(request, "Allow", match->allow);
		reply_problem(request, PROBLEM_METHOD_NOT_ALLOWED, "This path takes %s, not %s.",
		    match->allow, request->method);
		return 1;
	}
	if (!match->route)
		return refuse_path(request);
	for (size_t i = 0; i < ROUTE_SEGMENTS_LIMIT && match->segments[i].ptr; i++)
		if (!request->segments[i])
			return bad_request(request, "A segment of the path is not UTF-8.");
	return 0;
}

static const char **parameter_slot(struct request *request, const char *name)
{
	const char *const *names = request->route->parameters;
	for (size_t i = 0; i < ROUTE_PARAMETERS_LIMIT && names[i]; i++)
		if (strcmp(names[i], name) == 0)
			return &request->parameters[i];
	return NULL;
}

static int refuse_parameter(
    struct request *request, enum problem problem, const char *name, const char *why)
{
	reply_fault(request, "parameter", name, problem_entry(problem)->code, why);
	reply_problem(request, problem, "%s", why);
	return 1;
}

static int take_parameter(struct request *request, struct span raw_name, struct span raw_value)
{
	struct connection *connection = connection_of(request);
	char *name = connection_text(connection, raw_name);
	char *value = connection_text(connection, raw_value.ptr ? raw_value : span_of(""));
	if (!name || !value)
		return refuse_parameter(
		    request, PROBLEM_INVALID_PARAMETER, "", "The query is too long.");
	if (text_percent_decode(name, true) < 0)
		return refuse_parameter(request, PROBLEM_UNKNOWN_PARAMETER, "",
		    "The name of a query parameter has a broken escape or is not UTF-8.");
	const char **slot = parameter_slot(request, name);
	if (!slot)
		return refuse_parameter(request, PROBLEM_UNKNOWN_PARAMETER, name,
		    "This path has no query parameter of this name.");
	if (*slot)
		return refuse_parameter(request, PROBLEM_INVALID_PARAMETER, name,
		    "The query parameter was given twice.");
	if (text_percent_decode(value, true) < 0)
		return refuse_parameter(request, PROBLEM_INVALID_PARAMETER, name,
		    "The value has a broken escape or is not UTF-8.");
	*slot = value;
	return 0;
}

static int take_parameters(struct request *request)
{
	struct span rest = request->query, name, value;
	while (field_query_next(&rest, &name, &value))
		if (take_parameter(request, name, value))
			return 1;
	return 0;
}

static void find_peer(struct connection *connection)
{
	struct request *request = &connection->request;
	unsigned edition = connection->edition->number;
	if (!connection->peer_known) {
		if (auth_peer_read(connection->fd, &connection->peer) < 0) {
			request->caller = (struct caller){.scope = SCOPE_NONE, .name = "unknown"};
			return;
		}
		connection->peer_known = true;
		connection->peer_edition = edition - 1;
	}
	/* Asked once for each configuration. */
	if (connection->peer_edition != edition) {
		const struct auth_peer *peer = &connection->peer;
		connection->peer_scope =
		    access_scope(&request->config->access, peer->uid, peer->gid, peer->groups,
			peer->group_count, connection->worker->endpoint->group);
		connection->peer_edition = edition;
	}
	request->caller =
	    (struct caller){.scope = connection->peer_scope, .name = connection->peer.name};
}

static bool guard_find_token(struct request *request)
{
	_cleanup_claim_ struct auth_claim claim = {.named = false};
	const struct headers *headers = &request->headers;
	if (auth_parse(headers->authorization, &claim) < 0)
		return false;
	const struct token *token = auth_find(&request->config->tokens, &claim);
	if (!token) {
		auth_explain(&request->config->tokens, request->config->tokens_path, &claim);
		return false;
	}
	request->caller =
	    (struct caller){.scope = token->scope, .name = token->name, .token = token};
	return true;
}

static int refuse_scope(struct request *request, enum scope needed)
{
	reply_problem(request, PROBLEM_INSUFFICIENT_SCOPE,
	    "%s has the scope \"%s\"; this needs \"%s\".", request->caller.name,
	    scope_name(request->caller.scope), scope_name(needed));
	return 1;
}

static int check_quota(struct request *request, uint64_t holder)
{
	struct connection *connection = connection_of(request);
	unsigned held = 0;
	if (holder != HOLDER_NOBODY && share_claim(connection, holder, &held) != 0) {
		reply_header(request, "Retry-After", "1");
		reply_problem(request, PROBLEM_TOO_MANY_REQUESTS,
		    "%s holds %u connections already, and here no caller holds more than it leaves "
		    "to all others: use them again, or close some.",
		    request->caller.name, held);
		return 1;
	}
	if (quota_request(connection->worker->quota, endpoint_of(request)->kind, holder,
		request->config, connection_now(connection)) == 0)
		return 0;
	reply_header(request, "Retry-After", "1");
	reply_problem(request, PROBLEM_TOO_MANY_REQUESTS,
	    holder == HOLDER_NOBODY
		? "Too many requests without a token in one second: send one, or ask less often."
		: "%s sends more requests in a second than one caller may "
		  "(requests_per_second in the configuration): ask less often.",
	    request->caller.name);
	return 1;
}

static struct answered answer_unauthorized(struct request *request)
{
	return reply_unauthorized(request,
	    "Send a valid token: Authorization: Bearer mxp_…, or HTTP Basic with the client's name "
	    "and the token.");
}

static struct answered answer_without_scope(struct request *request)
{
	refuse_scope(request, SCOPE_READ);
	return (struct answered){.request = request};
}

/* Answers one who is not let in, after a while when it has tried often. */
static int turn_away(struct request *request, uint64_t source, const char *name, handler_fn *answer)
{
	struct connection *connection = connection_of(request);
	int64_t now = connection_now(connection);
	int64_t held =
	    quota_failure(connection->worker->quota, endpoint_of(request)->kind, source, name, now);
	if (held == 0) {
		answer(request);
		return 1;
	}
	connection->phase = PHASE_HANDLED;
	connection->wait.deadline = now + held;
	reply_wait(request, answer);
	return 1;
}

/* Nobody is a caller without a scope, whatever they ask for. */
static int check_caller(struct request *request)
{
	enum listener_kind kind = endpoint_of(request)->kind;
	request->caller = (struct caller){.scope = SCOPE_NONE, .name = "anybody"};
	if (kind == LISTENER_HEALTH)
		return 0;
	struct connection *connection = connection_of(request);
	if (kind == LISTENER_SOCKET) {
		find_peer(connection);
		if (request->caller.scope > SCOPE_NONE)
			return check_quota(request, share_of_uid(connection->peer.uid));
	}
	if (request->route && (request->route->flags & ROUTE_OPEN))
		return check_quota(request, HOLDER_NOBODY);
	if (kind == LISTENER_SOCKET) {
		connection->reply.close = true;
		return turn_away(request, share_of_uid(connection->peer.uid), request->caller.name,
		    answer_without_scope);
	}
	if (guard_find_token(request))
		return check_quota(request, share_of_token(request->caller.name));
	if (check_quota(request, HOLDER_NOBODY))
		return 1;
	connection->reply.close = true;
	if (request->headers.authorization.ptr) {
		char address[CONNECTION_ADDRESS_SIZE];
		connection_address(connection, address);
		return turn_away(request, HOLDER_NOBODY, address, answer_unauthorized);
	}
	answer_unauthorized(request);
	return 1;
}

static int check_scope(struct request *request)
{
	if (endpoint_of(request)->kind == LISTENER_HEALTH ||
	    request->caller.scope >= request->route->scope)
		return 0;
	return refuse_scope(request, request->route->scope);
}

static int check_project(struct request *request)
{
	if (!(request->route->flags & ROUTE_PROJECT))
		return 0;
	const struct config_project *project = request_named_project(request);
	if (project && request_may_see(request, project)) {
		request->project = project;
		return 0;
	}
	reply_problem(request, PROBLEM_PROJECT_NOT_FOUND, "There is no project \"%s\" here.",
	    request->segments[0]);
	return 1;
}

static int guard_check_body(struct request *request)
{
	const struct headers *headers = &request->headers;
	const struct route *route = request->route;
	uint64_t length = 0;
	buffer_init(&request->body, route->body_limit);
	if (!request->has_body)
		return 0;
	if (headers->content_length.ptr)
		field_content_length(headers->content_length, &length);
	if (route->body_limit == 0 || length > route->body_limit) {
		reply_problem(request, PROBLEM_BODY_TOO_LARGE,
		    route->body_limit ? "The body is longer than the %zu bytes that are taken here."
				      : "No body is taken here.",
		    route->body_limit);
		return 1;
	}
	if (!(route->flags & ROUTE_FOREIGN) && !field_is_json(headers->content_type)) {
		reply_problem(request, PROBLEM_UNSUPPORTED_MEDIA_TYPE,
		    "Send the body as Content-Type: application/json.");
		return 1;
	}
	if (headers->content_encoding.ptr && !field_same(headers->content_encoding, "identity")) {
		reply_problem(request, PROBLEM_UNSUPPORTED_MEDIA_TYPE,
		    "Send the body as it is, without a Content-Encoding.");
		return 1;
	}
	return 0;
}

int guard_admit(struct request *request)
{
	struct route_match match;
	if (check_host(request) || check_browser(request))
		return 1;
	/* Tells nobody yet whether there is one. */
	guard_find(request, request->method, request->path, &match);
	if (endpoint_of(request)->kind == LISTENER_HEALTH && !health_serves(request, request->path))
		match = (struct route_match){.route = NULL};
	request->route = match.route;
	take_segments(request, &match);
	if (check_caller(request) || check_route(request, &match) || check_scope(request) ||
	    take_parameters(request) || check_project(request) || guard_check_body(request))
		return 1;
	return 0;
}

/* SPDX-License-Identifier: MIT */
/* Requests that ask for a change, by the daemon's own handlers, engine and audit, on a database
 * with rows that the daemon never wrote (see rows.h), and on answers of Mixpanel's (see
 *mixpanel.h). Whatever they hold, each request has one well-formed answer without a word of the
 *credential, and one entry in the audit that says what was answered; nothing goes out that was not
 *written down, and nothing is written down but by a request that its entry names; who has as many
 * operations open as one may have gets no further one; and a key stands for one operation.
 *
 * The input is a row of parts with a 0x1e between them. The first byte says what a part is:
 *
 *	r  rows, before anything is started
 *	m  an answer: its outcome, status, seconds to wait, id, all with tabs behind them, and body;
 *	   0x7f there stands for the credential
 *	t  that many seconds pass
 *	l  how reloads go from now on: see enum reload
 *	n  the caller has that many further operations open
 *	   else one of `requests`: the query, a tab, the idempotency key, a tab, the id in the path,
 *	   a newline, and the body */
#include <assert.h>
#include <jansson.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "api/reloads.h"
#include "api/routes.h"
#include "config/credential.h"
#include "judge.h"
#include "mixpanel.h"
#include "model/operation.h"
#include "rows.h"
#include "scratch.h"
#include "serve.h"
#include "store/conn_private.h"
#include "util/cleanup.h"
#include "util/jsontext.h"
#include "util/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ANSWERS_LIMIT ((size_t)64 * 1024 * 1024)
#define INPUT_LIMIT ((size_t)16 * 1024)
#define PARTS_LIMIT 24
#define PART_END '\x1e'
#define SECRET_MARK '\x7f'
#define SECRET "k7Rz-never-shown-Qw42"
#define PASS_LIMIT 3600
/* What one caller may have open: of the contract, not of the code. */
#define OPEN_LIMIT 1000

#define COLLECTION "/v1/projects/demo/connectors"

/* A % in the path stands for the id. */
struct kind_of_request {
	char letter;
	const char *method;
	const char *path;
	bool creates;
};

static const struct kind_of_request requests[] = {
    {'c', "POST", COLLECTION, true},
    {'C', "POST", "/api/app/projects/1/connectors", true},
    {'d', "DELETE", COLLECTION "/%", false},
    {'D', "DELETE", "/api/app/projects/1/connectors/%", false},
    {'p', "POST", "/v1/projects/demo/refresh", false},
    {'q', "POST", COLLECTION "/%/refresh", false},
    {'v', "POST", "/v1/operations/%/resolve", false},
    {'R', "POST", "/v1/reload", false},
    {'g', "GET", "/v1/%", false},
};

enum reload { RELOAD_SAME, RELOAD_WITHOUT_DEMO, RELOAD_FAULTY, RELOAD_NEVER };

/* For a second use of a key. */
static const char *const bodies[] = {
    "{\"connector_type\":\"gcsImport\",\"label\":\"one\",\"connector_properties\":{"
    "\"gcs_bucket\":\"b\",\"gcs_prefix\":\"p\"},\"category_properties\":{"
    "\"data_format\":\"mixpanel_event\"}}",
    "{\"connector_type\":\"gcsImport\",\"label\":\"other\",\"connector_properties\":{"
    "\"gcs_bucket\":\"b\",\"gcs_prefix\":\"p\"},\"category_properties\":{"
    "\"data_format\":\"mixpanel_event\"}}",
};

static struct {
	struct conn *writer;
	struct conn *reader;
	struct config *configs[2]; /* without the project demo in the end */
	struct service service;
	struct application application;
	char client[32];
	uint64_t inputs;

	/* of this input */
	enum reload reload;
	bool names_odd;
	bool shows_secret; /* the input has it of its own */
	char last_row[24]; /* of the operations that are of its rows */
	uint64_t sent;     /* creates that may have been carried out */
	char operation_id[64];
} change;

/* The database ----------------------------------------------------------------------------------*/

/* The number that a statement yields, with a text for its parameter. */
static int64_t number(const char *sql, struct span text)
{
	sqlite3_stmt *stmt = NULL;
	if (sqlite3_prepare_v2(change.reader->db, sql, -1, &stmt, NULL) != SQLITE_OK)
		abort();
	if (sqlite3_bind_parameter_count(stmt) > 0)
		sqlite3_bind_text(stmt, 1, text.ptr ? text.ptr : "", (int)text.len, SQLITE_STATIC);
	int64_t value = sqlite3_step(stmt) == SQLITE_ROW ? sqlite3_column_int64(stmt, 0) : 0;
	sqlite3_finalize(stmt);
	return value;
}

static int64_t count_of(const char *table)
{
	char sql[128];
	snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s", table);
	return number(sql, SPAN_NONE);
}

static int64_t count_open(void)
{
	return number("SELECT count(*) FROM operations WHERE client = ?1"
		      " AND state IN ('planned', 'sending', 'unknown')",
	    span_of(change.client));
}

static void add_open(int64_t wanted)
{
	char sql[1024];
	snprintf(sql, sizeof(sql),
	    "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %lld)"
	    " INSERT INTO operations (operation_id, kind, project_id, state, client,"
	    " upstream_status, created_at, allow_duplicate, request)"
	    " SELECT 'op_n' || i, 'create', 2, 'unknown', '%s', 0, 1, 0, CAST('{}' AS BLOB) FROM n",
	    (long long)(wanted < 1            ? 1
			: wanted > OPEN_LIMIT ? OPEN_LIMIT
					      : wanted),
	    change.client);
	sqlite3_exec(change.writer->db, sql, NULL, NULL, NULL);
}

/* The engine ------------------------------------------------------------------------------------*/

/* What goes out is written down, and as it goes out. */
static void look_at_sent(const struct client_request *request, const struct mixpanel_answer *answer)
{
	if (!request->once)
		return;
	bool creates = strcmp(request->method, "POST") == 0;
	int64_t written =
	    creates ? number("SELECT count(*) FROM operations WHERE kind = 'create'"
			     " AND state = 'sending' AND coalesce(request, x'') = CAST(?1 AS BLOB)",
			  request->body)
		    : number("SELECT count(*) FROM operations WHERE kind = 'delete'"
			     " AND state = 'sending'",
			  SPAN_NONE);
	assert(written > 0 && "what is sent was written down");
	/* And for whom it goes out. */
	assert(number("SELECT count(*) FROM operations o WHERE state = 'sending'"
		      " AND operation_row > CAST(?1 AS INTEGER) AND NOT EXISTS (SELECT 1"
		      " FROM audit a WHERE a.operation_id = o.operation_id AND done)",
		   span_of(change.last_row)) == 0);
	bool refused = answer->outcome == CLIENT_ANSWERED && answer->status == 429;
	if (creates && (answer->never || (answer->outcome != CLIENT_NOT_SENT && !refused)))
		change.sent++;
}

static void changed(const struct change *changes, size_t count, void *context)
{
	(void)changes, (void)count, (void)context;
	serve_nudge();
}

static void broken(void *context)
{
	(void)context;
	abort();
}

/* As the daemon's main thread does it. */
static void reload(void)
{
	_cleanup_faults_ struct faults faults;
	struct config *config = change.configs[change.reload == RELOAD_WITHOUT_DEMO];
	faults_init(&faults);
	reloads_begin(change.service.reloads);
	if (change.reload == RELOAD_FAULTY) {
		faults_add(&faults, "fuzz", 1, "a fault");
		engine_reload_refused(change.service.engine, faults.count);
	} else {
		engine_reload(change.service.engine, config);
		serve_reload(config);
	}
	reloads_end(change.service.reloads, clock_wall(&mixpanel_clock), &faults);
	serve_nudge();
}

static bool work(void)
{
	struct pollfd asked = {.fd = reloads_fd(change.service.reloads), .events = POLLIN};
	if (change.reload != RELOAD_NEVER && poll(&asked, 1, 0) > 0) {
		reload();
		return true;
	}
	return mixpanel_turn();
}

static void rest(void)
{
	while (work())
		;
}

/* Returns whether there is one: not with rows that it does not take. */
static bool start_engine(void)
{
	static const struct engine_options options = {.user_agent = "fuzz",
	    .version = "1",
	    .clock = &mixpanel_clock,
	    .seed = 1,
	    .changed = changed,
	    .broken = broken};
	struct err err = ERR_INIT;
	change.service.engine = NULL;
	if (engine_new(change.writer, change.configs[0], &options, &err, &change.service.engine) <
	    0) {
		assert(err.text[0]);
		return false;
	}
	if (engine_start(change.service.engine, &err) < 0)
		abort();
	mixpanel_begin();
	rest();
	return true;
}

static void stop_engine(void)
{
	engine_end(change.service.engine);
	mixpanel_let_go();
	engine_stop(change.service.engine);
	engine_free(change.service.engine);
	mixpanel_forget();
}

static int take_reader(void *context, struct err *err, void **ret_thread)
{
	(void)context, (void)err;
	*ret_thread = change.reader;
	return 0;
}

static void keep_reader(void *thread)
{
	(void)thread;
}

/* Between inputs rows change without a commit that is counted. */
static uint64_t count_changes(void)
{
	return change.inputs + store_generation();
}

static void end(void)
{
	buckets_done(&change.service.audited);
	config_unref(change.configs[0]);
	config_unref(change.configs[1]);
	conn_close(change.reader);
	reloads_free(change.service.reloads);
}

static struct config *make_config(const char *text, const char *credential)
{
	_cleanup_faults_ struct faults faults;
	struct err err = ERR_INIT;
	struct config *config = NULL;
	faults_init(&faults);
	if (config_parse_text("fuzz", span_of(text), &faults, &config) < 0)
		abort();
	for (size_t i = 0; i < config->project_count; i++)
		if (credential_load(credential, 0, &err, &config->projects[i].credential) < 0)
			abort();
	return config;
}

static void make_configs(void)
{
#define OTHER "[project other]\nproject_id = 2\nregion = eu\ncredential = x\n"
	char folder[SCRATCH_SIZE], path[64];
	scratch_make(folder);
	snprintf(path, sizeof(path), "%s/credential", folder);
	FILE *file = fopen(path, "w");
	if (!file || fchmod(fileno(file), 0600) < 0 || fputs("robot:" SECRET "\n", file) < 0)
		abort();
	fclose(file);
	change.configs[0] = make_config(
	    "[project demo]\nproject_id = 1\nregion = us\ncredential = x\n" OTHER, path);
	change.configs[1] = make_config(OTHER, path);
	remove(path);
	remove(folder);
}

static void begin(void)
{
	struct err err = ERR_INIT;
	log_set_level(LOG_LEVEL_ERROR);
	change.writer = rows_open();
	atexit(end);
	if (conn_open_reader(rows_database(), &err, &change.reader) < 0 ||
	    reloads_new(&err, &change.service.reloads) < 0)
		abort();
	make_configs();
	buckets_init(&change.service.audited);
	snprintf(change.client, sizeof(change.client), "uid:%u", (unsigned)getuid());
	change.service.clock = &mixpanel_clock;
	change.service.database = rows_database();
	change.service.version = "1";
	change.application = routes_application(&change.service);
	change.application.open_thread = take_reader;
	change.application.close_thread = keep_reader;
	change.application.generation = count_changes;
	serve_start(&change.application, change.configs[0]);
	serve_meanwhile(work);
	mixpanel_watch(look_at_sent);
}

/* Requests --------------------------------------------------------------------------------------*/

struct asked {
	const struct kind_of_request *kind;
	struct span query, key, id, body;
};

/* What came back. Texts are of the answers. */
struct told {
	struct buffer answers;
	struct http1_answer answer;
	char request_id[80];
	char code[64]; /* of a problem */
};

/* What may stand in a field or a target, whatever comes. */
static void append_line(struct buffer *buffer, struct span text, char instead)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		bool ends = c == '\r' || c == '\n' || c == '\0' || (instead == '+' && c == ' ');
		buffer_append(buffer, ends ? &instead : &c, 1);
	}
}

static void write_request(const struct asked *asked, struct buffer *ret_request)
{
	const char *path = asked->kind->path;
	const char *mark = strchr(path, '%');
	buffer_printf(ret_request, "%s %.*s", asked->kind->method,
	    mark ? (int)(mark - path) : (int)strlen(path), path);
	if (mark && asked->kind->letter == 'g')
		append_line(ret_request, asked->id, '+');
	else if (mark && asked->id.len == 0)
		buffer_append_text(ret_request, change.operation_id);
	for (size_t i = 0; mark && asked->kind->letter != 'g' && i < asked->id.len; i++)
		buffer_printf(ret_request, "%%%02X", (unsigned char)asked->id.ptr[i]);
	if (mark)
		buffer_append_text(ret_request, mark + 1);
	if (asked->query.len > 0)
		buffer_append_text(ret_request, "?");
	append_line(ret_request, asked->query, '+');
	buffer_append_text(ret_request, " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
	if (asked->key.len > 0) {
		buffer_append_text(ret_request, "Idempotency-Key: ");
		append_line(ret_request, asked->key, '.');
		buffer_append_text(ret_request, "\r\n");
	}
	if (strcmp(asked->kind->method, "POST") == 0)
		buffer_printf(ret_request,
		    "Content-Type: application/json\r\nContent-Length: %zu\r\n", asked->body.len);
	buffer_append_text(ret_request, "\r\n");
	if (strcmp(asked->kind->method, "POST") == 0)
		buffer_append(ret_request, asked->body.ptr, asked->body.len);
}

/* A member of the answer that is a text, or "". */
static void find_member(
    const struct http1_answer *answer, const char *name, char *ret_text, size_t size)
{
	json_error_t reason;
	json_t *body = json_loadb(answer->body.ptr, answer->body.len, 0, &reason);
	const char *text = json_string_value(json_object_get(body, name));
	snprintf(ret_text, size, "%s", text ? text : "");
	json_decref(body);
}

static void told_done(struct told *told)
{
	buffer_done(&told->answers);
}

/* One well-formed answer; no failure but for odd words in rows; nothing secret. */
static void tell(const struct asked *asked, struct told *ret_told)
{
	const struct http1_request *read;
	struct told *told = ret_told;
	_cleanup_buffer_ struct buffer request;
	struct span value;
	buffer_init(&request, JUDGE_INPUT_LIMIT);
	buffer_init(&told->answers, ANSWERS_LIMIT);
	write_request(asked, &request);
	assert(!buffer_failed(&request));
	struct span input = {.ptr = request.data, .len = request.len};
	serve_input(LISTENER_SOCKET, 0, input, &told->answers);
	rest();
	judge(&told->answers, judge_read(input, &read) <= 1);
	judge(&told->answers, judge_answers(&told->answers, &told->answer) == 1);
	judge(&told->answers, told->answer.status != 500 || change.names_odd);
	judge(&told->answers, change.shows_secret || !memmem(told->answers.data, told->answers.len,
							 SECRET, strlen(SECRET)));
	http1_find(&told->answer.head, "X-Request-Id", &value);
	snprintf(told->request_id, sizeof(told->request_id), "%.*s", (int)value.len,
	    value.ptr ? value.ptr : "");
	/* Mixpanel's own paths have the code of a problem in its type. */
	find_member(&told->answer, "code", told->code, sizeof(told->code));
	if (!told->code[0])
		find_member(&told->answer, "type", told->code, sizeof(told->code));
	char id[64];
	find_member(&told->answer, "operation_id", id, sizeof(id));
	if (id[0])
		snprintf(change.operation_id, sizeof(change.operation_id), "%s", id);
}

static bool only_validates(const struct asked *asked)
{
	_cleanup_free_ char *query =
	    strndup(asked->query.ptr ? asked->query.ptr : "", asked->query.len);
	return asked->kind->creates && query && text_percent_decode(query, true) >= 0 &&
	       strstr(query, "validate_only=true");
}

/* What was asked for stands in the audit, once, with what was answered. */
static void check_audit(const struct asked *asked, const struct told *told, int64_t operations)
{
	static const char by_request[] = " FROM audit WHERE request_id = ?1";
	struct span id = span_of(told->request_id);
	char sql[256];
#define OF_ENTRY(what)                                                                             \
	(snprintf(sql, sizeof(sql), "SELECT %s%s", what, by_request), number(sql, id))
	int64_t entries = OF_ENTRY("count(*)");
	if (!told->request_id[0] || asked->kind->letter == 'g') {
		judge(&told->answers, entries == 0 && operations == 0);
		return;
	}
	if (entries == 0) {
		/* Such that never come to the route, and those that only validate. */
		static const char *const before[] = {
		    "bad-request", "not-found", "method-not-allowed", NULL};
		judge(&told->answers, operations == 0);
		judge(&told->answers, text_find(before, told->code) >= 0 || only_validates(asked));
		return;
	}
	judge(&told->answers, entries == 1);
	judge(&told->answers, OF_ENTRY("status") == (int64_t)told->answer.status);
	judge(&told->answers, OF_ENTRY("answered_at >= asked_at"));
	snprintf(sql, sizeof(sql), "SELECT code IS nullif('%s', '')%s", told->code, by_request);
	judge(&told->answers, told->answer.status < 400 || number(sql, id));
	judge(&told->answers, operations <= 1);
	/* The operation that came of it names it, and it the operation. */
	if (operations > 0)
		judge(&told->answers,
		    OF_ENTRY("done AND operation_id = (SELECT operation_id FROM operations"
			     " ORDER BY operation_row DESC LIMIT 1)"));
}

static void ask(const struct asked *asked, struct told *ret_told)
{
	int64_t open = count_open();
	int64_t before = count_of("operations");
	tell(asked, ret_told);
	int64_t planned = count_of("operations") - before;
	judge(&ret_told->answers, planned >= 0);
	check_audit(asked, ret_told, planned);
	judge(&ret_told->answers, planned == 0 || open < OPEN_LIMIT || asked->kind->letter == 'g');
	judge(&ret_told->answers, count_open() <= (open > OPEN_LIMIT ? open : OPEN_LIMIT));
}

/* Whether both are the same JSON. */
static bool same_body(struct span a, const char *b)
{
	json_error_t reason;
	json_t *one = json_loadb(a.ptr ? a.ptr : "", a.len, 0, &reason);
	json_t *two = json_loads(b, 0, &reason);
	bool same = one && json_equal(one, two);
	json_decref(one);
	json_decref(two);
	return same;
}

/* The key again: with the same body the same answer, with another none but that; no operation in
 * either case. */
static void ask_again(const struct asked *asked, const struct told *told)
{
	static const char *const pending[] = {"operation-in-progress", "outcome-unknown", NULL};
	struct told again, other;
	int64_t before = count_of("operations");
	uint64_t sent = change.sent;
	ask(asked, &again);
	judge(&again.answers, count_of("operations") == before && change.sent == sent);
	unsigned status = told->answer.status;
	bool over = status == 201 || (status >= 400 && text_find(pending, told->code) < 0);
	if (over) {
		char id[160], id_again[160];
		find_member(&told->answer, "connector_id", id, sizeof(id));
		find_member(&again.answer, "connector_id", id_again, sizeof(id_again));
		judge(&again.answers, again.answer.status == status);
		judge(&again.answers, strcmp(again.code, told->code) == 0);
		judge(&again.answers, strcmp(id, id_again) == 0);
	}
	told_done(&again);
	struct asked second = *asked;
	second.query = SPAN_NONE;
	second.body = span_of(bodies[same_body(asked->body, bodies[0])]);
	ask(&second, &other);
	judge(&other.answers, count_of("operations") == before && change.sent == sent);
	judge(&other.answers, strcmp(other.code, "idempotency-key-reused") == 0);
	told_done(&other);
}

static struct span take_all(struct span *text)
{
	struct span all = *text;
	*text = SPAN_NONE;
	return all;
}

static void request_part(const struct kind_of_request *kind, struct span text)
{
	struct asked asked = {.kind = kind, .body = text};
	struct span line;
	struct told told;
	if (!http1_take_part(&asked.body, '\n', &line)) {
		line = text;
		asked.body = SPAN_NONE;
	}
	if (!http1_take_part(&line, '\t', &asked.query))
		asked.query = take_all(&line);
	if (!http1_take_part(&line, '\t', &asked.key))
		asked.key = take_all(&line);
	asked.id = line;
	int64_t before = number("SELECT max(operation_row) FROM operations", SPAN_NONE);
	ask(&asked, &told);
	/* A create that could not be sent has set its key free. */
	if (kind->creates && asked.key.len > 0 &&
	    number("SELECT max(operation_row) FROM operations WHERE idempotency_key IS NOT NULL"
		   " AND state <> 'unreachable'",
		SPAN_NONE) > before)
		ask_again(&asked, &told);
	told_done(&told);
}

/* What may have been carried out is never sent again. */
static void judge_sent(void)
{
	assert((int64_t)change.sent <=
	       number("SELECT count(*) FROM operations WHERE kind = 'create'", SPAN_NONE));
}

/* Parts -----------------------------------------------------------------------------------------*/

static int64_t number_of(struct span digits)
{
	uint64_t value = 0;
	char text[8];
	snprintf(text, sizeof(text), "%.*s", digits.len < 7 ? (int)digits.len : 0, digits.ptr);
	return text_parse_unsigned(text, 0, PASS_LIMIT, &value) == 0 ? (int64_t)value : 1;
}

static void reveal(struct span text, struct buffer *ret_text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] == SECRET_MARK)
			buffer_append_text(ret_text, SECRET);
		else
			buffer_append(ret_text, &text.ptr[i], 1);
}

/* Texts are kept until the end of the input, in `texts`. */
static void answer_part(struct span text, struct buffer *texts)
{
	struct span fields[4] = {SPAN_NONE};
	struct mixpanel_answer answer = {.outcome = CLIENT_ANSWERED, .status = 200};
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (!http1_take_part(&text, '\t', &fields[i]))
			break;
	if (fields[0].len > 0 && fields[0].ptr[0] == '-')
		answer.never = true;
	else
		answer.outcome = (enum client_outcome)(number_of(fields[0]) % (CLIENT_UNCLEAR + 1));
	answer.status = number_of(fields[1]);
	/* As the client has it: none, or within an hour. */
	answer.retry_after = number_of(fields[2]) * MICROSECONDS_PER_SECOND;
	size_t start = texts->len;
	reveal(fields[3], texts);
	size_t middle = texts->len;
	reveal(text, texts);
	buffer_append(texts, "", 1);
	answer.request_id = (struct span){.ptr = texts->data + start, .len = middle - start};
	answer.body = (struct span){.ptr = texts->data + middle, .len = texts->len - middle - 1};
	mixpanel_say(&answer);
}

static void take_request(char letter, struct span text)
{
	for (size_t i = 0; i < ARRAY_SIZE(requests); i++)
		if (requests[i].letter == letter)
			request_part(&requests[i], text);
}

static void take_part(struct span part, struct buffer *texts)
{
	char letter = part.len > 0 ? part.ptr[0] : '\0';
	struct span rest_of_part = {.ptr = part.ptr + 1, .len = part.len - 1};
	switch (letter) {
	case '\0':
	case 'r':
		break;
	case 'm':
		answer_part(rest_of_part, texts);
		break;
	case 't':
		mixpanel_pass(number_of(rest_of_part) * MICROSECONDS_PER_SECOND);
		rest();
		break;
	case 'l':
		change.reload = (enum reload)(number_of(rest_of_part) % (RELOAD_NEVER + 1));
		break;
	case 'n':
		add_open(number_of(rest_of_part));
		break;
	default:
		take_request(letter, rest_of_part);
		break;
	}
}

static bool has(struct span text, const char *part)
{
	return text.len > 0 && memmem(text.ptr, text.len, part, strlen(part));
}

static struct span next_part(struct span *rest_of_input)
{
	struct span part;
	if (!http1_take_part(rest_of_input, PART_END, &part)) {
		part = *rest_of_input;
		*rest_of_input = SPAN_NONE;
	}
	return part;
}

static void forget(struct span input)
{
	buckets_done(&change.service.audited);
	buckets_init(&change.service.audited);
	change.inputs++;
	change.sent = 0;
	change.reload = RELOAD_SAME;
	change.operation_id[0] = '\0';
	change.shows_secret = has(input, SECRET);
	serve_reload(change.configs[0]);
	serve_forget(false);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_buffer_ struct buffer texts;
	struct span input = {.ptr = (const char *)data, .len = size};
	if (size > INPUT_LIMIT)
		return 0;
	if (!change.writer)
		begin();
	/* Of all parts: pointers into it must hold. */
	buffer_init(&texts, (size + 1) * sizeof(SECRET) * 2);
	buffer_reserve(&texts, (size + 1) * sizeof(SECRET));
	forget(input);
	struct span part = SPAN_NONE;
	bool rows = size > 0 && data[0] == 'r';
	if (rows) {
		part = next_part(&input);
		part = (struct span){.ptr = part.ptr + 1, .len = part.len - 1};
	}
	change.names_odd = has(part, "kind=") || has(part, "state=") || has(part, "type=");
	rows_begin(part);
	rows_keep();
	snprintf(change.last_row, sizeof(change.last_row), "%lld",
	    (long long)number("SELECT max(operation_row) FROM operations", SPAN_NONE));
	if (start_engine()) {
		for (unsigned i = 0; input.len > 0 && i < PARTS_LIMIT; i++)
			take_part(next_part(&input), &texts);
		judge_sent();
		stop_engine();
	}
	rows_remove();
	return 0;
}

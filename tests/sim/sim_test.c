/* SPDX-License-Identifier: MIT */
/* Drives the real mixpanel-sim over real sockets. It is $MIXPANEL_SIM, or where make leaves it. */
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "util/buffer.h"

#define ARGUMENTS_LIMIT 16
#define ANSWER_LIMIT ((size_t)64 * 1024 * 1024)
#define PATIENCE_MS 20000
#define AUTHORIZATION "Authorization: Basic ZGVtby1zZXJ2aWNlLWFjY291bnQ6ZGVtby1zZWNyZXQ=\r\n"
#define CONNECTORS "/api/app/projects/123456789/connectors"
#define CREATE_BODY                                                                                \
	"{\"connector_type\":\"gcsImport\",\"connector_properties\":{\"gcs_bucket\":\"b\","        \
	"\"gcs_prefix\":\"p\"},\"category_properties\":{\"data_format\":\"mixpanel_event\"}}"

extern char **environ;

static pid_t sim_pid;
static uint16_t sim_port;
static struct buffer answer;

/* Starting and asking --------------------------------------------------------------------------*/

static void read_port(int fd)
{
	char line[128];
	size_t len = 0;
	while (len + 1 < sizeof(line) && read(fd, &line[len], 1) == 1 && line[len] != '\n')
		len++;
	line[len] = '\0';
	static const char expected[] = "listening on 127.0.0.1:";
	ck_assert_msg(strncmp(line, expected, sizeof(expected) - 1) == 0, "it said: %s", line);
	sim_port = (uint16_t)strtoul(line + sizeof(expected) - 1, NULL, 10);
}

/* Starts it on a free port; the arguments end with NULL. */
static void start(const char *const *arguments)
{
	const char *path = getenv("MIXPANEL_SIM");
	if (!path)
		path = "tests/sim/mixpanel-sim";
	/* posix_spawn wants strings it could change, though it does not. */
	char *argv[ARGUMENTS_LIMIT + 2] = {NULL};
	memcpy(&argv[0], &path, sizeof(path));
	for (size_t i = 0; i < ARGUMENTS_LIMIT && arguments[i]; i++)
		memcpy(&argv[i + 1], &arguments[i], sizeof(arguments[i]));
	int out[2];
	ck_assert_int_eq(pipe(out), 0);
	posix_spawn_file_actions_t actions;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
	posix_spawn_file_actions_addclose(&actions, out[0]);
	posix_spawn_file_actions_addclose(&actions, out[1]);
	int r = posix_spawn(&sim_pid, path, &actions, NULL, argv, environ);
	ck_assert_msg(r == 0, "%s: %s", path, strerror(r));
	posix_spawn_file_actions_destroy(&actions);
	close(out[1]);
	read_port(out[0]);
	close(out[0]);
	buffer_init(&answer, ANSWER_LIMIT);
}

/* Ends it, and insists that it ended well: a sanitizer's finding would show here. */
static void stop(void)
{
	int status;
	kill(sim_pid, SIGTERM);
	ck_assert_int_eq(waitpid(sim_pid, &status, 0), sim_pid);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	buffer_done(&answer);
}

static int open_connection(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
	    .sin_port = htons(sim_port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void send_text(int fd, const char *text)
{
	size_t len = strlen(text);
	ck_assert_int_eq(send(fd, text, len, MSG_NOSIGNAL), (ssize_t)len);
}

/* Reads until the other side closes. Returns 0, or the errno of a connection that broke. */
static int read_all(int fd)
{
	char bytes[65536];
	buffer_clear(&answer);
	for (;;) {
		struct pollfd poller = {.fd = fd, .events = POLLIN};
		ck_assert_int_eq(poll(&poller, 1, PATIENCE_MS), 1);
		ssize_t n = recv(fd, bytes, sizeof(bytes), 0);
		if (n < 0)
			return errno;
		if (n == 0)
			return 0;
		buffer_append(&answer, bytes, (size_t)n);
	}
}

static void compose(
    struct buffer *request, const char *method, const char *target, const char *body)
{
	buffer_init(request, ANSWER_LIMIT);
	buffer_printf(request,
	    "%s %s HTTP/1.1\r\nHost: sim\r\nConnection: close\r\n" AUTHORIZATION
	    "Content-Length: %zu\r\n\r\n%s",
	    method, target, strlen(body), body);
}

/* One request on a connection of its own; the answer is in `answer`. */
static int ask(const char *method, const char *target, const char *body)
{
	struct buffer request;
	compose(&request, method, target, body);
	int fd = open_connection();
	send_text(fd, buffer_text(&request));
	int r = read_all(fd);
	close(fd);
	buffer_done(&request);
	return r;
}

static bool answered(const char *text)
{
	return strstr(buffer_text(&answer), text) != NULL;
}

#define assert_answered(text)                                                                      \
	ck_assert_msg(answered(text), "%s is not in: %s", text, buffer_text(&answer))
#define assert_not_answered(text)                                                                  \
	ck_assert_msg(!answered(text), "%s is in: %s", text, buffer_text(&answer))

static void control(const char *target, const char *body)
{
	ask("POST", target, body);
	assert_answered("HTTP/1.1 200 ");
}

/* Copies the value of the first "connector_id" of the answer. */
static void take_id(char ret_id[64])
{
	const char *at = strstr(buffer_text(&answer), "\"connector_id\":\"");
	ck_assert_ptr_nonnull(at);
	ck_assert_int_eq(sscanf(at, "\"connector_id\":\"%63[^\"]", ret_id), 1);
}

static void create(char ret_id[64])
{
	ask("POST", CONNECTORS "/", CREATE_BODY);
	assert_answered("HTTP/1.1 200 ");
	take_id(ret_id);
}

static void ask_history(const char *id)
{
	char target[256];
	snprintf(target, sizeof(target), CONNECTORS "/%s/history", id);
	ask("GET", target, "");
	assert_answered("HTTP/1.1 200 ");
}

/* Cases ----------------------------------------------------------------------------------------*/

static const char *const manual[] = {"--manual-clock", "--epoch", "1600000000", NULL};

START_TEST(a_job_walks_by_the_clock)
{
	char id[64];
	start(manual);
	create(id);
	ask_history(id);
	assert_answered("\"id\":\"\",\"start_time\":\"0001-01-01 00:00:00 +0000 UTC\","
			"\"end_time\":\"\",\"status\":\"queued\",\"progress\":0,"
			"\"error\":{\"message\":\"\",\"code\":\"\"}");
	control("/sim/clock", "{\"advance_ms\":2500}");
	ask_history(id);
	assert_answered("\"start_time\":\"2020-09-13 12:26:41.000000 +0000 UTC\",\"end_time\":\"\","
			"\"status\":\"running\",\"progress\":0.50,");
	control("/sim/clock", "{\"advance_ms\":1500}");
	ask_history(id);
	assert_answered("\"end_time\":\"2020-09-13 12:26:44.000000 +0000 UTC\","
			"\"status\":\"success\",\"progress\":1,");
	stop();
}
END_TEST

START_TEST(a_job_fails_when_told_to)
{
	char id[64];
	start(manual);
	ask("POST", CONNECTORS "?fail=compression", CREATE_BODY);
	take_id(id);
	control("/sim/clock", "{\"advance_ms\":4000}");
	ask_history(id);
	assert_answered("\"status\":\"failed\",\"progress\":0.50,\"error\":{\"message\":\"No "
			"compression specified but Gzip detected. ");
	stop();
}
END_TEST

START_TEST(the_forms_can_be_switched)
{
	char id[64];
	start(manual);
	create(id);
	control("/sim/settings",
	    "{\"envelope\":false,\"run_id_member\":\"run_id\",\"run_ids\":true,"
	    "\"success_word\":\"succeeded\",\"job_time\":\"epoch\",\"error_member\":\"type\","
	    "\"creator\":\"object\",\"list_status\":\"real\",\"label\":\"missing\"}");
	control("/sim/clock", "{\"advance_ms\":4000}");
	ask_history(id);
	assert_answered("\r\n\r\n{\"url\":null,\"has_more\":false,\"data\":[{\"run_id\":\"");
	assert_answered("\"start_time\":\"1600000001\",\"end_time\":\"1600000004\","
			"\"status\":\"succeeded\"");
	assert_answered("\"type\":\"\"");
	ask("GET", CONNECTORS, "");
	assert_answered("\"created_by\":{\"id\":");
	assert_answered("\"status\":\"active\"");
	assert_not_answered("\"label\"");
	control("/sim/settings", "{\"connector_id_member\":\"connectorId\"}");
	ask("GET", CONNECTORS, "");
	assert_answered("\"connectorId\":\"");
	assert_not_answered("\"connector_id\"");
	ask("POST", "/sim/settings", "{\"page\":3,\"envelope\":\"perhaps\"}");
	assert_answered("HTTP/1.1 400 ");
	ask("GET", "/sim/settings", "");
	assert_answered("\"page\":0,");
	stop();
}
END_TEST

START_TEST(refusals_have_the_documented_statuses)
{
	static const char *const none[] = {NULL};
	start(none);
	int fd = open_connection();
	send_text(fd, "GET " CONNECTORS " HTTP/1.1\r\nHost: sim\r\nConnection: close\r\n\r\n");
	ck_assert_int_eq(read_all(fd), 0);
	close(fd);
	assert_answered("HTTP/1.1 401 ");
	assert_answered("{\"status\":\"error\",\"error\":\"");
	ask("GET", "/api/app/projects/5/connectors", "");
	assert_answered("HTTP/1.1 403 ");
	ask("GET", CONNECTORS "/unknown/", "");
	assert_answered("HTTP/1.1 404 ");
	ask("POST", CONNECTORS, "{\"connector_type\":\"gcsImport\"}");
	assert_answered("HTTP/1.1 400 ");
	assert_answered("\"type\":\"invalid_property\"");
	ask("GET", "/api/app/me/", "");
	assert_answered("HTTP/1.1 200 ");
	ask("GET", "/sim/stats?requests=0", "");
	assert_answered("\"executed\":{\"me\":1,\"list\":0,\"create\":0,\"get\":0,\"delete\":0,"
			"\"history\":0,\"other\":0}");
	stop();
}
END_TEST

START_TEST(a_connector_is_there_until_it_is_deleted)
{
	static const char *const none[] = {NULL};
	char id[64];
	char target[256];
	start(none);
	create(id);
	snprintf(target, sizeof(target), CONNECTORS "/%s", id);
	ask("GET", target, "");
	assert_answered("\"status\":\"active\"");
	ask("DELETE", target, "");
	assert_answered("{\"status\":\"ok\",\"results\":\"Successfully deleted Connector with ID:");
	ask("GET", target, "");
	assert_answered("HTTP/1.1 404 ");
	ask("GET", CONNECTORS, "");
	assert_answered("\"data\":[]");
	stop();
}
END_TEST

START_TEST(the_same_seed_gives_the_same_answers)
{
	static const char *const seeded[] = {
	    "--manual-clock", "--seed", "7", "--connectors", "20", "--jobs", "3", NULL};
	start(seeded);
	ask("GET", CONNECTORS, "");
	size_t len;
	_cleanup_free_ char *first = buffer_steal(&answer, &len);
	stop();
	start(seeded);
	ask("GET", CONNECTORS, "");
	ck_assert_str_eq(first, buffer_text(&answer));
	stop();
}
END_TEST

START_TEST(pages_lead_to_every_connector_once)
{
	static const char *const paged[] = {"--connectors", "10", "--page", "4", NULL};
	char target[256] = CONNECTORS;
	size_t entries = 0;
	size_t pages = 0;
	start(paged);
	while (target[0]) {
		ask("GET", target, "");
		const char *at = buffer_text(&answer);
		while ((at = strstr(at, "\"connector_id\"")) != NULL) {
			at++;
			entries++;
		}
		pages++;
		at = strstr(buffer_text(&answer), "\"url\":\"");
		if (!at || sscanf(at, "\"url\":\"%255[^\"]", target) != 1)
			target[0] = '\0';
	}
	ck_assert_uint_eq(pages, 3);
	ck_assert_uint_eq(entries, 10);
	stop();
}
END_TEST

START_TEST(a_history_is_given_back_byte_by_byte)
{
	char id[64];
	char body[512];
	start(manual);
	create(id);
	snprintf(body, sizeof(body),
	    "{\"action\":\"replace\",\"connector_id\":\"%s\",\"history\":["
	    "\"{\\\"progress\\\":0.10}\",{\"status\":\"strange\"}]}",
	    id);
	control("/sim/jobs", body);
	ask_history(id);
	assert_answered("\"data\":[{\"progress\":0.10},{\"status\":\"strange\"}]}");
	snprintf(body, sizeof(body),
	    "{\"action\":\"alter\",\"connector_id\":\"%s\",\"index\":1,\"job\":{\"x\":1}}", id);
	control("/sim/jobs", body);
	ask_history(id);
	assert_answered("\"data\":[{\"progress\":0.10},{\"status\":\"strange\",\"x\":1}]}");
	snprintf(
	    body, sizeof(body), "{\"action\":\"drop\",\"connector_id\":\"%s\",\"index\":0}", id);
	control("/sim/jobs", body);
	ask_history(id);
	assert_answered("\"data\":[{\"status\":\"strange\",\"x\":1}]}");
	stop();
}
END_TEST

START_TEST(connectors_change_behind_the_back)
{
	char id[64];
	char body[256];
	start(manual);
	create(id);
	snprintf(body, sizeof(body),
	    "{\"action\":\"alter\",\"connector_id\":\"%s\",\"connector\":{\"status\":\"paused\"}}",
	    id);
	control("/sim/connectors", body);
	ask("GET", CONNECTORS, "");
	assert_answered("\"status\":\"paused\"");
	control("/sim/connectors", "{\"action\":\"remove\",\"all\":true}");
	ask("GET", CONNECTORS, "");
	assert_answered("\"data\":[]");
	control("/sim/connectors", "{\"action\":\"put\",\"text\":\"{\\\"n\\\":1e400}\"}");
	ask("GET", CONNECTORS, "");
	assert_answered("\"data\":[{\"n\":1e400}]");
	stop();
}
END_TEST

/* Sets one fault and creates a connector under it. */
static int create_under(const char *fault)
{
	control("/sim/faults", fault);
	return ask("POST", CONNECTORS, CREATE_BODY);
}

static void assert_creates(unsigned received, unsigned executed)
{
	char text[32];
	ask("GET", "/sim/stats?requests=0", "");
	const char *at = strstr(buffer_text(&answer), "\"received\"");
	snprintf(text, sizeof(text), "\"create\":%u,", received);
	ck_assert_ptr_nonnull(at);
	ck_assert_msg(strncmp(strstr(at, "\"create\""), text, strlen(text)) == 0, "%s", at);
	at = strstr(at, "\"executed\"");
	snprintf(text, sizeof(text), "\"create\":%u,", executed);
	ck_assert_msg(strncmp(strstr(at, "\"create\""), text, strlen(text)) == 0, "%s", at);
}

START_TEST(a_broken_create_took_effect_or_not_as_told)
{
	start(manual);
	ck_assert_int_eq(create_under("{\"action\":\"drop-before\",\"endpoint\":\"create\"}"), 0);
	ck_assert_uint_eq(answer.len, 0);
	assert_creates(1, 0);
	ck_assert_int_eq(create_under("{\"action\":\"drop-after\",\"endpoint\":\"create\"}"), 0);
	ck_assert_uint_eq(answer.len, 0);
	assert_creates(2, 1);
	ck_assert_int_eq(create_under("{\"action\":\"drop-during\"}"), ECONNRESET);
	assert_creates(2, 1);
	ck_assert_int_eq(create_under("{\"action\":\"drop-after\",\"reset\":true}"), ECONNRESET);
	assert_creates(3, 2);
	create_under("{\"action\":\"status\",\"status\":503,\"executed\":true}");
	assert_answered("HTTP/1.1 503 ");
	assert_creates(4, 3);
	create_under("{\"action\":\"retry-after\",\"retry_after\":\"soon\"}");
	assert_answered("HTTP/1.1 429 ");
	assert_answered("Retry-After: soon\r\n");
	assert_creates(5, 3);
	stop();
}
END_TEST

/* The bytes of the body that arrived, and how many the head promised. */
static size_t body_length(size_t *ret_promised)
{
	const char *length = strstr(buffer_text(&answer), "Content-Length: ");
	const char *body = strstr(buffer_text(&answer), "\r\n\r\n");
	ck_assert(length && body);
	*ret_promised = strtoul(length + 16, NULL, 10);
	return strlen(body + 4);
}

START_TEST(lists_are_misrepresented_as_told)
{
	static const char *const many[] = {"--connectors", "8", NULL};
	size_t promised;
	start(many);
	control("/sim/faults",
	    "[{\"action\":\"empty-list\"},{\"action\":\"shrink\",\"keep\":1},"
	    "{\"action\":\"has-more-no-url\"},{\"action\":\"bigint\"},{\"action\":\"truncate\"},"
	    "{\"action\":\"deep\",\"depth\":5},{\"action\":\"chunked\"},"
	    "{\"action\":\"redirect-slash\"}]");
	ask("GET", CONNECTORS, "");
	assert_answered("{\"url\":null,\"has_more\":false,\"data\":[]}");
	ask("GET", CONNECTORS, "");
	assert_answered("\"bucket-0\"");
	assert_not_answered("\"bucket-1\"");
	ask("GET", CONNECTORS, "");
	assert_answered("{\"url\":null,\"has_more\":true,");
	ask("GET", CONNECTORS, "");
	assert_answered("92233720368547758080");
	ask("GET", CONNECTORS, "");
	ck_assert_uint_lt(body_length(&promised), promised);
	ask("GET", CONNECTORS, "");
	assert_answered("\"results\":[[[[[]]]]]}");
	ask("GET", CONNECTORS, "");
	assert_answered("Transfer-Encoding: chunked\r\n");
	assert_not_answered("Content-Length");
	ask("GET", CONNECTORS "?x=1", "");
	assert_answered("HTTP/1.1 301 ");
	assert_answered("Location: " CONNECTORS "/?x=1\r\n");
	ask("GET", CONNECTORS, "");
	assert_answered("\"bucket-7\"");
	ask("POST", "/sim/faults", "{\"action\":\"explode\"}");
	assert_answered("HTTP/1.1 400 ");
	stop();
}
END_TEST

START_TEST(a_hanging_answer_blocks_nobody)
{
	struct buffer request;
	start(manual);
	control(
	    "/sim/faults", "[{\"action\":\"hang\"},{\"action\":\"delay\",\"delay_ms\":3600000}]");
	compose(&request, "GET", CONNECTORS, "");
	int hanging = open_connection();
	send_text(hanging, buffer_text(&request));
	int late = open_connection();
	send_text(late, buffer_text(&request));
	buffer_done(&request);
	do
		ask("GET", "/sim/stats", "");
	while (!answered("\"concurrent\":2,"));
	ask("GET", CONNECTORS, "");
	assert_answered("HTTP/1.1 200 ");
	close(hanging);
	close(late);
	do
		ask("GET", "/sim/stats", "");
	while (!answered("\"concurrent\":0,"));
	assert_answered("\"concurrent_maximum\":3,");
	stop();
}
END_TEST

START_TEST(requests_may_come_in_pieces_or_together)
{
	start(manual);
	struct buffer request;
	compose(&request, "POST", CONNECTORS, CREATE_BODY);
	int fd = open_connection();
	for (const char *at = buffer_text(&request); *at; at++) {
		char byte[2] = {*at, '\0'};
		send_text(fd, byte);
	}
	buffer_done(&request);
	ck_assert_int_eq(read_all(fd), 0);
	close(fd);
	assert_answered("HTTP/1.1 200 ");

	fd = open_connection();
	send_text(fd, "GET /api/app/me HTTP/1.1\r\nHost: sim\r\n" AUTHORIZATION "\r\n"
		      "GET /nowhere HTTP/1.1\r\nHost: sim\r\nConnection: close\r\n\r\n");
	ck_assert_int_eq(read_all(fd), 0);
	close(fd);
	assert_answered("HTTP/1.1 200 ");
	assert_answered("HTTP/1.1 404 ");
	stop();
}
END_TEST

int main(void)
{
	const struct unit_case cases[] = {
	    {"a job walks queued, running, success by the clock alone", a_job_walks_by_the_clock},
	    {"a job fails with the documented text when told to", a_job_fails_when_told_to},
	    {"every form of an answer can be switched, all or none", the_forms_can_be_switched},
	    {"refusals have the documented statuses", refusals_have_the_documented_statuses},
	    {"a connector is there until deleted", a_connector_is_there_until_it_is_deleted},
	    {"the same seed gives the same answers", the_same_seed_gives_the_same_answers},
	    {"pages lead to every connector once", pages_lead_to_every_connector_once},
	    {"a history is given back byte by byte", a_history_is_given_back_byte_by_byte},
	    {"connectors change behind the API's back", connectors_change_behind_the_back},
	    {"a broken create took effect or not", a_broken_create_took_effect_or_not_as_told},
	    {"lists are misrepresented as told", lists_are_misrepresented_as_told},
	    {"a hanging answer blocks nobody", a_hanging_answer_blocks_nobody},
	    {"requests may come in pieces or together", requests_may_come_in_pieces_or_together},
	    {NULL, NULL},
	};
	return unit_main("mixpanel-sim", cases);
}

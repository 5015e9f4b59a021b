/* SPDX-License-Identifier: MIT */
/* Looks for what is wrong here, from the configuration to Mixpanel, and goes on after a failure:
 * what comes later may say why. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "config/config.h"
#include "ctl/complain.h"
#include "ctl/describe.h"
#include "ctl/handlers.h"
#include "util/account.h"
#include "util/clock.h"
#include "util/file.h"
#include "util/timestamp.h"

#define FREE_BYTES_LOW (INT64_C(64) * 1024 * 1024)
#define WAL_BYTES_HIGH (INT64_C(256) * 1024 * 1024)
#define SKEW_ALLOWED (5 * MICROSECONDS_PER_SECOND)
#define CONFIG_LIMIT ((size_t)1024 * 1024)
#define LINE_LIMIT ((size_t)64 * 1024)

enum finding { FINDING_OK, FINDING_WARN, FINDING_FAIL };

struct doctor {
	struct ctl *ctl;
	struct endpoint endpoint;
	bool failed;
	json_t *health; /* NULL: the daemon did not say */
	int64_t skew;
};

/* One line: how it is, what was looked at, what was found and what to type. */
static void tell_finding(struct doctor *doctor, enum finding finding, const char *what,
    const char *format, ...) PRINTF_LIKE(4, 5);

static void tell_finding(
    struct doctor *doctor, enum finding finding, const char *what, const char *format, ...)
{
	static const char *const words[] = {"ok", "warn", "FAIL"};
	char text[4096];
	va_list arguments;
	struct buffer line _cleanup_buffer_;
	buffer_init(&line, LINE_LIMIT);
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	doctor->failed = doctor->failed || finding == FINDING_FAIL;
	tone_append(
	    &line, span_of(words[finding]), tone_of(words[finding]), doctor->ctl->output.color);
	buffer_printf(&line, "%*s%-14s", 6 - (int)strlen(words[finding]), "", what);
	display_append(&line, span_of(text));
	buffer_append_text(&line, "\n");
	if (doctor->ctl->output.form != FORM_QUIET)
		(void)output_text(&line);
}

/* On this machine ------------------------------------------------------------------------------*/

static void look_at_config(struct doctor *doctor)
{
	struct err err = ERR_INIT;
	struct faults faults _cleanup_faults_;
	struct config *config _cleanup_config_ = NULL;
	struct buffer text _cleanup_buffer_;
	faults_init(&faults);
	buffer_init(&text, CONFIG_LIMIT);
	int r = file_read(ENDPOINT_CONFIG, &text, &err);
	if (r > 0) {
		tell_finding(doctor, FINDING_WARN, "configuration",
		    "%s is not there; the daemon may have another: mixportd -c FILE --check-config",
		    ENDPOINT_CONFIG);
		return;
	}
	if (r < 0) {
		tell_finding(doctor, FINDING_WARN, "configuration", "not looked at: %s", err.text);
		return;
	}
	const struct span bytes = {.ptr = buffer_text(&text), .len = text.len};
	if (config_parse_text(ENDPOINT_CONFIG, bytes, &faults, &config) < 0)
		tell_finding(doctor, FINDING_FAIL, "configuration",
		    "%s has %zu faults: mixportd --check-config", ENDPOINT_CONFIG, faults.count);
	else
		tell_finding(doctor, FINDING_OK, "configuration", "%s, %zu projects",
		    ENDPOINT_CONFIG, config->project_count);
}

static void look_at_socket(struct doctor *doctor)
{
	struct stat status;
	struct buffer group _cleanup_buffer_;
	const char *path = doctor->endpoint.socket;
	buffer_init(&group, 256);
	if (!path) {
		tell_finding(
		    doctor, FINDING_OK, "socket", "not used: %s is asked", doctor->endpoint.url);
		return;
	}
	if (stat(path, &status) < 0) {
		tell_finding(doctor, FINDING_FAIL, "socket",
		    "%s: %s; systemctl start mixportd.service", path, strerror(errno));
		return;
	}
	account_append_group(status.st_gid, &group);
	if (!S_ISSOCK(status.st_mode))
		tell_finding(doctor, FINDING_FAIL, "socket", "%s is no socket", path);
	else
		tell_finding(doctor, FINDING_OK, "socket", "%s, mode %04o, group %s", path,
		    (unsigned)status.st_mode & 07777, buffer_text(&group));
}

/* Who asks -------------------------------------------------------------------------------------*/

/* Whom the daemon takes the caller for. */
static void look_at_caller(struct doctor *doctor)
{
	struct err err = ERR_INIT;
	struct exchange exchange _cleanup_exchange_ = {.method = "GET", .target = "/v1"};
	json_t *index _cleanup_json_ = NULL;
	const char *from = doctor->endpoint.token_from;
	link_exchange(doctor->ctl->link, &exchange);
	if (exchange.end == LINK_ANSWERED)
		(void)jsontext_parse(ask_body(&exchange), 0, &err, &index);
	const json_t *caller = member(index, "caller");
	const char *name = member_text(caller, "name");
	const char *scope = member_text(caller, "scope");
	tell_finding(doctor, FINDING_OK, "connection", "as %s%s%s%s, with the scope %s%s",
	    name ? name : "?", from ? " (the token in " : "", from ? from : "", from ? ")" : "",
	    scope ? scope : "?",
	    json_is_true(member(caller, "limited")) ? ", limited to some projects" : "");
}

/* Whether the daemon answers; what it says of itself is kept. */
static void look_at_connection(struct doctor *doctor)
{
	struct err err = ERR_INIT;
	struct exchange exchange _cleanup_exchange_ = {.method = "GET", .target = "/v1/health"};
	struct buffer text _cleanup_buffer_;
	buffer_init(&text, LINE_LIMIT);
	link_exchange(doctor->ctl->link, &exchange);
	if (link_explain(doctor->ctl->link, &exchange, &text)) {
		tell_finding(doctor, FINDING_FAIL, "connection", "%s", buffer_text(&text));
		return;
	}
	doctor->skew = exchange.skew;
	if (exchange.status == 401)
		tell_finding(doctor, FINDING_FAIL, "connection",
		    "not allowed: a token is needed that the daemon knows; mixportctl token new");
	else if (exchange.status == 403)
		tell_finding(doctor, FINDING_FAIL, "connection",
		    "not allowed; usermod -aG GROUP USER, or [access] in the configuration");
	else if (exchange.status != 200 || !ask_is_json(&exchange) ||
		 jsontext_parse(ask_body(&exchange), 0, &err, &doctor->health) < 0)
		tell_finding(doctor, FINDING_FAIL, "connection",
		    "%s does not answer like mixportd; is this the right address?",
		    link_name(doctor->ctl->link));
	if (doctor->health)
		look_at_caller(doctor);
}

/* What the daemon says -------------------------------------------------------------------------*/

static void look_at_version(struct doctor *doctor)
{
	const char *version = member_text(doctor->health, "version");
	if (!version || strcmp(version, PACKAGE_VERSION) != 0)
		tell_finding(doctor, FINDING_WARN, "version",
		    "the daemon is %s, this is %s; systemctl restart mixportd.service",
		    version ? version : "of no version", PACKAGE_VERSION);
	else
		tell_finding(doctor, FINDING_OK, "version", "%s", version);
}

static void look_at_readiness(struct doctor *doctor)
{
	struct err err = ERR_INIT;
	struct exchange exchange _cleanup_exchange_ = {.method = "GET", .target = "/readyz"};
	json_t *answer _cleanup_json_ = NULL;
	link_exchange(doctor->ctl->link, &exchange);
	if (exchange.end == LINK_ANSWERED && exchange.status == 200) {
		tell_finding(doctor, FINDING_OK, "ready", "yes");
		return;
	}
	(void)jsontext_parse(ask_body(&exchange), 0, &err, &answer);
	const json_t *reason = json_array_get(member(answer, "reasons"), 0);
	const char *detail = member_text(reason, "detail");
	tell_finding(doctor, FINDING_FAIL, "ready", "not yet: %s; journalctl -u mixportd.service",
	    detail ? detail : "it does not say why");
}

static void look_at_upstream(struct doctor *doctor, const json_t *project)
{
	const char *name = member_text(project, "project");
	const char *state = member_text(member(project, "upstream"), "state");
	const char *loaded = member_text(member(project, "credential"), "loaded_at");
	int64_t age = output_age(&doctor->ctl->output, loaded);
	struct buffer shown _cleanup_buffer_;
	buffer_init(&shown, 64);
	display_append_age(&shown, age == TIMESTAMP_NONE ? 0 : age);
	name = name ? name : "?";
	if (text_same(state, "ok"))
		tell_finding(doctor, FINDING_OK, "upstream",
		    "%s: Mixpanel answers; its credential was read %s ago", name,
		    buffer_text(&shown));
	else if (text_same(state, "unauthorized"))
		tell_finding(doctor, FINDING_FAIL, "upstream",
		    "%s: Mixpanel does not accept the service account; correct its credential, "
		    "then "
		    "mixportctl reload",
		    name);
	else
		tell_finding(doctor, text_same(state, "unreachable") ? FINDING_FAIL : FINDING_WARN,
		    "upstream", "%s: Mixpanel is %s; mixportctl projects", name,
		    state ? state : "unknown");
}

static void look_at_list(struct doctor *doctor, const json_t *project)
{
	const char *name = member_text(project, "project");
	const json_t *sync = member(project, "sync");
	const char *message = member_text(member(sync, "error"), "message");
	int64_t age = output_age(&doctor->ctl->output, member_text(sync, "synced_at"));
	struct buffer shown _cleanup_buffer_;
	buffer_init(&shown, 64);
	display_append_age(&shown, age == TIMESTAMP_NONE ? 0 : age);
	name = name ? name : "?";
	if (age == TIMESTAMP_NONE)
		tell_finding(doctor, FINDING_FAIL, "list",
		    "%s: its connectors were never listed%s%s", name, message ? ": " : "",
		    message ? message : "");
	else if (json_is_true(member(sync, "stale")))
		tell_finding(doctor, FINDING_WARN, "list",
		    "%s: listed %s ago%s%s; mixportctl refresh", name, buffer_text(&shown),
		    message ? ": " : "", message ? message : "");
	else
		tell_finding(
		    doctor, FINDING_OK, "list", "%s: listed %s ago", name, buffer_text(&shown));
}

static void look_at_projects(struct doctor *doctor)
{
	const json_t *projects = member(doctor->health, "projects");
	for (size_t i = 0; i < json_array_size(projects); i++)
		look_at_upstream(doctor, json_array_get(projects, i));
	for (size_t i = 0; i < json_array_size(projects); i++)
		look_at_list(doctor, json_array_get(projects, i));
}

static void look_at_store(struct doctor *doctor)
{
	const json_t *store = member(doctor->health, "store");
	int64_t wal = member_integer(store, "wal_bytes", 0);
	int64_t left = member_integer(store, "free_bytes", INT64_MAX);
	struct buffer shown _cleanup_buffer_;
	buffer_init(&shown, 256);
	display_append_size(&shown, member_integer(store, "database_bytes", 0));
	buffer_append_text(&shown, ", log ");
	display_append_size(&shown, wal);
	buffer_append_text(&shown, ", ");
	display_append_size(&shown, left == INT64_MAX ? 0 : left);
	buffer_append_text(&shown, " free");
	if (!json_is_true(member(store, "readable")) || !json_is_true(member(store, "writable")))
		tell_finding(doctor, FINDING_FAIL, "database",
		    "it cannot be %s; journalctl -u mixportd.service",
		    json_is_true(member(store, "readable")) ? "written" : "read");
	else if (!member(store, "database_bytes"))
		tell_finding(doctor, FINDING_OK, "database", "readable and writable");
	else if (left < FREE_BYTES_LOW)
		tell_finding(
		    doctor, FINDING_FAIL, "database", "%s; make room", buffer_text(&shown));
	else
		tell_finding(doctor, wal > WAL_BYTES_HIGH ? FINDING_WARN : FINDING_OK, "database",
		    "%s", buffer_text(&shown));
}

/* The header has whole seconds. */
static void look_at_clock(struct doctor *doctor)
{
	int64_t skew = doctor->skew;
	if (skew == TIMESTAMP_NONE)
		tell_finding(doctor, FINDING_WARN, "clock", "the answer has no Date");
	else if (skew > SKEW_ALLOWED || skew < -SKEW_ALLOWED)
		tell_finding(doctor, FINDING_WARN, "clock",
		    "the daemon's differs from this one's by %" PRId64 " s; timedatectl",
		    skew / MICROSECONDS_PER_SECOND);
	else
		tell_finding(doctor, FINDING_OK, "clock", "as the daemon's");
}

static void look_at_reload(struct doctor *doctor)
{
	const json_t *reload = member(doctor->health, "reload");
	const char *error = member_text(reload, "error");
	if (!reload)
		tell_finding(doctor, FINDING_OK, "reload", "none since the start");
	else if (json_is_true(member(reload, "ok")))
		tell_finding(doctor, FINDING_OK, "reload", "the last one took");
	else
		tell_finding(doctor, FINDING_WARN, "reload",
		    "the last one changed nothing: %s; mixportd --check-config",
		    error ? error : "it does not say why");
}

static void look_at_operations(struct doctor *doctor)
{
	int64_t unknown = member_integer(doctor->health, "operations_unknown", 0);
	if (unknown > 0)
		tell_finding(doctor, FINDING_WARN, "operations",
		    "the outcome of %" PRId64 " is unknown; mixportctl operations --state unknown",
		    unknown);
	else
		tell_finding(doctor, FINDING_OK, "operations", "none is unknown");
}

enum exit_code run_doctor(struct ctl *ctl)
{
	struct doctor doctor = {.ctl = ctl, .skew = TIMESTAMP_NONE};
	look_at_config(&doctor);
	enum exit_code code = endpoint_find(ctl->options, &doctor.endpoint);
	if (!code)
		code = link_new(ctl->options, &doctor.endpoint, &ctl->link);
	if (!code) {
		look_at_socket(&doctor);
		look_at_connection(&doctor);
	}
	if (doctor.health) {
		look_at_version(&doctor);
		look_at_readiness(&doctor);
		look_at_projects(&doctor);
		look_at_store(&doctor);
		look_at_clock(&doctor);
		look_at_reload(&doctor);
		look_at_operations(&doctor);
	} else if (!code) {
		tell_finding(&doctor, FINDING_WARN, "daemon",
		    "what it would say of itself is not known; systemctl status mixportd.service");
	}
	ctl->link = link_free(ctl->link);
	json_decref(doctor.health);
	endpoint_done(&doctor.endpoint);
	if (code == EXIT_CONFIG)
		tell_finding(&doctor, FINDING_FAIL, "connection",
		    "the token cannot be used; what is wrong with it stands above");
	if (code && code != EXIT_CONFIG)
		return code;
	return doctor.failed ? EXIT_REFUSED : EXIT_DONE;
}

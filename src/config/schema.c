/* SPDX-License-Identifier: MIT */
/* The table of what may be configured, and nothing that works by it: the manual is written from
 * this file alone. */
#include "config/schema.h"

#include <string.h>

#include "util/timestamp.h"

/* The table -------------------------------------------------------------------------------------*/

#define DAEMON(member) .section = SCHEMA_DAEMON, .offset = offsetof(struct config, member)
#define ACCESS(number)                                                                             \
	.section = SCHEMA_ACCESS, .offset = offsetof(struct config, access), .scope = (number),    \
	.reloadable = true
#define RETENTION(member)                                                                          \
	.section = SCHEMA_RETENTION, .reloadable = true, .offset = offsetof(struct config, member)
#define ATTENTION(member)                                                                          \
	.section = SCHEMA_ATTENTION, .reloadable = true,                                           \
	.offset = offsetof(struct config, attention.member)
#define PROJECT(member)                                                                            \
	.section = SCHEMA_PROJECT, .reloadable = true,                                             \
	.offset = offsetof(struct config_project, member)
#define SHORTEST (100 * MICROSECONDS_PER_MILLISECOND)

/* clang-format off */
const struct schema_key schema_keys[] = {
    {"socket", DAEMON(socket), .type = VALUE_SOCKET,
     .default_text = "/run/mixportd/api.sock",
     .doc = "The UNIX socket that serves the API. Empty: none."},
    {"socket_mode", DAEMON(socket_mode), .type = VALUE_MODE,
     .default_text = "0660",
     .doc = "Its permission bits."},
    {"listen", DAEMON(listen), .type = VALUE_LISTEN,
     .default_text = "127.0.0.1:6973",
     .doc = "The loopback address that serves the API over TCP. Empty: none."},
    {"health_listen", DAEMON(health_listen), .type = VALUE_LISTEN,
     .default_text = "127.0.0.1:6974",
     .doc = "The loopback address that serves only health and metrics. Empty: none."},
    {"database", DAEMON(database), .type = VALUE_PATH,
     .default_text = "/var/lib/mixportd/mixportd.db",
     .doc = "The database file, made when it is absent."},
    {"tokens", DAEMON(tokens_path), .type = VALUE_PATH, .reloadable = true,
     .default_text = "/etc/mixportd/tokens",
     .doc = "The file of tokens for TCP. While it is absent, TCP answers 401 to all but health."},
    {"hosts", DAEMON(hosts), .type = VALUE_HOSTS, .reloadable = true,
     .default_text = "localhost, 127.0.0.1, [::1]",
     .doc = "The names that the Host header of a request may hold, with the listener's port or "
	    "none."},
    {"log_level", DAEMON(log_level), .type = VALUE_LEVEL, .reloadable = true,
     .default_text = "info",
     .doc = "The least important messages that are still logged."},
    {"max_connections", DAEMON(max_connections), .type = VALUE_NUMBER,
     .minimum = 1, .maximum = 100000,
     .default_text = "1024",
     .doc = "How many connections each listener holds at a time, one caller at most half of them. "
	    "Fewer, with a warning, where so many descriptors may not be open."},
    {"request_timeout", DAEMON(request_timeout), .type = VALUE_DURATION, .minimum = SHORTEST,
     .reloadable = true,
     .default_text = "15s",
     .doc = "How long a whole request may take to arrive."},
    {"requests_per_second", DAEMON(requests_per_second), .type = VALUE_OPTIONAL_NUMBER,
     .minimum = 1, .maximum = 1000000, .reloadable = true,
     .default_text = "",
     .doc = "How many requests one caller may send in a second; all who have not shown who they are, "
	    "a quarter of that together. The listener of health has no such limit. Empty: none."},

    {"admin", ACCESS(SCOPE_ADMIN), .type = VALUE_MEMBERS,
     .default_text = "root",
     .doc = "Who may do everything. The daemon's own user always may."},
    {"manage", ACCESS(SCOPE_MANAGE), .type = VALUE_MEMBERS,
     .doc = "Who may read, create, delete and refresh. Without this key it is the group of the "
	    "socket, which is @mixport as the service is installed."},
    {"read", ACCESS(SCOPE_READ), .type = VALUE_MEMBERS,
     .default_text = "",
     .doc = "Who may only read."},

    {"jobs_max_age", RETENTION(jobs_max_age), .type = VALUE_DURATION,
     .default_text = "400d",
     .doc = "Jobs older than this are forgotten, but never a connector's newest ones."},
    {"jobs_max_count", RETENTION(jobs_max_count), .type = VALUE_NUMBER, .maximum = 1000000000,
     .default_text = "1000",
     .doc = "How many jobs of each connector are kept."},
    {"operations_max_age", RETENTION(operations_max_age), .type = VALUE_DURATION,
     .default_text = "400d",
     .doc = "Operations older than this are forgotten, but never one whose outcome is unknown."},
    {"operations_max_count", RETENTION(operations_max_count), .type = VALUE_NUMBER,
     .maximum = 1000000000,
     .default_text = "100000",
     .doc = "How many operations are kept. More are, of those that have not ended, and for a day of "
	    "those that bind an Idempotency-Key, or that succeeded without anybody being told."},
    {"events_max_age", RETENTION(events_max_age), .type = VALUE_DURATION,
     .default_text = "14d",
     .doc = "Events older than this are forgotten."},
    {"events_max_count", RETENTION(events_max_count), .type = VALUE_NUMBER, .minimum = 10,
     .maximum = 1000000000,
     .default_text = "100000",
     .doc = "How many events are kept."},
    {"audit_max_age", RETENTION(audit_max_age), .type = VALUE_DURATION,
     .default_text = "400d",
     .doc = "Entries of the audit older than this are forgotten."},
    {"audit_max_count", RETENTION(audit_max_count), .type = VALUE_NUMBER, .minimum = 10,
     .maximum = 1000000000,
     .default_text = "100000",
     .doc = "How many entries of the audit are kept."},

    {"failing_critical", ATTENTION(failing_critical), .type = VALUE_NUMBER,
     .minimum = 1, .maximum = CONFIG_FAILING_CRITICAL_LIMIT,
     .default_text = "3",
     .doc = "So many jobs of a connector that fail or are cancelled in a row are critical; one is a "
	    "warning."},
    {"never_succeeded_after", ATTENTION(never_succeeded_after), .type = VALUE_DURATION,
     .minimum = SHORTEST,
     .default_text = "24h",
     .doc = "How long a connector may be there before its first job has succeeded."},
    {"success_within", ATTENTION(success_within), .type = VALUE_OPTIONAL_DURATION,
     .minimum = SHORTEST,
     .default_text = "",
     .doc = "How long ago the last success of a connector may be. Empty: any time."},
    {"queued_after", ATTENTION(queued_after), .type = VALUE_DURATION, .minimum = SHORTEST,
     .default_text = "30m",
     .doc = "How long a job may be queued."},
    {"running_after", ATTENTION(running_after), .type = VALUE_DURATION, .minimum = SHORTEST,
     .default_text = "6h",
     .doc = "How long a job may run."},
    {"stalled_after", ATTENTION(stalled_after), .type = VALUE_DURATION, .minimum = SHORTEST,
     .default_text = "1h",
     .doc = "How long a job may run without anything that Mixpanel says of it changing."},
    {"keep_for", ATTENTION(keep_for), .type = VALUE_DURATION, .minimum = SHORTEST,
     .default_text = "7d",
     .doc = "How long what happened only once still needs attention: a job that vanished, a connector "
	    "that somebody else deleted, a gap in a history."},
    {"dropped_percent", ATTENTION(dropped_percent), .type = VALUE_NUMBER,
     .minimum = 1, .maximum = 100,
     .default_text = "5",
     .doc = "Which share of its events, of 1000 at least, a job may not drop. Half of that clears it."},
    {"upstream_after", ATTENTION(upstream_after), .type = VALUE_DURATION, .minimum = SHORTEST,
     .default_text = "5m",
     .doc = "How long Mixpanel may fail a project. A fifth of that where it refuses the service "
	    "account, three times as long where it asks for fewer requests or the intervals are "
	    "stretched."},
    {"clear_after", ATTENTION(clear_after), .type = VALUE_DURATION, .minimum = SHORTEST,
     .default_text = "2m",
     .doc = "How long all must be well with a project again."},
    {"operation_after", ATTENTION(operation_after), .type = VALUE_DURATION, .minimum = SHORTEST,
     .default_text = "1m",
     .doc = "How long the outcome of an operation may be unknown."},

    {"project_id", PROJECT(project_id), .type = VALUE_NUMBER, .required = true,
     .minimum = 1, .maximum = INT64_MAX,
     .doc = "The number of the project at Mixpanel."},
    {"region", PROJECT(region), .type = VALUE_REGION, .required = true,
     .doc = "Where Mixpanel keeps the project."},
    {"credential", PROJECT(credential_name), .type = VALUE_CREDENTIAL, .required = true,
     .doc = "The file with the service account, one line, username:secret. Nobody but root and the "
	    "daemon's user may read it."},
    {"base_url", PROJECT(base_url), .type = VALUE_BASE_URL,
     .default_text = "",
     .doc = "Where to send requests instead of the region's own address."},
    {"list_interval", PROJECT(list_interval), .type = VALUE_DURATION, .minimum = SHORTEST,
     .default_text = "60s",
     .doc = "How often the list of connectors is read."},
    {"active_interval", PROJECT(active_interval), .type = VALUE_DURATION, .minimum = SHORTEST,
     .default_text = "15s",
     .doc = "How often the history of a connector is read while it has an unfinished job or is "
	    "new."},
    {"idle_interval", PROJECT(idle_interval), .type = VALUE_DURATION, .minimum = SHORTEST,
     .default_text = "10m",
     .doc = "How often the history of any other connector is read."},
    {"status_interval", PROJECT(status_interval), .type = VALUE_DURATION, .minimum = SHORTEST,
     .default_text = "30m",
     .doc = "How often each connector is read by itself, for what the list does not tell of it: "
	    "its status and why it failed."},
    {"settle_time", PROJECT(settle_time), .type = VALUE_DURATION, .minimum = SHORTEST,
     .default_text = "2m",
     .doc = "How long Mixpanel's own lists may lag behind it. For so long what it confirmed "
	    "outranks what is read from it."},
    {"rate_limit", PROJECT(rate_limit), .type = VALUE_NUMBER,
     .minimum = 1, .maximum = 1000000,
     .default_text = "60",
     .doc = "How many requests a minute are sent to Mixpanel for this project."},
    {"max_concurrent", PROJECT(max_concurrent), .type = VALUE_NUMBER,
     .minimum = 1, .maximum = 1000,
     .default_text = "4",
     .doc = "How many requests for this project are under way at a time."},
    {"timeout", PROJECT(timeout), .type = VALUE_DURATION, .minimum = SHORTEST,
     .default_text = "30s",
     .doc = "How long one request to Mixpanel that only reads may take."},
    {"write_timeout", PROJECT(write_timeout), .type = VALUE_DURATION, .minimum = SHORTEST,
     .default_text = "130s",
     .doc = "How long one create or delete at Mixpanel may take. Mixpanel's edge gives up after "
	    "about 120s; one that is given up before may have been carried out for all that."},
    {"proxy", PROJECT(proxy), .type = VALUE_PROXY,
     .default_text = "",
     .doc = "The proxy that requests to Mixpanel go through. Empty: none; the environment is not "
	    "asked."},
    {"ca_file", PROJECT(ca_file), .type = VALUE_OPTIONAL_PATH,
     .default_text = "",
     .doc = "A file of certificates (PEM) of the authorities to believe instead of the system's. "
	    "Nobody but root and the daemon's user may be able to change it. Empty: the system's."},
};
/* clang-format on */

const size_t schema_key_count = ARRAY_SIZE(schema_keys);

_Static_assert(ARRAY_SIZE(schema_keys) <= SCHEMA_KEY_LIMIT, "tables by key are too small");

static const struct {
	const char *name;
	const char *doc;
} sections[] = {
    [SCHEMA_DAEMON] = {"daemon", "The daemon itself and its listeners."},
    [SCHEMA_ACCESS] = {"access", "What the peers on the UNIX socket may do."},
    [SCHEMA_RETENTION] = {"retention", "How much of the past is kept."},
    [SCHEMA_ATTENTION] = {"attention", "When something needs attention."},
    [SCHEMA_PROJECT] = {"project",
	"One section for each Mixpanel project, as in [project demo]. The name stands in paths of "
	"the API: 1 to 64 of A-Z a-z 0-9 . _ - and not digits only."},
};

_Static_assert(ARRAY_SIZE(sections) == SCHEMA_SECTION_COUNT, "a section has no name");

const char *schema_section_name(enum schema_section section)
{
	return sections[section].name;
}

const char *schema_section_doc(enum schema_section section)
{
	return sections[section].doc;
}

int schema_section_parse(struct span name, enum schema_section *ret_section)
{
	for (size_t i = 0; i < SCHEMA_SECTION_COUNT; i++) {
		if (span_equals(name, sections[i].name)) {
			*ret_section = (enum schema_section)i;
			return 0;
		}
	}
	return -1;
}

const struct schema_key *schema_find(enum schema_section section, const char *name)
{
	for (size_t i = 0; i < schema_key_count; i++)
		if (schema_keys[i].section == section && strcmp(schema_keys[i].name, name) == 0)
			return &schema_keys[i];
	return NULL;
}

/* What may stand as a value of each type. */
enum range_unit { RANGE_NONE, RANGE_NUMBER, RANGE_DURATION };
static const struct {
	const char *allowed;
	enum range_unit range;
} types[] = {
    [VALUE_PATH] = {"the path of a file", RANGE_NONE},
    [VALUE_OPTIONAL_PATH] = {"the path of a file, or nothing", RANGE_NONE},
    [VALUE_SOCKET] = {"a path of at most 107 bytes, or nothing for no socket", RANGE_NONE},
    [VALUE_CREDENTIAL] =
	{"the name of a file in /etc/mixportd/credentials (or in $CREDENTIALS_DIRECTORY, where "
	 "that is set), or a path with a slash in it",
	    RANGE_NONE},
    [VALUE_NUMBER] = {"a whole number", RANGE_NUMBER},
    [VALUE_OPTIONAL_NUMBER] = {"nothing, or a whole number", RANGE_NUMBER},
    [VALUE_MODE] = {"permission bits in octal from 0000 to 0777", RANGE_NONE},
    [VALUE_DURATION] = {"a duration such as 500ms, 30s, 10m, 2h or 7d", RANGE_DURATION},
    [VALUE_OPTIONAL_DURATION] = {"nothing, or a duration such as 500ms, 30s, 10m, 2h or 7d",
	RANGE_DURATION},
    [VALUE_LEVEL] = {"error, warning, info or debug", RANGE_NONE},
    [VALUE_REGION] = {"us, eu or in", RANGE_NONE},
    [VALUE_LISTEN] =
	{"127.0.0.1:PORT or [::1]:PORT (port 0: any free one), or nothing for no listener",
	    RANGE_NONE},
    [VALUE_HOSTS] = {"host names and addresses without ports, at least one, separated by commas or "
		     "blanks",
	RANGE_NONE},
    [VALUE_BASE_URL] =
	{"an https URL, or an http one to loopback, without credential, query and fragment; "
	 "or nothing for the region's own",
	    RANGE_NONE},
    [VALUE_PROXY] = {"http://HOST:PORT, without credential and path; or nothing for no proxy",
	RANGE_NONE},
    [VALUE_MEMBERS] =
	{"users and @groups of this machine, by name or number, separated by commas or "
	 "blanks, or nothing for nobody",
	    RANGE_NONE},
};

_Static_assert(ARRAY_SIZE(types) == VALUE_TYPE_COUNT, "a type of values is not described");

void schema_append_allowed(const struct schema_key *key, struct buffer *buffer)
{
	buffer_append_text(buffer, types[key->type].allowed);
	if (types[key->type].range == RANGE_NUMBER) {
		buffer_printf(
		    buffer, " from %ju to %ju", (uintmax_t)key->minimum, (uintmax_t)key->maximum);
	} else if (types[key->type].range == RANGE_DURATION) {
		buffer_append_text(buffer, ", from ");
		text_append_duration(buffer, (int64_t)key->minimum);
		buffer_append_text(buffer, " up");
	}
}

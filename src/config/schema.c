#include "config/schema.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>

#include "util/cleanup.h"
#include "util/timestamp.h"

enum range_unit { RANGE_NONE, RANGE_NUMBER, RANGE_DURATION };

/* Invariant: read leaves the field as it was when it fails, and replaces what was there when not.
 */
struct schema_type {
	const char *allowed;
	enum range_unit range;
	int (*read)(const struct schema_key *key, const char *text, void *field, struct err *err);
	int (*write)(const struct schema_key *key, const void *field, struct buffer *buffer);
	void (*done)(void *field); /* NULL: nothing to free */
};

/* Helpers ---------------------------------------------------------------------------------------*/

static int no_memory(struct err *err)
{
	return err_set(err, "no memory");
}

static int not_one(const char *text, struct err *err)
{
	return *text ? err_set(err, "\"%s\" is not one", text) : err_set(err, "there is no value");
}

static void *field_of(const struct schema_key *key, void *record)
{
	return (char *)record + key->offset;
}

/* The next of the words that commas and blanks separate; SPAN_NONE at the end. */
static struct span next_word(const char **at)
{
	const char *start = *at + strspn(*at, ", \t");
	size_t len = strcspn(start, ", \t");
	*at = start + len;
	return len > 0 ? (struct span){.ptr = start, .len = len} : SPAN_NONE;
}

static int set_text(char **field, const char *text, struct err *err)
{
	char *copy = strdup(text);
	if (!copy)
		return no_memory(err);
	free(*field);
	*field = copy;
	return 0;
}

static int write_text(const struct schema_key *key, const void *field, struct buffer *buffer)
{
	(void)key;
	const char *text = *(char *const *)field;
	buffer_append_text(buffer, text ? text : "");
	return 0;
}

static void done_text(void *field)
{
	char **text = field;
	free(*text);
	*text = NULL;
}

/* Paths and names -------------------------------------------------------------------------------*/

static int read_path(const struct schema_key *key, const char *text, void *field, struct err *err)
{
	(void)key;
	return *text ? set_text(field, text, err) : not_one(text, err);
}

static const struct schema_type type_path = {
    .allowed = "the path of a file",
    .read = read_path,
    .write = write_text,
    .done = done_text,
};

static int read_optional_path(
    const struct schema_key *key, const char *text, void *field, struct err *err)
{
	(void)key;
	if (*text)
		return set_text(field, text, err);
	done_text(field);
	return 0;
}

static const struct schema_type type_optional_path = {
    .allowed = "the path of a file, or nothing",
    .read = read_optional_path,
    .write = write_text,
    .done = done_text,
};

static int read_socket(const struct schema_key *key, const char *text, void *field, struct err *err)
{
	struct sockaddr_un address;
	if (strlen(text) >= sizeof(address.sun_path))
		return err_set(err, "the path has %zu bytes", strlen(text));
	return read_optional_path(key, text, field, err);
}

static const struct schema_type type_socket = {
    .allowed = "a path of at most 107 bytes, or nothing for no socket",
    .read = read_socket,
    .write = write_text,
    .done = done_text,
};

/* Somebody will put the credential itself here: it must not be quoted, kept or looked for. */
static int read_credential(
    const struct schema_key *key, const char *text, void *field, struct err *err)
{
	(void)key;
	if (text[strcspn(text, ":/")] == ':')
		return err_set(err,
		    "this looks like a credential, which must not stand in this file but in one of "
		    "its own");
	return *text ? set_text(field, text, err) : not_one(text, err);
}

static const struct schema_type type_credential = {
    .allowed =
	"the name of a file in /etc/mixportd/credentials (or in $CREDENTIALS_DIRECTORY, where that "
	"is set), or a path with a slash in it",
    .read = read_credential,
    .write = write_text,
    .done = done_text,
};

/* Numbers ---------------------------------------------------------------------------------------*/

static int read_number(const struct schema_key *key, const char *text, void *field, struct err *err)
{
	return text_parse_unsigned(text, key->minimum, key->maximum, (uint64_t *)field) < 0
		   ? not_one(text, err)
		   : 0;
}

static int write_number(const struct schema_key *key, const void *field, struct buffer *buffer)
{
	(void)key;
	buffer_printf(buffer, "%ju", (uintmax_t) * (const uint64_t *)field);
	return 0;
}

static const struct schema_type type_number = {
    .allowed = "a whole number",
    .range = RANGE_NUMBER,
    .read = read_number,
    .write = write_number,
};

static int read_mode(const struct schema_key *key, const char *text, void *field, struct err *err)
{
	(void)key;
	size_t len = strlen(text);
	unsigned mode = 0;
	if (len < 1 || len > 4 || strspn(text, "01234567") != len)
		return not_one(text, err);
	for (; *text; text++)
		mode = mode * 8 + (unsigned)(*text - '0');
	if (mode > 0777)
		return err_set(err, "there are no such bits on a socket");
	*(unsigned *)field = mode;
	return 0;
}

static int write_mode(const struct schema_key *key, const void *field, struct buffer *buffer)
{
	(void)key;
	buffer_printf(buffer, "%04o", *(const unsigned *)field);
	return 0;
}

static const struct schema_type type_mode = {
    .allowed = "permission bits in octal from 0000 to 0777",
    .read = read_mode,
    .write = write_mode,
};

static int read_duration(
    const struct schema_key *key, const char *text, void *field, struct err *err)
{
	int64_t duration;
	if (text_parse_duration(text, &duration) < 0)
		return not_one(text, err);
	if ((uint64_t)duration < key->minimum)
		return err_set(err, "%s is too short", text);
	*(int64_t *)field = duration;
	return 0;
}

static int write_duration(const struct schema_key *key, const void *field, struct buffer *buffer)
{
	(void)key;
	text_append_duration(buffer, *(const int64_t *)field);
	return 0;
}

static const struct schema_type type_duration = {
    .allowed = "a duration such as 500ms, 30s, 10m, 2h or 7d",
    .range = RANGE_DURATION,
    .read = read_duration,
    .write = write_duration,
};

/* Words -----------------------------------------------------------------------------------------*/

static const char *const level_names[] = {
    [LOG_LEVEL_ERROR] = "error",
    [LOG_LEVEL_WARNING] = "warning",
    [LOG_LEVEL_INFO] = "info",
    [LOG_LEVEL_DEBUG] = "debug",
};

_Static_assert(ARRAY_SIZE(level_names) == LOG_LEVEL_DEBUG + 1, "a level has no name");

static int read_level(const struct schema_key *key, const char *text, void *field, struct err *err)
{
	(void)key;
	return log_level_parse(text, (enum log_level *)field) < 0 ? not_one(text, err) : 0;
}

static int write_level(const struct schema_key *key, const void *field, struct buffer *buffer)
{
	(void)key;
	buffer_append_text(buffer, level_names[*(const enum log_level *)field]);
	return 0;
}

static const struct schema_type type_level = {
    .allowed = "error, warning, info or debug",
    .read = read_level,
    .write = write_level,
};

static int read_region(const struct schema_key *key, const char *text, void *field, struct err *err)
{
	(void)key;
	for (enum region region = REGION_US; region <= REGION_IN; region++) {
		if (strcmp(region_name(region), text) == 0) {
			*(enum region *)field = region;
			return 0;
		}
	}
	return not_one(text, err);
}

static int write_region(const struct schema_key *key, const void *field, struct buffer *buffer)
{
	(void)key;
	buffer_append_text(buffer, region_name(*(const enum region *)field));
	return 0;
}

static const struct schema_type type_region = {
    .allowed = "us, eu or in",
    .read = read_region,
    .write = write_region,
};

/* Addresses -------------------------------------------------------------------------------------*/

/* 127.0.0.0/8 or ::1 in network order. */
static bool is_loopback(bool ipv6, const uint8_t *address)
{
	return ipv6 ? memcmp(address, &in6addr_loopback, sizeof(in6addr_loopback)) == 0
		    : address[0] == 127;
}

static int parse_listen(const char *text, struct config_listen *listen, struct err *err)
{
	char host[INET6_ADDRSTRLEN];
	const char *colon = strrchr(text, ':');
	uint64_t port;
	if (!colon || text_parse_unsigned(colon + 1, 0, UINT16_MAX, &port) < 0)
		return err_set(err, "\"%s\" is no address with a port", text);
	size_t len = (size_t)(colon - text);
	listen->ipv6 = len >= 2 && text[0] == '[' && colon[-1] == ']';
	const char *start = text + listen->ipv6;
	len -= listen->ipv6 ? 2 : 0;
	if (len >= sizeof(host))
		return not_one(text, err);
	memcpy(host, start, len);
	host[len] = '\0';
	if (inet_pton(listen->ipv6 ? AF_INET6 : AF_INET, host, listen->address) != 1)
		return err_set(err, "\"%s\" is no numeric address", text);
	if (!is_loopback(listen->ipv6, listen->address))
		return err_set(
		    err, "%s is not loopback, so others than this host could reach it", text);
	listen->port = (uint16_t)port;
	return 0;
}

static void done_listen(void *field)
{
	struct config_listen *listen = field;
	free(listen->text);
	*listen = (struct config_listen){.present = false};
}

static int read_listen(const struct schema_key *key, const char *text, void *field, struct err *err)
{
	(void)key;
	struct config_listen listen = {.present = *text != '\0'};
	if (listen.present &&
	    (parse_listen(text, &listen, err) < 0 || set_text(&listen.text, text, err) < 0))
		return -1;
	done_listen(field);
	*(struct config_listen *)field = listen;
	return 0;
}

static int write_listen(const struct schema_key *key, const void *field, struct buffer *buffer)
{
	(void)key;
	const struct config_listen *listen = field;
	buffer_append_text(buffer, listen->present ? listen->text : "");
	return 0;
}

static const struct schema_type type_listen = {
    .allowed = "127.0.0.1:PORT or [::1]:PORT (port 0: any free one), or nothing for no listener",
    .read = read_listen,
    .write = write_listen,
    .done = done_listen,
};

static void done_hosts(void *field)
{
	char ***hosts = field;
	for (char **host = *hosts; host && *host; host++)
		free(*host);
	free(*hosts);
	*hosts = NULL;
}

static bool is_host(const char *host)
{
	struct in6_addr address;
	char inner[INET6_ADDRSTRLEN];
	size_t len = strlen(host);
	if (host[0] != '[') {
		for (size_t i = 0; i < len; i++)
			if (!isalnum((unsigned char)host[i]) && !strchr("._-", host[i]))
				return false;
		return true;
	}
	if (len < 2 || host[len - 1] != ']' || len - 2 >= sizeof(inner))
		return false;
	memcpy(inner, host + 1, len - 2);
	inner[len - 2] = '\0';
	return inet_pton(AF_INET6, inner, &address) == 1;
}

static char *lower_copy(struct span word)
{
	char *copy = strndup(word.ptr, word.len);
	for (char *c = copy; c && *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return copy;
}

static int collect_hosts(const char *text, char **hosts, struct err *err)
{
	size_t count = 0;
	for (struct span word = next_word(&text); word.ptr; word = next_word(&text)) {
		hosts[count] = lower_copy(word);
		if (!hosts[count])
			return no_memory(err);
		if (!is_host(hosts[count]))
			return not_one(hosts[count], err);
		count++;
	}
	return count > 0 ? 0 : not_one("", err);
}

static int read_hosts(const struct schema_key *key, const char *text, void *field, struct err *err)
{
	(void)key;
	/* Each host takes a byte and a separator at least. */
	_cleanup_(done_hosts) char **hosts = calloc(strlen(text) / 2 + 2, sizeof(*hosts));
	if (!hosts)
		return no_memory(err);
	if (collect_hosts(text, hosts, err) < 0)
		return -1;
	done_hosts(field);
	*(char ***)field = TAKE(hosts);
	return 0;
}

static int write_hosts(const struct schema_key *key, const void *field, struct buffer *buffer)
{
	(void)key;
	char *const *hosts = *(char **const *)field;
	for (size_t i = 0; hosts && hosts[i]; i++)
		buffer_printf(buffer, "%s%s", i > 0 ? " " : "", hosts[i]);
	return 0;
}

static const struct schema_type type_hosts = {
    .allowed = "host names and addresses without ports, at least one, separated by commas or "
	       "blanks",
    .read = read_hosts,
    .write = write_hosts,
    .done = done_hosts,
};

/* The addresses of requests ---------------------------------------------------------------------*/

static void cleanup_url(CURLU **url)
{
	curl_url_cleanup(*url);
}

static void cleanup_curl_text(char **text)
{
	curl_free(*text);
}

static bool is_loopback_host(const char *host)
{
	uint8_t address[16];
	if (strcmp(host, "[::1]") == 0 || strcasecmp(host, "localhost") == 0)
		return true;
	return inet_pton(AF_INET, host, address) == 1 && is_loopback(false, address);
}

static int check_base_url(CURLU *url, struct err *err)
{
	_cleanup_(cleanup_curl_text) char *scheme = NULL;
	_cleanup_(cleanup_curl_text) char *host = NULL;
	if (curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) ||
	    curl_url_get(url, CURLUPART_HOST, &host, 0) || *host == '\0')
		return err_set(err, "the URL has no scheme or no host");
	if (strcmp(scheme, "https") == 0)
		return 0;
	if (strcmp(scheme, "http") != 0)
		return err_set(err, "the URL is neither https nor http");
	if (!is_loopback_host(host))
		return err_set(err, "plain http would show the credential to the network");
	return 0;
}

static int check_proxy(CURLU *url, struct err *err)
{
	_cleanup_(cleanup_curl_text) char *scheme = NULL;
	_cleanup_(cleanup_curl_text) char *port = NULL;
	_cleanup_(cleanup_curl_text) char *path = NULL;
	if (curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) || strcmp(scheme, "http") != 0)
		return err_set(err, "the URL is not an http one");
	if (curl_url_get(url, CURLUPART_PORT, &port, 0) || strcmp(port, "0") == 0)
		return err_set(err, "the URL names no port");
	if (curl_url_get(url, CURLUPART_PATH, &path, 0) || strcmp(path, "/") != 0)
		return err_set(err, "the URL has a path");
	return 0;
}

/* The value is never quoted: people put credentials into URLs. */
static int read_url(
    const char *text, int (*check)(CURLU *url, struct err *err), char **field, struct err *err)
{
	if (*text == '\0') {
		done_text(field);
		return 0;
	}
	if (strpbrk(text, "@?#"))
		return err_set(err, "the URL holds a credential, a query or a fragment");
	_cleanup_(cleanup_url) CURLU *url = curl_url();
	_cleanup_(cleanup_curl_text) char *whole = NULL;
	if (!url)
		return no_memory(err);
	CURLUcode r = curl_url_set(url, CURLUPART_URL, text, 0);
	if (r)
		return err_set(err, "this is no URL (%s)", curl_url_strerror(r));
	if (check(url, err) < 0)
		return -1;
	if (curl_url_get(url, CURLUPART_URL, &whole, 0))
		return no_memory(err);
	size_t len = strlen(whole);
	while (len > 0 && whole[len - 1] == '/')
		whole[--len] = '\0';
	return set_text(field, whole, err);
}

static int read_base_url(
    const struct schema_key *key, const char *text, void *field, struct err *err)
{
	(void)key;
	return read_url(text, check_base_url, field, err);
}

static const struct schema_type type_base_url = {
    .allowed = "an https URL, or an http one to loopback, without credential, query and fragment; "
	       "or nothing for the region's own",
    .read = read_base_url,
    .write = write_text,
    .done = done_text,
};

static int read_proxy(const struct schema_key *key, const char *text, void *field, struct err *err)
{
	(void)key;
	return read_url(text, check_proxy, field, err);
}

static const struct schema_type type_proxy = {
    .allowed = "http://HOST:PORT, without credential and path; or nothing for no proxy",
    .read = read_proxy,
    .write = write_text,
    .done = done_text,
};

/* Access ----------------------------------------------------------------------------------------*/

/* The three keys share one list of rules, each entry with its scope. */
static int read_members(
    const struct schema_key *key, const char *text, void *field, struct err *err)
{
	struct access *access = field;
	_cleanup_(access_done) struct access members = {.count = 0};
	for (struct span word = next_word(&text); word.ptr; word = next_word(&text)) {
		_cleanup_free_ char *member = strndup(word.ptr, word.len);
		if (!member)
			return no_memory(err);
		if (access_add(&members, key->scope, member, err) < 0)
			return -1;
	}
	if (access_replace(access, key->scope, &members, err) < 0)
		return -1;
	if (key->scope == SCOPE_MANAGE)
		access->manage_is_socket_group = false;
	return 0;
}

static int write_members(const struct schema_key *key, const void *field, struct buffer *buffer)
{
	const struct access *access = field;
	if (key->scope == SCOPE_MANAGE && access->manage_is_socket_group)
		return 1;
	access_append(access, key->scope, buffer);
	return 0;
}

static void done_members(void *field)
{
	access_done(field);
}

static const struct schema_type type_members = {
    .allowed = "users and @groups of this machine, by name or number, separated by commas or "
	       "blanks, or nothing for nobody",
    .read = read_members,
    .write = write_members,
    .done = done_members,
};

/* The table -------------------------------------------------------------------------------------*/

_Static_assert(sizeof(enum log_level) == sizeof(int) && sizeof(enum region) == sizeof(int),
    "enumerations are read and written as their own type");

#define DAEMON(member) .section = SCHEMA_DAEMON, .offset = offsetof(struct config, member)
#define ACCESS(number)                                                                             \
	.section = SCHEMA_ACCESS, .offset = offsetof(struct config, access), .scope = (number),    \
	.reloadable = true
#define RETENTION(member)                                                                          \
	.section = SCHEMA_RETENTION, .reloadable = true, .offset = offsetof(struct config, member)
#define PROJECT(member)                                                                            \
	.section = SCHEMA_PROJECT, .reloadable = true,                                             \
	.offset = offsetof(struct config_project, member)
#define SHORTEST (100 * MICROSECONDS_PER_MILLISECOND)

/* clang-format off */
const struct schema_key schema_keys[] = {
    {"socket", DAEMON(socket), .type = &type_socket,
     .default_text = "/run/mixportd/api.sock",
     .doc = "The UNIX socket that serves the API. Empty: none."},
    {"socket_mode", DAEMON(socket_mode), .type = &type_mode,
     .default_text = "0660",
     .doc = "Its permission bits."},
    {"listen", DAEMON(listen), .type = &type_listen,
     .default_text = "127.0.0.1:6973",
     .doc = "The loopback address that serves the API over TCP. Empty: none."},
    {"health_listen", DAEMON(health_listen), .type = &type_listen,
     .default_text = "127.0.0.1:6974",
     .doc = "The loopback address that serves only health and metrics. Empty: none."},
    {"database", DAEMON(database), .type = &type_path,
     .default_text = "/var/lib/mixportd/mixportd.db",
     .doc = "The database file, made when it is absent."},
    {"tokens", DAEMON(tokens_path), .type = &type_path, .reloadable = true,
     .default_text = "/etc/mixportd/tokens",
     .doc = "The file of tokens for TCP. While it is absent, TCP answers 401 to all but health."},
    {"hosts", DAEMON(hosts), .type = &type_hosts, .reloadable = true,
     .default_text = "localhost, 127.0.0.1, [::1]",
     .doc = "The names that the Host header of a request may hold, with the listener's port or "
	    "none."},
    {"log_level", DAEMON(log_level), .type = &type_level, .reloadable = true,
     .default_text = "info",
     .doc = "The least important messages that are still logged."},
    {"max_connections", DAEMON(max_connections), .type = &type_number,
     .minimum = 1, .maximum = 100000,
     .default_text = "1024",
     .doc = "How many connections each listener holds at a time. Fewer, with a warning, where so "
	    "many descriptors may not be open."},
    {"request_timeout", DAEMON(request_timeout), .type = &type_duration, .minimum = SHORTEST,
     .reloadable = true,
     .default_text = "15s",
     .doc = "How long a whole request may take to arrive."},

    {"admin", ACCESS(SCOPE_ADMIN), .type = &type_members,
     .default_text = "root",
     .doc = "Who may do everything. The daemon's own user always may."},
    {"manage", ACCESS(SCOPE_MANAGE), .type = &type_members,
     .doc = "Who may read, create, delete and refresh. Without this key it is the group of the "
	    "socket, which is @mixport as the service is installed."},
    {"read", ACCESS(SCOPE_READ), .type = &type_members,
     .default_text = "",
     .doc = "Who may only read."},

    {"jobs_max_age", RETENTION(jobs_max_age), .type = &type_duration,
     .default_text = "400d",
     .doc = "Jobs older than this are forgotten, but never a connector's newest ones."},
    {"jobs_max_count", RETENTION(jobs_max_count), .type = &type_number, .maximum = 1000000000,
     .default_text = "1000",
     .doc = "How many jobs of each connector are kept."},
    {"operations_max_age", RETENTION(operations_max_age), .type = &type_duration,
     .default_text = "400d",
     .doc = "Operations older than this are forgotten, but never one whose outcome is unknown."},

    {"project_id", PROJECT(project_id), .type = &type_number, .required = true,
     .minimum = 1, .maximum = INT64_MAX,
     .doc = "The number of the project at Mixpanel."},
    {"region", PROJECT(region), .type = &type_region, .required = true,
     .doc = "Where Mixpanel keeps the project."},
    {"credential", PROJECT(credential_name), .type = &type_credential, .required = true,
     .doc = "The file with the service account, one line, username:secret. Nobody but root and the "
	    "daemon's user may read it."},
    {"base_url", PROJECT(base_url), .type = &type_base_url,
     .default_text = "",
     .doc = "Where to send requests instead of the region's own address."},
    {"list_interval", PROJECT(list_interval), .type = &type_duration, .minimum = SHORTEST,
     .default_text = "60s",
     .doc = "How often the list of connectors is read."},
    {"active_interval", PROJECT(active_interval), .type = &type_duration, .minimum = SHORTEST,
     .default_text = "15s",
     .doc = "How often the history of a connector is read while it has an unfinished job or is "
	    "new."},
    {"idle_interval", PROJECT(idle_interval), .type = &type_duration, .minimum = SHORTEST,
     .default_text = "10m",
     .doc = "How often the history of any other connector is read."},
    {"status_interval", PROJECT(status_interval), .type = &type_duration, .minimum = SHORTEST,
     .default_text = "30m",
     .doc = "How often each connector is read by itself, for what the list does not tell of it: "
	    "its status and why it failed."},
    {"settle_time", PROJECT(settle_time), .type = &type_duration, .minimum = SHORTEST,
     .default_text = "2m",
     .doc = "How long Mixpanel's own lists may lag behind it. For so long what it confirmed "
	    "outranks what is read from it."},
    {"rate_limit", PROJECT(rate_limit), .type = &type_number,
     .minimum = 1, .maximum = 1000000,
     .default_text = "60",
     .doc = "How many requests a minute are sent to Mixpanel for this project."},
    {"max_concurrent", PROJECT(max_concurrent), .type = &type_number,
     .minimum = 1, .maximum = 1000,
     .default_text = "4",
     .doc = "How many requests for this project are under way at a time."},
    {"timeout", PROJECT(timeout), .type = &type_duration, .minimum = SHORTEST,
     .default_text = "30s",
     .doc = "How long one request to Mixpanel that only reads may take."},
    {"write_timeout", PROJECT(write_timeout), .type = &type_duration, .minimum = SHORTEST,
     .default_text = "130s",
     .doc = "How long one create or delete at Mixpanel may take. Mixpanel's edge gives up after "
	    "about 120s; one that is given up before may have been carried out for all that."},
    {"proxy", PROJECT(proxy), .type = &type_proxy,
     .default_text = "",
     .doc = "The proxy that requests to Mixpanel go through. Empty: none; the environment is not "
	    "asked."},
    {"ca_file", PROJECT(ca_file), .type = &type_optional_path,
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

void schema_append_allowed(const struct schema_key *key, struct buffer *buffer)
{
	buffer_append_text(buffer, key->type->allowed);
	if (key->type->range == RANGE_NUMBER) {
		buffer_printf(
		    buffer, " from %ju to %ju", (uintmax_t)key->minimum, (uintmax_t)key->maximum);
	} else if (key->type->range == RANGE_DURATION) {
		buffer_append_text(buffer, ", from ");
		text_append_duration(buffer, (int64_t)key->minimum);
		buffer_append_text(buffer, " up");
	}
}

int schema_read(const struct schema_key *key, const char *text, void *record, struct err *err)
{
	return key->type->read(key, text, field_of(key, record), err);
}

int schema_write(const struct schema_key *key, const void *record, struct buffer *buffer)
{
	return key->type->write(key, (const char *)record + key->offset, buffer);
}

void schema_done(enum schema_section section, void *record)
{
	for (size_t i = 0; i < schema_key_count; i++) {
		const struct schema_key *key = &schema_keys[i];
		if (key->section == section && key->type->done)
			key->type->done(field_of(key, record));
	}
}

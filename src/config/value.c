/* SPDX-License-Identifier: MIT */
/* How the values of each type are read, written and freed. */
#include "config/value.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>

#include "config/region.h"
#include "util/cleanup.h"
#include "util/url.h"

/* Helpers ---------------------------------------------------------------------------------------*/

static int value_no_memory(struct err *err)
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

static int value_set_text(char **field, const char *text, struct err *err)
{
	char *copy = strdup(text);
	if (!copy)
		return value_no_memory(err);
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
	return *text ? value_set_text(field, text, err) : not_one(text, err);
}

static int read_optional_path(
    const struct schema_key *key, const char *text, void *field, struct err *err)
{
	(void)key;
	if (*text)
		return value_set_text(field, text, err);
	done_text(field);
	return 0;
}

static int read_socket(const struct schema_key *key, const char *text, void *field, struct err *err)
{
	struct sockaddr_un address;
	if (strlen(text) >= sizeof(address.sun_path))
		return err_set(err, "the path has %zu bytes", strlen(text));
	return read_optional_path(key, text, field, err);
}

/* Somebody will put the credential itself here: it must not be quoted, kept or looked for. */
static int value_read_credential(
    const struct schema_key *key, const char *text, void *field, struct err *err)
{
	(void)key;
	if (text[strcspn(text, ":/")] == ':')
		return err_set(err,
		    "this looks like a credential, which must not stand in this file but in one of "
		    "its own");
	return *text ? value_set_text(field, text, err) : not_one(text, err);
}

/* Numbers ---------------------------------------------------------------------------------------*/

static int read_number(const struct schema_key *key, const char *text, void *field, struct err *err)
{
	return text_parse_unsigned(text, key->minimum, key->maximum, (uint64_t *)field) < 0
		   ? not_one(text, err)
		   : 0;
}

static int read_optional_number(
    const struct schema_key *key, const char *text, void *field, struct err *err)
{
	if (*text)
		return read_number(key, text, field, err);
	*(uint64_t *)field = 0;
	return 0;
}

static int write_number(const struct schema_key *key, const void *field, struct buffer *buffer)
{
	(void)key;
	buffer_printf(buffer, "%ju", (uintmax_t) * (const uint64_t *)field);
	return 0;
}

static int write_optional_number(
    const struct schema_key *key, const void *field, struct buffer *buffer)
{
	return *(const uint64_t *)field ? write_number(key, field, buffer) : 0;
}

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

static int read_optional_duration(
    const struct schema_key *key, const char *text, void *field, struct err *err)
{
	if (*text)
		return read_duration(key, text, field, err);
	*(int64_t *)field = 0;
	return 0;
}

static int write_optional_duration(
    const struct schema_key *key, const void *field, struct buffer *buffer)
{
	return *(const int64_t *)field ? write_duration(key, field, buffer) : 0;
}

/* Words -----------------------------------------------------------------------------------------*/

static int read_level(const struct schema_key *key, const char *text, void *field, struct err *err)
{
	(void)key;
	int level = text_find(log_level_names, text);
	if (level < 0)
		return not_one(text, err);
	*(enum log_level *)field = (enum log_level)level;
	return 0;
}

static int write_level(const struct schema_key *key, const void *field, struct buffer *buffer)
{
	(void)key;
	buffer_append_text(buffer, log_level_names[*(const enum log_level *)field]);
	return 0;
}

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
	    (parse_listen(text, &listen, err) < 0 || value_set_text(&listen.text, text, err) < 0))
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
			return value_no_memory(err);
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
		return value_no_memory(err);
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

/* The addresses of requests ---------------------------------------------------------------------*/

static bool is_loopback_host(const char *host)
{
	uint8_t address[16];
	if (strcmp(host, "[::1]") == 0 || strcasecmp(host, "localhost") == 0)
		return true;
	return inet_pton(AF_INET, host, address) == 1 && is_loopback(false, address);
}

static int check_base_url(const struct url *url, struct err *err)
{
	if (!url->scheme || !url->host || *url->host == '\0')
		return err_set(err, "the URL has no scheme or no host");
	if (strcmp(url->scheme, "https") == 0)
		return 0;
	if (strcmp(url->scheme, "http") != 0)
		return err_set(err, "the URL is neither https nor http");
	if (!is_loopback_host(url->host))
		return err_set(err, "plain http would show the credential to the network");
	return 0;
}

static int check_proxy(const struct url *url, struct err *err)
{
	if (!url->scheme || strcmp(url->scheme, "http") != 0)
		return err_set(err, "the URL is not an http one");
	if (!url->port || strcmp(url->port, "0") == 0)
		return err_set(err, "the URL names no port");
	if (!url->path || strcmp(url->path, "/") != 0)
		return err_set(err, "the URL has a path");
	return 0;
}

static int read_url(const char *text, int (*check)(const struct url *url, struct err *err),
    char **field, struct err *err)
{
	if (*text == '\0') {
		done_text(field);
		return 0;
	}
	if (strpbrk(text, "@?#"))
		return err_set(err, "the URL holds a credential, a query or a fragment");
	_cleanup_url_ struct url url = {.whole = NULL};
	if (url_parse(text, err, &url) < 0 || check(&url, err) < 0)
		return -1;
	size_t len = strlen(url.whole);
	while (len > 0 && url.whole[len - 1] == '/')
		url.whole[--len] = '\0';
	return value_set_text(field, url.whole, err);
}

static int read_base_url(
    const struct schema_key *key, const char *text, void *field, struct err *err)
{
	(void)key;
	return read_url(text, check_base_url, field, err);
}

static int read_proxy(const struct schema_key *key, const char *text, void *field, struct err *err)
{
	(void)key;
	return read_url(text, check_proxy, field, err);
}

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
			return value_no_memory(err);
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

/* All of them -----------------------------------------------------------------------------------*/

_Static_assert(sizeof(enum log_level) == sizeof(int) && sizeof(enum region) == sizeof(int),
    "enumerations are read and written as their own type");

/* Invariant: read leaves the field as it was when it fails, and replaces what was there when not.
 */
static const struct {
	int (*read)(const struct schema_key *key, const char *text, void *field, struct err *err);
	int (*write)(const struct schema_key *key, const void *field, struct buffer *buffer);
	void (*done)(void *field); /* NULL: nothing to free */
} types[] = {
    [VALUE_PATH] = {read_path, write_text, done_text},
    [VALUE_OPTIONAL_PATH] = {read_optional_path, write_text, done_text},
    [VALUE_SOCKET] = {read_socket, write_text, done_text},
    [VALUE_CREDENTIAL] = {value_read_credential, write_text, done_text},
    [VALUE_NUMBER] = {read_number, write_number, NULL},
    [VALUE_OPTIONAL_NUMBER] = {read_optional_number, write_optional_number, NULL},
    [VALUE_MODE] = {read_mode, write_mode, NULL},
    [VALUE_DURATION] = {read_duration, write_duration, NULL},
    [VALUE_OPTIONAL_DURATION] = {read_optional_duration, write_optional_duration, NULL},
    [VALUE_LEVEL] = {read_level, write_level, NULL},
    [VALUE_REGION] = {read_region, write_region, NULL},
    [VALUE_LISTEN] = {read_listen, write_listen, done_listen},
    [VALUE_HOSTS] = {read_hosts, write_hosts, done_hosts},
    [VALUE_BASE_URL] = {read_base_url, write_text, done_text},
    [VALUE_PROXY] = {read_proxy, write_text, done_text},
    [VALUE_MEMBERS] = {read_members, write_members, done_members},
};

_Static_assert(ARRAY_SIZE(types) == VALUE_TYPE_COUNT, "a type of values cannot be read");

int value_read(const struct schema_key *key, const char *text, void *record, struct err *err)
{
	return types[key->type].read(key, text, field_of(key, record), err);
}

int value_write(const struct schema_key *key, const void *record, struct buffer *buffer)
{
	return types[key->type].write(key, (const char *)record + key->offset, buffer);
}

void values_done(enum schema_section section, void *record)
{
	for (size_t i = 0; i < schema_key_count; i++) {
		const struct schema_key *key = &schema_keys[i];
		if (key->section == section && types[key->type].done)
			types[key->type].done(field_of(key, record));
	}
}

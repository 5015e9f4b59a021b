/* SPDX-License-Identifier: MIT */
/* Finds the daemon. There is no falling back from one place to the next: whoever says where to ask
 * never gets the answers of another daemon. */
#include "ctl/endpoint.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "config/access.h"
#include "config/config.h"
#include "config/schema.h"
#include "ctl/complain.h"
#include "util/cleanup.h"
#include "util/file.h"
#include "util/url.h"

#define PATH_LIMIT 4096

void endpoint_done(struct endpoint *endpoint)
{
	free(endpoint->socket);
	free(endpoint->url);
	free(endpoint->token_from);
	secret_free(endpoint->token);
	*endpoint = (struct endpoint){.socket = NULL};
}

/* A variable of the environment; NULL when it is empty too. */
static const char *environment(const char *name)
{
	const char *value = getenv(name);
	return value && *value ? value : NULL;
}

/* Addresses ------------------------------------------------------------------------------------*/

static bool endpoint_is_loopback(const char *host)
{
	struct in_addr address;
	if (strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0)
		return true;
	return inet_pton(AF_INET, host, &address) == 1 && ntohl(address.s_addr) >> 24 == 127;
}

/* The token goes there in clear, so it stays on this host. A name and password in it would be seen
 * by everybody who lists processes. */
static enum exit_code use_url(struct endpoint *endpoint, const char *text)
{
	struct err err = ERR_INIT;
	struct url url _cleanup_url_ = {.whole = NULL};
	if (strchr(text, '@'))
		return complain(EXIT_USAGE,
		    "a URL with a name or a token in it can be seen by everybody; --token-file "
		    "FILE");
	if (url_parse(text, &err, &url) < 0)
		return complain(EXIT_USAGE, "%s: %s", text, err.text);
	if (strcmp(url.scheme, "http") != 0 || !url.host || !endpoint_is_loopback(url.host))
		return complain(EXIT_USAGE,
		    "%s: the daemon is asked on this host only, such as " ENDPOINT_URL, text);
	if ((url.path && strcmp(url.path, "/") != 0) || strpbrk(text, "?#"))
		return complain(EXIT_USAGE, "%s: there is nothing behind the port", text);
	char *copy = strdup(text);
	size_t len = copy ? strlen(copy) : 0;
	if (len > 0 && copy[len - 1] == '/')
		copy[len - 1] = '\0';
	endpoint->url = copy;
	return copy ? EXIT_DONE : complain(EXIT_REFUSED, "no memory for a URL");
}

static enum exit_code use_socket(struct endpoint *endpoint, const char *path)
{
	struct sockaddr_un address;
	if (strlen(path) >= sizeof(address.sun_path))
		return complain(EXIT_USAGE, "%s is too long for the path of a socket", path);
	endpoint->socket = strdup(path);
	return endpoint->socket ? EXIT_DONE : complain(EXIT_REFUSED, "no memory for a path");
}

static enum exit_code use_either(
    struct endpoint *endpoint, const char *socket_path, const char *url, const char *both)
{
	if (socket_path && url)
		return complain(
		    EXIT_USAGE, "%s: one of them, for they may lead to different daemons", both);
	return socket_path ? use_socket(endpoint, socket_path) : use_url(endpoint, url);
}

/* As the daemon's configuration says, where it may be read. */
static enum exit_code use_usual_socket(struct endpoint *endpoint)
{
	char *path _cleanup_free_ = NULL;
	if (config_find_socket(ENDPOINT_CONFIG, &path) == 0)
		return use_socket(endpoint, path);
	return use_socket(endpoint, schema_find(SCHEMA_DAEMON, "socket")->default_text);
}

/* Tokens ---------------------------------------------------------------------------------------*/

/* One word: what could end the header it is sent in is no part of a token. */
static enum exit_code take_token(
    struct endpoint *endpoint, const char *text, size_t len, const char *from)
{
	struct err err = ERR_INIT;
	size_t begin = text_mark_length(text, len);
	while (len > begin && strchr(" \t\r\n", text[len - 1]))
		len--;
	for (size_t i = begin; i < len; i++)
		if (text[i] <= ' ' || text[i] > '~')
			return complain(
			    EXIT_CONFIG, "%s does not hold one token and nothing else", from);
	if (len == begin || len - begin > TOKEN_LENGTH_LIMIT)
		return complain(EXIT_CONFIG, "%s holds no token", from);
	endpoint->token_from = strdup(from);
	if (!endpoint->token_from ||
	    secret_new(text + begin, len - begin, &err, &endpoint->token) < 0)
		return complain(EXIT_REFUSED, "no memory for a token");
	return EXIT_DONE;
}

static enum exit_code read_token_file(struct endpoint *endpoint, const char *path, bool named)
{
	struct err err = ERR_INIT;
	struct stat status;
	char bytes[4096];
	struct buffer text = {.data = NULL};
	if (stat(path, &status) < 0 && (errno == ENOENT || errno == ENOTDIR) && !named)
		return EXIT_DONE;
	buffer_init(&text, sizeof(bytes));
	int r = file_read(path, &text, &err);
	enum exit_code code = EXIT_DONE;
	if (r > 0 && strncmp(path, TOKEN_PREFIX, strlen(TOKEN_PREFIX)) == 0)
		code = complain(EXIT_CONFIG,
		    "the token itself is given where its file is wanted, and can be seen there by "
		    "everybody; put it into a file of mode 600");
	else if (r > 0)
		code = complain(EXIT_CONFIG, "%s, the token file, is not there", path);
	else if (r < 0)
		code = complain(EXIT_CONFIG, "the token file cannot be read: %s", err.text);
	else if (status.st_mode & (S_IRGRP | S_IROTH))
		code = complain(EXIT_CONFIG,
		    "%s, the token file, can be read by others; chmod 600 %s", path, path);
	else
		code = take_token(endpoint, buffer_text(&text), text.len, path);
	if (text.data)
		secret_wipe(text.data, text.len);
	buffer_done(&text);
	return code;
}

static enum exit_code read_home_token(struct endpoint *endpoint)
{
	char path[PATH_LIMIT];
	const char *config = environment("XDG_CONFIG_HOME");
	const char *home = environment("HOME");
	if (!config && !home)
		return EXIT_DONE;
	int len = snprintf(path, sizeof(path), "%s%s/mixport/token", config ? config : home,
	    config ? "" : "/.config");
	if (len < 0 || (size_t)len >= sizeof(path))
		return EXIT_DONE;
	return read_token_file(endpoint, path, false);
}

static enum exit_code find_token(const struct options *options, struct endpoint *endpoint)
{
	const char *file = options->value[OPTION_TOKEN_FILE];
	const char *token = environment("MIXPORT_TOKEN");
	if (!file)
		file = environment("MIXPORT_TOKEN_FILE");
	if (file)
		return read_token_file(endpoint, file, true);
	if (token)
		return take_token(endpoint, token, strlen(token), "MIXPORT_TOKEN");
	return read_home_token(endpoint);
}

/* What was said in so many words; nothing is found otherwise. */
static enum exit_code find_said(const struct options *options, struct endpoint *endpoint)
{
	const char *socket_path = options->value[OPTION_SOCKET];
	const char *url = options->value[OPTION_URL];
	if (socket_path || url)
		return use_either(endpoint, socket_path, url, "--socket and --url");
	socket_path = environment("MIXPORT_SOCKET");
	url = environment("MIXPORT_URL");
	if (socket_path || url)
		return use_either(endpoint, socket_path, url, "MIXPORT_SOCKET and MIXPORT_URL");
	return EXIT_DONE;
}

static bool is_found(const struct endpoint *endpoint)
{
	return endpoint->socket || endpoint->url;
}

/* A token is neither sent nor looked for on a socket. */
static enum exit_code end_finding(const struct options *options, enum exit_code code,
    struct endpoint *endpoint, struct endpoint *ret_endpoint)
{
	if (!code && endpoint->url && !endpoint->token)
		code = find_token(options, endpoint);
	if (code)
		endpoint_done(endpoint);
	else
		*ret_endpoint = *endpoint;
	return code;
}

enum exit_code endpoint_find(const struct options *options, struct endpoint *ret_endpoint)
{
	struct endpoint endpoint = {.socket = NULL};
	enum exit_code code = find_said(options, &endpoint);
	if (!code && !is_found(&endpoint)) {
		code = find_token(options, &endpoint);
		if (!code && endpoint.token)
			code = use_url(&endpoint, ENDPOINT_URL);
		else if (!code)
			code = use_usual_socket(&endpoint);
	}
	return end_finding(options, code, &endpoint, ret_endpoint);
}

enum exit_code endpoint_find_beside(
    const struct options *options, const char *socket_path, struct endpoint *ret_endpoint)
{
	struct endpoint endpoint = {.socket = NULL};
	enum exit_code code = find_said(options, &endpoint);
	if (!code && !is_found(&endpoint))
		code =
		    socket_path ? use_socket(&endpoint, socket_path) : use_usual_socket(&endpoint);
	return end_finding(options, code, &endpoint, ret_endpoint);
}

/* SPDX-License-Identifier: MIT */
/* The least a libmicrohttpd program can do: fixed bytes for every request. What the daemon's speed
 * is measured against. */
#include <arpa/inet.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BODY_LIMIT 65536

struct fixed {
	char bytes[BODY_LIMIT];
	size_t len;
};

static enum MHD_Result answer(void *context, struct MHD_Connection *connection, const char *url,
    const char *method, const char *version, const char *data, size_t *len, void **state)
{
	static int seen;
	struct fixed *fixed = context;
	(void)url, (void)method, (void)version, (void)data, (void)len;
	/* An answer on the first call would close the connection. */
	if (!*state) {
		*state = &seen;
		return MHD_YES;
	}
	struct MHD_Response *response =
	    MHD_create_response_from_buffer(fixed->len, fixed->bytes, MHD_RESPMEM_PERSISTENT);
	MHD_add_response_header(response, "Content-Type", "application/json");
	enum MHD_Result result = MHD_queue_response(connection, MHD_HTTP_OK, response);
	MHD_destroy_response(response);
	return result;
}

int main(int argc, char **argv)
{
	static struct fixed fixed;
	if (argc != 4) {
		fprintf(stderr, "usage: %s PORT THREADS FILE\n", argv[0]);
		return 2;
	}
	FILE *file = fopen(argv[3], "rb");
	if (!file) {
		perror(argv[3]);
		return 1;
	}
	fixed.len = fread(fixed.bytes, 1, sizeof(fixed.bytes), file);
	fclose(file);
	struct sockaddr_in address = {
	    .sin_family = AF_INET,
	    .sin_port = htons((uint16_t)strtoul(argv[1], NULL, 10)),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct MHD_Daemon *daemon = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL,
	    answer, &fixed, MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_THREAD_POOL_SIZE,
	    (unsigned)strtoul(argv[2], NULL, 10), MHD_OPTION_END);
	if (!daemon) {
		fprintf(stderr, "cannot listen on port %s\n", argv[1]);
		return 1;
	}
	puts("listening");
	fflush(stdout);
	/* Until standard input ends. */
	while (getchar() != EOF)
		;
	MHD_stop_daemon(daemon);
	return 0;
}

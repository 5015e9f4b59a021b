/* SPDX-License-Identifier: MIT */
/* Requests that go out over libcurl's multi interface. One thread owns a client; only
 * client_wake() may be called from others.
 *
 * What changes something goes out on a fresh connection that is never reused: libcurl repeats a
 * POST by itself when a reused connection dies before the first byte of an answer. Connections that
 * reads share live for a minute, and not after a failure, so that a name that has moved is
 * followed. Proxies of the environment, .netrc and cookies are switched off. Redirects are never
 * followed by libcurl. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "util/err.h"
#include "util/text.h"

#define CLIENT_BODY_LIMIT (4 * 1024 * 1024)
#define CLIENT_REQUEST_ID_SIZE 65

struct client;

/* How a request ended. */
enum client_outcome {
	CLIENT_ANSWERED, /* a complete answer: status and body hold */
	CLIENT_NOT_SENT, /* provably nothing was sent: no connection could be made */
	CLIENT_UNCLEAR,  /* it was sent, or may have been; no complete answer */
};

/* The end of a request. Pointers hold during the callback only. */
struct client_answer {
	enum client_outcome outcome;
	long status;         /* HTTP status; 0 when not even that came */
	struct span body;    /* at most CLIENT_BODY_LIMIT bytes */
	const char *message; /* what went wrong, for people; "" when answered */
	int64_t retry_after; /* microseconds, 0 when not sent, else within 1 s…1 h */
	int64_t date; /* the server's own clock when it answered; TIMESTAMP_NONE when not sent */
	char
	    request_id[CLIENT_REQUEST_ID_SIZE]; /* the server's own, for its support; "" for none */
	/* Headers of limits as they came, for the log: nobody documents them. NULL for none. */
	const char *rate_limit;
	const char *rate_limit_policy;
	int64_t started_at; /* wall clock, when the request was submitted */
	int64_t duration;   /* microseconds */
};

/* Called once for each request, on the client's thread, from client_run(). */
typedef void client_done_fn(const struct client_answer *answer, void *context);

/* A request to be made. Everything is copied by client_submit. */
struct client_request {
	const char *name;   /* for logs and errors; static */
	const char *method; /* static */
	bool once;          /* it changes something: never repeated, never redirected */
	const char *url;
	const char *credential; /* "username:secret" */
	const char *proxy;      /* "http://HOST:PORT"; NULL for none */
	const char *ca_file;    /* the authorities to trust; NULL for the system's */
	struct span body;       /* JSON; SPAN_NONE for none */
	int64_t timeout;        /* microseconds, of the whole request */
	client_done_fn *done;
	void *context;
};

/* Prepares libcurl, before there are threads; and gives back what it holds. Returns 0, or -1. */
int client_library_init(struct err *err);
void client_library_done(void);

/* user_agent is sent with every request; id_header, static, is the one in which the server names
 * its answer. Returns 0, or -1. */
int client_new(
    const char *user_agent, const char *id_header, struct err *err, struct client **ret_client);

/* Drops every request in flight, without calling done. Takes NULL; returns NULL. */
struct client *client_free(struct client *client);

/* Starts a request. A read that is answered with a redirect to the same URL with a slash added
 * follows it once, by itself. Returns 0; -1 when it could not even be prepared (done is not called
 * then; nothing was sent). */
int client_submit(struct client *client, const struct client_request *request, struct err *err);

/* How many requests are in flight. */
unsigned client_in_flight(const struct client *client);

/* Moves every transfer on, calls done for those that ended, and waits at most timeout microseconds
 * for something to do. client_wake() ends the wait. */
void client_run(struct client *client, int64_t timeout);

/* Ends the wait of client_run. Any thread. */
void client_wake(struct client *client);

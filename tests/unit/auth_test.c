/* SPDX-License-Identifier: MIT */
#include "http/auth.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "unit.h"
#include "util/digest.h"

static int parse(const char *text, struct auth_claim *claim)
{
	return auth_parse(span_of(text), claim);
}

START_TEST(bearer_and_basic_are_read)
{
	struct auth_claim claim;
	ck_assert_int_eq(parse("Bearer mxp_abc", &claim), 0);
	ck_assert(!claim.named);
	ck_assert_str_eq(claim.token, "mxp_abc");
	ck_assert_int_eq(parse("bEARER   mxp_abc ", &claim), 0);
	ck_assert_str_eq(claim.token, "mxp_abc");
	/* "some:mxp_a:b": the first colon ends the name */
	ck_assert_int_eq(parse("Basic c29tZTpteHBfYTpi", &claim), 0);
	ck_assert(claim.named);
	ck_assert_str_eq(claim.name, "some");
	ck_assert_str_eq(claim.token, "mxp_a:b");
}
END_TEST

START_TEST(anything_else_is_no_claim)
{
	struct auth_claim claim = {.token = "untouched"};
	char text[600];
	static const char *const bad[] = {"", "Bearer", "Bearer ", "Bearer abc", "Bearer mxp_",
	    "Bearer mxp_a b", "Bearer mxp_a\x01", "Bearermxp_abc", "Digest mxp_abc", "Basic",
	    "Basic !!!!", "Basic c29tZQ==" /* some */, "Basic Om14cF9h" /* :mxp_a */,
	    "Basic YTpi" /* a:b */, "Basic c29tZTpteHBfYTp" /* cut */, "mxp_abc"};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ck_assert_msg(parse(bad[i], &claim) == -1, "%s", bad[i]);
	ck_assert_int_eq(auth_parse(SPAN_NONE, &claim), -1);
	snprintf(text, sizeof(text), "Bearer mxp_%0*d", TOKEN_LENGTH_LIMIT - 4, 0);
	ck_assert_int_eq(parse(text, &claim), 0);
	snprintf(text, sizeof(text), "Bearer mxp_%0*d", TOKEN_LENGTH_LIMIT - 3, 0);
	ck_assert_int_eq(parse(text, &claim), -1);
}
END_TEST

START_TEST(a_name_goes_with_its_token_only)
{
	static char a[] = "a", b[] = "b";
	struct token list[] = {{.name = a, .scope = SCOPE_READ}, {.name = b, .scope = SCOPE_ADMIN}};
	struct tokens tokens = {.tokens = list, .count = 2};
	digest_sha256("mxp_one", 7, list[0].digest);
	digest_sha256("mxp_two", 7, list[1].digest);
	struct auth_claim claim = {.token = "mxp_two"};
	ck_assert_ptr_eq(auth_find(&tokens, &claim), &list[1]);
	claim = (struct auth_claim){.named = true, .name = "a", .token = "mxp_two"};
	ck_assert_ptr_null(auth_find(&tokens, &claim));
	claim = (struct auth_claim){.named = true, .name = "a", .token = "mxp_one"};
	ck_assert_ptr_eq(auth_find(&tokens, &claim), &list[0]);
	claim = (struct auth_claim){.token = "mxp_three"};
	ck_assert_ptr_null(auth_find(&tokens, &claim));
}
END_TEST

START_TEST(what_is_told_of_a_client_is_told_once)
{
	static char a[] = "a", b[] = "b";
	struct token list[] = {{.name = a}, {.name = b}, {.name = a}};
	struct tokens tokens = {.tokens = list, .count = 3};
	ck_assert(tokens_tell_once(&tokens, "a"));
	ck_assert(!tokens_tell_once(&tokens, "a"));
	ck_assert(tokens_tell_once(&tokens, "b"));
	ck_assert(!tokens_tell_once(&tokens, "b"));
	ck_assert(!tokens_tell_once(&tokens, "c"));
}
END_TEST

START_TEST(a_peer_is_who_connected)
{
	int pair[2];
	struct auth_peer peer = {.groups = NULL};
	char name[32];
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	ck_assert_int_eq(auth_peer_read(pair[0], &peer), 0);
	ck_assert_uint_eq(peer.uid, getuid());
	ck_assert_uint_eq(peer.gid, getgid());
	snprintf(name, sizeof(name), "uid:%u", (unsigned)getuid());
	ck_assert_str_eq(peer.name, name);
	ck_assert_int_eq((int)peer.group_count, getgroups(0, NULL));
	auth_peer_done(&peer);
	close(pair[0]);
	close(pair[1]);
}
END_TEST

int main(void)
{
	const struct unit_case cases[] = {
	    {"bearer and basic are read", bearer_and_basic_are_read},
	    {"anything else is no claim", anything_else_is_no_claim},
	    {"a name goes with its token only", a_name_goes_with_its_token_only},
	    {"what is told of a client is told once", what_is_told_of_a_client_is_told_once},
	    {"a peer is who connected", a_peer_is_who_connected},
	    {NULL, NULL},
	};
	return unit_main("auth", cases);
}

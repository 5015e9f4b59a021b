/* SPDX-License-Identifier: MIT */
/* Who is let in, by which rule or token. */
#include "config/access.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "unit.h"
#include "util/text.h"

#define HASH_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HASH_B "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB"
#define HASH_C "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"

/* A user that is not the one running the tests. */
static uid_t stranger(void)
{
	return geteuid() + 1000;
}

static void add(struct access *access, enum scope scope, const char *member)
{
	struct err err = ERR_INIT;
	ck_assert_msg(access_add(access, scope, member, &err) == 0, "%s", err.text);
}

START_TEST(the_daemons_own_user_is_always_admin)
{
	struct access access = {.count = 0};
	ck_assert_int_eq(access_scope(&access, geteuid(), 5, NULL, 0, 6), SCOPE_ADMIN);
	ck_assert_int_eq(access_scope(&access, stranger(), 5, NULL, 0, 6), SCOPE_NONE);
}
END_TEST

START_TEST(the_group_of_the_socket_manages_while_nothing_else_is_said)
{
	struct access access = {.manage_is_socket_group = true};
	const gid_t groups[] = {70, 80};
	ck_assert_int_eq(access_scope(&access, stranger(), 80, NULL, 0, 80), SCOPE_MANAGE);
	ck_assert_int_eq(access_scope(&access, stranger(), 1, groups, 2, 80), SCOPE_MANAGE);
	ck_assert_int_eq(access_scope(&access, stranger(), 1, groups, 2, 90), SCOPE_NONE);
	access.manage_is_socket_group = false;
	ck_assert_int_eq(access_scope(&access, stranger(), 80, groups, 2, 80), SCOPE_NONE);
}
END_TEST

START_TEST(the_widest_rule_that_applies_decides)
{
	struct access access = {.count = 0};
	char user[32];
	snprintf(user, sizeof(user), "%u", (unsigned)stranger());
	add(&access, SCOPE_ADMIN, "@501");
	add(&access, SCOPE_READ, user);
	add(&access, SCOPE_MANAGE, "@500");
	const gid_t managers[] = {1, 500};
	const gid_t both[] = {500, 501};
	ck_assert_int_eq(access_scope(&access, stranger(), 2, NULL, 0, 0), SCOPE_READ);
	ck_assert_int_eq(access_scope(&access, stranger(), 2, managers, 2, 0), SCOPE_MANAGE);
	ck_assert_int_eq(access_scope(&access, stranger(), 2, both, 2, 0), SCOPE_ADMIN);
	ck_assert_int_eq(access_scope(&access, stranger(), 501, NULL, 0, 0), SCOPE_ADMIN);
	/* A user's number is no group's, and the other way round. */
	ck_assert_int_eq(
	    access_scope(&access, 501 + (geteuid() == 501), 2, NULL, 0, 0), SCOPE_NONE);
	ck_assert_int_eq(access_scope(&access, stranger() + 1, stranger(), NULL, 0, 0), SCOPE_NONE);
	access_done(&access);
}
END_TEST

START_TEST(members_go_by_name_or_number)
{
	struct access access = {.count = 0};
	add(&access, SCOPE_ADMIN, "root");
	add(&access, SCOPE_ADMIN, "@root");
	add(&access, SCOPE_ADMIN, "4294967294");
	ck_assert_uint_eq(access.count, 3);
	ck_assert(access.rules[0].number == 0 && !access.rules[0].group);
	ck_assert(access.rules[1].number == 0 && access.rules[1].group);
	ck_assert_uint_eq(access.rules[2].number, 4294967294U);
	static const char *const bad[] = {
	    "no such user", "@no-such-group", "@", "", "4294967295", "-1", "99999999999999999999"};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct err err = ERR_INIT;
		ck_assert_int_eq(access_add(&access, SCOPE_READ, bad[i], &err), -1);
		ck_assert(err.text[0] != '\0');
	}
	ck_assert_uint_eq(access.count, 3);
	_cleanup_buffer_ struct buffer text;
	buffer_init(&text, 256);
	access_append(&access, SCOPE_ADMIN, &text);
	ck_assert_str_eq(buffer_text(&text), "root @root 4294967294");
	access_done(&access);
}
END_TEST

START_TEST(scopes_have_names)
{
	enum scope scope = SCOPE_NONE;
	for (int i = SCOPE_READ; i <= SCOPE_ADMIN; i++) {
		ck_assert_int_eq(scope_parse(scope_name((enum scope)i), &scope), 0);
		ck_assert_int_eq(scope, i);
	}
	ck_assert_str_eq(scope_name(SCOPE_NONE), "none");
	ck_assert_int_eq(scope_parse("none", &scope), -1);
	ck_assert_int_eq(scope_parse("Read", &scope), -1);
}
END_TEST

/* Tokens ----------------------------------------------------------------------------------------*/

static char folder[64];
static char path[128];

static void load(const char *text, mode_t mode, struct tokens *tokens, struct faults *faults)
{
	snprintf(folder, sizeof(folder), "/tmp/access_test.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/tokens", folder);
	FILE *file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	fclose(file);
	ck_assert_int_eq(chmod(path, mode), 0);
	faults_init(faults);
	tokens_load(tokens, path, faults);
	unlink(path);
	rmdir(folder);
}

START_TEST(tokens_are_read_with_comments_and_blank_lines)
{
	struct tokens tokens;
	_cleanup_faults_ struct faults faults;
	load("# comment\n; another\n\n  \n"
	     "reports:read::" HASH_A "\n"
	     "deploy@ci:manage:demo,42:" HASH_B "\r\n"
	     "deploy@ci:admin:*:" HASH_C,
	    0644, &tokens, &faults);
	ck_assert_msg(faults.count == 0, "%s", buffer_text(&faults.lines));
	ck_assert_uint_eq(tokens.count, 3);
	uint8_t digest[DIGEST_SIZE];
	memset(digest, 0xaa, sizeof(digest));
	const struct token *token = tokens_find(&tokens, NULL, digest);
	ck_assert_ptr_nonnull(token);
	ck_assert_str_eq(token->name, "reports");
	ck_assert_int_eq(token->scope, SCOPE_READ);
	ck_assert(token_allows_project(token, "any", 1));
	ck_assert_ptr_eq(tokens_find(&tokens, "reports", digest), token);
	ck_assert_ptr_null(tokens_find(&tokens, "deploy@ci", digest));

	memset(digest, 0xbb, sizeof(digest));
	token = tokens_find(&tokens, "deploy@ci", digest);
	ck_assert_ptr_nonnull(token);
	ck_assert(token_allows_project(token, "demo", 1));
	ck_assert(token_allows_project(token, "other", 42));
	ck_assert(!token_allows_project(token, "other", 43));
	ck_assert(!token_allows_project(token, "demo2", 4));

	memset(digest, 0xcc, sizeof(digest));
	ck_assert(token_allows_project(tokens_find(&tokens, NULL, digest), "other", 43));
	digest[31] ^= 1;
	ck_assert_ptr_null(tokens_find(&tokens, NULL, digest));
	tokens_done(&tokens);
}
END_TEST

START_TEST(a_byte_order_mark_belongs_to_no_token)
{
	struct tokens tokens;
	_cleanup_faults_ struct faults faults;
	load("\xef\xbb\xbfreports:read::" HASH_A "\n", 0600, &tokens, &faults);
	ck_assert_msg(faults.count == 0, "%s", buffer_text(&faults.lines));
	ck_assert_uint_eq(tokens.count, 1);
	ck_assert_str_eq(tokens.tokens[0].name, "reports");
	tokens_done(&tokens);
	faults_done(&faults);
	load("\xef\xbb\xbf", 0600, &tokens, &faults);
	ck_assert_uint_eq(faults.count, 0);
	tokens_done(&tokens);
}
END_TEST

START_TEST(every_faulty_token_line_is_told_and_not_quoted)
{
	static const char *const lines[] = {
	    "name:read:*",
	    "name:read:*:" HASH_A ":more",
	    ":read:*:" HASH_A,
	    "a name:read:*:" HASH_A,
	    "uid:1000:manage:*:" HASH_A,
	    "uid%3A1000:manage:*:" HASH_A,
	    "name:none:*:" HASH_A,
	    "name::*:" HASH_A,
	    "name:read:demo,,x:" HASH_A,
	    "name:read:*:mxp_leaked",
	    "name:read:*:" HASH_A "a",
	    "mxp_leaked",
	    "mxp_leaked:read:*:" HASH_A,
	    "name:read:demo,mxp_leaked:" HASH_A,
	};
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		char text[512];
		char where[160];
		struct tokens tokens;
		_cleanup_faults_ struct faults faults;
		snprintf(text, sizeof(text), "#\n%s\n", lines[i]);
		load(text, 0600, &tokens, &faults);
		snprintf(where, sizeof(where), "%s:2: ", path);
		ck_assert_msg(faults.count == 1, "%s", lines[i]);
		ck_assert_msg(strncmp(buffer_text(&faults.lines), where, strlen(where)) == 0, "%s",
		    buffer_text(&faults.lines));
		ck_assert_ptr_null(strstr(buffer_text(&faults.lines), "leaked"));
		tokens_done(&tokens);
	}
	struct tokens tokens;
	_cleanup_faults_ struct faults faults;
	load("a:read:*:" HASH_A "\nx\nb:read:*:" HASH_A "\n", 0600, &tokens, &faults);
	ck_assert_uint_eq(faults.count, 2);
	tokens_done(&tokens);
}
END_TEST

START_TEST(a_tokens_file_that_others_may_change_is_refused)
{
	struct tokens tokens;
	_cleanup_faults_ struct faults faults;
	load("reports:read::" HASH_A "\n", 0666, &tokens, &faults);
	ck_assert_uint_eq(faults.count, 1);
	ck_assert_uint_eq(tokens.count, 0);
	tokens_done(&tokens);
}
END_TEST

START_TEST(an_absent_tokens_file_is_an_empty_set)
{
	struct tokens tokens;
	_cleanup_faults_ struct faults faults;
	faults_init(&faults);
	tokens_load(&tokens, "/nonexistent/tokens", &faults);
	ck_assert_uint_eq(faults.count, 0);
	ck_assert_uint_eq(tokens.count, 0);
	uint8_t digest[DIGEST_SIZE] = {0};
	ck_assert_ptr_null(tokens_find(&tokens, NULL, digest));
	tokens_done(&tokens);
}
END_TEST

int main(void)
{
	const struct unit_case cases[] = {
	    {"the daemon's own user is always admin", the_daemons_own_user_is_always_admin},
	    {"the group of the socket manages while nothing else is said",
		the_group_of_the_socket_manages_while_nothing_else_is_said},
	    {"the widest rule that applies decides", the_widest_rule_that_applies_decides},
	    {"members go by name or number", members_go_by_name_or_number},
	    {"scopes have names", scopes_have_names},
	    {"tokens are read with comments and blank lines",
		tokens_are_read_with_comments_and_blank_lines},
	    {"a byte order mark belongs to no token", a_byte_order_mark_belongs_to_no_token},
	    {"every faulty token line is told and not quoted",
		every_faulty_token_line_is_told_and_not_quoted},
	    {"a tokens file that others may change is refused",
		a_tokens_file_that_others_may_change_is_refused},
	    {"an absent tokens file is an empty set", an_absent_tokens_file_is_an_empty_set},
	    {NULL, NULL},
	};
	return unit_main("access", cases);
}

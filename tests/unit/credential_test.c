/* SPDX-License-Identifier: MIT */
/* Reading a service account from its file, and never telling what is in it. */
#include "config/credential.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "unit.h"

#define SECRET "s3cr3t-s3cr3t"

static char folder[64];
static char path[128];

static void make_folder(void)
{
	snprintf(folder, sizeof(folder), "/tmp/credential_test.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/demo", folder);
	unsetenv("CREDENTIALS_DIRECTORY");
}

static void remove_folder(void)
{
	unlink(path);
	rmdir(folder);
}

static void write_file(const char *data, size_t len, mode_t mode)
{
	FILE *file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite(data, 1, len, file), len);
	fclose(file);
	ck_assert_int_eq(chmod(path, mode), 0);
}

static void cleanup_credential(struct credential **credential)
{
	credential_free(*credential);
}

static void expect_refused(const char *name, const char *part)
{
	struct err err = ERR_INIT;
	struct credential *credential = NULL;
	ck_assert_int_eq(credential_load(name, 1, &err, &credential), -1);
	ck_assert_ptr_null(credential);
	ck_assert_msg(strstr(err.text, part) != NULL, "\"%s\" lacks \"%s\"", err.text, part);
	ck_assert_msg(strstr(err.text, "s3cr3t") == NULL, "%s", err.text);
}

START_TEST(one_line_is_read_with_or_without_its_end)
{
	static const char *const forms[] = {"u:" SECRET, "u:" SECRET "\n", "u:" SECRET "\r\n",
	    "\xef\xbb\xbfu:" SECRET, "\xef\xbb\xbfu:" SECRET "\r\n"};
	make_folder();
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		write_file(forms[i], strlen(forms[i]), 0600);
		struct err err = ERR_INIT;
		_cleanup_(cleanup_credential) struct credential *credential = NULL;
		ck_assert_msg(credential_load(path, 7, &err, &credential) == 0, "%s", err.text);
		ck_assert_uint_eq(credential->pair->len, strlen("u:" SECRET));
		ck_assert_str_eq(credential->pair->data, "u:" SECRET);
		ck_assert_int_eq(credential->loaded_at, 7);
		ck_assert_uint_eq(strlen(credential->fingerprint), 16);
	}
	remove_folder();
}
END_TEST

START_TEST(the_fingerprint_is_the_start_of_the_digest)
{
	make_folder();
	write_file("abc:abc\n", 8, 0400);
	struct err err = ERR_INIT;
	_cleanup_(cleanup_credential) struct credential *credential = NULL;
	ck_assert_int_eq(credential_load(path, 0, &err, &credential), 0);
	/* printf abc:abc | sha256sum */
	ck_assert_str_eq(credential->fingerprint, "0a0551217ea574b6");
	remove_folder();
}
END_TEST

START_TEST(a_name_is_looked_for_in_the_folder_of_the_credentials)
{
	make_folder();
	write_file("u:" SECRET "\n", strlen("u:" SECRET "\n"), 0400);
	expect_refused("no-such-credential", "/etc/mixportd/credentials/no-such-credential");
	setenv("CREDENTIALS_DIRECTORY", "", 1);
	expect_refused("no-such-credential", "/etc/mixportd/credentials/no-such-credential");
	setenv("CREDENTIALS_DIRECTORY", folder, 1);
	struct err err = ERR_INIT;
	_cleanup_(cleanup_credential) struct credential *credential = NULL;
	ck_assert_int_eq(credential_load("demo", 0, &err, &credential), 0);
	expect_refused("other", "other does not exist");
	remove_folder();
}
END_TEST

START_TEST(what_is_no_pair_is_refused)
{
	static const struct {
		const char *text;
		const char *part;
	} cases[] = {
	    {"", "empty"},
	    {"\n", "empty"},
	    {"\xef\xbb\xbf\n", "empty"},
	    {SECRET, "no colon"},
	    {":" SECRET, "lacks the username"},
	    {SECRET ":", "lacks the secret"},
	    {"u:" SECRET "\nu:" SECRET "\n", "more than one line"},
	    {"u:" SECRET "\n\n", "more than one line"},
	    {"u:" SECRET "\t", "control character"},
	    {" u:" SECRET, "blank"},
	    {"u:" SECRET " \n", "blank"},
	};
	make_folder();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		write_file(cases[i].text, strlen(cases[i].text), 0600);
		expect_refused(path, cases[i].part);
		expect_refused(path, path);
	}
	write_file("u:s3cr3t\0x", 10, 0600);
	expect_refused(path, "control character");
	char *long_line = calloc(1, 8192);
	memset(long_line, 'a', 8191);
	write_file(long_line, 8191, 0600);
	expect_refused(path, path);
	free(long_line);
	remove_folder();
}
END_TEST

START_TEST(a_file_that_others_may_read_or_change_is_refused)
{
	static const mode_t modes[] = {0604, 0640, 0620, 0602, 0644};
	make_folder();
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		write_file("u:" SECRET, strlen("u:" SECRET), modes[i]);
		expect_refused(path, path);
	}
	remove_folder();
}
END_TEST

START_TEST(what_repeats_the_credential_is_blotted_out)
{
	/* "u:s3cr3t-s3cr3t" in base64 */
	static const struct {
		const char *before;
		const char *after;
	} texts[] = {
	    {"bad: u:" SECRET "!", "bad: ***************!"},
	    {"twice " SECRET " " SECRET, "twice ************* *************"},
	    {"Basic dTpzM2NyM3QtczNjcjN0", "Basic ********************"},
	    {"u: s3cr3t", "u: s3cr3t"},
	    {"", ""},
	};
	make_folder();
	write_file("u:" SECRET, strlen("u:" SECRET), 0600);
	struct err err = ERR_INIT;
	_cleanup_(cleanup_credential) struct credential *credential = NULL;
	ck_assert_int_eq(credential_load(path, 1, &err, &credential), 0);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		char text[64];
		snprintf(text, sizeof(text), "%s", texts[i].before);
		bool found = strcmp(texts[i].before, texts[i].after) != 0;
		ck_assert_int_eq(credential_found_in(credential, text, strlen(text), false), found);
		ck_assert_str_eq(text, texts[i].before);
		ck_assert_int_eq(credential_found_in(credential, text, strlen(text), true), found);
		ck_assert_str_eq(text, texts[i].after);
	}
	remove_folder();
}
END_TEST

int main(void)
{
	const struct unit_case cases[] = {
	    {"one line is read with or without its end", one_line_is_read_with_or_without_its_end},
	    {"the fingerprint is the start of the digest",
		the_fingerprint_is_the_start_of_the_digest},
	    {"a name is looked for in the folder of the credentials",
		a_name_is_looked_for_in_the_folder_of_the_credentials},
	    {"what is no pair is refused", what_is_no_pair_is_refused},
	    {"a file that others may read or change is refused",
		a_file_that_others_may_read_or_change_is_refused},
	    {"what repeats the credential is blotted out",
		what_repeats_the_credential_is_blotted_out},
	    {NULL, NULL},
	};
	return unit_main("credential", cases);
}

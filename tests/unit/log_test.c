/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "unit.h"
#include "util/log.h"
#include "util/text.h"

/* Standard error is a pipe while a case runs; every line is read back before the next. */
static int saved_stderr;
static int captured[2];

static void begin_capture(void)
{
	ck_assert_int_eq(pipe2(captured, O_CLOEXEC), 0);
	saved_stderr = dup(STDERR_FILENO);
	ck_assert_int_eq(dup2(captured[1], STDERR_FILENO), STDERR_FILENO);
}

/* Closes the writing end. Returns all that was written; the caller frees it. */
static char *end_capture(void)
{
	size_t size = 1 << 20;
	size_t len = 0;
	char *text = calloc(1, size);
	dup2(saved_stderr, STDERR_FILENO);
	close(saved_stderr);
	close(captured[1]);
	for (ssize_t got; (got = read(captured[0], text + len, size - len - 1)) > 0;)
		len += (size_t)got;
	close(captured[0]);
	return text;
}

static void expect_line(const char *message, const char *expected)
{
	begin_capture();
	log_info("%s", message);
	_cleanup_free_ char *text = end_capture();
	ck_assert_str_eq(text, expected);
}

START_TEST(lines_carry_their_priority)
{
	begin_capture();
	log_set_level(LOG_LEVEL_DEBUG);
	log_error("a %d", 1);
	log_warning("b");
	log_info("c");
	log_debug("d");
	log_set_level(LOG_LEVEL_INFO);
	_cleanup_free_ char *text = end_capture();
	ck_assert_str_eq(text, "<3>a 1\n<4>b\n<6>c\n<7>d\n");
}
END_TEST

START_TEST(less_important_lines_are_left_out)
{
	begin_capture();
	log_debug("not by default");
	log_set_level(LOG_LEVEL_ERROR);
	log_warning("not now");
	log_error("always");
	log_set_level(LOG_LEVEL_INFO);
	_cleanup_free_ char *text = end_capture();
	ck_assert_str_eq(text, "<3>always\n");
}
END_TEST

START_TEST(levels_have_names)
{
	ck_assert_int_eq(text_find(log_level_names, "debug"), LOG_LEVEL_DEBUG);
	ck_assert_int_eq(text_find(log_level_names, "warning"), LOG_LEVEL_WARNING);
	ck_assert_int_eq(text_find(log_level_names, "Info"), -1);
	ck_assert_int_eq(text_find(log_level_names, ""), -1);
}
END_TEST

START_TEST(no_message_forges_a_line)
{
	expect_line("plain \"text\" \xe2\x82\xac", "<6>plain \"text\" \xe2\x82\xac\n");
	expect_line("a\n<3>b", "<6>a\\n<3>b\n");
	expect_line("\r\t\\", "<6>\\r\\t\\\\\n");
	expect_line("\x1b[31m\x01\x7f", "<6>\\x1b[31m\\x01\\x7f\n");
	expect_line("\xff\xe2\x82 \xc0\xaf", "<6>\\xff\\xe2\\x82 \\xc0\\xaf\n");
	/* A terminal may take U+009B for ESC [, and U+0085 for a new line. */
	expect_line("\xc2\x9b\xc2\x85\xc2\xa0", "<6>\\xc2\\x9b\\xc2\\x85\xc2\xa0\n");
	expect_line("", "<6>\n");
}
END_TEST

START_TEST(what_is_escaped_already_is_not_escaped_again)
{
	begin_capture();
	log_escaped(LOG_LEVEL_ERROR, "a\\n\\\\ and more", 5);
	log_escaped(LOG_LEVEL_DEBUG, "left out", 8);
	char message[4000];
	memset(message, 'x', sizeof(message));
	for (size_t i = 1; i + 2 < sizeof(message); i++)
		message[i] = "\xe2\x82\xac"[(i - 1) % 3];
	log_escaped(LOG_LEVEL_ERROR, message, sizeof(message));
	_cleanup_free_ char *text = end_capture();
	ck_assert_int_eq(strncmp(text, "<3>a\\n\\\\\n<3>x", 13), 0);
	ck_assert_uint_le(strlen(text), 9 + 2048);
	ck_assert_str_eq(text + strlen(text) - 7, "\xe2\x82\xac...\n");
}
END_TEST

START_TEST(long_lines_are_cut_between_characters)
{
	static const char *const pieces[] = {"x", "\n", "\x01", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
	for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
		for (size_t shift = 0; shift < 4; shift++) {
			char message[5000] = "yyyy";
			for (size_t len = shift; len < 4000; len += strlen(pieces[i]))
				memcpy(message + len, pieces[i], strlen(pieces[i]));
			begin_capture();
			log_info("%s", message);
			_cleanup_free_ char *text = end_capture();
			size_t len = strlen(text);
			ck_assert(len <= 2048 && len > 2048 - 8);
			ck_assert_str_eq(text + len - 4, "...\n");
			ck_assert_ptr_eq(strchr(text, '\n'), text + len - 1);
			/* Only a character that was split would show as escaped high bytes. */
			ck_assert_ptr_null(strstr(text, "\\xe2"));
			ck_assert_ptr_null(strstr(text, "\\xf0"));
		}
	}
}
END_TEST

START_TEST(errno_survives)
{
	begin_capture();
	errno = EXDEV;
	log_info("%s", "\x01");
	int kept = errno;
	dup2(open("/dev/full", O_WRONLY | O_CLOEXEC), STDERR_FILENO);
	log_info("nowhere to go");
	int kept_on_failure = errno;
	free(end_capture());
	ck_assert_int_eq(kept, EXDEV);
	ck_assert_int_eq(kept_on_failure, EXDEV);
}
END_TEST

/* What the journal was given last: the message, and each field in a line. */
static char entry[8192];
static bool journal_takes;

static bool keep_entry(int level, const char *message, const struct log_field *fields, size_t count)
{
	int len = snprintf(entry, sizeof(entry), "<%d>%s\n", level, message);
	for (size_t i = 0; i < count; i++)
		len += snprintf(entry + len, sizeof(entry) - (size_t)len, "%s=%s\n", fields[i].name,
		    fields[i].value ? fields[i].value : "(left out)");
	return journal_takes;
}

START_TEST(no_message_or_field_forges_an_entry_of_the_journal)
{
	static const struct log_field fields[] = {
	    {"NAME", "x\nPRIORITY=0\x1b[2J\xff\\"}, {"NONE", NULL}, {"EMPTY", ""}};
	static const char told[] = "<6>a\\n<3>b \\x1b[31m\\xff \xe2\x82\xac\n";
	log_set_journal(keep_entry);
	for (int takes = 0; takes < 2; takes++) {
		journal_takes = takes;
		begin_capture();
		log_with_fields(LOG_LEVEL_INFO, fields, ARRAY_SIZE(fields), "a\n%s",
		    "<3>b \x1b[31m\xff \xe2\x82\xac");
		_cleanup_free_ char *text = end_capture();
		ck_assert_int_eq(strncmp(entry, told, strlen(told)), 0);
		ck_assert_str_eq(entry + strlen(told),
		    "NAME=x\\nPRIORITY=0\\x1b[2J\\xff\\\\\nNONE=(left out)\nEMPTY=\n");
		ck_assert_str_eq(text, takes ? "" : told);
	}
	log_set_journal(NULL);
}
END_TEST

START_TEST(what_the_journal_gets_is_cut_between_characters)
{
	char value[3000];
	for (size_t shift = 0; shift < 4; shift++) {
		memset(value, 'y', sizeof(value));
		for (size_t i = shift; i + 4 < sizeof(value); i += 4)
			memcpy(value + i, "\xf0\x9f\x98\x80", 4);
		value[sizeof(value) - 5] = '\0';
		const struct log_field fields[] = {{"NAME", value}};
		journal_takes = true;
		log_set_journal(keep_entry);
		log_with_fields(LOG_LEVEL_INFO, fields, 1, "%s", value);
		log_set_journal(NULL);
		size_t len = strcspn(entry, "\n");
		ck_assert(len < 2048 && len > 2048 - 8);
		ck_assert_int_eq(strncmp(entry + len - 3, "...\nNAME=", 9), 0);
		len = strcspn(strstr(entry, "NAME=") + 5, "\n");
		ck_assert(len < LOG_VALUE_SIZE && len > LOG_VALUE_SIZE - 5);
		ck_assert(text_is_utf8(entry, strlen(entry)));
		ck_assert_ptr_null(strchr(entry, '\\'));
	}
}
END_TEST

static void *write_lines(void *letter)
{
	char message[101];
	memset(message, *(char *)letter, 100);
	message[100] = '\0';
	for (int i = 0; i < 100; i++)
		log_info("%s", message);
	return NULL;
}

START_TEST(threads_do_not_interleave)
{
	char letters[] = "abcd";
	pthread_t threads[4];
	begin_capture();
	for (size_t i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, write_lines, &letters[i]), 0);
	for (size_t i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	_cleanup_free_ char *text = end_capture();
	ck_assert_uint_eq(strlen(text), 4 * 100 * 104);
	for (const char *line = text; *line; line += 104) {
		ck_assert_mem_eq(line, "<6>", 3);
		ck_assert_uint_eq(strspn(line + 3, (char[]){line[3], '\0'}), 100);
		ck_assert_int_eq(line[103], '\n');
	}
}
END_TEST

int main(void)
{
	const struct unit_case cases[] = {
	    {"lines carry their priority", lines_carry_their_priority},
	    {"less important lines are left out", less_important_lines_are_left_out},
	    {"levels have names", levels_have_names},
	    {"no message forges a line", no_message_forges_a_line},
	    {"what is escaped already is not escaped again",
		what_is_escaped_already_is_not_escaped_again},
	    {"long lines are cut between characters", long_lines_are_cut_between_characters},
	    {"errno survives", errno_survives},
	    {"no message or field forges an entry of the journal",
		no_message_or_field_forges_an_entry_of_the_journal},
	    {"what the journal gets is cut between characters",
		what_the_journal_gets_is_cut_between_characters},
	    {"threads do not interleave", threads_do_not_interleave},
	    {NULL, NULL},
	};
	return unit_main("log", cases);
}

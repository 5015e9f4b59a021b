/* SPDX-License-Identifier: MIT */
#include "ctl/reference.h"
#include "unit.h"

START_TEST(names_are_taken_apart)
{
	static const struct {
		const char *word;
		enum reference_kind kind;
		const char *project;
		const char *label;
		const char *id;
	} cases[] = {
	    {"14cf", REFERENCE_CONNECTOR, NULL, NULL, "14cf"},
	    {"demo/14cf", REFERENCE_CONNECTOR, "demo", NULL, "14cf"},
	    {"label:a", REFERENCE_CONNECTOR, NULL, "a", NULL},
	    {"label:a/b/c", REFERENCE_CONNECTOR, NULL, "a/b/c", NULL},
	    {"demo/label:a/b", REFERENCE_CONNECTOR, "demo", "a/b", NULL},
	    {"labels", REFERENCE_CONNECTOR, NULL, NULL, "labels"},
	    {"job_1234", REFERENCE_JOB, NULL, NULL, "job_1234"},
	    {"op_12345", REFERENCE_OPERATION, NULL, NULL, "op_12345"},
	    {"opus", REFERENCE_CONNECTOR, NULL, NULL, "opus"},
	    {"demo/job_1", REFERENCE_CONNECTOR, "demo", NULL, "job_1"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct reference reference _cleanup_reference_ = {.word = NULL};
		ck_assert_int_eq(reference_parse(cases[i].word, &reference), EXIT_DONE);
		ck_assert_int_eq(reference.kind, cases[i].kind);
		ck_assert(text_same(reference.project, cases[i].project));
		ck_assert(text_same(reference.label, cases[i].label));
		ck_assert(text_same(reference.id, cases[i].id));
	}
}
END_TEST

START_TEST(what_cannot_be_a_name_is_refused)
{
	static const char *const words[] = {"", "1", "14c", "demo/14c", "/14cf", "demo/",
	    "label:", "demo/label:", "job_123", "op_1234"};
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		struct reference reference = {.word = NULL};
		ck_assert_msg(reference_parse(words[i], &reference) == EXIT_USAGE, "%s", words[i]);
		ck_assert_ptr_null(reference.word);
	}
}
END_TEST

int main(void)
{
	const struct unit_case cases[] = {
	    {"names are taken apart", names_are_taken_apart},
	    {"what cannot be a name is refused", what_cannot_be_a_name_is_refused},
	    {NULL, NULL},
	};
	return unit_main("reference", cases);
}

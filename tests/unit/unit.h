/* SPDX-License-Identifier: MIT */
/* What every unit test program shares: a table of cases, run by check, one process each. */
#pragma once

#include <check.h>
#include <stdlib.h>

/* A case is a sentence that holds, and the function that shows it. End the table with {NULL, NULL}.
 */
struct unit_case {
	const char *name;
	const TTest *test;
};

/* Runs every case; the exit status for main(). CK_FORK=no runs them in one process. */
static inline int unit_main(const char *suite_name, const struct unit_case *cases)
{
	Suite *suite = suite_create(suite_name);
	for (size_t i = 0; cases[i].name; i++) {
		TCase *tcase = tcase_create(cases[i].name);
		tcase_set_timeout(tcase, 120);
		tcase_add_test(tcase, cases[i].test);
		suite_add_tcase(suite, tcase);
	}
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

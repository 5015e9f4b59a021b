/* SPDX-License-Identifier: MIT */
#include "sync/reconcile.h"
#include "unit.h"
#include "util/timestamp.h"

#define SENT INT64_C(1600000000000000)
#define APART RECONCILE_CLOCKS_APART

START_TEST(a_connector_fits_when_nothing_speaks_against_it)
{
	static const struct {
		struct reconcile_create create;
		struct reconcile_connector connector;
		enum reconcile_fit fit;
	} cases[] = {
	    {{5, SENT, SENT, "us"}, {6, SENT, "us"}, RECONCILE_FITS},
	    /* The first there ever was. */
	    {{0, SENT, SENT, NULL}, {1, TIMESTAMP_NONE, NULL}, RECONCILE_FITS},
	    /* Known before, whatever else it says. */
	    {{5, SENT, SENT, "us"}, {5, SENT, "us"}, RECONCILE_OTHER},
	    /* Older by Mixpanel's own clock; two minutes are between its clocks. */
	    {{5, SENT, SENT, "us"}, {6, SENT - APART, "us"}, RECONCILE_FITS},
	    {{5, SENT, SENT, "us"}, {6, SENT - APART - 1, "us"}, RECONCILE_OTHER},
	    /* Our own clock does not matter when Mixpanel's is known, */
	    {{5, SENT + 10 * APART, SENT, NULL}, {6, SENT, NULL}, RECONCILE_FITS},
	    {{5, SENT, SENT + 10 * APART, NULL}, {6, SENT, NULL}, RECONCILE_OTHER},
	    /* and is the next best when it is not. */
	    {{5, SENT, TIMESTAMP_NONE, NULL}, {6, SENT - APART - 1, NULL}, RECONCILE_OTHER},
	    /* Another creator than of our other creates, when both are known. */
	    {{5, SENT, SENT, "us"}, {6, SENT, "them"}, RECONCILE_POSSIBLE},
	    {{5, SENT, SENT, NULL}, {6, SENT, "them"}, RECONCILE_FITS},
	    {{5, SENT, SENT, "us"}, {6, SENT, NULL}, RECONCILE_FITS},
	    /* Without a time it is new because it was not known; unless nothing was. */
	    {{5, SENT, SENT, "us"}, {6, TIMESTAMP_NONE, "us"}, RECONCILE_FITS},
	    {{-1, SENT, SENT, "us"}, {6, TIMESTAMP_NONE, "us"}, RECONCILE_POSSIBLE},
	    {{-1, SENT, SENT, "us"}, {6, SENT, "us"}, RECONCILE_FITS},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		ck_assert_msg(reconcile_fit(&cases[i].create, &cases[i].connector) == cases[i].fit,
		    "case %zu", i);
}
END_TEST

int main(void)
{
	const struct unit_case cases[] = {
	    {"a connector fits when nothing speaks against it",
		a_connector_fits_when_nothing_speaks_against_it},
	    {NULL, NULL},
	};
	return unit_main("reconcile", cases);
}

/* SPDX-License-Identifier: MIT */
/* What becomes of an operation, by every kind of answer: its verb, its status, its body. */
#include "mixpanel/kind.h"

#include <string.h>

#include "unit.h"

/* The forms of a body. */
static const char *const bodies[] = {
    "{\"status\":\"ok\",\"results\":{\"connector_id\":\"ab-1\",\"connector_type\":\"s3\"}}",
    "{\"status\":\"ok\",\"results\":\"Successfully deleted Connector with ID:ab-1\"}",
    "{\"status\":\"error\",\"error\":\"so it is\"}",
    "{\"status\":\"ok\",\"success\":false}",
    "{\"status\":\"error\",\"error\":\"user is not a member of project 1\"}",
    "<html><body>Bad gateway</body></html>",
    "{\"status\":\"ok\",\"results\":{\"conn",
    "",
};

/* What each of them, in this order, makes of the operation:
 *
 *	S  succeeded
 *	R  rejected          A  rejected, for the account
 *	U  unknown           D  unknown, for the body cannot be read
 *	P  planned: sent again
 */
struct row {
	long status;
	const char *ends;
};

static const struct row creates[] = {
    {200, "SDDDDDDD"},
    {201, "SDDDDDDD"},
    {202, "UUUUUUUU"},
    {203, "UUUUUUUU"},
    {204, "UUUUUUUU"},
    {206, "UUUUUUUU"},
    {301, "UUUUUUUU"},
    {302, "UUUUUUUU"},
    {304, "UUUUUUUU"},
    {400, "RRRRRRRR"},
    {401, "AAAAAAAA"},
    {403, "RRRRARRR"},
    {404, "RRRRRRRR"},
    {408, "UUUUUUUU"},
    {409, "UUUUUUUU"},
    {422, "RRRRRRRR"},
    {429, "PPPPPPPP"},
    {500, "UUUUUUUU"},
    {502, "UUUUUUUU"},
    {503, "UUUUUUUU"},
    {504, "UUUUUUUU"},
};

static const struct row deletes[] = {
    {200, "SSPPPPPP"},
    {201, "SSPPPPPP"},
    {202, "SSPPPPPP"},
    {203, "PPPPPPPP"},
    {204, "SSPPPPPP"},
    {206, "PPPPPPPP"},
    {301, "PPPPPPPP"},
    {302, "PPPPPPPP"},
    {304, "PPPPPPPP"},
    {400, "RRRRRRRR"},
    {401, "AAAAAAAA"},
    {403, "RRRRARRR"},
    {404, "PPSPSPPP"},
    {408, "PPPPPPPP"},
    {409, "PPPPPPPP"},
    {422, "RRRRRRRR"},
    {429, "PPPPPPPP"},
    {500, "PPPPPPPP"},
    {502, "PPPPPPPP"},
    {503, "PPPPPPPP"},
    {504, "PPPPPPPP"},
};

static const struct {
	const struct row *rows;
	size_t count;
} tables[] = {
    [OPERATION_CREATE] = {creates, ARRAY_SIZE(creates)},
    [OPERATION_DELETE] = {deletes, ARRAY_SIZE(deletes)},
};
_Static_assert(ARRAY_SIZE(tables) == OPERATION_KIND_COUNT, "a verb is not walked");

static char end_of(const struct verdict *verdict)
{
	switch (verdict->state) {
	case OPERATION_SUCCEEDED:
		return 'S';
	case OPERATION_REJECTED:
		return text_same(verdict->code, "upstream-unauthorized") ? 'A' : 'R';
	case OPERATION_UNKNOWN:
		return text_same(verdict->code, "upstream-undecodable") ? 'D' : 'U';
	case OPERATION_PLANNED:
		return 'P';
	case OPERATION_UNREACHABLE:
		return 'N';
	case OPERATION_SENDING:
		break;
	}
	return '?';
}

static const struct verb *verb_of(enum operation_kind kind)
{
	return &import_kind(CONNECTOR_CLOUD_IMPORT)->verbs[kind];
}

static void check(enum operation_kind kind, const struct row *row, size_t form)
{
	const struct client_answer answer = {
	    .outcome = CLIENT_ANSWERED,
	    .status = row->status,
	    .body = span_of(bodies[form]),
	    .message = "",
	};
	struct verdict verdict _cleanup_verdict_;
	verb_decide(verb_of(kind), &answer, false, &verdict);
	ck_assert_msg(end_of(&verdict) == row->ends[form], "%s: %ld %s: %c, not %c",
	    operation_kind_names[kind], row->status, bodies[form], end_of(&verdict),
	    row->ends[form]);
	ck_assert_int_eq(verdict.code == NULL, verdict.state == OPERATION_SUCCEEDED);
	ck_assert(!verdict.code || verdict.message[0] || row->ends[form] == 'S');
	ck_assert_int_eq(verdict.has_connector,
	    kind == OPERATION_CREATE && verdict.state == OPERATION_SUCCEEDED);
	if (verdict.has_connector)
		ck_assert_str_eq(verdict.connector.connector.connector_id, "ab-1");
}

START_TEST(each_answer_makes_one_thing_of_each_verb)
{
	for (int kind = 0; kind < OPERATION_KIND_COUNT; kind++)
		for (size_t i = 0; i < tables[kind].count; i++)
			for (size_t form = 0; form < ARRAY_SIZE(bodies); form++)
				check((enum operation_kind)kind, &tables[kind].rows[i], form);
}
END_TEST

START_TEST(what_is_not_in_the_tables_proves_nothing)
{
	for (long status = 100; status < 600; status++) {
		struct row row = {.status = status};
		struct verdict verdict _cleanup_verdict_;
		const struct client_answer answer = {
		    .outcome = CLIENT_ANSWERED,
		    .status = status,
		    .body = span_of(bodies[0]),
		    .message = "",
		};
		verb_decide(verb_of(OPERATION_CREATE), &answer, false, &verdict);
		/* Only Mixpanel itself, by a status of its own, says that nothing was done. */
		bool refused = row.status >= 400 && row.status < 500;
		if (verdict.state != OPERATION_UNKNOWN)
			ck_assert_msg(refused || status == 200 || status == 201, "%ld", status);
	}
}
END_TEST

START_TEST(without_an_answer_only_the_sending_counts)
{
	const struct client_answer none = {.outcome = CLIENT_NOT_SENT, .message = "no route"};
	const struct client_answer unclear = {.outcome = CLIENT_UNCLEAR, .message = "timed out"};
	static const struct {
		enum operation_kind kind;
		bool sent;
		char end;
	} cases[] = {
	    {OPERATION_CREATE, false, 'N'},
	    {OPERATION_CREATE, true, 'U'},
	    {OPERATION_DELETE, false, 'P'},
	    {OPERATION_DELETE, true, 'P'},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct verdict verdict _cleanup_verdict_;
		const struct client_answer *answer = cases[i].sent ? &unclear : &none;
		verb_decide(verb_of(cases[i].kind), answer, false, &verdict);
		ck_assert_int_eq(end_of(&verdict), cases[i].end);
		ck_assert_str_eq(verdict.message, answer->message);
	}
}
END_TEST

START_TEST(while_it_settles_a_404_confirms_no_delete)
{
	const struct client_answer answer = {
	    .outcome = CLIENT_ANSWERED, .status = 404, .body = span_of(bodies[2]), .message = ""};
	struct verdict verdict _cleanup_verdict_;
	verb_decide(verb_of(OPERATION_DELETE), &answer, true, &verdict);
	ck_assert_int_eq(verdict.state, OPERATION_PLANNED);
	ck_assert_str_eq(verdict.code, "upstream-not-found");
}
END_TEST

START_TEST(a_refusal_is_told_in_mixpanels_own_words)
{
	const struct client_answer answer = {
	    .outcome = CLIENT_ANSWERED, .status = 400, .body = span_of(bodies[2]), .message = ""};
	struct verdict verdict _cleanup_verdict_;
	verb_decide(verb_of(OPERATION_CREATE), &answer, false, &verdict);
	ck_assert_str_eq(verdict.message, "so it is");
}
END_TEST

START_TEST(only_what_may_be_repeated_is)
{
	ck_assert(!verb_of(OPERATION_CREATE)->repeatable);
	ck_assert(verb_of(OPERATION_DELETE)->repeatable);
	for (int kind = 0; kind < OPERATION_KIND_COUNT; kind++)
		ck_assert(endpoint_writes(verb_of((enum operation_kind)kind)->endpoint));
}
END_TEST

int main(void)
{
	const struct unit_case cases[] = {
	    {"each answer makes one thing of each verb", each_answer_makes_one_thing_of_each_verb},
	    {"what is not in the tables proves nothing", what_is_not_in_the_tables_proves_nothing},
	    {"without an answer only the sending counts",
		without_an_answer_only_the_sending_counts},
	    {"while it settles a 404 confirms no delete",
		while_it_settles_a_404_confirms_no_delete},
	    {"a refusal is told in Mixpanel's own words", a_refusal_is_told_in_mixpanels_own_words},
	    {"only what may be repeated is", only_what_may_be_repeated_is},
	    {NULL, NULL},
	};
	return unit_main("cloud_import", cases);
}

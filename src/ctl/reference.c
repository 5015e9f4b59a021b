/* SPDX-License-Identifier: MIT */
/* Beginnings of ids are looked up by ?id_prefix=, so that it costs no list of everything. */
#include "ctl/reference.h"

#include <stdlib.h>
#include <string.h>

#include "ctl/complain.h"
#include "ctl/listing.h"
#include "model/job.h"
#include "model/operation.h"

#define LABEL "label:"
#define CONNECTOR_BEGINNING 4
#define OTHER_BEGINNING 8 /* of jobs and operations, with job_ and op_ */
#define PREFIX_MAXIMUM 64 /* that the API takes */
#define NAMED_AT_MOST 4   /* of those that fit */
#define SHOWN_OF_ID 13
#define ELLIPSIS "\xe2\x80\xa6"

/* One row for each kind. */
static const struct {
	const char *path;
	const char *id_member;
	const char *one;
	const char *several;
	size_t beginning;
} kinds[] = {
    [REFERENCE_CONNECTOR] = {"/v1/connectors", "connector_id", "connector", "connectors",
	CONNECTOR_BEGINNING},
    [REFERENCE_JOB] = {"/v1/jobs", "job_id", "job", "jobs", OTHER_BEGINNING},
    [REFERENCE_OPERATION] = {"/v1/operations", "operation_id", "operation", "operations",
	OTHER_BEGINNING},
};

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

void reference_done(struct reference *reference)
{
	free(reference->project);
	reference->project = NULL;
}

enum exit_code reference_parse(const char *word, struct reference *ret_reference)
{
	const char *slash = begins(word, LABEL) ? NULL : strchr(word, '/');
	struct reference reference = {.word = word, .id = slash ? slash + 1 : word};
	if (slash == word)
		return complain(EXIT_USAGE, "\"%s\" names no project before the slash", word);
	if (begins(reference.id, LABEL)) {
		reference.label = reference.id + strlen(LABEL);
		reference.id = NULL;
	} else if (!slash && begins(word, JOB_ID_PREFIX)) {
		reference.kind = REFERENCE_JOB;
	} else if (!slash && begins(word, OPERATION_ID_PREFIX)) {
		reference.kind = REFERENCE_OPERATION;
	}
	size_t least = kinds[reference.kind].beginning;
	if (reference.id && strlen(reference.id) < least)
		return complain(EXIT_USAGE, "\"%s\" is too short for an id: %zu characters or more",
		    reference.id, least);
	if (reference.label && !*reference.label)
		return complain(EXIT_USAGE, "there is no label behind \"" LABEL "\"");
	if (slash)
		reference.project = strndup(word, (size_t)(slash - word));
	if (slash && !reference.project)
		return complain(EXIT_REFUSED, "no memory for a name");
	*ret_reference = reference;
	return EXIT_DONE;
}

/* What was found -------------------------------------------------------------------------------*/

void found_done(struct found *found)
{
	free(found->text);
	json_decref(found->json);
	*found = (struct found){.text = NULL};
}

struct span found_span(const struct found *found)
{
	return (struct span){.ptr = found->text, .len = found->len};
}

/* Those that fit so far: the whole id's, and those that begin so. */
struct search {
	const struct reference *reference;
	struct found exact;
	size_t exact_count;
	struct found first;
	size_t count;
	size_t deleted;
	struct buffer names;
	struct buffer projects; /* of the whole id */
};

static enum exit_code keep(struct found *found, struct span text, json_t *json)
{
	if (found->text)
		return EXIT_DONE;
	found->text = strndup(text.ptr, text.len);
	if (!found->text)
		return complain(EXIT_REFUSED, "no memory for a record");
	found->len = text.len;
	found->json = json_incref(json);
	return EXIT_DONE;
}

/* Those that fit are named as far as they are few. */
static void name_it(struct buffer *names, size_t already, const char *name)
{
	if (already > NAMED_AT_MOST)
		return;
	if (already == NAMED_AT_MOST) {
		buffer_append_text(names, ", " ELLIPSIS);
		return;
	}
	bool whole = strlen(name) <= SHOWN_OF_ID;
	buffer_printf(
	    names, "%s%.*s%s", already ? ", " : "", SHOWN_OF_ID, name, whole ? "" : ELLIPSIS);
}

static enum exit_code search_take(struct ctl *ctl, struct span text, void *context)
{
	struct search *search = context;
	struct err err = ERR_INIT;
	json_t *json _cleanup_json_ = NULL;
	(void)ctl;
	if (jsontext_parse(text, 0, &err, &json) < 0)
		return complain(EXIT_REFUSED, "a record cannot be read: %s", err.text);
	const struct reference *reference = search->reference;
	const char *id = member_text(json, kinds[reference->kind].id_member);
	if (!id || (reference->id && !begins(id, reference->id)))
		return EXIT_DONE;
	if (reference->id && strcmp(id, reference->id) == 0) {
		const char *project = member_text(json, "project");
		name_it(&search->projects, search->exact_count++, project ? project : "?");
		return keep(&search->exact, text, json);
	}
	if (text_same(member_text(json, "state"), "deleted") &&
	    reference->kind == REFERENCE_CONNECTOR) {
		search->deleted++;
		return EXIT_DONE;
	}
	name_it(&search->names, search->count++, id);
	return keep(&search->first, text, json);
}

/* Looking up -----------------------------------------------------------------------------------*/

static void search_target(
    const struct ctl *ctl, const struct reference *reference, struct target *target)
{
	const char *project =
	    reference->project ? reference->project : ctl->options->value[OPTION_PROJECT];
	char prefix[PREFIX_MAXIMUM + 1];
	target_init(target, kinds[reference->kind].path);
	target_parameter(target, "project", project);
	target_parameter(target, "label", reference->label);
	if (!reference->id)
		return;
	snprintf(prefix, sizeof(prefix), "%s", reference->id);
	target_parameter(target, "id_prefix", prefix);
	if (reference->kind == REFERENCE_CONNECTOR)
		target_parameter(target, "state", "all");
}

static enum exit_code nothing_fits(const struct search *search)
{
	const struct reference *reference = search->reference;
	const char *kind = kinds[reference->kind].one;
	if (reference->label)
		return complain(
		    EXIT_NO_SUCH, "no connector has the label \"%s\"", reference->label);
	if (search->deleted > 0)
		return complain(EXIT_NO_SUCH,
		    "no connector that is there begins with \"%s\"; of deleted ones, whose whole "
		    "id "
		    "is needed, %zu",
		    reference->id, search->deleted);
	return complain(EXIT_NO_SUCH, "no %s begins with \"%s\"", kind, reference->id);
}

/* Decides what the name means. */
static enum exit_code search_decide(struct search *search, struct found *ret_found)
{
	const struct reference *reference = search->reference;
	const char *typed = reference->label ? reference->word : reference->id;
	if (search->exact_count > 1)
		return complain(EXIT_NO_SUCH, "\"%s\" is in %zu projects: %s; -p PROJECT", typed,
		    search->exact_count, buffer_text(&search->projects));
	if (search->exact_count == 0 && search->count == 0)
		return nothing_fits(search);
	if (search->exact_count == 0 && search->count > 1)
		return complain(EXIT_NO_SUCH, "\"%s\" fits %zu %s: %s", typed, search->count,
		    kinds[reference->kind].several, buffer_text(&search->names));
	struct found *which = search->exact_count ? &search->exact : &search->first;
	*ret_found = *which;
	*which = (struct found){.text = NULL};
	return EXIT_DONE;
}

enum exit_code reference_find(
    struct ctl *ctl, const char *word, struct reference *ret_reference, struct found *ret_found)
{
	struct reference reference _cleanup_reference_ = {.word = word};
	struct target target _cleanup_target_ = {.query = false};
	enum exit_code code = reference_parse(word, &reference);
	const char *project = ctl->options->value[OPTION_PROJECT];
	if (!code && reference.project && project && strcmp(project, reference.project) != 0)
		code =
		    complain(EXIT_USAGE, "\"%s\" and -p %s name different projects", word, project);
	if (code)
		return code;
	struct search search = {.reference = &reference};
	buffer_init(&search.names, 1024);
	buffer_init(&search.projects, 1024);
	search_target(ctl, &reference, &target);
	code = listing_each(ctl, &target, LISTING_ALL, search_take, &search);
	if (!code)
		code = search_decide(&search, ret_found);
	if (!code) {
		*ret_reference = reference;
		reference.project = NULL;
	}
	found_done(&search.exact);
	found_done(&search.first);
	buffer_done(&search.names);
	buffer_done(&search.projects);
	return code;
}

enum exit_code reference_find_connector(struct ctl *ctl, const char *word, struct found *ret_found)
{
	struct reference reference _cleanup_reference_ = {.word = word};
	enum exit_code code = reference_parse(word, &reference);
	if (!code && reference.kind != REFERENCE_CONNECTOR)
		code = complain(EXIT_USAGE, "\"%s\" is no connector but one of the %s", word,
		    kinds[reference.kind].several);
	reference_done(&reference);
	return code ? code : reference_find(ctl, word, &reference, ret_found);
}

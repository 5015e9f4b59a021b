/* SPDX-License-Identifier: MIT */
/* Records are taken out of their pages as the bytes that the API sent, and parsed only where
 * somebody looks into them. */
#include "ctl/listing.h"

#include <stdio.h>
#include <string.h>

#include "ctl/complain.h"

#define PAGE_MAXIMUM 500
#define DOCUMENT_LIMIT ((size_t)2 * 1024 * 1024 * 1024)

struct walk {
	int64_t left;
	bool more;
	char cursor[1024];
};

/* Notes where the list goes on. */
static enum exit_code take_cursor(
    struct ctl *ctl, const struct exchange *exchange, struct span list, struct walk *walk)
{
	struct err err = ERR_INIT;
	json_t *page _cleanup_json_ = NULL;
	if (!list.ptr || jsontext_parse_around(ask_body(exchange), list, 0, &err, &page) < 0)
		return ask_not_ours(ctl, exchange);
	const char *next = member_text(page, "next_cursor");
	walk->more = json_is_true(json_object_get(page, "has_more")) && next;
	snprintf(walk->cursor, sizeof(walk->cursor), "%s", next ? next : "");
	return EXIT_DONE;
}

static enum exit_code walk_page(struct ctl *ctl, const struct exchange *exchange, struct walk *walk,
    listing_fn *each, void *context)
{
	struct jsontext_iterator iterator;
	struct span key;
	struct span record;
	struct span list = jsontext_member(ask_body(exchange), "data");
	enum exit_code code = take_cursor(ctl, exchange, list, walk);
	jsontext_iterate(&iterator, list);
	while (!code && walk->left > 0 && jsontext_next(&iterator, &key, &record)) {
		walk->left--;
		code = each(ctl, record, context);
	}
	return code;
}

enum exit_code listing_each(
    struct ctl *ctl, const struct target *target, int64_t maximum, listing_fn *each, void *context)
{
	struct walk walk = {.left = maximum, .more = true};
	enum exit_code code = EXIT_DONE;
	while (!code && walk.more && walk.left > 0) {
		struct target page _cleanup_target_;
		struct exchange exchange _cleanup_exchange_ = {.method = "GET"};
		target_init(&page, buffer_text(&target->text));
		page.query = target->query;
		target_number(&page, "limit", walk.left < PAGE_MAXIMUM ? walk.left : PAGE_MAXIMUM);
		target_parameter(&page, "cursor", *walk.cursor ? walk.cursor : NULL);
		code = ask_get(ctl, &page, &exchange);
		if (!code)
			code = walk_page(ctl, &exchange, &walk, each, context);
	}
	return code;
}

/* Printing -------------------------------------------------------------------------------------*/

struct print {
	const struct listing_kind *kind;
	struct table table;
	struct buffer document; /* what is printed when it is whole */
	size_t count;
};

static enum exit_code print_each(struct ctl *ctl, struct span json, void *context)
{
	struct print *print = context;
	struct err err = ERR_INIT;
	json_t *record _cleanup_json_ = NULL;
	enum output_form form = ctl->output.form;
	print->count++;
	if (form == FORM_JSON) {
		buffer_append_text(&print->document, print->count > 1 ? ",\n" : "");
		buffer_append(&print->document, json.ptr, json.len);
		return EXIT_DONE;
	}
	if (form == FORM_JSONL)
		return output_record(&ctl->output, json, NULL);
	if (jsontext_parse(json, 0, &err, &record) < 0)
		return complain(EXIT_REFUSED, "a record of the list cannot be read: %s", err.text);
	const char *outer = print->kind->id_object;
	const json_t *object = outer ? member(record, outer) : record;
	if (form == FORM_QUIET)
		return output_record(
		    &ctl->output, json, member_text(object, print->kind->id_member));
	if (print->kind->lines && ctl->output.terminal)
		print->kind->lines(&ctl->output, record, &print->document);
	else
		print->kind->row(&ctl->output, &print->table, record);
	return EXIT_DONE;
}

static enum exit_code print_end(struct ctl *ctl, struct print *print)
{
	const struct output *output = &ctl->output;
	if (output->form == FORM_JSON) {
		buffer_append_text(&print->document, "]\n");
		return output_text(&print->document);
	}
	if (output->form == FORM_TEXT && print->count > 0) {
		if (print->table.count > 0)
			table_append(
			    &print->table, output->columns, output->color, &print->document);
		return output_text(&print->document);
	}
	if (output->form == FORM_TEXT)
		remark("%s", print->kind->none);
	return EXIT_DONE;
}

static void print_init(struct print *print, struct ctl *ctl, const struct listing_kind *kind)
{
	*print = (struct print){.kind = kind};
	table_init(&print->table, kind->columns, kind->column_count);
	buffer_init(&print->document, DOCUMENT_LIMIT);
	if (ctl->output.form == FORM_JSON)
		buffer_append_text(&print->document, "[");
}

static void print_done(struct print *print)
{
	table_done(&print->table);
	buffer_done(&print->document);
}

enum exit_code listing_print(
    struct ctl *ctl, const struct target *target, int64_t maximum, const struct listing_kind *kind)
{
	struct print print _cleanup_(print_done);
	print_init(&print, ctl, kind);
	enum exit_code code = listing_each(ctl, target, maximum, print_each, &print);
	return code ? code : print_end(ctl, &print);
}

enum exit_code listing_print_one(struct ctl *ctl, struct span json, const struct listing_kind *kind)
{
	struct print print _cleanup_(print_done);
	print_init(&print, ctl, kind);
	enum exit_code code = print_each(ctl, json, &print);
	return code ? code : print_end(ctl, &print);
}

/* SPDX-License-Identifier: MIT */
/* What can go wrong here, and why it cannot
 *
 * From a listing it is concluded which connectors may be gone, so an answer that only looks like
 * one must not pass. A body that was cut short is no JSON document; a document that is an error, or
 * has no list in it, or whose list breaks off, is refused as a whole. One entry that cannot be read
 * is nobody else's fault: it is left out and counted, so that the caller concludes nothing from
 * what is missing. What is not needed to know which connector or run is meant never refuses
 * anything: a member of an unexpected type counts as unknown, and the bytes received keep it.
 *
 * jansson parses, but cannot give a number back as it was written. So a value is looked at twice:
 * as jansson has it, and as the bytes it came in. Both take the last of two members of one name. */
#include "mixpanel/decode.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

#include "util/jsontext.h"
#include "util/timestamp.h"

/* Of the records decoded from one answer; an answer at its size limit stays far below. */
#define ARENA_LIMIT (256 * 1024 * 1024)

/* On one page: many more than fit into an answer, so that what is allocated for each is bounded. */
#define ENTRIES_LIMIT 200000

/* Of the text of a number that stands for a time. */
#define NUMBER_SIZE 64

/* One value of an answer. Invariant: bytes is SPAN_NONE when they could not be found. */
struct node {
	json_t *value;
	struct span bytes;
};

/* A list in an answer. */
struct page {
	struct span list;
	size_t count; /* of entries; at most so many when the list is malformed */
	struct decoded_page said;
};

/* Copies what is to outlive the document it was found in. */
struct keeper {
	struct arena *arena;
	bool failed;
};

static const char *decode_keep(struct keeper *keeper, const char *text)
{
	const char *kept = arena_text(keeper->arena, text);
	keeper->failed |= text && !kept;
	return kept;
}

void decoded_done(struct decoded *decoded)
{
	arena_done(&decoded->arena);
}

/* Members --------------------------------------------------------------------------------------*/

static struct node decode_member(struct node object, const char *name)
{
	return (struct node){
	    .value = json_object_get(object.value, name),
	    .bytes = jsontext_member(object.bytes, name),
	};
}

/* NULL when missing or no string. */
static const char *decode_member_text(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

/* NULL when empty too. */
static const char *member_filled(const json_t *object, const char *name)
{
	const char *text = decode_member_text(object, name);
	return text && *text ? text : NULL;
}

static const char *either_filled(const json_t *object, const char *name, const char *other_name)
{
	const char *text = member_filled(object, name);
	return text ? text : member_filled(object, other_name);
}

static const char *text_or_empty(const json_t *object, const char *name)
{
	const char *text = decode_member_text(object, name);
	return text ? text : "";
}

/* The bytes of an object; SPAN_NONE when missing or something else. */
static struct span decode_member_object(struct node object, const char *name)
{
	if (!json_is_object(json_object_get(object.value, name)))
		return SPAN_NONE;
	return jsontext_member(object.bytes, name);
}

/* The bytes of a number; SPAN_NONE when missing or something else. */
static struct span member_number(struct node object, const char *name)
{
	if (!json_is_number(json_object_get(object.value, name)))
		return SPAN_NONE;
	return jsontext_member(object.bytes, name);
}

/* A time that cannot be read is one we do not know. */
static int64_t member_time(struct node object, const char *name)
{
	char digits[NUMBER_SIZE];
	const char *text = decode_member_text(object.value, name);
	if (!text) {
		struct span number = member_number(object, name);
		if (!number.ptr || number.len >= sizeof(digits))
			return TIMESTAMP_NONE;
		memcpy(digits, number.ptr, number.len);
		digits[number.len] = '\0';
		text = digits;
	}
	int64_t timestamp = TIMESTAMP_NONE;
	return timestamp_parse(text, &timestamp) < 0 ? TIMESTAMP_NONE : timestamp;
}

/* A string that is not empty, or a whole number other than 0 as its digits, kept; NULL for
 * anything else. */
static const char *keep_token(struct keeper *keeper, struct node object, const char *name)
{
	const char *text = member_filled(object.value, name);
	if (text)
		return decode_keep(keeper, text);
	const json_t *value = json_object_get(object.value, name);
	if (!json_is_integer(value) || json_integer_value(value) == 0)
		return NULL;
	struct span digits = jsontext_member(object.bytes, name);
	text = arena_copy(keeper->arena, digits.ptr ? digits.ptr : "", digits.len);
	keeper->failed |= !text;
	return text;
}

static const char *keep_either_token(
    struct keeper *keeper, struct node object, const char *name, const char *other_name)
{
	const char *text = keep_token(keeper, object, name);
	return text ? text : keep_token(keeper, object, other_name);
}

/* The envelope ---------------------------------------------------------------------------------*/

static int decode_no_memory(struct err *err)
{
	return err_set(err, "no memory for Mixpanel's answer");
}

static int open_answer(struct span body, struct err *err, json_t **ret_document)
{
	if (jsontext_parse(body, 0, err, ret_document) < 0)
		return err_wrap(err, "Mixpanel's answer cannot be read");
	return 0;
}

/* "", null, false, {} and [] say nothing, nor does an object whose members say nothing: no error
 * may come as two empty texts. */
static bool says_something(json_t *value)
{
	const char *name;
	json_t *inner;
	switch (value ? json_typeof(value) : JSON_NULL) {
	case JSON_OBJECT:
		/* Not further down: how deep it goes is the sender's choice. */
		json_object_foreach (value, name, inner)
			if (json_is_string(inner) ? json_string_length(inner) > 0
						  : inner && !json_is_null(inner))
				return true;
		return false;
	case JSON_ARRAY:
		return json_array_size(value) > 0;
	case JSON_STRING:
		return json_string_length(value) > 0;
	case JSON_INTEGER:
	case JSON_REAL:
	case JSON_TRUE:
		return true;
	case JSON_FALSE:
	case JSON_NULL:
		return false;
	}
	return false;
}

/* Which of its members says that the answer is a failure; NULL for none. A bare connector has a
 * status of its own. */
static const char *failing_member(struct node root, bool bare)
{
	const json_t *status = json_object_get(root.value, "status");
	const char *word = json_string_value(status);
	if (!bare && status && !json_is_null(status) && !text_same(word, "ok") &&
	    !text_same(word, "success"))
		return "status";
	if (json_is_false(json_object_get(root.value, "success")))
		return "success";
	if (says_something(json_object_get(root.value, "error")))
		return "error";
	return says_something(json_object_get(root.value, "errors")) ? "errors" : NULL;
}

static int refuse_failure(struct node root, bool bare, struct err *err)
{
	const char *name = failing_member(root, bare);
	if (!name)
		return 0;
	char said[256];
	decode_error_message(root.bytes, said, sizeof(said));
	const char *colon = said[0] ? ": " : "";
	const char *status = decode_member_text(root.value, name);
	if (status && strcmp(name, "status") == 0)
		return err_set(
		    err, "Mixpanel's answer has the status \"%.32s\"%s%s", status, colon, said);
	return err_set(
	    err, "Mixpanel's answer says by \"%s\" that it failed%s%s", name, colon, said);
}

/* What the envelope holds, or the answer itself when it came without one. */
static int unwrap(struct node root, struct err *err, struct node *ret_content)
{
	if (refuse_failure(root, false, err) < 0)
		return -1;
	*ret_content =
	    json_object_get(root.value, "results") ? decode_member(root, "results") : root;
	return 0;
}

/* Lists ----------------------------------------------------------------------------------------*/

/* Where decode_read_page will look for the list, before anything is parsed. */
static struct span find_list(struct span body)
{
	struct span content = jsontext_value(body);
	struct span results = jsontext_member(content, "results");
	if (results.ptr)
		content = results;
	struct span data = jsontext_member(content, "data");
	if (data.ptr)
		content = data;
	return content.ptr && content.ptr[0] == '[' ? content : SPAN_NONE;
}

/* A list whose has_more is neither true nor false cannot say that it is whole. */
static int read_page_object(
    struct node object, struct keeper *keeper, struct err *err, struct decoded_page *page)
{
	if (refuse_failure(object, false, err) < 0)
		return -1;
	page->next_url = decode_keep(keeper, member_filled(object.value, "url"));
	if (keeper->failed)
		return decode_no_memory(err);
	page->has_more = !json_is_false(json_object_get(object.value, "has_more"));
	return 0;
}

/* All of the answer but the entries of its list. */
static int decode_read_page(
    struct span body, struct keeper *keeper, struct err *err, struct page *ret_page)
{
	_cleanup_json_ json_t *document = NULL;
	/* A list that does not say that it is whole, as a bare array cannot, proves nothing. */
	struct page page = {.list = find_list(body), .said = {.has_more = true}};
	if (jsontext_parse_around(body, page.list, 0, err, &document) < 0)
		return err_wrap(err, "Mixpanel's answer cannot be read");
	struct node content = {.value = NULL};
	if (unwrap((struct node){.value = document, .bytes = body}, err, &content) < 0)
		return -1;
	struct node data = content;
	if (json_is_object(content.value)) {
		data = decode_member(content, "data");
		if (read_page_object(content, keeper, err, &page.said) < 0)
			return -1;
	}
	/* An array with something in it would be another one than the one left out. */
	if (!page.list.ptr || !json_is_array(data.value) || json_array_size(data.value) > 0)
		return err_set(err, "there is no list in Mixpanel's answer");
	struct jsontext_iterator iterator;
	struct span name;
	struct span entry;
	jsontext_iterate(&iterator, page.list);
	while (jsontext_next(&iterator, &name, &entry))
		page.count++;
	if (page.count > ENTRIES_LIMIT)
		return err_set(err, "there are more than %d entries on a page of Mixpanel's list",
		    ENTRIES_LIMIT);
	*ret_page = page;
	return 0;
}

/* Returns 1. */
static int odd_entry(struct err *err, const char *what)
{
	err_set(err, "%s", what);
	return 1;
}

/* Takes an entry. Returns 0; 1 when it is odd, with what is wrong with it; -1 without memory. */
typedef int entry_fn(struct node entry, void *context, struct err *err);

static int read_entry(struct span bytes, entry_fn *read, void *context, struct err *err)
{
	_cleanup_json_ json_t *document = NULL;
	if (bytes.ptr[0] != '{')
		return odd_entry(err, "it is no object");
	if (jsontext_parse(bytes, 0, err, &document) < 0)
		return 1;
	return read((struct node){.value = document, .bytes = bytes}, context, err);
}

static int leave_out(struct decoded_page *page, struct keeper *keeper, size_t index,
    const struct err *odd, struct err *err)
{
	struct err told = ERR_INIT;
	if (page->unreadable++ > 0)
		return 0;
	err_set(&told, "entry %zu: %s", index, odd->text);
	page->odd = decode_keep(keeper, told.text);
	return keeper->failed ? decode_no_memory(err) : 0;
}

/* One entry is held at a time: the whole of a long list would take tens of megabytes. */
static int read_entries(
    struct page *page, struct keeper *keeper, entry_fn *read, void *context, struct err *err)
{
	struct jsontext_iterator iterator;
	struct span name;
	struct span bytes;
	size_t index = 0;
	jsontext_iterate(&iterator, page->list);
	for (; jsontext_next(&iterator, &name, &bytes); index++) {
		struct err odd = ERR_INIT;
		int r = read_entry(bytes, read, context, &odd);
		if (r < 0)
			return decode_no_memory(err);
		if (r > 0 && leave_out(&page->said, keeper, index, &odd, err) < 0)
			return -1;
	}
	if (iterator.place != JSONTEXT_ENDED)
		return err_set(err, "Mixpanel's list breaks off after %zu entries", index);
	return 0;
}

/* Connectors -----------------------------------------------------------------------------------*/

/* NULL when there is none that can be used. */
static const char *connector_id_of(const json_t *object)
{
	static const char *const names[] = {"connector_id", "connectorId"};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char *id = decode_member_text(object, names[i]);
		if (id && connector_id_is_valid(id))
			return id;
	}
	return NULL;
}

static const char *creator_of(const json_t *object)
{
	const json_t *creator = json_object_get(object, "created_by");
	if (json_is_object(creator))
		return either_filled(creator, "email", "name");
	return member_filled(object, "created_by");
}

/* Returns as an entry_fn does. */
static int decode_read_connector(
    struct node entry, struct keeper *keeper, struct err *err, struct connector *ret_connector)
{
	const json_t *object = entry.value;
	const char *id = connector_id_of(object);
	if (!id)
		return odd_entry(err, "the connector has no usable id");
	const json_t *properties = json_object_get(object, "connector_properties");
	const json_t *category = json_object_get(object, "category_properties");
	/* An empty prefix says something: the whole bucket. */
	const char *prefix = decode_member_text(properties, "gcs_prefix");
	if (!prefix)
		prefix = decode_member_text(properties, "s3_prefix");
	*ret_connector = (struct connector){
	    .connector_id = decode_keep(keeper, id),
	    .label = decode_keep(keeper, text_or_empty(object, "label")),
	    .connector_type = decode_keep(keeper, text_or_empty(object, "connector_type")),
	    .properties = decode_member_object(entry, "connector_properties"),
	    .category = decode_member_object(entry, "category_properties"),
	    .data_format = decode_keep(keeper, decode_member_text(category, "data_format")),
	    .bucket = decode_keep(keeper, either_filled(properties, "gcs_bucket", "s3_bucket")),
	    .prefix = decode_keep(keeper, prefix),
	    .status = decode_keep(keeper, decode_member_text(object, "status")),
	    .failure_message = decode_keep(keeper, member_filled(object, "failure_message")),
	    .created_by = decode_keep(keeper, creator_of(object)),
	    .created_at = member_time(entry, "created_at"),
	    .raw = entry.bytes,
	};
	return keeper->failed ? decode_no_memory(err) : 0;
}

static int read_listed(struct node entry, void *context, struct err *err)
{
	struct decoded_listing *listing = context;
	struct keeper keeper = {.arena = &listing->decoded.arena};
	int r = decode_read_connector(entry, &keeper, err, &listing->connectors[listing->count]);
	listing->count += r == 0;
	return r;
}

/* A connector's id, and its place in the list. */
struct listed_id {
	const char *id;
	size_t place;
};

/* By id, and in the order sent. */
static int compare_listed(const void *a, const void *b)
{
	const struct listed_id *left = a;
	const struct listed_id *right = b;
	int order = strcmp(left->id, right->id);
	return order ? order : (left->place > right->place) - (left->place < right->place);
}

/* There is no telling which of two entries with the same id is meant. The first is as good as any,
 * and the choice is stable while the list is. */
static int leave_out_twins(struct decoded_listing *listing, struct page *page, struct err *err)
{
	struct keeper keeper = {.arena = &listing->decoded.arena};
	_cleanup_free_ struct listed_id *sorted = calloc(listing->count + 1, sizeof(*sorted));
	if (!sorted)
		return decode_no_memory(err);
	for (size_t i = 0; i < listing->count; i++)
		sorted[i] =
		    (struct listed_id){.id = listing->connectors[i].connector_id, .place = i};
	if (listing->count > 1)
		qsort(sorted, listing->count, sizeof(*sorted), compare_listed);
	for (size_t i = 1; i < listing->count; i++) {
		if (strcmp(sorted[i].id, sorted[i - 1].id) != 0)
			continue;
		struct err odd = ERR_INIT;
		err_set(&odd, "connector %s is in the list already", sorted[i].id);
		if (leave_out(&page->said, &keeper, sorted[i].place, &odd, err) < 0)
			return -1;
		listing->connectors[sorted[i].place].connector_id = NULL;
	}
	size_t kept = 0;
	for (size_t i = 0; i < listing->count; i++)
		if (listing->connectors[i].connector_id)
			listing->connectors[kept++] = listing->connectors[i];
	listing->count = kept;
	return 0;
}

/* Reads all but the entries. Returns an array with room for them, or NULL. */
static void *open_page(struct span body, struct keeper *keeper, size_t entry_size, struct err *err,
    struct page *ret_page)
{
	arena_init(keeper->arena, ARENA_LIMIT);
	if (decode_read_page(body, keeper, err, ret_page) < 0)
		return NULL;
	void *entries = arena_alloc(keeper->arena, ret_page->count * entry_size);
	if (!entries)
		decode_no_memory(err);
	return entries;
}

int decode_listing(struct span body, struct err *err, struct decoded_listing *ret)
{
	struct decoded_listing listing = {0};
	struct keeper keeper = {.arena = &listing.decoded.arena};
	struct page page = {.count = 0};
	listing.connectors = open_page(body, &keeper, sizeof(*listing.connectors), err, &page);
	if (!listing.connectors || read_entries(&page, &keeper, read_listed, &listing, err) < 0 ||
	    leave_out_twins(&listing, &page, err) < 0) {
		decoded_done(&listing.decoded);
		return -1;
	}
	listing.page = page.said;
	*ret = listing;
	return 0;
}

static int fill_connector(struct span body, struct err *err, struct decoded_connector *connector)
{
	_cleanup_json_ json_t *document = NULL;
	struct keeper keeper = {.arena = &connector->decoded.arena};
	arena_init(keeper.arena, ARENA_LIMIT);
	if (open_answer(body, err, &document) < 0)
		return -1;
	/* A bare connector has a status too, but its own. */
	struct node root = {.value = document, .bytes = body};
	struct node content = root;
	if (connector_id_of(root.value) ? refuse_failure(root, true, err) < 0
					: unwrap(root, err, &content) < 0)
		return -1;
	if (!json_is_object(content.value) || !content.bytes.ptr)
		return err_set(err, "there is no connector in Mixpanel's answer");
	if (decode_read_connector(content, &keeper, err, &connector->connector) != 0)
		return err_wrap(err, "Mixpanel's answer");
	return 0;
}

int decode_connector(struct span body, struct err *err, struct decoded_connector *ret)
{
	struct decoded_connector connector = {0};
	if (fill_connector(body, err, &connector) < 0) {
		decoded_done(&connector.decoded);
		return -1;
	}
	*ret = connector;
	return 0;
}

int decode_deleted(struct span body, struct err *err)
{
	_cleanup_json_ json_t *document = NULL;
	if (open_answer(body, err, &document) < 0)
		return -1;
	if (refuse_failure((struct node){.value = document, .bytes = body}, false, err) < 0)
		return -1;
	if (!decode_member_text(document, "status"))
		return err_set(err, "Mixpanel's answer does not confirm the deletion");
	return 0;
}

/* Runs -----------------------------------------------------------------------------------------*/

static void read_run_error(struct keeper *keeper, struct node entry, struct run *run)
{
	struct node error = decode_member(entry, "error");
	if (!json_is_object(error.value)) {
		run->error_message = decode_keep(keeper, member_filled(entry.value, "error"));
		return;
	}
	run->error_message = decode_keep(keeper, member_filled(error.value, "message"));
	run->error_code = keep_either_token(keeper, error, "code", "type");
}

static int read_run(struct node entry, void *context, struct err *err)
{
	struct decoded_history *history = context;
	struct keeper keeper = {.arena = &history->decoded.arena};
	const json_t *object = entry.value;
	if (!json_object_get(object, "status") && !json_object_get(object, "start_time"))
		return odd_entry(err, "the run has neither a status nor a start time");
	struct run run = {
	    .start_time = member_time(entry, "start_time"),
	    .end_time = member_time(entry, "end_time"),
	    .upstream_status = decode_keep(&keeper, text_or_empty(object, "status")),
	    .progress = member_number(entry, "progress"),
	    .run_id = keep_either_token(&keeper, entry, "id", "run_id"),
	    .stats = decode_member_object(entry, "connector_properties"),
	    .raw = entry.bytes,
	};
	read_run_error(&keeper, entry, &run);
	if (keeper.failed)
		return decode_no_memory(err);
	run.status = job_status_of_upstream(run.upstream_status);
	history->runs[history->count++] = run;
	return 0;
}

int decode_history(struct span body, struct err *err, struct decoded_history *ret)
{
	struct decoded_history history = {0};
	struct keeper keeper = {.arena = &history.decoded.arena};
	struct page page = {.count = 0};
	history.runs = open_page(body, &keeper, sizeof(*history.runs), err, &page);
	if (!history.runs || read_entries(&page, &keeper, read_run, &history, err) < 0) {
		decoded_done(&history.decoded);
		return -1;
	}
	history.page = page.said;
	*ret = history;
	return 0;
}

/* What an error says ---------------------------------------------------------------------------*/

/* One line of clean text being put together. Invariant: text[len] is NUL, len < size. */
struct line {
	char *text;
	size_t size;
	size_t len;
	bool blank; /* one is due before the next character */
	bool full;
};

/* Controls of ASCII and Unicode, line separators, and what turns the direction of text around. */
static bool decode_is_blank(const char *character, size_t n)
{
	const unsigned char *byte = (const unsigned char *)character;
	switch (n) {
	case 1:
		return byte[0] <= ' ' || byte[0] == 0x7f;
	case 2:
		return byte[0] == 0xc2 && byte[1] <= 0xa0;
	case 3:
		return byte[0] == 0xe2 &&
		       ((byte[1] == 0x80 && byte[2] >= 0xa8 && byte[2] <= 0xae) ||
			   (byte[1] == 0x81 && byte[2] >= 0xa6 && byte[2] <= 0xa9));
	default:
		return false;
	}
}

static void line_put(struct line *line, const char *character, size_t n)
{
	size_t blank = line->blank && line->len > 0 ? 1 : 0;
	if (line->len + blank + n >= line->size) {
		line->full = true;
		return;
	}
	if (blank)
		line->text[line->len++] = ' ';
	memcpy(line->text + line->len, character, n);
	line->len += n;
	line->text[line->len] = '\0';
	line->blank = false;
}

static void line_append(struct line *line, const char *text, size_t len)
{
	for (size_t at = 0; at < len && !line->full;) {
		size_t n = text_utf8_sequence(text + at, len - at);
		if (n == 0)
			line_put(line, "?", 1);
		else if (decode_is_blank(text + at, n))
			line->blank = true;
		else
			line_put(line, text + at, n);
		at += n ? n : 1;
	}
}

/* Where needle ends at or after at, whatever its case; end when it does not come. */
static const char *after(const char *at, const char *end, const char *needle)
{
	size_t len = strlen(needle);
	for (; (size_t)(end - at) >= len; at++)
		if (strncasecmp(at, needle, len) == 0)
			return at + len;
	return end;
}

static bool starts_with(const char *at, const char *end, const char *prefix)
{
	size_t len = strlen(prefix);
	return (size_t)(end - at) >= len && strncasecmp(at, prefix, len) == 0;
}

/* Where the tag that may start at `at` ends, with what browsers do not show; `at` for no tag. */
static const char *after_tag(const char *at, const char *end)
{
	if (end - at < 2 || at[0] != '<' ||
	    (!strchr("/!?", at[1]) && !((at[1] | 0x20) >= 'a' && (at[1] | 0x20) <= 'z')))
		return at;
	if (starts_with(at, end, "<!--"))
		return after(at + 4, end, "-->");
	if (starts_with(at, end, "<script"))
		at = after(at, end, "</script");
	else if (starts_with(at, end, "<style"))
		at = after(at, end, "</style");
	return after(at, end, ">");
}

static void line_append_markup(struct line *line, struct span body)
{
	const char *at = body.ptr;
	const char *end = body.ptr + body.len;
	while (at < end && !line->full) {
		const char *next = after_tag(at, end);
		if (next > at) {
			line->blank = true;
			at = next;
			continue;
		}
		next = memchr(at + 1, '<', (size_t)(end - at) - 1);
		if (!next)
			next = end;
		line_append(line, at, (size_t)(next - at));
		at = next;
	}
}

static void line_append_error(struct line *line, const json_t *document)
{
	const json_t *error = json_object_get(document, "error");
	const char *message = json_string_value(document);
	if (!message)
		message = member_filled(document, "error");
	if (!message)
		message = member_filled(json_is_object(error) ? error : document, "message");
	if (!message)
		message = either_filled(document, "type", "detail");
	if (message)
		line_append(line, message, strlen(message));
	const char *details = member_filled(document, "details");
	if (!details)
		return;
	line_append(line, ": ", line->len > 0 ? 2 : 0);
	line_append(line, details, strlen(details));
}

void decode_error_message(struct span body, char *ret_text, size_t size)
{
	assert(size > 0);
	ret_text[0] = '\0';
	if (!body.ptr || body.len == 0)
		return;
	struct line line = {.text = ret_text, .size = size};
	struct err err = ERR_INIT;
	_cleanup_json_ json_t *document = NULL;
	if (jsontext_parse(body, JSONTEXT_ANY, &err, &document) < 0)
		line_append_markup(&line, body);
	else
		line_append_error(&line, document);
}

bool decode_is_refusal(struct span body)
{
	struct err err = ERR_INIT;
	_cleanup_json_ json_t *document = NULL;
	if (!body.ptr || jsontext_parse(body, 0, &err, &document) < 0)
		return false;
	const char *status = json_string_value(json_object_get(document, "status"));
	return status && strcmp(status, "error") == 0;
}

/* SPDX-License-Identifier: MIT */
/* Copies the row of an operation, and says what became of one. */
#include "sync/operation.h"

#include "store/operation_store.h"
#include "util/log.h"

#define OPERATION_MEMORY_LIMIT (1024 * 1024)

static const char *keep_text(struct loaded_operation *loaded, const char *text)
{
	const char *copy = arena_text(&loaded->arena, text);
	loaded->incomplete |= text && !copy;
	return copy;
}

static struct span keep_span(struct loaded_operation *loaded, struct span span)
{
	if (!span.ptr)
		return SPAN_NONE;
	const char *copy = arena_copy(&loaded->arena, span.ptr, span.len);
	loaded->incomplete |= !copy;
	return (struct span){.ptr = copy, .len = copy ? span.len : 0};
}

static int operation_take_operation(const struct operation_record *record, void *context)
{
	struct loaded_operation *loaded = context;
	struct operation_record copy = *record;
	copy.operation_id = keep_text(loaded, record->operation_id);
	copy.connector_id = keep_text(loaded, record->connector_id);
	copy.candidates = keep_span(loaded, record->candidates);
	copy.idempotency_key = keep_text(loaded, record->idempotency_key);
	copy.client = keep_text(loaded, record->client);
	copy.request = keep_span(loaded, record->request);
	copy.error_code = keep_text(loaded, record->error_code);
	copy.error_message = keep_text(loaded, record->error_message);
	copy.import_key = keep_text(loaded, record->import_key);
	copy.account = keep_text(loaded, record->account);
	loaded->record = copy;
	return loaded->incomplete ? -1 : 0;
}

void loaded_operation_done(struct loaded_operation *loaded)
{
	arena_done(&loaded->arena);
}

int operation_load_row(
    const struct project *project, int64_t row, struct err *err, struct loaded_operation *loaded)
{
	*loaded = (struct loaded_operation){.incomplete = false};
	arena_init(&loaded->arena, OPERATION_MEMORY_LIMIT);
	return operation_store_get_row(
	    project_writer(project), row, operation_take_operation, loaded, err);
}

int operation_load(const struct project *project, const char *operation_id, struct err *err,
    struct loaded_operation *loaded)
{
	*loaded = (struct loaded_operation){.incomplete = false};
	arena_init(&loaded->arena, OPERATION_MEMORY_LIMIT);
	return operation_store_get(
	    project_writer(project), operation_id, operation_take_operation, loaded, err);
}

void operation_log(const struct project *project, const struct operation_record *record)
{
	enum log_level level = LOG_LEVEL_INFO;
	if (record->state == OPERATION_UNKNOWN || record->state == OPERATION_UNREACHABLE)
		level = LOG_LEVEL_WARNING;
	else if (record->state == OPERATION_PLANNED)
		level = LOG_LEVEL_DEBUG; /* it comes again and again while Mixpanel is down */
	log_write(level, "project %s: %s %s of %s: %s%s%s%s%s", project->settings->name,
	    operation_kind_names[record->kind], record->operation_id, record->client,
	    operation_state_names[record->state], record->connector_id ? ", connector " : "",
	    record->connector_id ? record->connector_id : "", record->error_message ? ": " : "",
	    record->error_message ? record->error_message : "");
}

/* SPDX-License-Identifier: MIT */
/* What callers wish for: checked against what is there, written down, answered. */
#include "sync/command.h"

#include <jansson.h>
#include <stdarg.h>

#include "model/connector.h"
#include "store/audit_store.h"
#include "store/connector_store.h"
#include "store/operation_store.h"
#include "sync/operation.h"
#include "sync/outbox.h"
#include "sync/refresh.h"
#include "sync/search.h"
#include "util/jsontext.h"
#include "util/log.h"
#include "util/timestamp.h"

/* A body is at most 64 KiB. */
#define IMPORT_KEY_LIMIT ((size_t)128 * 1024)

/* Of operations that have not ended: so many has one caller at most, so that none fills the disk or
 * takes the whole budget for hours. */
#define OPEN_LIMIT 1000

/* How long a caller of the drop-in paths may come back for an outcome that was not delivered. */
#define DELIVER_WITHIN MICROSECONDS_PER_DAY

static void fill_operation(struct command *command, const char *operation_id)
{
	snprintf(
	    command->result_operation_id, sizeof(command->result_operation_id), "%s", operation_id);
}

static void command_fill_connector(struct command *command, const char *connector_id)
{
	snprintf(command->result_connector_id, sizeof(command->result_connector_id), "%s",
	    connector_id ? connector_id : "");
}

PRINTF_LIKE(2, 3)
static enum command_result command_failed(struct command *command, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(command->message, sizeof(command->message), format, arguments);
	va_end(arguments);
	return COMMAND_FAILED;
}

/* What a failed write means for the caller. */
static enum command_result not_written(struct command *command, int r, const struct err *err)
{
	snprintf(command->message, sizeof(command->message), "%.255s", err->text);
	return r == STORE_FULL || r == STORE_BROKEN ? COMMAND_STORE_UNAVAILABLE : COMMAND_FAILED;
}

/* Creating -------------------------------------------------------------------------------------*/

/* What stands in the way of a create. */
struct create_check {
	struct command *command;
	json_t *body;
	struct buffer *key; /* of the import */
	bool found;
	enum command_result verdict;
};

static bool same_request(const json_t *body, struct span request)
{
	json_t *other _cleanup_json_ = NULL;
	struct err err = ERR_INIT;
	return jsontext_parse(request, 0, &err, &other) == 0 && json_equal(body, other);
}

static int look_at_key(const struct operation_record *record, void *context)
{
	struct create_check *check = context;
	struct command *command = check->command;
	check->found = true;
	fill_operation(command, record->operation_id);
	if (record->kind != OPERATION_CREATE || !same_request(check->body, record->request))
		check->verdict = COMMAND_KEY_REUSED;
	else if (operation_is_running(record->state))
		check->verdict = COMMAND_IN_PROGRESS;
	else
		check->verdict = COMMAND_REPLAYED;
	return 0;
}

/* Of a body whose import key is the same. One that cannot be read may be. */
static bool asks_for_same(const json_t *body, struct span request)
{
	json_t *other _cleanup_json_ = NULL;
	struct err err = ERR_INIT;
	return jsontext_parse(request, 0, &err, &other) < 0 ||
	       connector_bodies_same_import(body, other);
}

/* A caller of Mixpanel's own paths cannot know of operations: one that repeats its create before
 * the outcome was delivered gets that outcome. */
static bool repeats(const struct create_check *check, const struct operation_record *record)
{
	const struct command *command = check->command;
	return command->dropin && !command->idempotency_key && record->undelivered &&
	       text_same(command->client, record->client) &&
	       same_request(check->body, record->request);
}

/* A create that has not ended may yet start the import, however long ago it was sent. */
static int look_at_open(const struct operation_record *record, void *context)
{
	struct create_check *check = context;
	bool again = repeats(check, record);
	if (!again && !asks_for_same(check->body, record->request))
		return 0;
	check->found = true;
	check->verdict = again ? COMMAND_ACCEPTED : COMMAND_IN_PROGRESS;
	fill_operation(check->command, record->operation_id);
	return again ? STORE_ENOUGH : 0;
}

static int look_at_undelivered(const struct operation_record *record, void *context)
{
	struct create_check *check = context;
	if (!repeats(check, record) || !record->connector_id)
		return 0;
	fill_operation(check->command, record->operation_id);
	command_fill_connector(check->command, record->connector_id);
	check->verdict = COMMAND_ACCEPTED;
	return STORE_ENOUGH;
}

static int look_at_import(const struct connector_record *record, void *context)
{
	struct create_check *check = context;
	if (check->found || !connector_is_same_import(check->body, &record->connector))
		return 0;
	check->found = true;
	check->verdict = COMMAND_DUPLICATE;
	command_fill_connector(check->command, record->connector.connector_id);
	return 0;
}

static int look_at_sent(const char *connector_id, struct span request, void *context)
{
	struct create_check *check = context;
	if (check->found || !asks_for_same(check->body, request))
		return 0;
	check->found = true;
	check->verdict = COMMAND_DUPLICATE;
	command_fill_connector(check->command, connector_id);
	return 0;
}

/* Among the creates that have not ended; for Mixpanel's own paths also among those that succeeded
 * but were never reported to the caller. Returns as look_for_same. */
static int look_at_creates(struct project *project, struct create_check *check, struct err *err)
{
	struct conn *writer = project_writer(project);
	const struct command *command = check->command;
	const char *key = buffer_text(check->key);
	int r = 0;
	if (command->dropin || !command->allow_duplicate)
		r = operation_store_each_import(
		    writer, command->project_id, key, look_at_open, check, err);
	if (r < 0 || check->found || !command->dropin)
		return r < 0 ? -1 : check->found;
	const struct undelivered_query undelivered = {
	    .owner = {.project_id = command->project_id, .client = command->client},
	    .import_key = key,
	    .since =
		project_date_is_sure(project->sync) ? project_wall(project) - DELIVER_WITHIN : 0,
	};
	r = operation_store_each_undelivered(writer, &undelivered, look_at_undelivered, check, err);
	if (r <= 0)
		return r;
	struct found_connector found = {.row = 0};
	r = project_find_connector(project, command->result_connector_id, err, &found);
	/* One that was deleted since is created anew. */
	return r < 0 ? -1 : r == 0 && !found.deleted;
}

/* Returns 0 when nothing stands in the way, 1 when check->verdict is the answer, or -1. */
static int look_for_same(struct project *project, struct create_check *check, struct err *err)
{
	const struct command *command = check->command;
	const struct operation_owner owner = {
	    .project_id = command->project_id, .client = command->client};
	int r = 0;
	if (command->idempotency_key)
		r = operation_store_get_by_key(project_writer(project), &owner,
		    command->idempotency_key, look_at_key, check, err);
	if (r < 0 || check->found)
		return r < 0 ? -1 : 1;
	r = connector_body_import_key(check->key, check->body);
	if (r != 0)
		return r < 0 ? err_set(err, "no memory for a create") : 0;
	r = look_at_creates(project, check, err);
	if (r != 0 || command->allow_duplicate)
		return r;
	/* Among the connectors that are there, by what Mixpanel echoes and by what was sent. */
	struct conn *writer = project_writer(project);
	const struct import_query same = {
	    .project_id = command->project_id,
	    .import_key = buffer_text(check->key),
	};
	r = connector_store_each_import(writer, &same, look_at_import, check, err);
	if (r == 0 && !check->found)
		r = connector_store_each_sent(
		    writer, same.project_id, same.import_key, look_at_sent, check, err);
	return r < 0 ? -1 : check->found;
}

struct planning {
	const struct operation_record *record;
	const struct audit_entry *audit;
};

static int insert_operation(struct conn *writer, void *context, struct err *err)
{
	const struct planning *planning = context;
	const struct operation_record *record = planning->record;
	int64_t row = 0;
	int r = operation_store_insert(writer, record, err, &row);
	/* With it, so that there is never one without the other. */
	if (r == 0 && planning->audit)
		r = audit_store_done(writer, planning->audit, record->operation_id, NULL, err);
	return r;
}

/* Writes the intent down and lines it up. */
static enum command_result plan_operation(
    struct project *project, struct command *command, struct operation_record *record)
{
	struct err err = ERR_INIT;
	char id[RANDOM_ID_SIZE];
	unsigned open = 0;
	if (operation_store_count_open(
		project_writer(project), command->client, OPEN_LIMIT, &err, &open) < 0)
		return command_failed(command, "%s", err.text);
	if (open == OPEN_LIMIT)
		return COMMAND_TOO_MANY;
	random_id(OPERATION_ID_PREFIX, id);
	record->operation_id = id;
	record->project_id = command->project_id;
	record->state = OPERATION_PLANNED;
	record->client = command->client;
	record->created_at = project_wall(project);
	record->sent_at = record->sent_upstream_at = record->finished_at = record->unknown_at =
	    TIMESTAMP_NONE;
	struct planning planning = {.record = record, .audit = command->audit};
	int r = project_write(project, insert_operation, &planning, &err);
	if (r != 0)
		return not_written(command, r, &err);
	command->changed = true;
	log_info("project %s: %s %s planned for %s", project->settings->name,
	    operation_kind_names[record->kind], id, command->client);
	fill_operation(command, id);
	/* Without memory it stays planned, and goes out after the next start. */
	if (outbox_put(project, id, record->kind) < 0)
		log_error(
		    "project %s: no memory to send operation %s now", project->settings->name, id);
	return COMMAND_ACCEPTED;
}

static enum command_result command_create(struct project *project, struct command *command)
{
	struct err err = ERR_INIT;
	json_t *body _cleanup_json_ = NULL;
	if (jsontext_parse(command->body, JSONTEXT_REJECT_DUPLICATES, &err, &body) < 0)
		return command_failed(command, "%s", err.text);
	struct buffer key _cleanup_buffer_;
	buffer_init(&key, IMPORT_KEY_LIMIT);
	struct create_check check = {.command = command, .body = body, .key = &key};
	int r = look_for_same(project, &check, &err);
	if (r != 0)
		return r < 0 ? command_failed(command, "%s", err.text) : check.verdict;
	struct operation_record record = {
	    .kind = OPERATION_CREATE,
	    .idempotency_key = command->idempotency_key,
	    .request = command->body,
	    .allow_duplicate = command->allow_duplicate,
	    .import_key = key.len > 0 ? buffer_text(&key) : NULL,
	    .known_row = -1,
	    .undelivered = command->dropin && !command->idempotency_key,
	};
	return plan_operation(project, command, &record);
}

/* Deleting -------------------------------------------------------------------------------------*/

/* That a connector is gone may be a conclusion; only what our own delete confirmed is answered
 * without asking Mixpanel. */
static enum command_result delete_connector(struct project *project, struct command *command)
{
	struct err err = ERR_INIT;
	struct found_connector found = {.row = 0};
	int r = project_find_connector(project, command->connector_id, &err, &found);
	if (r < 0)
		return command_failed(command, "%s", err.text);
	if (r > 0)
		return COMMAND_NOT_FOUND;
	if (found.deleted && found.deleted_by_us)
		return COMMAND_ALREADY_DONE;
	r = operation_store_deleting(project_writer(project), project->settings->project_id,
	    command->connector_id, &err, command->result_operation_id);
	if (r <= 0)
		return r < 0 ? command_failed(command, "%s", err.text) : COMMAND_ACCEPTED;
	struct operation_record record = {
	    .kind = OPERATION_DELETE,
	    .connector_id = command->connector_id,
	};
	return plan_operation(project, command, &record);
}

/* Resolving ------------------------------------------------------------------------------------*/

struct resolution {
	struct project *project;
	const struct command *command;
	const struct operation_record *record;
	int64_t connector_row; /* of the outcome; 0: it was not created */
};

static int write_resolution(struct conn *writer, void *context, struct err *err)
{
	const struct resolution *resolution = context;
	const struct operation_record *record = resolution->record;
	project_changed(resolution->project, CHANGE_OPERATION, record->operation_id);
	int r = operation_store_update(writer, record, err);
	if (r == 0 && resolution->connector_row)
		r = connector_store_sent_key(
		    writer, resolution->connector_row, record->import_key, err);
	const struct command *command = resolution->command;
	if (r == 0 && command->audit)
		r = audit_store_done(
		    writer, command->audit, record->operation_id, command->reason, err);
	return r;
}

/* Says why the connector cannot be the outcome. Returns whether it can. */
static bool may_be_outcome(struct project *project, struct command *command, int64_t *ret_row)
{
	struct err err = ERR_INIT;
	struct found_connector found = {.row = 0};
	int r = project_find_connector(project, command->connector_id, &err, &found);
	*ret_row = found.row;
	if (r != 0 || found.deleted) {
		(void)command_failed(
		    command, "connector %s is not present in this project", command->connector_id);
		return false;
	}
	if (operation_store_claims(project_writer(project), project->settings->project_id,
		command->connector_id, 0, &err) != 0) {
		(void)command_failed(command, "connector %s is the outcome of another operation",
		    command->connector_id);
		return false;
	}
	return true;
}

static enum command_result command_resolve(struct project *project, struct command *command)
{
	struct err err = ERR_INIT;
	struct resolution resolution = {.project = project, .command = command};
	if (command->created && !may_be_outcome(project, command, &resolution.connector_row))
		return COMMAND_CONNECTOR_MISSING;
	fill_operation(command, command->operation_id);
	struct loaded_operation loaded _cleanup_loaded_operation_;
	struct operation_record *record = &loaded.record;
	int r = operation_load(project, command->operation_id, &err, &loaded);
	if (r != 0)
		return r < 0 ? command_failed(command, "%s", err.text) : COMMAND_NOT_FOUND;
	if (record->state != OPERATION_UNKNOWN)
		return COMMAND_NOT_UNKNOWN;
	record->state = command->created ? OPERATION_SUCCEEDED : OPERATION_REJECTED;
	record->connector_id = command->created ? command->connector_id : NULL;
	record->candidates = SPAN_NONE;
	record->error_code = command->created ? NULL : "resolved-not-created";
	record->error_message = command->created ? NULL : command->reason;
	record->finished_at = project_wall(project);
	resolution.record = record;
	r = project_write(project, write_resolution, &resolution, &err);
	if (r != 0)
		return not_written(command, r, &err);
	command->changed = true;
	search_end(project, record->row);
	search_same_import(project, record->import_key);
	log_info("project %s: operation %s resolved by %s as %s: %s", project->settings->name,
	    command->operation_id, command->client,
	    command->created ? command->connector_id : "not created", command->reason);
	return COMMAND_ACCEPTED;
}

/* Refreshing -----------------------------------------------------------------------------------*/

static enum command_result command_refresh(struct project *project, struct command *command)
{
	struct err err = ERR_INIT;
	struct found_connector found = {.row = 0}; /* the whole project */
	if (command->kind == COMMAND_REFRESH_CONNECTOR) {
		int r = project_find_connector(project, command->connector_id, &err, &found);
		if (r < 0)
			return command_failed(command, "%s", err.text);
		if (r > 0)
			return COMMAND_NOT_FOUND;
		if (found.deleted)
			return COMMAND_ALREADY_DONE;
	}
	if (refresh_begin(project, found.row, command->connector_id, &command->result_ticket) < 0)
		return command_failed(command, "no memory");
	return COMMAND_ACCEPTED;
}

void command_run(struct project *project, struct command *command)
{
	switch (command->kind) {
	case COMMAND_CREATE:
		command->result = command_create(project, command);
		return;
	case COMMAND_DELETE:
		command->result = delete_connector(project, command);
		return;
	case COMMAND_RESOLVE:
		command->result = command_resolve(project, command);
		return;
	case COMMAND_REFRESH_PROJECT:
	case COMMAND_REFRESH_CONNECTOR:
		command->result = command_refresh(project, command);
		return;
	}
}

/* SPDX-License-Identifier: MIT */
#include "upstream.h"

#include <string.h>
#include <time.h>

#include "render.h"
#include "util/jsontext.h"
#include "util/timestamp.h"

/* One call under way. */
struct work {
	struct sim *sim;
	const struct call *call;
	const struct request *request;
	const struct shape *shape;
	struct project *project;
	struct connector *connector;
	struct answer *answer;
};

/* Every refusal returns false: the call has not taken effect. */
static bool refuse(struct work *work, unsigned status, const char *text)
{
	struct writer writer;
	buffer_clear(&work->answer->body);
	work->answer->status = status;
	writer_init(&writer, &work->answer->body);
	writer_begin_object(&writer);
	writer_member_text(&writer, "status", "error");
	writer_member_text(&writer, "error", text);
	writer_end_object(&writer);
	return false;
}

static bool refuse_property(struct work *work, const char *message, const char *details)
{
	struct writer writer;
	buffer_clear(&work->answer->body);
	work->answer->status = 400;
	writer_init(&writer, &work->answer->body);
	writer_begin_object(&writer);
	writer_member_text(&writer, "status", "error");
	writer_member_text(&writer, "type", "invalid_property");
	writer_member_text(&writer, "message", message);
	writer_member_text(&writer, "details", details);
	writer_end_object(&writer);
	return false;
}

static void begin_results(struct work *work)
{
	buffer_clear(&work->answer->body);
	if (!work->sim->world.settings.envelope)
		buffer_append_text(&work->answer->body, "{\"status\":\"ok\",\"results\":");
}

static void end_results(struct work *work)
{
	if (!work->sim->world.settings.envelope)
		buffer_append_text(&work->answer->body, "}");
}

/* Lists ----------------------------------------------------------------------------------------*/

/* One page of a list: entries from..to of total, plus where the next one is. */
struct page {
	size_t from;
	size_t to;
	size_t total;
	bool more;
};

static struct page choose_page(const struct work *work, size_t total, int64_t size)
{
	struct page page = {.total = total};
	char text[32] = "";
	struct span offset = http_query(work->request, "offset");
	uint64_t from = 0;
	if (offset.ptr && offset.len < sizeof(text)) {
		memcpy(text, offset.ptr, offset.len);
		if (text_parse_unsigned(text, 0, total, &from) < 0)
			from = total;
	}
	page.from = (size_t)from;
	page.to = size && total - page.from > (size_t)size ? page.from + (size_t)size : total;
	page.more = page.to < total;
	const struct shape *shape = work->shape;
	size_t count = page.to - page.from;
	if (shape->empty)
		count = 0;
	else if (shape->keep >= 0 && (size_t)shape->keep < count)
		count = (size_t)shape->keep;
	else if (shape->keep < 0 && shape->keep_divisor)
		count /= (size_t)shape->keep_divisor;
	if (page.from + count < page.to)
		page.more = false;
	page.to = page.from + count;
	return page;
}

static void append_url(struct work *work, const struct page *page)
{
	struct buffer *body = &work->answer->body;
	if (!page->more || work->shape->no_url) {
		buffer_append_text(body, "null");
		return;
	}
	buffer_append_text(body, "\"");
	if (work->sim->world.settings.page_url)
		buffer_printf(body, "http://%s", work->sim->address);
	buffer_append(body, work->request->path.ptr, work->request->path.len);
	buffer_printf(body, "?offset=%zu\"", page->to);
}

static void append_listed(struct work *work, size_t index)
{
	render_connector(
	    &work->sim->world, work->project->connectors[index], true, &work->answer->body);
}

static void append_run(struct work *work, size_t index)
{
	const struct connector *connector = work->connector;
	bool oldest_first = work->sim->world.settings.history_order;
	size_t place = oldest_first ? index : connector->job_count - 1 - index;
	render_job(&work->sim->world, &connector->jobs[place], &work->answer->body);
}

static void append_list(struct work *work, size_t total, int64_t page_size,
    void (*append)(struct work *work, size_t index))
{
	struct buffer *body = &work->answer->body;
	struct page page = choose_page(work, total, page_size);
	begin_results(work);
	buffer_append_text(body, "{\"url\":");
	append_url(work, &page);
	bool more = page.more || work->shape->no_url;
	buffer_printf(body, ",\"has_more\":%s,\"data\":[", more ? "true" : "false");
	const char *comma = "";
	for (size_t i = page.from; i < page.to; i++) {
		for (int times = work->shape->twice ? 2 : 1; times > 0; times--) {
			buffer_append_text(body, comma);
			append(work, i);
			comma = ",";
		}
	}
	buffer_append_text(body, "]}");
	end_results(work);
}

/* Create ---------------------------------------------------------------------------------------*/

static bool check_properties(struct work *work, const json_t *body)
{
	static const struct {
		const char *type;
		const char *required[5];
	} types[] = {
	    {"gcsImport", {"gcs_bucket", "gcs_prefix"}},
	    {"s3Import", {"s3_bucket", "s3_prefix", "s3_region", "s3_role"}},
	};
	const char *type = json_string_value(json_object_get(body, "connector_type"));
	const json_t *properties = json_object_get(body, "connector_properties");
	if (!json_is_object(json_object_get(body, "category_properties")))
		return refuse_property(work, "category_properties is required", "");
	for (size_t i = 0; type && i < ARRAY_SIZE(types); i++) {
		if (strcmp(types[i].type, type) != 0)
			continue;
		for (const char *const *name = types[i].required; *name; name++) {
			if (!json_is_string(json_object_get(properties, *name)))
				return refuse_property(
				    work, "a connector property is missing", *name);
		}
		return true;
	}
	return refuse_property(work, "connector_type is not known", type ? type : "");
}

/* The query decides first, then a prefix that names a failure ("fail/compression"), then the
 * settings. */
static enum failure choose_failure(const struct work *work, const json_t *properties)
{
	enum failure failure;
	struct span wanted = http_query(work->request, "fail");
	if (wanted.ptr && failure_parse(wanted, &failure) == 0)
		return failure;
	const char *prefix = json_string_value(json_object_get(properties, "gcs_prefix"));
	if (!prefix)
		prefix = json_string_value(json_object_get(properties, "s3_prefix"));
	if (prefix && strncmp(prefix, "fail/", 5) == 0 &&
	    failure_parse(span_of(prefix + 5), &failure) == 0)
		return failure;
	return (enum failure)work->sim->world.settings.fail;
}

static bool make_connector(struct work *work, const json_t *body)
{
	struct world *world = &work->sim->world;
	struct err err = ERR_INIT;
	struct span sent = work->request->body;
	struct span properties = jsontext_member(sent, "connector_properties");
	struct span category = jsontext_member(sent, "category_properties");
	const char *type = json_string_value(json_object_get(body, "connector_type"));
	const char *label = json_string_value(json_object_get(body, "label"));
	if (world_add_connector(world, work->project, NULL, type, label, properties, category, &err,
		&work->connector) < 0)
		return refuse(work, 500, err.text);
	const json_t *parsed = json_object_get(body, "connector_properties");
	if (!world_add_job(world, work->connector, choose_failure(work, parsed)))
		return refuse(work, 500, "no memory for a job");
	stats_create(&work->sim->stats, work->connector->id);
	begin_results(work);
	render_connector(world, work->connector, false, &work->answer->body);
	end_results(work);
	work->answer->status = (unsigned)world->settings.create_status;
	return true;
}

/* The content type does not matter: the overview's own command sends JSON as a form. */
static bool create(struct work *work)
{
	struct err err = ERR_INIT;
	_cleanup_json_ json_t *body = NULL;
	if (jsontext_parse(work->request->body, 0, &err, &body) < 0)
		return refuse(work, 400, "the body is not JSON");
	if (!json_is_object(body))
		return refuse(work, 400, "the body is not an object");
	return check_properties(work, body) && make_connector(work, body);
}

/* The other calls ------------------------------------------------------------------------------*/

static bool who_am_i(struct work *work)
{
	const struct world *world = &work->sim->world;
	struct buffer *body = &work->answer->body;
	begin_results(work);
	buffer_append_text(body,
	    "{\"user_id\":4242,\"user_email\":\"service-account@example.com\",\"projects\":{");
	for (size_t i = 0; i < world->project_count; i++)
		buffer_printf(body, "%s\"%lld\":{\"name\":\"project %lld\",\"role\":\"admin\"}",
		    i ? "," : "", (long long)world->projects[i].id,
		    (long long)world->projects[i].id);
	buffer_append_text(body, "}}");
	end_results(work);
	return true;
}

static bool list(struct work *work)
{
	append_list(
	    work, work->project->connector_count, work->sim->world.settings.page, append_listed);
	return true;
}

static bool get(struct work *work)
{
	begin_results(work);
	render_connector(&work->sim->world, work->connector, false, &work->answer->body);
	end_results(work);
	return true;
}

static bool delete (struct work *work)
{
	struct buffer *body = &work->answer->body;
	const char *id = work->connector->id;
	buffer_clear(body);
	if (work->sim->world.settings.delete_answer)
		buffer_printf(
		    body, "{\"status\":\"success\",\"message\":\"Connector %s was deleted\"}", id);
	else
		buffer_printf(body,
		    "{\"status\":\"ok\",\"results\":\"Successfully deleted Connector with ID:%s\"}",
		    id);
	world_remove_connector(&work->sim->world, work->connector);
	return true;
}

static bool history(struct work *work)
{
	work->connector->histories++;
	append_list(
	    work, work->connector->job_count, work->sim->world.settings.history_page, append_run);
	return true;
}

static bool let_in(const struct sim *sim, const struct request *request)
{
	struct span sent = http_header(request, "Authorization");
	for (size_t i = 0; i < sim->credential_count; i++) {
		if (span_equals(sent, sim->credentials[i]))
			return true;
	}
	return false;
}

static bool carry_out(struct work *work)
{
	switch (work->call->endpoint) {
	case ENDPOINT_ME:
		return who_am_i(work);
	case ENDPOINT_LIST:
		return list(work);
	case ENDPOINT_CREATE:
		return create(work);
	case ENDPOINT_GET:
		return get(work);
	case ENDPOINT_DELETE:
		return delete (work);
	case ENDPOINT_HISTORY:
		return history(work);
	case ENDPOINT_OTHER:
		break;
	}
	return refuse(work, 404, "no such path");
}

static bool redirect_to_slash(struct work *work)
{
	char location[512];
	snprintf(location, sizeof(location), "%.*s/", (int)work->request->path.len,
	    work->request->path.ptr);
	answer_set(work->answer, 301, "");
	answer_header(work->answer, "Location", location);
	return false;
}

static void tell_date(const struct sim *sim, struct answer *answer)
{
	char text[64];
	struct tm parts;
	time_t at = (time_t)(world_now(&sim->world) / MICROSECONDS_PER_SECOND -
			     sim->world.settings.date_ago);
	gmtime_r(&at, &parts);
	strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &parts);
	answer_header(answer, "Date", text);
}

bool upstream_answer(struct sim *sim, const struct call *call, const struct request *request,
    const struct shape *shape, struct answer *answer)
{
	struct work work = {
	    .sim = sim, .call = call, .request = request, .shape = shape, .answer = answer};
	tell_date(sim, answer);
	if (call->endpoint == ENDPOINT_OTHER)
		return refuse(&work, 404, "no such path");
	if (sim->world.settings.trailing_slash && !call->slash)
		return redirect_to_slash(&work);
	if (!let_in(sim, request))
		return refuse(&work, 401, "the service account or its secret is not valid");
	work.project = world_project(&sim->world, call->project_id);
	if (!work.project && call->endpoint != ENDPOINT_ME)
		return refuse(&work, 403, "the service account has no role in this project");
	work.connector = world_connector(&sim->world, call->project_id, call->connector_id);
	bool named = call->endpoint == ENDPOINT_GET || call->endpoint == ENDPOINT_DELETE ||
		     call->endpoint == ENDPOINT_HISTORY;
	if (named && !work.connector)
		return refuse(&work, 404, "no connector has this id");
	return carry_out(&work);
}

/* SPDX-License-Identifier: MIT */
#include "settings.h"

#include <stddef.h>
#include <string.h>

#define CHOICES_LIMIT 5

static const char *const failure_names[] = {
    [FAILURE_NONE] = "none",
    [FAILURE_COMPRESSION] = "compression",
    [FAILURE_PERMISSIONS] = "permissions",
    [FAILURE_SIZE] = "size",
};

/* With choices the value is the position of one of them; without, a number up to maximum. */
struct setting {
	const char *name;
	size_t offset;
	int64_t standard;
	int64_t minimum;
	int64_t maximum;
	const char *choices[CHOICES_LIMIT];
};

#define AT(member) #member, offsetof(struct settings, member)
#define CHOICE(member, ...)                                                                        \
	{                                                                                          \
		AT(member), 0, 0, 0,                                                               \
		{                                                                                  \
			__VA_ARGS__                                                                \
		}                                                                                  \
	}
#define NUMBER(member, standard, minimum, maximum)                                                 \
	{                                                                                          \
		AT(member), standard, minimum, maximum,                                            \
		{                                                                                  \
			NULL                                                                       \
		}                                                                                  \
	}

static const struct setting table[] = {
    CHOICE(envelope, "true", "false"),
    CHOICE(connector_id_member, "connector_id", "connectorId"),
    CHOICE(run_id_member, "id", "run_id"),
    CHOICE(run_ids, "false", "true"),
    CHOICE(success_word, "success", "succeeded"),
    CHOICE(error_member, "code", "type"),
    CHOICE(job_time, "go", "go-whole", "epoch", "iso"),
    CHOICE(created_time, "iso", "epoch", "go"),
    CHOICE(creator, "string", "object"),
    NUMBER(create_status, 200, 200, 201),
    CHOICE(delete_answer, "results", "message"),
    CHOICE(list_status, "null", "real"),
    CHOICE(label, "present", "missing"),
    CHOICE(trailing_slash, "both", "redirect"),
    CHOICE(history_order, "newest-first", "oldest-first"),
    NUMBER(page, 0, 0, 1000000),
    NUMBER(history_page, 0, 0, 1000000),
    CHOICE(page_url, "path", "absolute"),
    NUMBER(queued_ms, 1000, 0, INT64_C(1000000000000)),
    NUMBER(running_ms, 3000, 0, INT64_C(1000000000000)),
    NUMBER(speed, 1, 1, 1000000),
    CHOICE(fail, "none", "compression", "permissions", "size"),
    NUMBER(latency_ms, 0, 0, 3600000),
    NUMBER(date_ago, 0, 0, INT64_C(1000000000)),
};

static int64_t *member(struct settings *settings, const struct setting *setting)
{
	return (int64_t *)(void *)((char *)settings + setting->offset);
}

void settings_init(struct settings *settings)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		*member(settings, &table[i]) = table[i].standard;
}

static const struct setting *find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		if (strcmp(table[i].name, name) == 0)
			return &table[i];
	}
	return NULL;
}

static int set_choice(
    struct settings *settings, const struct setting *setting, const char *value, struct err *err)
{
	for (int64_t i = 0; i < CHOICES_LIMIT && setting->choices[i]; i++) {
		if (strcmp(setting->choices[i], value) == 0) {
			*member(settings, setting) = i;
			return 0;
		}
	}
	err_set(err, "setting %s cannot be %s; allowed:", setting->name, value);
	for (size_t i = 0; i < CHOICES_LIMIT && setting->choices[i]; i++) {
		size_t len = strlen(err->text);
		snprintf(err->text + len, sizeof(err->text) - len, " %s", setting->choices[i]);
	}
	return -1;
}

int settings_set(struct settings *settings, const char *name, const char *value, struct err *err)
{
	const struct setting *setting = find(name);
	if (!setting)
		return err_set(err, "no setting is called %s", name);
	if (setting->choices[0])
		return set_choice(settings, setting, value, err);
	uint64_t number;
	if (text_parse_unsigned(
		value, (uint64_t)setting->minimum, (uint64_t)setting->maximum, &number) < 0)
		return err_set(err, "setting %s cannot be %s; allowed: %lld to %lld", name, value,
		    (long long)setting->minimum, (long long)setting->maximum);
	*member(settings, setting) = (int64_t)number;
	return 0;
}

int settings_set_json(struct settings *settings, json_t *object, struct err *err)
{
	struct settings changed = *settings;
	const char *name;
	json_t *value;
	void *iterator = json_object_iter(object);
	for (; iterator; iterator = json_object_iter_next(object, iterator)) {
		name = json_object_iter_key(iterator);
		value = json_object_iter_value(iterator);
		char number[32];
		const char *text = json_string_value(value);
		if (json_is_boolean(value))
			text = json_is_true(value) ? "true" : "false";
		if (json_is_integer(value)) {
			snprintf(
			    number, sizeof(number), "%lld", (long long)json_integer_value(value));
			text = number;
		}
		if (!text)
			return err_set(err, "setting %s has a value of the wrong type", name);
		if (settings_set(&changed, name, text, err) < 0)
			return -1;
	}
	*settings = changed;
	return 0;
}

void settings_write(const struct settings *settings, struct writer *writer)
{
	writer_begin_object(writer);
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		const struct setting *setting = &table[i];
		int64_t value =
		    *(const int64_t *)(const void *)((const char *)settings + setting->offset);
		if (setting->choices[0])
			writer_member_text(writer, setting->name, setting->choices[value]);
		else
			writer_member_integer(writer, setting->name, value);
	}
	writer_end_object(writer);
}

int failure_parse(struct span name, enum failure *ret_failure)
{
	for (size_t i = 0; i < ARRAY_SIZE(failure_names); i++) {
		if (span_equals(name, failure_names[i])) {
			*ret_failure = (enum failure)i;
			return 0;
		}
	}
	return -1;
}

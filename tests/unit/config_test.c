/* SPDX-License-Identifier: MIT */
/* The configuration: what is read, what is refused and in which line, what is dumped. */
#include "config/config.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "config/value.h"
#include "unit.h"
#include "util/file.h"
#include "util/timestamp.h"

#define PROJECT "[project demo]\nproject_id=123456789\nregion=us\ncredential=demo\n"

static struct config *parse(const char *text)
{
	_cleanup_faults_ struct faults faults;
	faults_init(&faults);
	struct config *config = NULL;
	int r = config_parse_text("c", span_of(text), &faults, &config);
	ck_assert_msg(r == 0, "%s\n%s", text, buffer_text(&faults.lines));
	return config;
}

static char *dump(const struct config *config)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	ck_assert_ptr_nonnull(out);
	config_dump(config, out);
	fclose(out);
	return text;
}

/* Reading ---------------------------------------------------------------------------------------*/

START_TEST(what_is_not_given_has_its_default)
{
	_cleanup_config_ struct config *config = parse(PROJECT);
	ck_assert_str_eq(config->socket, "/run/mixportd/api.sock");
	ck_assert_uint_eq(config->socket_mode, 0660);
	ck_assert(config->listen.present && config->listen.port == 6973 && !config->listen.ipv6);
	ck_assert(memcmp(config->listen.address, "\x7f\0\0\1", 4) == 0);
	ck_assert_str_eq(config->health_listen.text, "127.0.0.1:6974");
	ck_assert_str_eq(config->database, "/var/lib/mixportd/mixportd.db");
	ck_assert_str_eq(config->tokens_path, "/etc/mixportd/tokens");
	ck_assert_str_eq(config->hosts[0], "localhost");
	ck_assert_str_eq(config->hosts[1], "127.0.0.1");
	ck_assert_str_eq(config->hosts[2], "[::1]");
	ck_assert_ptr_null(config->hosts[3]);
	ck_assert_int_eq(config->log_level, LOG_LEVEL_INFO);
	ck_assert_uint_eq(config->max_connections, 1024);
	ck_assert_int_eq(config->request_timeout, 15 * MICROSECONDS_PER_SECOND);
	ck_assert(config->access.manage_is_socket_group);
	ck_assert_uint_eq(config->access.count, 1);
	ck_assert_int_eq(config->access.rules[0].scope, SCOPE_ADMIN);
	ck_assert_int_eq(config->jobs_max_age, 400 * MICROSECONDS_PER_DAY);
	ck_assert_uint_eq(config->jobs_max_count, 1000);
	ck_assert_int_eq(config->operations_max_age, 400 * MICROSECONDS_PER_DAY);
	ck_assert_uint_eq(config->operations_max_count, 100000);
	ck_assert_uint_eq(config->audit_max_count, 100000);

	ck_assert_uint_eq(config->project_count, 1);
	const struct config_project *project = &config->projects[0];
	ck_assert_str_eq(project->name, "demo");
	ck_assert_int_eq(project->project_id, 123456789);
	ck_assert_int_eq(project->region, REGION_US);
	ck_assert_str_eq(project->base_url, "https://mixpanel.com/api/app");
	ck_assert_int_eq(project->list_interval, 60 * MICROSECONDS_PER_SECOND);
	ck_assert_int_eq(project->active_interval, 15 * MICROSECONDS_PER_SECOND);
	ck_assert_int_eq(project->idle_interval, 10 * MICROSECONDS_PER_MINUTE);
	ck_assert_uint_eq(project->rate_limit, 60);
	ck_assert_uint_eq(project->max_concurrent, 4);
	ck_assert_int_eq(project->timeout, 30 * MICROSECONDS_PER_SECOND);
	ck_assert_int_eq(project->write_timeout, 130 * MICROSECONDS_PER_SECOND);
	ck_assert_int_eq(project->status_interval, 30 * MICROSECONDS_PER_MINUTE);
	ck_assert_int_eq(project->settle_time, 2 * MICROSECONDS_PER_MINUTE);
	ck_assert_ptr_null(project->proxy);
	ck_assert_ptr_null(project->ca_file);
}
END_TEST

START_TEST(values_are_read_as_written)
{
	_cleanup_config_ struct config *config = parse(
	    "\xef\xbb\xbf; comment\r\n# another\r\n\t ; an indented one\r\n"
	    "[daemon] ; comment\r\n"
	    "socket =    ; empty: none\r\n"
	    "socket_mode=0600\n"
	    "listen=[::1]:0\n"
	    "health_listen=\n"
	    "database = /a b;c#d ; comment\n"
	    "hosts = Example.COM,[::1]\tlocalhost\n"
	    "log_level = debug\n"
	    "request_timeout = 100ms\n"
	    "[access]\nadmin=\nmanage=@7, 8 9\nread = 10\n"
	    "[retention]\njobs_max_age = 0\njobs_max_count = 0\n"
	    "[attention]\nfailing_critical=50\nsuccess_within=100ms\ndropped_percent=100\n"
	    "[project  a.B-_9 ]\nproject_id = 9223372036854775807\nregion=in\ncredential=./x\n"
	    "base_url = HTTP://127.0.0.1:8080/api/app//\nrate_limit=1000000\n"
	    "status_interval=100ms\nsettle_time=5s\nwrite_timeout=2m\n"
	    "proxy=HTTP://[::1]:80/\nca_file=/a b.pem\n");
	ck_assert_ptr_null(config->socket);
	ck_assert_uint_eq(config->socket_mode, 0600);
	ck_assert(config->listen.present && config->listen.ipv6 && config->listen.port == 0);
	ck_assert(!config->health_listen.present);
	ck_assert_str_eq(config->database, "/a b;c#d");
	ck_assert_str_eq(config->hosts[0], "example.com");
	ck_assert_str_eq(config->hosts[2], "localhost");
	ck_assert_ptr_null(config->hosts[3]);
	ck_assert_int_eq(config->log_level, LOG_LEVEL_DEBUG);
	ck_assert_int_eq(config->request_timeout, 100 * MICROSECONDS_PER_MILLISECOND);
	ck_assert(!config->access.manage_is_socket_group);
	ck_assert_uint_eq(config->access.count, 4);
	ck_assert_int_eq(config->jobs_max_age, 0);
	ck_assert_uint_eq(config->jobs_max_count, 0);
	ck_assert_uint_eq(config->attention.failing_critical, 50);
	ck_assert_int_eq(config->attention.success_within, 100 * MICROSECONDS_PER_MILLISECOND);
	ck_assert_uint_eq(config->attention.dropped_percent, 100);
	ck_assert_int_eq(config->attention.keep_for, 7 * MICROSECONDS_PER_DAY);
	ck_assert_str_eq(config->projects[0].name, "a.B-_9");
	ck_assert_int_eq(config->projects[0].project_id, INT64_MAX);
	ck_assert_str_eq(config->projects[0].base_url, "http://127.0.0.1:8080/api/app");
	ck_assert_int_eq(config->projects[0].status_interval, 100 * MICROSECONDS_PER_MILLISECOND);
	ck_assert_int_eq(config->projects[0].settle_time, 5 * MICROSECONDS_PER_SECOND);
	ck_assert_int_eq(config->projects[0].write_timeout, 2 * MICROSECONDS_PER_MINUTE);
	ck_assert_str_eq(config->projects[0].proxy, "http://[::1]:80");
	ck_assert_str_eq(config->projects[0].ca_file, "/a b.pem");
}
END_TEST

START_TEST(each_region_has_its_address)
{
	_cleanup_config_ struct config *config =
	    parse("[project a]\nproject_id=1\nregion=us\ncredential=c\n"
		  "[project b]\nproject_id=2\nregion=eu\ncredential=c\n"
		  "[project c]\nproject_id=3\nregion=in\ncredential=c\nbase_url=\n"
		  "[project "
		  "d]\nproject_id=4\nregion=eu\ncredential=c\nbase_url=https://proxy.example/x/\n");
	ck_assert_str_eq(config->projects[0].base_url, "https://mixpanel.com/api/app");
	ck_assert_str_eq(config->projects[1].base_url, "https://eu.mixpanel.com/api/app");
	ck_assert_str_eq(config->projects[2].base_url, "https://in.mixpanel.com/api/app");
	ck_assert_str_eq(config->projects[3].base_url, "https://proxy.example/x");
}
END_TEST

START_TEST(projects_are_found_by_name_or_id)
{
	_cleanup_config_ struct config *config = parse(PROJECT);
	const struct config_project *project = &config->projects[0];
	ck_assert_ptr_eq(config_find_project(config, "demo"), project);
	ck_assert_ptr_eq(config_find_project(config, "123456789"), project);
	ck_assert_ptr_eq(config_find_project_id(config, 123456789), project);
	ck_assert_ptr_null(config_find_project(config, "Demo"));
	ck_assert_ptr_null(config_find_project(config, "12345678"));
	ck_assert_ptr_null(config_find_project(config, ""));
	ck_assert_ptr_null(config_find_project_id(config, 0));
}
END_TEST

/* Refusing --------------------------------------------------------------------------------------*/

#define X50 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

/* A text, and the lines of its faults, each with a part of what is said. */
struct refusal {
	const char *text;
	const char *faults[4];
};

static const struct refusal refusals[] = {
    {"socket = /x\n", {"c:1: a key before the first section"}},
    {"[daemon]\nsocket =;x\n", {"c:2: socket begins with a semicolon; a comment needs a blank"}},
    {"[daemon]\nsoket = x\n", {"c:2: [daemon] has no key \"soket\"; allowed are socket,"}},
    {"\n[deamon]\nx = 1\n", {"c:2: there is no section [deamon]; allowed are [daemon]"}},
    {"[]\n", {"c:1: there is no section []"}},
    {"[daemon\nx=1\n[access\n", {"c:1: the section's name has no end", "c:3: the section's"}},
    {"[daemon] x\n", {"c:1: something stands after"}},
    {"[daemon x]\n", {"c:1: [daemon] takes no name"}},
    {"[daemon]\n\n[daemon]\nx=1\n", {"c:3: [daemon] is there already, in line 1"}},
    {"[daemon]\nlisten=\n\nlisten=\n", {"c:4: listen is given twice, the first time in line 2"}},
    {"[daemon]\nsocket\n\nlisten\n", {"c:2: this is neither", "c:4: this is neither"}},
    {"[daemon]\nsocket", {"c:2: this is neither"}},
    {"[daemon]\nsocket = /a\n  /b\nlisten = x\n",
	{"c:3: the line is indented", "c:4: listen: \"x\" is no address"}},
    {" [daemon]\n", {"c:1: the line is indented"}},
    {"[daemon]\nsocket=/" X50 X50 X50 X50 "\nlisten = x\n",
	{"c:2: the line has 208 bytes; at most 198", "c:3: listen"}},
    {"[daemon]\nsocket = /a\x1b[m\n", {"c:2: the line holds a control character"}},
    {"[daemon]\nsocket = /" X50 X50 "1234567\n", {"c:2: socket: the path has 108 bytes"}},
    {"[daemon]\ndatabase =\ntokens=\nhosts= ,\n",
	{"c:2: database: there is no value; allowed is the path", "c:3: tokens", "c:4: hosts"}},
    {"[daemon]\nsocket_mode=888\n", {"c:2: socket_mode: \"888\" is not one"}},
    {"[daemon]\nsocket_mode=1777\n", {"c:2: socket_mode: there are no such bits"}},
    {"[daemon]\nlisten=0.0.0.0:1\nhealth_listen=[::]:1\n",
	{"c:2: listen: 0.0.0.0:1 is not loopback", "c:3: health_listen: [::]:1 is not loopback"}},
    {"[daemon]\nlisten=localhost:1\n", {"c:2: listen: \"localhost:1\" is no numeric address"}},
    {"[daemon]\nlisten=127.0.0.1\n", {"c:2: listen: \"127.0.0.1\" is no address with a port"}},
    {"[daemon]\nlisten=127.0.0.1:65536\n", {"c:2: listen"}},
    {"[daemon]\nlisten=::1:5\n", {"c:2: listen"}},
    {"[daemon]\nlisten=[127.0.0.1]:5\n", {"c:2: listen"}},
    {"\n[daemon]\nlisten=[::1]:5\nhealth_listen=[::1]:5\n",
	{"c:2: listen and health_listen are both [::1]:5"}},
    {"[daemon]\nhosts = a:80\n", {"c:2: hosts: \"a:80\" is not one"}},
    {"[daemon]\nhosts = [::g]\n", {"c:2: hosts"}},
    {"[daemon]\nlog_level = loud\n", {"c:2: log_level: \"loud\" is not one; allowed is error,"}},
    {"[daemon]\nmax_connections = 0\n", {"c:2: max_connections: \"0\" is not one"}},
    {"[daemon]\nrequest_timeout = 99ms\n",
	{"c:2: request_timeout: 99ms is too short; allowed is a duration such as 500ms, 30s, 10m, "
	 "2h or 7d, from 100ms up"}},
    {"[daemon]\nrequest_timeout = 0\n", {"c:2: request_timeout: 0 is too short"}},
    {"[daemon]\nrequest_timeout = 15\n", {"c:2: request_timeout: \"15\" is not one"}},
    {"[access]\nadmin = no-such-user-here\nread=@no-such-group-here\n",
	{"c:2: admin: this machine has no user \"no-such-user-here\"",
	    "c:3: read: this machine has no group \"no-such-group-here\""}},
    {"[retention]\njobs_max_age=-1d\njobs_max_count=x\n",
	{"c:2: jobs_max_age", "c:3: jobs_max_count"}},
    {"[attention]\nfailing_critical=0\ndropped_percent=101\nsuccess_within=99ms\n",
	{"c:2: failing_critical: \"0\" is not one; allowed is a whole number from 1 to 50",
	    "c:3: dropped_percent",
	    "c:4: success_within: 99ms is too short; allowed is nothing, or"}},
    {"[attention]\nfailing_critical=51\ndropped_percent=0\nsuccess_within=0\n",
	{"c:2: failing_critical", "c:3: dropped_percent", "c:4: success_within: 0 is too short"}},
    {"[attention]\nqueued_after=99ms\nrunning_after=99ms\nstalled_after=99ms\nkeep_for=99ms\n",
	{"c:2: queued_after", "c:3: running_after", "c:4: stalled_after", "c:5: keep_for"}},
    {"[attention]\nnever_succeeded_after=\nupstream_after=99ms\nclear_after=99ms\n"
     "operation_after=99ms\n",
	{"c:2: never_succeeded_after: there is no value", "c:3: upstream_after", "c:4: clear_after",
	    "c:5: operation_after"}},
    {"\n[project demo]\n",
	{"c:2: [project demo] lacks project_id, which is required: a whole number",
	    "c:2: [project demo] lacks region, which is required: us, eu or in",
	    "c:2: [project demo] lacks credential"}},
    {PROJECT "rate_limit=0\n", {"c:5: rate_limit: \"0\" is not one"}},
    {PROJECT "rate_limit=1000001\n", {"c:5: rate_limit"}},
    {PROJECT "list_interval=0\nactive_interval=1ms\nidle_interval=x\ntimeout=99ms\n",
	{"c:5: list_interval", "c:6: active_interval", "c:7: idle_interval", "c:8: timeout"}},
    {PROJECT "status_interval=99ms\nsettle_time=99ms\nwrite_timeout=0\n",
	{"c:5: status_interval: 99ms is too short", "c:6: settle_time: 99ms",
	    "c:7: write_timeout: 0 is too short"}},
    {PROJECT "proxy=https://h:1\n",
	{"c:5: proxy: the URL is not an http one; allowed is http://HOST:PORT,"}},
    {PROJECT "proxy=h:3128\n", {"c:5: proxy: "}},
    {PROJECT "proxy=http://h\n", {"c:5: proxy: the URL names no port"}},
    {PROJECT "proxy=http://h:0\n", {"c:5: proxy: the URL names no port"}},
    {PROJECT "proxy=http://h:65536\n", {"c:5: proxy: this is no URL"}},
    {PROJECT "proxy=http://:3128\n", {"c:5: proxy: this is no URL"}},
    {PROJECT "proxy=http://h:1/x\n", {"c:5: proxy: the URL has a path"}},
    {PROJECT PROJECT, {"c:5: [project demo] is there already"}},
    {PROJECT "[project b]\nproject_id=123456789\nregion=us\ncredential=x\n",
	{"c:6: project_id: 123456789 is that of [project demo] already"}},
    {"[project 123]\nproject_id=1\nregion=mars\ncredential=demo\n",
	{"c:1: [project 123]: allowed as a name", "c:3: region: \"mars\""}},
    {"[project ..]\nproject_id=0\nregion=us\ncredential=demo\n",
	{"c:1: [project ..]: allowed", "c:2: project_id"}},
    {"[project a/b]\nproject_id=1\nregion=us\ncredential=demo\n", {"c:1: [project a/b]: allowed"}},
    {"[project]\nproject_id=1\nregion=us\ncredential=demo\n", {"c:1: [project ]: allowed"}},
    {"[project a b]\nproject_id=1\nregion=us\ncredential=demo\n", {"c:1: [project a b]: allowed"}},
    {PROJECT "base_url=http://example.com/\n", {"c:5: base_url: plain http would show"}},
    {PROJECT "base_url=http://127.0.0.1.example.com/\n", {"c:5: base_url: plain http"}},
    {PROJECT "base_url=http://128.0.0.1/\n", {"c:5: base_url: plain http"}},
    {PROJECT "base_url=ftp://localhost/\n", {"c:5: base_url: the URL is neither"}},
    {PROJECT "base_url=example.com\n", {"c:5: base_url: this is no URL"}},
    {PROJECT "base_url=https://h/?q\n", {"c:5: base_url: the URL holds"}},
    {PROJECT "base_url=https://h/#f\n", {"c:5: base_url: the URL holds"}},
};

/* Each line of told begins with the entry of expected at its place. */
static void compare_faults(const char *text, char *told, const char *const expected[4])
{
	for (size_t i = 0; i < 4 && expected[i]; i++) {
		const char *line = strsep(&told, "\n");
		ck_assert_msg(line && strncmp(line, expected[i], strlen(expected[i])) == 0,
		    "%s\ntold   %s\nshould %s", text, line ? line : "nothing", expected[i]);
	}
	ck_assert_msg(told && *told == '\0', "%s\ntold besides: %s", text, told);
}

static void expect_refused(struct span text, const char *const expected[4])
{
	_cleanup_faults_ struct faults faults;
	faults_init(&faults);
	struct config *config = NULL;
	ck_assert_msg(config_parse_text("c", text, &faults, &config) == -1, "%s", text.ptr);
	ck_assert_ptr_null(config);
	_cleanup_free_ char *told = strdup(buffer_text(&faults.lines));
	compare_faults(text.ptr, told, expected);
}

START_TEST(every_fault_is_told_with_its_line)
{
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++)
		expect_refused(span_of(refusals[i].text), refusals[i].faults);
	const char nul[] = "[daemon]\nsocket = /a\0b\nlisten = x\n";
	const char *const expected[4] = {"c:2: the line holds a control", "c:3: listen"};
	expect_refused((struct span){.ptr = nul, .len = sizeof(nul) - 1}, expected);
}
END_TEST

START_TEST(a_fault_never_quotes_what_may_be_a_secret)
{
	static const char *const texts[] = {
	    "[project demo]\ncredential = user:hunter2\n",
	    "[project demo]\nbase_url = https://user:hunter2@example.com/\n",
	    "[project demo]\nbase_url = user:hunter2@\n",
	    "[project demo]\nproxy = http://user:hunter2@example.com:3128\n",
	    "[project demo]\nproxy = hunter2:3128/x\n",
	    "[project demo]\nuser:hunter2\n",
	    "[project demo]\nhunter2\n",
	};
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		_cleanup_faults_ struct faults faults;
		faults_init(&faults);
		struct config *config = NULL;
		ck_assert_int_eq(config_parse_text("c", span_of(texts[i]), &faults, &config), -1);
		ck_assert_msg(strstr(buffer_text(&faults.lines), "c:2: ") != NULL, "%s", texts[i]);
		ck_assert_ptr_null(strstr(buffer_text(&faults.lines), "hunter2"));
	}
}
END_TEST

START_TEST(a_line_may_have_198_bytes)
{
	for (int extra = -1; extra <= 1; extra++) {
		char text[512];
		int len = 198 + extra - (int)strlen("database=");
		snprintf(text, sizeof(text), "[daemon]\ndatabase=%0*d\nlog_level=debug", len, 0);
		_cleanup_faults_ struct faults faults;
		faults_init(&faults);
		_cleanup_config_ struct config *config = NULL;
		int r = config_parse_text("c", span_of(text), &faults, &config);
		ck_assert_int_eq(r, extra > 0 ? -1 : 0);
		if (config)
			ck_assert_uint_eq(strlen(config->database), (size_t)len);
	}
}
END_TEST

static void expect_written(const struct schema_key *key, const void *record, const char *expected)
{
	_cleanup_buffer_ struct buffer text;
	buffer_init(&text, 4096);
	ck_assert_int_eq(value_write(key, record, &text), 0);
	ck_assert_msg(strcmp(buffer_text(&text), expected) == 0, "%s: %s, not %s", key->name,
	    buffer_text(&text), expected);
}

START_TEST(a_value_is_replaced_as_a_whole_or_not_at_all)
{
	static const struct {
		const char *key;
		enum schema_section section;
		const char *first;
		const char *wrong;
		const char *second;
	} cases[] = {
	    {"socket", SCHEMA_DAEMON, "/a", X50 X50 X50, ""},
	    {"socket_mode", SCHEMA_DAEMON, "0600", "0999", "0007"},
	    {"listen", SCHEMA_DAEMON, "127.0.0.1:1", "127.0.0.1:x", "[::1]:2"},
	    {"database", SCHEMA_DAEMON, "/a", "", "/b"},
	    {"hosts", SCHEMA_DAEMON, "a b", "c d:80", "e"},
	    {"log_level", SCHEMA_DAEMON, "debug", "loud", "error"},
	    {"request_timeout", SCHEMA_DAEMON, "1s", "1ms", "2s"},
	    {"max_connections", SCHEMA_DAEMON, "5", "0", "6"},
	    {"requests_per_second", SCHEMA_DAEMON, "5", "0", ""},
	    {"read", SCHEMA_ACCESS, "7 @8", "9, no-such-user-here", "4294967294 @4294967294"},
	    {"manage", SCHEMA_ACCESS, "4294967293", "@9, @", ""},
	    {"success_within", SCHEMA_ATTENTION, "1s", "1ms", ""},
	    {"project_id", SCHEMA_PROJECT, "1", "x", "2"},
	    {"region", SCHEMA_PROJECT, "us", "moon", "eu"},
	    {"credential", SCHEMA_PROJECT, "a", "a:b", "b"},
	    {"base_url", SCHEMA_PROJECT, "https://a", "https://b?c", "https://d"},
	    {"proxy", SCHEMA_PROJECT, "http://a:1", "http://b:1/c", ""},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		union {
			struct config config;
			struct config_project project;
		} record = {.config = {.access = {.manage_is_socket_group = true}}};
		if (cases[i].section == SCHEMA_PROJECT)
			record.project = (struct config_project){.name = NULL};
		const struct schema_key *key = schema_find(cases[i].section, cases[i].key);
		struct err err = ERR_INIT;
		ck_assert_msg(value_read(key, cases[i].first, &record, &err) == 0, "%s", err.text);
		_cleanup_buffer_ struct buffer first;
		buffer_init(&first, 4096);
		value_write(key, &record, &first);
		ck_assert_int_eq(value_read(key, cases[i].wrong, &record, &err), -1);
		expect_written(key, &record, buffer_text(&first));
		ck_assert_msg(value_read(key, cases[i].second, &record, &err) == 0, "%s", err.text);
		expect_written(key, &record, cases[i].second);
		values_done(cases[i].section, &record);
	}
}
END_TEST

/* Dumping and reloading -------------------------------------------------------------------------*/

START_TEST(what_is_dumped_loads_again_as_the_same)
{
	static const char *const texts[] = {
	    "",
	    PROJECT,
	    "[access]\nadmin=\nmanage=\nread=0 @0 4294967294\n",
	    "[daemon]\nsocket=\nlisten=\nhealth_listen=\nhosts=a b c\nrequest_timeout=1500ms\n"
	    "socket_mode=7\n" PROJECT "base_url=http://[::1]:1/x\nidle_interval=90m\n"
	    "status_interval=90s\nsettle_time=1500ms\nwrite_timeout=1h\n"
	    "proxy=http://h:3128\nca_file=/x\n",
	    "[daemon]\ndatabase=" X50 X50 X50 "123456789012345678901234567890123456789\n",
	};
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		_cleanup_config_ struct config *config = parse(texts[i]);
		_cleanup_free_ char *first = dump(config);
		_cleanup_config_ struct config *again = parse(first);
		_cleanup_free_ char *second = dump(again);
		ck_assert_str_eq(first, second);
		ck_assert_int_eq(
		    again->access.manage_is_socket_group, config->access.manage_is_socket_group);
		ck_assert_uint_eq(again->project_count, config->project_count);
		_cleanup_faults_ struct faults faults;
		faults_init(&faults);
		ck_assert_int_eq(config_check_reload(config, again, &faults), 0);
	}
}
END_TEST

START_TEST(a_reload_may_not_change_what_is_built_once)
{
	_cleanup_config_ struct config *running = parse(PROJECT);
	_cleanup_config_ struct config *other = parse("[daemon]\nlog_level=debug\nhosts=x\n"
						      "[access]\nmanage=\n[retention]\n"
						      "jobs_max_count=0\n[attention]\n"
						      "success_within=1h\nkeep_for=1s\n");
	_cleanup_config_ struct config *moved = parse("[daemon]\nlisten=\ndatabase=/x\n");
	_cleanup_faults_ struct faults faults;
	faults_init(&faults);
	ck_assert_int_eq(config_check_reload(running, other, &faults), 0);
	ck_assert_int_eq(config_check_reload(running, moved, &faults), -1);
	ck_assert_uint_eq(faults.count, 2);
	ck_assert_ptr_nonnull(strstr(buffer_text(&faults.lines), "c: listen: \"127.0.0.1:6973\""));
	ck_assert_ptr_nonnull(strstr(buffer_text(&faults.lines), "c: database: "));
}
END_TEST

START_TEST(the_example_is_the_defaults)
{
	const char *source = getenv("srcdir");
	char path[4096];
	snprintf(path, sizeof(path), "%s/etc/mixportd.conf", source ? source : ".");
	_cleanup_buffer_ struct buffer text;
	buffer_init(&text, 65536);
	struct err err = ERR_INIT;
	ck_assert_msg(file_read(path, &text, &err) == 0, "%s (set srcdir)", path);
	_cleanup_config_ struct config *example = parse(buffer_text(&text));
	_cleanup_config_ struct config *defaults = parse("");
	_cleanup_free_ char *first = dump(example);
	_cleanup_free_ char *second = dump(defaults);
	ck_assert_str_eq(first, second);
	for (size_t i = 0; i < schema_key_count; i++) {
		char line[64];
		snprintf(line, sizeof(line), "%s ", schema_keys[i].name);
		ck_assert_msg(strstr(buffer_text(&text), line) != NULL, "%s", line);
	}
}
END_TEST

/* Files -----------------------------------------------------------------------------------------*/

static char folder[64];

static void write_file(const char *name, mode_t mode, const char *text)
{
	int at = open(folder, O_RDONLY | O_DIRECTORY);
	int fd = openat(at, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	ck_assert_int_eq(fchmod(fd, mode), 0);
	close(fd);
	close(at);
}

static void remove_files(void)
{
	int at = open(folder, O_RDONLY | O_DIRECTORY);
	unlinkat(at, "conf", 0);
	unlinkat(at, "tokens", 0);
	unlinkat(at, "demo", 0);
	unlinkat(at, "ca.pem", 0);
	close(at);
	rmdir(folder);
}

static void make_folder(void)
{
	snprintf(folder, sizeof(folder), "/tmp/config_test.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void write_config_with(
    const char *key, const char *credential, mode_t mode, const char *tokens)
{
	char text[1024];
	snprintf(text, sizeof(text),
	    "[daemon]\ntokens=%s/tokens\n[project demo]\nproject_id=1\nregion=eu\n"
	    "credential=%s/demo\n%s",
	    folder, folder, key);
	write_file("conf", 0644, text);
	write_file("tokens", 0600, tokens);
	write_file("demo", mode, credential);
}

static void write_config(const char *credential, mode_t mode, const char *tokens)
{
	make_folder();
	write_config_with("", credential, mode, tokens);
}

static int load(struct faults *faults, struct config **ret_config)
{
	char path[128];
	faults_init(faults);
	snprintf(path, sizeof(path), "%s/conf", folder);
	return config_load(path, 77, faults, ret_config);
}

START_TEST(credentials_and_tokens_come_with_it_and_no_dump_tells_them)
{
	write_config("user:hunter2\n", 0600,
	    "a:read:demo:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n"
	    "b:read:gone:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\n");
	_cleanup_faults_ struct faults faults;
	_cleanup_config_ struct config *config = NULL;
	int r = load(&faults, &config);
	ck_assert_msg(r == 0, "%s", buffer_text(&faults.lines));
	ck_assert_ptr_nonnull(
	    strstr(buffer_text(&faults.warnings), "token b names the project gone"));
	ck_assert_ptr_null(strstr(buffer_text(&faults.warnings), "token a"));
	ck_assert_str_eq(config->projects[0].credential->pair->data, "user:hunter2");
	ck_assert_int_eq(config->projects[0].credential->loaded_at, 77);
	ck_assert_int_eq(config->loaded_at, 77);
	ck_assert_uint_eq(config->tokens.count, 2);
	_cleanup_free_ char *text = dump(config);
	ck_assert_ptr_null(strstr(text, "hunter2"));
	ck_assert_ptr_null(strstr(text, "user"));
	ck_assert_ptr_null(strstr(text, "aaaaaaaa"));
	ck_assert_ptr_eq(config_ref(config), config);
	config_unref(config);
	remove_files();
}
END_TEST

START_TEST(who_holds_a_configuration_keeps_its_credential_to_the_last)
{
	write_config("user:hunter2\n", 0600, "");
	_cleanup_faults_ struct faults faults;
	struct config *config = NULL;
	ck_assert_int_eq(load(&faults, &config), 0);
	struct config *held = config_ref(config);
	const struct config_project *project = config_find_project(held, "demo");
	config_unref(config);
	ck_assert_str_eq(project->credential->pair->data, "user:hunter2");
	ck_assert_str_eq(project->base_url, "https://eu.mixpanel.com/api/app");
	/* Afterwards even the memory is gone that it was in. */
	struct secret *page = project->credential->pair;
	size_t size = page->mapped;
	unsigned char resident[16];
	ck_assert_uint_le(size, sizeof(resident) * (size_t)sysconf(_SC_PAGESIZE));
	ck_assert_int_eq(mincore(page, size, resident), 0);
	config_unref(held);
	ck_assert_int_eq(mincore(page, size, resident), -1);
	remove_files();
}
END_TEST

START_TEST(a_loose_credential_and_a_bad_token_are_told_together)
{
	write_config("user:hunter2\n", 0644, "#\nnonsense\n");
	_cleanup_faults_ struct faults faults;
	struct config *config = NULL;
	char expected[192];
	ck_assert_int_eq(load(&faults, &config), -1);
	ck_assert_uint_eq(faults.count, 2);
	snprintf(expected, sizeof(expected), "%s/conf:6: credential: %s/demo", folder, folder);
	ck_assert_msg(
	    strstr(buffer_text(&faults.lines), expected) != NULL, "%s", buffer_text(&faults.lines));
	snprintf(expected, sizeof(expected), "%s/tokens:2: ", folder);
	ck_assert_ptr_nonnull(strstr(buffer_text(&faults.lines), expected));
	ck_assert_ptr_null(strstr(buffer_text(&faults.lines), "hunter2"));
	remove_files();
}
END_TEST

START_TEST(authorities_must_be_certificates_that_nobody_can_change)
{
	static const struct {
		const char *text;
		mode_t mode;
		const char *fault;
	} cases[] = {
	    {"-----BEGIN CERTIFICATE-----\nx\n", 0644, NULL},
	    {"-----BEGIN CERTIFICATE-----\nx\n", 0666, "may be changed by others"},
	    {"", 0644, "holds no certificate in PEM"},
	    {"-----BEGIN PRIVATE KEY-----\nx\n", 0644, "holds no certificate in PEM"},
	    {NULL, 0, "does not exist"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_faults_ struct faults faults;
		_cleanup_config_ struct config *config = NULL;
		char key[96];
		make_folder();
		snprintf(key, sizeof(key), "ca_file=%s/ca.pem\n", folder);
		write_config_with(key, "user:hunter2\n", 0600, "");
		if (cases[i].text)
			write_file("ca.pem", cases[i].mode, cases[i].text);
		ck_assert_int_eq(load(&faults, &config), cases[i].fault ? -1 : 0);
		const char *told = buffer_text(&faults.lines);
		if (cases[i].fault)
			ck_assert_msg(
			    strstr(told, "/conf:7: ca_file: ") && strstr(told, cases[i].fault),
			    "%s", told);
		remove_files();
	}
}
END_TEST

START_TEST(a_file_that_is_not_there_is_a_fault)
{
	_cleanup_faults_ struct faults faults;
	struct config *config = NULL;
	faults_init(&faults);
	ck_assert_int_eq(config_load("/nonexistent/conf", 0, &faults, &config), -1);
	ck_assert_uint_eq(faults.count, 1);
	ck_assert_ptr_nonnull(strstr(buffer_text(&faults.lines), "/nonexistent/conf: there is no"));
}
END_TEST

START_TEST(faults_are_counted_beyond_what_is_kept_and_cannot_forge_a_line)
{
	_cleanup_faults_ struct faults faults;
	faults_init(&faults);
	faults_add(&faults, "f", 3, "a\nb\x1b\xff\xc2\x9b\xe2\x82\xac");
	ck_assert_str_eq(
	    buffer_text(&faults.lines), "f:3: a\\nb\\x1b\\xff\\xc2\\x9b\xe2\x82\xac\n");
	for (int i = 0; i < 10000; i++)
		faults_add(&faults, "f", 0, "fault %d of many", i);
	ck_assert_uint_eq(faults.count, 10001);
	ck_assert_uint_le(faults.lines.len, 64 * 1024);
	ck_assert_int_eq(faults.lines.data[faults.lines.len - 1], '\n');
}
END_TEST

int main(void)
{
	const struct unit_case cases[] = {
	    {"what is not given has its default", what_is_not_given_has_its_default},
	    {"values are read as written", values_are_read_as_written},
	    {"each region has its address", each_region_has_its_address},
	    {"projects are found by name or id", projects_are_found_by_name_or_id},
	    {"every fault is told with its line", every_fault_is_told_with_its_line},
	    {"a fault never quotes what may be a secret",
		a_fault_never_quotes_what_may_be_a_secret},
	    {"a line may have 198 bytes", a_line_may_have_198_bytes},
	    {"a value is replaced as a whole or not at all",
		a_value_is_replaced_as_a_whole_or_not_at_all},
	    {"what is dumped loads again as the same", what_is_dumped_loads_again_as_the_same},
	    {"a reload may not change what is built once",
		a_reload_may_not_change_what_is_built_once},
	    {"the example is the defaults", the_example_is_the_defaults},
	    {"credentials and tokens come with it and no dump tells them",
		credentials_and_tokens_come_with_it_and_no_dump_tells_them},
	    {"who holds a configuration keeps its credential to the last",
		who_holds_a_configuration_keeps_its_credential_to_the_last},
	    {"a loose credential and a bad token are told together",
		a_loose_credential_and_a_bad_token_are_told_together},
	    {"authorities must be certificates that nobody can change",
		authorities_must_be_certificates_that_nobody_can_change},
	    {"a file that is not there is a fault", a_file_that_is_not_there_is_a_fault},
	    {"faults are counted beyond what is kept and cannot forge a line",
		faults_are_counted_beyond_what_is_kept_and_cannot_forge_a_line},
	    {NULL, NULL},
	};
	return unit_main("config", cases);
}

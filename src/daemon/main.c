/* SPDX-License-Identifier: MIT */
/* The command line; everything else is in daemon.c. */
#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <stdbool.h>
#include <stdio.h>

#include "config.h"
#include "config/config.h"
#include "config/schema.h"
#include "daemon/daemon.h"
#include "daemon/remote.h"
#include "daemon/supervisor.h"
#include "util/account.h"
#include "util/clock.h"
#include "util/jsontext.h"

#define DEFAULT_CONFIG "/etc/mixportd/mixportd.conf"

/* As the service is installed. */
#define DAEMON_USER "mixportd"
#define SOCKET_GROUP "mixport"
#define GROUPS_LIMIT 64

enum action { ACTION_RUN, ACTION_CHECK, ACTION_DUMP, ACTION_RELOAD, ACTION_VERSION, ACTION_HELP };

struct options {
	const char *config;
	enum action action;
};

static void print_usage(FILE *out)
{
	fputs("usage: mixportd [-c FILE] [--check-config] [--dump-config] [--reload] [--version] "
	      "[--help]\n",
	    out);
}

static void print_help(void)
{
	print_usage(stdout);
	fputs("\n"
	      "Watches Mixpanel's import connectors and serves them to the services of this host.\n"
	      "\n"
	      "  -c, --config FILE  read this configuration (" DEFAULT_CONFIG ")\n"
	      "      --check-config print every fault of the configuration, then exit\n"
	      "      --dump-config  print the configuration in force, without secrets, then exit\n"
	      "      --reload       have the daemon that runs read its configuration again, tell\n"
	      "                     what came of it, then exit\n"
	      "      --version      print the version, then exit\n"
	      "      --help         print this, then exit\n"
	      "\n"
	      "mixportd(8) and mixportd.conf(5) tell the rest.\n",
	    stdout);
}

/* Returns 0, or -1 after telling what is wrong. */
static int parse_options(int argc, char **argv, struct options *options)
{
	static const struct option known[] = {
	    {"config", required_argument, NULL, 'c'},
	    {"check-config", no_argument, NULL, ACTION_CHECK},
	    {"dump-config", no_argument, NULL, ACTION_DUMP},
	    {"reload", no_argument, NULL, ACTION_RELOAD},
	    {"version", no_argument, NULL, ACTION_VERSION},
	    {"help", no_argument, NULL, ACTION_HELP},
	    {NULL, 0, NULL, 0},
	};
	int option;
	*options = (struct options){.config = DEFAULT_CONFIG};
	while ((option = getopt_long(argc, argv, "c:", known, NULL)) != -1) {
		if (option == '?')
			return -1;
		if (option == 'c')
			options->config = optarg;
		else
			options->action = (enum action)option;
	}
	if (optind < argc) {
		fprintf(stderr, "mixportd: \"%s\" is not an option\n", argv[optind]);
		return -1;
	}
	return 0;
}

/* What was asked for must have reached whoever asked. */
static enum exit_status written(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return EXIT_STATUS_STOPPED;
	perror("mixportd: standard output");
	return EXIT_STATUS_FAILED;
}

static void print_number(const char *before, size_t number, const char *what)
{
	printf("%s%zu %s%s", before, number, what, number == 1 ? "" : "s");
}

/* The groups the service runs in: those its user is listed in, and that of the socket, which the
 * unit adds. Returns how many. */
static int find_daemon_groups(const struct account *user, gid_t groups[GROUPS_LIMIT])
{
	int count = GROUPS_LIMIT - 1;
	gid_t socket_group;
	if (getgrouplist(DAEMON_USER, user->gid, groups, &count) < 0)
		count = GROUPS_LIMIT - 1;
	if (account_find_group(SOCKET_GROUP, &socket_group) == 0)
		groups[count++] = socket_group;
	return count;
}

/* Root may read everything, which says nothing about the start: the service has a user of its own.
 * So root looks as that user does; without such a user on this machine, as root. Returns 0 when
 * nothing had to change, 1 when it has, or -1. */
static int become_daemon_user(struct err *err)
{
	struct account user;
	gid_t groups[GROUPS_LIMIT];
	if (geteuid() != 0 || account_find_user(DAEMON_USER, &user) < 0)
		return 0;
	int count = find_daemon_groups(&user, groups);
	if (setgroups((size_t)count, groups) < 0 || setresgid(user.gid, user.gid, user.gid) < 0 ||
	    setresuid(user.uid, user.uid, user.uid) < 0)
		return err_set_errno(err, errno, "cannot become the user " DAEMON_USER);
	return 1;
}

static enum exit_status check(const struct options *options, bool dump)
{
	struct err err = ERR_INIT;
	struct faults faults _cleanup_faults_;
	struct config *config _cleanup_config_ = NULL;
	faults_init(&faults);
	int became = become_daemon_user(&err);
	if (became < 0) {
		fprintf(stderr, "mixportd: %s\n", err.text);
		return EXIT_STATUS_FAILED;
	}
	int r = config_load(options->config, clock_wall(&clock_system), &faults, &config);
	if (r == 0 && dump) {
		config_dump(config, stdout);
	} else {
		fputs(buffer_text(&faults.warnings), stdout);
		fputs(buffer_text(&faults.lines), stdout);
		/* Silence could mean anything: so what is right is reported, too. config is NULL
		 * when nothing of it can be said. */
		printf("%s: ", options->config);
		print_number("", faults.count, "fault");
		if (faults.warning_count > 0)
			print_number(", ", faults.warning_count, "warning");
		if (config)
			print_number(", ", config->project_count, "project");
		puts(became > 0 ? ", seen as the user " DAEMON_USER : "");
	}
	return r < 0 ? EXIT_STATUS_CONFIG : written();
}

/* Reloading ------------------------------------------------------------------------------------*/

/* Posts where the configuration says that the daemon listens. Where it does not, or cannot be read
 * so far, or is the one of the service, whose socket systemd may have made where it always is:
 * there. Returns as remote_post. */
static int post_reload(const char *file, struct err *err, struct remote_answer *ret_answer)
{
	static const char target[] = "/v1/reload";
	const char *usual = schema_find(SCHEMA_DAEMON, "socket")->default_text;
	_cleanup_free_ char *socket_path = NULL;
	bool known = config_find_socket(file, &socket_path) == 0;
	int r = known ? remote_post(socket_path, target, "{}", err, ret_answer) : 1;
	if (r <= 0 ||
	    (known && (strcmp(file, DEFAULT_CONFIG) != 0 || strcmp(socket_path, usual) == 0)))
		return r;
	return remote_post(usual, target, "{}", err, ret_answer);
}

static enum exit_status main_reload(const struct options *options)
{
	struct err err = ERR_INIT;
	struct remote_answer answer _cleanup_remote_answer_ = {.status = 0};
	json_t *document _cleanup_json_ = NULL;
	int r = post_reload(options->config, &err, &answer);
	if (r == 0)
		r = jsontext_parse(span_of(answer.body), 0, &err, &document);
	if (r != 0) {
		fprintf(stderr, "mixportd: %s\n", err.text);
		return r > 0 ? EXIT_STATUS_UNAVAILABLE : EXIT_STATUS_FAILED;
	}
	if (answer.status == 200) {
		puts("mixportd: reloaded");
		return written();
	}
	const json_t *errors = json_object_get(document, "errors");
	const char *detail = json_string_value(json_object_get(document, "detail"));
	if (json_array_size(errors) == 0)
		fprintf(stderr, "mixportd: %s\n", detail ? detail : "the daemon did not say why");
	for (size_t i = 0; i < json_array_size(errors); i++) {
		const json_t *line = json_object_get(json_array_get(errors, i), "detail");
		fprintf(stderr, "%s\n", json_is_string(line) ? json_string_value(line) : "?");
	}
	return answer.status == 422 ? EXIT_STATUS_CONFIG : EXIT_STATUS_FAILED;
}

static enum exit_status main_run(const struct options *options)
{
	struct faults faults _cleanup_faults_;
	struct config *config _cleanup_config_ = NULL;
	faults_init(&faults);
	daemon_prepare_process();
	int r = config_load(options->config, clock_wall(&clock_system), &faults, &config);
	daemon_log_faults(&faults);
	if (r == 0)
		return daemon_run(config);
	supervisor_turn_away();
	return EXIT_STATUS_CONFIG;
}

int main(int argc, char **argv)
{
	struct options options;
	if (parse_options(argc, argv, &options) < 0) {
		print_usage(stderr);
		supervisor_turn_away();
		return EXIT_STATUS_USAGE;
	}
	switch (options.action) {
	case ACTION_RUN:
		return (int)main_run(&options);
	case ACTION_CHECK:
		return (int)check(&options, false);
	case ACTION_DUMP:
		return (int)check(&options, true);
	case ACTION_RELOAD:
		return (int)main_reload(&options);
	case ACTION_VERSION:
		puts("mixportd " PACKAGE_VERSION);
		return (int)written();
	case ACTION_HELP:
		print_help();
		return (int)written();
	}
	return EXIT_STATUS_FAILED;
}

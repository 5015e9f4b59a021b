/* SPDX-License-Identifier: MIT */
/* mixpanel-sim: a Mixpanel on loopback that can be told to misbehave. */
#include <errno.h>
#include <getopt.h>
#include <nettle/base64.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>

#include "control.h"
#include "server.h"
#include "upstream.h"
#include "util/timestamp.h"

#define EXIT_USAGE 64
#define STANDARD_LOG_SIZE 10000
#define STANDARD_PROJECT 123456789
#define STANDARD_USER "demo-service-account:demo-secret"

static const char usage[] =
    "mixpanel-sim [OPTION]...\n"
    "  --listen ADDRESS       127.0.0.1:PORT or [::1]:PORT; port 0 (standard): any free one\n"
    "  --user NAME:SECRET     who is let in; may be repeated (" STANDARD_USER ")\n"
    "  --project ID           a project there is; may be repeated (123456789)\n"
    "  --seed NUMBER          the same seed gives the same ids and counters (1)\n"
    "  --queued TIME          how long a job is queued (1s)\n"
    "  --running TIME         how long a job runs (3s)\n"
    "  --speed FACTOR         divides both\n"
    "  --page N               connectors on a page of the list; 0 (standard): all\n"
    "  --set NAME=VALUE       any setting (see README.md); may be repeated\n"
    "  --connectors N         so many connectors in each project at the start\n"
    "  --jobs M               so many ended jobs in each of them\n"
    "  --active K             the newest job of the first K of them is running\n"
    "  --manual-clock         time moves only by POST /sim/clock\n"
    "  --epoch SECONDS        what the manual clock shows first (1600000000)\n"
    "  --log N                requests kept in the log (10000)\n"
    "Prints \"listening on ADDRESS\" once it serves. SIGTERM and SIGINT end it.\n";

struct options {
	const char *listen;
	uint64_t seed;
	uint64_t connectors;
	uint64_t jobs;
	uint64_t active;
	uint64_t log_size;
	uint64_t epoch;
	bool manual_clock;
};

/* Handling requests ----------------------------------------------------------------------------*/

static bool on_accepted(void *context)
{
	struct sim *sim = context;
	struct shot shot;
	sim->stats.connections++;
	if (!faults_take(&sim->faults, FAULT_ON_ACCEPT, NULL, &shot))
		return true;
	shot_done(&shot);
	return false;
}

static bool on_head(void *context, const struct request *request)
{
	struct sim *sim = context;
	struct call call = call_of(request);
	struct shot shot;
	if (control_owns(request) || !faults_take(&sim->faults, FAULT_ON_HEAD, &call, &shot))
		return true;
	shot_done(&shot);
	return false;
}

static void answer_call(
    struct sim *sim, const struct call *call, const struct request *request, struct answer *answer)
{
	struct logged *entry = stats_receive(&sim->stats, &sim->world, call, request);
	struct shot shot;
	bool struck = faults_take(&sim->faults, FAULT_ON_ANSWER, call, &shot);
	struct shape shape = shot_shape(struck ? &shot : NULL);
	answer_set(answer, 500, "{\"status\":\"error\",\"error\":\"simulated fault\"}");
	if (!struck || shot.executed) {
		answer->status = 200;
		entry->executed = upstream_answer(sim, call, request, &shape, answer);
	}
	if (entry->executed)
		stats_execute(&sim->stats, call->endpoint);
	answer->delay = sim->world.settings.latency_ms * MICROSECONDS_PER_MILLISECOND;
	if (struck) {
		shot_bend(&shot, request, answer);
		entry->action = shot.name;
		shot_done(&shot);
	}
	entry->status = answer->silent || answer->hang ? 0 : answer->status;
}

static bool on_request(void *context, const struct request *request, struct answer *answer)
{
	struct sim *sim = context;
	if (control_owns(request)) {
		control_answer(sim, request, answer);
		return false;
	}
	struct call call = call_of(request);
	answer_call(sim, &call, request, answer);
	return true;
}

static void on_ended(void *context)
{
	struct sim *sim = context;
	stats_end(&sim->stats);
}

/* Options --------------------------------------------------------------------------------------*/

static int add_user(struct sim *sim, const char *user, struct err *err)
{
	size_t len = strlen(user);
	size_t size = sizeof("Basic ") + BASE64_ENCODE_RAW_LENGTH(len);
	char *value = calloc(1, size);
	char **moved =
	    reallocarray(sim->credentials, sim->credential_count + 1, sizeof(*sim->credentials));
	if (moved)
		sim->credentials = moved;
	if (!value || !moved || !strchr(user, ':')) {
		free(value);
		return err_set(err, "--user wants NAME:SECRET");
	}
	snprintf(value, size, "Basic ");
	base64_encode_raw(value + 6, len, (const uint8_t *)user);
	moved[sim->credential_count++] = value;
	return 0;
}

static int set_pair(struct settings *settings, const char *pair, struct err *err)
{
	const char *equals = strchr(pair, '=');
	if (!equals)
		return err_set(err, "--set wants NAME=VALUE");
	char name[64];
	snprintf(name, sizeof(name), "%.*s", (int)(equals - pair), pair);
	return settings_set(settings, name, equals + 1, err);
}

static int set_duration(
    struct settings *settings, const char *name, const char *value, struct err *err)
{
	int64_t duration;
	char milliseconds[32];
	if (text_parse_duration(value, &duration) < 0)
		return err_set(err, "%s is no duration, such as 500ms or 3s", value);
	snprintf(milliseconds, sizeof(milliseconds), "%lld", (long long)(duration / 1000));
	return settings_set(settings, name, milliseconds, err);
}

static int set_number(uint64_t *number, const char *value, struct err *err)
{
	if (text_parse_unsigned(value, 0, INT64_MAX, number) < 0)
		return err_set(err, "%s is not a number", value);
	return 0;
}

static int add_project(struct sim *sim, const char *value, struct err *err)
{
	uint64_t id;
	if (text_parse_unsigned(value, 1, INT64_MAX, &id) < 0)
		return err_set(err, "%s is no project id", value);
	return world_add_project(&sim->world, (int64_t)id, err);
}

enum option_code {
	OPTION_LISTEN = 1,
	OPTION_USER,
	OPTION_PROJECT,
	OPTION_SEED,
	OPTION_QUEUED,
	OPTION_RUNNING,
	OPTION_SPEED,
	OPTION_PAGE,
	OPTION_SET,
	OPTION_CONNECTORS,
	OPTION_JOBS,
	OPTION_ACTIVE,
	OPTION_MANUAL_CLOCK,
	OPTION_EPOCH,
	OPTION_LOG,
	OPTION_HELP,
};

static const struct option long_options[] = {
    {"listen", required_argument, NULL, OPTION_LISTEN},
    {"user", required_argument, NULL, OPTION_USER},
    {"project", required_argument, NULL, OPTION_PROJECT},
    {"seed", required_argument, NULL, OPTION_SEED},
    {"queued", required_argument, NULL, OPTION_QUEUED},
    {"running", required_argument, NULL, OPTION_RUNNING},
    {"speed", required_argument, NULL, OPTION_SPEED},
    {"page", required_argument, NULL, OPTION_PAGE},
    {"set", required_argument, NULL, OPTION_SET},
    {"connectors", required_argument, NULL, OPTION_CONNECTORS},
    {"jobs", required_argument, NULL, OPTION_JOBS},
    {"active", required_argument, NULL, OPTION_ACTIVE},
    {"manual-clock", no_argument, NULL, OPTION_MANUAL_CLOCK},
    {"epoch", required_argument, NULL, OPTION_EPOCH},
    {"log", required_argument, NULL, OPTION_LOG},
    {"help", no_argument, NULL, OPTION_HELP},
    {NULL, 0, NULL, 0},
};

/* Returns 0, 1 for --help, or -1. */
static int set_option(
    struct sim *sim, struct options *options, int option, const char *value, struct err *err)
{
	struct settings *settings = &sim->world.settings;
	switch (option) {
	case OPTION_LISTEN:
		options->listen = value;
		return 0;
	case OPTION_USER:
		return add_user(sim, value, err);
	case OPTION_PROJECT:
		return add_project(sim, value, err);
	case OPTION_SEED:
		return set_number(&options->seed, value, err);
	case OPTION_QUEUED:
		return set_duration(settings, "queued_ms", value, err);
	case OPTION_RUNNING:
		return set_duration(settings, "running_ms", value, err);
	case OPTION_SPEED:
		return settings_set(settings, "speed", value, err);
	case OPTION_PAGE:
		return settings_set(settings, "page", value, err);
	case OPTION_SET:
		return set_pair(settings, value, err);
	case OPTION_CONNECTORS:
		return set_number(&options->connectors, value, err);
	case OPTION_JOBS:
		return set_number(&options->jobs, value, err);
	case OPTION_ACTIVE:
		return set_number(&options->active, value, err);
	case OPTION_MANUAL_CLOCK:
		options->manual_clock = true;
		return 0;
	case OPTION_EPOCH:
		return set_number(&options->epoch, value, err);
	case OPTION_LOG:
		return set_number(&options->log_size, value, err);
	case OPTION_HELP:
		fputs(usage, stdout);
		return 1;
	default:
		return err_set(err, "try --help");
	}
}

static int read_options(
    struct sim *sim, struct options *options, int argc, char **argv, struct err *err)
{
	int option;
	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		int r = set_option(sim, options, option, optarg, err);
		if (r)
			return r;
	}
	if (optind < argc)
		return err_set(err, "%s is not an option; try --help", argv[optind]);
	if (sim->credential_count == 0 && add_user(sim, STANDARD_USER, err) < 0)
		return -1;
	if (sim->world.project_count == 0)
		return world_add_project(&sim->world, STANDARD_PROJECT, err);
	return 0;
}

/* Running --------------------------------------------------------------------------------------*/

/* What depends on options that may come in any order. */
static int prepare(struct sim *sim, const struct options *options, struct err *err)
{
	struct world *world = &sim->world;
	random_sequence_init(&world->random, options->seed);
	world->manual_clock = options->manual_clock;
	world->clock_start = (int64_t)options->epoch * MICROSECONDS_PER_SECOND;
	stats_init(&sim->stats, options->log_size);
	for (size_t i = 0; i < world->project_count; i++) {
		if (world_preload(world, &world->projects[i], options->connectors, options->jobs,
			options->active, err) < 0)
			return -1;
	}
	return 0;
}

static int serve(struct sim *sim, const struct options *options, struct err *err)
{
	sigset_t stop;
	sigemptyset(&stop);
	sigaddset(&stop, SIGTERM);
	sigaddset(&stop, SIGINT);
	sigprocmask(SIG_BLOCK, &stop, NULL);
	_cleanup_close_ int stop_fd = signalfd(-1, &stop, SFD_CLOEXEC);
	if (stop_fd < 0)
		return err_set_errno(err, errno, "signalfd");
	struct server_handler handler = {.accepted = on_accepted,
	    .head = on_head,
	    .answer = on_request,
	    .ended = on_ended,
	    .context = sim};
	struct server *server = NULL;
	if (server_new(options->listen, handler, err, &server) < 0)
		return -1;
	sim->address = server_address(server);
	printf("listening on %s\n", sim->address);
	fflush(stdout);
	int r = server_run(server, stop_fd, err);
	server_free(server);
	return r;
}

static void sim_done(struct sim *sim)
{
	for (size_t i = 0; i < sim->credential_count; i++)
		free(sim->credentials[i]);
	free(sim->credentials);
	faults_clear(&sim->faults);
	stats_done(&sim->stats);
	world_done(&sim->world);
}

int main(int argc, char **argv)
{
	struct options options = {
	    .listen = "127.0.0.1:0", .seed = 1, .log_size = STANDARD_LOG_SIZE, .epoch = 1600000000};
	struct err err = ERR_INIT;
	struct sim sim = {.credentials = NULL};
	world_init(&sim.world, options.seed);
	faults_init(&sim.faults);
	int r = read_options(&sim, &options, argc, argv, &err);
	int status = r < 0 ? EXIT_USAGE : EXIT_SUCCESS;
	if (r == 0 && (prepare(&sim, &options, &err) < 0 || serve(&sim, &options, &err) < 0)) {
		status = EXIT_FAILURE;
		r = -1;
	}
	if (r < 0)
		fprintf(stderr, "mixpanel-sim: %s\n", err.text);
	sim_done(&sim);
	return status;
}

/* SPDX-License-Identifier: MIT */
/* Builds the parts, waits for signals and the watchdog, reloads, and stops within five seconds. */
#include "daemon/daemon.h"

#include <errno.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>

#include "api/audit.h"
#include "api/reloads.h"
#include "api/routes.h"
#include "api/service.h"
#include "config.h"
#include "daemon/descriptors.h"
#include "daemon/listeners.h"
#include "daemon/peer.h"
#include "daemon/supervisor.h"
#include "http/server.h"
#include "store/conn.h"
#include "store/project_store.h"
#include "sync/engine.h"
#include "transfer/client.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/secret.h"
#include "util/timestamp.h"

#define LOOK_ROUND_EVERY (5 * MICROSECONDS_PER_SECOND)
#define STUCK_AFTER (30 * MICROSECONDS_PER_SECOND)
#define DRAIN_PATIENCE (2 * MICROSECONDS_PER_SECOND)

struct daemon {
	int64_t started_at;    /* wall clock */
	struct config *config; /* a reference */
	int signals;           /* signalfd */
	int broken;            /* eventfd: the store failed */
	bool stuck;            /* a thread is, and it has been said */
	struct conn *writer;
	struct conn *reader; /* for the status line */
	struct engine *engine;
	struct reloads *reloads;
	struct service service;
	struct application application;
	struct server *server;
	struct listeners listeners;
	/* The engine starts before the server is there; what it tells then nobody waits for. */
	_Atomic(struct server *) listening;
};

/* The process ----------------------------------------------------------------------------------*/

static void fill_signals(sigset_t *signals)
{
	sigemptyset(signals);
	sigaddset(signals, SIGTERM);
	sigaddset(signals, SIGINT);
	sigaddset(signals, SIGHUP);
}

void daemon_prepare_process(void)
{
	sigset_t signals;
	fill_signals(&signals);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	/* A client that left and a file-size limit are errors to handle, not reasons to die. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	/* The files that it makes are for it to open again, whatever it was given. */
	umask(umask(0077) & ~(mode_t)0700);
	/* TLS libraries write their session keys to the file this names. */
	unsetenv("SSLKEYLOGFILE");
	/* Answers of megabytes come and go. From this size on their memory is the system's again as
	 * soon as they go; left alone, glibc raises the bound to the largest that ever came, and
	 * keeps them. */
#ifdef __GLIBC__
	mallopt(M_MMAP_THRESHOLD, 256 * 1024);
#endif
	secret_close_process();
	const struct rlimit none = {.rlim_cur = 0, .rlim_max = 0};
	setrlimit(RLIMIT_CORE, &none);
	descriptors_raise();
}

static void log_lines(enum log_level level, const struct buffer *lines)
{
	const char *at = buffer_text(lines);
	while (*at) {
		size_t len = strcspn(at, "\n");
		log_escaped(level, at, len);
		at += len + (at[len] == '\n');
	}
}

void daemon_log_faults(const struct faults *faults)
{
	log_lines(LOG_LEVEL_WARNING, &faults->warnings);
	log_lines(LOG_LEVEL_ERROR, &faults->lines);
}

/* Building -------------------------------------------------------------------------------------*/

static void tell_server(const struct change *changes, size_t count, void *context)
{
	struct daemon *daemon = context;
	struct server *server = atomic_load(&daemon->listening);
	if (server)
		service_changed(server, changes, count);
}

static void store_broke(void *context)
{
	struct daemon *daemon = context;
	const uint64_t one = 1;
	(void)!write(daemon->broken, &one, sizeof(one));
}

static bool engine_turns(void *context)
{
	const struct daemon *daemon = context;
	return clock_monotonic(&clock_system) - engine_last_turn(daemon->engine) < STUCK_AFTER;
}

static int open_descriptors(struct daemon *daemon, struct err *err)
{
	sigset_t signals;
	fill_signals(&signals);
	daemon->signals = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	daemon->broken = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (daemon->signals < 0 || daemon->broken < 0)
		return err_set_errno(err, errno, "cannot wait for signals");
	return 0;
}

static int open_store(struct daemon *daemon, struct err *err)
{
	if (conn_open_writer(daemon->config->database, err, &daemon->writer) < 0)
		return -1;
	return conn_open_reader(daemon->config->database, err, &daemon->reader);
}

static int build_engine(struct daemon *daemon, struct err *err)
{
	uint64_t seed = 0;
	random_bytes(&seed, sizeof(seed));
	const struct engine_options options = {
	    .user_agent = "mixportd/" PACKAGE_VERSION,
	    .version = PACKAGE_VERSION,
	    .clock = &clock_system,
	    .seed = seed,
	    .changed = tell_server,
	    .context = daemon,
	    .broken = store_broke,
	};
	return engine_new(daemon->writer, daemon->config, &options, err, &daemon->engine);
}

static int build_server(struct daemon *daemon, struct err *err)
{
	struct descriptors_share share;
	if (descriptors_share_out(daemon->config, &daemon->listeners, err, &share) < 0)
		return -1;
	daemon->service = (struct service){
	    .engine = daemon->engine,
	    .reloads = daemon->reloads,
	    .clock = &clock_system,
	    .database = daemon->config->database,
	    .version = PACKAGE_VERSION,
	    .started_at = daemon->started_at,
	};
	buckets_init(&daemon->service.audited);
	daemon->application = routes_application(&daemon->service);
	daemon->application.peer_unit = peer_unit;
	const struct server_options options = {
	    .application = &daemon->application,
	    .connections = share.connections,
	    .health_connections = share.health_connections,
	    .alive = engine_turns,
	    .context = daemon,
	};
	if (server_new(&options, daemon->config, err, &daemon->server) < 0)
		return -1;
	atomic_store(&daemon->listening, daemon->server);
	return 0;
}

static int start_serving(struct daemon *daemon, struct err *err)
{
	if (engine_start(daemon->engine, err) < 0)
		return -1;
	int r =
	    server_start(daemon->server, daemon->listeners.sockets, daemon->listeners.count, err);
	listeners_handed_over(&daemon->listeners);
	return r;
}

/* Running --------------------------------------------------------------------------------------*/

/* Returns whether it was done. */
static bool daemon_reload(struct daemon *daemon)
{
	int64_t at = clock_wall(&clock_system);
	struct faults faults _cleanup_faults_;
	struct config *loaded _cleanup_config_ = NULL;
	faults_init(&faults);
	reloads_begin(daemon->reloads);
	supervisor_notify("RELOADING=1");
	int r = config_load(daemon->config->path, at, &faults, &loaded);
	if (r == 0)
		r = config_check_reload(daemon->config, loaded, &faults);
	daemon_log_faults(&faults);
	if (r < 0) {
		log_error("the configuration stays as it was; faults found: %zu", faults.count);
		engine_reload_refused(daemon->engine, faults.count);
	} else {
		log_set_level(loaded->log_level);
		/* First who may know what, then what there is to know: the event of the reload is
		 * told to nobody whose right it withdraws. */
		server_reload(daemon->server, loaded);
		engine_reload(daemon->engine, loaded);
		config_unref(daemon->config);
		daemon->config = TAKE(loaded);
		log_info("reloaded %s", daemon->config->path);
	}
	supervisor_notify("READY=1");
	reloads_end(daemon->reloads, at, &faults);
	service_reloaded(daemon->server);
	return r == 0;
}

static void take_last_refresh(const struct project_record *record, void *context)
{
	int64_t *latest = context;
	if (record->listed_at > *latest)
		*latest = record->listed_at;
}

/* The watchdog hears from us only while every thread has shown that it turns. */
static void look_round(struct daemon *daemon)
{
	bool healthy = server_healthy(daemon->server);
	if (healthy)
		supervisor_notify("WATCHDOG=1");
	else if (!daemon->stuck)
		log_error("a thread is stuck");
	if (healthy && daemon->stuck)
		log_info("every thread turns again");
	daemon->stuck = !healthy;
	struct err err = ERR_INIT;
	struct store_stats stats;
	char refreshed[TIMESTAMP_TEXT_SIZE];
	int64_t latest = TIMESTAMP_NONE;
	for (size_t i = 0; i < daemon->config->project_count; i++)
		(void)project_store_get(daemon->reader, daemon->config->projects[i].project_id,
		    take_last_refresh, &latest, &err);
	if (store_stats(daemon->reader, &err, &stats) < 0)
		return;
	timestamp_format(latest, refreshed);
	supervisor_notify("STATUS=%zu project%s, last refresh %s, %lld unknown operations%s",
	    daemon->config->project_count, daemon->config->project_count == 1 ? "" : "s",
	    refreshed[0] ? refreshed : "never", (long long)stats.operations_unknown,
	    engine_store_unavailable(daemon->engine) ? ", the store cannot be written" : "");
}

/* Returns whether to go on. */
static bool take_signal(struct daemon *daemon)
{
	struct signalfd_siginfo info;
	if (read(daemon->signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return true;
	if (info.ssi_signo == SIGHUP) {
		int64_t at = clock_wall(&clock_system);
		_cleanup_free_ char *unit = peer_unit_of((pid_t)info.ssi_pid);
		bool done = daemon_reload(daemon);
		audit_signalled(&daemon->service, info.ssi_uid, unit, at, done);
		return true;
	}
	log_info("stopping on signal %u", info.ssi_signo);
	return false;
}

static enum exit_status wait_for_end(struct daemon *daemon)
{
	int64_t watchdog = supervisor_watchdog_interval();
	int64_t every = LOOK_ROUND_EVERY;
	if (watchdog > 0 && watchdog / 3 < every)
		every = watchdog / 3;
	for (;;) {
		struct pollfd fds[] = {
		    {.fd = daemon->signals, .events = POLLIN},
		    {.fd = daemon->broken, .events = POLLIN},
		    {.fd = reloads_fd(daemon->reloads), .events = POLLIN},
		};
		int r = poll(fds, ARRAY_SIZE(fds), (int)(every / MICROSECONDS_PER_MILLISECOND));
		if (r > 0 && fds[1].revents)
			return EXIT_STATUS_STORAGE;
		if (r > 0 && fds[0].revents && !take_signal(daemon))
			return EXIT_STATUS_STOPPED;
		if (r > 0 && fds[2].revents)
			(void)daemon_reload(daemon);
		look_round(daemon);
	}
}

/* Tearing down ---------------------------------------------------------------------------------*/

/* In reverse order of building; takes the half-built. */
static void tear_down(struct daemon *daemon)
{
	/* Both take their time, at the same time. */
	if (daemon->engine)
		engine_end(daemon->engine);
	if (daemon->server)
		server_stop(daemon->server, DRAIN_PATIENCE);
	if (daemon->engine)
		engine_stop(daemon->engine);
	atomic_store(&daemon->listening, NULL);
	if (daemon->server)
		buckets_done(&daemon->service.audited);
	server_free(daemon->server);
	reloads_free(daemon->reloads);
	engine_free(daemon->engine);
	conn_close(daemon->reader);
	conn_close(daemon->writer);
	listeners_done(&daemon->listeners);
	cleanup_close(&daemon->signals);
	cleanup_close(&daemon->broken);
	config_unref(daemon->config);
	client_library_done();
}

/* Builds every part in order. Returns 0 once everything serves, else the status to exit with. */
static enum exit_status daemon_build(struct daemon *daemon)
{
	struct err err = ERR_INIT;
	enum exit_status status = EXIT_STATUS_FAILED;
	if (client_library_init(&err) < 0 || open_descriptors(daemon, &err) < 0)
		;
	else if (listeners_open(&daemon->listeners, daemon->config, &err) < 0)
		status = EXIT_STATUS_UNAVAILABLE;
	else if (open_store(daemon, &err) < 0 || build_engine(daemon, &err) < 0)
		/* The engine reads and recovers what is stored; short of memory, nothing else of it
		 * can fail. */
		status = EXIT_STATUS_STORAGE;
	else if (reloads_new(&err, &daemon->reloads) < 0 || build_server(daemon, &err) < 0 ||
		 start_serving(daemon, &err) < 0)
		;
	else
		return EXIT_STATUS_STOPPED;
	log_error("%s", err.text);
	return status;
}

enum exit_status daemon_run(struct config *config)
{
	struct daemon daemon = {.signals = -1, .broken = -1};
	daemon.started_at = clock_wall(&clock_system);
	daemon.config = config_ref(config);
	log_set_level(config->log_level);
	supervisor_take_journal();
	log_info("mixportd " PACKAGE_VERSION " starts with %s", config->path);
	enum exit_status status = daemon_build(&daemon);
	if (status == EXIT_STATUS_STOPPED) {
		supervisor_notify("READY=1");
		log_info("ready");
		look_round(&daemon);
		status = wait_for_end(&daemon);
		supervisor_notify("STOPPING=1");
	}
	tear_down(&daemon);
	if (status == EXIT_STATUS_STOPPED)
		log_info("stopped");
	return status;
}

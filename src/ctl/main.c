/* SPDX-License-Identifier: MIT */
/* mixportctl: reads the command line, finds the daemon, runs the command. */
#include <assert.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "config.h"
#include "ctl/check.h"
#include "ctl/complain.h"
#include "ctl/ctl.h"
#include "ctl/help.h"
#include "util/secret.h"

/* Whoever asks by the exit status is told how it ended. Nothing is left half done: what the daemon
 * has been asked for it carries out or not, whether or not somebody waits for it. */
static void interrupted(int number)
{
	(void)number;
	_exit(EXIT_INTERRUPTED);
}

static void prepare_process(void)
{
	const struct sigaction action = {.sa_handler = interrupted};
	(void)sigaction(SIGINT, &action, NULL);
	/* A token is in its memory. Programs that it runs may set their own limit. */
	struct rlimit core;
	secret_close_process();
	if (getrlimit(RLIMIT_CORE, &core) == 0) {
		core.rlim_cur = 0;
		(void)setrlimit(RLIMIT_CORE, &core);
	}
	/* Text is UTF-8 whatever the locale; this is how the library knows the width of it. */
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		(void)setlocale(LC_CTYPE, "");
}

static enum exit_code run_command(const struct options *options)
{
	struct endpoint endpoint _cleanup_endpoint_ = {.socket = NULL};
	struct ctl ctl = {.options = options};
	output_init(&ctl.output, options);
	enum exit_code code = EXIT_DONE;
	if (!(options->command->flags & COMMAND_OFFLINE)) {
		code = endpoint_find(options, &endpoint);
		if (!code)
			code = link_new(options, &endpoint, &ctl.link);
	}
	if (!code)
		code = options->command->run(&ctl);
	else if (options->command->flags & COMMAND_PLUGIN)
		code = check_cannot("the daemon cannot be asked; standard error says why");
	link_free(ctl.link);
	return code;
}

static enum exit_code run_options(const struct options *options)
{
	assert(options->command);
	if (options_have(options, OPTION_VERSION)) {
		puts("mixportctl " PACKAGE_VERSION);
		return EXIT_DONE;
	}
	if (options_have(options, OPTION_HELP))
		return options->named ? help_of(options->command) : help_overview();
	return run_command(options);
}

int main(int argc, char **argv)
{
	struct options options;
	prepare_process();
	enum exit_code code = options_parse(argc, argv, &options);
	bool plugin = options.command && (options.command->flags & COMMAND_PLUGIN);
	if (!code)
		code = run_options(&options);
	else if (plugin)
		code = check_cannot("wrong usage; mixportctl help check");
	enum exit_code flushed = output_flush();
	options_done(&options);
	return (int)(code ? code : flushed);
}

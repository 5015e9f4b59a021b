/* SPDX-License-Identifier: MIT */
/* A command to the engine on behalf of a request: sent, waited for, and answered. */
#pragma once

#include "api/service.h"
#include "http/reply.h"
#include "http/suspend.h"

/* Sends the command to the engine and suspends the request until it was answered; then resume is
 * called. The command is copied; its strings live as long as the request, those of the path, the
 * caller and the body included. */
struct answered reply_after_command(
    struct request *request, const struct command *command, handler_fn *resume);

/* The command that was sent last; there was one. */
const struct command *request_command(const struct request *request);

/* Answers why the engine did nothing: the store, too many callers, the daemon stopping, or a
 * failure. For results that leave the caller nothing but to try again. */
struct answered command_refused(struct request *request);

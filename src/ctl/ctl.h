/* SPDX-License-Identifier: MIT */
/* What a command works with. */
#pragma once

#include "ctl/exits.h"
#include "ctl/link.h"
#include "ctl/options.h"
#include "ctl/output.h"

/* Plain data, made by main before the command runs. link is NULL for a command that needs none. */
struct ctl {
	const struct options *options;
	struct link *link;
	struct output output;
};

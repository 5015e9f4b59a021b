/* SPDX-License-Identifier: MIT */
/* The kinds of import. A second one is a row of the table in kind.c and a file pair of its own. */
#pragma once

#include "mixpanel/verb.h"
#include "model/connector.h"

/* The row of a kind. */
const struct import_kind *import_kind(enum connector_kind kind);

/* SPDX-License-Identifier: MIT */
/* Cloud Import: Mixpanel's Connectors API (developer.mixpanel.com, "Connectors"). Pure. */
#pragma once

#include "mixpanel/verb.h"

extern const struct import_kind cloud_import;

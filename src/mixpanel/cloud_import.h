/* SPDX-License-Identifier: MIT */
/* Cloud Import: Mixpanel's Connectors API (developer.mixpanel.com, "Connectors"). Pure. */
#ifndef MIXPORT_MIXPANEL_CLOUD_IMPORT_H
#define MIXPORT_MIXPANEL_CLOUD_IMPORT_H

#include "mixpanel/verb.h"

extern const struct import_kind cloud_import;

#endif

/* SPDX-License-Identifier: MIT */
/* Where Mixpanel keeps a project. */
#pragma once

enum region { REGION_NONE, REGION_US, REGION_EU, REGION_IN };

/* "us", "eu", "in". */
const char *region_name(enum region region);

/* Where its API is, without a slash at the end; NULL for REGION_NONE. */
const char *region_base_url(enum region region);

/* SPDX-License-Identifier: MIT */
/* The regions that Mixpanel has. */
#include "config/region.h"

#include "util/cleanup.h"

static const struct {
	const char *name;
	const char *base_url;
} regions[] = {
    [REGION_NONE] = {"none", NULL},
    [REGION_US] = {"us", "https://mixpanel.com/api/app"},
    [REGION_EU] = {"eu", "https://eu.mixpanel.com/api/app"},
    [REGION_IN] = {"in", "https://in.mixpanel.com/api/app"},
};

_Static_assert(ARRAY_SIZE(regions) == REGION_IN + 1, "a region has no name");

const char *region_name(enum region region)
{
	return regions[region].name;
}

const char *region_base_url(enum region region)
{
	return regions[region].base_url;
}

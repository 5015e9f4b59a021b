/* SPDX-License-Identifier: MIT */
/* The table of the kinds of import. */
#include "mixpanel/kind.h"

#include "mixpanel/cloud_import.h"
#include "util/cleanup.h"

const struct import_kind *import_kind(enum connector_kind kind)
{
	static const struct import_kind *const kinds[] = {
	    [CONNECTOR_CLOUD_IMPORT] = &cloud_import,
	};
	_Static_assert(ARRAY_SIZE(kinds) == CONNECTOR_KIND_COUNT, "a kind has no row");
	return kinds[kind];
}

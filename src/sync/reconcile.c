/* SPDX-License-Identifier: MIT */
/* Compares each new connector with the creates whose outcome is unknown. */
#include "sync/reconcile.h"

#include "util/text.h"
#include "util/timestamp.h"

/* Whether Mixpanel says that it was made before the create was sent. */
static bool is_older(
    const struct reconcile_create *create, const struct reconcile_connector *connector)
{
	int64_t sent =
	    create->sent_upstream_at != TIMESTAMP_NONE ? create->sent_upstream_at : create->sent_at;
	return connector->created_at != TIMESTAMP_NONE && sent != TIMESTAMP_NONE &&
	       connector->created_at < sent - RECONCILE_CLOCKS_APART;
}

enum reconcile_fit reconcile_fit(
    const struct reconcile_create *create, const struct reconcile_connector *connector)
{
	if (connector->row <= create->known_row || is_older(create, connector))
		return RECONCILE_OTHER;
	bool is_new = create->known_row >= 0 || connector->created_at != TIMESTAMP_NONE;
	bool ours = !create->creator || !connector->created_by ||
		    text_same(create->creator, connector->created_by);
	return is_new && ours ? RECONCILE_FITS : RECONCILE_POSSIBLE;
}

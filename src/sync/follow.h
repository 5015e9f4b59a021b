/* SPDX-License-Identifier: MIT */
/* What is read of Mixpanel: listings, histories and single connectors. */
#pragma once

#include "sync/project.h"
#include "sync/refresh.h"

/* Sends the call of a plan. The budget was taken, here and below. */
void follow_send_plan(struct project *project, const struct plan *plan, int64_t now);

/* The plan of the call whose next page waits for budget; NULL for none. */
const struct plan *follow_waiting_page(const struct project *project);

/* Sends that page. */
void follow_send_page(struct project *project);

/* Sends a single connector that a refresh waits for. */
void follow_send_single(struct project *project, const struct refresh_single *single);

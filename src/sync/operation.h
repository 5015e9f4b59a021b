/* SPDX-License-Identifier: MIT */
/* An operation as it is stored, for longer than its row is read. */
#pragma once

#include "model/operation.h"
#include "sync/project.h"
#include "util/arena.h"

struct loaded_operation {
	struct arena arena;
	struct operation_record record;
	bool incomplete; /* no memory for a part of it */
};

/* Each loads one; to be freed with loaded_operation_done in every case. Returns 0, 1 when there is
 * none, or -1. */
int operation_load(const struct project *project, const char *operation_id, struct err *err,
    struct loaded_operation *loaded);
int operation_load_row(
    const struct project *project, int64_t row, struct err *err, struct loaded_operation *loaded);

/* Frees. */
void loaded_operation_done(struct loaded_operation *loaded);
#define _cleanup_loaded_operation_ _cleanup_(loaded_operation_done)

/* Says in the log what became of an operation. */
void operation_log(const struct project *project, const struct operation_record *record);

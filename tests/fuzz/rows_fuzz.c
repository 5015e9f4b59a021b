/* SPDX-License-Identifier: MIT */
/* Rows that the daemon never wrote (see rows.h), by every function that reads or changes them. */
#include <stdint.h>

#include "rows.h"
#include "walk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct conn *conn;
	if (size > 64 * 1024)
		return 0;
	if (!conn)
		conn = rows_open();
	rows_begin((struct span){.ptr = (const char *)data, .len = size});
	walk_store(conn, true);
	change_store(conn);
	rows_end();
	return 0;
}

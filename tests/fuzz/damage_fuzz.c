/* SPDX-License-Identifier: MIT */
/* A database file with bytes of it overwritten: as the daemon finds it at its start, where a file
 * that is refused stays as it is, and as a reader that has it open already.
 *
 * The input is a list of a place (three bytes, the highest first), a length (one byte) and as many
 * bytes; the first byte of all says which of the two it is. */
#include <assert.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/conn_private.h"
#include "store/connector_store.h"
#include "store/job_store.h"
#include "store/operation_store.h"
#include "store/project_store.h"
#include "store/tx.h"
#include "util/file.h"
#include "util/log.h"
#include "util/timestamp.h"
#include "walk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FILE_LIMIT ((size_t)4 * 1024 * 1024)
#define NOW INT64_C(1600000000000000)

static char folder[] = "/dev/shm/damage_fuzz.XXXXXX";
static char path[64];
static struct buffer whole;

static void remove_files(void)
{
	static const char *const suffixes[] = {"", "-wal", "-shm", "-journal", ".lock", ".new"};
	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		char name[80];
		snprintf(name, sizeof(name), "%s%s", path, suffixes[i]);
		unlink(name);
	}
}

static void end(void)
{
	remove_files();
	rmdir(folder);
	buffer_done(&whole);
}

/* A few rows of each kind, over more than one page. */
static int fill(struct conn *conn, void *context, struct err *err)
{
	static char long_text[6000];
	(void)context;
	memset(long_text, 'x', sizeof(long_text) - 1);
	for (int i = 0; i < 6; i++) {
		char id[16];
		snprintf(id, sizeof(id), "c%d", i);
		const struct connector connector = {
		    .connector_id = id,
		    .label = i == 3 ? long_text : "label",
		    .connector_type = "gcsImport",
		    .properties = span_of("{\"gcs_bucket\":\"b\",\"gcs_prefix\":\"\"}"),
		    .category = span_of("{\"data_format\":\"mixpanel_event\"}"),
		    .data_format = "mixpanel_event",
		    .bucket = "b",
		    .prefix = "",
		    .created_at = NOW,
		    .raw = span_of("{\"a\":1}"),
		};
		const struct connector_put put = {.project_id = 1,
		    .connector = &connector,
		    .observed_at = NOW,
		    .confirmed = TIMESTAMP_NONE,
		    .now = NOW};
		const struct run run = {.start_time = NOW,
		    .end_time = TIMESTAMP_NONE,
		    .status = JOB_RUNNING,
		    .upstream_status = "running",
		    .progress = span_of("0.5"),
		    .stats = span_of("{\"n\":1}"),
		    .raw = span_of("{}")};
		enum connector_change change;
		struct followed_connector followed;
		int64_t row;
		char job_id[RANDOM_ID_SIZE];
		if (connector_store_put(conn, &put, err, &change, &followed) != 0)
			return -1;
		const struct new_job job = {
		    .project_id = 1, .connector_row = followed.row, .run = &run, .now = NOW};
		snprintf(id, sizeof(id), "op_%d", i);
		const struct operation_record operation = {.operation_id = id,
		    .project_id = 1,
		    .client = "uid:0",
		    .request = span_of("{\"connector_type\":\"gcsImport\"}"),
		    .state = i % 2 ? OPERATION_UNKNOWN : OPERATION_SENDING,
		    .created_at = NOW,
		    .sent_at = NOW,
		    .finished_at = TIMESTAMP_NONE,
		    .sent_upstream_at = TIMESTAMP_NONE};
		if (job_store_insert(conn, &job, err, &row, job_id) != 0 ||
		    operation_store_insert(conn, &operation, err, &row) != 0)
			return -1;
	}
	return project_store_listed(conn, 1, NOW, err);
}

static void begin(void)
{
	struct err err = ERR_INIT;
	struct conn *conn = NULL;
	if (!mkdtemp(folder))
		abort();
	snprintf(path, sizeof(path), "%s/db", folder);
	buffer_init(&whole, FILE_LIMIT);
	log_set_level(LOG_LEVEL_ERROR);
	if (conn_open_writer(path, &err, &conn) < 0 || tx_write(conn, fill, NULL, &err) != 0)
		abort();
	conn_close(conn);
	if (file_read(path, &whole, &err) != 0)
		abort();
	atexit(end);
}

static void write_file(const struct buffer *bytes)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, bytes->data, bytes->len) != (ssize_t)bytes->len)
		abort();
	close(fd);
}

static void overwrite(struct buffer *bytes, const uint8_t *at, const uint8_t *last)
{
	while (last - at > 4) {
		size_t place = ((size_t)at[0] << 16 | (size_t)at[1] << 8 | at[2]) % bytes->len;
		size_t len = at[3];
		at += 4;
		len = len < (size_t)(last - at) ? len : (size_t)(last - at);
		size_t room = bytes->len - place;
		memcpy(bytes->data + place, at, len < room ? len : room);
		at += len;
	}
}

static void check_untouched(const struct buffer *before)
{
	_cleanup_buffer_ struct buffer after;
	struct err err = ERR_INIT;
	buffer_init(&after, 2 * FILE_LIMIT);
	assert(file_read(path, &after, &err) == 0);
	assert(after.len == before->len && memcmp(after.data, before->data, after.len) == 0);
}

/* As the daemon does at its start, and then. */
static void open_to_write(const struct buffer *bytes)
{
	struct err err = ERR_INIT;
	struct conn *conn = NULL;
	unsigned unknown;
	if (conn_open_writer(path, &err, &conn) < 0) {
		assert(err.text[0]);
		check_untouched(bytes);
		return;
	}
	walk_store(conn, true);
	operation_store_recover(conn, NOW, &err, &unknown);
	/* So it is closed as it is; the next input brings another file. */
	conn->broken = true;
	conn_close(conn);
}

static void open_to_read(void)
{
	struct err err = ERR_INIT;
	struct conn *conn = NULL;
	if (conn_open_reader(path, &err, &conn) < 0) {
		assert(err.text[0]);
		return;
	}
	walk_store(conn, false);
	conn_close(conn);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!whole.data)
		begin();
	if (size < 1)
		return 0;
	_cleanup_buffer_ struct buffer bytes;
	buffer_init(&bytes, FILE_LIMIT);
	if (buffer_append(&bytes, whole.data, whole.len) < 0)
		abort();
	overwrite(&bytes, data + 1, data + size);
	remove_files();
	write_file(&bytes);
	if (data[0] & 1)
		open_to_read();
	else
		open_to_write(&bytes);
	return 0;
}

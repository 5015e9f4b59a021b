/* SPDX-License-Identifier: MIT */
/* A database file, or the log that a crash left beside it, with bytes overwritten or its end cut
 * off: as the daemon finds it at its start, where a file that is refused stays as it is, and as a
 * reader that has it open already.
 *
 * The first byte says by its bits, from the lowest, whether it is the reader, whether there is a
 * log and the damage is to that, whether the end is cut off, and whether the file has another name,
 * is a folder, or a link to nothing. The rest is a list of a place (three bytes, the highest
 * first), a length (one byte) and as many bytes; where the end is cut off, that is at the first
 * place. */
#include <assert.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scratch.h"
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

static char folder[SCRATCH_SIZE];
static char path[64];
static struct buffer whole;
/* The same before its log was moved into it, and that log. */
static struct buffer unclean;
static struct buffer unclean_log;

static void end(void)
{
	scratch_empty(folder);
	rmdir(folder);
	buffer_done(&whole);
	buffer_done(&unclean);
	buffer_done(&unclean_log);
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

static void read_whole(const char *suffix, struct buffer *bytes)
{
	char name[80];
	struct err err = ERR_INIT;
	snprintf(name, sizeof(name), "%s%s", path, suffix);
	buffer_init(bytes, FILE_LIMIT);
	if (file_read(name, bytes, &err) != 0)
		abort();
}

static void begin(void)
{
	struct err err = ERR_INIT;
	struct conn *conn = NULL;
	scratch_make(folder);
	snprintf(path, sizeof(path), "%s/db", folder);
	log_set_level(LOG_LEVEL_ERROR);
	if (conn_open_writer(path, &err, &conn) < 0 || tx_write(conn, fill, NULL, &err) != 0)
		abort();
	read_whole("", &unclean);
	read_whole("-wal", &unclean_log);
	conn_close(conn);
	read_whole("", &whole);
	atexit(end);
}

static void write_file(const char *suffix, const struct buffer *bytes)
{
	char name[80];
	snprintf(name, sizeof(name), "%s%s", path, suffix);
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, buffer_text(bytes), bytes->len) != (ssize_t)bytes->len)
		abort();
	close(fd);
}

static size_t place_in(const struct buffer *bytes, const uint8_t *at)
{
	return ((size_t)at[0] << 16 | (size_t)at[1] << 8 | at[2]) % bytes->len;
}

static void overwrite(struct buffer *bytes, const uint8_t *at, const uint8_t *last)
{
	while (last - at > 4) {
		size_t place = place_in(bytes, at);
		size_t len = at[3];
		at += 4;
		len = len < (size_t)(last - at) ? len : (size_t)(last - at);
		size_t room = bytes->len - place;
		memcpy(bytes->data + place, at, len < room ? len : room);
		at += len;
	}
}

static void check_untouched(const char *suffix, const struct buffer *before)
{
	_cleanup_buffer_ struct buffer after;
	read_whole(suffix, &after);
	assert(after.len == before->len && memcmp(after.data, before->data, after.len) == 0);
}

/* As the daemon does at its start, and then. */
static void open_to_write(const char *suffix, const struct buffer *bytes)
{
	struct err err = ERR_INIT;
	struct conn *conn = NULL;
	unsigned unknown;
	if (conn_open_writer(path, &err, &conn) < 0) {
		assert(err.text[0]);
		if (bytes->len > 0)
			check_untouched(suffix, bytes);
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

/* Returns whether the bytes are no longer there. */
static bool disguise(unsigned how)
{
	char other[80];
	snprintf(other, sizeof(other), "%s.other", path);
	if (how & 0x08 && link(path, other) < 0)
		abort();
	if (!(how & 0x30))
		return false;
	unlink(path);
	if (how & 0x10 ? mkdir(path, 0700) < 0 : symlink("nowhere", path) < 0)
		abort();
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!whole.data)
		begin();
	if (size < 1)
		return 0;
	bool to_log = data[0] & 2;
	const struct buffer *from = to_log ? &unclean_log : &whole;
	const char *suffix = to_log ? "-wal" : "";
	_cleanup_buffer_ struct buffer bytes;
	buffer_init(&bytes, FILE_LIMIT);
	if (buffer_append(&bytes, from->data, from->len) < 0)
		abort();
	overwrite(&bytes, data + 1, data + size);
	if ((data[0] & 4) && size > 4)
		buffer_cut(&bytes, place_in(&bytes, data + 1));
	scratch_empty(folder);
	if (to_log)
		write_file("", &unclean);
	write_file(suffix, &bytes);
	if (disguise(data[0]))
		bytes.len = 0;
	if (data[0] & 1)
		open_to_read();
	else
		open_to_write(suffix, &bytes);
	return 0;
}

/* SPDX-License-Identifier: MIT */
/* The schema as a list of steps, and the copy that is kept before the first of them. */
#include "store/migrate.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "store/database.h"
#include "util/cleanup.h"

/* Version 1.
 *
 * Times are microseconds since the epoch, NULL for none. What Mixpanel sent is kept as the bytes
 * received (BLOB) beside the columns taken from it, the long ones last. `position` is where a row
 * stands in lists; it and the row number never change, which is what makes cursors exact. Rows that
 * may be removed are AUTOINCREMENT, so that a number never comes back with another meaning.
 *
 * A job is active until it is done or gone; it is open while it is active or Mixpanel lists it.
 * connectors_present holds all that following takes, so that neither a start nor a listing reads
 * every connector. Counts that pages and metrics show are kept by triggers: counting 100,000 rows
 * takes too long. connectors.latest_job_row is no foreign key: SQLite would look for referring
 * connectors at each removal of a job, and the newest job of a connector is never removed. */
static const char schema_1[] =
    "PRAGMA application_id = 0x6d787074;"

    "CREATE TABLE store ("
    " only_row INTEGER PRIMARY KEY CHECK (only_row = 1),"
    " instance INTEGER NOT NULL,"
    " jobs INTEGER NOT NULL,"
    " snapshots INTEGER NOT NULL,"
    " operations INTEGER NOT NULL"
    ") STRICT;"
    "INSERT INTO store VALUES (1, random(), 0, 0, 0);"

    "CREATE TABLE projects ("
    " project_id INTEGER PRIMARY KEY,"
    " listed_at INTEGER,"
    " list_error_code TEXT,"
    " list_error_message TEXT,"
    " list_error_since INTEGER,"
    " connectors INTEGER NOT NULL DEFAULT 0,"
    " jobs_active INTEGER NOT NULL DEFAULT 0"
    ") STRICT;"

    "CREATE TABLE connectors ("
    " connector_row INTEGER PRIMARY KEY,"
    " project_id INTEGER NOT NULL REFERENCES projects,"
    " connector_id TEXT NOT NULL,"
    " position INTEGER NOT NULL,"
    " first_seen_at INTEGER NOT NULL,"
    " updated_at INTEGER NOT NULL,"
    " deleted_at INTEGER,"
    " confirmed_at INTEGER,"
    " history_synced_at INTEGER,"
    " history_error_code TEXT,"
    " history_error_message TEXT,"
    " history_error_since INTEGER,"
    " revision INTEGER NOT NULL DEFAULT 1,"
    " latest_job_row INTEGER,"
    " job_count INTEGER NOT NULL DEFAULT 0,"
    " label TEXT NOT NULL,"
    " connector_type TEXT NOT NULL,"
    " data_format TEXT,"
    " bucket TEXT,"
    " prefix TEXT,"
    " status TEXT,"
    " failure_message TEXT,"
    " created_by TEXT,"
    " created_at INTEGER,"
    " properties BLOB,"
    " category BLOB,"
    " raw BLOB,"
    " UNIQUE (project_id, connector_id)"
    ") STRICT;"
    "CREATE INDEX connectors_present ON connectors (project_id, connector_row, connector_id,"
    " first_seen_at, created_at, deleted_at, confirmed_at, history_synced_at, latest_job_row)"
    " WHERE deleted_at IS NULL;"
    "CREATE INDEX connectors_present_by_position ON connectors (project_id, position)"
    " WHERE deleted_at IS NULL;"
    "CREATE INDEX connectors_deleted_by_position ON connectors (project_id, position)"
    " WHERE deleted_at IS NOT NULL;"
    "CREATE INDEX connectors_by_position ON connectors (project_id, position);"
    "CREATE INDEX connectors_by_import ON connectors (project_id, connector_type, bucket, prefix)"
    " WHERE deleted_at IS NULL;"
    "CREATE INDEX connectors_by_job_count ON connectors (job_count);"

    "CREATE TABLE jobs ("
    " job_row INTEGER PRIMARY KEY AUTOINCREMENT,"
    " job_id TEXT NOT NULL UNIQUE,"
    " project_id INTEGER NOT NULL,"
    " connector_row INTEGER NOT NULL REFERENCES connectors,"
    " position INTEGER NOT NULL,"
    " first_seen_at INTEGER NOT NULL,"
    " updated_at INTEGER NOT NULL,"
    " gone_at INTEGER,"
    " listed INTEGER NOT NULL,"
    " confirmed_at INTEGER,"
    " revision INTEGER NOT NULL DEFAULT 1,"
    " run_id TEXT,"
    " start_time INTEGER,"
    " end_time INTEGER,"
    " status TEXT NOT NULL,"
    " upstream_status TEXT NOT NULL,"
    " progress BLOB,"
    " error_code TEXT,"
    " error_message TEXT,"
    " active INTEGER NOT NULL GENERATED ALWAYS AS"
    "  (gone_at IS NULL AND status NOT IN ('succeeded', 'failed', 'cancelled')),"
    " open INTEGER NOT NULL GENERATED ALWAYS AS"
    "  (listed OR (gone_at IS NULL AND status NOT IN ('succeeded', 'failed', 'cancelled'))),"
    " stats BLOB,"
    " raw BLOB"
    ") STRICT;"
    "CREATE INDEX jobs_by_project ON jobs (project_id, position);"
    "CREATE INDEX jobs_by_project_status ON jobs (project_id, status, position);"
    "CREATE INDEX jobs_by_connector ON jobs (connector_row, position);"
    "CREATE INDEX jobs_open ON jobs (connector_row) WHERE open = 1;"
    "CREATE INDEX jobs_closed ON jobs (position) WHERE open = 0;"

    "CREATE TABLE snapshots ("
    " job_row INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,"
    " number INTEGER NOT NULL,"
    " observed_at INTEGER NOT NULL,"
    " gone_at INTEGER,"
    " run_id TEXT,"
    " start_time INTEGER,"
    " end_time INTEGER,"
    " status TEXT NOT NULL,"
    " upstream_status TEXT NOT NULL,"
    " progress BLOB,"
    " error_code TEXT,"
    " error_message TEXT,"
    " stats BLOB,"
    " PRIMARY KEY (job_row, number)"
    ") STRICT, WITHOUT ROWID;"

    "CREATE TABLE operations ("
    " operation_row INTEGER PRIMARY KEY AUTOINCREMENT,"
    " operation_id TEXT NOT NULL UNIQUE,"
    " kind TEXT NOT NULL,"
    " project_id INTEGER NOT NULL,"
    " connector_id TEXT,"
    " state TEXT NOT NULL,"
    " candidates BLOB,"
    " idempotency_key TEXT,"
    " client TEXT NOT NULL,"
    " error_code TEXT,"
    " error_message TEXT,"
    " upstream_status INTEGER NOT NULL,"
    " created_at INTEGER NOT NULL,"
    " sent_at INTEGER,"
    " finished_at INTEGER,"
    " empty_listing_at INTEGER,"
    " allow_duplicate INTEGER NOT NULL,"
    " revision INTEGER NOT NULL DEFAULT 1,"
    " request BLOB"
    ") STRICT;"
    "CREATE UNIQUE INDEX operations_by_key ON operations (project_id, client, idempotency_key)"
    " WHERE idempotency_key IS NOT NULL AND state <> 'unreachable';"
    "CREATE INDEX operations_by_project ON operations (project_id);"
    "CREATE INDEX operations_by_state ON operations (state, project_id);"
    "CREATE INDEX operations_by_connector ON operations (project_id, connector_id)"
    " WHERE kind = 'create' AND connector_id IS NOT NULL;"
    "CREATE INDEX operations_by_end ON operations (finished_at) WHERE finished_at IS NOT NULL;"

    "CREATE TRIGGER connector_added AFTER INSERT ON connectors BEGIN"
    " INSERT INTO projects (project_id, connectors) VALUES (new.project_id, 1)"
    "  ON CONFLICT (project_id) DO UPDATE SET connectors = connectors + 1;"
    "END;"
    "CREATE TRIGGER connector_deleted AFTER UPDATE OF deleted_at ON connectors"
    " WHEN old.deleted_at IS NULL AND new.deleted_at IS NOT NULL BEGIN"
    " UPDATE projects SET connectors = connectors - 1, jobs_active = jobs_active -"
    "  (SELECT count(*) FROM jobs"
    "   WHERE connector_row = new.connector_row AND open = 1 AND active = 1)"
    "  WHERE project_id = new.project_id;"
    "END;"
    "CREATE TRIGGER connector_revived AFTER UPDATE OF deleted_at ON connectors"
    " WHEN old.deleted_at IS NOT NULL AND new.deleted_at IS NULL BEGIN"
    " UPDATE projects SET connectors = connectors + 1, jobs_active = jobs_active +"
    "  (SELECT count(*) FROM jobs"
    "   WHERE connector_row = new.connector_row AND open = 1 AND active = 1)"
    "  WHERE project_id = new.project_id;"
    "END;"

    "CREATE TRIGGER job_added AFTER INSERT ON jobs BEGIN"
    " UPDATE store SET jobs = jobs + 1;"
    " UPDATE connectors SET job_count = job_count + 1 WHERE connector_row = new.connector_row;"
    " UPDATE projects SET jobs_active = jobs_active + 1"
    "  WHERE new.active = 1 AND project_id = new.project_id"
    "  AND (SELECT deleted_at IS NULL FROM connectors WHERE connector_row = new.connector_row);"
    "END;"
    "CREATE TRIGGER job_moved AFTER UPDATE OF status, gone_at ON jobs"
    " WHEN old.active <> new.active BEGIN"
    " UPDATE projects SET jobs_active = jobs_active + new.active - old.active"
    "  WHERE project_id = new.project_id"
    "  AND (SELECT deleted_at IS NULL FROM connectors WHERE connector_row = new.connector_row);"
    "END;"
    "CREATE TRIGGER job_removed AFTER DELETE ON jobs BEGIN"
    " UPDATE store SET jobs = jobs - 1;"
    " UPDATE connectors SET job_count = job_count - 1 WHERE connector_row = old.connector_row;"
    " UPDATE projects SET jobs_active = jobs_active - 1"
    "  WHERE old.active = 1 AND project_id = old.project_id"
    "  AND (SELECT deleted_at IS NULL FROM connectors WHERE connector_row = old.connector_row);"
    "END;"
    "CREATE TRIGGER snapshot_added AFTER INSERT ON snapshots BEGIN"
    " UPDATE store SET snapshots = snapshots + 1;"
    "END;"
    "CREATE TRIGGER snapshot_removed AFTER DELETE ON snapshots BEGIN"
    " UPDATE store SET snapshots = snapshots - 1;"
    "END;"
    "CREATE TRIGGER operation_added AFTER INSERT ON operations BEGIN"
    " UPDATE store SET operations = operations + 1;"
    " INSERT INTO projects (project_id) VALUES (new.project_id) ON CONFLICT DO NOTHING;"
    "END;"
    "CREATE TRIGGER operation_removed AFTER DELETE ON operations BEGIN"
    " UPDATE store SET operations = operations - 1;"
    "END;";

/* clang-format off */
/* What connector_import_key makes, in SQL, for what version 1 wrote. */
#define IMPORT_KEY(type, format, bucket, prefix)                                                   \
	type " || char(10) || coalesce(" format ", '') || char(10) || " bucket                     \
	" || char(10) || trim(coalesce(" prefix ", ''), '/')"
#define REQUEST(path) "json_extract(CAST(request AS TEXT), '$." path "')"
#define SOURCE(name)                                                                               \
	"coalesce(" REQUEST("connector_properties.gcs_" name) ", "                                 \
	REQUEST("connector_properties.s3_" name) ")"

/* Version 2.
 *
 * Of connectors: status_known_at is when Mixpanel last reported the status, which its lists do not;
 * deleted_by is 'us' when our own delete was confirmed, 'observed' when it was concluded; settling
 * is what was confirmed or concluded of late ('created', 'deleted', 'observed'), which for a while
 * outranks what is read; error_by is what failed, the 'history' or the 'single' read; import_key is
 * of what Mixpanel echoes, sent_key of what our create asked for. With a connector its jobs end.
 *
 * Of operations, see struct operation_record. */
static const char schema_2[] =
	"ALTER TABLE projects ADD COLUMN complete_listings INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE connectors ADD COLUMN status_known_at INTEGER;"
	"ALTER TABLE connectors ADD COLUMN deleted_by TEXT;"
	"ALTER TABLE connectors ADD COLUMN settling TEXT;"
	"ALTER TABLE connectors ADD COLUMN error_by TEXT;"
	"ALTER TABLE connectors ADD COLUMN import_key TEXT;"
	"ALTER TABLE connectors ADD COLUMN sent_key TEXT;"
	"UPDATE connectors SET deleted_by = 'observed' WHERE deleted_at IS NOT NULL;"
	"UPDATE connectors SET error_by = 'history' WHERE history_error_code IS NOT NULL;"
	"UPDATE connectors SET import_key = "
	IMPORT_KEY("connector_type", "data_format", "bucket", "prefix")
	" WHERE bucket IS NOT NULL;"
	"DROP INDEX connectors_present;"
	"CREATE INDEX connectors_present ON connectors (project_id, connector_row,"
	" connector_id, first_seen_at, created_at, deleted_at, history_synced_at,"
	" latest_job_row, status_known_at) WHERE deleted_at IS NULL;"
	"CREATE INDEX connectors_settling ON connectors (project_id)"
	" WHERE settling IS NOT NULL;"
	"DROP INDEX connectors_by_import;"
	"CREATE INDEX connectors_by_import ON connectors (project_id, import_key)"
	" WHERE deleted_at IS NULL OR settling = 'observed';"
	"CREATE INDEX connectors_by_sent ON connectors (project_id, sent_key)"
	" WHERE deleted_at IS NULL OR settling = 'observed';"
	"ALTER TABLE operations DROP COLUMN empty_listing_at;"
	"ALTER TABLE operations ADD COLUMN import_key TEXT;"
	"ALTER TABLE operations ADD COLUMN known_row INTEGER NOT NULL DEFAULT -1;"
	"ALTER TABLE operations ADD COLUMN sent_upstream_at INTEGER;"
	"ALTER TABLE operations ADD COLUMN account TEXT;"
	"ALTER TABLE operations ADD COLUMN search_base INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE operations ADD COLUMN search_over INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE operations ADD COLUMN untold INTEGER NOT NULL DEFAULT 0;"
	"UPDATE operations SET import_key = "
	IMPORT_KEY(REQUEST("connector_type"), REQUEST("category_properties.data_format"),
	SOURCE("bucket"), SOURCE("prefix"))
	" WHERE kind = 'create' AND json_valid(CAST(request AS TEXT));"
	"CREATE INDEX operations_by_import ON operations (project_id, import_key)"
	" WHERE kind = 'create' AND state IN ('planned', 'sending', 'unknown');"
	"CREATE INDEX operations_deleting ON operations (project_id, connector_id)"
	" WHERE kind = 'delete' AND state IN ('planned', 'sending', 'unknown');"
	"CREATE INDEX operations_untold ON operations (project_id, client, import_key)"
	" WHERE untold = 1;"
	"CREATE INDEX operations_by_account ON operations (project_id, account)"
	" WHERE kind = 'create' AND state = 'succeeded' AND upstream_status IN (200, 201);"
	"UPDATE jobs SET gone_at = (SELECT c.deleted_at FROM connectors c "
	" WHERE c.connector_row = jobs.connector_row), revision = revision + 1"
	" WHERE active = 1 AND connector_row IN (SELECT connector_row FROM connectors"
	" WHERE deleted_at IS NOT NULL);"
	"UPDATE jobs SET listed = 0 WHERE listed = 1"
	" AND connector_row IN (SELECT connector_row FROM connectors"
	" WHERE deleted_at IS NOT NULL);";

/* Version 3: connectors have a kind, of which there was one. */
static const char schema_3[] =
	"ALTER TABLE connectors ADD COLUMN kind TEXT NOT NULL DEFAULT 'cloud_import';";

/* Version 4: how many open operations a client has is counted before it gets another. */
static const char schema_4[] =
	"CREATE INDEX operations_open_by_client ON operations (client)"
	" WHERE state IN ('planned', 'sending', 'unknown');";

/* Version 5: who asked for which change, and what came of it. */
static const char schema_5[] =
	"CREATE TABLE audit ("
	" audit_row INTEGER PRIMARY KEY AUTOINCREMENT,"
	" audit_id TEXT NOT NULL UNIQUE,"
	" asked_at INTEGER NOT NULL,"
	" answered_at INTEGER,"
	" request_id TEXT NOT NULL,"
	" client TEXT NOT NULL,"
	" uid INTEGER,"
	" unit TEXT,"
	" address TEXT,"
	" action TEXT NOT NULL,"
	" project_id INTEGER NOT NULL,"
	" connector_id TEXT,"
	" operation_id TEXT,"
	" status INTEGER,"
	" code TEXT"
	") STRICT;"
	"CREATE INDEX audit_by_project ON audit (project_id);"
	"CREATE INDEX audit_by_time ON audit (asked_at);";

/* Version 6: the feed of events, and whose it is: that of the file with this number. Histories that
 * were read before are not told of again. */
static const char schema_6[] =
	"CREATE TABLE events ("
	" seq INTEGER PRIMARY KEY AUTOINCREMENT,"
	" at INTEGER NOT NULL,"
	" type TEXT NOT NULL,"
	" project_id INTEGER NOT NULL,"
	" connector_id TEXT,"
	" job_id TEXT,"
	" operation_id TEXT,"
	" previous BLOB,"
	" changed BLOB,"
	" data BLOB NOT NULL"
	") STRICT;"
	"CREATE INDEX events_by_time ON events (at);"
	"ALTER TABLE store ADD COLUMN feed TEXT;"
	"ALTER TABLE store ADD COLUMN device INTEGER;"
	"ALTER TABLE store ADD COLUMN inode INTEGER;"
	"ALTER TABLE connectors ADD COLUMN history_loaded INTEGER NOT NULL DEFAULT 0;"
	"UPDATE connectors SET history_loaded = 1 WHERE history_synced_at IS NOT NULL;";

/* Version 7: what needs attention. The reasons that are open, of connectors, projects, operations
 * and the daemon (0 for its row and its project); their rank makes the order of lists, see
 * attention_store.h. Of connectors: attention is their reasons as the API shows them; succeeded_at,
 * gap_at and jobs_trimmed are what must be known of jobs that retention may have removed: when one
 * last succeeded (no later than that was seen), when runs were last missed, whether there were older
 * ones. Of operations:
 * unknown_at. */
static const char schema_7[] =
	"CREATE TABLE attention ("
	" attention_row INTEGER PRIMARY KEY AUTOINCREMENT,"
	" subject TEXT NOT NULL,"
	" subject_row INTEGER NOT NULL,"
	" project_id INTEGER NOT NULL,"
	" subject_id TEXT,"
	" code TEXT NOT NULL,"
	" severity TEXT NOT NULL,"
	" cause TEXT NOT NULL,"
	" since INTEGER NOT NULL,"
	" detail TEXT NOT NULL,"
	" job_id TEXT,"
	" rank INTEGER NOT NULL GENERATED ALWAYS AS"
	"  (CASE severity WHEN 'critical' THEN 1 ELSE 3 END),"
	" UNIQUE (subject, subject_row, code)"
	") STRICT;"
	"CREATE INDEX attention_by_rank ON attention (project_id, rank, attention_row);"
	"CREATE INDEX attention_by_code ON attention (project_id, code, severity);"
	"CREATE INDEX jobs_gone ON jobs (connector_row) WHERE gone_at IS NOT NULL;"
	"ALTER TABLE projects ADD COLUMN attention_critical INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE projects ADD COLUMN attention_warning INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE connectors ADD COLUMN attention BLOB;"
	"ALTER TABLE connectors ADD COLUMN succeeded_at INTEGER;"
	"ALTER TABLE connectors ADD COLUMN gap_at INTEGER;"
	"ALTER TABLE connectors ADD COLUMN jobs_trimmed INTEGER NOT NULL DEFAULT 0;"
	"UPDATE connectors SET jobs_trimmed = history_loaded, succeeded_at = (SELECT"
	" max(coalesce(min(end_time, updated_at), updated_at)) FROM jobs"
	" WHERE jobs.connector_row = connectors.connector_row AND status = 'succeeded');"
	"ALTER TABLE operations ADD COLUMN unknown_at INTEGER;"
	"UPDATE operations SET unknown_at = coalesce(sent_at, created_at)"
	" WHERE state = 'unknown';"
	"CREATE TRIGGER attention_raised AFTER INSERT ON attention BEGIN"
	" UPDATE projects SET attention_critical = attention_critical +"
	"  (new.severity = 'critical'), attention_warning = attention_warning +"
	"  (new.severity = 'warning') WHERE project_id = new.project_id;"
	"END;"
	"CREATE TRIGGER attention_moved AFTER UPDATE OF severity ON attention BEGIN"
	" UPDATE projects SET attention_critical = attention_critical +"
	"  (new.severity = 'critical') - (old.severity = 'critical'),"
	"  attention_warning = attention_warning +"
	"  (new.severity = 'warning') - (old.severity = 'warning')"
	"  WHERE project_id = new.project_id;"
	"END;"
	"CREATE TRIGGER attention_cleared AFTER DELETE ON attention BEGIN"
	" UPDATE projects SET attention_critical = attention_critical -"
	"  (old.severity = 'critical'), attention_warning = attention_warning -"
	"  (old.severity = 'warning') WHERE project_id = old.project_id;"
	"END;"
	"CREATE TRIGGER job_inserted_succeeded AFTER INSERT ON jobs"
	" WHEN new.status = 'succeeded' BEGIN"
	" UPDATE connectors SET succeeded_at = max(coalesce(succeeded_at, 0),"
	"  coalesce(min(new.end_time, new.updated_at), new.updated_at))"
	"  WHERE connector_row = new.connector_row;"
	"END;"
	"CREATE TRIGGER job_became_succeeded AFTER UPDATE OF status, end_time ON jobs"
	" WHEN new.status = 'succeeded' BEGIN"
	" UPDATE connectors SET succeeded_at = max(coalesce(succeeded_at, 0),"
	"  coalesce(min(new.end_time, new.updated_at), new.updated_at))"
	"  WHERE connector_row = new.connector_row;"
	"END;"
	"DROP TRIGGER job_removed;"
	"CREATE TRIGGER job_removed AFTER DELETE ON jobs BEGIN"
	" UPDATE store SET jobs = jobs - 1;"
	" UPDATE connectors SET job_count = job_count - 1, jobs_trimmed = 1"
	"  WHERE connector_row = old.connector_row;"
	" UPDATE projects SET jobs_active = jobs_active - 1"
	"  WHERE old.active = 1 AND project_id = old.project_id"
	"  AND (SELECT deleted_at IS NULL FROM connectors WHERE connector_row = old.connector_row);"
	"END;";

/* Version 8: of what was asked for, whether anything came of it, and why an operation was resolved
 * so. How many entries there are is counted as they come and go. */
static const char schema_8[] =
	"ALTER TABLE audit ADD COLUMN done INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE audit ADD COLUMN reason TEXT;"
	"UPDATE audit SET done = CASE WHEN action IN ('create', 'delete') THEN"
	" operation_id IS NOT NULL ELSE action <> 'refresh' AND coalesce(status, 500) < 400 END;"
	"CREATE INDEX audit_in_vain ON audit (audit_row) WHERE done = 0;"
	"ALTER TABLE store ADD COLUMN audited INTEGER NOT NULL DEFAULT 0;"
	"UPDATE store SET audited = (SELECT count(*) FROM audit);"
	"CREATE TRIGGER audit_added AFTER INSERT ON audit BEGIN"
	" UPDATE store SET audited = audited + 1;"
	"END;"
	"CREATE TRIGGER audit_removed AFTER DELETE ON audit BEGIN"
	" UPDATE store SET audited = audited - 1;"
	"END;";
/* clang-format on */

const struct migration migrations[] = {
    {schema_1}, {schema_2}, {schema_3}, {schema_4}, {schema_5}, {schema_6}, {schema_7}, {schema_8}};
const int migration_count = ARRAY_SIZE(migrations);

int migrate_pragma(sqlite3 *db, const char *sql, struct err *err, int *ret_value)
{
	sqlite3_stmt *stmt = NULL;
	int r = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);
	if (r == SQLITE_OK)
		r = sqlite3_step(stmt);
	if (r == SQLITE_ROW)
		*ret_value = sqlite3_column_int(stmt, 0);
	else
		err_set(err, "%s", sqlite3_errmsg(db));
	sqlite3_finalize(stmt);
	return r == SQLITE_ROW ? 0 : -1;
}

int migrate_version(sqlite3 *db, struct err *err, int *ret_version)
{
	return migrate_pragma(db, "PRAGMA user_version", err, ret_version);
}

int migrate_check(sqlite3 *db, struct err *err)
{
	sqlite3_stmt *stmt = NULL;
	int failed = -1;
	int r = sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &stmt, NULL);
	if (r == SQLITE_OK)
		r = sqlite3_step(stmt);
	if (r != SQLITE_ROW) {
		err_set(err, "%s", sqlite3_errmsg(db));
	} else {
		const char *found = (const char *)sqlite3_column_text(stmt, 0);
		if (found && strcmp(found, "ok") == 0)
			failed = 0;
		else
			err_set(err, "%s", found ? found : "it cannot be checked");
	}
	sqlite3_finalize(stmt);
	return failed;
}

int migrate_sync_folder(const char *path, struct err *err)
{
	char folder[PATH_MAX];
	const char *slash = strrchr(path, '/');
	if (!slash)
		snprintf(folder, sizeof(folder), ".");
	else
		snprintf(folder, sizeof(folder), "%.*s/", (int)(slash - path), path);
	_cleanup_close_ int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		return err_set_errno(err, errno, "cannot sync the folder %s", folder);
	return 0;
}

/* Made beforehand, because SQLite would make it readable for others. */
static int make_private_file(const char *path, struct err *err)
{
	if (unlink(path) < 0 && errno != ENOENT)
		return err_set_errno(err, errno, "cannot remove %s", path);
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set_errno(err, errno, "cannot create %s", path);
	return 0;
}

static int copy_into(sqlite3 *db, const char *path, struct err *err)
{
	char *sql = sqlite3_mprintf("VACUUM INTO %Q", path);
	if (!sql)
		return err_set(err, "no memory to copy into %s", path);
	int r = sqlite3_exec(db, sql, NULL, NULL, NULL);
	sqlite3_free(sql);
	if (r != SQLITE_OK)
		return err_set(err, "cannot copy into %s: %s", path, sqlite3_errmsg(db));
	return 0;
}

static int check_copy(const char *path, struct err *err)
{
	_cleanup_sqlite_ sqlite3 *db = NULL;
	if (database_open(path, SQLITE_OPEN_READONLY, err, &db) < 0)
		return -1;
	if (migrate_check(db, err) < 0)
		return err_wrap(err, "the copy %s is damaged", path);
	return 0;
}

static int sync_file(const char *path, struct err *err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		return err_set_errno(err, errno, "cannot sync %s", path);
	return 0;
}

int migrate_backup(sqlite3 *db, const char *path, int version, struct err *err)
{
	char backup[PATH_MAX];
	char temporary[PATH_MAX];
	int len = snprintf(temporary, sizeof(temporary), "%s.v%d-backup.new", path, version);
	if (len < 0 || (size_t)len >= sizeof(temporary))
		return err_set(err, "the path %s is too long", path);
	snprintf(backup, sizeof(backup), "%s.v%d-backup", path, version);
	if (make_private_file(temporary, err) < 0)
		return -1;
	if (copy_into(db, temporary, err) < 0 || check_copy(temporary, err) < 0 ||
	    sync_file(temporary, err) < 0)
		goto fail;
	if (rename(temporary, backup) < 0) {
		err_set_errno(err, errno, "cannot rename %s to %s", temporary, backup);
		goto fail;
	}
	return migrate_sync_folder(backup, err);

fail:
	unlink(temporary);
	return -1;
}

static int run_step(sqlite3 *db, const struct migration *step, int version, struct err *err)
{
	char set_version[64];
	snprintf(set_version, sizeof(set_version), "PRAGMA user_version = %d", version);
	const char *const parts[] = {"BEGIN IMMEDIATE", step->sql, set_version, "COMMIT"};
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		if (sqlite3_exec(db, parts[i], NULL, NULL, NULL) == SQLITE_OK)
			continue;
		err_set(
		    err, "the step to schema version %d failed: %s", version, sqlite3_errmsg(db));
		if (!sqlite3_get_autocommit(db))
			sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
		return -1;
	}
	return 0;
}

int migrate_run(
    sqlite3 *db, const char *path, const struct migration *steps, int count, struct err *err)
{
	int version = 0;
	if (migrate_version(db, err, &version) < 0)
		return -1;
	if (version > 0 && version < count && migrate_backup(db, path, version, err) < 0)
		return err_wrap(err, "nothing was changed: the copy before migrating failed");
	for (; version < count; version++)
		if (run_step(db, &steps[version], version + 1, err) < 0)
			return -1;
	return 0;
}

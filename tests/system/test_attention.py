"""What needs attention: found out by itself, told everywhere alike, and neither forgotten nor repeated."""

import sqlite3
import time

import pytest

from harness import OTHER_PROJECT_ID, PROJECT_ID, TOKENS, Token, gcs, slow, stays, wait_until

BOTH = {"demo": PROJECT_ID, "other": OTHER_PROJECT_ID}
# As short as may be, so that nobody waits.
QUICK = {"never_succeeded_after": "1h", "queued_after": "300ms", "running_after": "1h",
         "stalled_after": "1h", "keep_for": "1h", "upstream_after": "300ms", "clear_after": "100ms",
         "operation_after": "200ms"}


def started(start_daemon, sim, project=None, **attention):
    config = {"attention": {**QUICK, **attention}}
    if project:
        config["project demo"] = project
    return start_daemon(sim, config=config)


def open_reasons(api, **query):
    answer = api.get("/v1/attention", query)
    assert answer.status == 200, answer
    return answer.json["data"]


def reason(api, code, there=True, **query):
    """The open reason with this code, once there is one; or none, once there is none."""
    def look():
        found = [r for r in open_reasons(api, **query) if r["code"] == code]
        return (found or None) if there else not found
    found = wait_until(look, what=f"{code} is {'open' if there else 'over'}")
    return found[0] if there else None


def told(api, code=None):
    """Events of attention, as (type, code, severity)."""
    found = []
    since = "oldest"
    while True:
        page = api.get("/v1/events", {"since": since, "type": "attention.*", "limit": 500}).json
        found += [(e["type"].split(".")[1], e["data"]["code"], e["data"]["severity"])
                  for e in page["data"] if code in (None, e["data"]["code"])]
        since = page["next_cursor"]
        if not page["has_more"]:
            return found


def known(api, connector_id):
    """A connector, once it was seen."""
    return wait_until(lambda: (lambda a: a.json if a.status == 200 else None)(
        api.connector(connector_id)), what="the connector is known")


def jobs_of(api, connector_id, **query):
    """Its jobs, once there is one."""
    known(api, connector_id)
    return wait_until(lambda: api.jobs_of(connector_id, **query).json["data"], what="there is one")


def ended(sim, connector_id, status="failed", minute=0, stats=None, project=PROJECT_ID):
    """Adds a job that is over."""
    job = {"id": "", "status": status, "progress": 1,
           "start_time": f"2020-09-17 02:{minute:02}:00 +0000 UTC",
           "end_time": f"2020-09-17 02:{minute:02}:30 +0000 UTC",
           "connector_properties": stats or {}}
    if status == "failed":
        job["error"] = {"code": "invalid_permissions_gcs", "message": "no access"}
    sim.jobs("add", connector_id, verbatim=True, job=job, project=project)


# Connectors


def test_failing_is_raised_grows_worse_and_is_cleared(start_daemon, sim):
    api = started(start_daemon, sim).client()
    connector_id, = sim.put(job=False)
    for minute in range(2):
        ended(sim, connector_id, minute=minute)
    found = reason(api, "failing")
    assert found["severity"] == "warning" and found["cause"] == "bucket-permission"
    assert found["project"] == "demo"
    assert found["subject"] == {"kind": "connector", "id": connector_id}
    assert found["advice"] and "no access" in found["detail"]
    assert found["since"].startswith("2020-09-17T02:0")
    wait_until(lambda: reason(api, "failing")["detail"].startswith("the last 2 jobs"))
    ended(sim, connector_id, minute=2)
    wait_until(lambda: reason(api, "failing")["severity"] == "critical", what="it is critical")
    record = api.connector(connector_id).json
    own = {k: v for k, v in reason(api, "failing").items() if k not in ("project", "subject")}
    assert record["attention"] == [own]
    assert api.project()["attention"] == {"critical": 1, "warning": 0}
    assert api.get("/v1/health").json["attention"] == {
        "status": "critical", "critical": 1, "warning": 0}
    assert api.get("/v1/health").json["status"] == "ok", "mixport is well"
    assert record["latest_job"]["job_id"] == own["job_id"]
    ended(sim, connector_id, "success", 3, {"num_events_imported": 5})
    reason(api, "failing", there=False)
    assert api.connector(connector_id).json["attention"] == []
    assert api.project()["attention"] == {"critical": 0, "warning": 0}
    assert told(api, "failing") == [("raised", "failing", "warning"),
                                    ("raised", "failing", "critical"),
                                    ("cleared", "failing", "critical")]


def test_a_worse_severity_names_the_one_before_and_no_connector_was_updated(start_daemon, sim):
    api = started(start_daemon, sim, failing_critical=2).client()
    connector_id, = sim.put(job=False)
    ended(sim, connector_id, minute=1)
    reason(api, "failing")
    ended(sim, connector_id, minute=2)
    wait_until(lambda: reason(api, "failing")["severity"] == "critical")
    events = api.get("/v1/events", {"connector_id": connector_id, "limit": 500}).json["data"]
    raised = [e for e in events if e["type"] == "attention.raised"]
    assert [e["previous"] for e in raised] == [None, {"severity": "warning"}]
    assert all(e["data"]["connector_id"] == connector_id and e["job_id"] for e in raised)
    updated = [e["changed"] for e in events if e["type"] == "connector.updated"]
    assert updated == [["status"]] or not updated, "what its single read told, if anything"
    assert not any("attention" in e["data"] for e in events)


def test_the_etag_changes_with_what_needs_attention_and_with_nothing_else(start_daemon, sim):
    api = started(start_daemon, sim).client()
    connector_id, = sim.put(job=False)
    wait_until(lambda: api.connector(connector_id).status == 200)
    api.refresh()
    before = api.connector(connector_id).headers["ETag"]
    other = sim.put(job=False, connector={"connector_properties": {
        "gcs_bucket": "elsewhere", "gcs_prefix": "p"}})
    # The same import as the first.
    same = api.connector(connector_id).json["connector_properties"]
    sim.alter(other[0], {"connector_properties": same})
    reason(api, "duplicate-import")
    assert wait_until(lambda: api.connector(connector_id).headers["ETag"] != before)
    raised = api.connector(connector_id).headers["ETag"]
    api.refresh()
    assert api.connector(connector_id).headers["ETag"] == raised


def test_two_that_import_the_same_know_of_each_other_until_one_is_left(start_daemon, sim):
    api = started(start_daemon, sim, project={"settle_time": "100ms"}).client()
    first, second, third = sim.put(3, job=False, connector={"connector_properties": {
        "gcs_bucket": "shared", "gcs_prefix": "p/"}})
    wait_until(lambda: len([r for r in open_reasons(api) if r["code"] == "duplicate-import"]) == 3)
    assert reason(api, "duplicate-import")["severity"] == "critical"
    sim.remove(first)
    sim.remove(second)
    wait_until(lambda: api.connectors().json["data"] == [] or len(api.connectors().json["data"]) == 1)
    reason(api, "duplicate-import", there=False)
    assert api.connector(third).json["attention"] == []
    assert [r["code"] for r in api.connector(first).json["attention"]] == ["deleted-elsewhere"]


def test_deleted_elsewhere_is_the_only_reason_of_one_that_is_deleted(start_daemon, sim):
    api = started(start_daemon, sim, project={"settle_time": "100ms"}, keep_for="1500ms").client()
    connector_id, = sim.put(job=False)
    ended(sim, connector_id)
    reason(api, "failing")
    sim.remove(connector_id)
    found = reason(api, "deleted-elsewhere")
    assert found["subject"]["id"] == connector_id
    assert [r["code"] for r in open_reasons(api)] == ["deleted-elsewhere"]
    reason(api, "deleted-elsewhere", there=False)
    assert told(api) == [("raised", "failing", "warning"), ("cleared", "failing", "warning"),
                         ("raised", "deleted-elsewhere", "warning"),
                         ("cleared", "deleted-elsewhere", "warning")]


def test_our_own_delete_is_nobodys_concern(start_daemon, sim):
    api = started(start_daemon, sim).client()
    connector_id, = sim.put(job=False)
    ended(sim, connector_id)
    reason(api, "failing")
    assert api.remove(connector_id).status == 204
    reason(api, "failing", there=False)
    stays(lambda: open_reasons(api) == [])


def test_queued_and_running_too_long_is_stuck(start_daemon, sim):
    api = started(start_daemon, sim, running_after="600ms").client()
    connector_id, = sim.put(job=False)
    sim.add_job(connector_id, queued_ms=1500, running_ms=4000)
    found = reason(api, "stuck")
    assert found["detail"] == "a job has been queued for longer than queued_after"
    assert found["job_id"] == api.jobs_of(connector_id).json["data"][0]["job_id"]
    wait_until(lambda: "running_after" in reason(api, "stuck")["detail"], 15)
    reason(api, "stuck", there=False)


def test_a_job_that_moves_is_not_stalled_and_one_that_does_not_is(start_daemon, sim):
    api = started(start_daemon, sim, stalled_after="700ms").client()
    moving, still = sim.put(2, job=False)
    sim.add_job(moving, queued_ms=0, running_ms=slow(4000))
    sim.verbatim_job(still, id="", status="running", progress=0.1,
                     start_time="2020-09-17 02:17:49 +0000 UTC", connector_properties={})
    found = reason(api, "stalled")
    assert found["subject"]["id"] == still
    assert [r["subject"]["id"] for r in open_reasons(api, code="stalled")] == [still]
    sim.alter_job(still, job={"progress": 0.2})
    reason(api, "stalled", there=False)
    reason(api, "stalled")


def test_a_job_that_vanished_stays_until_a_later_one_ended(start_daemon, sim):
    api = started(start_daemon, sim).client()
    connector_id, = sim.put(job=False)
    sim.add_job(connector_id, queued_ms=0, running_ms=600000)
    jobs_of(api, connector_id, status="running")
    sim.drop_job(connector_id)
    found = reason(api, "vanished")
    assert found["job_id"] == api.jobs_of(connector_id).json["data"][0]["job_id"]
    ended(sim, connector_id, "success", 1, {"num_events_imported": 5})
    reason(api, "vanished", there=False)


@pytest.mark.parametrize("stats, code, severity", [
    ({"num_events_imported": 0}, "nothing-imported", "warning"),
    ({"num_events_processed": 2000, "num_events_dropped": 100, "num_events_imported": 1900},
     "many-dropped", "warning"),
    ({"num_events_processed": 2000, "num_events_dropped": 1000, "num_events_imported": 1000},
     "many-dropped", "critical")])
def test_what_a_success_tells(start_daemon, sim, stats, code, severity):
    api = started(start_daemon, sim).client()
    connector_id, = sim.put(job=False)
    ended(sim, connector_id, "success", 1, stats)
    assert reason(api, code)["severity"] == severity
    ended(sim, connector_id, "success", 2,
          {"num_events_processed": 2000, "num_events_dropped": 0, "num_events_imported": 2000})
    reason(api, code, there=False)


def test_counters_that_are_absent_tell_nothing(start_daemon, sim):
    api = started(start_daemon, sim).client()
    connector_id, = sim.put(job=False)
    ended(sim, connector_id, "success", 1, {})
    jobs_of(api, connector_id)
    stays(lambda: open_reasons(api) == [])


def test_paused_comes_with_mixpanels_words(start_daemon, sim):
    api = started(start_daemon, sim, project={"status_interval": "300ms"}).client()
    connector_id, = sim.put(job=False)
    sim.alter(connector_id, {"status": "paused", "failure_message": "no access to the bucket"})
    found = reason(api, "paused")
    assert found["severity"] == "critical" and found["detail"] == "no access to the bucket"
    sim.alter(connector_id, {"status": "stopped", "failure_message": None})
    wait_until(lambda: reason(api, "paused")["severity"] == "warning")
    sim.alter(connector_id, {"status": "active"})
    reason(api, "paused", there=False)


def test_never_succeeded_and_overdue_go_by_the_last_reading(start_daemon, sim):
    api = started(start_daemon, sim, never_succeeded_after="500ms", success_within="700ms").client()
    connector_id, = sim.put(job=False)
    assert reason(api, "never-succeeded")["severity"] == "warning"
    ended(sim, connector_id, "success", 1, {"num_events_imported": 5})
    reason(api, "never-succeeded", there=False)
    # Long ago by Mixpanel's time.
    found = reason(api, "overdue")
    assert found["severity"] == "critical" and found["since"] == "2020-09-17T02:01:30Z"


def test_a_gap_in_a_history_is_told_for_a_while(start_daemon, sim):
    api = started(start_daemon, sim, keep_for="1500ms").client()
    connector_id, = sim.put(job=False)
    ended(sim, connector_id, "success", 1, {"num_events_imported": 5})
    jobs_of(api, connector_id)
    sim.replace_history(connector_id, [{
        "id": "", "status": "success", "start_time": "2020-09-18 02:17:49 +0000 UTC",
        "end_time": "2020-09-18 02:18:49 +0000 UTC", "connector_properties": {}}])
    reason(api, "history-gap")
    reason(api, "history-gap", there=False)


# Projects, operations, the daemon


def test_the_upstream_of_a_project(start_daemon, sim):
    api = started(start_daemon, sim).client()
    wait_until(lambda: api.project()["upstream"]["state"] == "ok")
    sim.refuse("any", 401, count=-1)
    found = reason(api, "upstream")
    assert found["subject"] == {"kind": "project", "id": "demo"}
    assert found["severity"] == "critical" and found["job_id"] is None
    sim.no_faults()
    reason(api, "upstream", there=False)
    assert told(api) == [("raised", "upstream", "critical"), ("cleared", "upstream", "critical")]


def test_too_small_a_budget_stretches_the_intervals(start_daemon, sim):
    sim.put(20, job=False)
    api = started(start_daemon, sim, upstream_after="100ms",
                  project={"rate_limit": 10, "idle_interval": "1s"}).client()
    assert reason(api, "intervals-stretched")["subject"]["kind"] == "project"


def test_an_unknown_create_and_what_decides_it(start_daemon, sim):
    api = started(start_daemon, sim, project={"list_interval": "1h"}).client()
    wait_until(lambda: api.get("/readyz").status == 200)
    sim.fault("drop-after", "create")
    api.create(gcs(), wait=10)
    operation, = api.get("/v1/operations").json["data"]
    assert operation["state"] == "unknown"
    found = reason(api, "operation-unknown")
    assert found["subject"] == {"kind": "operation", "id": operation["operation_id"]}
    assert found["severity"] == "warning"
    events = api.get("/v1/events", {"type": "attention.raised"}).json["data"]
    assert [e["operation_id"] for e in events] == [operation["operation_id"]]
    api.refresh()
    reason(api, "operation-unknown", there=False)
    assert told(api, "operation-unknown") == [("raised", "operation-unknown", "warning"),
                         ("cleared", "operation-unknown", "warning")]


def test_a_refused_reload_and_one_that_took(start_daemon, sim):
    daemon = started(start_daemon, sim)
    api = daemon.client()
    daemon.configure("daemon", log_level="loud")
    assert api.post("/v1/reload", {}).status == 422
    daemon.expect_error("log_level")
    daemon.expect_error("stays as it was")
    found = reason(api, "reload-refused")
    assert (found["project"], found["subject"]) == (None, {"kind": "daemon", "id": None})
    assert api.get("/v1/health").json["attention"] == {
        "status": "warning", "critical": 0, "warning": 1}
    daemon.configure("daemon", log_level="info")
    assert api.post("/v1/reload", {}).status == 200
    reason(api, "reload-refused", there=False)
    wait_until(lambda: told(api) == [("raised", "reload-refused", "warning"),
                                     ("cleared", "reload-refused", "warning")])


# Blind


def test_a_dead_mixpanel_is_one_reason_whatever_the_number_of_connectors(start_daemon, start_sim):
    """Every rule that looks at the clock is due for each of them, and waits until somebody looks."""
    sim = start_sim("--connectors", "500", "--jobs", "1", "--active", "20")
    daemon = started(start_daemon, sim, project={
        "list_interval": "300ms", "rate_limit": 100000, "idle_interval": "500ms",
        "active_interval": "300ms", "status_interval": "1h"}, queued_after="1h")
    api = daemon.client()
    wait_until(lambda: len(api.every("/v1/jobs")) == 500, 30)
    # By Mixpanel's time these have been running for long.
    wait_until(lambda: told(api) == [("raised", "stuck", "warning")] * 20)
    sim.fault("drop-before", count=-1)
    reason(api, "upstream")
    wait_until(lambda: all(c["sync"]["stale"] for c in api.every("/v1/connectors")))
    daemon.configure("attention", never_succeeded_after="100ms", success_within="100ms",
                     queued_after="100ms", running_after="100ms", stalled_after="100ms")
    assert api.post("/v1/reload", {}).status == 200
    assert stays(lambda: told(api)[20:] == [("raised", "upstream", "critical")], 3)
    sim.no_faults()
    wait_until(lambda: len(api.every("/v1/attention", {"code": "overdue"})) >= 480, 30)
    reason(api, "upstream", there=False)


def test_a_rule_waits_for_the_history_and_for_nothing_else(start_daemon, sim):
    connector_id, = sim.put(job=False)
    api = started(start_daemon, sim, never_succeeded_after="600ms",
                  project={"status_interval": "1h", "list_interval": "1h"}).client()
    assert reason(api, "never-succeeded")["subject"]["id"] == connector_id


# Starts


def in_every_state(sim, api):
    """Connectors in each state that there is; what is to be open of each."""
    names = ("failing", "paused", "gone", "queued", "still", "empty", "dropping", "deleted", "gap")
    ids = {}
    for name in names:
        ids[name], = sim.put(job=False, connector={"connector_properties": {
            "gcs_bucket": name, "gcs_prefix": "p"}})
    ids["one"], ids["other"] = sim.put(2, job=False, connector={"connector_properties": {
        "gcs_bucket": "shared", "gcs_prefix": "p"}})
    ended(sim, ids["failing"])
    sim.alter(ids["paused"], {"status": "paused"})
    sim.add_job(ids["gone"], queued_ms=0, running_ms=600000)
    sim.add_job(ids["queued"], queued_ms=600000, running_ms=1000)
    sim.verbatim_job(ids["still"], id="", status="running", progress=0.1,
                     start_time="2020-09-17 02:17:49 +0000 UTC", connector_properties={})
    ended(sim, ids["empty"], "success", 1, {"num_events_imported": 0})
    ended(sim, ids["dropping"], "success", 1, {
        "num_events_processed": 2000, "num_events_dropped": 200, "num_events_imported": 1800})
    ended(sim, ids["gap"], "success", 1, {"num_events_imported": 5})
    jobs_of(api, ids["gone"], status="running")
    sim.drop_job(ids["gone"])
    jobs_of(api, ids["gap"])
    sim.replace_history(ids["gap"], [{
        "id": "", "status": "success", "start_time": "2020-09-18 02:17:49 +0000 UTC",
        "end_time": "2020-09-18 02:18:49 +0000 UTC",
        "connector_properties": {"num_events_imported": 5}}])
    known(api, ids["deleted"])
    sim.remove(ids["deleted"])
    never, overdue = "never-succeeded", "overdue"
    codes = {"failing": {"failing", never}, "paused": {"paused", never}, "gone": {"vanished", never},
             "queued": {"stuck", never}, "still": {"stalled", "stuck", never},
             "empty": {"nothing-imported", overdue}, "dropping": {"many-dropped", overdue},
             "gap": {"history-gap", overdue}, "one": {"duplicate-import", never},
             "other": {"duplicate-import", never}, "deleted": {"deleted-elsewhere"}}
    return ids, {(ids[name], code) for name in codes for code in codes[name]}


def test_what_is_open_survives_a_kill_and_is_not_told_again(start_daemon, sim):
    daemon = started(start_daemon, sim, project={"status_interval": "300ms", "settle_time": "100ms",
                                                "write_timeout": "1s"},
                     stalled_after="700ms", never_succeeded_after="700ms", success_within="300d")
    api = daemon.client()
    ids, expected = in_every_state(sim, api)
    sim.fault("drop-before", "create")
    api.create(gcs("elsewhere"), wait=10)
    operation, = api.get("/v1/operations").json["data"]
    expected.add((operation["operation_id"], "operation-unknown"))

    def standing():
        return {(r["subject"]["id"], r["code"]) for r in open_reasons(api)}
    wait_until(lambda: standing() == expected, 20, what="all are open")
    wait_until(lambda: reason(api, "operation-unknown")["severity"] == "critical")
    before = open_reasons(api)
    events = told(api)
    daemon.kill()
    daemon.start()
    api = daemon.client()
    assert open_reasons(api) == before
    api.refresh()
    assert stays(lambda: open_reasons(api) == before, 1)
    assert told(api) == events
    daemon.kill()
    ended(sim, ids["failing"], "success", 30, {"num_events_imported": 5})
    daemon.start()
    api = daemon.client()
    reason(api, "failing", there=False)
    assert ("cleared", "failing", "warning") in told(api)[len(events):]
    assert ("raised", "failing", "warning") not in told(api)[len(events):]


def test_trouble_of_a_project_survives_a_kill_and_is_not_told_again(start_daemon, sim):
    sim.put(20, job=False)
    daemon = started(start_daemon, sim, upstream_after="100ms",
                     project={"rate_limit": 10, "idle_interval": "1s"})
    reason(daemon.client(), "intervals-stretched")
    sim.refuse("any", 401, count=-1)
    reason(daemon.client(), "upstream")
    events = [e for e in told(daemon.client()) if e[1] != "duplicate-import"]
    assert len(events) == 2
    daemon.kill()
    daemon.start()
    api = daemon.client()
    wait_until(lambda: api.project()["upstream"]["state"] == "unauthorized")
    assert stays(lambda: {r["code"] for r in open_reasons(api)} >= {"upstream", "intervals-stretched"})
    assert [e for e in told(api) if e[1] != "duplicate-import"] == events


def test_other_settings_are_in_force_after_a_reload(start_daemon, sim):
    daemon = started(start_daemon, sim)
    api = daemon.client()
    connector_id, = sim.put(job=False)
    ended(sim, connector_id)
    assert reason(api, "failing")["severity"] == "warning"
    daemon.configure("attention", failing_critical="1")
    assert api.post("/v1/reload", {}).status == 200
    wait_until(lambda: reason(api, "failing")["severity"] == "critical")


def test_records_events_and_counts_agree_after_all_of_it(start_daemon, sim):
    daemon = started(start_daemon, sim, project={"settle_time": "100ms"})
    api = daemon.client()
    ids = sim.put(12, job=False)
    for i, connector_id in enumerate(ids):
        sim.alter(connector_id, {"connector_properties": {"gcs_bucket": f"b{i % 8}",
                                                          "gcs_prefix": "p"}})
        ended(sim, connector_id, "failed" if i % 3 else "success", i, {"num_events_imported": 1})
    for connector_id in ids:
        jobs_of(api, connector_id)
    sim.remove(ids[0])
    wait_until(lambda: api.connector(ids[0]).json["state"] == "deleted")
    api.refresh()
    stays(lambda: True, 0.5)
    daemon.stop()
    with sqlite3.connect(daemon.folder / "mixportd.db") as database:
        rows = database.execute("SELECT subject_id, code, severity FROM attention").fetchall()
        critical, warning = database.execute(
            "SELECT attention_critical, attention_warning FROM projects").fetchone()
        told_of = database.execute("SELECT type, connector_id, json_extract(data, '$.code'),"
                                   " json_extract(data, '$.severity') FROM events"
                                   " WHERE type LIKE 'attention.%' ORDER BY seq").fetchall()
    assert len(rows) > 8
    assert critical == len([r for r in rows if r[2] == "critical"])
    assert warning == len([r for r in rows if r[2] == "warning"])
    standing = {}
    for kind, connector_id, code, severity in told_of:
        if kind == "attention.cleared":
            assert standing.pop((connector_id, code)) == severity
        else:
            assert standing.get((connector_id, code)) != severity, "it was told before"
            standing[connector_id, code] = severity
    assert standing == {(r[0], r[1]): r[2] for r in rows}


# Asking


@pytest.fixture(name="many")
def many_fixture(start_sim, start_daemon):
    """Reasons of two projects and of the daemon."""
    sim = start_sim(projects=[PROJECT_ID, OTHER_PROJECT_ID])
    tokens = [*TOKENS, Token("only-other", "read", "other")]
    daemon = start_daemon(sim, projects=BOTH, tokens=tokens,
                          config={"attention": {**QUICK, "failing_critical": 2}})
    api = daemon.client()
    for project in BOTH.values():
        for i in range(3):
            connector_id, = sim.put(job=False, project=project, connector={
                "connector_properties": {"gcs_bucket": f"b{i}", "gcs_prefix": "p"}})
            for minute in range(1 + i % 2):
                ended(sim, connector_id, minute=minute, project=project)
    daemon.configure("daemon", log_level="loud")
    assert api.post("/v1/reload", {}).status == 422
    daemon.expect_error("log_level")
    daemon.expect_error("stays as it was")
    wait_until(lambda: len(open_reasons(api)) == 7, what="all are open")
    wait_until(lambda: len(open_reasons(api, severity="critical")) == 2, what="two are critical")
    return daemon


def test_the_worst_come_first_on_every_page(many):
    api = many.client()
    everything = open_reasons(api)
    assert [r["severity"] for r in everything] == ["critical"] * 2 + ["warning"] * 5
    assert everything[2]["code"] == "reload-refused", "of what is equally bad the daemon's is first"
    for limit in range(1, 8):
        found = []
        query = {"limit": limit}
        while True:
            page = api.get("/v1/attention", query).json
            assert len(page["data"]) <= limit
            found += page["data"]
            if not page["has_more"]:
                assert page["next_cursor"] is None
                break
            assert len(page["data"]) == limit
            query["cursor"] = page["next_cursor"]
        assert found == everything, limit


def test_filters_and_who_may_see(many):
    api = many.client()
    assert len(open_reasons(api, project="demo")) == 3
    assert {r["project"] for r in open_reasons(api, project="other")} == {"other"}
    assert [r["code"] for r in open_reasons(api, code="reload-refused")] == ["reload-refused"]
    assert open_reasons(api, severity="critical", code="reload-refused") == []
    limited = many.client("only-other")
    assert len(open_reasons(limited)) == 3 and {r["project"] for r in open_reasons(limited)} == {"other"}
    assert limited.get("/v1/health").json["attention"] == {
        "status": "critical", "critical": 1, "warning": 2}
    assert api.get("/v1/health").json["attention"] == {
        "status": "critical", "critical": 2, "warning": 5}
    assert limited.get("/v1/attention", {"project": "demo"}).status == 404
    for query, code in [({"severity": "bad"}, "invalid-parameter"), ({"code": "x"}, "invalid-parameter"),
                        ({"cursor": "x"}, "invalid-cursor"), ({"limit": 0}, "invalid-parameter"),
                        ({"state": "open"}, "unknown-parameter")]:
        answer = api.get("/v1/attention", query)
        assert (answer.status, answer.code) == (400, code)
    first = api.get("/v1/attention")
    assert api.get("/v1/attention", headers={"If-None-Match": first.headers["ETag"]}).status == 304


def test_connectors_are_listed_by_what_needs_attention(many):
    api = many.client()

    def count(value, **query):
        return len(api.get("/v1/connectors", {"attention": value, **query}).json["data"])
    assert count("any") == 6 and count("none") == 0 and count("none", state="all") == 0
    assert count("critical") == 2 and count("warning", project="demo") == 2
    assert count("failing") == 6 and count("stuck") == 0
    for bad in ("bad", "upstream", "disk-low", ""):
        answer = api.get("/v1/connectors", {"attention": bad})
        assert (answer.status, answer.code) == (400, "invalid-parameter"), bad


def test_the_metric_counts_subjects_by_code_and_severity(many):
    def attention(client):
        found = {}
        for line in client.get("/metrics").text.splitlines():
            name, _, value = line.partition(" ")
            if name.startswith("mixport_attention{"):
                found[name.removeprefix("mixport_attention")] = int(value)
        return found
    counts = attention(many.client())
    for project in BOTH:
        assert counts[f'{{project="{project}",code="failing",severity="critical"}}'] == 1
        assert counts[f'{{project="{project}",code="failing",severity="warning"}}'] == 2
        assert counts[f'{{project="{project}",code="upstream",severity="critical"}}'] == 0
    assert counts['{project="",code="reload-refused",severity="warning"}'] == 1
    assert '{project="",code="reload-refused",severity="critical"}' not in counts
    assert sum(counts.values()) == 7
    limited = attention(many.client("only-other"))
    assert sum(limited.values()) == 3 and all('project="other"' in name for name in limited)

"""Jobs: what becomes of Mixpanel's history, and waiting for a job."""

import functools
import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness import stays, wait_until


def jobs(api, connector_id, **query):
    answer = api.jobs_of(connector_id, **query)
    return answer.json["data"] if answer.status == 200 else []


def only(api, connector_id):
    """The one job of a connector, once it is known."""
    found = wait_until(lambda: jobs(api, connector_id), what="a job")
    assert len(found) == 1
    return found[0]


@pytest.fixture
def connector_id(sim):
    here, = sim.put(job=False)
    return here


def job_of(sim, api, connector_id, **members):
    """The job made of one history entry."""
    entry = {"id": "", "start_time": "2020-09-17 02:17:49.831793 +0000 UTC",
             "end_time": "2020-09-17 02:27:49.831793 +0000 UTC", "status": "success",
             "progress": 1, "error": {"message": "", "code": ""},
             "connector_properties": {"num_events_imported": 13}}
    entry.update(members)
    sim.verbatim_job(connector_id, **entry)
    return only(api, connector_id)


@pytest.fixture
def told(shared_sim, shared_api):
    """What becomes of a history entry with some members, on the daemon such tests share."""
    here, = shared_sim.put(job=False)
    yield functools.partial(job_of, shared_sim, shared_api, here)
    shared_sim.remove(here)


# Shape


MEMBERS = {
    "job_id": str, "connector_id": str, "project": str, "run_id": (str, type(None)),
    "status": str, "upstream_status": str, "start_time": str, "end_time": str,
    "duration_seconds": (int, float), "progress": (int, float), "error": type(None),
    "stats": dict, "first_seen_at": str, "updated_at": str, "gone_at": type(None), "sync": dict}


def test_each_member_is_there_and_of_its_type(told):
    job = told()
    for member, kind in MEMBERS.items():
        assert isinstance(job[member], kind), member
    assert job["job_id"].startswith("job_")


def test_a_list_entry_is_the_single_record(sim, api, connector_id):
    job = job_of(sim, api, connector_id)
    single = api.job(job["job_id"]).json
    del job["sync"], single["sync"]
    assert single == job


@pytest.mark.parametrize("upstream, ours", [
    ("queued", "queued"), ("running", "running"), ("paused", "paused"), ("failed", "failed"),
    ("success", "succeeded"), ("succeeded", "succeeded"), ("cancelled", "cancelled"),
    ("canceled", "cancelled"), ("RUNNING", "running"), ("SUCCEEDED", "succeeded"),
    ("thinking", "unknown")])
def test_every_status_is_mapped_and_kept_as_sent(told, upstream, ours):
    job = told(status=upstream)
    assert (job["status"], job["upstream_status"]) == (ours, upstream)


@pytest.mark.parametrize("given, expected", [
    ("2020-09-17 02:17:49.831793 +0000 UTC", "2020-09-17T02:17:49.831793Z"),
    ("2020-09-17 02:17:49 +0000 UTC", "2020-09-17T02:17:49Z"),
    ("1600309069", "2020-09-17T02:17:49Z"),
    ("2020-09-17T02:17:49.831793Z", "2020-09-17T02:17:49.831793Z"),
    ("0001-01-01 00:00:00 +0000 UTC", None),
    ("", None),
    (None, None),
    ("whenever", None)])
@pytest.mark.parametrize("member", ["start_time", "end_time"])
def test_times_in_every_form(told, member, given, expected):
    assert told(**{member: given})[member] == expected


@pytest.mark.parametrize("changes, expected", [
    ({}, 600),
    ({"end_time": "2020-09-17 02:17:50.331793 +0000 UTC"}, 0.5),
    ({"end_time": ""}, None),
    ({"start_time": "0001-01-01 00:00:00 +0000 UTC"}, None)])
def test_duration_is_between_both_times(told, changes, expected):
    assert told(**changes)["duration_seconds"] == expected


@pytest.mark.parametrize("member", ["id", "run_id"])
def test_the_run_id_goes_by_two_names(told, member):
    job = told(**{"id": "", member: "run-17"})
    assert job["run_id"] == "run-17"


def test_an_empty_run_id_is_null(told):
    assert told()["run_id"] is None


@pytest.mark.parametrize("given, expected", [
    ({"message": "no", "code": "invalid_permissions_gcs"},
     {"message": "no", "code": "invalid_permissions_gcs"}),
    ({"message": "no", "type": "invalid_permissions_gcs"},
     {"message": "no", "code": "invalid_permissions_gcs"}),
    ({"message": "no", "code": ""}, {"message": "no", "code": None}),
    ({"message": "", "code": ""}, None),
    (None, None)])
def test_errors_in_every_form(told, given, expected):
    assert told(status="failed", error=given)["error"] == expected


@pytest.mark.parametrize("progress", [0, 1, 0.25, 0.125])
def test_progress_is_as_sent(told, progress):
    assert told(progress=progress)["progress"] == progress


def test_every_counter_is_kept(told):
    stats = {"num_events_imported": 13, "num_user_profiles_exported": 2, "colour": "red",
             "size_imported": 2**53 + 1}
    assert told(connector_properties=stats)["stats"] == stats


def test_counters_are_unchanged_to_the_digit(sim, api, connector_id):
    sim.replace_history(connector_id, [
        '{"id":"","status":"success","start_time":"1600309069","end_time":"1600309079",'
        '"progress":1,"connector_properties":{"a":1.50,"b":9223372036854775807,"c":1e3}}'])
    job = only(api, connector_id)
    text = api.job(job["job_id"]).text.replace(" ", "")
    assert '"a":1.50' in text and '"b":9223372036854775807' in text and '"c":1e3' in text


# Lists


@pytest.fixture
def history(sim, api):
    """Five jobs of two connectors: (newest first) their start hours."""
    one, two = sim.put(2, job=False)
    for here, hour, status in ((one, 1, "success"), (two, 2, "failed"), (one, 3, "failed"),
                               (two, 4, "success"), (one, 5, "running")):
        sim.verbatim_job(here, id=f"run-{hour}", status=status,
                         start_time=f"2020-09-17 {hour:02}:00:00 +0000 UTC",
                         end_time="" if status == "running" else
                         f"2020-09-17 {hour:02}:30:00 +0000 UTC", progress=1)
    wait_until(lambda: len(api.get("/v1/jobs").json["data"]) == 5, what="five jobs")
    return one, two


def runs(answer):
    return [job["run_id"] for job in answer.json["data"]]


def test_jobs_of_all_are_newest_first(api, history):
    assert runs(api.get("/v1/jobs")) == ["run-5", "run-4", "run-3", "run-2", "run-1"]


def test_jobs_of_one_are_newest_first(api, history):
    assert runs(api.jobs_of(history[0])) == ["run-5", "run-3", "run-1"]


def test_jobs_filter_by_status(api, history):
    assert runs(api.get("/v1/jobs", {"status": "failed"})) == ["run-3", "run-2"]
    assert runs(api.jobs_of(history[0], status="failed")) == ["run-3"]


def test_jobs_filter_by_project(api, history):
    assert len(runs(api.get("/v1/jobs", {"project": "demo"}))) == 5
    assert api.get("/v1/jobs", {"project": "nowhere"}).status in (400, 404)


def test_jobs_are_found_by_the_beginning_of_their_id(api, history):
    for job in api.get("/v1/jobs").json["data"]:
        for prefix in job["job_id"][:12], job["job_id"]:
            assert runs(api.get("/v1/jobs", {"id_prefix": prefix})) == [job["run_id"]]
            assert runs(api.jobs_of(job["connector_id"], id_prefix=prefix)) == [job["run_id"]]
            found = api.get("/v1/jobs", {"id_prefix": prefix, "status": "failed"})
            assert len(runs(found)) == (1 if job["status"] == "failed" else 0)
    assert len(runs(api.get("/v1/jobs", {"id_prefix": "job_"}))) == 5
    assert runs(api.get("/v1/jobs", {"id_prefix": "op_1"})) == []


def test_jobs_filter_by_time(api, history):
    assert runs(api.get("/v1/jobs", {"since": "2020-09-17T03:00:00Z"})) == \
        ["run-5", "run-4", "run-3"]
    assert runs(api.get("/v1/jobs", {"since": "2020-09-17T04:30:00Z"})) == ["run-5"]


def test_jobs_filter_hold_on_every_page(api, history):
    found = api.every("/v1/jobs", {"status": "failed", "limit": 1})
    assert [job["run_id"] for job in found] == ["run-3", "run-2"]


def test_the_order_of_upstream_does_not_matter(start_sim, start_daemon):
    sim = start_sim("--connectors", "1", "--jobs", "5", "--set", "history_order=oldest-first")
    api = start_daemon(sim).client()
    wait_until(lambda: len(api.get("/v1/jobs").json["data"]) == 5, what="five jobs")
    starts = [job["start_time"] for job in api.get("/v1/jobs").json["data"]]
    assert starts == sorted(starts, reverse=True)


def test_pages_of_upstream_are_followed(start_sim, start_daemon):
    sim = start_sim("--connectors", "1", "--jobs", "7", "--set", "history_page=2")
    api = start_daemon(sim).client()
    wait_until(lambda: len(api.get("/v1/jobs").json["data"]) == 7, what="seven jobs")


# A job's life


@pytest.fixture
def sim(start_sim):
    """Time moves only when told to."""
    return start_sim("--manual-clock", "--queued", "10s", "--running", "100s")


@pytest.fixture
def walking(sim):
    """A connector with a job that walks by the simulator's clock."""
    here, = sim.put()
    return here


def becomes(api, connector_id, status):
    return wait_until(lambda: [j for j in jobs(api, connector_id) if j["status"] == status],
                      what=f"a job that is {status}")[0]


@pytest.mark.parametrize("form", ["go", "go-whole", "epoch", "iso"])
@pytest.mark.parametrize("order", ["newest-first", "oldest-first"])
def test_a_job_keeps_its_id_all_its_life(sim, api, walking, form, order):
    sim.settings(job_time=form, history_order=order)
    queued = becomes(api, walking, "queued")
    sim.advance(15)
    running = becomes(api, walking, "running")
    sim.advance(200)
    done = becomes(api, walking, "succeeded")
    assert queued["job_id"] == running["job_id"] == done["job_id"]
    assert len(jobs(api, walking)) == 1


def test_a_job_keeps_its_id_across_restarts(sim, api, daemon, walking):
    queued = becomes(api, walking, "queued")
    daemon.restart()
    sim.advance(15)
    running = becomes(api, walking, "running")
    daemon.kill()
    daemon.start()
    sim.advance(200)
    done = becomes(api, walking, "succeeded")
    assert queued["job_id"] == running["job_id"] == done["job_id"]


def test_a_job_keeps_its_id_when_it_ends_while_we_are_down(sim, api, daemon, walking):
    queued = becomes(api, walking, "queued")
    daemon.stop()
    sim.advance(300)
    daemon.start()
    assert becomes(api, walking, "succeeded")["job_id"] == queued["job_id"]


def test_a_second_job_is_another(sim, api, walking):
    sim.advance(300)
    first = becomes(api, walking, "succeeded")
    sim.add_job(walking, queued_ms=10000, running_ms=100000)
    second = becomes(api, walking, "queued")
    sim.advance(20)
    assert becomes(api, walking, "running")["job_id"] == second["job_id"] != first["job_id"]


def test_jobs_with_the_same_start_are_told_apart(sim, api, connector_id):
    for n in (1, 2):
        sim.verbatim_job(connector_id, id="", status="success", start_time="1600309069",
                         end_time="1600309079", progress=1,
                         connector_properties={"num_events_imported": n})
    wait_until(lambda: len(jobs(api, connector_id)) == 2, what="two jobs")
    ids = {job["job_id"] for job in jobs(api, connector_id)}
    assert len(ids) == 2
    assert stays(lambda: {job["job_id"] for job in jobs(api, connector_id)} == ids, 1.2)


@pytest.mark.parametrize("fail, status", [("compression", "failed"), ("permissions", "failed"),
                                          ("size", "cancelled")])
def test_a_job_that_fails_ends_so(sim, api, fail, status):
    here, = sim.put(job=False)
    sim.add_job(here, queued_ms=0, running_ms=1000, fail=fail)
    sim.advance(10)
    job = becomes(api, here, status)
    assert status == "cancelled" or job["error"]["message"]


def test_snapshots_tell_the_life_oldest_first(sim, api, walking):
    job_id = becomes(api, walking, "queued")["job_id"]
    sim.advance(15)
    becomes(api, walking, "running")
    sim.advance(200)
    becomes(api, walking, "succeeded")
    snapshots = api.every(f"/v1/jobs/{job_id}/snapshots", {"limit": 1})
    assert [s["status"] for s in snapshots] == ["queued", "running", "succeeded"]
    observed = [s["observed_at"] for s in snapshots]
    assert observed == sorted(observed)


def test_snapshots_hold_what_the_job_was(sim, api, walking):
    job = becomes(api, walking, "queued")
    snapshot = api.get(f"/v1/jobs/{job['job_id']}/snapshots").json["data"][0]
    for member in ("status", "upstream_status", "start_time", "end_time", "progress", "stats"):
        assert snapshot[member] == job[member], member


def test_no_snapshot_without_a_difference(sim, api, walking):
    job = becomes(api, walking, "queued")
    wait_until(lambda: api.job(job["job_id"]).json["sync"]["synced_at"] >
               job["sync"]["synced_at"], what="a later refresh")
    assert len(api.get(f"/v1/jobs/{job['job_id']}/snapshots").json["data"]) == 1


def test_an_unfinished_job_no_longer_listed_is_gone(sim, api, walking):
    sim.advance(15)
    job_id = becomes(api, walking, "running")["job_id"]
    sim.add_job(walking)
    wait_until(lambda: len(jobs(api, walking)) == 2, what="a second job")
    sim.drop_job(walking, 1)
    wait_until(lambda: api.job(job_id).json["gone_at"], what="it is gone")
    assert api.job(job_id).json["status"] == "running"


def test_a_job_older_than_one_that_is_gone_is_still_followed(sim, api, walking):
    becomes(api, walking, "queued")
    sim.add_job(walking, queued_ms=10000, running_ms=100000)
    wait_until(lambda: len(jobs(api, walking)) == 2, what="a second job")
    sim.drop_job(walking, 0)
    wait_until(lambda: [j for j in jobs(api, walking) if j["gone_at"]], what="one is gone")
    left = [j["job_id"] for j in jobs(api, walking) if not j["gone_at"]]
    synced = api.job(left[0]).json["sync"]["synced_at"]
    wait_until(lambda: api.job(left[0]).json["sync"]["synced_at"] > synced, what="a refresh")
    assert api.job(left[0]).json["gone_at"] is None


def test_an_ended_job_is_kept_past_the_window(sim, api, walking):
    sim.advance(300)
    job_id = becomes(api, walking, "succeeded")["job_id"]
    sim.add_job(walking)
    wait_until(lambda: len(jobs(api, walking)) == 2, what="a second job")
    sim.drop_job(walking, 1)
    synced = jobs(api, walking)[0]["sync"]["synced_at"]
    wait_until(lambda: jobs(api, walking)[0]["sync"]["synced_at"] > synced, what="a refresh")
    assert api.job(job_id).json["status"] == "succeeded"
    assert api.job(job_id).json["gone_at"] is None


# Waiting


def waiting(api, job_id, act, **query):
    """Asks with `wait`, acts meanwhile; the answer and how long it took."""
    with ThreadPoolExecutor(1) as pool:
        began = time.monotonic()
        answer = pool.submit(api.job, job_id, **query)
        act()
        return answer.result(), time.monotonic() - began


def test_wait_ends_when_the_job_changes(sim, api, walking):
    job_id = becomes(api, walking, "queued")["job_id"]
    answer, took = waiting(api, job_id, lambda: sim.advance(15), wait=40)
    assert answer.json["status"] == "running"
    assert took < 35


def test_wait_until_done_ends_when_the_job_ends(sim, api, walking):
    job_id = becomes(api, walking, "queued")["job_id"]

    def act():
        sim.advance(15)
        becomes(api, walking, "running")
        sim.advance(200)

    answer, took = waiting(api, job_id, act, wait=40, until="done")
    assert answer.json["status"] == "succeeded"
    assert took < 35


def test_wait_until_done_ends_when_the_job_is_gone(sim, api, walking):
    job_id = becomes(api, walking, "queued")["job_id"]
    answer, took = waiting(api, job_id, lambda: sim.drop_job(walking), wait=40, until="done")
    assert answer.json["gone_at"]
    assert took < 35


def test_wait_until_done_of_an_ended_job_is_answered_at_once(sim, api, walking):
    sim.advance(300)
    job_id = becomes(api, walking, "succeeded")["job_id"]
    began = time.monotonic()
    assert api.job(job_id, wait=40, until="done").json["status"] == "succeeded"
    assert time.monotonic() - began < 20


def test_when_time_is_up_the_present_state_is_told(sim, api, walking):
    job_id = becomes(api, walking, "queued")["job_id"]
    began = time.monotonic()
    answer = api.job(job_id, wait=1, until="done")
    assert (answer.status, answer.json["status"]) == (200, "queued")
    assert time.monotonic() - began >= 0.9


def test_a_wait_does_not_outlive_the_daemon(sim, api, daemon, walking):
    job_id = becomes(api, walking, "queued")["job_id"]

    def act():
        wait_until(lambda: True)
        assert daemon.stop() == 0

    with ThreadPoolExecutor(1) as pool:
        began = time.monotonic()
        future = pool.submit(lambda: api.job(job_id, wait=60, until="done"))
        act()
        future.exception()
        assert time.monotonic() - began < 40
    daemon.start()


# ETags


def test_the_etag_stays_while_only_freshness_changes(sim, api, walking):
    job = becomes(api, walking, "queued")
    path = f"/v1/jobs/{job['job_id']}"
    before = api.get(path).headers["ETag"]
    wait_until(lambda: api.get(path).json["sync"]["synced_at"] > job["sync"]["synced_at"],
               what="a later refresh")
    assert api.get(path, headers={"If-None-Match": before}).status == 304


def test_the_etag_changes_with_the_job(sim, api, walking):
    path = f"/v1/jobs/{becomes(api, walking, 'queued')['job_id']}"
    before = api.get(path).headers["ETag"]
    sim.advance(15)
    becomes(api, walking, "running")
    assert api.get(path).headers["ETag"] != before


def test_job_ids_are_ours(api, walking):
    assert re.fullmatch("job_[A-Za-z0-9]+", becomes(api, walking, "queued")["job_id"])

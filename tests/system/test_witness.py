"""What an answer may conclude: absence is no deletion, and what was confirmed outranks what is read."""

import json
import re

import pytest

from harness import PROJECT_ID, gcs, stays, wait_until

SETTLING = {"project demo": {"settle_time": "60s"}}
QUICK = {"project demo": {"settle_time": "100ms", "status_interval": "100ms"}}
MADE = {"bucket": "made", "prefix": "by-us/"}
GONE = json.dumps({"status": "error", "error": "Connector not found"})
PAGE = "<html><body><h1>404 Not Found</h1></body></html>"


def state(api, connector_id):
    return api.connector(connector_id).json["state"]


def lists(sim, more=4):
    """Waits until that many lists were read since now."""
    before = sim.received("list")
    wait_until(lambda: sim.received("list") >= before + more, 20, what="lists are read")


@pytest.fixture
def settling(start_daemon, sim):
    return start_daemon(sim, config=SETTLING).client()


def made(api):
    answer = api.create(gcs(**MADE))
    assert answer.status == 201, answer
    return answer.json["connector_id"]


def test_a_list_that_lags_behind_our_create_deletes_nothing(settling, sim):
    sim.fault("empty-list", "list", count=-1)
    sim.refuse("get", 404, count=-1)
    here = made(settling)
    lists(sim)
    assert state(settling, here) == "present"
    assert settling.create(gcs(**MADE)).code == "duplicate-connector"


def test_nor_does_it_after_a_restart(start_daemon, sim):
    daemon = start_daemon(sim, config=SETTLING)
    sim.fault("empty-list", "list", count=-1)
    sim.refuse("get", 404, count=-1)
    here = made(daemon.client())
    daemon.restart()
    lists(sim)
    assert state(daemon.client(), here) == "present"


@pytest.mark.parametrize("action", ["empty-list", "shrink"])
def test_a_list_alone_deletes_nothing_however_often(start_daemon, sim, action):
    api = start_daemon(sim, config=QUICK).client()
    ids = sim.put(8, job=False)
    wait_until(lambda: len(api.connectors().json["data"]) == 8, what="they are known")
    sim.fault(action, "list", count=-1)
    assert stays(lambda: {state(api, i) for i in ids} == {"present"}, 2)


def test_a_single_404_alone_deletes_nothing(start_daemon, sim):
    api = start_daemon(sim, config=QUICK).client()
    here, = sim.put(job=False)
    wait_until(lambda: api.connector(here).status == 200, what="it is known")
    sim.refuse("get", 404, count=-1, body=GONE)
    api.connector(here, max_age=0)
    assert stays(lambda: state(api, here) == "present", 2)
    assert sim.received("get") >= 2


@pytest.mark.parametrize("answer", [
    {"status": 404, "body": PAGE}, {"status": 404, "body": "not found"}, {"status": 404, "body": ""},
    {"status": 403}, {"status": 500}, {"status": 410, "body": GONE}])
def test_no_other_answer_is_the_second_witness(start_daemon, sim, answer):
    api = start_daemon(sim, config=QUICK).client()
    here, there = sim.put(2, job=False)
    wait_until(lambda: len(api.connectors().json["data"]) == 2, what="they are known")
    sim.fault("status", "get", count=-1, connector_id=here, **answer)
    sim.remove(here)
    lists(sim, 6)
    assert state(api, here) == "present"
    sim.no_faults()
    wait_until(lambda: state(api, here) == "deleted", 20, what="the deletion is noticed")
    assert state(api, there) == "present"


def test_a_delete_of_ours_does_not_come_back_while_lists_show_it(settling, sim):
    here = made(settling)
    lists(sim, 1)
    # Mixpanel confirms, and everything it reads from shows it still.
    sim.fault("status", "delete", status=200, body=json.dumps(
        {"status": "ok", "results": f"Successfully deleted Connector with ID:{here}"}))
    assert settling.remove(here).status == 204
    assert stays(lambda: state(settling, here) == "deleted", 2)
    assert settling.connector(here, max_age=0).json["state"] == "deleted"
    assert settling.remove(here).status == 204


def test_it_does_come_back_when_mixpanel_goes_on_showing_it(start_daemon, sim):
    api = start_daemon(sim, config=QUICK).client()
    here = made(api)
    sim.fault("status", "delete", status=200, body='{"status":"ok","results":"gone"}')
    assert api.remove(here).status == 204
    wait_until(lambda: state(api, here) == "present", what="it is present again")


def test_a_404_to_our_delete_is_not_believed_while_the_create_settles(start_daemon, sim):
    api = start_daemon(sim, config={"project demo": {"settle_time": "2s"}}).client()
    here = made(api)
    sim.remove(here)
    answer = api.remove(here, wait=1)
    assert answer.status == 202 and state(api, here) == "present"
    # Asked again when it has settled, and believed then.
    wait_until(lambda: state(api, here) == "deleted", 20, what="it is believed in the end")
    operation, = api.get("/v1/operations", {"kind": "delete"}).json["data"]
    assert api.operation(operation["operation_id"], wait=30).json["state"] == "succeeded"


def test_a_balancers_404_to_our_delete_is_asked_again(api, sim):
    here, = sim.put(job=False)
    wait_until(lambda: api.connector(here).status == 200, what="it is known")
    sim.fault("status", "delete", status=404, body=PAGE)
    assert api.remove(here).status == 204
    assert sim.executed("delete") == 1


def test_a_delete_of_what_was_only_observed_to_be_gone_is_sent(start_daemon, sim):
    api = start_daemon(sim, config=QUICK).client()
    here, = sim.put(job=False)
    wait_until(lambda: api.connector(here).status == 200, what="it is known")
    sim.remove(here)
    wait_until(lambda: state(api, here) == "deleted", 20, what="the deletion is noticed")
    sim.put(connector_id=here, job=False)
    assert api.remove(here).status == 204
    assert sim.received("delete") == 1 and sim.connectors() == []


def test_what_was_observed_to_be_gone_comes_back_at_once_when_a_single_read_finds_it(
        start_daemon, sim):
    daemon = start_daemon(sim, config={"project demo": {"settle_time": "1s"}})
    api = daemon.client()
    here, = sim.put(job=False)
    wait_until(lambda: api.connector(here).status == 200, what="it is known")
    sim.remove(here)
    wait_until(lambda: state(api, here) == "deleted", 20, what="the deletion is noticed")
    daemon.configure("project demo", settle_time="1h")
    daemon.restart()
    sim.put(connector_id=here, job=False)
    wait_until(lambda: state(api, here) == "present", what="it is present again")


def test_the_jobs_of_a_connector_end_with_it(start_daemon, sim):
    api = start_daemon(sim, config=QUICK).client()
    here, = sim.put()
    wait_until(lambda: api.get("/v1/jobs").json["data"], what="its job is known")
    job_id = api.jobs_of(here).json["data"][0]["job_id"]
    sim.remove(here)
    job = api.job(job_id, wait=20, until="done").json
    assert job["gone_at"] and job["status"] in ("queued", "running")
    assert api.project()["jobs_active"] == 0


def paused(sim, connector_id):
    """A single read tells that it is; lists go on saying null."""
    connector = {"connector_id": connector_id, **gcs(), "status": "paused",
                 "failure_message": "no permission"}
    sim.fault("status", "get", count=-1, status=200,
              body=json.dumps({"status": "ok", "results": connector}))


def test_the_status_that_a_list_does_not_tell_is_read_singly(start_daemon, sim):
    api = start_daemon(sim, config=QUICK).client()
    here, = sim.put(connector=gcs(), job=False)
    wait_until(lambda: api.connector(here).status == 200, what="it is known")
    wait_until(lambda: api.connector(here).json["status"] == "active", what="its status is known")
    paused(sim, here)
    wait_until(lambda: api.connector(here).json["status"] == "paused", what="the pause is seen")
    lists(sim, 4)
    connector = api.connector(here).json
    assert connector["status"] == "paused"
    assert connector["failure_message"] == "no permission"
    assert connector["status_known_at"]


def test_a_job_that_ends_badly_has_the_connector_read(start_daemon, sim):
    api = start_daemon(sim, config={"project demo": {"status_interval": "1h"}}).client()
    here, = sim.put(connector=gcs(), job=False)
    wait_until(lambda: api.connector(here).status == 200, what="it is known")
    paused(sim, here)
    assert stays(lambda: api.connector(here).json["status"] is None)
    sim.add_job(here, queued_ms=0, running_ms=0, fail="permissions")
    wait_until(lambda: api.connector(here).json["status"] == "paused", what="the pause is seen")
    assert sim.received("get") == 1


ODD = [r'{"connector_id":"odd","label":"\ud83d"}', r'{"connector_id":"odd","label":"\u0000"}',
       '{"connector_id":"odd","connector_properties":{"n":NaN}}',
       '{"connector_id":"odd","connector_properties":{"n":1e400}}', '{"connector_id":7}',
       '{"connector_id":null}', '{"connector_id":" "}', '{"connector_id":"odd\\u00e9"}', "null"]


@pytest.mark.parametrize("entry", ODD)
def test_an_odd_connector_spoils_itself_not_the_list(start_daemon, sim, entry):
    api = start_daemon(sim, config=QUICK).client()
    sim.put(text=entry)
    here, there = sim.put(2, job=False)
    wait_until(lambda: len(api.connectors().json["data"]) == 2, what="the others are known")
    assert api.project()["sync"]["error"]["code"] == "upstream-entries-unreadable"
    assert "1 of the entries" in api.project()["sync"]["error"]["message"]
    assert api.connector(here).json["sync"]["error"] is None
    # Nothing is concluded from what such a list lacks, and the rest is followed all the same.
    sim.remove(here)
    assert stays(lambda: state(api, here) == "present")
    later, = sim.put(job=False)
    wait_until(lambda: api.connector(later).status == 200, what="what is added is seen")


def test_a_connector_twice_in_the_list_is_one(start_daemon, sim):
    api = start_daemon(sim, config=QUICK).client()
    sim.fault("duplicate", "list", count=-1)
    sim.put(2, job=False)
    wait_until(lambda: len(api.connectors().json["data"]) == 2, what="they are known")
    error = api.project()["sync"]["error"]
    assert error["code"] == "upstream-entries-unreadable"
    assert "2 of the entries" in error["message"] and "is in the list already" in error["message"]


@pytest.mark.parametrize("run", ["null", '{"status":"failed","error":"\\udc00"}', "{}",
                                 '{"status":"success","connector_properties":{"n":1e400}}'])
def test_an_odd_run_spoils_itself_not_the_history(start_daemon, sim, run):
    api = start_daemon(sim, config=QUICK).client()
    here, = sim.put(connector=gcs(), job=False)
    other, = sim.put()
    good = {"status": "success", "start_time": "2026-01-02 03:04:05 +0000 UTC", "end_time": ""}
    sim.replace_history(here, [run, json.dumps(good)])
    wait_until(lambda: api.connector(here).json.get("latest_job"), what="the good run is known")
    job = api.connector(here).json["latest_job"]
    assert job["status"] == "succeeded"
    error = api.connector(here).json["sync"]["error"]
    assert error["code"] == "upstream-entries-unreadable" and "entry 0: " in error["message"]
    assert api.connector(other).json["sync"]["error"] is None
    # What is missing is not gone.
    sim.replace_history(here, [run])
    assert stays(lambda: api.job(job["job_id"]).json["gone_at"] is None)
    sim.replace_history(here, [json.dumps(good)])
    wait_until(lambda: api.connector(here).json["sync"]["error"] is None, what="the error ends")


def page_of(entries, url):
    return json.dumps({"status": "ok", "results": {
        "url": url, "has_more": url is not None, "data": entries}})


def test_pages_that_lead_in_a_circle_end_the_listing(start_daemon, sim):
    api = start_daemon(sim, config=QUICK).client()
    here, = sim.put(job=False)
    wait_until(lambda: api.connector(here).status == 200, what="it is known")
    url = f"/api/app/projects/{PROJECT_ID}/connectors?again"
    other = {"connector_id": "other", **gcs()}
    sim.fault("status", "list", count=-1, status=200, body=page_of([other], url))
    wait_until(lambda: api.project()["sync"]["error"], what="it is told")
    error = api.project()["sync"]["error"]
    assert error["code"] == "upstream-listing-incomplete" and "nothing new" in error["message"]
    assert api.project()["upstream"]["state"] == "degraded"
    assert state(api, here) == "present" and state(api, "other") == "present"
    # Two requests a listing, not hundreds.
    sim.forget_stats()
    lists(sim, 8)
    targets = [request["target"] for request in sim.requests("list")]
    assert max(map(len, re.findall("a+", "".join("a" if "again" in t else "." for t in targets)))) == 1


def test_a_page_elsewhere_is_refused_and_told_once(start_daemon, sim):
    daemon = start_daemon(sim, config=QUICK)
    api = daemon.client()
    other = {"connector_id": "other", **gcs()}
    sim.fault("status", "list", count=-1, status=200,
              body=page_of([other], "https://elsewhere.example/next"))
    lists(sim, 6)
    error = api.project()["sync"]["error"]
    assert error["code"] == "upstream-listing-incomplete" and "elsewhere" in error["message"]
    assert daemon.whole_log().count("elsewhere.example") == 1


def test_a_run_added_while_its_history_is_paged_is_one_job(start_daemon, sim):
    api = start_daemon(sim, config=QUICK).client()
    here, = sim.put(connector=gcs(), job=False)
    runs = [json.loads(r'{"status":"success","start_time":"2026-01-0%d 03:04:05 +0000 UTC"}' % day)
            for day in (4, 3, 2, 1)]
    sim.replace_history(here, runs[1:])
    wait_until(lambda: api.connector(here).status == 200, what="it is known")
    wait_until(lambda: len(api.jobs_of(here).json["data"]) == 3, what="three are known")
    url = f"/api/app/projects/{PROJECT_ID}/connectors/{here}/history?offset=2"
    sim.fault("status", "history", count=1, status=200, connector_id=here,
              body=page_of(runs[1:3], url))
    sim.fault("status", "history", count=1, status=200, connector_id=here,
              body=page_of(runs[2:], None))
    sim.replace_history(here, runs)
    wait_until(lambda: len(api.jobs_of(here).json["data"]) > 3, what="the fourth is known")
    jobs = api.jobs_of(here).json["data"]
    assert len({job["start_time"] for job in jobs}) == len(jobs) == 4
    assert sim.faults() == []


@pytest.mark.parametrize("status", [203, 206])
@pytest.mark.parametrize("endpoint", ["list", "get", "history"])
def test_an_answer_changed_or_cut_on_its_way_is_no_success(start_daemon, sim, status, endpoint):
    api = start_daemon(sim, config={"project demo": {"idle_interval": "100ms"}}).client()
    here, = sim.put(job=False)
    wait_until(lambda: api.connector(here).status == 200, what="it is known")
    body = {"list": page_of([], None), "history": page_of([{"status": "running"}], None),
            "get": json.dumps({"connector_id": here, "label": "changed"})}[endpoint]
    sim.fault("status", endpoint, count=-1, status=status, body=body)
    if endpoint == "get":
        api.connector(here, max_age=0)
    wait_until(lambda: api.connector(here).json["sync"]["error"], what="it is told")
    assert str(status) in api.connector(here).json["sync"]["error"]["message"]
    connector = api.connector(here).json
    assert connector["label"] != "changed" and connector["latest_job"] is None


@pytest.mark.parametrize("answer", [
    {"status": 203, "body": '{"status":"ok","results":"gone"}'},
    {"status": 206, "body": '{"status":"ok","results":"gone"}'},
    {"status": 200, "body": '{"status":"ok","success":false}'},
    {"status": 200, "body": '{"status":"ok","error":"not yours"}'}])
def test_nor_does_such_an_answer_confirm_a_delete(api, sim, answer):
    here, = sim.put(job=False)
    wait_until(lambda: api.connector(here).status == 200, what="it is known")
    sim.fault("status", "delete", **answer)
    assert api.remove(here).status == 204
    assert sim.received("delete") == 2 and sim.executed("delete") == 1


@pytest.mark.parametrize("answer", [
    {"status": 203}, {"status": 206},
    {"status": 201, "body": '{"status":"ok","errors":["no"],"results":{"connector_id":"made"}}'}])
def test_nor_a_create(api, sim, answer):
    body = json.dumps({"status": "ok", "results": {"connector_id": "made", **gcs()}})
    sim.fault("status", "create", **{"body": body, **answer})
    created = api.create(gcs(), wait=0)
    assert created.status == 202
    operation = wait_until(lambda: api.operation(created.json["operation_id"]).json, what="it")
    wait_until(lambda: api.operation(operation["operation_id"]).json["state"] == "unknown",
               what="it is unknown")
    assert sim.received("create") == 1


def test_a_job_does_not_go_to_and_fro_between_replicas(start_daemon, sim):
    api = start_daemon(sim, config={"project demo": {"settle_time": "60s"}}).client()
    here, = sim.put(connector=gcs(), job=False)
    run = {"status": "success", "start_time": "2026-01-02 03:04:05.25 +0000 UTC"}
    sim.replace_history(here, [run])
    wait_until(lambda: api.connector(here).status == 200, what="it is known")
    wait_until(lambda: api.connector(here).json["latest_job"], what="its job is known")
    before = api.connector(here).json["latest_job"]
    late = {"status": "running", "start_time": "2026-01-02 03:04:05 +0000 UTC"}
    sim.replace_history(here, [late])
    assert stays(lambda: api.connector(here).json["latest_job"]["status"] == "succeeded", 1)
    after, = api.jobs_of(here).json["data"]
    assert after["start_time"] == before["start_time"] and after["updated_at"] == before["updated_at"]


def test_nothing_is_removed_by_age_until_the_date_is_sure(start_daemon, sim):
    """A clock that is years ahead of Mixpanel's for one start would remove history for good."""
    sim.settings(date_ago=2 * 365 * 86400)
    daemon = start_daemon(sim, config={
        "retention": {"jobs_max_age": "1h", "operations_max_age": "1d"},
        "project demo": {"idle_interval": "100ms"}})
    api = daemon.client()
    here, = sim.put(connector=gcs(), job=False)
    runs = [{"status": "success", "start_time": f"2026-01-0{day} 03:04:05 +0000 UTC"}
            for day in (3, 2, 1)]
    sim.replace_history(here, runs)
    wait_until(lambda: api.connector(here).status == 200, what="it is known")
    wait_until(lambda: len(api.jobs_of(here).json["data"]) == 3, what="its jobs are known")
    # What Mixpanel lists no longer is what retention takes.
    sim.replace_history(here, runs[:1])
    wait_until(lambda: sim.stats()["histories"][here] > 20, 20, what="the change is read")
    daemon.restart()
    api = daemon.client()
    assert stays(lambda: len(api.jobs_of(here).json["data"]) == 3, 2)
    sim.settings(date_ago=0)
    wait_until(lambda: len(api.jobs_of(here).json["data"]) == 1, what="the old ones are removed")

"""What is told while Mixpanel is down or talks nonsense, and that nothing is lost by it."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness import OTHER_PROJECT_ID, PROJECT_ID, parse, read_all, slow, stays, wait_until


@pytest.fixture
def ids(sim, api):
    """Four connectors the daemon knows, two with a job that runs for a day."""
    ids = sim.put(4, job=False)
    for here in ids[:2]:
        sim.add_job(here, queued_ms=0, running_ms=86400000)
    wait_until(lambda: api.project()["connectors"] == 4 and api.project()["jobs_active"] == 2,
               what="four connectors and two jobs")
    return ids


def upstream(api):
    return api.project()["upstream"]


def troubled(api):
    """Waits until the project says that it is in trouble; the project."""
    return wait_until(lambda: (lambda p: p["sync"]["error"] and p)(api.project()), 20,
                      what="the project tells an error")


def recovered(api):
    wait_until(lambda: upstream(api)["state"] == "ok" and not api.project()["sync"]["stale"], 90,
               what="all is well again")


TROUBLES = [
    ("status", {"status": 500}, {"degraded"}),
    ("status", {"status": 502}, {"degraded"}),
    ("status", {"status": 503}, {"degraded"}),
    ("status", {"status": 401}, {"unauthorized"}),
    ("status", {"status": 403}, {"unauthorized", "degraded"}),
    ("status", {"status": 404}, {"degraded"}),
    ("status", {"status": 429}, {"rate-limited"}),
    ("retry-after", {"retry_after": 1}, {"rate-limited"}),
    ("html", {}, {"degraded"}),
    ("garbage", {}, {"degraded"}),
    ("truncate", {}, {"degraded", "unreachable"}),
    ("truncate", {"framing": "close"}, {"degraded"}),
    ("drop-before", {}, {"degraded", "unreachable"}),
    ("deep", {}, {"degraded"}),
    ("huge", {}, {"degraded"}),
    ("bigint", {}, {"degraded"}),
    ("redirect-elsewhere", {"location": "http://127.0.0.1:1/"}, {"degraded"}),
    ("status", {"status": 200, "body": '{"status":"error","error":"x"}'}, {"degraded"}),
    ("status", {"status": 200, "body": '{"status":"ok","results":null}'}, {"degraded"}),
    ("status", {"status": 200, "body": "<html></html>"}, {"degraded"}),
    ("status", {"status": 204, "body": ""}, {"degraded"}),
]
IDS = [f"{action}-{members.get('status', '')}-{n}"
       for n, (action, members, _) in enumerate(TROUBLES)]


@pytest.mark.parametrize("action, members, states", TROUBLES, ids=IDS)
def test_trouble_is_told_and_nothing_lost(sim, api, ids, action, members, states):
    sim.fault(action, "any", -1, **members)
    sync = troubled(api)["sync"]
    assert sync["stale"] is True
    assert sync["error"]["code"] and sync["error"]["message"] and sync["error"]["since"]
    wait_until(lambda: upstream(api)["state"] in states and
               upstream(api)["consecutive_failures"] >= 1, what=f"upstream is {states}")
    found = {c["connector_id"]: c["state"] for c in api.connectors(state="all").json["data"]}
    assert found == {here: "present" for here in ids}


def test_a_list_that_is_refused_degrades_though_histories_are_not(sim, api, ids):
    sim.refuse("list", 403, -1)
    troubled(api)
    assert stays(lambda: api.get("/v1/health").json["status"] == "degraded", 1)


def test_mixpanel_down_is_unreachable(sim, api, ids):
    sim.stop()
    troubled(api)
    assert upstream(api)["state"] == "unreachable"


def test_connectors_say_they_are_stale(sim, api, ids):
    sim.stop()
    sync = wait_until(lambda: (lambda s: s["stale"] and s)(api.connector(ids[0]).json["sync"]),
                      what="the connector is stale")
    assert sync["synced_at"] and sync["error"]["code"]


def test_jobs_say_they_are_stale(sim, api, ids):
    sim.stop()
    wait_until(lambda: api.jobs_of(ids[0]).json["data"][0]["sync"]["stale"],
               what="the job is stale")


def test_the_last_state_is_served_while_mixpanel_is_down(sim, api, ids):
    before = [c["connector_id"] for c in api.connectors().json["data"]]
    sim.stop()
    troubled(api)
    assert [c["connector_id"] for c in api.connectors().json["data"]] == before
    assert api.jobs_of(ids[0]).json["data"][0]["status"] == "running"


def test_the_last_state_is_served_after_a_restart(sim, api, daemon, ids):
    sim.stop()
    daemon.restart()
    assert {c["connector_id"] for c in api.connectors().json["data"]} == set(ids)
    assert api.jobs_of(ids[0]).json["data"][0]["status"] == "running"


def test_stale_is_told_after_a_restart(sim, api, daemon, ids):
    sim.stop()
    daemon.restart()
    wait_until(lambda: api.connector(ids[0]).json["sync"]["stale"], what="the connector is stale")


def test_it_recovers_from_one_failure(sim, api, ids):
    sim.refuse("list", 500)
    troubled(api)
    recovered(api)
    assert api.project()["sync"]["error"] is None
    assert upstream(api)["consecutive_failures"] == 0


def test_it_recovers_from_an_outage(sim, api):
    sim.stop()
    troubled(api)
    sim.start()
    here, = sim.put()
    recovered(api)
    wait_until(lambda: api.connector(here).status == 200, what="what is new is known")


def test_connectors_recover_too(sim, api, ids):
    sim.refuse("list", 503)
    troubled(api)
    recovered(api)
    wait_until(lambda: api.connector(ids[0]).json["sync"] ==
               {**api.connector(ids[0]).json["sync"], "stale": False, "error": None},
               what="the connector is fresh")


def test_it_backs_off(sim, api, ids):
    sim.fault("status", "any", -1, status=503)
    troubled(api)
    sim.forget_stats()
    assert stays(lambda: sim.stats()["total"] <= 5, 1.5)
    assert upstream(api)["next_attempt_at"]


def test_retry_after_is_honoured(sim, api, ids):
    sim.fault("retry-after", "list", retry_after=4)
    wait_until(lambda: upstream(api)["state"] == "rate-limited", what="rate-limited")
    sim.forget_stats()
    # Less than the four seconds, however slow the build.
    assert stays(lambda: sim.received("list") == 0, 2 / slow(1))


def test_trouble_with_one_history_leaves_the_others_alone(sim, api, ids):
    sim.fault("garbage", "history", -1, connector_id=ids[0])
    wait_until(lambda: api.jobs_of(ids[0]).json["data"][0]["sync"]["error"],
               what="the job tells an error")
    assert api.project()["sync"]["error"] is None
    assert stays(lambda: api.jobs_of(ids[1]).json["data"][0]["sync"]["error"] is None)


def test_an_entry_that_cannot_be_read_deletes_nothing(sim, api, ids):
    sim.put(connector_id="odd", text='{"connector_type":"gcsImport"}')
    assert stays(lambda: api.connectors(state="deleted").json["data"] == [], 1.5)
    assert {c["connector_id"] for c in api.connectors().json["data"]} >= set(ids)


# Listings that claim less than there is


@pytest.mark.parametrize("action", ["empty-list", "shrink", "has-more-no-url"])
def test_one_short_listing_deletes_nothing(sim, api, ids, action):
    sim.fault(action, "list")
    wait_until(lambda: not sim.faults(), what="the short listing was read")
    assert stays(lambda: api.connectors(state="deleted").json["data"] == [], 1.5)


def test_has_more_without_url_concludes_nothing(sim, api, ids):
    sim.fault("has-more-no-url", "list", -1)
    sim.remove(ids[0])
    assert stays(lambda: api.connector(ids[0]).json["state"] == "present", 2)


def test_has_more_without_url_keeps_what_came(sim, api, ids):
    sim.fault("has-more-no-url", "list", -1)
    here, = sim.put()
    wait_until(lambda: api.connector(here).status == 200, what="what is new is known")


def test_has_more_without_url_is_told(sim, api, ids):
    sim.fault("has-more-no-url", "list", -1)
    troubled(api)


def test_a_broken_second_page_deletes_nothing(start_sim, start_daemon):
    sim = start_sim("--connectors", "6", "--page", "2")
    api = start_daemon(sim).client()
    wait_until(lambda: api.project()["connectors"] == 6, what="six connectors")
    sim.fault("status", "list", -1, skip=1)
    troubled(api)
    assert len(api.connectors().json["data"]) == 6


def test_twice_the_same_entry_is_one_connector(sim, api, ids):
    sim.fault("duplicate", "list", -1)
    wait_until(lambda: sim.stats() and sim.received("list") > 3, what="some listings")
    assert stays(lambda: api.project()["connectors"] == 4)


def test_a_true_deletion_is_noticed(sim, api, ids):
    sim.remove(ids[0])
    wait_until(lambda: api.connector(ids[0]).json["state"] == "deleted", 20,
               what="the deletion is noticed")


def test_everything_deleted_is_noticed_in_the_end(sim, api, ids):
    sim.remove()
    wait_until(lambda: api.project()["connectors"] == 0, 40, what="no connectors")


@pytest.mark.parametrize("url", ["path", "absolute"])
def test_pages_are_followed(start_sim, start_daemon, url):
    sim = start_sim("--connectors", "9", "--page", "2", "--set", f"page_url={url}")
    api = start_daemon(sim).client()
    wait_until(lambda: api.project()["connectors"] == 9, what="nine connectors")


@pytest.mark.parametrize("action", ["chunked", "drip"])
def test_slow_and_chunked_answers_are_read(sim, api, ids, action):
    sim.fault(action, "list", -1, **({"delay_ms": 1} if action == "drip" else {}))
    here, = sim.put()
    wait_until(lambda: api.connector(here).status == 200, what="what is new is known")


# max_age

LAZY = {"project demo": {"list_interval": "1h", "active_interval": "1h", "idle_interval": "1h"}}


@pytest.fixture
def lazy(start_daemon, sim):
    """The client of a daemon that asks Mixpanel nothing unless told to."""
    return start_daemon(sim, config=LAZY).client()


@pytest.fixture
def here(sim, lazy):
    connector_id, = sim.put(job=False)
    sim.verbatim_job(connector_id, status="running", start_time="1600309069", progress=0.25)
    lazy.refresh()
    return connector_id


def test_max_age_refreshes_a_connector_first(sim, lazy, here):
    sim.alter(here, {"label": "changed"})
    assert lazy.connector(here).json["label"] == ""
    assert lazy.connector(here, max_age=0).json["label"] == "changed"


def test_max_age_refreshes_a_job_first(sim, lazy, here):
    job_id = lazy.jobs_of(here).json["data"][0]["job_id"]
    sim.alter_job(here, 0, {"progress": 0.5})
    assert lazy.job(job_id).json["progress"] == 0.25
    assert lazy.job(job_id, max_age=0).json["progress"] == 0.5


def test_max_age_asks_nobody_when_fresh_enough(sim, lazy, here):
    sim.forget_stats()
    assert lazy.connector(here, max_age=3600).status == 200
    assert sim.stats()["total"] == 0


def test_max_age_is_one_call_however_many_ask(sim, lazy, here):
    sim.settings(latency_ms=800)
    wait_until(lambda: lazy.connector(here).status == 200)
    sim.forget_stats()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: lazy.connector(here, max_age=0), range(8)))
    assert {a.status for a in answers} == {200}
    received = sim.stats()["received"]
    assert 1 <= received["get"] + received["list"] <= 2 and received["history"] <= 2


def test_max_age_answers_with_what_there_is_when_mixpanel_is_down(sim, lazy, here):
    sim.stop()
    answer = lazy.connector(here, max_age=0)
    assert (answer.status, answer.json["connector_id"]) == (200, here)
    assert answer.json["sync"]["stale"] is True and answer.json["sync"]["error"]["code"]


def test_max_age_waits_no_longer_than_ten_seconds(sim, lazy, here):
    sim.fault("hang", "any", -1)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(lazy.connector, here, max_age=0).result(timeout=25)
    assert (answer.status, answer.json["connector_id"]) == (200, here)


def test_max_age_of_a_connector_gone_meanwhile(sim, lazy, here):
    sim.remove(here)
    wait_until(lambda: lazy.connector(here, max_age=0).json["state"] == "deleted",
               what="the deletion is noticed")


def started(daemon):
    """How many requests of the TCP listener have begun to arrive."""
    text = daemon.over_health().get("/metrics").text
    return int(re.search(r'^mixport_http_requests_total\{listener="tcp"\} (\d+)$', text, re.M)[1])


def test_a_wait_for_a_refresh_that_is_refused_ends_at_once(start_sim, start_daemon):
    """Refused, because a reload takes the project away while the request is still arriving."""
    sim = start_sim(projects=(PROJECT_ID, OTHER_PROJECT_ID))
    projects = {"demo": PROJECT_ID, "other": OTHER_PROJECT_ID}
    daemon = start_daemon(sim, config=LAZY, projects=projects)
    api = daemon.client()
    here, = sim.put(job=False)
    sim.verbatim_job(here, status="running", start_time="1600309069", progress=0.25)
    api.refresh()
    job = api.jobs_of(here).json["data"][0]
    before = started(daemon)
    with api.socket() as raw:
        raw.sendall(f"GET /v1/jobs/{job['job_id']}?wait=60&max_age=0 HTTP/1.1\r\n".encode())
        wait_until(lambda: started(daemon) == before + 1, what="the request has begun")
        daemon.config["project demo"] = None
        daemon.write_config()
        daemon.reload()
        secret = api.authorization()["Authorization"]
        raw.sendall(f"Host: localhost\r\nAuthorization: {secret}\r\n"
                    "Connection: close\r\n\r\n".encode())
        raw.settimeout(slow(20))
        answer = parse(read_all(raw))
    assert (answer.status, answer.json["status"]) == (200, "running")

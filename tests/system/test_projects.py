"""Projects: their shape, what they count, and refreshing one."""

import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness import DEMO_AND_OTHER, OTHER_PROJECT_ID, PROJECT_ID, wait_until

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


def test_a_project_has_every_member(api):
    project = api.project()
    assert project["project"] == "demo"
    assert project["project_id"] == PROJECT_ID
    assert project["region"] == "us"
    assert project["connectors"] == 0
    assert project["jobs_active"] == 0
    assert set(project["sync"]) >= {"synced_at", "stale", "error"}


def test_the_upstream_has_every_member(api):
    upstream = api.project()["upstream"]
    assert upstream["state"] == "ok"
    assert TIME.fullmatch(upstream["since"])
    assert upstream["consecutive_failures"] == 0
    assert upstream["next_attempt_at"] is None or TIME.fullmatch(upstream["next_attempt_at"])
    assert upstream["budget"]["per_minute"] == 60000
    assert isinstance(upstream["budget"]["available"], int)


def test_a_project_goes_by_its_name_and_its_number(api):
    assert api.project(PROJECT_ID)["project"] == api.project("demo")["project"] == "demo"


def test_every_project_is_listed(start_sim, start_daemon):
    sim = start_sim(projects=DEMO_AND_OTHER.values())
    api = start_daemon(sim, projects=DEMO_AND_OTHER).client()
    listed = {p["project"]: p["project_id"] for p in api.get("/v1/projects").json["data"]}
    assert listed == DEMO_AND_OTHER


def test_projects_do_not_mix(start_sim, start_daemon):
    sim = start_sim(projects=DEMO_AND_OTHER.values())
    api = start_daemon(sim, projects=DEMO_AND_OTHER).client()
    ids = sim.put(2, project=OTHER_PROJECT_ID)
    wait_until(lambda: api.project("other")["connectors"] == 2, what="two connectors")
    assert api.connectors("demo").json["data"] == []
    assert api.connector(ids[0], "demo").status == 404


def test_connectors_and_active_jobs_are_counted(sim, api):
    ids = sim.put(3, job=False)
    sim.add_job(ids[0], queued_ms=0, running_ms=3600000)
    wait_until(lambda: (api.project()["connectors"], api.project()["jobs_active"]) == (3, 1),
               what="three connectors, one active job")


def test_a_deleted_connector_is_not_counted(sim, api):
    ids = sim.put(2)
    wait_until(lambda: api.project()["connectors"] == 2, what="two connectors")
    sim.remove(ids[0])
    wait_until(lambda: api.project()["connectors"] == 1, what="one connector")


# Refreshing, with intervals so long that nothing else does it

LAZY = {"project demo": {"list_interval": "1h", "active_interval": "1h", "idle_interval": "1h"}}


@pytest.fixture
def lazy(start_daemon, sim):
    """The client of a daemon that asks Mixpanel nothing unless told to."""
    api = start_daemon(sim, config=LAZY).client()
    api.refresh()
    return api


def test_refresh_answers_at_once_with_the_project(sim, lazy):
    sim.fault("delay", "list", delay_ms=5000)
    began = time.monotonic()
    answer = lazy.post("/v1/projects/demo/refresh")
    assert (answer.status, answer.json["project"]) == (202, "demo")
    assert time.monotonic() - began < 4


def test_refresh_brings_connectors_and_histories(sim, lazy):
    connector_id, = sim.put(job=False)
    sim.add_job(connector_id)
    lazy.refresh()
    assert len(lazy.jobs_of(connector_id).json["data"]) == 1


def test_refresh_with_wait_tells_when_it_takes_longer(sim, lazy):
    sim.fault("delay", "list", delay_ms=3000)
    answer = lazy.post("/v1/projects/demo/refresh", query={"wait": 1})
    assert (answer.status, answer.json["project"]) == (202, "demo")


def test_refreshes_at_once_share_one(sim, lazy):
    sim.settings(latency_ms=700)
    sim.forget_stats()
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: lazy.refresh(), range(6)))
    assert sim.received("list") <= 2


@pytest.mark.parametrize("wait", ["-1", "61", "x"])
def test_refresh_refuses_other_waits(lazy, wait):
    answer = lazy.post("/v1/projects/demo/refresh", query={"wait": wait})
    assert (answer.status, answer.code) == (400, "invalid-parameter")


def test_refreshing_one_connector_brings_it_and_its_history(sim, lazy):
    one, two = sim.put(2, job=False)
    lazy.refresh()
    sim.add_job(one)
    sim.add_job(two)
    answer = lazy.post(f"/v1/projects/demo/connectors/{one}/refresh", query={"wait": 20})
    assert (answer.status, answer.json["connector_id"]) == (200, one)
    assert len(lazy.jobs_of(one).json["data"]) == 1
    assert lazy.jobs_of(two).json["data"] == []


def test_refreshing_without_wait_is_202(sim, lazy):
    connector_id, = sim.put()
    lazy.refresh()
    answer = lazy.post(f"/v1/projects/demo/connectors/{connector_id}/refresh")
    assert (answer.status, answer.json["connector_id"]) == (202, connector_id)


def test_the_project_etag_ignores_freshness(api):
    before = api.get("/v1/projects/demo")
    synced = before.json["sync"]["synced_at"]
    wait_until(lambda: api.project()["sync"]["synced_at"] != synced, what="a later refresh")
    assert api.get("/v1/projects/demo").headers["ETag"] == before.headers["ETag"]


def test_the_project_etag_follows_its_connectors(sim, api):
    before = api.get("/v1/projects/demo").headers["ETag"]
    sim.put()
    wait_until(lambda: api.project()["connectors"] == 1, what="one connector")
    assert api.get("/v1/projects/demo").headers["ETag"] != before

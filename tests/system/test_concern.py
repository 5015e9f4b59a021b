"""A failure belongs to whom it concerns, a call to the configuration it was made under, and no reader
holds back a writer."""

import json
import threading
import time

import pytest

from harness import PROJECT_ID, Sim, gcs, stays, wait_until

NO_MEMBER = json.dumps({"status": "error", "error": f"User 7 is not a member of project {PROJECT_ID}."})


def rate(sim, seconds=2):
    before = sim.received("history")
    time.sleep(seconds)
    return (sim.received("history") - before) / seconds


@pytest.mark.parametrize("answer", [{"status": 504}, {"status": 503}, {"status": 403},
                                    {"status": 500}])
def test_one_failing_connector_leaves_the_others_alone(start_daemon, sim, answer):
    api = start_daemon(sim).client()
    ids = sim.put(20)
    wait_until(lambda: len(api.connectors().json["data"]) == 20, what="they are known")
    wait_until(lambda: all(api.jobs_of(i).json["data"] for i in ids), what="all have a job")
    healthy = rate(sim)
    for bad in ids[:4]:
        sim.fault("status", "history", count=-1, connector_id=bad, **answer)
    for bad in ids[:4]:
        wait_until(lambda: api.connector(bad).json["sync"]["error"], 30, what="its error is told")
    # Three that begin to fail in a row are looked into once.
    wait_until(lambda: api.project()["upstream"]["state"] == "ok", 30, what="the project is well")
    assert rate(sim) > healthy / 2
    assert api.project()["upstream"]["state"] == "ok"
    assert api.connector(ids[-1]).json["sync"]["error"] is None
    sim.no_faults()
    wait_until(lambda: api.connector(ids[0]).json["sync"]["error"] is None, 30, what="it is over")


def test_three_in_a_row_are_no_coincidence(start_daemon, sim):
    api = start_daemon(sim, config={"project demo": {"list_interval": "1h"}}).client()
    sim.put(5)
    api.refresh()
    wait_until(lambda: len(api.connectors().json["data"]) == 5, what="they are known")
    sim.refuse("history", 503, count=-1)
    wait_until(lambda: api.project()["upstream"]["state"] == "degraded", what="it is degraded")


def test_an_account_that_is_no_member_is_unauthorized(api, sim):
    sim.refuse("create", 403, body=NO_MEMBER)
    answer = api.create(gcs())
    assert (answer.status, answer.code) == (502, "upstream-unauthorized")
    sim.refuse("list", 403, count=-1, body=NO_MEMBER)
    wait_until(lambda: api.project()["upstream"]["state"] == "unauthorized", what="unauthorized")


def test_a_page_that_waits_stays_with_its_origin_and_credential(start_daemon, start_sim):
    """Across a reload that changes both."""
    old = start_sim("--page", "2")
    new = start_sim("--user", "new-account:new-secret")
    old.put(6, job=False)
    daemon = start_daemon(old, config={"project demo": {"rate_limit": 60, "list_interval": "1h"}})
    old.fault("delay", "list", count=1, delay_ms=1000)
    daemon.client().post("/v1/projects/demo/refresh", {})
    wait_until(lambda: old.received("list") >= 1, what="a list is on its way")
    daemon.write_secret("credential", "new-account:new-secret\n")
    daemon.configure("project demo", base_url=new.base_url)
    daemon.reload()
    assert stays(lambda: all("new-account" not in json.dumps(r["headers"]) and
                             r["status"] != 401 for r in old.requests()), 3)
    wait_until(lambda: new.received("list") >= 1, 20, what="the new origin is asked")


def test_readers_do_not_starve_a_writer(start_daemon, sim):
    api = start_daemon(sim, config={"project demo": {"rate_limit": 60, "list_interval": "1h",
                                                     "active_interval": "1h"}}).client()
    ids = sim.put(3, job=False)
    api.refresh()
    over = threading.Event()

    def read(connector_id):
        while not over.is_set():
            api.connector(connector_id, max_age=0)

    readers = [threading.Thread(target=read, args=(i,)) for i in ids for _ in range(4)]
    for reader in readers:
        reader.start()
    wait_until(lambda: sim.received("get") >= 10, 60, what="the readers have had their share")
    began = time.monotonic()
    answer = api.create(gcs("written"))
    taken = time.monotonic() - began
    over.set()
    for reader in readers:
        reader.join()
    assert answer.status == 201 and taken < 5
    assert sim.received("get") <= 30


def test_a_late_refusal_of_the_old_account_is_not_held_against_the_new_one(start_daemon, start_sim):
    sim = start_sim("--user", "old:secret", "--user", "new:secret")
    daemon = start_daemon(sim, credential="old:secret",
                          config={"project demo": {"list_interval": "1h"}})
    sim.fault("status", "list", status=401, delay_ms=1500)
    daemon.client().post("/v1/projects/demo/refresh", {})
    wait_until(lambda: sim.stats()["concurrent"] > 0, what="a list is on its way")
    daemon.write_secret("credential", "new:secret\n")
    daemon.reload()
    seen = set()

    def late_answer_is_in():
        seen.add(daemon.client().project()["upstream"]["state"])
        return not sim.faults() and sim.stats()["concurrent"] == 0

    wait_until(late_answer_is_in, what="the late answer is in")
    assert stays(lambda: daemon.client().project()["upstream"]["state"] != "unauthorized", 2)
    assert "unauthorized" not in seen


def test_a_late_list_of_another_origin_is_not_taken_for_this_one(start_daemon, start_sim):
    old, new = start_sim(), start_sim("--seed", "2")
    daemon = start_daemon(old, config={"project demo": {"list_interval": "1h"}})
    api = daemon.client()
    wait_until(lambda: api.project()["sync"]["synced_at"], what="the old one was listed")
    stranger, = old.put(job=False)
    here, = new.put(job=False)
    old.fault("delay", "list", delay_ms=1500)
    api.post("/v1/projects/demo/refresh", {})
    wait_until(lambda: old.stats()["concurrent"] > 0, what="a list is on its way")
    daemon.configure("project demo", base_url=new.base_url)
    daemon.reload()
    wait_until(lambda: api.connector(here).status == 200, 30, what="the new one is listed")
    wait_until(lambda: old.stats()["concurrent"] == 0, what="the late answer is in")
    assert stays(lambda: api.connector(stranger).status == 404)
    assert api.project()["upstream"]["state"] == "ok"


def test_a_late_refusal_of_a_list_degrades_nothing(start_daemon, start_sim):
    sim = start_sim("--user", "old:secret", "--user", "new:secret")
    daemon = start_daemon(sim, credential="old:secret",
                          config={"project demo": {"list_interval": "1h"}})
    api = daemon.client()
    wait_until(lambda: api.project()["sync"]["synced_at"], what="it was listed")
    sim.fault("status", "list", status=401, delay_ms=1500)
    api.post("/v1/projects/demo/refresh", {})
    wait_until(lambda: sim.stats()["concurrent"] > 0, what="a list is on its way")
    daemon.write_secret("credential", "new:secret\n")
    daemon.reload()
    wait_until(lambda: len(sim.requests("list")) == 3, what="it is asked again, by the new one")
    wait_until(lambda: api.project()["upstream"]["state"] == "ok", what="it is well")
    assert "degraded" not in daemon.log()

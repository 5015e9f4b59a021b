"""Mixpanel and the disk at their worst: no create twice, no state lost, no hammering."""

import json
import os
import resource
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness import (PROJECT_ID, SLOW, USER, Daemon, Sim, basic, gcs, slow, stays, wait_until)

# Answers that leave a create's outcome open, as (fault, its members).
UNCLEAR = {
    "drop-before": {}, "drop-during": {}, "drop-after": {},
    "truncate": {}, "truncate-unframed": {"action": "truncate", "framing": "close"},
    "truncate-head": {"action": "truncate", "keep": 0},
    "garbage": {}, "html": {}, "status-500": {"action": "status", "status": 500},
    "status-502": {"action": "status", "status": 502},
    "status-503": {"action": "status", "status": 503},
    "status-504": {"action": "status", "status": 504},
    "status-409": {"action": "status", "status": 409},
    "retry-after-503": {"action": "status", "status": 503, "headers": {"Retry-After": "1"}},
    "redirect-slash": {}, "redirect-elsewhere": {"location": "/api/app/me"},
    "redirect-308": {"action": "status", "status": 308,
                     "headers": {"Location": f"/api/app/projects/{PROJECT_ID}/connectors/"}},
    "hang": {}, "drip": {"delay_ms": 300}, "huge": {}, "deep": {}, "bigint": {},
    "empty": {"action": "status", "status": 201, "body": ""},
    "null": {"action": "status", "status": 201, "body": "null"},
    "no-id": {"action": "status", "status": 201, "body": '{"status":"ok","results":{}}'},
    "error-200": {"action": "status", "status": 200, "body": '{"status":"error","error":"no"}'},
    "status-204": {"action": "status", "status": 204, "body": ""},
    "status-999": {"action": "status", "status": 999},
    "raw": {"action": "status", "framing": "raw", "body": "nonsense\r\n\r\n"},
    "reset": {"action": "truncate", "reset": True},
}
# Not struck before the whole request has been read: these can have been carried out.
EXECUTABLE = [name for name in UNCLEAR if name != "drop-during"]
UNCLEAR_CASES = [(name, False) for name in UNCLEAR] + [(name, True) for name in EXECUTABLE]

FAST = {"project demo": {"timeout": f"{int(1000 * max(1, SLOW))}ms",
                         "write_timeout": f"{int(1000 * max(1, SLOW))}ms"}}


def strike(sim, name, endpoint="create", count=1, **more):
    members = {"action": name, **UNCLEAR[name], **more}
    sim.fault(members.pop("action"), endpoint, count, **members)


def ended(api, operation_id, state, timeout=30):
    """Waits until the operation is in the state; the operation."""
    def there():
        operation = api.operation(operation_id).json
        return operation["state"] == state and operation
    return wait_until(there, timeout, f"{operation_id} is {state}", interval=0.05)


def operation_of(answer):
    assert answer.status == 202, answer
    assert answer.headers["Location"] == f"/v1/operations/{answer.json['operation_id']}"
    return answer.json["operation_id"]


@pytest.fixture
def daemon(start_daemon, sim):
    return start_daemon(sim, config=FAST)


# One daemon, a project for each case: the cases take place at the same time


def label(case):
    return "-".join(map(str, case)) if isinstance(case, tuple) else case


class Many:
    """A simulator and a daemon with a project for each case."""

    def __init__(self, cases, *sim_options, **keys):
        self.names = {case: "p-" + label(case).lower() for case in cases}
        self.numbers = {case: 1000 + number for number, case in enumerate(cases)}
        projects = {self.names[case]: self.numbers[case] for case in cases}
        keys = {"list_interval": "1s", "active_interval": "1s", "idle_interval": "1s",
                "status_interval": "1000d",
                "timeout": f"{int(3000 * max(1, SLOW))}ms",
                "write_timeout": f"{int(3000 * max(1, SLOW))}ms", **keys}
        self.sim = Sim(*sim_options, projects=projects.values())
        self.daemon = Daemon(self.sim, projects=projects,
                             config={f"project {name}": keys for name in projects})

    def __enter__(self):
        self.sim.start()
        self.daemon.start()
        self.wait_ok()
        return self

    def __exit__(self, *exception):
        self.daemon.close()
        self.sim.stop()

    @property
    def api(self):
        return self.daemon.client()

    def wait_ok(self):
        """Every project has been listed by this process."""
        api = self.api
        for name in self.names.values():
            wait_until(lambda n=name: api.project(n)["upstream"]["state"] == "ok", 30,
                       f"{name} is ok")

    def each(self, work):
        """{case: what work(case) returned}, all at the same time."""
        with ThreadPoolExecutor(len(self.names)) as pool:
            return dict(zip(self.names, pool.map(work, self.names)))

    def requests(self, endpoint):
        """{case: the requests of its project}"""
        every = self.sim.requests(endpoint)
        return {case: [r for r in every if r["project_id"] == number]
                for case, number in self.numbers.items()}


class Creates:
    """What became of one create in each case."""

    def settle(self, many):
        """Until each operation has the state it should have, or time is up."""
        end = time.monotonic() + slow(30)
        api = many.api
        while True:
            self.operations = {case: api.every("/v1/operations", {"project": name})[0]
                               for case, name in many.names.items()}
            if time.monotonic() > end or all(o["state"] == wanted(case)
                                             for case, o in self.operations.items()):
                return
            time.sleep(0.1)

    def count(self, many):
        self.received = {case: len(r) for case, r in many.requests("create").items()}
        self.executed = {case: [r["connector_id"] for r in requests if r["executed"]]
                         for case, requests in many.requests("create").items()}
        self.made = {case: [c["connector_id"] for c in many.sim.connectors()
                            if c["project"] == many.numbers[case]] for case in many.names}


def wanted(case):
    return "succeeded" if case[1] else "unknown"


@pytest.fixture(scope="module")
def creates():
    found = Creates()
    with Many(UNCLEAR_CASES) as many:
        for name, executed in UNCLEAR_CASES:
            strike(many.sim, name, executed=executed, project=many.numbers[name, executed])
        found.answers = many.each(lambda case: many.api.create(gcs(), many.names[case], wait=20))
        found.settle(many)
        many.daemon.restart()
        many.wait_ok()
        found.settle(many)
        found.count(many)
    yield found


KILL_CASES = [("hang", False), ("hang", True), ("drop-after", True), ("drop-before", False),
              ("status-500", True), ("status-500", False), ("garbage", True),
              ("truncate", True), ("redirect-slash", False), ("drip", True)]


@pytest.fixture(scope="module")
def killed():
    found = Creates()
    with Many(KILL_CASES) as many:
        for name, executed in KILL_CASES:
            strike(many.sim, name, executed=executed, project=many.numbers[name, executed])
        found.answers = many.each(lambda case: many.api.create(gcs(), many.names[case], wait=0))
        wait_until(lambda: all(many.requests("create").values()), what="all creates have arrived")
        many.daemon.kill()
        many.daemon.start()
        found.settle(many)
        found.count(many)
    yield found


# Creates

in_creates = pytest.mark.xdist_group("creates")
in_killed = pytest.mark.xdist_group("killed")
each_unclear = pytest.mark.parametrize("case", UNCLEAR_CASES, ids=label)
each_killed = pytest.mark.parametrize("case", KILL_CASES, ids=label)


@in_creates
@each_unclear
def test_an_unclear_create_is_202_or_known_in_time(creates, case):
    answer = creates.answers[case]
    if answer.status == 201 and case[1]:
        assert answer.json["connector_id"] == creates.made[case][0]
    else:
        operation_of(answer)


@in_creates
@each_unclear
def test_an_unclear_create_is_sent_once(creates, case):
    assert creates.received[case] <= 1
    assert len(creates.made[case]) == int(case[1])


@in_creates
@each_unclear
def test_an_unclear_create_is_settled_by_listing(creates, case):
    operation = creates.operations[case]
    assert operation["state"] == wanted(case)
    assert operation["connector_id"] == (creates.made[case][0] if case[1] else None)
    assert operation["candidates"] == []


@in_creates
@each_unclear
def test_an_unclear_create_has_a_readable_reason(creates, case):
    if case[1]:
        return  # it has succeeded
    error = creates.operations[case]["error"]
    assert error["code"] and error["message"].isprintable() and len(error["message"]) > 8


@in_killed
@each_killed
def test_an_unclear_create_is_sent_once_across_a_kill(killed, case):
    assert killed.received[case] == 1
    assert len(killed.made[case]) == int(case[1])


@in_killed
@each_killed
def test_an_unclear_create_is_settled_after_a_kill(killed, case):
    operation = killed.operations[case]
    assert operation["state"] == wanted(case)
    assert operation["connector_id"] == (killed.made[case][0] if case[1] else None)


@pytest.mark.parametrize("delay_ms", [0, 5, 20, 60, 150])
def test_a_good_create_is_made_once_across_a_kill_at_any_moment(daemon, sim, delay_ms):
    sim.settings(latency_ms=40)
    operation = operation_of(daemon.client().create(gcs(), wait=0))
    with pytest.raises(subprocess.TimeoutExpired):
        daemon.process.wait(delay_ms / 1000)
    daemon.kill()
    daemon.start()
    api = daemon.client()
    found = wait_until(lambda: (o := api.operation(operation).json)["state"]
                       not in ("planned", "sending") and o, what="an end")
    if found["state"] == "unknown" and sim.executed("create"):
        found = ended(api, operation, "succeeded")
    assert found["state"] == ("succeeded" if sim.executed("create") else "unknown")
    assert sim.executed("create") <= 1


def test_an_unknown_create_has_a_readable_error(daemon, api, sim):
    strike(sim, "status-500")
    found = ended(api, operation_of(api.create(gcs(), wait=20)), "unknown")
    assert "500" in found["error"]["message"]


@pytest.mark.parametrize("status", [400, 403, 404, 422])
def test_a_refused_create_is_rejected(api, sim, status):
    sim.refuse("create", status)
    answer = api.create(gcs())
    assert (answer.status, answer.code) == (status, "upstream-rejected")
    assert api.get("/v1/operations").json["data"][0]["state"] == "rejected"
    assert sim.received("create") == 1


def test_an_unauthorized_create_is_502(api, sim):
    sim.refuse("create", 401)
    answer = api.create(gcs())
    assert (answer.status, answer.code) == (502, "upstream-unauthorized")


def test_a_create_that_no_connection_carried_is_503(daemon, api, sim):
    sim.stop()
    answer = api.create(gcs())
    assert (answer.status, answer.code) == (503, "upstream-unreachable")
    assert int(answer.headers["Retry-After"]) > 0
    assert api.get("/v1/operations").json["data"][0]["state"] == "unreachable"


def test_an_unreachable_create_is_not_sent_later(daemon, api, sim):
    sim.stop()
    api.create(gcs())
    sim.start()
    lists = sim.received("list")
    wait_until(lambda: sim.received("list") > lists + 2, 30, "a few listings later")
    assert sim.received("create") == 0


def test_a_connection_that_is_closed_at_once_is_not_taken_for_none(api, sim):
    """Once something may have been sent, only `unknown` is safe."""
    sim.fault("drop-accept", "any", -1)
    answer = api.create(gcs(), wait=20)
    assert answer.status in (202, 503)
    state = api.get("/v1/operations").json["data"][0]["state"]
    assert state == ("unknown" if answer.status == 202 else "unreachable")


@pytest.mark.parametrize("retry_after", [1, 0, -5, "Wed, 01 Jan 2020 00:00:00 GMT", "soon", ""])
def test_a_create_that_meets_the_limit_goes_out_later(daemon, api, sim, retry_after):
    sim.fault("retry-after", "create", retry_after=retry_after)
    operation = operation_of(api.create(gcs(), wait=0))
    ended(api, operation, "succeeded")
    assert (sim.received("create"), sim.executed("create")) == (2, 1)


def test_a_create_within_the_wait_is_201_after_the_limit(api, sim):
    sim.fault("retry-after", "create", retry_after=1)
    assert api.create(gcs(), wait=30).status == 201


def test_a_key_repeats_an_unclear_outcome_without_sending(daemon, api, sim):
    strike(sim, "drop-after")
    first = operation_of(api.create(gcs(), key="once", wait=20))
    ended(api, first, "succeeded")
    again = api.create(gcs(), key="once")
    assert again.status in (201, 202)
    assert sim.executed("create") == 1


def test_equal_creates_are_told_apart_or_left_unknown(daemon, api, sim):
    """Two creates of the same content, one carried out: no one may guess which."""
    strike(sim, "hang", count=1, executed=True)
    strike(sim, "hang", count=1, executed=False)
    first = operation_of(api.create(gcs(), wait=0, allow_duplicate="true"))
    second = operation_of(api.create(gcs(), wait=0, allow_duplicate="true"))
    wait_until(lambda: sim.received("create") == 2, 20, "both have arrived")
    wait_until(lambda: all(api.operation(o).json["state"] in ("unknown", "succeeded")
                           for o in (first, second)), 20, "both are over")
    lists = sim.received("list")
    wait_until(lambda: sim.received("list") > lists + 1, 20, "another listing later")
    claimed = [api.operation(o).json["connector_id"] for o in (first, second)]
    assert claimed.count(sim.created()[0]) <= 1


def test_creates_and_kills_at_random_make_each_connector_once(daemon, sim):
    """Thirty intents under changing faults and three kills; the simulator counts by prefix."""
    names = ["drop-before", "drop-after", "truncate", "garbage", "status-500", "status-409"]
    for number, name in enumerate(names * 2):
        strike(sim, name, executed=number % 2 == 0, skip=number % 3)
    for burst in range(3):
        api = daemon.client()
        with ThreadPoolExecutor(10) as pool:
            intents = [pool.submit(quiet_create, api, f"{burst}/{n}/") for n in range(10)]
            wait_until(lambda: sim.received("create") >= burst * 8 + 4, what="some have arrived")
            daemon.kill()
            for intent in intents:
                intent.result()
        daemon.start()
    api = daemon.client()
    wait_until(lambda: all(o["state"] not in ("planned", "sending")
                           for o in api.every("/v1/operations")), 30, "all are over")
    made = [json.loads(r["body"])["connector_properties"]["gcs_prefix"]
            for r in sim.requests("create") if r["executed"]]
    assert sorted(made) == sorted(set(made))


def quiet_create(api, prefix):
    try:
        api.create(gcs(prefix=prefix), wait=0)
    except OSError:
        pass  # the daemon was killed


# Deletes

DELETE_CASES = [(name, executed) for executed in (False, True) for name in (
    "drop-before", "drop-after", "truncate", "garbage", "status-500", "html", "hang",
    "status-409")]
in_deletes = pytest.mark.xdist_group("deletes")
each_delete = pytest.mark.parametrize("case", DELETE_CASES, ids=label)


@pytest.fixture(scope="module")
def deletes():
    with Many(DELETE_CASES, "--connectors", "1") as many:
        for name, executed in DELETE_CASES:
            strike(many.sim, name, "delete", executed=executed,
                   project=many.numbers[name, executed])
        there = {case: next(c["connector_id"] for c in many.sim.connectors()
                            if c["project"] == many.numbers[case]) for case in many.names}
        many.answers = many.each(lambda case: many.api.remove(there[case], many.names[case],
                                                              wait=40))
        many.records = many.each(lambda case: many.api.connector(there[case], many.names[case]))
        many.left = [c["project"] for c in many.sim.connectors()]
        yield many


@in_deletes
@each_delete
def test_an_unclear_delete_is_repeated_until_it_is_clear(deletes, case):
    assert deletes.answers[case].status == 204
    assert deletes.numbers[case] not in deletes.left


@in_deletes
@each_delete
def test_an_unclear_delete_is_on_record(deletes, case):
    assert deletes.records[case].json["state"] == "deleted"


# Listings and histories: each project of one daemon suffers another fault

READ_FAULTS = {name: UNCLEAR[name] for name in (
    "drop-before", "drop-during", "truncate", "truncate-unframed", "garbage", "html",
    "status-500", "status-503", "redirect-elsewhere", "hang", "drip", "huge", "deep", "bigint",
    "empty", "error-200", "raw")}
READ_FAULTS["unauthorized"] = {"action": "status", "status": 401}
READ_FAULTS["forbidden"] = {"action": "status", "status": 403}
READ_FAULTS["slashes"] = {"action": "status", "status": 302, "headers": {"Location": "//x/"}}
READ_CASES = [(endpoint, name) for endpoint in ("list", "history") for name in READ_FAULTS]
in_reads = pytest.mark.xdist_group("reads")
each_read = pytest.mark.parametrize("case", READ_CASES, ids=label)


def look(many, case):
    api, name = many.api, many.names[case]
    return {"connectors": api.every(f"/v1/projects/{name}/connectors", {"state": "all"}),
            "jobs": api.every("/v1/jobs", {"project": name}), "project": [api.project(name)]}


def records(seen, kind):
    return [{k: v for k, v in record.items() if k not in ("sync", "status_known_at")}
            for record in seen[kind]]


def shown_in(seen, case):
    """The records that must show the fault."""
    return seen["project" if case[0] == "list" else "jobs"]


def look_until(many, timeout, good):
    """{case: what is seen}, each once good(case, seen), or when time is up."""
    end = time.monotonic() + slow(timeout)
    found = {}
    for case in many.names:
        while True:
            found[case] = look(many, case)
            if good(case, found[case]) or time.monotonic() > end:
                break
            time.sleep(0.05)
    return found


@pytest.fixture(scope="module")
def reads():
    with Many(READ_CASES, "--connectors", "2", "--jobs", "1") as many:
        many.before = look_until(many, 30, lambda _, seen: len(seen["jobs"]) == 2 and all(
            c["latest_job"] for c in seen["connectors"]))
        for endpoint, name in READ_CASES:
            members = {"action": name, **READ_FAULTS[name]}
            many.sim.fault(members.pop("action"), endpoint, -1,
                           project=many.numbers[endpoint, name], **members)
        many.during = look_until(many, 12, lambda case, seen: all(
            r["sync"]["error"] for r in shown_in(seen, case)))
        many.sim.no_faults()
        many.after = look_until(many, 25, lambda _, seen: all(
            r["sync"]["error"] is None and not r["sync"]["stale"]
            for kind in seen.values() for r in kind))
        yield many


@in_reads
@each_read
def test_a_fault_leaves_the_last_good_state(reads, case):
    for kind in ("connectors", "jobs"):
        assert records(reads.during[case], kind) == records(reads.before[case], kind)


@in_reads
@each_read
def test_a_fault_shows_as_stale_with_a_reason(reads, case):
    for record in shown_in(reads.during[case], case):
        assert record["sync"]["stale"] is True
        error = record["sync"]["error"]
        assert error["code"] and error["message"].isprintable() and error["since"]
        assert 8 < len(error["message"]) < 1000


@in_reads
@each_read
def test_a_fault_that_is_over_is_forgotten(reads, case):
    assert [r["sync"] for kind in reads.after[case].values() for r in kind
            if r["sync"]["error"] or r["sync"]["stale"]] == []


@in_reads
@each_read
def test_after_a_fault_everything_is_as_before(reads, case):
    for kind in ("connectors", "jobs"):
        assert records(reads.after[case], kind) == records(reads.before[case], kind)


@pytest.fixture
def known(start_daemon, start_sim):
    """A daemon that knows eight connectors with a job each."""
    daemon = start_daemon(start_sim("--connectors", "8", "--jobs", "1"), config=FAST)
    wait_until(lambda: len(daemon.client().every("/v1/jobs")) == 8, what="all jobs")
    return daemon


def ids(api, state="all"):
    return {c["connector_id"] for c in api.every("/v1/projects/demo/connectors",
                                                  {"state": state})}


@pytest.mark.parametrize("action", ["empty-list", "shrink", "has-more-no-url"])
def test_one_short_listing_deletes_nothing(known, action):
    api, sim = known.client(), known.sim
    before = ids(api, "present")
    sim.fault(action, "list", 1)
    lists = sim.received("list")
    wait_until(lambda: sim.received("list") > lists + 3, 20, "a few listings later")
    assert ids(api, "deleted") == set() and ids(api, "present") == before


# A list that does not say that it is whole proves nothing by what it lacks.
@pytest.mark.parametrize("fault", [
    ("has-more-no-url", {}),
    ("status", {"status": 200, "body": "[]"}),
    ("status", {"status": 200, "body": '{"status":"ok","results":{"url":null,"data":[]}}'}),
], ids=["more-but-not-where", "bare-array", "nothing-said"])
def test_incomplete_listings_delete_nothing_ever(known, fault):
    api, sim = known.client(), known.sim
    before = ids(api, "present")
    sim.fault(fault[0], "list", -1, **fault[1])
    lists = sim.received("list")
    wait_until(lambda: sim.received("list") > lists + 3, 20, "a few listings later")
    assert ids(api, "present") == before


# Of a history nothing is said here: without ids, two entries with one start time are two runs.
def test_entries_twice_make_nothing_twice(known):
    api, sim = known.client(), known.sim
    connectors, jobs = ids(api), {j["job_id"] for j in api.every("/v1/jobs")}
    sim.fault("duplicate", "list", -1)
    asked = sim.received("list")
    wait_until(lambda: sim.received("list") > asked + 1, 20, "a few requests later")
    assert ids(api) == connectors
    assert {j["job_id"] for j in api.every("/v1/jobs")} == jobs


def test_chunked_answers_are_taken(known):
    known.sim.fault("chunked", "any", -1)
    assert known.client().refresh()["sync"]["error"] is None


def test_an_added_slash_is_followed(known):
    known.sim.settings(trailing_slash="redirect")
    assert known.client().refresh()["sync"]["error"] is None


def test_the_credential_is_not_carried_to_another_host(known, start_sim):
    thief = start_sim()
    known.sim.fault("redirect-elsewhere", "any", -1, location=thief.base_url + "/me")
    total = known.sim.stats()["total"]
    wait_until(lambda: known.sim.stats()["total"] > total + 2, 20, "some requests")
    known.client().create(gcs(), wait=2)
    assert thief.stats()["total"] == 0


# Restraint


@pytest.fixture
def start_limited(start_daemon, start_sim):
    """A daemon that has far more to ask than it may."""
    def start(**keys):
        sim = start_sim("--connectors", "60", "--jobs", "1")
        quick = {"list_interval": "100ms", "active_interval": "100ms", "idle_interval": "100ms"}
        return start_daemon(sim, config={"project demo": {**quick, **keys}}, ready=False)
    return start


def most_within(requests, seconds):
    """The largest number of requests in any window of so many seconds."""
    times = sorted(r["at_us"] for r in requests)
    start = most = 0
    for end, at in enumerate(times):
        while at - times[start] >= seconds * 1e6:
            start += 1
        most = max(most, end - start + 1)
    return most


def press(daemon, seconds):
    """Clients that want everything fresh, for so many seconds; answers do not matter."""
    api = daemon.client(timeout=1)
    end = time.monotonic() + seconds

    def ask(number):
        while time.monotonic() < end:
            try:
                known = api.connectors(limit=60).json["data"]
                if known:
                    api.connector(known[number % len(known)]["connector_id"], max_age=0)
                api.post("/v1/projects/demo/refresh")
            except OSError:
                pass

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(ask, range(4)))


def test_the_rate_limit_holds_under_pressure(start_limited):
    daemon = start_limited(rate_limit=30)
    press(daemon, 5)
    requests = daemon.sim.requests()
    assert 0 < most_within(requests, 60) <= 30


def test_the_rate_limit_counts_creates_too(start_limited):
    daemon = start_limited(rate_limit=20)
    for number in range(30):
        daemon.client().create(gcs(f"bucket-{number}"), wait=0)
    press(daemon, 3)
    assert most_within(daemon.sim.requests(), 60) <= 20


def test_a_reload_does_not_refill_the_budget(start_limited):
    daemon = start_limited(rate_limit=20)
    for number in range(3):
        press(daemon, 1)
        daemon.configure("project demo", timeout=f"{20 + number}s")
        daemon.reload()
    press(daemon, 1)
    assert most_within(daemon.sim.requests(), 60) <= 20


def test_a_create_is_not_starved_by_refreshes(start_limited):
    """The budget is spent on what somebody waits for first."""
    daemon = start_limited(rate_limit=120)
    wait_until(lambda: daemon.sim.stats()["total"] >= 40, 20, "much of the budget is used")
    assert daemon.client().create(gcs(), wait=30).status == 201


@pytest.mark.parametrize("limit", [1, 3])
def test_no_more_than_max_concurrent_at_once(start_limited, limit):
    daemon = start_limited(rate_limit=60000, max_concurrent=limit)
    daemon.sim.settings(latency_ms=60)
    press(daemon, 2)
    assert daemon.sim.stats()["concurrent_maximum"] == limit


@pytest.mark.parametrize("seconds", [3])
def test_retry_after_is_honoured(known, seconds):
    sim = known.sim
    sim.fault("retry-after", "any", 1, retry_after=seconds)
    struck = wait_until(lambda: [r for r in sim.requests() if r["status"] == 429], what="a 429")
    since = struck[0]["at_us"]
    # Those already on their way may still arrive.
    wait_until(lambda: [r for r in sim.requests() if r["at_us"] > since + 1e6], 30,
               "the next request")
    assert [r for r in sim.requests() if since + 2e5 < r["at_us"] < since + seconds * 1e6] == []


def test_the_limit_shows_in_the_project(known):
    known.sim.fault("retry-after", "any", -1, retry_after=5)
    api = known.client()
    found = wait_until(lambda: (p := api.project())["upstream"]["state"] == "rate-limited" and p,
                       20, "rate-limited")
    assert found["upstream"]["next_attempt_at"]


@pytest.mark.parametrize("retry_after", [999999999999, "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_an_absurd_retry_after_is_bounded(known, retry_after):
    known.sim.fault("retry-after", "any", -1, retry_after=retry_after)
    api = known.client()
    found = wait_until(lambda: (p := api.project())["upstream"]["next_attempt_at"] and p, 20,
                       "the next attempt")
    assert found["upstream"]["next_attempt_at"] < time.strftime(
        "%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 2 * 86400))


@pytest.mark.parametrize("how, members", [("status", {"status": 502}), ("status", {"status": 503}),
                                          ("drop-before", {})], ids=["502", "503", "drop"])
def test_a_mixpanel_that_is_down_is_not_hammered(known, how, members):
    """The vendor asks for a backoff from 2 s, doubled: hardly anything in a few seconds."""
    sim, api = known.sim, known.client()
    sim.fault(how, "any", -1, **members)
    wait_until(lambda: api.project()["upstream"]["state"] != "ok", what="not ok")
    before = sim.stats()["total"]
    with pytest.raises(subprocess.TimeoutExpired):
        known.process.wait(4)
    assert sim.stats()["total"] - before < 10


def test_after_an_outage_it_recovers_by_itself(known):
    known.sim.stop()
    api = known.client()
    wait_until(lambda: api.project()["upstream"]["state"] == "unreachable", what="unreachable")
    known.sim.start()
    wait_until(lambda: api.project()["upstream"]["state"] == "ok", 30, "ok again")


def test_during_an_outage_the_last_state_is_served(known):
    api = known.client()
    before = ids(api)
    known.sim.stop()
    wait_until(lambda: api.project()["upstream"]["state"] == "unreachable", what="unreachable")
    assert ids(api) == before


# The environment


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY",
                                      "all_proxy", "ALL_PROXY", "no_proxy"])
def test_proxy_variables_have_no_effect(start_daemon, sim, variable):
    daemon = start_daemon(sim, run=False)
    daemon.spawn = {"env": {**os.environ, variable: "http://127.0.0.1:1"}}
    daemon.start()
    assert daemon.client().project()["upstream"]["state"] == "ok"


@pytest.mark.parametrize("name", [".netrc", ".curlrc"])
def test_files_of_the_home_folder_have_no_effect(start_daemon, sim, name):
    daemon = start_daemon(sim, run=False)
    text = {".netrc": "default login thief password stolen\n", ".curlrc": "user = thief:stolen\n"}
    daemon.write_secret(name, text[name])
    daemon.spawn = {"env": {**os.environ, "HOME": str(daemon.folder),
                            "CURL_HOME": str(daemon.folder),
                            "NETRC": str(daemon.folder / ".netrc")}}
    daemon.start()
    sent = {dict(r["headers"])["Authorization"] for r in sim.requests()}
    assert sent == {basic(*USER.split(":"))}


def test_variables_that_would_tell_secrets_have_no_effect(start_daemon, sim):
    daemon = start_daemon(sim, run=False)
    daemon.spawn = {"env": {**os.environ, "SSLKEYLOGFILE": str(daemon.folder / "keys")}}
    daemon.start()
    assert not (daemon.folder / "keys").exists()


# A full disk


def limit_files(daemon, size):
    """No file of the daemon can grow beyond the size: writes fail as on a full disk."""
    resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


@pytest.fixture
def full(known):
    """The known daemon, whose files cannot grow any more, once it has noticed."""
    known.expect_error("")
    limit_files(known, 4096)
    api = known.client()
    known.sim.put()
    wait_until(lambda: api.get("/v1/health").json["status"] != "ok", 20, "health tells")
    return known


def test_a_full_disk_shows_in_health(full):
    health = full.client().get("/v1/health").json
    assert health["status"] in ("degraded", "down")
    assert health["store"]["writable"] is False


def test_a_full_disk_needs_attention_although_that_cannot_be_written(full):
    api = full.client()
    wait_until(lambda: api.get("/v1/health").json["attention"]["status"] == "critical")
    found = [r for r in api.get("/v1/attention").json["data"] if r["code"] == "disk-low"]
    assert [(r["severity"], r["subject"]["kind"]) for r in found] == [("critical", "daemon")]
    assert stays(lambda: api.get("/v1/attention", {"code": "disk-low"}).json["data"] == found, 1.5)
    limit_files(full, resource.RLIM_INFINITY)
    wait_until(lambda: not api.get("/v1/attention", {"code": "disk-low"}).json["data"], 30)


def test_a_full_disk_does_not_end_it(full):
    assert stays(lambda: full.process.poll() is None, 1)


def test_with_a_full_disk_what_is_known_is_served(full):
    assert len(ids(full.client())) >= 8


def test_with_a_full_disk_a_create_is_not_sent(full):
    answer = full.client().create(gcs(), wait=5)
    assert answer.status in (503, 507)
    assert answer.code
    assert full.sim.received("create") == 0


def test_with_a_full_disk_a_delete_is_not_sent(full):
    connector = full.client().connectors().json["data"][0]["connector_id"]
    assert full.client().remove(connector, wait=5).status in (503, 507)
    assert full.sim.received("delete") == 0


def test_with_a_full_disk_it_is_alive(full):
    assert full.over_health().get("/healthz").status == 200


def test_with_a_full_disk_it_stops_cleanly(full):
    assert full.stop(signal.SIGTERM) == 0


def test_with_space_again_it_recovers_by_itself(full):
    limit_files(full, resource.RLIM_INFINITY)
    api = full.client()
    wait_until(lambda: api.get("/v1/health").json["status"] == "ok", 30, "ok again")
    assert api.create(gcs()).status == 201
    wait_until(lambda: len(ids(api)) == 10, 20, "what was made meanwhile")


def test_what_was_acknowledged_survives_a_full_disk(known):
    """Creates until one is refused, then a kill: all that were confirmed are on record."""
    known.expect_error("")
    api = known.client()
    limit_files(known, 200 * 1024)
    confirmed = []
    for number in range(300):
        answer = api.create(gcs(f"bucket-{number}"), wait=5)
        if answer.status == 201:
            confirmed.append(answer.json["connector_id"])
        elif answer.status in (503, 507):
            break
    known.kill()
    known.start()
    assert set(confirmed) <= {o["connector_id"] for o in
                              known.client().every("/v1/operations", {"state": "succeeded"})}


@pytest.fixture
def tmpfs(tmp_path):
    """A small disk of our own."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a tmpfs")
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=0700", "mixport", folder],
                          stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        pytest.skip(f"this root cannot mount a tmpfs: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def test_a_disk_that_is_full_and_then_not(start_daemon, sim, tmpfs):
    daemon = start_daemon(sim, config={"daemon": {"database": tmpfs / "mixportd.db"}})
    daemon.expect_error("")
    api = daemon.client()
    with open(tmpfs / "filler", "wb", buffering=0) as filler:
        try:
            while filler.write(bytes(4096)):
                pass
        except OSError:
            pass
    for number in range(200):
        answer = api.create(gcs(f"bucket-{number}"), wait=5)
        if answer.status != 201:
            break
    assert answer.status in (503, 507), "the disk never got full"
    made = sim.executed("create")
    assert api.get("/v1/health").json["status"] in ("degraded", "down")
    assert api.create(gcs("refused"), wait=5).status in (503, 507)
    assert sim.executed("create") == made
    (tmpfs / "filler").unlink()
    wait_until(lambda: api.get("/v1/health").json["store"]["writable"], 30, "writable again")
    assert api.create(gcs("after"), wait=20).status == 201
    assert daemon.stop() == 0


def fill_up(folder):
    with open(folder / "filler", "wb", buffering=0) as filler:
        try:
            while filler.write(bytes(4096)):
                pass
        except OSError:
            pass


def test_a_full_disk_at_the_first_start_is_74_and_leaves_nothing_half(start_daemon, sim, tmpfs):
    fill_up(tmpfs)
    daemon = start_daemon(sim, run=False,
                          config={"daemon": {"database": tmpfs / "mixportd.db"}})
    daemon.write_files()
    for _ in range(80):
        daemon.launch()
        wait_until(lambda: daemon.process.poll() is not None or "<6>ready" in daemon.log(), 20,
                   what="it decides")
        if daemon.process.poll() is None:
            break
        assert daemon.wait_end() == 74
        assert str(tmpfs / "mixportd.db") in daemon.log()
        assert {path.name for path in tmpfs.iterdir()} <= {"filler", "mixportd.db.lock"}
        os.truncate(tmpfs / "filler", (tmpfs / "filler").stat().st_size - 8192)
    assert daemon.process and daemon.process.poll() is None, "with 640 KiB it does not start"
    assert daemon.stop() == 0
    daemon.expect_error("")


def test_a_full_disk_at_a_later_start_is_served_read_only(start_daemon, sim, tmpfs):
    daemon = start_daemon(sim, config={"daemon": {"database": tmpfs / "mixportd.db"}})
    daemon.expect_error("")
    here = daemon.client().create(gcs("before")).json["connector_id"]
    assert daemon.stop() == 0
    fill_up(tmpfs)
    daemon.start()
    api = daemon.client()
    assert api.connector(here).json["connector_properties"]["gcs_bucket"] == "before"
    assert api.create(gcs("refused"), wait=5).status in (503, 507)
    assert sim.executed("create") == 1
    (tmpfs / "filler").unlink()
    wait_until(lambda: api.get("/v1/health").json["store"]["writable"], 30, "writable again")
    assert api.create(gcs("after"), wait=20).status == 201
    assert daemon.stop() == 0

"""Operations: what is told of them, waiting for one, and resolving what stayed unknown."""

import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness import gcs, wait_until

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


def only(api):
    operation, = api.get("/v1/operations").json["data"]
    return operation


def unknown(api, sim, **options):
    """An operation of which nobody knows what became."""
    sim.fault("drop-before", "create")
    answer = api.create(gcs(), wait=5, **options)
    assert answer.status == 202, answer
    operation_id = answer.json["operation_id"]
    wait_until(lambda: api.operation(operation_id).json["state"] == "unknown",
               what="the operation is unknown")
    return operation_id


def resolve(api, operation_id, **body):
    return api.post(f"/v1/operations/{operation_id}/resolve", body)


def test_a_finished_create_has_every_member(api, sim):
    body = gcs(label="mine")
    api.create(body, key="k")
    operation = only(api)
    assert re.fullmatch("op_[A-Za-z0-9]+", operation["operation_id"])
    assert (operation["kind"], operation["project"]) == ("create", "demo")
    assert operation["connector_id"] == sim.created()[0]
    assert operation["state"] == "succeeded"
    assert operation["candidates"] == []
    assert operation["idempotency_key"] == "k"
    assert operation["client"] == "admin"
    assert operation["request"] == body
    assert operation["error"] is None
    for member in ("created_at", "sent_at", "finished_at"):
        assert TIME.fullmatch(operation[member]), member


def test_an_operation_goes_by_its_id(api):
    api.create(gcs())
    operation = only(api)
    assert api.operation(operation["operation_id"]).json == operation


def test_an_operation_without_a_key_says_null(api):
    api.create(gcs())
    assert only(api)["idempotency_key"] is None


def test_what_was_never_sent_is_not_written_as_sent(api, sim):
    sim.fault("retry-after", "create", retry_after=5)
    operation_id = api.create(gcs(), wait=1).json["operation_id"]
    operation = api.operation(operation_id).json
    assert (operation["state"], operation["finished_at"]) == ("planned", None)


@pytest.fixture
def several(api, sim):
    """Newest first: a delete, a create refused, two creates."""
    first = api.create(gcs("one")).json["connector_id"]
    api.create(gcs("two"))
    sim.refuse("create", 400)
    api.create(gcs("three"))
    api.remove(first)


def what(answer):
    return [(o["kind"], o["state"]) for o in answer.json["data"]]


def test_operations_are_newest_first(api, several):
    assert what(api.get("/v1/operations")) == [
        ("delete", "succeeded"), ("create", "rejected"), ("create", "succeeded"),
        ("create", "succeeded")]


@pytest.mark.parametrize("query, count", [
    ({"kind": "create"}, 3), ({"kind": "delete"}, 1), ({"state": "rejected"}, 1),
    ({"state": "succeeded"}, 3), ({"state": "unknown"}, 0), ({"project": "demo"}, 4),
    ({"kind": "create", "state": "succeeded"}, 2)])
def test_operations_are_filtered(api, several, query, count):
    assert len(what(api.get("/v1/operations", query))) == count


def test_operations_are_found_by_the_beginning_of_their_id(api, several):
    for operation in api.get("/v1/operations").json["data"]:
        query = {"id_prefix": operation["operation_id"][:11]}
        assert api.get("/v1/operations", query).json["data"] == [operation]
        query["kind"] = "create" if operation["kind"] == "delete" else "delete"
        assert api.get("/v1/operations", query).json["data"] == []


def test_operations_are_paged(api, several):
    assert api.every("/v1/operations", {"limit": 1}) == api.get("/v1/operations").json["data"]


def test_operations_survive_a_restart(api, daemon, several):
    before = api.get("/v1/operations").json["data"]
    daemon.restart()
    assert api.get("/v1/operations").json["data"] == before


def test_wait_ends_when_the_operation_does(api, sim):
    sim.fault("delay", "create", delay_ms=1500)
    operation_id = api.create(gcs(), wait=0).json["operation_id"]
    began = time.monotonic()
    assert api.operation(operation_id, wait=40).json["state"] == "succeeded"
    assert time.monotonic() - began < 30


def test_wait_ends_when_its_time_is_up(api, sim):
    sim.fault("delay", "create", delay_ms=6000)
    operation_id = api.create(gcs(), wait=0).json["operation_id"]
    assert api.operation(operation_id, wait=1).json["state"] in ("planned", "sending")


def test_waiters_all_hear_of_it(api, sim):
    sim.fault("delay", "create", delay_ms=1000)
    operation_id = api.create(gcs(), wait=0).json["operation_id"]
    with ThreadPoolExecutor(8) as pool:
        states = list(pool.map(lambda _: api.operation(operation_id, wait=40).json["state"],
                               range(8)))
    assert states == ["succeeded"] * 8


# Resolving


def test_resolved_as_not_created_is_rejected(api, sim):
    operation_id = unknown(api, sim)
    answer = resolve(api, operation_id, outcome="not_created", reason="looked it up")
    assert answer.status == 200
    assert api.operation(operation_id).json["state"] == "rejected"


def test_resolved_as_created_is_succeeded(api, sim):
    operation_id = unknown(api, sim)
    there, = sim.put(connector=gcs("elsewhere"))
    wait_until(lambda: api.connector(there).status == 200, what="the connector is known")
    answer = resolve(api, operation_id, outcome="created", connector_id=there, reason="mine")
    assert answer.status == 200
    operation = api.operation(operation_id).json
    assert (operation["state"], operation["connector_id"]) == ("succeeded", there)


def test_resolving_survives_a_restart(api, sim, daemon):
    operation_id = unknown(api, sim)
    resolve(api, operation_id, outcome="not_created", reason="looked it up")
    daemon.restart()
    assert api.operation(operation_id).json["state"] == "rejected"


@pytest.mark.parametrize("body, pointer", [
    ({"outcome": "not_created"}, "/reason"),
    ({"reason": "so"}, "/outcome"),
    ({"outcome": "perhaps", "reason": "so"}, "/outcome"),
    ({"outcome": "created", "reason": "so"}, "/connector_id"),
    ({"outcome": "created", "connector_id": 5, "reason": "so"}, "/connector_id"),
    ({"outcome": "not_created", "reason": 5}, "/reason"),
    ({"outcome": "not_created", "reason": "so", "colour": "red"}, "/colour")])
def test_a_wrong_resolution_is_pointed_at(api, sim, body, pointer):
    operation_id = unknown(api, sim)
    answer = resolve(api, operation_id, **body)
    assert answer.status in (400, 422)
    assert pointer in {e["pointer"] for e in answer.json["errors"]}
    assert api.operation(operation_id).json["state"] == "unknown"


def test_resolving_what_is_known_is_a_conflict(api):
    api.create(gcs())
    answer = resolve(api, only(api)["operation_id"], outcome="not_created", reason="so")
    assert (answer.status, answer.code) == (409, "operation-not-unknown")


def test_resolving_twice_is_a_conflict(api, sim):
    operation_id = unknown(api, sim)
    resolve(api, operation_id, outcome="not_created", reason="so")
    answer = resolve(api, operation_id, outcome="not_created", reason="so")
    assert (answer.status, answer.code) == (409, "operation-not-unknown")


def test_resolving_what_is_not_there_is_404(api):
    assert resolve(api, "op_nothing", outcome="not_created", reason="so").status == 404


def test_after_resolving_the_create_may_be_sent_anew(api, sim):
    operation_id = unknown(api, sim)
    resolve(api, operation_id, outcome="not_created", reason="so")
    assert api.create(gcs()).status == 201


# Several that may be it


@pytest.fixture
def twins(api, sim):
    """A create that was carried out unseen, and another just like it made elsewhere meanwhile.

    No list is answered until both are there."""
    sim.fault("status", "list", -1)
    sim.fault("drop-after", "create")
    operation_id = api.create(gcs("mine"), wait=2).json["operation_id"]
    other, = sim.put(connector=gcs("mine"))
    sim.no_faults()
    wait_until(lambda: len(api.operation(operation_id).json["candidates"]) == 2, 60,
               what="two candidates")
    return operation_id, {other, sim.created()[0]}


def test_several_candidates_leave_it_unknown(api, twins):
    operation_id, ids = twins
    operation = api.operation(operation_id).json
    assert operation["state"] == "unknown"
    assert set(operation["candidates"]) == ids


def test_one_of_several_candidates_may_be_chosen(api, twins):
    operation_id, ids = twins
    chosen = sorted(ids)[0]
    assert resolve(api, operation_id, outcome="created", connector_id=chosen,
                   reason="mine").status == 200
    assert api.operation(operation_id).json["connector_id"] == chosen


def test_two_unknown_creates_do_not_claim_the_same_connector(api, sim):
    sim.fault("status", "list", -1)
    sim.fault("drop-after", "create")
    sim.fault("drop-before", "create")
    first = api.create(gcs("mine"), wait=2).json["operation_id"]
    second = api.create(gcs("mine"), wait=2, allow_duplicate="true").json["operation_id"]
    sim.no_faults()
    wait_until(lambda: api.project()["upstream"]["state"] == "ok" and
               api.project()["connectors"] == 1, 60, what="the connector is known")
    claimed = [o["connector_id"] for o in
               (api.operation(first).json, api.operation(second).json) if o["connector_id"]]
    assert len(claimed) <= 1
    assert len(sim.created()) == 1

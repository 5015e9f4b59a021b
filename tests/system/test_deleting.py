"""Deleting: safe to repeat, and repeated by itself when it was unclear."""

import time

import pytest

from harness import stays, wait_until


@pytest.fixture
def here(sim, api):
    """A connector the daemon knows."""
    connector_id, = sim.put(job=False)
    wait_until(lambda: api.connector(connector_id).status == 200, what="the connector is known")
    return connector_id


def left(sim):
    return [c["connector_id"] for c in sim.connectors()]


def test_a_delete_is_204_and_done(api, sim, here):
    answer = api.remove(here)
    assert (answer.status, answer.body) == (204, b"")
    assert left(sim) == []


def test_a_deleted_connector_says_so_at_once(api, here):
    api.remove(here)
    connector = api.connector(here).json
    assert connector["state"] == "deleted" and connector["deleted_at"]


def test_the_other_form_of_confirmation_is_understood(api, sim, here):
    sim.settings(delete_answer="message")
    assert api.remove(here).status == 204


def test_deleting_again_is_204_and_asks_nobody(api, sim, here):
    api.remove(here)
    assert api.remove(here).status == 204
    assert sim.received("delete") == 1


def test_deleting_what_was_never_known_is_404(api, sim):
    assert api.remove("never-known").status == 404
    assert sim.received("delete") == 0


def test_a_404_of_mixpanel_is_as_good(api, sim, here):
    sim.refuse("delete", 404)
    assert api.remove(here).status == 204


def test_a_delete_is_an_operation(api, here):
    api.remove(here)
    operation, = api.get("/v1/operations", {"kind": "delete"}).json["data"]
    assert (operation["state"], operation["connector_id"]) == ("succeeded", here)


@pytest.mark.parametrize("status", [400, 403, 422])
def test_a_refusal_has_mixpanels_status(api, sim, here, status):
    sim.refuse("delete", status)
    answer = api.remove(here)
    assert (answer.status, answer.code) == (status, "upstream-rejected")
    assert api.connector(here).json["state"] == "present"


def test_a_401_of_mixpanel_is_our_fault(api, sim, here):
    sim.refuse("delete", 401)
    answer = api.remove(here)
    assert (answer.status, answer.code) == (502, "upstream-unauthorized")


@pytest.mark.parametrize("action, members", [
    ("drop-before", {}), ("drop-after", {}), ("status", {"status": 500}),
    ("status", {"status": 503}), ("status", {"status": 500, "executed": True}),
    ("garbage", {}), ("html", {}), ("truncate", {})])
def test_an_unclear_delete_is_tried_again(api, sim, here, action, members):
    sim.fault(action, "delete", **members)
    answer = api.remove(here, wait=40)
    assert answer.status == 204
    assert left(sim) == []


def test_a_429_is_tried_again(api, sim, here):
    sim.fault("retry-after", "delete", retry_after=1)
    assert api.remove(here, wait=40).status == 204


def test_past_the_wait_it_is_202_with_the_operation(api, sim, here):
    sim.fault("drop-before", "delete", -1)
    answer = api.remove(here, wait=1)
    assert answer.status == 202
    assert answer.headers["Location"] == "/v1/operations/" + answer.json["operation_id"]
    assert answer.json["kind"] == "delete"


def test_past_the_wait_it_goes_on_by_itself(api, sim, here):
    sim.fault("status", "delete")
    operation_id = api.remove(here, wait=0).json["operation_id"]
    wait_until(lambda: api.operation(operation_id).json["state"] == "succeeded", 40,
               what="the delete has succeeded")
    assert left(sim) == []


def test_it_goes_on_after_a_restart(api, sim, daemon, here):
    sim.fault("status", "delete")
    operation_id = api.remove(here, wait=0).json["operation_id"]
    daemon.restart()
    wait_until(lambda: api.operation(operation_id).json["state"] == "succeeded", 40,
               what="the delete has succeeded")
    assert left(sim) == []


def test_wait_0_answers_at_once(api, sim, here):
    sim.fault("delay", "delete", delay_ms=4000)
    began = time.monotonic()
    assert api.remove(here, wait=0).status == 202
    assert time.monotonic() - began < 3.5


def test_a_list_that_began_before_does_not_bring_it_back(api, sim, here):
    sim.fault("delay", "list", 2, delay_ms=500)
    assert api.remove(here).status == 204
    assert stays(lambda: api.connector(here).json["state"] == "deleted", 2)

"""A create guards its import until it is decided, by evidence or by a person."""

import json
import time

import pytest

from harness import PROJECT_ID, Token, TOKENS, gcs, s3, stays, wait_until

BASE = f"/api/app/projects/{PROJECT_ID}/connectors"
QUICK = {"project demo": {"settle_time": "100ms", "write_timeout": "500ms"}}


def unknown(api, sim, body=None, **query):
    """A create whose answer is lost, that Mixpanel did not carry out; its operation's id."""
    sim.fault("drop-before", "create")
    answer = api.create(body or gcs(), wait=5, **query)
    assert answer.status == 202, answer
    return answer.json["operation_id"]


def lists(sim, more=3):
    before = sim.received("list")
    wait_until(lambda: sim.received("list") >= before + more, 20, what="lists are read")


def over(api, operation_id):
    return wait_until(lambda: (api.operation(operation_id).json["search"] or {}).get("over"), 30,
                      what="the search is over")


@pytest.fixture
def quick(start_daemon, sim):
    return start_daemon(sim, config=QUICK).client()


def gcs_with(**properties):
    body = gcs()
    body["connector_properties"].update(properties)
    return body


# The same import


def test_time_lets_nothing_past_an_unknown_create(quick, sim):
    here = unknown(quick, sim)
    over(quick, here)
    answer = quick.create(gcs())
    assert (answer.status, answer.code) == (409, "operation-in-progress")
    assert answer.json["operation"]["operation_id"] == here
    assert quick.create(gcs(), allow_duplicate="true").status == 201


def test_the_search_tells_how_far_it_is(quick, sim):
    here = unknown(quick, sim)
    over(quick, here)
    search = quick.operation(here).json["search"]
    assert search["listings"] >= 2 and search["last_at"]
    assert quick.operation(here).json["candidates"] == []


def test_while_lists_are_incomplete_the_search_is_not_over(quick, sim):
    sim.fault("has-more-no-url", "list", count=-1)
    here = unknown(quick, sim)
    lists(sim, 6)
    assert quick.operation(here).json["search"] == {"listings": 0, "last_at": None, "over": False}
    assert stays(lambda: not quick.operation(here).json["search"]["over"], 1)


@pytest.mark.parametrize("region", [None, "US", "us"])
def test_another_form_of_the_region_does_not_get_past(quick, sim, region):
    unknown(quick, sim)
    assert quick.create(gcs_with(gcs_region=region)).code == "operation-in-progress"


@pytest.mark.parametrize("first, second, same", [
    ({"gcs_region": "US"}, {"gcs_region": "us"}, True),
    ({"gcs_region": "US"}, {"gcs_region": "EU"}, False),
    ({"gcs_region": "US"}, {}, True),
    ({"gcs_prefix": "a/b/"}, {"gcs_prefix": "a/b"}, True),
    ({"gcs_prefix": "a/b/"}, {"gcs_prefix": "a/"}, False)])
def test_one_predicate_for_what_is_there_and_what_is_open(api, sim, first, second, same):
    assert api.create(gcs_with(**first)).status == 201
    assert api.create(gcs_with(**second)).status == (409 if same else 201)
    unknown(api, sim, gcs_with(**first, gcs_bucket="other"))
    answer = api.create(gcs_with(**second, gcs_bucket="other"))
    assert answer.status == (409 if same else 201)


def test_another_role_makes_no_other_import(api):
    assert api.create(s3()).status == 201
    other = s3()
    other["connector_properties"]["s3_role"] = "arn:aws:iam::123456789012:role/other"
    assert api.create(other).code == "duplicate-connector"


def test_what_was_sent_guards_whatever_the_echo_made_of_it(api, sim):
    echo = {"connector_id": "echoed", **gcs(prefix="in-a-form/of-its-own")}
    sim.fault("status", "create", status=201,
              body=json.dumps({"status": "ok", "results": echo}))
    sim.put(connector_id="echoed", connector=gcs(prefix="in-a-form/of-its-own"), job=False)
    assert api.create(gcs()).status == 201
    answer = api.create(gcs())
    assert (answer.code, answer.json["connector_id"]) == ("duplicate-connector", "echoed")


# Found, late or not


def test_one_that_turns_up_after_all_hope_still_decides_it(quick, sim):
    here = unknown(quick, sim)
    over(quick, here)
    there, = sim.put(connector=gcs(), job=False)
    operation = quick.operation(here, wait=20).json
    assert (operation["state"], operation["connector_id"]) == ("succeeded", there)


def test_it_does_so_after_a_restart(start_daemon, sim):
    daemon = start_daemon(sim, config=QUICK)
    here = unknown(daemon.client(), sim)
    over(daemon.client(), here)
    daemon.restart()
    there, = sim.put(connector=gcs(), job=False)
    assert daemon.client().operation(here, wait=20).json["connector_id"] == there


def test_somebody_elses_older_twin_is_not_adopted(quick, sim):
    here = unknown(quick, sim)
    before = time.strftime("%Y-%m-%dT%H:%M:%S.000000", time.gmtime(time.time() - 600))
    twin, = sim.put(connector={**gcs(), "created_at": before, "created_by": "a@b.c"}, job=False)
    wait_until(lambda: quick.connector(twin).status == 200, what="the twin is known")
    over(quick, here)
    operation = quick.operation(here).json
    assert (operation["state"], operation["candidates"]) == ("unknown", [])


def test_another_creators_twin_is_for_a_person_to_judge(quick, sim):
    assert quick.create(gcs("ours")).status == 201
    here = unknown(quick, sim)
    twin, = sim.put(connector={**gcs(), "created_by": "somebody-else@example.com"}, job=False)
    wait_until(lambda: quick.operation(here).json["candidates"] == [twin], what="it is offered")
    over(quick, here)
    assert quick.operation(here).json["state"] == "unknown"


def test_with_two_unknown_ones_neither_is_guessed_until_one_is_decided(quick, sim):
    first = unknown(quick, sim)
    second = unknown(quick, sim, allow_duplicate="true")
    there, = sim.put(connector=gcs(), job=False)
    for each in first, second:
        wait_until(lambda: quick.operation(each).json["candidates"] == [there], what="offered")
    assert {quick.operation(each).json["state"] for each in (first, second)} == {"unknown"}
    quick.post(f"/v1/operations/{first}/resolve", {"outcome": "not_created", "reason": "seen"})
    assert quick.operation(second, wait=20).json["connector_id"] == there


def test_many_unknown_creates_hold_nothing_up(quick, sim):
    padding = "x" * 20000
    for number in range(60):
        unknown(quick, sim, gcs(f"bucket-{number}", label=padding))
    began = time.monotonic()
    assert quick.create(gcs("another")).status == 201
    assert time.monotonic() - began < 2
    there, = sim.put(connector=gcs("bucket-30", label=padding), job=False)
    operations = quick.every("/v1/operations", {"state": "unknown"})
    here, = [o["operation_id"] for o in operations
             if o["request"]["connector_properties"]["gcs_bucket"] == "bucket-30"]
    assert quick.operation(here, wait=30).json["connector_id"] == there


# Mixpanel's own paths


def post(api, body=None, **options):
    return api.post(BASE, body or gcs(), **options)


def test_a_repetition_after_a_504_waits_for_the_first(quick, sim):
    sim.fault("drop-before", "create")
    assert [post(quick).status for _ in range(3)] == [504, 504, 504]
    assert sim.received("create") == 1
    operation, = quick.get("/v1/operations").json["data"]
    quick.post(f"/v1/operations/{operation['operation_id']}/resolve",
               {"outcome": "not_created", "reason": "seen"})
    assert post(quick).status == 201 and sim.received("create") == 2


def test_a_repetition_gets_the_end_of_the_first(quick, sim):
    sim.fault("empty-list", "list", count=-1)
    sim.fault("drop-after", "create")
    assert post(quick).status == 504
    sim.no_faults()
    wait_until(lambda: quick.get("/v1/operations").json["data"][0]["state"] == "succeeded", 20,
               what="the create is found")
    # Nobody was there to be told; the next equal body is told, once.
    first, = sim.created()
    answer = post(quick)
    assert (answer.status, answer.json["results"]["connector_id"]) == (201, first)
    wait_until(lambda: post(quick).json["results"]["connector_id"] != first, what="a second one")
    assert len(sim.created()) <= 3


def test_one_that_was_told_is_created_anew_each_time(quick, sim):
    ids = {post(quick).json["results"]["connector_id"] for _ in range(3)}
    assert len(ids) == len(sim.created()) == 3


def test_an_open_create_of_another_client_is_a_conflict(start_daemon, sim):
    daemon = start_daemon(sim, config=QUICK, tokens=[*TOKENS, Token("second", "admin")])
    sim.fault("drop-before", "create")
    assert post(daemon.client()).status == 504
    answer = post(daemon.client("second"))
    assert (answer.status, answer.json["type"]) == (409, "operation-in-progress")
    assert post(daemon.client(), gcs(label="another")).status == 409
    assert sim.received("create") == 1

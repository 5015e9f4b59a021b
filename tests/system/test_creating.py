"""Creating: once, and never twice, whatever happens on the way to Mixpanel."""

import json
import time

import pytest

from harness import gcs, s3, stays, wait_until


def operation_of(answer):
    """The operation of a 202."""
    assert answer.status == 202, answer
    return answer.json["operation_id"]


def settled(api, operation_id, *states):
    """The operation once it is in one of the states."""
    return wait_until(lambda: (lambda o: o["state"] in states and o)(
        api.operation(operation_id).json), 40, what=f"operation {' or '.join(states)}")


# Mixpanel confirms


def test_a_create_is_201_with_the_connector(api, sim):
    answer = api.create(gcs("mine", label="a label"))
    assert answer.status == 201
    connector = answer.json
    assert connector["connector_id"] == sim.created()[0]
    assert connector["connector_properties"]["gcs_bucket"] == "mine"
    assert (connector["state"], connector["label"]) == ("present", "a label")
    assert set(connector) >= {"project", "project_id", "sync", "latest_job", "first_seen_at"}


def test_location_is_where_the_connector_is_read(api):
    answer = api.create(gcs())
    location = answer.headers["Location"]
    assert location == "/v1/projects/demo/connectors/" + answer.json["connector_id"]
    assert api.get(location).json["connector_id"] == answer.json["connector_id"]


def test_a_created_connector_is_listed_at_once(api):
    created = api.create(gcs()).json["connector_id"]
    assert [c["connector_id"] for c in api.connectors().json["data"]] == [created]


@pytest.mark.parametrize("settings", [
    {"create_status": 200}, {"create_status": 201}, {"envelope": False},
    {"connector_id_member": "connectorId"}, {"label": "missing"}, {"creator": "object"},
    {"created_time": "epoch"}])
def test_every_form_of_confirmation_is_understood(api, sim, settings):
    sim.settings(**settings)
    answer = api.create(gcs())
    assert (answer.status, answer.json["connector_id"]) == (201, sim.created()[0])


def test_what_is_sent_is_what_was_asked_for(api, sim):
    body = gcs("mine", label="\u2603")
    body["connector_properties"]["extra"] = [1, None]
    assert api.create(body).status == 201
    request, = sim.requests("create")
    assert json.loads(request["body"]) == body


def test_numbers_are_sent_unchanged(api, sim):
    body = json.dumps(gcs()).replace('"gcs_bucket"', '"weight": 1.50, "gcs_bucket"')
    assert api.create(body).status == 201
    assert "1.50" in sim.requests("create")[0]["body"]


def test_a_redirect_to_the_slash_does_not_turn_a_create_into_a_list(api, sim):
    sim.settings(trailing_slash="redirect")
    assert api.create(gcs()).status == 201
    assert len(sim.created()) == 1


def test_s3_is_created_too(api, sim):
    answer = api.create(s3())
    assert (answer.status, answer.json["connector_type"]) == (201, "s3Import")


# Mixpanel refuses


@pytest.mark.parametrize("status", [400, 403, 404, 422])
def test_a_refusal_has_mixpanels_status_and_words(api, sim, status):
    sim.refuse("create", status, body='{"status":"error","error":"No such bucket"}')
    answer = api.create(gcs())
    assert (answer.status, answer.code) == (status, "upstream-rejected")
    assert answer.json["upstream"]["status"] == status
    assert "No such bucket" in answer.json["upstream"]["message"]


@pytest.mark.parametrize("body, words", [
    ('{"status":"error","type":"invalid_property","message":"Wrong bucket","details":"x"}',
     "Wrong bucket"),
    ("Just words", "Just words")])
def test_a_refusal_in_every_form(api, sim, body, words):
    sim.refuse("create", 400, body=body)
    answer = api.create(gcs())
    assert answer.code == "upstream-rejected"
    assert words in answer.json["upstream"]["message"]


def test_a_refused_create_is_rejected_for_good(api, sim):
    sim.refuse("create", 400)
    api.create(gcs(), key="k")
    operation, = api.get("/v1/operations").json["data"]
    assert operation["state"] == "rejected"
    assert operation["error"]["message"]
    assert operation["finished_at"]


def test_a_refused_create_may_be_tried_again(api, sim):
    sim.refuse("create", 400)
    assert api.create(gcs()).status == 400
    assert api.create(gcs()).status == 201


def test_a_401_of_mixpanel_is_our_fault(api, sim):
    sim.refuse("create", 401)
    answer = api.create(gcs())
    assert (answer.status, answer.code) == (502, "upstream-unauthorized")
    assert len(sim.created()) == 0


# Mixpanel is busy


def test_a_429_is_sent_again_within_the_wait(api, sim):
    sim.fault("retry-after", "create", retry_after=1)
    assert api.create(gcs(), wait=40).status == 201
    assert (sim.received("create"), len(sim.created())) == (2, 1)


def test_a_429_past_the_wait_is_planned(api, sim):
    sim.fault("retry-after", "create", retry_after=3)
    answer = api.create(gcs(), wait=1)
    assert api.operation(operation_of(answer)).json["state"] == "planned"


def test_a_planned_create_goes_out_later(api, sim):
    sim.fault("retry-after", "create", retry_after=1)
    here = operation_of(api.create(gcs(), wait=0))
    assert settled(api, here, "succeeded")["connector_id"] == sim.created()[0]
    assert len(sim.created()) == 1


def test_a_planned_create_goes_out_after_a_restart(api, sim, daemon):
    sim.fault("retry-after", "create", retry_after=2)
    here = operation_of(api.create(gcs(), wait=1))
    daemon.restart()
    assert settled(api, here, "succeeded")["connector_id"] == sim.created()[0]
    assert len(sim.created()) == 1


# Nobody knows


UNCLEAR = [
    ("drop-before", {}, False),
    ("drop-during", {}, False),
    ("drop-after", {}, True),
    ("status", {"status": 500}, False),
    ("status", {"status": 500, "executed": True}, True),
    ("status", {"status": 502}, False),
    ("status", {"status": 503}, False),
    ("status", {"status": 504, "executed": True}, True),
    ("status", {"status": 409}, False),
    ("html", {}, False),
    ("garbage", {}, True),
    ("truncate", {}, True),
    ("truncate", {"framing": "close"}, True),
    ("deep", {}, True),
    ("huge", {}, True),
    ("status", {"status": 200, "body": '{"status":"ok","results":{}}', "executed": True}, True),
    ("status", {"status": 200, "body": "", "executed": True}, True),
    ("redirect-elsewhere", {"location": "http://127.0.0.1:1/"}, False),
]
IDS = [f"{action}-{members.get('status', '')}{'-executed' if done else ''}-{n}"
       for n, (action, members, done) in enumerate(UNCLEAR)]


def test_an_unclear_create_is_202_with_the_operation(api, sim):
    sim.fault("drop-before", "create")
    answer = api.create(gcs(), wait=5)
    assert answer.status == 202
    assert answer.headers["Location"] == "/v1/operations/" + answer.json["operation_id"]
    assert answer.json["state"] == "unknown"


@pytest.mark.parametrize("action, members, executed", UNCLEAR, ids=IDS)
def test_an_unclear_create_is_never_sent_again(api, sim, daemon, action, members, executed):
    sim.fault(action, "create", **members)
    # What was carried out may have been found in the list before the answer is due.
    assert api.create(gcs(), wait=5).status in ((201, 202) if executed else (202,))
    here = api.get("/v1/operations").json["data"][0]["operation_id"]
    daemon.restart()
    if executed:
        assert settled(api, here, "succeeded")["connector_id"] == sim.created()[0]
    else:
        assert stays(lambda: api.operation(here).json["state"] == "unknown", 1)
    assert sim.received("create") == (0 if action == "drop-during" else 1)
    assert len(sim.created()) == executed


def test_a_timeout_is_unclear(start_daemon, sim):
    api = start_daemon(sim, config={"project demo": {"write_timeout": "400ms"}}).client()
    sim.fault("hang", "create")
    here = operation_of(api.create(gcs(), wait=20))
    assert api.operation(here).json["state"] == "unknown"
    assert sim.received("create") == 1


def test_killed_while_sending_is_unclear(api, sim, daemon):
    sim.fault("hang", "create")
    here = operation_of(api.create(gcs(), wait=0))
    wait_until(lambda: sim.received("create") == 1, what="the create is sent")
    daemon.kill()
    daemon.start()
    assert settled(api, here, "unknown")
    assert stays(lambda: sim.received("create") == 1, 1)


def test_killed_after_it_was_carried_out_is_found(api, sim, daemon):
    sim.fault("delay", "create", delay_ms=20000)
    here = operation_of(api.create(gcs(), wait=0))
    wait_until(sim.created, what="the create is carried out")
    daemon.kill()
    daemon.start()
    assert settled(api, here, "succeeded")["connector_id"] == sim.created()[0]
    assert len(sim.created()) == 1


def test_a_connector_that_was_there_before_is_not_claimed(api, sim):
    sim.put(connector=gcs("mine"))
    wait_until(lambda: api.project()["connectors"] == 1, what="one connector")
    sim.fault("drop-before", "create")
    here = operation_of(api.create(gcs("mine"), wait=5, allow_duplicate="true"))
    assert stays(lambda: api.operation(here).json["state"] == "unknown", 1)


def test_a_connector_of_other_content_is_not_claimed(api, sim):
    sim.fault("drop-before", "create")
    here = operation_of(api.create(gcs("mine"), wait=5))
    sim.put(connector=gcs("yours"))
    wait_until(lambda: api.project()["connectors"] == 1, what="one connector")
    assert stays(lambda: api.operation(here).json["state"] == "unknown", 1)


def test_an_unclear_create_found_is_a_connector_like_any(api, sim):
    sim.fault("drop-after", "create")
    api.create(gcs("mine"), wait=5)
    here = api.get("/v1/operations").json["data"][0]["operation_id"]
    found = settled(api, here, "succeeded")["connector_id"]
    assert api.connector(found).json["connector_properties"]["gcs_bucket"] == "mine"


# Never sent


@pytest.fixture
def unreachable(api, sim):
    sim.stop()
    return api.create(gcs(), key="k", wait=5)


def test_unreachable_is_503_with_retry_after(unreachable):
    assert (unreachable.status, unreachable.code) == (503, "upstream-unreachable")
    assert int(unreachable.headers["Retry-After"]) > 0


def test_unreachable_is_an_operation_that_failed(api, unreachable):
    operation, = api.get("/v1/operations").json["data"]
    assert (operation["state"], operation["sent_at"]) == ("unreachable", None)


def test_unreachable_is_not_sent_later(api, sim, unreachable):
    sim.start()
    wait_until(lambda: api.project()["upstream"]["state"] == "ok", 60, what="it is back")
    assert sim.received("create") == 0


def test_a_connection_closed_at_once_does_not_lose_the_create(api, sim):
    """A connection that is accepted and closed may have carried the request: never twice."""
    sim.fault("drop-accept", count=1)
    answer = api.create(gcs(), wait=5)
    assert answer.status in (201, 202, 503)
    assert len(sim.created()) <= 1


# Waiting


def test_wait_0_answers_at_once(api, sim):
    sim.fault("delay", "create", delay_ms=4000)
    began = time.monotonic()
    answer = api.create(gcs(), wait=0)
    assert answer.status == 202
    assert time.monotonic() - began < 3.5


def test_what_takes_longer_than_wait_is_202_and_ends_by_itself(api, sim):
    sim.fault("delay", "create", delay_ms=2500)
    here = operation_of(api.create(gcs(), wait=1))
    assert settled(api, here, "succeeded")["connector_id"] == sim.created()[0]


@pytest.mark.parametrize("wait", ["-1", "61", "soon", ""])
def test_other_waits_are_refused(api, sim, wait):
    answer = api.create(gcs(), wait=wait)
    assert (answer.status, answer.code) == (400, "invalid-parameter")
    assert sim.received("create") == 0


# Idempotency


def test_the_same_key_again_gives_the_same_answer(api, sim):
    first, second = api.create(gcs(), key="k"), api.create(gcs(), key="k")
    assert (second.status, second.json["connector_id"]) == (201, first.json["connector_id"])
    assert second.headers["Location"] == first.headers["Location"]
    assert sim.received("create") == 1


def test_the_same_key_again_after_a_restart(api, sim, daemon):
    first = api.create(gcs(), key="k")
    daemon.restart()
    second = api.create(gcs(), key="k")
    assert (second.status, second.json["connector_id"]) == (201, first.json["connector_id"])
    assert sim.received("create") == 1


def test_the_same_body_written_otherwise_is_the_same(api, sim):
    body = gcs()
    first = api.create(body, key="k")
    second = api.create(json.dumps(dict(reversed(body.items())), indent=3), key="k")
    assert (second.status, second.json["connector_id"]) == (201, first.json["connector_id"])


def test_the_same_key_with_another_body_is_refused(api, sim):
    api.create(gcs("one"), key="k")
    answer = api.create(gcs("two"), key="k")
    assert (answer.status, answer.code) == (422, "idempotency-key-reused")
    assert sim.received("create") == 1


def test_the_same_key_while_the_first_runs_is_a_conflict(api, sim):
    sim.fault("delay", "create", delay_ms=4000)
    here = operation_of(api.create(gcs(), key="k", wait=0))
    answer = api.create(gcs(), key="k", wait=0)
    assert (answer.status, answer.code) == (409, "operation-in-progress")
    assert here in answer.text
    assert sim.received("create") <= 1


def test_the_same_key_of_an_unclear_create_sends_nothing(api, sim):
    sim.fault("drop-before", "create")
    here = operation_of(api.create(gcs(), key="k", wait=5))
    answer = api.create(gcs(), key="k", wait=0)
    assert answer.status in (202, 409)
    assert here in answer.text
    assert sim.received("create") == 1


def test_the_same_key_of_a_refusal_gives_the_refusal(api, sim):
    sim.refuse("create", 400, body='{"status":"error","error":"No such bucket"}')
    first, second = api.create(gcs(), key="k"), api.create(gcs(), key="k")
    assert (second.status, second.code) == (400, "upstream-rejected")
    assert second.json["upstream"] == first.json["upstream"]
    assert sim.received("create") == 1


def test_the_same_key_after_the_connector_is_deleted(api, sim):
    first = api.create(gcs(), key="k").json["connector_id"]
    api.remove(first)
    api.create(gcs(), key="k")
    assert sim.received("create") == 1


def test_another_key_is_another_create(api, sim):
    api.create(gcs("one"), key="one")
    api.create(gcs("two"), key="two")
    assert len(sim.created()) == 2


@pytest.mark.parametrize("key", ["", "x" * 256, "t\tab", "\xfc"])
def test_a_key_that_is_not_printable_ascii_is_refused(api, sim, key):
    assert api.create(gcs(), key=key).status == 400
    assert sim.received("create") == 0


@pytest.mark.parametrize("key", ["k", "x" * 255, "!\"#$%&'()*+,-./~", "two words"])
def test_any_printable_key_is_taken(api, key):
    assert api.create(gcs(), key=key).status == 201
    assert api.get("/v1/operations").json["data"][0]["idempotency_key"] == key


# Duplicates


def test_a_duplicate_is_refused_and_named(api, sim):
    first = api.create(gcs()).json["connector_id"]
    answer = api.create(gcs())
    assert (answer.status, answer.code) == (409, "duplicate-connector")
    assert answer.json["connector_id"] == first
    assert sim.received("create") == 1


def test_a_duplicate_of_one_made_elsewhere_is_refused(api, sim):
    there, = sim.put(connector=gcs("mine"))
    wait_until(lambda: api.project()["connectors"] == 1, what="one connector")
    assert api.create(gcs("mine")).json["connector_id"] == there


def test_a_duplicate_with_another_label_is_one_all_the_same(api):
    api.create(gcs(label="one"))
    assert api.create(gcs(label="two")).code == "duplicate-connector"


def test_allow_duplicate_makes_it(api, sim):
    api.create(gcs())
    assert api.create(gcs(), allow_duplicate="true").status == 201
    assert len(sim.created()) == 2


@pytest.mark.parametrize("other", [
    gcs("bucket", "other/"), gcs("other"), s3(),
    {**gcs(), "category_properties": {"data_format": "mixpanel_people", "compression": "gzip"}}])
def test_other_content_is_no_duplicate(api, other):
    api.create(gcs())
    assert api.create(other).status == 201


def test_one_that_was_deleted_is_no_duplicate(api):
    api.remove(api.create(gcs()).json["connector_id"])
    assert api.create(gcs()).status == 201

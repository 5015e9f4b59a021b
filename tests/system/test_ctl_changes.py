"""mixportctl creates, deletes, refreshes and resolves."""

import json

import pytest

from ctl import Answering, Ctl, answer
from harness import DEMO_AND_OTHER, OTHER_PROJECT_ID, PROJECT_ID, gcs, slow, wait_until

CREATE = ["create", "gs://bucket/events/", "--format", "mixpanel_event"]


@pytest.fixture
def ctl(daemon):
    return Ctl(daemon)


def sent(sim):
    """The bodies of the creates that reached Mixpanel."""
    return [json.loads(request["body"]) for request in sim.requests("create")]


# Creating


def test_a_connector_is_created_as_typed(sim, api, ctl):
    done = ctl(*CREATE, "--compression", "gzip", "--label", "a \"b\"", "--region", "us-east1")
    connector_id, = sim.created()
    assert done.out == f"created {connector_id}\n" and done.err == ""
    assert sent(sim) == [{
        "connector_type": "gcsImport", "label": "a \"b\"",
        "connector_properties": {"gcs_bucket": "bucket", "gcs_prefix": "events/",
                                 "gcs_region": "us-east1"},
        "category_properties": {"data_format": "mixpanel_event", "compression": "gzip"}}]


def test_s3_and_remapped_properties(sim, ctl):
    ctl("create", "s3://bucket", "--format", "remap_event", "--region", "us-east-1", "--role",
        "arn:aws:iam::123456789012:role/import", "--remap", "event_name=e", "--remap", "time=t=s",
        "--remap", "distinct_id=d", "-q")
    assert sent(sim) == [{
        "connector_type": "s3Import",
        "connector_properties": {"s3_bucket": "bucket", "s3_prefix": "", "s3_region": "us-east-1",
                                 "s3_role": "arn:aws:iam::123456789012:role/import"},
        "category_properties": {"data_format": "remap_event",
                                "property_remap": {"event_name": "e", "time": "t=s",
                                                   "distinct_id": "d"}}}]


def test_the_forms_of_what_was_created(sim, ctl):
    record = json.loads(ctl(*CREATE, "--json").out)
    assert record["connector_id"] == sim.created()[0]
    out = ctl("create", "gs://other/", "--format", "mixpanel_event", "-q").out
    assert out == sim.created()[1] + "\n"


@pytest.mark.parametrize("name", ["-", "file"])
def test_a_body_is_taken_from_a_file_byte_by_byte(sim, ctl, tmp_path, name):
    text = '{"connector_type":"gcsImport", "connector_properties":{"gcs_bucket":"b",' \
           '"gcs_prefix":"p/","weight":0.50},"category_properties":{"data_format":"mixpanel_event"}}'
    path = tmp_path / "body.json"
    path.write_text(text)
    ctl("create", "--file", name if name == "-" else path, stdin=text)
    assert sim.requests("create")[0]["body"] == text


def test_faults_of_a_file_are_named_by_their_place(ctl):
    err = ctl("create", "--file", "-", stdin=json.dumps(
        gcs() | {"category_properties": {"data_format": "odd"}}), code=6).err
    assert "mixportctl: /category_properties/data_format: " in err


def test_a_file_that_cannot_be_read_is_74(ctl):
    assert "/nowhere cannot be read" in ctl("create", "--file", "/nowhere", code=74).err


def test_a_dry_run_asks_mixpanel_nothing(sim, ctl):
    assert ctl(*CREATE, "--dry-run").out == "would be accepted\n"
    out = ctl("create", "s3://b/p", "--format", "mixpanel_event", "--region", "odd", "--role",
              "arn:x", "--dry-run").out
    assert out.startswith("would be accepted\nwarning: --region: s3_region is none of ")
    assert json.loads(ctl(*CREATE, "--dry-run", "--json").out) == {"valid": True, "warnings": []}
    assert sim.received("create") == 0


def test_every_fault_is_told_by_its_option(sim, ctl):
    err = ctl("create", "gs:///p", "--format", "odd", "--compression", "zip", code=6).err
    assert "[invalid-connector]" in err
    for option in ("gs://BUCKET", "--format", "--compression"):
        assert f"\nmixportctl: {option}: " in err
    err = ctl("create", "s3://b/p", "--format", "remap_people", "--remap", "a=b", code=6).err
    for option in ("--region", "--role", "--remap"):
        assert f"\nmixportctl: {option}: " in err
    assert sim.received("create") == 0


@pytest.mark.parametrize("arguments,said", [
    (["bucket/p", "--format", "mixpanel_event"],
     '"bucket/p" is not gs://BUCKET/PREFIX or s3://BUCKET/PREFIX'),
    (["gs://b/p"], "create needs --format, such as mixpanel_event"),
    ([], "create needs gs://BUCKET/PREFIX, s3://BUCKET/PREFIX or --file FILE: one of them"),
    (["gs://b/p", "--file", "x"],
     "create needs gs://BUCKET/PREFIX, s3://BUCKET/PREFIX or --file FILE: one of them"),
    (["--file", "x", "--label", "y"],
     "with --file the body says everything; leave the options for it out"),
    (["gs://b/p", "--format", "f", "--role", "r"], "--role is for s3:// only"),
    (["gs://b/p", "--format", "f", "--remap", "x"], '--remap is KEY=PROPERTY, not "x"'),
    (["gs://b/p", "--format", "f", "--remap", "x=1", "--remap", "x=2"], "--remap x is given twice"),
    (["gs://b/p", "--format", "f", "--key", ""], "--key is not empty"),
    (["gs://b/p", "--format", "f", "--key", "a\nb"], "--key is of printable ASCII characters"),
])
def test_what_cannot_be_created_asks_nobody(ctl, sim, arguments, said):
    assert ctl("create", *arguments, code=64).err == f"mixportctl: {said}\n"


def test_the_project_is_named_where_there_are_several(start_sim, start_daemon):
    sim = start_sim(projects=(PROJECT_ID, OTHER_PROJECT_ID))
    ctl = Ctl(start_daemon(sim, projects=DEMO_AND_OTHER))
    assert ctl(*CREATE, code=64).err == "mixportctl: which project? demo, other (-p PROJECT)\n"
    assert ctl(*CREATE, "-p", "other", "--json").out.count('"project":"other"') == 1
    assert "[project-not-found]" in ctl(*CREATE, "-p", "nix", code=4).err


def test_a_duplicate_is_6_unless_it_is_meant(sim, ctl):
    ctl(*CREATE)
    done = ctl(*CREATE, code=6)
    assert "[duplicate-connector]" in done.err and sim.created()[0] in done.err
    assert "--allow-duplicate" in done.err
    ctl(*CREATE, "--allow-duplicate")
    assert len(sim.created()) == 2


def test_a_key_makes_a_create_repeatable(sim, ctl):
    out = ctl(*CREATE, "--key", "mine").out
    assert ctl(*CREATE, "--key", "mine").out == out
    assert len(sim.created()) == 1
    assert "[idempotency-key-reused]" in ctl(*CREATE, "--label", "x", "--key", "mine", code=6).err
    assert "[invalid-idempotency-key]" in ctl(*CREATE, "--key", "x" * 256, code=6).err


def test_an_outcome_that_is_not_known_is_5_and_names_the_operation(sim, ctl):
    sim.fault("drop-after", "create")
    sim.fault("status", "list", count=-1)
    done = ctl(*CREATE, code=5)
    operation = ctl("operations", "-q").out.strip()
    assert done.out == ""
    assert "it is not known yet whether Mixpanel created it. Do not repeat this; follow it: " \
           "mixportctl " in done.err and done.err.endswith(f" {operation}\n")
    again = ctl(*CREATE, code=5)
    assert "[operation-in-progress]" in again.err and operation in again.err
    assert len(sim.created()) == 1


def test_the_operation_of_an_unknown_outcome_is_there_as_json(sim, ctl):
    sim.fault("drop-after", "create")
    done = ctl(*CREATE, "--json", code=5)
    assert json.loads(done.out)["state"] in ("unknown", "sending")


@pytest.mark.parametrize("status,code", [(400, 6), (404, 6), (422, 6), (401, 1)])
def test_what_mixpanel_refuses(sim, ctl, status, code):
    sim.refuse("create", status)
    assert "[upstream-" in ctl(*CREATE, code=code).err


def test_that_mixpanel_cannot_be_reached_is_1(sim, ctl):
    sim.stop()
    assert "[upstream-unreachable]" in ctl(*CREATE, code=1).err
    sim.start()


def test_a_daemon_that_dies_leaves_a_key_by_which_to_ask_again(sim, daemon, ctl):
    sim.fault("hang", "create")
    process = ctl.start(*CREATE)
    wait_until(lambda: sim.received("create") == 1, what="the create")
    daemon.kill()
    out, err = process.communicate(timeout=slow(20))
    assert process.returncode == 5 and out == ""
    key = err.split("--key ")[1].split()[0]
    daemon.start()
    assert "follow it" in ctl(*CREATE, "--key", key, code=5).err
    assert sim.received("create") == 1


def test_that_the_time_is_up_is_5_when_it_may_have_been_taken(ctl):
    with Answering(None) as silent:
        err = ctl(*CREATE, "-p", "demo", "--url", silent.url, "--max-time", "300ms", "--key", "k1",
                  env={"MIXPORT_TOKEN": "mxp_0123456789"}, code=5).err
    assert "--key k1" in err


def test_a_create_that_was_not_sent_is_told_as_such(ctl):
    ctl(*CREATE, "-p", "demo", "--socket", "/nowhere", code=69)


def test_an_internal_error_leaves_a_create_unknown(ctl):
    problem = json.dumps({"code": "internal-error", "detail": "the log says why", "status": 500})
    with Answering(answer(problem, "application/problem+json", "500 Oops")) as other:
        err = ctl(*CREATE, "-p", "demo", "--url", other.url,
                  env={"MIXPORT_TOKEN": "mxp_0123456789"}, code=5).err
    assert "[internal-error]" in err and "--key ctl_" in err


# Deleting


@pytest.fixture
def connector_id(sim, api):
    connector_id, = sim.put(1, connector={"label": "to go\x1b[2J"}, job=False)
    wait_until(lambda: api.project()["connectors"] == 1, what="it is known")
    return connector_id


def test_without_a_terminal_a_delete_needs_a_yes(sim, ctl, connector_id):
    assert "--yes" in ctl("delete", connector_id, stdin="y\n", code=64).err
    assert ctl("delete", connector_id[:6], "--yes").out == f"deleted {connector_id}\n"
    assert sim.connectors() == []
    assert ctl("delete", connector_id, "--yes").out == f"deleted {connector_id}\n"
    assert "no connector begins" in ctl("delete", "ffff", "-y", code=4).err


def test_a_delete_prints_no_json_for_nothing(ctl, connector_id):
    assert ctl("delete", connector_id, "--yes", "--json").out == ""


@pytest.mark.parametrize("typed,code", [("y", 0), ("YES", 0), ("n", 1), ("", 1), ("yes please", 1)])
def test_a_delete_asks_first(sim, ctl, connector_id, typed, code):
    done = ctl.on_terminal("delete", connector_id[:6], answers=[("[y/N]", typed + "\n")], code=code)
    assert f"delete connector {connector_id} (to go\\x1b[2J) of demo? [y/N] " in done.out
    assert ("deleted" in done.out.split("[y/N]")[1]) and len(sim.connectors()) == code


def test_a_delete_on_its_way_is_0(sim, ctl, connector_id):
    sim.fault("status", "delete", count=-1)
    done = ctl("delete", connector_id, "--yes", "--max-time", "4s")
    operation = ctl("operations", "-q").out.strip()
    assert done.out == f"deleting {connector_id}: not confirmed yet, it goes on by itself: " \
                       f"{operation}\n"


# Refreshing


def test_a_refresh_is_waited_for_when_asked(sim, ctl, connector_id):
    assert ctl("refresh").out == "refreshing demo\n"
    assert ctl("refresh", "--wait", "20s").out == "refreshed demo\n"
    assert ctl("refresh", "-p", "demo", "--wait", "20s", "-q").out == ""
    assert ctl("refresh", connector_id[:6], "--wait", "20s").out == f"refreshed {connector_id}\n"
    assert json.loads(ctl("refresh", "--wait", "20s", "-j").out)[0]["project"] == "demo"
    assert json.loads(ctl("refresh", "-p", "demo", "-j").out)["project"] == "demo"
    ctl("refresh", "--wait", "20", code=64)


def test_a_refresh_that_takes_too_long_is_3(sim, ctl):
    sim.fault("hang", "list", count=-1)
    assert "the time is up; the refresh of demo goes on" in \
        ctl("refresh", "--wait", "1s", code=3).err


def test_a_refresh_that_failed_is_1(sim, ctl):
    sim.refuse("list", 500, count=-1)
    assert "demo could not be refreshed" in ctl("refresh", "--wait", "20s", code=1).err


# Resolving


@pytest.fixture
def unknown(sim, ctl):
    """An operation whose outcome nobody knows."""
    sim.fault("status", "list", count=-1)
    sim.fault("drop-after", "create")
    ctl(*CREATE, code=5)
    return ctl("operations", "--state", "unknown", "-q").out.strip()


def test_a_person_says_what_became_of_it(sim, ctl, unknown):
    done = ctl("resolve", unknown[:12], "--not-created", "--reason", "I looked")
    assert done.out == f"resolved {unknown}: not created\n"
    assert "[operation-not-unknown]" in \
        ctl("resolve", unknown, "--not-created", "--reason", "again", code=1).err


def test_it_created_this_one(sim, api, ctl, connector_id, unknown):
    record = json.loads(ctl("resolve", unknown, "--created", connector_id[:6], "--reason", "seen",
                            "--json").out)
    assert (record["state"], record["connector_id"]) == ("succeeded", connector_id)


@pytest.mark.parametrize("arguments,code", [
    (["--reason", "r"], 64), (["--not-created"], 64),
    (["--created", "feed", "--not-created", "--reason", "r"], 64),
    (["--created", "feedfeed", "--reason", "r"], 4), (["--not-created", "--reason", ""], 6)])
def test_a_resolution_says_which_and_why(ctl, unknown, arguments, code):
    ctl("resolve", unknown, *arguments, code=code)


def test_only_operations_are_resolved(ctl, connector_id):
    ctl("resolve", connector_id, "--not-created", "--reason", "r", code=64)
    ctl("resolve", "op_nosuchone", "--not-created", "--reason", "r", code=4)

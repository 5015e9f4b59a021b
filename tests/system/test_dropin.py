"""The drop-in paths: Mixpanel's own calls, with only the host changed."""

import http.client
import json
import re
from pathlib import Path

import pytest

from harness import PROJECT_ID, SLOW, TOKENS, USER, Daemon, Sim, Token, basic, gcs, wait_until

BASE = f"/api/app/projects/{PROJECT_ID}/connectors"

ENTRY = ('{"connector_id":"c-1", "connector_type":"gcsImport",  "label":"caf\\u00e9 \u2603",'
         '"connector_properties":{"gcs_bucket":"b","gcs_prefix":"","weight":1.50,"n":1e3,'
         '"big":9223372036854775807},"category_properties":{"data_format":"mixpanel_event"},'
         '"status":null,"created_at":"1600309069","new":[ ]}')
RUN = ('{"id":"",  "status":"success","start_time":"1600309069","end_time":"1600309079",'
       '"progress":1.0,"error":{"message":"","code":""},"connector_properties":{"n":0.10}}')


def known(api, count=1):
    wait_until(lambda: api.project()["connectors"] == count, what=f"{count} connectors")


@pytest.fixture
def verbatim(sim, api):
    """A connector and a run whose bytes are known."""
    sim.put(connector_id="c-1", text=ENTRY, job=False)
    sim.replace_history("c-1", [RUN])
    wait_until(lambda: api.jobs_of("c-1").status == 200 and api.jobs_of("c-1").json["data"],
               what="the job is known")


# Reading


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_list_has_mixpanels_envelope(sim, api, slash):
    sim.put(2)
    known(api, 2)
    answer = api.get(BASE + slash)
    assert answer.status == 200
    assert answer.json["status"] == "ok"
    results = answer.json["results"]
    assert (results["url"], results["has_more"], len(results["data"])) == (None, False, 2)


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_listed_entry_is_the_bytes_of_mixpanel(api, verbatim, slash):
    assert ENTRY in api.get(BASE + slash).text


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_run_is_the_bytes_of_mixpanel(api, verbatim, slash):
    answer = api.get(f"{BASE}/c-1/history{slash}")
    assert answer.json["status"] == "ok"
    assert RUN in answer.text


@pytest.mark.parametrize("slash", ["", "/"])
def test_one_connector_is_read(api, verbatim, slash):
    answer = api.get(f"{BASE}/c-1{slash}")
    assert answer.status == 200
    assert answer.json["status"] == "ok"
    assert ENTRY in answer.text


def test_the_bytes_survive_a_restart(api, daemon, verbatim):
    daemon.restart()
    assert ENTRY in api.get(BASE).text
    assert RUN in api.get(f"{BASE}/c-1/history").text


def test_what_mixpanel_changes_is_told(sim, api, verbatim):
    changed = ENTRY.replace("1.50", "1.5")
    sim.alter("c-1", text=changed)
    wait_until(lambda: changed in api.get(BASE).text, what="the changed entry")


def test_pages_of_mixpanel_are_merged(start_sim, start_daemon):
    sim = start_sim("--connectors", "7", "--page", "2")
    api = start_daemon(sim).client()
    known(api, 7)
    results = api.get(BASE).json["results"]
    assert (results["url"], results["has_more"]) == (None, False)
    assert {c["connector_id"] for c in results["data"]} == \
        {c["connector_id"] for c in sim.connectors()}


def test_many_are_on_one_page(start_sim, start_daemon):
    sim = start_sim("--connectors", "600")
    api = start_daemon(sim).client()
    known(api, 600)
    assert len(api.get(BASE).json["results"]["data"]) == 600


LONG = 24


def resident(daemon):
    """Bytes of memory that the daemon has."""
    text = Path(f"/proc/{daemon.pid}/status").read_text()
    return 1024 * int(re.search(r"VmRSS:\s+(\d+)", text)[1])


def long_text(name, size=1_000_000, **members):
    """An entry of a list or a history that is long."""
    return json.dumps({**members, "name": name, "notes": "n" * size})


def long_connectors(sim, names):
    for name in names:
        sim.put(connector_id=name, job=False, text=long_text(
            name, connector_id=name, connector_type="gcsImport",
            connector_properties={"gcs_bucket": name, "gcs_prefix": ""},
            category_properties={"data_format": "mixpanel_event"}))


@pytest.fixture(scope="module")
def lengthy():
    """A daemon that knows more than one answer holds: connectors, and runs of one of them."""
    with Sim("--page", "3", "--set", "history_page=3") as sim:
        long_connectors(sim, [f"c-{i}" for i in range(LONG)])
        sim.replace_history("c-0", [
            long_text(f"r-{i}", id=f"r-{i}", status="success", start_time=str(1600309069 + i),
                      end_time=str(1600309079 + i), progress=1) for i in range(LONG)])
        with Daemon(sim) as daemon:
            api = daemon.client(timeout=120)
            wait_until(lambda: api.project()["connectors"] == LONG, timeout=60, what="connectors")
            wait_until(lambda: len(api.jobs_of("c-0", limit=1).json["data"]) == 1, timeout=60,
                       what="the history")
            yield sim, daemon, api


@pytest.mark.parametrize("path, letter", [(BASE, "c"), (f"{BASE}/c-0/history/", "r")])
def test_a_list_of_any_size_comes_whole(lengthy, path, letter):
    _, _, api = lengthy
    connection = api.connection()
    connection.request("GET", path, headers=api.authorization())
    answer = connection.getresponse()
    assert answer.status == 200
    assert answer.headers["Content-Length"] is None
    body = answer.read(2 * LONG * 1_000_000)
    connection.close()
    assert len(body) > LONG * 1_000_000
    names = [entry["name"] for entry in json.loads(body)["results"]["data"]]
    assert sorted(names) == sorted(f"{letter}-{i}" for i in range(LONG))


def test_who_takes_a_long_list_slowly_holds_nothing_back(lengthy):
    """Neither the writer nor the memory, and what stays there meanwhile is in it."""
    sim, daemon, api = lengthy
    before = resident(daemon)
    connections = [api.connection() for _ in range(8)]
    for connection in connections:
        connection.request("GET", BASE, headers=api.authorization())
    answers = [connection.getresponse() for connection in connections]
    beginnings = [answer.read(100_000) for answer in answers]
    sim.remove("c-7")
    wait_until(lambda: api.connector("c-7").json["state"] == "deleted", what="c-7 is gone")
    long_connectors(sim, ["c-late"])
    wait_until(lambda: api.connector("c-late").status == 200, what="another one is there")
    # Whole answers would be 8 times 24 MiB. A sanitizer keeps what was freed for a while.
    limit = 64 if SLOW == 1 else 128
    assert resident(daemon) - before < limit * 1024 * 1024
    for connection, answer, beginning in zip(connections, answers, beginnings):
        rest = answer.read(2 * LONG * 1_000_000)
        data = json.loads(beginning + rest)["results"]["data"]
        names = [entry["name"] for entry in data]
        assert len(names) == len(set(names))
        assert set(names) >= {f"c-{i}" for i in range(LONG)} - {"c-7"}
        connection.close()


def test_a_list_that_is_being_sent_breaks_off_with_the_right_to_it(lengthy):
    _, daemon, _ = lengthy
    connection = daemon.client("read", timeout=120).connection()
    connection.request("GET", BASE, headers=daemon.client("read").authorization())
    answer = connection.getresponse()
    beginning = answer.read(100_000)
    token = daemon.tokens.pop("read")
    daemon.write_files()
    daemon.reload()
    # What the kernel holds for a slow reader, and the part under way, are beyond recall.
    with pytest.raises(http.client.IncompleteRead) as rest:
        answer.read()
    assert len(beginning) + len(rest.value.partial) < LONG * 1_000_000
    connection.close()
    daemon.tokens["read"] = token
    daemon.write_files()
    daemon.reload()


def test_deleted_connectors_are_not_listed(sim, api):
    here, other = sim.put(2)
    known(api, 2)
    sim.remove(here)
    known(api, 1)
    assert [c["connector_id"] for c in api.get(BASE).json["results"]["data"]] == [other]


def test_a_deleted_connector_is_404(sim, api):
    here, = sim.put()
    known(api)
    sim.remove(here)
    known(api, 0)
    assert api.get(f"{BASE}/{here}").status == 404


def test_an_empty_list_is_one(api):
    assert api.get(BASE).json["results"] == {"url": None, "has_more": False, "data": []}


# Creating


FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_create_is_201_with_the_connector(sim, api, slash):
    answer = api.post(BASE + slash, gcs("mine"))
    assert (answer.status, answer.json["status"]) == (201, "ok")
    assert answer.json["results"]["connector_id"] == sim.created()[0]
    assert answer.json["results"]["connector_properties"]["gcs_bucket"] == "mine"


@pytest.mark.parametrize("headers", [FORM, {"Content-Type": "text/plain"},
                                     {"Content-Type": None}])
def test_a_create_is_json_whatever_it_says(sim, api, headers):
    assert api.post(BASE, gcs(), headers=headers).status == 201


def test_unknown_top_level_members_are_passed_on(sim, api):
    assert api.post(BASE, gcs(colour="red")).status == 201
    assert json.loads(sim.requests("create")[0]["body"])["colour"] == "red"


def test_there_is_no_duplicate_check(sim, api):
    api.post(BASE, gcs())
    assert api.post(BASE, gcs()).status == 201
    assert len(sim.created()) == 2


def test_an_idempotency_key_works(sim, api):
    first, second = (api.post(BASE, gcs(), headers={"Idempotency-Key": "k"}) for _ in range(2))
    assert second.status == 201
    assert second.json["results"]["connector_id"] == first.json["results"]["connector_id"]
    assert len(sim.created()) == 1


def test_a_created_connector_is_in_both_interfaces(api):
    created = api.post(BASE, gcs()).json["results"]["connector_id"]
    assert api.connector(created).status == 200
    assert created in api.get(BASE).text


@pytest.mark.parametrize("action", ["drop-before", "status", "html"])
def test_an_unclear_create_is_504_with_the_operation(sim, start_daemon, action):
    api = start_daemon(sim, config={"project demo": {"write_timeout": "500ms"}}).client()
    sim.fault(action, "create")
    answer = api.post(BASE, gcs())
    assert (answer.status, answer.json["type"]) == (504, "outcome-unknown")
    operation, = api.get("/v1/operations").json["data"]
    assert operation["operation_id"] in answer.json["message"]
    assert sim.received("create") == 1


@pytest.mark.parametrize("action", ["drop-after", "garbage"])
def test_an_unclear_create_that_was_carried_out_is_not_sent_again(sim, api, action):
    """It may have been found in the list before the answer is due."""
    sim.fault(action, "create")
    assert api.post(BASE, gcs()).status in (201, 504)
    assert sim.received("create") == 1


# Deleting


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_delete_is_confirmed_in_mixpanels_words(sim, api, slash):
    here, = sim.put()
    known(api)
    answer = api.delete(f"{BASE}/{here}{slash}")
    assert answer.status == 200
    assert answer.json == {"status": "ok",
                           "results": f"Successfully deleted Connector with ID:{here}"}
    assert sim.connectors() == []


# Errors


def mistakes():
    return {
        "bad json": lambda api: api.post(BASE, "{"),
        "bad connector": lambda api: api.post(BASE, {}),
        "unknown connector": lambda api: api.get(BASE + "/nothing"),
        "unknown history": lambda api: api.get(BASE + "/nothing/history"),
        "unknown project": lambda api: api.get("/api/app/projects/1/connectors"),
        "wrong method": lambda api: api.request("PUT", BASE),
        "no token": lambda api: api.daemon.client(None).get(BASE),
        "lacking scope": lambda api: api.daemon.client("read").post(BASE, gcs()),
    }


STATUS = {"bad json": 400, "bad connector": 422, "unknown connector": 404,
          "unknown history": 404, "unknown project": 404, "wrong method": 405, "no token": 401,
          "lacking scope": 403}


@pytest.mark.parametrize("which", STATUS)
def test_errors_have_mixpanels_shape(api, which):
    answer = mistakes()[which](api)
    assert answer.status == STATUS[which]
    assert answer.json["status"] == "error"
    for member in ("error", "type", "message"):
        assert answer.json[member] and isinstance(answer.json[member], str), member
    assert answer.headers["Content-Type"].split(";")[0] == "application/json"


@pytest.mark.parametrize("status", [400, 403, 404, 422])
def test_a_refusal_has_mixpanels_status(sim, api, status):
    sim.refuse("create", status, body='{"status":"error","error":"No such bucket"}')
    answer = api.post(BASE, gcs())
    assert (answer.status, answer.json["type"]) == (status, "upstream-rejected")
    assert "No such bucket" in answer.json["error"] + answer.json["message"]


def test_unreachable_is_503(sim, api):
    sim.stop()
    answer = api.post(BASE, gcs())
    assert (answer.status, answer.json["type"]) == (503, "upstream-unreachable")
    assert answer.headers["Retry-After"]


# Who may call


def test_basic_with_the_clients_name_works(daemon):
    token = daemon.tokens["read"]
    client = daemon.client(None)
    answer = client.get(BASE, headers={"Authorization": basic("read", token.secret)})
    assert answer.status == 200


@pytest.mark.parametrize("name, secret", [
    ("manage", None), ("read", "mxp_wrong"), ("", None), ("read", ""),
    tuple(USER.split(":"))])
def test_basic_with_anything_else_does_not(daemon, name, secret):
    if secret is None:
        secret = daemon.tokens["read"].secret
    client = daemon.client(None)
    assert client.get(BASE, headers={"Authorization": basic(name, secret)}).status == 401


def test_a_project_goes_by_number_here(api):
    assert api.get(BASE.replace(str(PROJECT_ID), "2")).status == 404


def test_a_token_for_another_project_sees_none(start_daemon, sim):
    tokens = TOKENS + (Token("elsewhere", "manage", "other"),)
    daemon = start_daemon(sim, tokens=tokens)
    assert daemon.client("elsewhere").get(BASE).status == 404

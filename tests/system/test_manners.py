"""What the API says to those who ask for the wrong thing, and what it lets them have."""

import re

import pytest

from harness import gcs, parse, stays, wait_until


def with_host(client, host, path="/v1/projects"):
    lines = [f"GET {path} HTTP/1.1", f"Host: {host}", "Connection: close"]
    lines += [f"{k}: {v}" for k, v in client.authorization().items()]
    return parse(client.raw("\r\n".join([*lines, "", ""]).encode()))


@pytest.mark.parametrize("host", ["docker", "local-mixport.sock", "d", "example.com:80", "[::1]:9"])
def test_over_the_socket_any_host_will_do(daemon, host):
    assert with_host(daemon.over_unix(), host).status == 200


@pytest.mark.parametrize("host", ["a b", "exa mple", "a/b", "[::1", "a:b:c"])
def test_but_none_that_is_no_host(daemon, host):
    assert with_host(daemon.over_unix(), host).status in (400, 421)


def test_a_misdirected_request_is_told_what_would_do(daemon, api):
    answer = with_host(api, "elsewhere.example")
    assert answer.code == "misdirected-request"
    detail = answer.json["detail"]
    assert '"elsewhere.example"' in detail and "localhost" in detail and str(api.port()) in detail
    assert "x" * 200 not in with_host(api, "x" * 300).json["detail"]
    assert "..." in with_host(api, "x" * 300).json["detail"]


def test_what_a_strange_host_holds_does_nothing_to_a_terminal(daemon, api):
    for client in api, daemon.over_unix():
        detail = with_host(client, "\x9b31m\\").json["detail"]
        assert r'"\xC2\x9B31m\\"'.lower() in detail.lower(), detail


def test_a_path_with_a_slash_too_many_is_named(api):
    answer = api.get("/v1/projects/")
    assert answer.status == 404 and '"/v1/projects/"' in answer.json["detail"]
    assert "without the slash" in answer.json["detail"]
    assert '"/v1/projects"' in answer.json["detail"]
    assert '"/v1"' in api.get("/v1//").json["detail"]
    answer = api.get("/v2/projects")
    assert answer.status == 404 and '"/v2/projects"' in answer.json["detail"]


@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "DELETE"])
def test_the_health_listener_says_what_it_lacks(daemon, method):
    answer = daemon.over_health().request(method, "/v1/projects")
    assert answer.status == 404 and "health and metrics alone" in answer.json["detail"]
    assert daemon.over_health().request(method, "/nothing").status == 404
    detail = daemon.over_health().request(method, "/v1/projects/").json["detail"]
    assert '"/v1/projects" is served by the listeners of the API' in detail
    detail = daemon.over_health().request(method, "/healthz/").json["detail"]
    assert detail.endswith('without the slash at its end there is: "/healthz".')


def test_the_beginning_of_the_api(api):
    index = api.get("/v1").json
    assert re.fullmatch(r"\d+\.\d+\.\d+", index["version"])
    assert index["manual"] == "mixport-api(7)"
    assert index["caller"] == {"name": "admin", "scope": "admin", "limited": False}
    assert api.get("/v1", {"what": "1"}).status == 400


def test_many_warnings_are_counted(api, sim):
    body = gcs()
    body["connector_properties"].update({f"member_{n}": n for n in range(500)})
    body["connector_properties"]["m" * 30000] = 1
    answer = api.create(body, validate_only="true")
    assert answer.status == 200 and answer.json["valid"]
    warnings = answer.json["warnings"]
    assert len(warnings) <= 60 and warnings[-1]["code"] == "more-warnings"
    assert re.match(r"\d{3} more", warnings[-1]["detail"])
    assert api.create(body).status == 201


def test_a_reader_may_not_ask_for_less_than_five_seconds(start_daemon, sim):
    daemon = start_daemon(sim, config={"project demo": {
        "list_interval": "1h", "idle_interval": "1h", "active_interval": "1h"}})
    here, = sim.put(job=False)
    api = daemon.client()
    api.refresh()
    assert daemon.client("read").connector(here, max_age=0).status == 200
    assert sim.received("get") == 0
    assert api.connector(here, max_age=0).status == 200
    assert sim.received("get") == 1


def test_who_asked_may_resolve_and_no_other_manager(start_daemon, sim):
    daemon = start_daemon(sim)
    sim.fault("drop-before", "create", count=-1)
    unknown = daemon.client("manage").create(gcs(), wait=5).json
    path = f"/v1/operations/{unknown['operation_id']}/resolve"
    wait_until(lambda: daemon.client().operation(unknown["operation_id"]).json["state"] ==
               "unknown", what="it is unknown")
    verdict = {"outcome": "not_created", "reason": "looked"}
    other = daemon.client("limited").post(path, verdict)
    assert (other.status, other.code) == (403, "insufficient-scope")
    assert daemon.client("read").post(path, verdict).status == 403
    assert daemon.client("manage").post(path, verdict).status == 200


@pytest.mark.parametrize("status", ["failed", "running", "failed,succeeded"])
def test_a_jobs_status_asked_of_connectors_is_explained(api, status):
    answer = api.connectors(status=status)
    assert answer.status == 400 and answer.json["errors"][0]["parameter"] == "status"
    assert "job_status" in answer.json["errors"][0]["detail"]


def test_an_outage_is_two_lines(start_daemon, sim):
    daemon = start_daemon(sim)
    wait_until(lambda: "upstream ok" in daemon.whole_log(), what="it is well")
    sim.fault("drop-before", "any", count=-1)
    wait_until(lambda: daemon.client().project()["upstream"]["state"] != "ok", what="trouble")
    assert stays(lambda: daemon.whole_log().count("<4>") == 1, 3)
    sim.no_faults()
    wait_until(lambda: "upstream ok again, after" in daemon.whole_log(), 90, what="it is well again")
    assert daemon.whole_log().count("<4>") == 1


def test_jobs_are_filtered_by_several_things(api, sim):
    here, there = sim.put(2, connector=gcs(), job=False)
    history = [{"status": status, "start_time": f"2026-01-0{day} 03:04:05 +0000 UTC"}
               for day, status in ((3, "success"), (2, "failed"), (1, "running"))]
    sim.replace_history(here, history)
    sim.replace_history(there, history[:1])
    wait_until(lambda: len(api.get("/v1/jobs").json["data"]) == 4, what="they are known")

    def found(**query):
        return [job["status"] for job in api.get("/v1/jobs", query).json["data"]]

    assert found(status="failed,running") == ["failed", "running"]
    assert found(connector_id=here) == ["succeeded", "failed", "running"]
    assert found(connector_id=there, project="demo", status="succeeded,failed") == ["succeeded"]
    assert found(connector_id="nobody") == []
    assert found(since="2026-01-02") == ["succeeded", "succeeded", "failed"]
    assert found(since="2026-01-02T03:04:06Z", connector_id=here) == ["succeeded"]
    assert found(since="1h") == [] and len(found(since="10000d")) == 4
    listed = api.jobs_of(here, status="running,succeeded").json["data"]
    assert [job["status"] for job in listed] == ["succeeded", "running"]
    first = api.get("/v1/jobs", {"status": "failed,running", "limit": 1}).json
    second = api.get("/v1/jobs", {"status": "failed,running", "limit": 1,
                                  "cursor": first["next_cursor"]}).json
    assert [first["data"][0]["status"], second["data"][0]["status"]] == ["failed", "running"]


@pytest.mark.parametrize("name, value", [
    ("status", ""), ("status", "failed,"), ("status", "failed,broken"), ("status", "success"),
    ("since", "yesterday"), ("since", "2026-13-01"), ("since", "2d3h"), ("since", "1600000000")])
def test_bad_job_filters_are_named(api, name, value):
    answer = api.get("/v1/jobs", {name: value})
    assert answer.status == 400 and answer.json["errors"][0]["parameter"] == name


def test_a_page_ends_early_rather_than_pass_four_mebibytes(start_daemon, sim):
    sim.settings(page=20)
    api = start_daemon(sim, config={"project demo": {"list_interval": "1h"}}).client()
    ids = sim.put(150, connector={"label": "l" * 60000}, job=False)
    api.refresh()
    answer = api.connectors(limit=500)
    assert answer.status == 200 and len(answer.body) <= 4 * 1024 * 1024
    page, seen = answer.json, []
    while True:
        seen += [connector["connector_id"] for connector in page["data"]]
        if not page["has_more"]:
            break
        page = api.connectors(limit=500, cursor=page["next_cursor"]).json
    assert 50 < len(answer.json["data"]) < 100
    assert len(seen) == len(set(seen)) == 150 and set(seen) == set(ids)

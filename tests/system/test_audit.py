"""The audit: every change asked for, by whom, from where, when, and what came of it."""

import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time

import pytest

from harness import (OTHER_PROJECT_ID, PROJECT_ID, TOKENS, Token, can_group, can_mount, control_group,
                     gcs, slow, wait_until)

BOTH = {"demo": PROJECT_ID, "other": OTHER_PROJECT_ID}
CREATE = "/v1/projects/demo/connectors"
DROPIN = f"/api/app/projects/{PROJECT_ID}/connectors"


def entries(api, count=None, **query):
    """The newest first. With a count those that are under way still are waited for."""
    def read():
        return api.get("/v1/audit", query).json["data"]

    def complete():
        found = read()
        return found if len(found) == count and all(e["status"] for e in found) else None

    return read() if count is None else wait_until(complete, what=f"{count} answered entries")


def metric(daemon, name):
    text = daemon.over_health().get("/metrics").text
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith(name + " "))


def refuses(daemon):
    try:
        daemon.client().socket().close()
    except (ConnectionRefusedError, ConnectionResetError):
        return True
    return False


def test_a_create_tells_who_from_where_when_and_what_came_of_it(daemon, sim):
    answer = daemon.client("manage").create(gcs(), wait=30)
    assert answer.status == 201
    entry, = entries(daemon.client(), 1)
    operation, = daemon.client().get("/v1/operations").json["data"]
    assert entry.pop("audit_id").startswith("aud_")
    assert entry.pop("address").startswith("127.0.0.1:")
    assert entry["asked_at"] <= operation["created_at"] <= entry["answered_at"]
    del entry["asked_at"], entry["answered_at"]
    assert entry == {
        "request_id": answer.headers["X-Request-Id"], "client": "manage", "uid": None,
        "unit": None, "action": "create", "project": "demo", "project_id": PROJECT_ID,
        "connector_id": sim.created()[0], "operation_id": operation["operation_id"],
        "operation_state": "succeeded", "status": 201, "code": None, "reason": None}


def test_who_has_had_an_answer_finds_it_there_at_once(daemon):
    api = daemon.client()
    for number in range(10):
        for ask, status in [(lambda: api.create(gcs(f"bucket-{number}")), 201),
                            (lambda: api.create(gcs(f"bucket-{number}")), 409),
                            (lambda: api.create({"label": 1}), 422),
                            (lambda: api.post("/v1/projects/demo/refresh"), 202),
                            (lambda: api.post("/v1/reload", {}), 200),
                            (lambda: daemon.client("read").post("/v1/reload", {}), 403)]:
            answer = ask()
            entry, = entries(api, limit=1)
            assert answer.status == entry["status"] == status
            assert answer.headers["X-Request-Id"] == entry["request_id"]


def test_a_peer_on_the_socket_is_named_by_its_uid(daemon):
    daemon.over_unix().create(gcs())
    entry, = entries(daemon.over_unix(), 1)
    assert (entry["client"], entry["uid"], entry["address"]) == \
        (f"uid:{os.getuid()}", os.getuid(), None)


IN_A_GROUP = """
import os, socket, sys
path, group = sys.argv[1:]
with open(group + "/cgroup.procs", "w") as file:
    file.write(str(os.getpid()))
with socket.socket(socket.AF_UNIX) as peer:
    peer.connect(path)
    peer.sendall(b"GET /v1 HTTP/1.1\\r\\nHost: l\\r\\n\\r\\n")
    peer.recv(65536)
    parent = os.getpid()
    if os.fork():
        os._exit(0)
    while os.getppid() == parent:
        pass
    peer.sendall(b"POST /v1/projects/demo/refresh HTTP/1.1\\r\\nHost: l\\r\\n\\r\\n")
    print(peer.recv(65536).split()[1].decode())
"""


@pytest.mark.skipif(not can_group(), reason="needs root that may make control groups")
def test_the_unit_is_the_systems_whatever_is_made_in_it_and_though_its_process_has_gone(daemon):
    """A user's own manager may call the groups in its service what it likes."""
    folders = [control_group() / f"mixport-test-{os.getpid()}.slice"]
    for name in ("user@1000.service", "app.slice", "importer.service"):
        folders.append(folders[-1] / name)
    try:
        folders[-1].mkdir(parents=True)
        for group in (control_group(), folders[-1]):
            done = subprocess.run([sys.executable, "-c", IN_A_GROUP, daemon.socket, group],
                                  stdout=subprocess.PIPE, timeout=slow(20), check=True)
            assert done.stdout == b"202\n"
        nested, own = entries(daemon.client(), 2)
        # Of a service, where the tests run in one.
        assert nested["unit"] == (own["unit"] or "user@1000.service")
    finally:
        wait_until(lambda: not (folders[-1] / "cgroup.procs").read_text(), what="the group is empty")
        for folder in reversed(folders):
            folder.rmdir()


def test_every_kind_of_change_is_there(daemon, sim):
    api = daemon.client()
    connector_id = api.create(gcs()).json["connector_id"]
    assert api.post("/v1/projects/demo/refresh", {}).status == 202
    api.post(f"/v1/projects/demo/connectors/{connector_id}/refresh", {})
    assert api.remove(connector_id).status == 204
    assert api.post("/v1/reload", {}).status == 200
    assert api.post("/v1/operations/op_none/resolve",
                    {"outcome": "not_created", "reason": "looked"}).status == 404
    dropin = f"/api/app/projects/{PROJECT_ID}/connectors"
    other = api.post(dropin, gcs("other")).json["results"]
    assert api.delete(f"{dropin}/{next(c for c in sim.created() if c != connector_id)}").status \
        == 200, other
    found = [(e["action"], e["project"], e["status"]) for e in entries(api, 8)]
    assert found == [("delete", "demo", 200), ("create", "demo", 201), ("resolve", None, 404),
                     ("reload", None, 200), ("delete", "demo", 204), ("refresh", "demo", 202),
                     ("refresh", "demo", 202), ("create", "demo", 201)]
    assert entries(api, 8)[5]["connector_id"] == connector_id
    assert entries(api, 8)[2]["operation_id"] == "op_none"


def test_what_reads_is_not_there(daemon):
    api = daemon.client()
    api.get("/v1/projects")
    api.head("/v1/jobs")
    api.get("/v1/audit")
    assert daemon.client("read").post("/v1/jobs", {}).status == 405
    assert daemon.client(None).create(gcs()).status == 401
    assert entries(api) == []


def test_what_is_refused_is_there_with_the_code(daemon):
    api = daemon.client()
    api.create(gcs())
    api.create(gcs())
    api.create({"connector_type": "nonsense"})
    daemon.client("read").create(gcs())
    api.create(gcs(), project="nowhere")
    api.post("/v1/projects/demo/connectors", b"{")
    found = [(e["client"], e["status"], e["code"]) for e in entries(api, 6)]
    assert found == [("admin", 400, "invalid-json"),
                     ("admin", 404, "project-not-found"), ("read", 403, "insufficient-scope"),
                     ("admin", 422, "invalid-connector"), ("admin", 409, "duplicate-connector"),
                     ("admin", 201, None)]


def test_what_is_refused_before_anything_is_looked_at_names_its_object(daemon):
    assert daemon.client("read").remove("of-somebody").status == 403
    entry, = entries(daemon.client(), 1)
    assert (entry["connector_id"], entry["action"]) == ("of-somebody", "delete")


def test_what_is_refused_is_of_the_project_that_it_names(start_daemon, start_sim):
    """By its path or its operation, though its caller may not see it; who sees that project's
    entries alone sees these."""
    sim = start_sim(projects=(PROJECT_ID, OTHER_PROJECT_ID))
    daemon = start_daemon(sim, projects=BOTH,
                          tokens=TOKENS + (Token("auditor", "admin", "demo"),
                                           Token("stranger", "manage", "other")))
    sim.refuse("create", 500)
    operation_id = daemon.client().create(gcs(), wait=30).json["operation_id"]
    resolve = f"/v1/operations/{operation_id}/resolve"
    asked = {"outcome": "not_created", "reason": "looked"}
    assert daemon.client("read").remove("x").status == 403
    assert daemon.client("read").delete(f"{DROPIN}/x").status == 403
    assert daemon.client("stranger").remove("x").status == 404
    assert daemon.client("read").post(resolve, asked).status == 403
    assert daemon.client("limited").post(resolve, asked).status == 403
    assert daemon.client("auditor").post(resolve, {"outcome": "x", "reason": "y"}).status == 422
    found = entries(daemon.client("auditor"), 7)
    assert {e["project"] for e in found} == {"demo"}
    assert [e["operation_id"] for e in found[:3]] == [operation_id] * 3


def test_what_is_refused_for_being_asked_too_often_names_its_object(start_daemon, sim):
    daemon = start_daemon(sim, config={"daemon": {"requests_per_second": 1}})
    api = daemon.client("manage")
    statuses = {api.remove("x").status for _ in range(50)}
    assert 429 in statuses

    def refused():
        found = daemon.client().get("/v1/audit", {"limit": 500}).json.get("data", [])
        return [e for e in found if e["status"] == 429]

    assert {(e["project"], e["connector_id"]) for e in wait_until(refused)} == {("demo", "x")}


def test_what_is_too_long_for_an_entry_is_cut_between_characters(daemon):
    daemon.client("read").remove("%C3%A9" * 100)
    daemon.client("read").post(f"/v1/operations/{'%C3%A9' * 40}/resolve", {})
    resolve, delete = entries(daemon.client(), 2)
    assert delete["connector_id"] == "é" * 64
    assert resolve["operation_id"] == "é" * 15


def test_a_reload_by_signal_is_there(daemon):
    daemon.reload()
    entry, = entries(daemon.client(), 1)
    assert (entry["action"], entry["client"], entry["uid"], entry["address"], entry["status"]) == \
        ("reload", "signal:HUP", os.getuid(), None, 200)
    assert [line for line in daemon.log().splitlines() if "audit: reload by signal:HUP" in line]
    daemon.expect_error("")
    daemon.configure("daemon", database="/elsewhere")
    daemon.process.send_signal(signal.SIGHUP)
    refused = entries(daemon.client(), 2)[0]
    assert (refused["status"], refused["code"]) == (422, "configuration-invalid")
    assert refused["request_id"] != entry["request_id"]


def test_a_create_is_there_before_it_is_sent_and_outlives_a_crash(daemon, sim):
    sim.fault("hang", "create")
    api = daemon.client()
    with api.socket() as raw:
        body = json.dumps(gcs()).encode()
        raw.sendall(b"POST /v1/projects/demo/connectors?allow_duplicate=true HTTP/1.1\r\n"
                    b"Host: localhost\r\nContent-Type: application/json\r\n"
                    b"Authorization: " + api.authorization()["Authorization"].encode() +
                    b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        entry = wait_until(lambda: next(
            (e for e in entries(api) if e["operation_state"] == "sending"), None))
        assert (entry["status"], entry["answered_at"]) == (None, None)
        daemon.kill()
        daemon.start()
    found, = entries(daemon.client())
    assert found["audit_id"] == entry["audit_id"]
    assert found["operation_id"] == entry["operation_id"]
    assert (found["status"], found["operation_state"]) == (None, "unknown")


def test_what_is_answered_while_the_daemon_stops_is_complete(daemon):
    """Its thread that writes may have ended by then."""
    api = daemon.client()
    body = b'{"connector_type":"nonsense"}'
    with api.socket() as raw:
        raw.sendall(b"POST /v1/projects/demo/connectors HTTP/1.1\r\nHost: localhost\r\n"
                    b"Content-Type: application/json\r\nAuthorization: " +
                    api.authorization()["Authorization"].encode() +
                    b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body[:1])
        wait_until(lambda: metric(daemon, 'mixport_http_requests_total{listener="tcp"}') == 1)
        daemon.process.send_signal(signal.SIGTERM)
        wait_until(lambda: refuses(daemon), what="it stops")
        raw.sendall(body[1:])
        assert raw.recv(65536).startswith(b"HTTP/1.1 422")
    assert daemon.process.wait(10) == 0
    daemon.start()
    entry, = entries(daemon.client(), 1)
    assert (entry["status"], entry["code"]) == (422, "invalid-connector")


def test_entries_are_found_by_project_client_action_and_time(start_daemon, start_sim):
    sim = start_sim(projects=(PROJECT_ID, OTHER_PROJECT_ID))
    daemon = start_daemon(sim, projects=BOTH, tokens=TOKENS + (Token("auditor", "admin", "other"),))
    api = daemon.client()
    api.create(gcs())
    api.create(gcs(), project="other")
    api.post("/v1/reload", {})
    daemon.client("manage").create(gcs("more"))
    assert len(entries(api, 4)) == 4
    assert [e["client"] for e in entries(api, project="demo")] == ["manage", "admin"]
    assert [e["project"] for e in entries(api, client="admin")] == [None, "other", "demo"]
    assert [e["action"] for e in entries(api, action="reload")] == ["reload"]
    assert len(entries(api, since="1h")) == 4 and not entries(api, since="2100-01-01")
    # One who is limited to projects sees theirs, and not what is of none.
    assert [e["project"] for e in entries(daemon.client("auditor"))] == ["other"]
    assert daemon.client("auditor").get("/v1/audit", {"project": "demo"}).status == 404
    assert daemon.client("manage").get("/v1/audit").status == 403
    for query, parameter in [({"action": "steal"}, "action"), ({"since": "soon"}, "since"),
                             ({"limit": 0}, "limit"), ({"page": 1}, "page")]:
        answer = api.get("/v1/audit", query)
        assert answer.status == 400 and answer.faults and next(iter(answer.faults))[0] == parameter
    assert api.get("/v1/audit", {"cursor": "x"}).code == "invalid-cursor"
    # Pages, and nothing twice.
    assert api.every("/v1/audit", {"limit": 1}) == api.every("/v1/audit")


def test_the_log_has_one_line_for_each(daemon):
    answer = daemon.client("manage").create(gcs(), wait=30)
    operation_id = entries(daemon.client(), 1)[0]["operation_id"]
    line, = [line for line in daemon.log().splitlines() if "audit:" in line]
    for part in ["create by manage from 127.0.0.1:", "project demo", f"operation {operation_id}",
                 ": 201, request " + answer.headers["X-Request-Id"]]:
        assert part in line
    daemon.client("read").create(gcs(), wait=30)
    wait_until(lambda: "create by read" in daemon.log())
    assert [line for line in daemon.log().splitlines() if "403 insufficient-scope" in line]


@pytest.mark.skipif(not can_mount(), reason="needs root that may mount")
def test_no_path_forges_an_entry_of_the_journal(start_daemon, sim):
    """What ends a line or commands a terminal stands escaped in the message and in the fields. A
    value with a line end would be sent as its length and its bytes, as sd_journal_sendv(3) says."""
    daemon = start_daemon(sim, run=False)
    log, folder = daemon.folder / "stderr-1", daemon.folder / "journal"
    log.touch()
    folder.mkdir()
    daemon.spawn = {"env": {**os.environ, "JOURNAL_STREAM":
                            f"{log.stat().st_dev}:{log.stat().st_ino}"}}
    daemon.prefix = ["unshare", "-m", "sh", "-ec", "mount -t tmpfs none /run; mkdir /run/systemd; "
                     'ln -s "$0" /run/systemd/journal; exec "$@"', folder]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
        journal.bind(str(folder / "socket"))
        journal.settimeout(slow(10))
        daemon.start()
        forged = "x%0Aaudit:%20delete%20by%20admin%1b[2J%c2%9b%5c"
        shown = r"x\naudit: delete by admin\x1b[2J\xc2\x9b\\"
        assert daemon.client("read").remove(forged).status == 403
        entry = journal.recv(65536).decode()
    assert f"\nMIXPORT_CONNECTOR_ID={shown}\n" in entry and f", connector {shown}: 403" in entry
    assert entry.startswith("MESSAGE=audit: delete by read from ") and "\x1b" not in entry
    assert "audit:" not in daemon.log()


class Flood:
    """Sends the same request over one connection, again and again."""

    def __init__(self, api, method, path, body=b""):
        self.raw = api.socket()
        self.answers = self.raw.makefile("rb")
        self.request = (
            f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Authorization: {api.authorization()['Authorization']}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n").encode() + body

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.answers.close()
        self.raw.close()

    def send(self, count):
        """Sends so many; returns the statuses of the answers."""
        statuses = set()
        for begun in range(0, count, 50):
            now = min(50, count - begun)
            self.raw.sendall(self.request * now)
            statuses |= {self.take_answer() for _ in range(now)}
        return statuses

    def take_answer(self):
        status = int(self.answers.readline().split()[1])
        length = 0
        while (line := self.answers.readline()) != b"\r\n":
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        self.answers.read(length)
        return status


def asked_in_vain(api):
    return Flood(api, "POST", CREATE, b"{")


def spend(flood, daemon):
    """Until what is asked for in vain is not written down any more: each then has a hundredth of a
    token at most."""
    before = metric(daemon, DROPPED)
    while metric(daemon, DROPPED) < before + 100:
        flood.send(200)


DROPPED = "mixport_audit_dropped_total"


def entry_of(daemon, operation_id):
    return next((e for e in daemon.client().every("/v1/audit")
                 if e["operation_id"] == operation_id), None)


def only_operation(daemon, state=None):
    """The one there is, in that state."""
    def look():
        found = daemon.client().every("/v1/operations")
        return found[0] if len(found) == 1 and state in (None, found[0]["state"]) else None

    return wait_until(look, what=f"one operation, {state}")


def told_of(daemon, operation_id):
    return [line for line in daemon.log().splitlines() if "audit:" in line and operation_id in line]


def test_who_asks_in_vain_again_and_again_hides_nothing(daemon):
    """Over a thousand refusals are not written down, what is done afterwards is."""
    api = daemon.client("manage")
    began = time.monotonic()
    with asked_in_vain(api) as flood:
        assert flood.send(1200) == {400}
    took = time.monotonic() - began
    assert 200 - 10 * took - 1 <= metric(daemon, DROPPED) <= 200
    assert api.create(gcs(), wait=30).status == 201
    newest = wait_until(lambda: next((e for e in entries(daemon.client()) if e["status"] == 201),
                                     None))
    assert newest["operation_state"] == "succeeded"


def test_who_asks_in_vain_hides_no_create_that_is_refused(daemon, sim):
    api = daemon.client("manage")
    sim.refuse("create", 400)
    with asked_in_vain(api) as flood:
        spend(flood, daemon)
        assert api.create(gcs(), wait=30).status == 400
    operation = only_operation(daemon)
    entry, = [e for e in entries(daemon.client(), project="demo") if e["operation_id"]]
    assert (entry["client"], entry["operation_id"]) == ("manage", operation["operation_id"])
    wait_until(lambda: entry_of(daemon, operation["operation_id"])["code"] == "upstream-rejected")
    assert told_of(daemon, operation["operation_id"])


def test_who_asks_in_vain_hides_no_create_whose_caller_has_left(daemon, sim):
    """Answered 504 to nobody, and carried out."""
    api = daemon.client("manage")
    sim.fault("hang", "create")
    with asked_in_vain(api) as flood:
        spend(flood, daemon)
        with Flood(api, "POST", DROPIN, json.dumps(gcs()).encode()) as leaving:
            leaving.raw.sendall(leaving.request)
            operation = only_operation(daemon)
        wait_until(lambda: told_of(daemon, operation["operation_id"]), what="the log tells")
    entry = wait_until(lambda: entry_of(daemon, operation["operation_id"]))
    assert (entry["client"], entry["action"], entry["project"]) == ("manage", "create", "demo")


def test_the_log_tells_what_was_done_for_those_who_leave_at_once(daemon, sim):
    """Whether they are answered then or not."""
    sim.fault("hang", "create", -1)
    for i in range(12):
        body = json.dumps(gcs(f"of-{i}")).encode()
        with Flood(daemon.client("manage"), "POST", DROPIN, body) as leaving:
            leaving.raw.sendall(leaving.request)
    operations = wait_until(lambda: len(found := daemon.client().every("/v1/operations")) == 12
                            and found)
    for operation in operations:
        wait_until(lambda: told_of(daemon, operation["operation_id"]), what="the log tells")
        assert entry_of(daemon, operation["operation_id"])


def test_who_asks_in_vain_hides_no_create_that_a_crash_left_unknown(daemon, sim):
    api = daemon.client("manage")
    sim.fault("hang", "create")
    with asked_in_vain(api) as flood, Flood(api, "POST", CREATE, json.dumps(gcs()).encode()) as last:
        spend(flood, daemon)
        last.raw.sendall(last.request)
        operation = only_operation(daemon, "sending")
        daemon.kill()
    daemon.start()
    entry = entry_of(daemon, operation["operation_id"])
    assert (entry["client"], entry["project"], entry["status"]) == ("manage", "demo", None)
    assert entry["address"].startswith("127.0.0.1:")


def test_who_asks_in_vain_hides_no_resolution_and_its_reason_is_there(daemon, sim):
    api = daemon.client("manage")
    sim.refuse("create", 500)
    operation_id = api.create(gcs(), wait=30).json["operation_id"]
    resolve = f"/v1/operations/{operation_id}/resolve"
    with asked_in_vain(api) as flood:
        spend(flood, daemon)
        assert api.post(resolve, {"outcome": "not_created", "reason": "looked"}).status == 200
    entry = wait_until(lambda: next((e for e in entries(daemon.client(), action="resolve")
                                     if e["status"]), None))
    assert (entry["operation_id"], entry["project"], entry["reason"]) == \
        (operation_id, "demo", "looked")


def test_what_only_validates_is_not_there(daemon):
    api = daemon.client("manage")
    with Flood(api, "POST", CREATE + "?validate_only=true", json.dumps(gcs()).encode()) as flood:
        assert flood.send(200) == {200}
    assert api.create({}, validate_only="true").status == 422
    api.create(gcs())
    assert [e["status"] for e in entries(daemon.client(), 1)] == [201]
    assert metric(daemon, DROPPED) == 0


def test_what_is_answered_well_though_nothing_is_done_hides_nothing(start_daemon, sim):
    """As is a refresh: within the limits of what is asked for in vain, and it makes room first."""
    daemon = start_daemon(sim, config={"retention": {"audit_max_count": 50}})
    api = daemon.client("manage")
    connector_id = api.create(gcs(), key="once", wait=30).json["connector_id"]
    assert api.create(gcs(), key="once", wait=30).status == 201
    assert api.remove(connector_id, wait=30).status == 204
    began = time.monotonic()
    with Flood(api, "POST", "/v1/projects/demo/refresh") as flood:
        assert flood.send(1300) == {202}
    with Flood(api, "DELETE", f"{CREATE}/{connector_id}") as flood:
        assert flood.send(100) == {204}
    took = time.monotonic() - began
    assert metric(daemon, DROPPED) >= 400 - 10 * took - 4

    def states():
        return [e["operation_state"] for e in daemon.client().every("/v1/audit")
                if e["operation_id"]]

    assert wait_until(lambda: len(daemon.client().every("/v1/audit")) == 50)
    assert states() == ["succeeded", "succeeded"]


def test_there_are_never_more_entries_than_are_kept(start_daemon, sim):
    daemon = start_daemon(sim, config={"retention": {"audit_max_count": 20}})
    api, admin = daemon.client("manage"), daemon.client()
    with asked_in_vain(api) as flood:
        for _ in range(30):
            flood.send(20)
            assert len(admin.every("/v1/audit")) <= 20
    assert wait_until(lambda: len(admin.every("/v1/audit")) == 20)


def test_what_cannot_be_written_down_is_not_done(daemon):
    """With a full disk, once no more entries can wait; a reload may be what makes room on it."""
    daemon.expect_error("")
    resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
    with asked_in_vain(daemon.client("manage")) as flood:
        spend(flood, daemon)
    with asked_in_vain(daemon.client()) as flood:
        flood.send(100)
        health = daemon.client().get("/v1/health").json
        assert health["store"]["writable"] is False
    answer = daemon.client("limited").post("/v1/projects/demo/refresh", {})
    assert (answer.status, answer.code) == (503, "store-unavailable")
    assert answer.headers["Retry-After"]
    assert daemon.client().post("/v1/reload", {}).status == 200
    assert entries(daemon.client()) == []


def test_old_entries_go_by_number_and_by_age(start_daemon, sim):
    daemon = start_daemon(sim, config={"retention": {"audit_max_count": 10}})
    api = daemon.client()
    for i in range(25):
        api.create({"connector_type": f"nonsense{i}"})
    wait_until(lambda: len(entries(api)) >= 25 or len(entries(api)) == 10)
    daemon.restart()
    api = daemon.client()
    wait_until(lambda: len(entries(api)) == 10, what="the newest ten are left")
    daemon.configure("retention", audit_max_age="0")
    daemon.restart()
    wait_until(lambda: not entries(daemon.client()), what="the old ones are gone")

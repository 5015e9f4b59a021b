"""Who means harm: on the listeners, in the log, and on the same machine."""

import hashlib
import json
import os
import re
import resource
import shutil
import signal
import socket
import sqlite3
import stat
import time

import pytest

from harness import (LEAK_CHECKED, MIXPORTD, TOKENS, USER, Client, Daemon, Sim, basic, gcs, parse,
                     read_all, slow, stays, wait_until, whole_answers)

LISTENERS = ["tcp", "unix", "health"]
SECRET = USER.split(":")[1]
UID, GID = 54321, 54321


def client(daemon, via):
    return daemon.client() if via == "tcp" else Client(daemon, via=via)


def head(target="/healthz", *lines, method="GET", host="localhost"):
    lines = ([f"Host: {host}"] if host is not None else []) + list(lines)
    return "\r\n".join([f"{method} {target} HTTP/1.1", *lines, "", ""]).encode("latin-1")


def answers(data):
    """The status of each answer in what a connection said."""
    return [int(code) for code in re.findall(rb"(?:^|(?<=[^\r\n]))HTTP/1\.[01] (\d{3})", data)]


def assert_refused(data, *statuses):
    """One answer, a refusal, and the connection closed after it."""
    found = answers(data)
    assert len(found) == 1 and found[0] in (statuses or range(400, 500)), data[:300]
    assert b"connection: close" in data.lower().split(b"\r\n\r\n")[0]


@pytest.fixture(scope="module")
def shared():
    """A daemon for tests that only try to get in."""
    with Sim("--connectors", "1") as sim, Daemon(sim) as daemon:
        yield daemon


@pytest.fixture(params=LISTENERS)
def listener(request, shared):
    return client(shared, request.param)


# Malformed requests


MALFORMED = {
    "two hosts": head("/healthz", "Host: localhost"),
    "two hosts that differ": head("/healthz", "Host: evil.example"),
    "no host": head(host=None),
    "two lengths": head("/healthz", "Content-Length: 0", "Content-Length: 5"),
    "two equal lengths": head("/healthz", "Content-Length: 0", "Content-Length: 0"),
    "length list": head("/healthz", "Content-Length: 0, 0"),
    "negative length": head("/healthz", "Content-Length: -1"),
    "length with sign": head("/healthz", "Content-Length: +0"),
    "hexadecimal length": head("/healthz", "Content-Length: 0x0"),
    "absurd length": head("/healthz", "Content-Length: 99999999999999999999999"),
    "length and encoding": head("/healthz", "Content-Length: 5",
                                "Transfer-Encoding: chunked") + b"0\r\n\r\n",
    "encoding and length": head("/healthz", "Transfer-Encoding: chunked",
                                "Content-Length: 5") + b"0\r\n\r\n",
    "two encodings": head("/healthz", "Transfer-Encoding: chunked",
                          "Transfer-Encoding: identity") + b"0\r\n\r\n",
    "unknown encoding": head("/healthz", "Transfer-Encoding: gzip"),
    "hidden encoding": head("/healthz", "Transfer-Encoding: xchunked"),
    "blank before colon": head("/healthz", "Content-Length : 5"),
    "folded header": head("/healthz", "X-A: b", " c"),
    "header without a name": head("/healthz", ": b"),
    "bare CR in a header": head("/healthz", "X-A: b\rContent-Length: 5"),
    "bare CR in the target": b"GET /healthz\rX HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "NUL in a header": head("/healthz", "X-A: b\0c"),
    "NUL in the host": head(host="localhost\0.evil.example"),
    "NUL in the target": head("/healthz\0/../secret"),
    "%00 in the target": head("/healthz%00"),
    "bad escape": head("/healthz%zz"),
    "half an escape": head("/healthz%4"),
    "old version": b"GET /healthz HTTP/0.9\r\nHost: localhost\r\n\r\n",
    "huge target": head("/" + "x" * 20000),
    "huge header": head("/healthz", "X-A: " + "x" * 20000),
    "many headers": head("/healthz", *(f"X-{n}: {n}" for n in range(3000))),
    "blank in the target": head("/healthz x"),
    "two blanks after the method": head(method="GET "),
    "NUL after the method": head(method="GET\0"),
    "NUL in the method": head(method="G\0ET"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_request_is_refused(listener, name):
    """Answered with an error, or hung up on."""
    data = listener.raw(MALFORMED[name], shutdown=True)
    assert all(status >= 400 for status in answers(data)), data[:300]


@pytest.mark.parametrize("name", MALFORMED)
def test_after_a_malformed_request_nothing_more_is_answered(listener, name):
    """What follows could be the attacker's idea of a second request."""
    second = head("/healthz", "X-Request-Id: smuggled")
    data = listener.raw(MALFORMED[name] + second + second, shutdown=True)
    assert b"smuggled" not in data
    assert len(answers(data)) <= 1


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_request_does_not_hurt_others(shared, name):
    for via in LISTENERS:
        client(shared, via).raw(MALFORMED[name], shutdown=True)
    assert shared.over_health().get("/healthz").status == 200
    assert shared.client().get("/v1/projects").status == 200


@pytest.mark.parametrize("count", [1, 100, 200, 300, 500, 1000, 2000])
def test_many_parameters_are_answered(listener, count):
    """However many a caller without a token sends: none fills what is kept for a connection."""
    target = "/healthz?" + "&".join(f"a{n % 10}" for n in range(count))
    data = listener.raw(head(target, "Connection: close"))
    assert answers(data) == [414 if len(target) > 4096 else 400], (count, data[:300])
    assert listener.get("/healthz").status == 200


@pytest.mark.parametrize("count", [90, 120, 150, 190])
def test_many_fields_are_answered_or_refused(listener, count):
    """Between what fits and what does not lies where a record of them fills the memory last."""
    for parameters in (0, 50, 100):
        target = "/healthz?" + "&".join("a" for _ in range(parameters))
        data = listener.raw(head(target, "Connection: close", *["A: b"] * count))
        assert answers(data) in ([200], [400], [414], [431]), (parameters, data[:300])
    assert listener.get("/healthz").status == 200


@pytest.mark.parametrize("target", ["/v1%2fhealth", "/v1/../healthz", "/./healthz", "//healthz"])
def test_another_spelling_of_a_path_is_not_found(listener, target):
    data = listener.raw(head(target, "Connection: close"))
    assert answers(data)[0] in (400, 401, 404)


@pytest.mark.parametrize("target", [
    "/v1/projects%2fdemo", "/v1/projects/demo%2fconnectors", "/v1/projects/de%6do",
    "/v1/projects/%64emo", "/v1/./projects", "/v1/projects/../projects", "//v1/projects",
    "/v1/projects;x=1", "/v1/projects/demo%00", "/V1/projects", "/v1/projects/demo%20"])
def test_only_the_one_spelling_of_a_path_is_found_or_it_is_the_same(shared, target):
    """Nothing that a proxy in front could understand differently reaches a record."""
    answer = shared.client().get(target)
    assert answer.status in (400, 404) or answer.json["project"] == "demo"


def test_an_absolute_target_is_held_to_the_same_hosts(shared):
    token = shared.client().authorization()["Authorization"]
    data = shared.client().raw(head("http://evil.example/v1/projects",
                                    f"Authorization: {token}", "Connection: close"))
    assert answers(data)[0] >= 400


# Smuggling


def create_head(shared, *lines):
    token = shared.client().authorization()["Authorization"]
    return head("/v1/projects/demo/connectors", f"Authorization: {token}", *lines, method="POST")


SMUGGLED = head("/healthz", "X-Request-Id: smuggled")


@pytest.mark.parametrize("lines", [
    ["Content-Type: application/json", "Content-Length: 70000"],
    ["Content-Type: application/json", "Content-Length: 999999999"],
    ["Content-Type: text/plain", f"Content-Length: {len(SMUGGLED)}"],
    ["Content-Type: application/json", f"Content-Length: {len(SMUGGLED)}", "Origin: null"],
    ["Content-Type: application/json", f"Content-Length: {len(SMUGGLED)}",
     "Sec-Fetch-Site: cross-site"],
    ["Content-Type: application/json", f"Content-Length: {len(SMUGGLED)}",
     "Expect: nonsense", "Connection: close"],
], ids=["long", "longer", "type", "origin", "fetch-site", "expect"])
def test_the_body_of_a_refused_request_is_not_a_request(shared, lines):
    data = shared.client().raw(create_head(shared, *lines) + SMUGGLED, shutdown=True)
    assert b"smuggled" not in data


@pytest.mark.parametrize("target, method, status", [
    ("/v1/nothing", "POST", 404), ("/v1/projects", "PUT", 405), ("/v1/projects/demo", "GET", 401)])
def test_the_body_of_a_request_without_a_token_is_not_a_request(shared, target, method, status):
    data = shared.client().raw(
        head(target, f"Content-Length: {len(SMUGGLED)}", method=method) + SMUGGLED, shutdown=True)
    assert b"smuggled" not in data
    assert answers(data)[0] in (status, 401)


def test_a_body_on_a_get_is_not_a_request(shared):
    data = shared.client().raw(
        head("/healthz", f"Content-Length: {len(SMUGGLED)}") + SMUGGLED, shutdown=True)
    assert b"smuggled" not in data


@pytest.mark.parametrize("chunks", [
    b"x\r\n", b"-1\r\n\r\n", b"ffffffffffffffffff\r\n", b"5\r\nabcdefgh\r\n0\r\n\r\n",
    b"0x5\r\nabcde\r\n0\r\n\r\n"])
def test_a_broken_chunk_ends_the_connection(shared, chunks):
    data = shared.client().raw(
        create_head(shared, "Content-Type: application/json", "Transfer-Encoding: chunked")
        + chunks + SMUGGLED, shutdown=True)
    assert b"smuggled" not in data


def test_good_requests_in_a_row_are_all_answered(listener):
    """Pipelining itself works, or the tests above prove nothing."""
    data = listener.raw(head() * 3 + head("/healthz", "Connection: close"))
    assert answers(data) == [200] * 4


# Browsers


@pytest.mark.parametrize("host", [
    "evil.example", "localhost.evil.example", "evil.example:6973", "localhost:1", "127.0.0.2",
    "localhost@evil.example", "169.254.169.254", "0.0.0.0", "[::]", "[::1", "localhost:", "LOCAL",
    "localhost:99999", "localhost,evil.example", "localhost evil.example", "127.1"])
def test_another_host_is_421(listener, host):
    """But for the UNIX socket, which no browser reaches: there any name of a host will do."""
    data = listener.raw(head("/healthz", "Connection: close", host=host))
    well_formed = re.fullmatch(r"[\w.]+(:\d{1,4})?|\[::\]", host)
    over_unix = listener.via == "unix"
    assert answers(data)[0] in ((200,) if over_unix and well_formed else (400, 421)), data[:200]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "LOCALHOST"])
def test_our_hosts_are_taken_with_our_port_or_none(daemon, host):
    api = daemon.client()
    for text in (host, f"{host}:{daemon.port}"):
        assert api.get("/v1/projects", headers={"Host": text}).status == 200


@pytest.mark.parametrize("headers", [
    {"Origin": "http://evil.example"}, {"Origin": "null"}, {"Origin": "http://localhost"},
    {"Origin": ""}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "same-site"}, {"Sec-Fetch-Site": ""}])
@pytest.mark.parametrize("method, target", [
    ("GET", "/v1/projects"), ("POST", "/v1/projects/demo/refresh"), ("GET", "/healthz"),
    ("OPTIONS", "/v1/projects")])
def test_a_browser_is_403(shared, headers, method, target):
    answer = shared.client().request(method, target, headers=headers)
    assert answer.status == 403
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_a_typed_address_is_not_a_cross_site_request(shared):
    answer = shared.client().get("/v1/projects", headers={"Sec-Fetch-Site": "none"})
    assert answer.status == 200


def test_a_form_cannot_create(daemon, sim):
    answer = daemon.client().post("/v1/projects/demo/connectors", gcs(),
                                  headers={"Content-Type": "text/plain"})
    assert answer.status == 415
    assert sim.received("create") == 0


# Tokens


def bad_credentials():
    good = TOKENS[0].secret
    return [
        None, "", "Bearer", "Bearer ", "Bearer " + good[:-1], "Bearer " + good + "x",
        "Bearer " + good.upper(), "Bearer  " + good[:-1] + "g", "Bearer mxp_", "Bearer *",
        "Bearer " + "x" * 3000, "Basic", "Basic !!!!", "Basic " + "A" * 3000,
        basic("admin", good[:-1]), basic("read", good), basic("", good), basic("admin", ""),
        basic("admin:x", good), "Digest username=admin", "Bearer\t\t", f"Token {good}",
        f"Bearer {good}, Bearer {good}", "Bearer \xff\xfe",
        "Bearer " + hashlib.sha256(good.encode()).hexdigest()]


@pytest.mark.parametrize("number", range(len(bad_credentials())))
def test_a_bad_token_is_401(shared, number):
    sent = bad_credentials()[number]
    answer = shared.client(None).get("/v1/projects", headers={
        "Authorization": sent.encode("latin-1") if sent is not None else None})
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"]


def test_two_authorizations_are_refused(shared):
    bad, good = "Bearer mxp_wrong", shared.client().authorization()["Authorization"]
    for pair in ((bad, good), (good, bad)):
        data = shared.client(None).raw(head("/v1/projects", *(f"Authorization: {a}" for a in pair),
                                            "Connection: close"))
        assert answers(data)[0] in (400, 401)


def test_a_token_in_the_query_lets_nobody_in(shared):
    good = TOKENS[0].secret
    for name in ("access_token", "token", "authorization"):
        assert shared.client(None).get("/v1/projects", {name: good}).status == 401


def test_a_401_does_not_tell_what_exists(daemon, api):
    api.create(gcs())
    connector = api.connectors().json["data"][0]["connector_id"]
    nobody = daemon.client(None)
    found = {nobody.get(path).status for path in (
        f"/v1/projects/demo/connectors/{connector}", "/v1/projects/demo/connectors/none",
        "/v1/projects/none", "/v1/jobs/none", "/v1/operations/none")}
    assert found == {401}


# Slow and many


QUICK = {"daemon": {"request_timeout": f"{int(slow(1000))}ms"}}


@pytest.fixture
def quick(start_daemon, sim):
    return start_daemon(sim, config=QUICK)


@pytest.mark.parametrize("via", LISTENERS)
@pytest.mark.parametrize("start", [
    b"", b"GET /heal", b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-A: ",
    b"POST /v1/projects/demo/refresh HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000\r\n\r\n"])
def test_a_slow_drip_is_cut_off(quick, via, start):
    """A byte now and then keeps no connection beyond the request's time."""
    with client(quick, via).socket() as raw:
        raw.sendall(start)
        raw.settimeout(0.05)
        began = time.monotonic()
        while time.monotonic() - began < slow(6):
            try:
                raw.sendall(b"x")
                if raw.recv(4096) == b"":
                    return
            except TimeoutError:
                pass
            except OSError:
                return
    pytest.fail("the drip was never cut off")


def test_a_drip_on_a_kept_connection_is_cut_off(quick):
    """The time counts for each request, not for the first only."""
    with quick.client().socket() as raw:
        raw.sendall(head())
        assert raw.recv(4096).startswith(b"HTTP/1.1 200")
        raw.sendall(b"GET /healthz HTTP/1.1\r\nHost: local")
        raw.settimeout(slow(6))
        assert answers(read_all(raw)) in ([], [408])


def identified(quick, lines, rest):
    """The id of the 408 to a request that does not wholly arrive, behind one that did."""
    with quick.over_unix().socket() as raw:
        raw.sendall(head("/healthz", "X-Request-Id: before"))
        assert parse(raw.recv(4096)).headers["X-Request-Id"] == "before"
        raw.sendall(head("/v1/reload", *lines, method="POST")[:-len(rest) or None])
        raw.settimeout(slow(6))
        answer, = whole_answers(read_all(raw))
        assert answer.status == 408
        assert answer.json["request_id"] == answer.headers["X-Request-Id"]
        return answer.headers["X-Request-Id"]


def test_one_whose_head_has_arrived_keeps_its_id_when_its_body_is_late(quick):
    lines = ["X-Request-Id: mine", "Content-Type: application/json", "Content-Length: 2"]
    assert identified(quick, lines, "") == "mine"
    assert identified(quick, lines, "\r\n") not in ("mine", "before")
    ours = identified(quick, lines[1:], "")
    assert re.fullmatch("[A-Za-z0-9._-]+", ours) and ours != "before"


@pytest.mark.parametrize("via", LISTENERS)
def test_a_client_that_half_closes_is_let_go(daemon, via):
    """Or its connection counts for a minute, and a few probes a second fill the listener."""
    api = client(daemon, via)
    api.get("/healthz")
    before = open_files(daemon)
    for _ in range(30):
        with api.socket() as raw:
            raw.sendall(head())
            raw.shutdown(socket.SHUT_WR)
            assert raw.recv(4096).startswith(b"HTTP/1.1 200")
    wait_until(lambda: open_files(daemon) <= before + 2, 10, "the descriptors are closed")


def open_files(daemon):
    return len(os.listdir(f"/proc/{daemon.pid}/fd"))


@pytest.fixture
def crowded(start_daemon, sim):
    """A daemon of 300 connections a listener, each taken on both API listeners."""
    daemon = start_daemon(sim, config={"daemon": {"max_connections": 300}})
    held = []
    for via in ("tcp", "unix"):
        for _ in range(300):
            held.append(client(daemon, via).socket())
    daemon.held = held
    yield daemon
    for raw in held:
        raw.close()


def test_a_full_api_does_not_hide_health(crowded):
    for _ in range(20):
        assert crowded.over_health().get("/healthz").status == 200
    assert crowded.over_health().get("/metrics").status == 200


def test_a_full_api_serves_again_when_there_is_room(crowded):
    for raw in crowded.held:
        raw.close()
    assert crowded.client().get("/v1/projects").status == 200
    assert crowded.over_unix().get("/v1/projects").status == 200


def test_a_full_tcp_listener_does_not_hide_the_socket(start_daemon, sim):
    daemon = start_daemon(sim, config={"daemon": {"max_connections": 50}})
    held = [daemon.client().socket() for _ in range(60)]
    assert daemon.over_unix().get("/v1/projects").status == 200
    for raw in held:
        raw.close()


def test_a_thousand_idle_connections_do_not_hide_health(daemon):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 1200:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    held = [daemon.client().socket() for _ in range(1000)]
    try:
        began = time.monotonic()
        assert daemon.over_health().get("/healthz").status == 200
        assert daemon.client().get("/v1/projects").status == 200
        assert time.monotonic() - began < slow(3)
    finally:
        for raw in held:
            raw.close()


def test_connections_come_and_go_without_a_trace(daemon):
    daemon.client().get("/healthz")
    before = open_files(daemon)
    for number in range(300):
        with daemon.client().socket() as raw:
            raw.sendall([b"", b"GET /", head(), b"\0\0", head()[:-2]][number % 5])
    wait_until(lambda: open_files(daemon) <= before + 2, 8, "the descriptors are closed")


def test_a_client_that_resets_does_not_hurt(daemon, api):
    for _ in range(50):
        raw = api.socket()
        raw.sendall(head("/v1/projects", f"Authorization: "
                                         f"{api.authorization()['Authorization']}"))
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        raw.close()
    assert api.get("/v1/projects").status == 200


def test_few_descriptors_do_not_end_it(daemon, api):
    """EMFILE in accept: no busy loop, no end, and health when there is room again."""
    resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (
        open_files(daemon) + 8, 1024))
    daemon.expect_error("")
    held = [daemon.client().socket() for _ in range(40)]
    assert stays(lambda: daemon.process.poll() is None, 0.5)
    for raw in held:
        raw.close()
    wait_until(lambda: daemon.over_health().get("/healthz").status == 200, what="health")
    assert api.get("/v1/projects").status == 200


# Secrets


def everything_sent(daemon, api, sim):
    """A life in which secrets pass through every part, and things go wrong."""
    daemon.expect_error("")
    api.create(gcs(label="one"))
    sim.refuse("create", 400)
    api.create(gcs("two"))
    sim.refuse("any", 401, count=3)
    api.create(gcs("three"), wait=1)
    daemon.client(None).get("/v1/projects", headers={"Authorization": "Bearer mxp_mistyped-secret"})
    daemon.client(None).get("/v1/projects", headers={"Authorization": basic("admin", SECRET)})
    api.get("/v1/projects", headers={"Authorization": "Bearer " + TOKENS[2].secret + "x"})
    daemon.reload()


SECRETS = [SECRET, USER, basic(*USER.split(":"))[6:], *(t.secret for t in TOKENS),
           "mxp_mistyped-secret"]


def assert_no_secret(data, where):
    data = data if isinstance(data, bytes) else data.encode()
    for secret in SECRETS:
        assert secret.encode() not in data, f"{where} tells {secret}"


def test_the_log_tells_no_secret(start_daemon, sim):
    daemon = start_daemon(sim, config={"daemon": {"log_level": "debug"}})
    everything_sent(daemon, daemon.client(), sim)
    assert_no_secret(daemon.whole_log(), "the log")


def test_the_database_tells_no_secret(daemon, api, sim):
    everything_sent(daemon, api, sim)
    for path in daemon.folder.glob("mixportd.db*"):
        assert_no_secret(path.read_bytes(), path.name)


@pytest.mark.parametrize("name", ["environ", "cmdline", "comm", "status"])
def test_proc_tells_no_secret(daemon, api, sim, name):
    everything_sent(daemon, api, sim)
    with open(f"/proc/{daemon.pid}/{name}", "rb") as file:
        assert_no_secret(file.read(), name)


@pytest.mark.parametrize("path", ["/v1/health", "/metrics", "/v1/projects", "/v1/operations",
                                  "/v1/jobs", "/v1/projects/demo/connectors", "/readyz"])
def test_answers_tell_no_secret(daemon, api, sim, path):
    everything_sent(daemon, api, sim)
    assert_no_secret(api.get(path).body, path)


@pytest.mark.parametrize("where", ["the answer", "the operation", "the log", "the database"])
def test_an_error_of_upstream_that_repeats_the_credential_is_not_passed_on(daemon, api, sim, where):
    sim.refuse("create", 400, body=json.dumps({"status": "error", "error": "bad: " + USER}))
    answer = api.create(gcs())
    assert_no_secret({
        "the answer": lambda: answer.body,
        "the operation": lambda: api.get("/v1/operations").body,
        "the log": daemon.whole_log,
        "the database": lambda: b"".join(path.read_bytes()
                                         for path in daemon.folder.glob("mixportd.db*")),
    }[where](), where)


def test_an_error_does_not_echo_the_authorization(daemon):
    sent = "Bearer mxp_mistyped-secret"
    for target in ("/v1/projects", "/v1/nothing", "/v1/jobs?limit=x"):
        answer = daemon.client(None).get(target, headers={"Authorization": sent})
        assert b"mistyped" not in answer.body and "mistyped" not in str(answer.headers)


def test_no_core_is_ever_written(daemon):
    with open(f"/proc/{daemon.pid}/limits") as file:
        line = next(line for line in file if line.startswith("Max core file size"))
    assert line.split()[4:6] == ["0", "0"]


@pytest.mark.parametrize("number", [signal.SIGABRT, signal.SIGSYS])
def test_a_crash_leaves_no_core(start_daemon, sim, number):
    """Whatever the limit was when it was started."""
    daemon = start_daemon(sim, run=False)
    daemon.spawn = {"preexec_fn": lambda: resource.setrlimit(
        resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)}
    daemon.start()
    daemon.process.send_signal(number)
    ended = os.waitid(os.P_PID, daemon.process.pid, os.WEXITED | os.WNOWAIT)
    daemon.process.wait()
    daemon.process = None
    assert ended.si_code == os.CLD_KILLED, "it would be CLD_DUMPED"
    assert not list(daemon.folder.glob("*core*"))


@pytest.fixture
def other_user(start_daemon, sim):
    """A daemon of another user than root."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    daemon = start_daemon(sim, run=False)
    daemon.write_files()
    daemon.program = daemon.folder / "mixportd"
    shutil.copy(MIXPORTD, daemon.program)
    state = daemon.folder / "state"
    state.mkdir(mode=0o700)
    daemon.socket = state / "api.sock"
    daemon.configure("daemon", socket=daemon.socket, database=state / "mixportd.db")
    for path in (state, daemon.folder / "credential", daemon.folder / "tokens"):
        os.chown(path, UID, GID)
    daemon.spawn = {"user": UID, "group": GID, "extra_groups": []}
    daemon.write_files = lambda: None
    return daemon.start()


@pytest.mark.parametrize("name", ["mem", "environ", "maps", "fd"])
def test_its_memory_is_closed_to_its_own_user(other_user, name):
    """Not dumpable: other processes of the same user cannot read the secrets."""
    if LEAK_CHECKED:
        pytest.skip("a build with a leak checker stays dumpable, for it attaches as a debugger does")
    status = os.stat(f"/proc/{other_user.pid}/{name}")
    assert status.st_uid == 0


def test_it_gains_no_privileges(other_user):
    with open(f"/proc/{other_user.pid}/status") as file:
        fields = dict(line.split(":", 1) for line in file)
    assert fields["Uid"].split() == [str(UID)] * 4
    assert int(fields["CapEff"], 16) == 0


def test_a_stranger_gets_nothing_from_the_socket(daemon):
    """Mode 0660: refused by the system, before it is refused by us."""
    assert stat.S_IMODE(daemon.socket.stat().st_mode) == 0o660


# The log


ODD = "one\n<3>forged: two\r\n<0>forged\x1b[31m red\x07\x7f\u2028\u202eend\t<2>forged"
FORGED = re.compile("(?m)^(?!<[0-7]>)|^<[0-2]>|\x1b|\x07|\x7f|\r")


def assert_unforged(daemon):
    log = daemon.whole_log()
    lines = log.splitlines()
    assert [line for line in log.split("\n")[:-1] if FORGED.search(line)] == []
    assert not any(re.match(r"<\d>forged", line) for line in lines)
    assert log.endswith("\n")


@pytest.fixture
def talkative(start_daemon, sim):
    daemon = start_daemon(sim, config={"daemon": {"log_level": "debug"}})
    daemon.expect_error("")
    return daemon


def test_a_label_cannot_forge_a_line(talkative):
    talkative.client().create(gcs(label=ODD))
    assert_unforged(talkative)


def test_properties_cannot_forge_a_line(talkative):
    talkative.client().create(gcs(bucket=ODD, prefix=ODD))
    assert_unforged(talkative)


def test_an_idempotency_key_cannot_forge_a_line(talkative):
    talkative.client().raw(create_head(talkative, "Idempotency-Key: a\x1b[31m\r<0>forged",
                                       "Content-Type: application/json", "Content-Length: 2")
                           + b"{}")
    assert_unforged(talkative)


@pytest.mark.parametrize("name", ["X-Request-Id", "User-Agent", "Authorization", "Host", "Origin"])
def test_a_header_cannot_forge_a_line(talkative, name):
    talkative.client().raw(f"GET /v1/projects HTTP/1.1\r\n{name}: a\x1b[31m\n<0>forged\r<0>forged"
                           "\x07\r\nConnection: close\r\n\r\n".encode("latin-1"))
    assert_unforged(talkative)


@pytest.mark.parametrize("target", ["/v1/%0a%3c0%3eforged", "/v1/\x1b[31m", "/v1/projects/%1b%0d"])
def test_a_path_cannot_forge_a_line(talkative, target):
    talkative.client().raw(head(target, "Connection: close"))
    assert_unforged(talkative)


@pytest.mark.parametrize("endpoint", ["create", "list", "history", "any"])
@pytest.mark.parametrize("status", [400, 500])
def test_an_upstream_error_cannot_forge_a_line(talkative, sim, endpoint, status):
    sim.put()
    sim.refuse(endpoint, status, body=json.dumps({"status": "error", "error": ODD}))
    talkative.client().create(gcs(), wait=1)
    wait_until(lambda: not sim.faults(), 20, "the error was met")
    assert_unforged(talkative)


def test_an_upstream_page_cannot_forge_a_line(talkative, sim):
    sim.refuse("any", 502, count=3, body="<html>" + ODD)
    wait_until(lambda: "<4>" in talkative.log(), 20, "a warning")
    assert_unforged(talkative)


def test_an_odd_id_from_upstream_cannot_forge_a_line(talkative, sim):
    sim.put(connector={"connector_id": ODD})
    lists = sim.received("list")
    wait_until(lambda: sim.received("list") > lists + 1, 20, "it was listed")
    assert_unforged(talkative)


@pytest.mark.parametrize("member", ["label", "status", "connector_type",
                                    "created_by", "failure_message"])
def test_a_connector_from_upstream_cannot_forge_a_line(talkative, sim, member):
    good = sim.put()[0]
    sim.put(connector={member: ODD})
    api = talkative.client()
    wait_until(lambda: good in {c["connector_id"] for c in api.connectors().json["data"]}, 20,
               "the good one is known")
    assert_unforged(talkative)


def test_a_job_from_upstream_cannot_forge_a_line(talkative, sim):
    connector = sim.put(job=False)[0]
    sim.verbatim_job(connector, id="", status=ODD, start_time=ODD, end_time="", progress=0.5,
                     error={"message": ODD, "code": ODD}, connector_properties={})
    sim.verbatim_job(connector, id="good", status="running",
                     start_time="2020-09-17 02:17:49.831793 +0000 UTC", end_time="",
                     progress=0.5, error={"message": "", "code": ""}, connector_properties={})
    api = talkative.client()
    wait_until(lambda: api.every("/v1/jobs"), 20, "a job is known")
    assert_unforged(talkative)


def test_answers_with_odd_text_are_good_json(talkative, sim):
    sim.put(connector={"label": ODD, "failure_message": ODD})
    api = talkative.client()
    wait_until(lambda: api.connectors().json["data"], 20, "the connector is known")
    found = api.connectors().json["data"][0]
    assert found["label"] == ODD


def test_metrics_cannot_be_forged(talkative, sim):
    api = talkative.client()
    api.create(gcs(label=ODD))
    api.get("/v1/" + "x" * 100)
    for line in talkative.over_health().get("/metrics").text.split("\n"):
        assert "forged" not in line and "xxxx" not in line


# The database


@pytest.mark.parametrize("text", ["'; DROP TABLE operations; --", '" OR 1=1 --', "%", "_", "\\"])
def test_a_name_is_not_a_query(daemon, api, text):
    api.create(gcs(label="kept"))
    answer = api.connectors(label=text)
    assert (answer.status, answer.json["data"]) == (200, [])
    assert api.get("/v1/projects/demo/connectors", {"label": "kept"}).json["data"]
    assert api.create(gcs("other", label=text)).status == 201
    found = api.connectors(label=text).json["data"]
    assert [c["label"] for c in found] == [text]


def test_the_database_is_whole_after_an_attack(daemon, api):
    for data in MALFORMED.values():
        api.raw(data, shutdown=True)
    assert daemon.stop() == 0
    connection = sqlite3.connect(daemon.folder / "mixportd.db")
    try:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    finally:
        connection.close()


def test_a_problem_is_parsed_as_one(daemon):
    data = daemon.client().raw(head("/healthz", "Host: localhost"))
    assert_refused(data)
    assert parse(data).code


# Descriptors


def within(daemon, soft, hard):
    """From now on it is started with these limits of open descriptors."""
    daemon.spawn = {"preexec_fn":
                    lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))}
    return daemon


def processor_seconds(daemon):
    with open(f"/proc/{daemon.pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def connections(daemon):
    text = daemon.over_health().get("/metrics").text
    return int(re.search(r"^mixport_http_connections (\d+)$", text, re.M)[1])


def test_idle_clients_do_not_exhaust_descriptors(start_daemon, sim):
    """Whoever they are, they fill the listeners they are at, and no more: not health, or the log."""
    daemon = within(start_daemon(sim, run=False, config={"daemon": {
        "log_level": "debug", "request_timeout": "60s"}}), 128, 256)
    daemon.start()
    idle = []
    for api, count in ((daemon.client(), 48), (daemon.client("read"), 24), (daemon.over_unix(), 48),
                       (daemon.client(None), 250), (daemon.over_unix(), 250)):
        for number in range(count):
            idle.append(api.socket())
            if count <= 48:
                token = api.authorization().get("Authorization")
                lines = [f"Authorization: {token}"] if token else []
                idle[-1].sendall(head("/v1/projects", *lines))
                assert idle[-1].recv(4096).startswith(b"HTTP/1.1 200"), number
    wait_until(lambda: connections(daemon) >= 48 + 24 + 12 + 48 + 24, what="full listeners")
    log, spent = len(daemon.log()), processor_seconds(daemon)
    assert stays(lambda: daemon.over_health().get("/healthz").status == 200, 2)
    assert processor_seconds(daemon) - spent < slow(1)
    assert len(daemon.log()) - log < 65536
    assert "for want of descriptors" not in daemon.log()
    for raw in idle:
        raw.close()
    assert daemon.client().get("/v1/projects").status == 200
    assert daemon.over_unix().get("/v1/projects").status == 200


def test_the_soft_limit_of_descriptors_is_raised(start_daemon, sim):
    daemon = within(start_daemon(sim, run=False), 512, 4096).start()
    with open(f"/proc/{daemon.pid}/limits") as file:
        line = next(line for line in file if line.startswith("Max open files"))
    assert line.split()[3:5] == ["4096", "4096"]
    assert "max_connections" not in daemon.log()


def test_max_connections_that_do_not_fit_are_lowered_with_one_warning(start_daemon, sim):
    daemon = within(start_daemon(sim, run=False), 128, 1024).start()
    warnings = [line for line in daemon.log().splitlines() if "max_connections" in line]
    assert len(warnings) == 1
    assert warnings[0].startswith("<4>max_connections is lowered from 1024 to 480: ")


def test_max_connections_that_just_fit_are_not_lowered(start_daemon, sim):
    daemon = within(start_daemon(sim, run=False, config={"daemon": {"max_connections": 96}}),
                    256, 256).start()
    assert "max_connections" not in daemon.log()


def test_too_few_descriptors_to_serve_anybody_are_said(start_daemon, sim):
    daemon = within(start_daemon(sim, run=False), 60, 60)
    daemon.write_files()
    daemon.launch()
    assert daemon.wait_end() == 1
    assert "only 60 descriptors may be open" in daemon.log()

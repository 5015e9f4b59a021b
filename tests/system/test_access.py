"""Who may call what, and who may not call at all."""

import grp
import hashlib
import json
import os
import re
import time

import pytest

from harness import (DEMO_AND_OTHER, Client, Daemon, Sim, TOKENS, USER, Token, as_peer, basic, gcs,
                     parse, read_all, user, wait_until)

NOBODY = 65534


@pytest.fixture(scope="module")
def sim():
    with Sim("--connectors", "2", "--jobs", "1", projects=DEMO_AND_OTHER.values()) as sim:
        yield sim


@pytest.fixture(scope="module")
def daemon(sim):
    tokens = TOKENS + (Token("both", "read", "demo,other"),)
    with Daemon(sim, projects=DEMO_AND_OTHER, tokens=tokens) as daemon:
        api = daemon.client()
        wait_until(lambda: len(api.get("/v1/jobs").json["data"]) == 4, what="four jobs")
        yield daemon


@pytest.fixture(scope="module")
def ids(daemon):
    """Of the project that `limited` may see, and of the other."""
    found = {}
    for project in DEMO_AND_OTHER:
        job = daemon.client().get("/v1/jobs", {"project": project}).json["data"][0]
        found[project] = {"project": project, "connector_id": job["connector_id"],
                          "job_id": job["job_id"]}
    return found


# Scopes and routes

READ = [
    ("GET", "/v1/projects"), ("GET", "/v1/projects/{project}"),
    ("GET", "/v1/connectors"), ("GET", "/v1/projects/{project}/connectors"),
    ("GET", "/v1/projects/{project}/connectors/{connector_id}"),
    ("GET", "/v1/projects/{project}/connectors/{connector_id}/jobs"),
    ("GET", "/v1/jobs"), ("GET", "/v1/jobs/{job_id}"), ("GET", "/v1/jobs/{job_id}/snapshots"),
    ("GET", "/v1/operations"), ("GET", "/v1/health"), ("GET", "/metrics"),
    ("GET", "/api/app/projects/123456789/connectors"),
]
MANAGE = [
    ("POST", "/v1/projects/{project}/refresh"),
    ("POST", "/v1/projects/{project}/connectors/{connector_id}/refresh"),
    ("POST", "/v1/projects/{project}/connectors"),
    ("DELETE", "/v1/projects/{project}/connectors/never-known"),
    ("POST", "/api/app/projects/123456789/connectors"),
    ("DELETE", "/api/app/projects/123456789/connectors/never-known"),
]
ADMIN = [("POST", "/v1/operations/op_nothing/resolve"), ("POST", "/v1/reload")]
NEEDS = [(scope, *route) for scope, routes in (("read", READ), ("manage", MANAGE),
                                               ("admin", ADMIN)) for route in routes]
RANK = {"read": 1, "manage": 2, "admin": 3}


@pytest.mark.parametrize("token", RANK)
@pytest.mark.parametrize("scope, method, path", NEEDS)
def test_each_scope_opens_its_routes(daemon, ids, token, scope, method, path):
    body = {"outcome": "not_created", "reason": "so"} if "resolve" in path else \
        {} if method == "POST" and path.endswith("connectors") else None
    answer = daemon.client(token).request(method, path.format(**ids["demo"]), body=body)
    if RANK[token] >= RANK[scope]:
        assert answer.status not in (401, 403)
    else:
        assert answer.status == 403


@pytest.mark.parametrize("scope, method, path", NEEDS)
def test_without_a_token_there_is_no_entry(daemon, ids, scope, method, path):
    answer = daemon.client(None).request(method, path.format(**ids["demo"]))
    assert answer.status == 401


def test_a_401_names_both_schemes(daemon):
    schemes = " ".join(daemon.client(None).get("/v1/projects").headers.get_all("WWW-Authenticate"))
    assert "Bearer" in schemes and "Basic" in schemes


def test_what_there_is_is_not_told_without_a_token(daemon):
    client = daemon.client(None)
    assert client.get("/v1/projects/demo").status == client.get("/v1/projects/none").status == 401


@pytest.mark.parametrize("value", [
    "", "Bearer", "Bearer ", "Bearer mxp_wrong", "Bearer  {secret}", "bearer{secret}", "{secret}",
    "Bearer {secret}x", "Token {secret}", "Basic", "Basic !!!", "Basic cmVhZA==",
    "Bearer {secret} {secret}"])
def test_a_bad_authorization_is_401(daemon, value):
    value = value.format(secret=daemon.tokens["read"].secret)
    if value == "Bearer  " + daemon.tokens["read"].secret:
        allowed = (200, 401)
    else:
        allowed = (401,)
    answer = daemon.client(None).get("/v1/projects", headers={"Authorization": value})
    assert answer.status in allowed


def test_the_scheme_is_case_insensitive(daemon):
    value = "bEARER " + daemon.tokens["read"].secret
    assert daemon.client(None).get("/v1/projects", headers={"Authorization": value}).status == 200


def test_basic_works_everywhere(daemon):
    value = basic("read", daemon.tokens["read"].secret)
    assert daemon.client(None).get("/v1/projects", headers={"Authorization": value}).status == 200


def test_two_authorizations_are_not_let_in(daemon):
    good = "Authorization: Bearer " + daemon.tokens["read"].secret
    data = f"GET /v1/projects HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer mxp_wrong\r\n" \
           f"{good}\r\nConnection: close\r\n\r\n"
    assert parse(daemon.client(None).raw(data.encode())).status in (400, 401)


class HashedWith(Token):
    """Whose hash was made of more than the token."""

    end = "\n"

    def line(self):
        digest = hashlib.sha256((self.secret + self.end).encode()).hexdigest()
        return f"{self.name}:{self.scope}:{self.projects}:{digest}\n"


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_token_hashed_with_its_line_end_is_told_once(start_daemon, sim, end):
    echoed = [HashedWith(name, "admin") for name in ("echoed", "other", "unused")]
    for token in echoed:
        token.end = end
    daemon = start_daemon(sim, tokens=(*TOKENS, *echoed))

    def lines():
        return [line for line in daemon.log().splitlines() if "line end" in line]

    for _ in range(3):
        assert daemon.client("echoed").get("/v1/projects").status == 401
    value = basic("other", daemon.tokens["other"].secret)
    assert daemon.client(None).get("/v1/projects",
                                   headers={"Authorization": value}).status == 401
    value = basic("somebody-else", daemon.tokens["unused"].secret)
    assert daemon.client(None).get("/v1/projects",
                                   headers={"Authorization": value}).status == 401
    assert daemon.client(None).get("/v1/projects", headers={
        "Authorization": "Bearer mxp_wrong"}).status == 401
    assert [line[:3] for line in lines()] == ["<4>", "<4>"]
    assert f"client echoed in {daemon.folder}/tokens" in lines()[0]
    assert f"client other in {daemon.folder}/tokens" in lines()[1]
    assert not any(token.secret in daemon.log() for token in echoed)


# A token limited to a project


OTHERS = ["/v1/projects/{project}", "/v1/projects/{project}/connectors",
          "/v1/projects/{project}/connectors/{connector_id}",
          "/v1/projects/{project}/connectors/{connector_id}/jobs",
          "/v1/jobs/{job_id}", "/v1/jobs/{job_id}/snapshots",
          "/api/app/projects/987654321/connectors"]


@pytest.mark.parametrize("path", OTHERS)
def test_another_project_is_404_to_a_limited_token(daemon, ids, path):
    limited = daemon.client("limited")
    assert limited.get(path.format(**ids["other"])).status == 404
    assert daemon.client("both").get(path.format(**ids["other"])).status == 200


@pytest.mark.parametrize("path", OTHERS[:-1])
def test_its_own_project_is_open_to_a_limited_token(daemon, ids, path):
    assert daemon.client("limited").get(path.format(**ids["demo"])).status == 200


@pytest.mark.parametrize("path", ["/v1/projects", "/v1/connectors", "/v1/jobs"])
def test_another_project_is_not_in_the_lists_of_a_limited_token(daemon, path):
    found = {r["project"] for r in daemon.client("limited").get(path).json["data"]}
    assert found == {"demo"}


def test_health_tells_a_limited_token_only_of_its_project(daemon):
    health = daemon.client("limited").get("/v1/health").json
    assert [p["project"] for p in health["projects"]] == ["demo"]


def test_the_totals_of_a_limited_token_are_those_of_its_project(daemon):
    totals = daemon.client().get("/v1/health").json["store"]
    own = daemon.client("limited").get("/v1/health").json["store"]
    assert totals["connectors"] == 4 and own["connectors"] == 2
    hidden = {"database_bytes", "wal_bytes", "free_bytes", "jobs", "snapshots", "operations"}
    assert set(own) == set(totals)
    assert all(own[name] is None and totals[name] is not None for name in hidden)


def test_an_unknown_operation_elsewhere_is_no_business_of_a_limited_token(start_daemon, start_sim):
    sim = start_sim(projects=DEMO_AND_OTHER.values())
    daemon = start_daemon(sim, projects=DEMO_AND_OTHER)
    limited = daemon.client("limited")
    for project, seen in (("other", 0), ("demo", 1)):
        sim.fault("drop-before", "create", 1)
        assert daemon.client().create(gcs(), project=project, wait=5).status == 202
        health = limited.get("/v1/health").json
        assert (health["operations_unknown"], health["status"]) == (
            seen, "degraded" if seen else "ok")
    assert daemon.client().get("/v1/health").json["operations_unknown"] == 2


def test_metrics_tell_a_limited_token_only_of_its_project(daemon):
    def families(text):
        return set(re.findall(r"^# TYPE (\S+)", text, re.M))
    text = daemon.client("limited").get("/metrics").text
    everything = daemon.client().get("/metrics").text
    assert set(re.findall(r'project="([^"]*)"', text)) == {"demo"}
    # The daemon's own reasons for attention are of no project.
    assert set(re.findall(r'project="([^"]*)"', everything)) == {"", *DEMO_AND_OTHER}
    assert families(text) < families(everything)
    samples = [line for line in text.splitlines() if not line.startswith("#")]
    assert samples and all('project="demo"' in line for line in samples)


@pytest.mark.parametrize("via", ["tcp", "unix", "health"])
def test_readiness_names_no_project_to_anybody(start_daemon, start_sim, via):
    sim = start_sim(projects=DEMO_AND_OTHER.values())
    sim.fault("status", "list", -1)
    daemon = start_daemon(sim, projects=DEMO_AND_OTHER, ready=False)
    answer = Client(daemon, token=None, via=via).get("/readyz")
    assert answer.status == 503 and "2 of 2 projects" in answer.text
    assert not any(name in answer.text for name in ("demo", "other", "123456789"))


def test_a_cursor_tells_no_number_of_a_row(daemon):
    """Rows are numbered across all projects."""
    for path in "/v1/connectors", "/v1/jobs":
        cursor = daemon.client("limited").get(path, {"limit": 1}).json["next_cursor"]
        for row in range(1, 1000):
            assert f"{row:016x}" not in cursor and f"{row:08x}" not in cursor
        tampered = cursor[:-1] + ("0" if cursor[-1] != "0" else "1")
        answer = daemon.client("limited").get(path, {"cursor": tampered})
        assert (answer.status, answer.code) == (400, "invalid-cursor")


@pytest.fixture(scope="module")
def big():
    """Of a project that `limited` does not see: what takes long to read."""
    with Sim("--connectors", "2", "--jobs", "1", projects=DEMO_AND_OTHER.values()) as sim:
        own = sim.put(project=DEMO_AND_OTHER["other"])[0]
        sim.jobs("add", own, verbatim=True, project=DEMO_AND_OTHER["other"], job={
            "id": "long", "status": "failed", "start_time": "2020-09-17 02:17:49.83 +0000 UTC",
            "end_time": "2020-09-17 02:18:49.83 +0000 UTC", "progress": 0.5,
            "error": {"message": "m" * 60000, "code": ""}, **{f"num_{i}": i for i in range(1500)}})
        with Daemon(sim, projects=DEMO_AND_OTHER) as daemon:
            api = daemon.client()
            job = wait_until(lambda: [job for job in api.every("/v1/jobs", {"project": "other"})
                                      if job["run_id"] == "long"])[0]
            body = gcs("long")
            body["connector_properties"]["more"] = "p" * 60000
            assert api.create(body, project="other", wait=20).status == 201
            operation = api.get("/v1/operations").json["data"][0]
            yield daemon, {"project": "other", "connector_id": own, "job_id": job["job_id"],
                           "operation_id": operation["operation_id"]}


def turned(text):
    """Another one of its kind, at another place."""
    return text[:-4] + text[-1:-5:-1] if text[-1:-5:-1] != text[-4:] else text[:-1] + "7"


@pytest.mark.parametrize("path", [
    "/v1/jobs/{job_id}", "/v1/jobs/{job_id}?wait=1", "/v1/jobs/{job_id}/snapshots",
    "/v1/operations/{operation_id}", "/v1/operations/{operation_id}?wait=1",
    "/v1/projects/{project}/connectors/{connector_id}",
    "/v1/projects/demo/connectors/{connector_id}"])
def test_a_404_takes_as_long_for_what_is_there_as_for_what_is_not(big, path):
    """Interleaved, on one connection; the medians are near each other."""
    daemon, there = big
    absent = {name: turned(value) for name, value in there.items()}
    head = "".join(f"{n}: {v}\r\n" for n, v in daemon.client("limited").authorization().items())
    asks = [f"GET {path.format(**names)} HTTP/1.1\r\nHost: localhost\r\n{head}\r\n".encode()
            for names in (there, absent)]
    took = [[], []]
    with daemon.client("limited").socket() as raw:
        for _ in range(800):
            for times, ask in zip(took, asks):
                began = time.perf_counter()
                raw.sendall(ask)
                answer = raw.recv(65536)
                times.append(time.perf_counter() - began)
                assert answer.startswith(b"HTTP/1.1 404")
    seen, unseen = (sorted(times)[400] for times in took)
    print(f"{path}: {seen * 1e6:.0f} us, {unseen * 1e6:.0f} us when it is not there")
    assert 0.8 < seen / unseen < 1.25


def test_an_etag_tells_nothing_of_what_others_have(daemon, ids):
    """What is printed cannot be counted back to the number of a row, or forward from another."""
    mask, steps = (1 << 64) - 1, 0x9e3779b97f4a7c15

    def add(value, more):
        mixed = (value * steps + more + 1) & mask
        mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9 & mask
        mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111eb & mask
        return mixed ^ mixed >> 31

    def before(value, more):
        for shift, factor in ((31, 0x94d049bb133111eb), (27, 0xbf58476d1ce4e5b9), (30, 1)):
            mixed = value
            for _ in range(3):
                mixed = value ^ mixed >> shift
            value = mixed * pow(factor, -1, 1 << 64) & mask
        return (value - more - 1) * pow(steps, -1, 1 << 64) & mask

    def add_text(value, text):
        for letter in text.encode():
            value = add(value, letter)
        return add(value, 256 + len(text))

    def tag(path):
        return int(daemon.client("limited").get(path).headers["ETag"][3:-1], 16)

    assert before(add(7, 5), 5) == 7
    beginning = add_text(before(tag("/v1/operations?state=rejected"), 0), "demo")
    job = tag(f"/v1/jobs/{ids['demo']['job_id']}")
    assert not any(add(add(beginning, row), revision) == job
                   for row in range(50) for revision in range(50))


@pytest.mark.parametrize("path", ["/v1/connectors", "/v1/jobs", "/v1/operations"])
def test_lists_of_another_project_cannot_be_asked_for(daemon, path):
    answer = daemon.client("limited").get(path, {"project": "other"})
    assert (answer.status, answer.code) == (404, "project-not-found")


def test_connectors_of_all_projects_are_those_of_each(daemon):
    api = daemon.client()

    def place(connector):
        """To the microsecond: trailing zeros are not told."""
        time = connector["created_at"] or connector["first_seen_at"]
        return time.rstrip("Z").ljust(27, "0") if "." in time else time.rstrip("Z")

    each = {c["connector_id"]: c["project"] for project in DEMO_AND_OTHER
            for c in api.connectors(project).json["data"]}
    for sort in "created_at", "-created_at":
        every = api.every("/v1/connectors", {"sort": sort, "limit": 1})
        assert len(every) == 4 and {c["connector_id"]: c["project"] for c in every} == each
        places = [place(c) for c in every]
        assert places == sorted(places, reverse=sort[0] == "-")
    only = api.get("/v1/connectors", {"project": "other"}).json["data"]
    assert [c["connector_id"] for c in only] == \
        [c["connector_id"] for c in api.connectors("other").json["data"]]


def test_an_answer_to_one_token_is_none_for_another(daemon):
    """Both ask for the same within the second for which an answer is kept."""
    for _ in range(3):
        assert len(daemon.client().get("/v1/connectors").json["data"]) == 4
        assert len(daemon.client("limited").get("/v1/connectors").json["data"]) == 2


def test_an_id_of_another_project_is_not_found_by_its_beginning(daemon, ids):
    for path, name in ("/v1/connectors", "connector_id"), ("/v1/jobs", "job_id"):
        query = {"id_prefix": ids["other"][name][:12]}
        assert len(daemon.client().get(path, query).json["data"]) == 1
        assert daemon.client("limited").get(path, query).json["data"] == []


def test_a_limited_token_cannot_create_elsewhere(daemon, sim):
    before = sim.received("create")
    assert daemon.client("limited").create(gcs(), project="other").status == 404
    assert sim.received("create") == before


def test_a_connector_is_found_only_in_its_project(daemon, ids):
    assert daemon.client().connector(ids["demo"]["connector_id"], "other").status == 404


# Browsers and strange hosts


@pytest.mark.parametrize("headers, status", [
    ({"Origin": "https://example.com"}, 403),
    ({"Origin": "http://localhost"}, 403),
    ({"Origin": "null"}, 403),
    ({"Sec-Fetch-Site": "cross-site"}, 403),
    ({"Sec-Fetch-Site": "same-origin"}, 403),
    ({"Sec-Fetch-Site": "none"}, 200),
])
@pytest.mark.parametrize("path", ["/v1/projects", "/healthz"])
def test_browsers_are_not_clients(daemon, headers, status, path):
    answer = daemon.client("admin").get(path, headers=headers)
    assert answer.status == status
    assert not [n for n in answer.headers if n.lower().startswith("access-control")]


@pytest.mark.parametrize("host, status", [
    ("localhost", 200), ("localhost:{port}", 200), ("127.0.0.1:{port}", 200), ("LOCALHOST", 200),
    ("[::1]", 200), ("[::1]:{port}", 200),
    ("example.com", 421), ("example.com:{port}", 421), ("localhost:1", 421),
    ("localhost.example.com", 421), ("127.0.0.2", 421), ("127.0.0.1.", 421),
    ("localhost:", None), ("local host", None), ("", None)])
def test_only_our_hosts_are_answered(daemon, host, status):
    answer = daemon.client("admin").get("/v1/projects",
                                        headers={"Host": host.format(port=daemon.port)})
    assert answer.status == status if status else answer.status in (200, 400, 421)
    assert status != 421 or answer.code == "misdirected-request"


@pytest.mark.parametrize("hosts", [[], ["Host: localhost", "Host: localhost"]])
def test_there_must_be_one_host(daemon, hosts):
    secret = daemon.tokens["admin"].secret
    data = "\r\n".join(["GET /v1/projects HTTP/1.1", *hosts, f"Authorization: Bearer {secret}",
                        "Connection: close", "", ""])
    assert parse(daemon.client(None).raw(data.encode())).status in (400, 421)


def test_the_hosts_rule_holds_on_the_health_listener(daemon):
    answer = daemon.over_health().get("/healthz", headers={"Host": "example.com"})
    assert answer.status == 421


# The UNIX socket


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become others")


@pytest.fixture(scope="module")
def group():
    """A group, by name and number, that no test peer is in by default."""
    entry = grp.getgrnam("games")
    return entry.gr_name, entry.gr_gid


def on_socket(start_daemon, sim, **access):
    config = {"daemon": {"socket_mode": "0666"}}
    if access:
        config["access"] = access
    return start_daemon(sim, config=config, projects=DEMO_AND_OTHER)


def test_the_daemons_own_user_is_admin(daemon):
    answer = daemon.over_unix().post("/v1/operations/op_nothing/resolve",
                                     {"outcome": "not_created", "reason": "so"})
    assert answer.status == 404


def test_no_token_is_needed_on_the_socket(daemon):
    assert daemon.over_unix().get("/v1/projects").status == 200


def test_the_socket_has_its_mode(daemon):
    assert daemon.socket.stat().st_mode & 0o777 == 0o660


@needs_root
def test_others_get_nothing_by_default(start_daemon, sim):
    daemon = on_socket(start_daemon, sim)
    status, text = as_peer(daemon, NOBODY, NOBODY)
    assert status == 403, text


@needs_root
def test_others_may_ask_for_health(start_daemon, sim):
    daemon = on_socket(start_daemon, sim)
    assert as_peer(daemon, NOBODY, NOBODY, target="/healthz")[0] == 200


# A right that is withdrawn while somebody waits


def ask_and_wait(api, *requests):
    """Raw connections, each with a request that waits."""
    text = "Host: localhost\r\n" + "".join(f"{n}: {v}\r\n" for n, v in api.authorization().items())
    held = []
    for line, body in requests:
        raw = api.socket()
        head = f"{line} HTTP/1.1\r\n{text}"
        if body is not None:
            head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        raw.sendall(f"{head}\r\n{body or ''}".encode())
        held.append(raw)
    return held


def waiting(daemon):
    text = daemon.over_health().get("/metrics").text
    return int(re.search(r"^mixport_http_waiting (\d+)$", text, re.M)[1])


def every_wait(daemon, sim):
    """What can be waited for, of a project that will be hidden."""
    job = wait_until(lambda: daemon.client().get("/v1/jobs", {"project": "other"}).json["data"])[0]
    sim.fault("drop-before", "create", 1)
    unknown = daemon.client().create(gcs("unknown"), project="other", wait=5).json["operation_id"]
    sim.fault("hang", "create", -1)
    sim.fault("hang", "list", -1)
    return [("GET /v1/events?since=now&wait=60&project=other&type=job.gone", None),
            ("GET /v1/events?since=now&wait=60&type=job.gone", None),
            (f"GET /v1/jobs/{job['job_id']}?wait=60", None),
            (f"GET /v1/operations/{unknown}?wait=60", None),
            ("POST /v1/projects/other/refresh?wait=60", ""),
            ("POST /v1/projects/other/connectors?wait=60", json.dumps(gcs("one"))),
            ("POST /api/app/projects/987654321/connectors", json.dumps(gcs("two")))]


PATIENT = {f"project {name}": {"write_timeout": "2m", "timeout": "2m"} for name in DEMO_AND_OTHER}


@pytest.mark.parametrize("change", [None, Token("both", "manage", "demo"), Token("both", "read")],
                         ids=["gone", "limited", "weaker"])
def test_a_wait_ends_with_the_right_to_what_is_waited_for(start_daemon, start_sim, change):
    """And tells nothing of what happens later."""
    sim = start_sim("--connectors", "1", "--jobs", "1", projects=DEMO_AND_OTHER.values())
    daemon = start_daemon(sim, projects=DEMO_AND_OTHER, config=PATIENT,
                          tokens=TOKENS + (Token("both", "manage"), Token("stays", "manage")))
    asks = every_wait(daemon, sim)
    held = ask_and_wait(daemon.client("both"), *asks)
    others = ask_and_wait(daemon.client("stays"), *asks[:4])
    wait_until(lambda: waiting(daemon) == len(held) + len(others), what="all wait")
    del daemon.tokens["both"]
    if change:
        daemon.tokens["both"] = change
    daemon.write_files()
    daemon.reload()
    for raw, (line, _) in zip(held, asks):
        answer = parse(read_all(raw))
        assert answer.status == 401, line
        assert "WWW-Authenticate" in answer.headers and answer.headers["Connection"] == "close"
        assert ("may have been carried out" in answer.text) == line.startswith("POST")
        assert "op_" not in answer.text and "evt_" not in answer.text
        raw.close()
    wait_until(lambda: waiting(daemon) == len(others), what="whose right is the same wait on")
    for raw in others:
        raw.close()


@needs_root
def test_a_wait_ends_with_the_scope_of_a_user(start_daemon, sim):
    daemon = on_socket(start_daemon, sim, read="nobody")
    with user(NOBODY):
        gone, = ask_and_wait(daemon.over_unix(), ("GET /v1/events?since=now&wait=60&type=job.gone", None))
    wait_until(lambda: waiting(daemon) == 1, what="it waits")
    daemon.config["access"] = {"read": "daemon"}
    daemon.write_config()
    daemon.reload()
    answer = parse(read_all(gone))
    assert (answer.status, answer.code) == (403, "insufficient-scope")
    assert answer.headers["Connection"] == "close"
    gone.close()


CASES = [
    ({"read": "nobody"}, {}, "read"),
    ({"read": str(NOBODY)}, {}, "read"),
    ({"manage": "nobody"}, {}, "manage"),
    ({"admin": "nobody"}, {}, "admin"),
    ({"manage": "@{name}"}, {"gid": True}, "manage"),
    ({"manage": "@{gid}"}, {"gid": True}, "manage"),
    ({"manage": "@{name}"}, {"groups": True}, "manage"),
    ({"manage": "@{name}"}, {}, None),
    ({"read": "nobody", "manage": "@{name}"}, {"groups": True}, "manage"),
    ({"read": "daemon"}, {}, None),
    ({"read": "root, nobody"}, {}, "read"),
]


@needs_root
@pytest.mark.parametrize("access, peer, scope", CASES)
def test_the_peer_decides(start_daemon, sim, group, access, peer, scope):
    name, gid = group
    access = {key: value.format(name=name, gid=gid) for key, value in access.items()}
    daemon = on_socket(start_daemon, sim, **access)

    def reaches(method, target):
        return as_peer(daemon, NOBODY, gid if "gid" in peer else NOBODY,
                       [gid] if "groups" in peer else [], method, target)[0] not in (401, 403)

    assert [reaches("GET", "/v1/projects"), reaches("POST", "/v1/projects/demo/refresh"),
            reaches("POST", "/v1/operations/op_nothing/resolve")] == \
        [RANK.get(scope, 0) >= rank for rank in (1, 2, 3)]


@needs_root
def test_a_token_works_on_the_socket_for_none_but_those_let_in(start_daemon, sim):
    """Whatever a token says, the socket goes by its peer."""
    daemon = on_socket(start_daemon, sim)
    answer = daemon.over_unix().get("/v1/projects", headers={"Authorization": "Bearer mxp_wrong"})
    assert answer.status in (200, 401)


# The tokens file


def test_an_absent_tokens_file_shuts_tcp_but_for_health(start_daemon, sim):
    daemon = start_daemon(sim, config={"daemon": {"tokens": "/nonexistent/tokens"}})
    client = daemon.client("admin")
    assert client.get("/v1/projects").status == 401
    assert client.get("/healthz").status == 200
    assert daemon.over_unix().get("/v1/projects").status == 200


def test_a_reload_brings_new_tokens(start_daemon, sim):
    daemon = start_daemon(sim)
    fresh = Token("fresh", "read")
    daemon.tokens = {"fresh": fresh}
    daemon.write_files()
    daemon.reload()
    assert daemon.client("fresh").get("/v1/projects").status == 200


def test_a_reload_ends_old_tokens(start_daemon, sim):
    daemon = start_daemon(sim)
    old = daemon.tokens["read"]
    daemon.tokens = {"admin": daemon.tokens["admin"]}
    daemon.write_files()
    daemon.reload()
    value = "Bearer " + old.secret
    assert daemon.client(None).get("/v1/projects", headers={"Authorization": value}).status == 401


def test_a_wrong_tokens_file_leaves_the_old_in_force(start_daemon, sim):
    daemon = start_daemon(sim)
    daemon.write_secret("tokens", "nonsense\n")
    daemon.expect_error("the configuration stays as it was|tokens")
    daemon.reload()
    assert daemon.client("read").get("/v1/projects").status == 200


def test_no_secret_is_ever_logged(start_daemon, sim):
    daemon = start_daemon(sim, config={"daemon": {"log_level": "debug"}})
    daemon.client("read").get("/v1/projects")
    daemon.client("manage").create(gcs("debugged"))
    for secret in [t.secret for t in daemon.tokens.values()] + [USER.split(":")[1]]:
        assert secret not in daemon.log()

"""SIGHUP: everything that changed takes effect, or nothing does."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import threading

import pytest

from harness import (DEMO_AND_OTHER, MIXPORTD, OTHER_PROJECT_ID, PROJECT_ID, TOKENS, USER, Token,
                     basic, can_mount, gcs, slow, stays, wait_until)

NEW_PAIR = "second-account:second-secret"
NEW_TOKEN = Token("newcomer", "read")
BOTH_PROJECTS = (PROJECT_ID, OTHER_PROJECT_ID)


@pytest.fixture
def sim(start_sim):
    return start_sim("--user", USER, "--user", NEW_PAIR,
                     "--connectors", "2", "--jobs", "1", projects=BOTH_PROJECTS)


def write_tokens(daemon, *tokens):
    """All at once: a reload under way reads the old ones or the new ones."""
    daemon.tokens = {token.name: token for token in tokens}
    path = daemon.write_secret("tokens.new", "".join(token.line() for token in tokens))
    path.rename(daemon.folder / "tokens")


def authorizations(sim):
    return {dict(r["headers"])["Authorization"] for r in sim.requests()}


def fingerprint(api):
    return api.get("/v1/health").json["projects"][0]["credential"]["fingerprint"]


def refused(daemon):
    """A reload that must be refused; what was logged."""
    daemon.expect_error("")
    return daemon.reload()


def good(daemon):
    """What the new configuration leads to may already need attention."""
    log = daemon.reload()
    assert not re.search("(?m)^<[0-4]>(?!.* needs attention: )", log), log
    return log


def test_a_reload_without_changes_is_logged(daemon):
    assert str(daemon.file) in good(daemon)


def test_it_is_the_same_process_on_the_same_ports(daemon, api):
    pid, port = daemon.pid, daemon.port
    good(daemon)
    assert daemon.process.poll() is None and daemon.pid == pid
    assert api.get("/v1/projects").status == 200 and daemon.port == port


# Credentials


def test_a_rotated_credential_is_sent(daemon, sim):
    daemon.write_secret("credential", NEW_PAIR + "\n")
    good(daemon)
    sim.forget_stats()
    wait_until(lambda: sim.stats()["total"] > 3, what="some requests")
    assert authorizations(sim) == {basic(*NEW_PAIR.split(":"))}


def test_a_rotated_credential_changes_the_fingerprint(daemon, api):
    before = fingerprint(api)
    daemon.write_secret("credential", NEW_PAIR + "\n")
    good(daemon)
    assert fingerprint(api) != before


def test_a_credential_not_rotated_keeps_the_fingerprint(daemon, api):
    before = fingerprint(api)
    good(daemon)
    assert fingerprint(api) == before


def test_a_rotated_credential_is_not_sent_before_the_reload(daemon, sim):
    daemon.write_secret("credential", NEW_PAIR + "\n")
    sim.forget_stats()
    wait_until(lambda: sim.stats()["total"] > 3, what="some requests")
    assert authorizations(sim) == {basic(*USER.split(":"))}


def test_a_rotated_credential_ends_unauthorized_at_once(start_daemon, sim):
    daemon = start_daemon(sim, credential="demo-service-account:wrong", ready=False)
    api = daemon.client()
    wait_until(lambda: api.project()["upstream"]["state"] == "unauthorized", what="unauthorized")
    daemon.write_secret("credential", NEW_PAIR + "\n")
    good(daemon)
    wait_until(lambda: api.project()["upstream"]["state"] == "ok", 10, "ok")


def test_a_create_in_flight_survives_a_rotation(daemon, api, sim):
    sim.fault("delay", "create", delay_ms=int(slow(800)))
    answer = api.create(gcs(), wait=0)
    wait_until(lambda: sim.received("create") == 1, what="the create has arrived")
    daemon.write_secret("credential", NEW_PAIR + "\n")
    good(daemon)
    wait_until(lambda: api.operation(answer.json["operation_id"]).json["state"] == "succeeded",
               what="succeeded")
    assert sim.executed("create") == 1


# Tokens


def test_a_new_token_is_let_in(daemon):
    write_tokens(daemon, *TOKENS, NEW_TOKEN)
    assert daemon.client("newcomer").get("/v1/projects").status == 401
    good(daemon)
    assert daemon.client("newcomer").get("/v1/projects").status == 200


def test_a_withdrawn_token_is_not_let_in(daemon):
    reader = daemon.client("read")
    secret = reader.authorization()
    write_tokens(daemon, TOKENS[0])
    good(daemon)
    assert daemon.client(None).get("/v1/projects", headers=secret).status == 401


def test_a_withdrawn_token_is_not_let_in_on_an_open_connection(daemon):
    reader = daemon.client("read")
    headers = reader.authorization()
    connection = reader.connection()
    try:
        connection.request("GET", "/v1/projects", headers=headers)
        answer = connection.getresponse()
        assert (answer.status, bool(answer.read())) == (200, True)
        write_tokens(daemon, TOKENS[0])
        good(daemon)
        connection.request("GET", "/v1/projects", headers=headers)
        assert connection.getresponse().status == 401
    finally:
        connection.close()


def test_a_narrowed_token_loses_what_it_had(daemon):
    write_tokens(daemon, TOKENS[0], Token("manage", "read"))
    good(daemon)
    assert daemon.client("manage").create(gcs()).status == 403


def test_tokens_that_are_gone_let_nobody_in(daemon, api):
    (daemon.folder / "tokens").unlink()
    daemon.reload()
    assert api.get("/v1/projects").status == 401


# Wrong configurations

WRONG = {
    "unknown key": lambda d: d.configure("daemon", colour="red"),
    "bad value": lambda d: d.configure("project demo", rate_limit="0"),
    "missing section value": lambda d: d.configure("project demo", region=None),
    "missing credential": lambda d: (d.folder / "credential").unlink(),
    "loose credential": lambda d: (d.folder / "credential").chmod(0o666),
    "empty credential": lambda d: d.write_secret("credential", ""),
    "bad tokens": lambda d: d.write_secret("tokens", "nonsense\n"),
    "loose tokens": lambda d: (d.folder / "tokens").chmod(0o666),
    "no file": lambda d: d.file.unlink(),
    "listen": lambda d: d.configure("daemon", listen="127.0.0.1:1"),
    "health_listen": lambda d: d.configure("daemon", health_listen=""),
    "socket": lambda d: d.configure("daemon", socket=d.folder / "other.sock"),
    "socket_mode": lambda d: d.configure("daemon", socket_mode="0600"),
    "database": lambda d: d.configure("daemon", database=d.folder / "other.db"),
    "max_connections": lambda d: d.configure("daemon", max_connections=7),
}
NEED_RESTART = ["listen", "health_listen", "socket", "socket_mode", "database",
                "max_connections"]


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_reload_is_logged_as_an_error(daemon, wrong):
    WRONG[wrong](daemon)
    assert re.search("(?m)^<3>", refused(daemon))


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_reload_changes_nothing(daemon, api, wrong):
    """Not even what would have been good: here another project and the log level."""
    projects = api.get("/v1/projects").json["data"]
    daemon.projects = DEMO_AND_OTHER
    daemon.configure("daemon", log_level="debug")
    WRONG[wrong](daemon)
    refused(daemon)
    assert [p["project"] for p in api.get("/v1/projects").json["data"]] == \
        [p["project"] for p in projects]
    assert not re.search("(?m)^<7>", daemon.log())


@pytest.mark.parametrize("wrong", [w for w in WRONG if "tokens" not in w])
def test_a_wrong_reload_leaves_the_tokens(daemon, wrong):
    headers = daemon.client("read").authorization()
    write_tokens(daemon, TOKENS[0], NEW_TOKEN)
    WRONG[wrong](daemon)
    refused(daemon)
    assert daemon.client("newcomer").get("/v1/projects").status == 401
    assert daemon.client(None).get("/v1/projects", headers=headers).status == 200


@pytest.mark.parametrize("wrong", [w for w in WRONG if "credential" not in w])
def test_a_wrong_reload_leaves_the_credential(daemon, api, wrong):
    before = fingerprint(api)
    daemon.write_secret("credential", NEW_PAIR + "\n")
    WRONG[wrong](daemon)
    refused(daemon)
    assert fingerprint(api) == before


@pytest.mark.parametrize("key", NEED_RESTART)
def test_a_key_that_needs_a_restart_is_named(daemon, key):
    WRONG[key](daemon)
    log = refused(daemon)
    assert re.search(rf"\b{key}\b", log) and "restart" in log


def test_a_wrong_line_is_named_with_its_number(daemon):
    daemon.configure("daemon", colour="red")
    number = daemon.file.read_text().splitlines().index("colour = red") + 1
    assert f"{daemon.file}:{number}: " in refused(daemon)


def test_a_wrong_credential_is_not_told(daemon):
    daemon.write_secret("credential", "very-secret-without-a-name\n")
    assert "very-secret" not in refused(daemon)


def test_a_reload_after_a_wrong_one_takes_effect(daemon):
    daemon.configure("daemon", colour="red")
    refused(daemon)
    del daemon.config["daemon"]["colour"]
    write_tokens(daemon, *TOKENS, NEW_TOKEN)
    daemon.write_config()
    daemon.reload()
    assert daemon.client("newcomer").get("/v1/projects").status == 200


# Projects


def set_projects(daemon, projects):
    daemon.projects = projects
    daemon.write_config()
    return good(daemon)


def names(api):
    return {project["project"] for project in api.get("/v1/projects").json["data"]}


def test_an_added_project_is_there(daemon, api):
    set_projects(daemon, DEMO_AND_OTHER)
    assert names(api) == {"demo", "other"}


def test_an_added_project_is_loaded(daemon, api):
    set_projects(daemon, DEMO_AND_OTHER)
    wait_until(lambda: len(api.connectors("other").json["data"]) == 2, what="its connectors")


def test_an_added_project_takes_creates(daemon, api):
    set_projects(daemon, DEMO_AND_OTHER)
    assert api.create(gcs(), project="other").status == 201


@pytest.fixture
def both(start_daemon, sim):
    daemon = start_daemon(sim, projects=DEMO_AND_OTHER)
    api = daemon.client()
    wait_until(lambda: api.connectors("other").json["data"], what="its connectors")
    return daemon


def test_a_removed_project_is_404(both):
    api = both.client()
    set_projects(both, {"demo": PROJECT_ID})
    assert names(api) == {"demo"}
    assert api.connectors("other").status == 404
    assert api.connectors(str(OTHER_PROJECT_ID)).status == 404


def test_a_removed_project_is_not_asked_about(both, sim):
    set_projects(both, {"demo": PROJECT_ID})
    sim.forget_stats()
    wait_until(lambda: sim.received("list") > 3, what="a few listings")
    assert {r["project_id"] for r in sim.requests()} == {PROJECT_ID}


def test_jobs_of_a_removed_project_are_not_listed(both):
    api = both.client()
    wait_until(lambda: {j["project"] for j in api.every("/v1/jobs")} == {"demo", "other"},
               what="jobs of both")
    set_projects(both, {"demo": PROJECT_ID})
    assert {j["project"] for j in api.every("/v1/jobs")} == {"demo"}


def test_a_project_that_comes_back_has_its_history(both, sim):
    api = both.client()
    jobs = wait_until(lambda: api.every("/v1/jobs", {"project": "other"}), what="jobs")
    set_projects(both, {"demo": PROJECT_ID})
    sim.stop()
    both.projects = DEMO_AND_OTHER
    both.write_config()
    both.reload()
    assert {j["job_id"] for j in api.every("/v1/jobs", {"project": "other"})} >= \
        {j["job_id"] for j in jobs}


def test_a_create_in_flight_in_a_removed_project_is_not_lost(both, sim):
    api = both.client()
    sim.fault("delay", "create", delay_ms=int(slow(800)))
    answer = api.create(gcs(), project="other", wait=0)
    wait_until(lambda: sim.received("create") == 1, what="the create has arrived")
    set_projects(both, {"demo": PROJECT_ID})
    set_projects(both, DEMO_AND_OTHER)
    operation = api.operation(answer.json["operation_id"], wait=20).json
    wait_until(lambda: api.operation(answer.json["operation_id"]).json["state"] == "succeeded",
               20, f"succeeded, was {operation}")
    assert sim.executed("create") == 1


def test_a_wait_in_a_removed_project_is_answered(both, sim):
    api = both.client()
    job = wait_until(lambda: api.every("/v1/jobs", {"project": "other"}), what="jobs")[0]
    with api.socket(30) as raw:
        raw.sendall(f"GET /v1/jobs/{job['job_id']}?wait=60 HTTP/1.1\r\nHost: localhost\r\n"
                    f"Authorization: {api.authorization()['Authorization']}\r\n"
                    "Connection: close\r\n\r\n".encode())
        set_projects(both, {"demo": PROJECT_ID})
        both.stop()
        assert raw.recv(12) in (b"HTTP/1.1 200", b"HTTP/1.1 404", b"HTTP/1.1 503")


def test_a_token_for_an_added_project_sees_it(daemon):
    daemon.projects = DEMO_AND_OTHER
    write_tokens(daemon, TOKENS[0], Token("narrow", "read", "other"))
    daemon.write_config()
    daemon.reload()
    assert names(daemon.client("narrow")) == {"other"}


# Other keys


def test_new_intervals_take_effect(daemon, sim):
    daemon.configure("project demo", list_interval="1h", active_interval="1h",
                     idle_interval="1h")
    good(daemon)
    last = [0]

    def quiet():
        before, last[0] = last[0], sim.stats()["total"]
        return before == last[0]

    wait_until(lambda: stays(quiet, 1), 20, "no more requests")


def test_the_log_level_takes_effect(daemon, api):
    daemon.configure("daemon", log_level="warning")
    write_tokens(daemon, *TOKENS, NEW_TOKEN)
    daemon.process.send_signal(signal.SIGHUP)
    newcomer = daemon.client("newcomer")
    wait_until(lambda: newcomer.get("/v1/projects").status == 200, what="the reload is done")
    before = len(daemon.log())
    assert api.create(gcs()).status == 201
    assert daemon.log()[before:] == ""


def test_the_request_timeout_takes_effect(daemon):
    daemon.configure("daemon", request_timeout="300ms")
    good(daemon)
    with daemon.client().socket(10) as raw:
        raw.sendall(b"GET /healthz HTTP/1.1\r\n")
        while raw.recv(1000):
            pass


def test_hosts_take_effect(daemon):
    api = daemon.client(None)
    assert api.get("/healthz", headers={"Host": "mixport.example"}).status == 421
    daemon.configure("daemon", hosts="localhost, mixport.example")
    good(daemon)
    assert api.get("/healthz", headers={"Host": "mixport.example"}).status == 200


def test_another_base_url_takes_effect(daemon, start_sim, sim):
    second = start_sim("--connectors", "1")
    daemon.configure("project demo", base_url=second.base_url)
    good(daemon)
    wait_until(lambda: second.received("list") > 0, what="a listing at the other")
    seen = sim.received("list")
    wait_until(lambda: second.received("list") > 5, what="more listings at the other")
    assert sim.received("list") <= seen + 1


# Signals


def test_a_burst_of_signals_ends_with_the_last_configuration(daemon):
    write_tokens(daemon, *TOKENS, NEW_TOKEN)
    for _ in range(50):
        daemon.process.send_signal(signal.SIGHUP)
    api = daemon.client("newcomer")
    wait_until(lambda: api.get("/v1/projects").status == 200, what="the new token is let in")


def test_reloads_under_load_fail_no_request(daemon, api):
    connection = api.connection()
    try:
        for number in range(100):
            if number % 5 == 0:
                daemon.process.send_signal(signal.SIGHUP)
            connection.request("GET", "/v1/jobs", headers=api.authorization())
            answer = connection.getresponse()
            assert answer.status == 200
            answer.read()
    finally:
        connection.close()


def test_a_stop_right_after_a_reload_is_clean(daemon):
    daemon.process.send_signal(signal.SIGHUP)
    assert daemon.stop() == 0


def test_a_hangup_before_it_serves_does_not_end_it(start_daemon, sim):
    daemon = start_daemon(sim, run=False)
    daemon.write_files()
    daemon.launch()
    wait_until(lambda: "starts" in daemon.log(), what="the first line", interval=0.001)
    daemon.process.send_signal(signal.SIGHUP)
    wait_until(lambda: daemon.listening(2), what="listening")
    assert stays(lambda: daemon.process.poll() is None, 0.3)


# POST /v1/reload


def last_reload(api):
    return api.get("/v1/health").json["reload"]


def test_there_was_no_reload_at_first(api):
    assert last_reload(api) is None


def test_a_reload_asked_for_is_in_force_when_it_is_answered(daemon, api):
    write_tokens(daemon, *TOKENS, NEW_TOKEN)
    answer = api.post("/v1/reload", {})
    assert answer.status == 200 and answer.json["reloaded"] is True
    assert daemon.client("newcomer").get("/v1/projects").status == 200
    told = last_reload(api)
    assert told == {"ok": True, "at": answer.json["loaded_at"], "error": None}
    credential = api.get("/v1/health").json["projects"][0]["credential"]
    assert credential["loaded_at"] == answer.json["loaded_at"]


@pytest.mark.parametrize("body", [None, b"{}", b" {} "])
def test_a_reload_takes_an_empty_body(daemon, api, body):
    assert api.post("/v1/reload", body).status == 200
    assert daemon.over_unix().post("/v1/reload", body).status == 200


@pytest.mark.parametrize("body", [b"[]", b'{"force":true}', b"null", b"{", b"{}{}"])
def test_a_reload_takes_no_other_body(api, body):
    assert api.post("/v1/reload", body).code == "invalid-json"
    assert last_reload(api) is None


def test_a_reload_refused_tells_what_check_config_tells(daemon, api):
    daemon.expect_error("")
    daemon.configure("daemon", log_level="loud", colour="red\\x")
    daemon.configure("project demo", rate_limit="0")
    write_tokens(daemon, *TOKENS, NEW_TOKEN)
    checked = subprocess.run([MIXPORTD, "-c", daemon.file, "--check-config"], text=True,
                             stdout=subprocess.PIPE).stdout.splitlines()[:-1]
    answer = api.post("/v1/reload", {})
    assert (answer.status, answer.code) == (422, "configuration-invalid")
    assert [e["detail"] for e in answer.json["errors"]] == checked
    assert all(set(e) == {"pointer", "code", "detail"} for e in answer.json["errors"])
    assert len(checked) == 3
    # Nothing was changed, the tokens neither.
    assert daemon.client("newcomer").get("/v1/projects").status == 401
    told = last_reload(api)
    assert told["ok"] is False and told["error"] == checked[0]
    assert all("<3>" + line in daemon.log() for line in checked)


def test_a_reload_that_would_take_a_restart_is_refused(daemon, api):
    daemon.expect_error("")
    daemon.configure("daemon", max_connections=7)
    answer = api.post("/v1/reload", {})
    assert answer.code == "configuration-invalid"
    assert "restart" in answer.json["errors"][0]["detail"]
    daemon.configure("daemon", max_connections=None)
    assert api.post("/v1/reload", {}).status == 200
    assert last_reload(api)["ok"] is True


def test_health_tells_of_a_reload_by_signal(daemon, api):
    good(daemon)
    wait_until(lambda: last_reload(api), what="the reload is told")
    assert last_reload(api)["ok"] is True
    daemon.configure("daemon", log_level="loud")
    refused(daemon)
    wait_until(lambda: not last_reload(api)["ok"], what="the refusal is told")
    assert "log_level" in last_reload(api)["error"]


def test_a_limited_token_neither_reloads_nor_learns_what_was_wrong(daemon, api):
    write_tokens(daemon, *TOKENS, Token("confined", "admin", "demo"))
    good(daemon)
    confined = daemon.client("confined")
    assert confined.post("/v1/reload", {}).code == "insufficient-scope"
    daemon.expect_error("")
    daemon.configure("project secret-name", project_id="0")
    assert api.post("/v1/reload", {}).status == 422
    assert last_reload(confined)["ok"] is False
    assert "secret-name" not in confined.get("/v1/health").text
    assert "/" not in last_reload(confined)["error"]


def test_reloads_at_once_all_end_with_the_newest(daemon, api):
    """Whoever asks after a change gets an answer that has seen it."""
    failures = []

    def ask(number):
        try:
            for _ in range(10):
                assert daemon.client().post("/v1/reload", {}).status == 200
        except Exception as failure:
            failures.append(failure)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for number in range(10):
        token = Token(f"newcomer-{number}", "read")
        write_tokens(daemon, *TOKENS, token)
        assert api.post("/v1/reload", {}).status == 200
        assert daemon.client(token.name).get("/v1/projects").status == 200
    for thread in threads:
        thread.join()
    assert not failures


# mixportd --reload


def ask(daemon, *before, **options):
    """mixportd --reload with the daemon's configuration."""
    return subprocess.run([*before, MIXPORTD, "-c", daemon.file, "--reload"], text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=slow(90), **options)


def test_the_option_reloads(daemon):
    write_tokens(daemon, *TOKENS, NEW_TOKEN)
    done = ask(daemon)
    assert (done.returncode, done.stdout, done.stderr) == (0, "mixportd: reloaded\n", "")
    assert daemon.client("newcomer").get("/v1/projects").status == 200


def test_the_option_tells_what_is_wrong(daemon, api):
    daemon.expect_error("")
    daemon.configure("daemon", log_level="loud", colour="red\\x")
    checked = subprocess.run([MIXPORTD, "-c", daemon.file, "--check-config"], text=True,
                             stdout=subprocess.PIPE).stdout.splitlines()[:-1]
    done = ask(daemon)
    assert (done.returncode, done.stdout) == (78, "")
    assert done.stderr.splitlines() == checked and len(checked) == 2
    assert last_reload(api)["ok"] is False


def test_the_option_says_when_nobody_is_there(daemon):
    assert daemon.stop() == 0
    done = ask(daemon)
    assert (done.returncode, done.stdout) == (69, "")
    assert str(daemon.socket) in done.stderr


def test_the_option_says_when_it_may_not(daemon):
    daemon.configure("access", admin="", manage="", read="1")
    good(daemon)
    daemon.folder.chmod(0o711)
    daemon.socket.chmod(0o666)
    done = ask(daemon, "setpriv", "--reuid=1", "--regid=1", "--clear-groups", "--")
    assert done.returncode == 1
    assert "admin" in done.stderr


ODD_ANSWERS = {
    "none": b"", "nonsense": b"nonsense\r\n\r\n", "cut": b"HTTP/1.1 200 OK\r\n\r\n{",
    "endless": b"x" * (2 << 20), "500": b"HTTP/1.1 500 Internal Server Error\r\n\r\n{}"}


@pytest.mark.parametrize("answer", ODD_ANSWERS.values(), ids=ODD_ANSWERS)
def test_the_option_does_not_believe_everything(start_daemon, sim, answer):
    daemon = start_daemon(sim, run=False)
    daemon.write_files()
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(daemon.socket))
        other.listen()

        def serve():
            with other.accept()[0] as peer:
                peer.recv(4096)
                with contextlib.suppress(OSError):
                    peer.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        done = ask(daemon)
        thread.join()
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("mixportd: ")


@pytest.mark.parametrize("text", ["", "nonsense\n", "[daemon]\nsocket =\n",
                                  "[daemon]\nsocket = " + "x" * 150 + "\n", None])
def test_the_option_finds_the_usual_socket_when_no_other_is_known(daemon, text):
    if not can_mount():
        pytest.skip("needs root that may mount")
    daemon.expect_error("")
    daemon.file.unlink() if text is None else daemon.file.write_text(text)
    done = ask(daemon, "unshare", "-m", "sh", "-ec",
               "mount -t tmpfs none /run; mkdir /run/mixportd; "
               'ln -s "$0" /run/mixportd/api.sock; exec "$@"', daemon.socket)
    assert done.returncode == 78, done.stderr  # that daemon has other addresses
    assert str(daemon.file) in done.stderr

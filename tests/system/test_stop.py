"""Stopping, and starting again under systemd's eyes: nothing is lost, no one is refused."""

import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness import PROJECT_ID, gcs, parse, read_all, slow, stays, wait_until

STOP_SECONDS = 5


def stop(daemon, number=signal.SIGTERM):
    """Stops it; the exit code, after a check that it took no longer than allowed."""
    began = time.monotonic()
    code = daemon.stop(number)
    took = time.monotonic() - began
    assert took < slow(STOP_SECONDS), f"it took {took:.1f} s"
    return code


def send(client, target, method="GET", body=b"", headers=()):
    """A request whose answer is fetched later: the socket."""
    raw = client.socket(30)
    lines = [f"{method} {target} HTTP/1.1", "Host: localhost", *headers]
    lines += [f"{k}: {v}" for k, v in client.authorization().items()]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    raw.sendall("\r\n".join([*lines, "", ""]).encode() + body)
    return raw


def threads_seen(daemon):
    return len(os.listdir(f"/proc/{daemon.pid}/task"))


@pytest.fixture
def running_job(sim, api):
    """The id of a job that runs for ever, known to the daemon."""
    connector = sim.put(job=False)[0]
    sim.add_job(connector, queued_ms=0, running_ms=86400000)
    return wait_until(lambda: api.every("/v1/jobs"), what="the job")[0]["job_id"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_with_0(daemon, number):
    assert stop(daemon, number) == 0


def test_a_second_signal_does_not_hurt(daemon, sim):
    sim.fault("hang", "list", -1)
    wait_until(lambda: sim.stats()["concurrent"], what="a request in flight")
    daemon.process.send_signal(signal.SIGTERM)
    assert stop(daemon) == 0


def test_it_stops_before_it_was_ever_ready(start_daemon, sim):
    sim.fault("hang", "any", -1)
    daemon = start_daemon(sim, ready=False)
    assert stop(daemon) == 0


@pytest.mark.parametrize("via", ["tcp", "unix"])
def test_idle_connections_do_not_hold_it(daemon, via):
    client = daemon.client() if via == "tcp" else daemon.over_unix()
    held = [client.socket() for _ in range(50)]
    try:
        assert stop(daemon) == 0
    finally:
        for raw in held:
            raw.close()


def test_kept_connections_do_not_hold_it(daemon, api):
    connection = api.connection()
    connection.request("GET", "/v1/projects", headers=api.authorization())
    assert connection.getresponse().read()
    assert stop(daemon) == 0
    connection.close()


@pytest.mark.parametrize("data", [b"GET /v1/pro", b"POST /v1/projects/demo/connectors HTTP/1.1\r\n"
                                  b"Host: localhost\r\nContent-Length: 100\r\n\r\nhalf"])
def test_half_a_request_does_not_hold_it(daemon, api, data):
    with api.socket() as raw:
        raw.sendall(data)
        assert stop(daemon) == 0


def test_a_client_that_does_not_read_does_not_hold_it(start_daemon, start_sim):
    sim = start_sim("--connectors", "400")
    daemon = start_daemon(sim)
    api = daemon.client()
    wait_until(lambda: api.project()["connectors"] == 400, what="all connectors")
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    raw.connect(("127.0.0.1", daemon.port))
    token = api.authorization()["Authorization"]
    raw.sendall(f"GET /v1/projects/demo/connectors?limit=400 HTTP/1.1\r\nHost: localhost\r\n"
                f"Authorization: {token}\r\n\r\n".encode() * 40)
    assert stop(daemon) == 0
    raw.close()


# Waits


def test_who_takes_a_long_list_slowly_does_not_hold_it(start_daemon, start_sim):
    sim = start_sim("--page", "3")
    for i in range(12):
        sim.put(connector_id=f"c-{i}", job=False, text=json.dumps(
            {"connector_id": f"c-{i}", "connector_type": "gcsImport", "notes": "n" * 1_000_000}))
    daemon = start_daemon(sim)
    api = daemon.client()
    wait_until(lambda: api.project()["connectors"] == 12, timeout=30, what="all connectors")
    raw = send(api, f"/api/app/projects/{PROJECT_ID}/connectors")
    assert raw.recv(100).startswith(b"HTTP/1.1 200 ")
    assert stop(daemon) == 0
    assert not read_all(raw).endswith(b"0\r\n\r\n")


@pytest.mark.parametrize("via", ["tcp", "unix"])
def test_waits_do_not_hold_it(daemon, running_job, via):
    client = daemon.client() if via == "tcp" else daemon.over_unix()
    waits = [send(client, f"/v1/jobs/{running_job}?wait=60&until=done") for _ in range(20)]
    assert stays(lambda: not select.select(waits, [], [], 0)[0], 0.3), "they do not wait"
    assert stop(daemon) == 0
    for raw in waits:
        raw.close()


def test_waits_are_answered_with_what_is_known(daemon, api, running_job):
    waits = [send(api, f"/v1/jobs/{running_job}?wait=60&until=done") for _ in range(20)]
    assert stays(lambda: not select.select(waits, [], [], 0)[0], 0.3), "they do not wait"
    daemon.process.send_signal(signal.SIGTERM)
    answers = []
    for raw in waits:
        with raw:
            answers.append(parse(read_all(raw)))
    assert {answer.status for answer in answers} == {200}
    assert {answer.json["job_id"] for answer in answers} == {running_job}
    assert stop(daemon) == 0


def test_a_wait_for_an_operation_is_answered(daemon, api, sim):
    sim.fault("hang", "create")
    operation = api.create(gcs(), wait=0).json["operation_id"]
    with send(api, f"/v1/operations/{operation}?wait=60") as raw:
        assert stays(lambda: not select.select([raw], [], [], 0)[0], 0.3), "it does not wait"
        daemon.process.send_signal(signal.SIGTERM)
        answer = parse(read_all(raw))
    assert answer.status == 200
    assert answer.json["operation_id"] == operation
    assert stop(daemon) == 0


def test_a_waiting_create_is_answered_202(daemon, api, sim):
    sim.fault("hang", "create")
    with send(api, "/v1/projects/demo/connectors?wait=60", "POST",
              b'{"connector_type":"gcsImport","connector_properties":{"gcs_bucket":"b",'
              b'"gcs_prefix":""},"category_properties":{"data_format":"mixpanel_event"}}') as raw:
        wait_until(lambda: sim.received("create") == 1, what="the create has arrived")
        daemon.process.send_signal(signal.SIGTERM)
        answer = parse(read_all(raw))
    assert answer.status == 202
    assert answer.json["operation_id"] in answer.headers["Location"]
    assert stop(daemon) == 0


def test_a_waiting_refresh_is_answered(daemon, api, sim):
    sim.fault("hang", "list", -1)
    with send(api, "/v1/projects/demo/refresh?wait=60", "POST",
              headers=["Content-Length: 0"]) as raw:
        assert stays(lambda: not select.select([raw], [], [], 0)[0], 0.3), "it does not wait"
        daemon.process.send_signal(signal.SIGTERM)
        answer = parse(read_all(raw))
    assert answer.status in (202, 503)
    assert stop(daemon) == 0


def test_while_it_stops_no_answer_is_cut(daemon, api):
    """Requests in a row until the connection is closed: each answer is whole."""
    cut = []

    def ask():
        try:
            while True:
                connection = api.connection(10)
                try:
                    connection.request("GET", "/v1/jobs", headers=api.authorization())
                    answer = connection.getresponse()
                except (ConnectionError, OSError):
                    return
                finally_read = answer.read()
                if answer.status != 200 or b"data" not in finally_read:
                    cut.append((answer.status, finally_read))
                connection.close()
        except Exception as fault:  # a cut body
            cut.append(fault)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    assert stop(daemon) == 0
    for thread in threads:
        thread.join()
    assert cut == []


# Requests in flight upstream


@pytest.mark.parametrize("endpoint", ["list", "history"])
def test_a_read_in_flight_does_not_hold_it(start_daemon, start_sim, endpoint):
    sim = start_sim("--connectors", "3", "--jobs", "1")
    daemon = start_daemon(sim)
    sim.fault("hang", endpoint, -1)
    wait_until(lambda: sim.stats()["concurrent"], what="a request in flight")
    assert stop(daemon) == 0


def test_a_drip_in_flight_does_not_hold_it(daemon, sim):
    sim.fault("drip", "list", -1, delay_ms=1000)
    wait_until(lambda: sim.stats()["concurrent"], what="a request in flight")
    assert stop(daemon) == 0


@pytest.mark.parametrize("executed", [False, True])
def test_a_create_in_flight_is_unknown_or_found_afterwards(daemon, api, sim, executed):
    sim.fault("hang", "create", executed=executed)
    operation = api.create(gcs(), wait=0).json["operation_id"]
    wait_until(lambda: sim.received("create") == 1, what="the create has arrived")
    assert stop(daemon) == 0
    daemon.start()
    wanted = "succeeded" if executed else "unknown"
    wait_until(lambda: daemon.client().operation(operation).json["state"] == wanted, 20, wanted)
    assert sim.received("create") == 1


def test_a_create_that_answers_while_it_stops_is_not_lost(daemon, api, sim):
    sim.fault("delay", "create", delay_ms=300)
    operation = api.create(gcs(), wait=0).json["operation_id"]
    wait_until(lambda: sim.received("create") == 1, what="the create has arrived")
    assert stop(daemon) == 0
    daemon.start()
    found = wait_until(lambda: daemon.client().operation(operation, wait=20).json, what="found")
    wait_until(lambda: daemon.client().operation(operation).json["state"] == "succeeded", 20,
               f"succeeded, was {found}")
    assert sim.executed("create") == 1


def test_a_planned_create_goes_out_after_a_restart(daemon, api, sim):
    sim.fault("retry-after", "create", retry_after=2)
    operation = api.create(gcs(), wait=0).json["operation_id"]
    wait_until(lambda: api.operation(operation).json["state"] == "planned"
               and sim.received("create") == 1, what="planned again")
    assert stop(daemon) == 0
    daemon.start()
    wait_until(lambda: daemon.client().operation(operation).json["state"] == "succeeded", 30,
               "the create is done")
    assert sim.executed("create") == 1


# A restart


def everything(api):
    """What the API tells, less what changes by itself."""
    records = {path: api.every(path, query) for path, query in [
        ("/v1/projects/demo/connectors", {"state": "all"}), ("/v1/jobs", {}),
        ("/v1/operations", {})]}
    for job in records["/v1/jobs"]:
        job["snapshots"] = api.every(f"/v1/jobs/{job['job_id']}/snapshots")
    for kind in records.values():
        for record in kind:
            record.pop("sync", None)
    return records


def test_a_restart_keeps_everything(start_daemon, start_sim):
    sim = start_sim("--connectors", "5", "--jobs", "3")
    daemon = start_daemon(sim)
    api = daemon.client()
    api.create(gcs(), key="once")
    api.remove(sim.connectors()[0]["connector_id"])
    sim.advance(60)
    wait_until(lambda: len(api.every("/v1/jobs")) == 16 and api.project()["jobs_active"] == 0,
               what="all jobs, ended")
    sim.stop()
    before = everything(api)
    daemon.restart()
    assert everything(daemon.client()) == before


def test_a_restart_keeps_an_idempotency_key(daemon, api, sim):
    first = api.create(gcs(), key="once")
    daemon.restart()
    again = daemon.client().create(gcs(), key="once")
    assert (again.status, again.json["connector_id"]) == (201, first.json["connector_id"])
    assert sim.received("create") == 1


def test_a_restart_keeps_a_cursor(start_daemon, start_sim):
    sim = start_sim("--connectors", "9")
    daemon = start_daemon(sim)
    api = daemon.client()
    wait_until(lambda: api.project()["connectors"] == 9, what="all connectors")
    cursor = api.connectors(limit=5).json["next_cursor"]
    daemon.restart()
    assert len(daemon.client().connectors(limit=5, cursor=cursor).json["data"]) == 4


def test_a_restart_keeps_an_etag(daemon, api, sim):
    sim.stop()
    etag = api.get("/v1/operations").headers["ETag"] or api.connectors().headers["ETag"]
    daemon.restart()
    after = daemon.client()
    assert etag in (after.get("/v1/operations").headers["ETag"], after.connectors().headers["ETag"])


# systemd's protocols, spoken by this test


class Sockets:
    """The three listening sockets of mixportd.socket, held open from one start to the next."""

    NAMES = ("api", "tcp", "health")

    def __init__(self, folder, names=NAMES):
        self.names = names
        self.path = folder / "passed.sock"
        self.sockets = {}
        for name in names:
            if name == "api":
                made = socket.socket(socket.AF_UNIX)
                made.bind(str(self.path))
            else:
                made = socket.socket()
                made.bind(("127.0.0.1", 0))
            made.listen(4096)
            self.sockets[name] = made

    def port(self, name):
        return self.sockets[name].getsockname()[1]

    def give_to(self, daemon):
        """From now on the daemon is started with them."""
        daemon.pass_sockets([(name, self.sockets[name]) for name in self.names])

    def close(self):
        for made in self.sockets.values():
            made.close()


@pytest.fixture
def activated(start_daemon, sim):
    """A daemon not yet started that gets all three sockets, as daemon.passed."""
    daemon = start_daemon(sim, run=False)
    daemon.passed = Sockets(daemon.folder)
    daemon.passed.give_to(daemon)
    daemon.socket = daemon.passed.path
    daemon.port, daemon.health_port = daemon.passed.port("tcp"), daemon.passed.port("health")
    daemon.write_files()
    yield daemon
    daemon.passed.close()


def launch(daemon):
    daemon.launch()
    daemon.wait_ready()
    return daemon


@pytest.mark.parametrize("via", ["tcp", "unix"])
def test_a_passed_socket_is_served(activated, via):
    launch(activated)
    client = activated.client() if via == "tcp" else activated.over_unix()
    assert client.get("/v1/projects").status == 200


def test_a_passed_health_socket_serves_only_health(activated):
    launch(activated)
    health = activated.over_health()
    assert health.get("/metrics").status == 200
    assert health.get("/v1/projects").status in (401, 404)


def test_passed_sockets_replace_those_of_the_configuration(activated):
    activated.socket = activated.folder / "configured.sock"
    activated.write_config()
    activated.socket = activated.passed.path
    launch(activated)
    assert not (activated.folder / "configured.sock").exists()


def test_the_names_decide_not_the_order(start_daemon, sim):
    daemon = start_daemon(sim, run=False)
    passed = Sockets(daemon.folder, ("health", "api", "tcp"))
    passed.give_to(daemon)
    daemon.socket, daemon.port = passed.path, passed.port("tcp")
    daemon.health_port = passed.port("health")
    daemon.write_files()
    launch(daemon)
    assert daemon.over_health().get("/metrics").status == 200
    assert daemon.client().get("/v1/projects").status == 200
    assert daemon.over_unix().get("/v1/projects").status == 200
    passed.close()


def test_a_socket_that_is_not_passed_is_bound(start_daemon, sim):
    daemon = start_daemon(sim, run=False)
    passed = Sockets(daemon.folder, ("tcp",))
    passed.give_to(daemon)
    daemon.port = passed.port("tcp")
    daemon.configure("daemon", health_listen="")
    daemon.write_files()
    daemon.launch()
    wait_until(lambda: daemon.socket.exists() and daemon.over_unix().get("/readyz").status == 200,
               what="ready")
    assert daemon.client().get("/v1/projects").status == 200
    passed.close()


def test_a_passed_socket_file_is_not_removed(activated):
    launch(activated)
    assert activated.stop() == 0
    assert activated.passed.path.exists()


def test_a_passed_socket_is_not_shut_down(activated):
    launch(activated)
    assert activated.stop() == 0
    activated.over_unix().socket().close()
    activated.client().socket().close()


def test_who_connects_before_it_runs_is_served(activated):
    early = [send(activated.client(), "/v1/projects", headers=["Connection: close"])
             for _ in range(20)]
    launch(activated)
    for raw in early:
        with raw:
            assert parse(read_all(raw)).status == 200


def is_hung_up(raw):
    try:
        return raw.recv(1) == b""
    except ConnectionResetError:
        return True


@pytest.mark.parametrize("via", ["tcp", "unix"])
def test_who_waits_for_a_start_that_fails_is_hung_up_on(activated, via):
    """As long as one waits, systemd starts what failed again, without a pause."""
    client = activated.client() if via == "tcp" else activated.over_unix()
    waiting = [send(client, "/v1/projects", headers=["Connection: close"]) for _ in range(3)]
    activated.configure("project demo", region="moon")
    activated.launch()
    assert activated.wait_end() == 78
    for raw in waiting:
        with raw:
            assert is_hung_up(raw)


def test_a_wrong_command_line_hangs_up_on_who_waits(activated):
    activated.arguments = ["--no-such-option"]
    with send(activated.over_unix(), "/v1/projects") as waiting:
        activated.launch()
        assert activated.wait_end() == 64
        assert is_hung_up(waiting)


def test_a_start_that_fails_leaves_the_passed_sockets_alone(activated):
    activated.configure("project demo", region="moon")
    activated.launch()
    assert activated.wait_end() == 78
    with send(activated.over_unix(), "/v1/projects", headers=["Connection: close"]) as waiting:
        activated.configure("project demo", region="us")
        launch(activated)
        assert parse(read_all(waiting)).status == 200


def test_the_environment_of_another_process_is_ignored(start_daemon, sim):
    daemon = start_daemon(sim, run=False)
    daemon.spawn = {"env": {**os.environ, "LISTEN_PID": "1", "LISTEN_FDS": "3"}}
    daemon.start()
    assert daemon.client().get("/v1/projects").status == 200


def test_restarts_under_load_refuse_no_connection(activated):
    """20 restarts; a request on a connection of its own, again and again, from four clients."""
    launch(activated)
    ended = threading.Event()
    failed, served = [], []

    def ask(client):
        while not ended.is_set():
            try:
                served.append(client.get("/v1/projects").status)
            except Exception as fault:
                failed.append(fault)

    clients = [activated.client(), activated.client(), activated.over_unix(),
               activated.over_unix()]
    threads = [threading.Thread(target=ask, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    try:
        for _ in range(20):
            assert stop(activated) == 0
            activated.launch()
            seen = len(served)
            wait_until(lambda: len(served) > seen + 5 or failed, 20, "requests are served again")
            assert failed == []
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    assert failed == []
    assert set(served) == {200}


class Notified:
    """What a daemon tells its supervisor."""

    def __init__(self, daemon, **env):
        self.path = daemon.folder / "notify"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.path))
        self.socket.setblocking(False)
        self.told = []
        daemon.spawn = {"env": {**os.environ, "NOTIFY_SOCKET": str(self.path), **env}}

    def read(self):
        try:
            while True:
                self.told += self.socket.recv(4096).decode().splitlines()
        except BlockingIOError:
            return self.told

    def count(self, line):
        return self.read().count(line)


@pytest.fixture
def supervised(start_daemon, sim):
    daemon = start_daemon(sim, run=False)
    daemon.write_files()
    daemon.notified = Notified(daemon)
    yield daemon
    daemon.notified.socket.close()


def test_ready_is_told_once(supervised):
    supervised.start()
    wait_until(lambda: supervised.notified.count("READY=1"), what="READY=1")
    assert stays(lambda: supervised.notified.count("READY=1") == 1, 0.3)


def test_ready_is_told_when_it_serves(supervised):
    supervised.launch()
    wait_until(lambda: supervised.notified.count("READY=1"), what="READY=1", interval=0.001)
    assert supervised.over_unix().get("/healthz").status == 200


def test_ready_does_not_wait_for_mixpanel(supervised, sim):
    sim.stop()
    supervised.launch()
    wait_until(lambda: supervised.notified.count("READY=1"), what="READY=1")


@pytest.mark.parametrize("what", ["port", "database"])
def test_ready_is_not_told_when_it_cannot_start(supervised, what):
    if what == "port":
        supervised.configure("daemon", listen="127.0.0.1:1" if os.geteuid() else "127.0.0.1:0",
                             socket=supervised.folder)
    else:
        (supervised.folder / "mixportd.db").write_text("damaged")
    supervised.launch()
    assert supervised.wait_end() in (69, 74)
    assert supervised.notified.count("READY=1") == 0


def test_stopping_is_told(supervised):
    supervised.start()
    assert supervised.stop() == 0
    assert supervised.notified.count("STOPPING=1") == 1


def test_a_reload_is_told_with_its_end(supervised):
    """RELOADING=1 ... READY=1, or neither (Type=notify with ExecReload needs none)."""
    supervised.start()
    wait_until(lambda: supervised.notified.count("READY=1"), what="READY=1")
    supervised.reload()
    wait_until(lambda: supervised.notified.count("READY=1") - 1
               == supervised.notified.count("RELOADING=1"), what="as many READY as RELOADING")


def statuses(daemon):
    return [line for line in daemon.notified.read() if line.startswith("STATUS=")]


def test_the_status_tells_projects(supervised):
    supervised.start()
    wait_until(lambda: any(re.search(r"\b1 projects?\b", line) for line in statuses(supervised)),
               what="the status")


def test_the_status_tells_unknown_operations(supervised, sim):
    supervised.start()
    sim.fault("drop-before", "create")
    assert supervised.client().create(gcs(), wait=5).status == 202
    wait_until(lambda: any(re.search(r"\b1 (operations? )?(\w+ )?unknown|unknown\D+1\b", line)
                           for line in statuses(supervised)), 20, "the status")


def test_the_watchdog_is_fed(start_daemon, sim):
    daemon = start_daemon(sim, run=False)
    notified = Notified(daemon, WATCHDOG_USEC=str(int(slow(1) * 1000000)))
    daemon.start()
    wait_until(lambda: notified.count("WATCHDOG=1") >= 3, 10, "three pings")
    notified.socket.close()


def test_the_watchdog_is_fed_no_less_than_half_the_interval(start_daemon, sim):
    daemon = start_daemon(sim, run=False)
    notified = Notified(daemon, WATCHDOG_USEC=str(int(slow(2) * 1000000)))
    daemon.start()
    began = time.monotonic()
    wait_until(lambda: notified.count("WATCHDOG=1") >= 4, 20, "four pings")
    assert time.monotonic() - began < slow(5)
    notified.socket.close()


def test_the_watchdog_is_fed_while_mixpanel_hangs(start_daemon, sim):
    sim.fault("hang", "any", -1)
    daemon = start_daemon(sim, run=False)
    notified = Notified(daemon, WATCHDOG_USEC=str(int(slow(1) * 1000000)))
    daemon.start(ready=False)
    wait_until(lambda: notified.count("WATCHDOG=1") >= 5, 10, "five pings")
    notified.socket.close()


SLOW_DISK = r"""
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int late(long call, int fd)
{
	nanosleep(&(struct timespec){.tv_sec = 1}, 0);
	return (int)syscall(call, fd);
}

int fdatasync(int fd) { return late(SYS_fdatasync, fd); }
int fsync(int fd) { return late(SYS_fsync, fd); }
"""


@pytest.fixture
def on_a_slow_disk(start_daemon, sim, tmp_path):
    """Each wait for the disk takes a second."""
    source, library = tmp_path / "slow.c", tmp_path / "slow.so"
    source.write_text(SLOW_DISK)
    subprocess.run([os.environ.get("CC", "gcc"), "-shared", "-fPIC", "-o", library, source],
                   check=True)
    daemon = start_daemon(sim, run=False)
    daemon.write_files()
    daemon.prefix = ["env", f"LD_PRELOAD={library}", "ASAN_OPTIONS=verify_asan_link_order=0:" +
                     os.environ.get("ASAN_OPTIONS", "")]
    daemon.start()
    return daemon


def test_with_a_slow_disk_it_stops_in_time_and_loses_nothing(on_a_slow_disk, sim):
    api = on_a_slow_disk.client()
    sim.put(5)
    with ThreadPoolExecutor(6) as pool:
        asked = [pool.submit(on_a_slow_disk.client().create, gcs(f"bucket-{n}"), wait=30)
                 for n in range(6)]
        wait_until(lambda: sim.received("create") >= 1, 30, "one is on its way")
        assert stop(on_a_slow_disk) == 0
        answers = [one.result() for one in asked]
    accepted = [a for a in answers if a.status in (201, 202)]
    assert {a.status for a in answers} <= {201, 202, 503}
    on_a_slow_disk.prefix = []
    on_a_slow_disk.start()
    known = {c["request"]["connector_properties"]["gcs_bucket"]
             for c in api.get("/v1/operations").json["data"]}
    assert len(known) >= len(accepted) >= 1

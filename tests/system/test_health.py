"""Health and readiness, and who may ask for metrics: on every listener, whatever Mixpanel does."""

import ctypes
import os
from pathlib import Path

import pytest

from harness import Client, gcs, wait_until

LISTENERS = ["tcp", "unix", "health"]


@pytest.mark.parametrize("via", LISTENERS)
def test_healthz_needs_no_token(daemon, via):
    answer = Client(daemon, via=via).get("/healthz")
    assert (answer.status, answer.json) == (200, {"status": "ok"})


@pytest.mark.parametrize("via", LISTENERS)
def test_readyz_needs_no_token(daemon, via):
    assert Client(daemon, via=via).get("/readyz").status == 200


def test_metrics_need_no_token_on_the_health_listener(daemon):
    assert daemon.over_health().get("/metrics").status == 200


def test_metrics_need_a_token_on_tcp(daemon):
    assert daemon.client(None).get("/metrics").status == 401
    assert daemon.client("read").get("/metrics").status == 200


def test_the_health_listener_serves_nothing_else(daemon):
    assert daemon.over_health().get("/v1/projects").status in (401, 404)


def test_health_has_every_member(api, daemon):
    health = api.get("/v1/health").json
    assert health["status"] == "ok"
    assert isinstance(health["version"], str)
    assert isinstance(health["uptime_seconds"], (int, float))
    assert isinstance(health["store"], dict)
    assert health["operations_unknown"] == 0
    project = health["projects"][0]
    assert project["project"] == "demo"
    assert project["upstream"]["state"] == "ok"
    assert set(project["sync"]) >= {"synced_at", "stale", "error"}
    assert project["credential"]["fingerprint"] and project["credential"]["loaded_at"]


def test_health_needs_read(daemon):
    assert daemon.client(None).get("/v1/health").status == 401
    assert daemon.client("read").get("/v1/health").status == 200


def test_health_tells_no_secret(api):
    assert "demo-service-account" not in api.get("/v1/health").text


def test_mixpanel_down_degrades(api, sim, daemon):
    sim.stop()
    wait_until(lambda: api.get("/v1/health").json["status"] == "degraded", what="degraded")
    assert api.get("/v1/health").json["projects"][0]["upstream"]["state"] == "unreachable"


def test_mixpanel_down_does_not_make_unready(api, sim, daemon):
    sim.stop()
    wait_until(lambda: api.get("/v1/health").json["status"] == "degraded", what="degraded")
    assert daemon.over_health().get("/readyz").status == 200
    assert daemon.over_health().get("/healthz").status == 200


def test_never_loaded_is_not_ready(start_daemon, sim):
    sim.fault("status", "list", -1)
    daemon = start_daemon(sim, ready=False)
    answer = daemon.over_health().get("/readyz")
    assert answer.status == 503
    assert answer.json["reasons"] == [{
        "code": "project-not-loaded", "project": None,
        "detail": "the connectors of 1 of 1 projects have not been listed once yet"}]
    assert daemon.over_health().get("/healthz").status == 200


def test_loaded_from_disk_is_ready(sim, daemon):
    sim.stop()
    daemon.restart()
    assert daemon.over_health().get("/readyz").status == 200


def test_an_unknown_operation_degrades(api, sim):
    sim.fault("drop-before", "create")
    assert api.create(gcs(), wait=5).status == 202
    health = api.get("/v1/health").json
    assert (health["status"], health["operations_unknown"]) == ("degraded", 1)


def test_both_listeners_can_be_left_out(start_daemon, sim):
    daemon = start_daemon(sim, config={"daemon": {"listen": "", "health_listen": ""}})
    assert daemon.over_unix().get("/v1/projects").status == 200


# Threads that are stopped


PTRACE_DETACH, PTRACE_SEIZE, PTRACE_INTERRUPT = 17, 0x4206, 0x4207
ANY_KIND_OF_CHILD = 0x40000000  # __WALL


def ptrace(request, thread):
    call = ctypes.CDLL(None, use_errno=True).ptrace
    call.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    return call(request, thread, None, None) == 0


class Halted:
    """Stops one thread of a process, and lets it go on at the end."""

    def __init__(self, thread):
        self.thread = thread

    def __enter__(self):
        if not ptrace(PTRACE_SEIZE, self.thread):
            pytest.skip("this user may not stop a thread of another process")
        assert ptrace(PTRACE_INTERRUPT, self.thread)
        os.waitpid(self.thread, ANY_KIND_OF_CHILD)

    def __exit__(self, *exception):
        assert ptrace(PTRACE_DETACH, self.thread)


def serving_threads(daemon):
    """Of the UNIX socket, of TCP, then of health."""
    tasks = Path(f"/proc/{daemon.pid}/task")
    return sorted(int(task.name) for task in tasks.iterdir()
                  if (task / "comm").read_text().startswith("MHD"))


@pytest.mark.parametrize("number, via", [(0, "health"), (3, "health"), (4, "unix")])
def test_a_thread_that_is_stopped_with_nothing_to_do_is_noticed(daemon, number, via):
    daemon.expect_error("a thread is stuck")
    client = Client(daemon, via=via)
    wait_until(lambda: len(serving_threads(daemon)) == 5, what="the names of the threads")
    with Halted(serving_threads(daemon)[number]):
        stuck = wait_until(lambda: client.get("/healthz").status == 503
                           and client.get("/healthz"), 15, "stuck", interval=0.2)
        assert stuck.json == {"status": "stuck"}
        wait_until(lambda: "a thread is stuck" in daemon.log(), 10, "no ping for the watchdog")
    wait_until(lambda: client.get("/healthz").status == 200, 5, "it turns again")
    wait_until(lambda: "every thread turns again" in daemon.log(), 10, "pings again")

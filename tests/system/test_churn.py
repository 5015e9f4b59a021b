"""Clients that go at any moment leave nothing behind: no place that is taken, no count that is wrong."""

import contextlib
import json
import os
import random
import re
import socket
import struct

import pytest

from harness import PROJECT_ID, SLOW, Daemon, Sim, gcs, user, wait_until

NOBODY = 65534
CONNECTIONS = 64
AT_ONCE = 100
RESET = struct.pack("ii", 1, 0)
GAUGES = re.compile(r"^(mixport_(?:http_connections|http_waiting|http_unsent_bytes|event_streams)) (\d+)$",
                    re.M)
NOTHING_LEFT = {"mixport_http_connections": 1, "mixport_http_waiting": 0, "mixport_http_unsent_bytes": 0,
                "mixport_event_streams": 0}
STREAM = "Accept: text/event-stream"
WAIT = "/v1/events?since=now&wait=30"
DROPIN = f"/api/app/projects/{PROJECT_ID}/connectors"


@pytest.fixture
def daemon():
    """Its pages are longer than what the kernel takes, and it is told nothing new that ends a wait."""
    long = {"connector_properties": {"gcs_bucket": "b", "gcs_prefix": "p/", "more": "y" * 7000}}
    with Sim() as sim:
        sim.put(150, connector=long)
        with Daemon(sim, config={
                "daemon": {"socket_mode": "0666", "max_connections": CONNECTIONS, "log_level": "info",
                           "request_timeout": "60s"},
                "project demo": {"list_interval": "30s", "active_interval": "30s",
                                 "idle_interval": "60s"}}) as daemon:
            wait_until(lambda: len(daemon.client().connectors(limit=500).json["data"]) == 150)
            yield daemon


def request(api, method, target, *lines, body=b""):
    fields = [f"{name}: {value}" for name, value in api.authorization().items()]
    return "\r\n".join([f"{method} {target} HTTP/1.1", "Host: localhost", *fields, *lines, "",
                        ""]).encode() + body


def sayings(api):
    """What waits, streams, is long, changes something, stands behind another, or is refused."""
    body = json.dumps(gcs()).encode()
    create = ["POST", "/v1/projects/demo/connectors?validate_only=true", "Content-Type: application/json",
              f"Content-Length: {len(body)}"]
    gets = ["/healthz", "/metrics", "/v1/projects", "/v1/connectors?limit=500", WAIT, DROPIN, "/v1/nothing"]
    return [*(request(api, "GET", target) for target in gets),
            *(request(api, "GET", target) * 2 for target in ("/v1/connectors?limit=499", DROPIN)),
            request(api, "GET", "/v1/events?since=now", STREAM),
            request(api, "GET", "/v1/projects") + request(api, "GET", WAIT) * 2,
            request(api, "POST", "/v1/projects/demo/refresh?wait=20"),
            request(api, *create, body=body), request(api, *create, "Expect: 100-continue", body=body),
            request(api, "DELETE", "/v1/projects/demo/connectors/none"),
            request(api, "GET", "/v1/projects", "Transfer-Encoding: chunked"),
            request(api, "GET", "/v1/projects", "Authorization: Bearer mxp_" + "0" * 40), b"\x16\x03\x01\r\n"]


def begin(api, said, chance):
    """A connection on which something was said, or a part of it."""
    stranger = api.via == "unix" and chance.random() < 0.3
    with user(NOBODY) if stranger else contextlib.nullcontext():
        raw = api.socket(narrow=True)
    words = chance.choice(said)
    raw.setblocking(False)
    with contextlib.suppress(OSError):
        raw.send(words if chance.random() < 0.5 else words[:chance.randrange(len(words) + 1)])
    return raw


def end(raw, chance):
    """By a reset, with an end of its own side before, having heard some, or just so."""
    how = chance.randrange(4)
    with contextlib.suppress(OSError):
        if how == 0:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        elif how == 1:
            raw.shutdown(socket.SHUT_WR)
        elif how == 2:
            raw.recv(chance.choice([1, 100, 65536]))
    raw.close()


def gauges(daemon):
    return {name: int(value) for name, value in GAUGES.findall(daemon.over_health().get("/metrics").text)}


def held(api, *lines, target="/v1/projects", most):
    """How many connections it gets, of so many, on which it is answered 200; they are closed again."""
    raws, got = [], 0
    for _ in range(most):
        raws.append(api.socket())
        raws[-1].sendall(request(api, "GET", target, *lines))
        got += raws[-1].recv(65536).startswith(b"HTTP/1.1 200")
    for raw in raws:
        raw.close()
    return got


def test_whoever_goes_at_whatever_moment_leaves_nothing_behind(daemon):
    chance = random.Random(20261128)
    apis = [daemon.client("admin"), daemon.client("read"), daemon.client(None), daemon.over_unix(),
            daemon.over_health()]
    said = {api: sayings(api) for api in apis}
    files = f"/proc/{daemon.pid}/fd"
    before = len(os.listdir(files))
    raws = []
    for _ in range(int(10000 / SLOW)):
        api = chance.choice(apis)
        raws.append(begin(api, said[api], chance))
        if len(raws) > AT_ONCE:
            end(raws.pop(chance.randrange(len(raws))), chance)
    for raw in raws:
        end(raw, chance)
    # Sooner than any time-out.
    wait_until(lambda: gauges(daemon) == NOTHING_LEFT, what="nothing is left")
    assert len(os.listdir(files)) <= before + 3
    for api in (daemon.client("read"), daemon.over_unix()):
        assert held(api, most=CONNECTIONS) == CONNECTIONS // 2, "its share is free"
        wait_until(lambda: gauges(daemon) == NOTHING_LEFT, what="they are closed")
        assert held(api, STREAM, target="/v1/events", most=20) == 16, "so are its streams"
        wait_until(lambda: gauges(daemon) == NOTHING_LEFT, what="they have ended")

"""The stream of events as the package eventsource of npm hears it.

Not a part of the suite, for it takes node and what npm installs; tools/check runs it where that can
be had. EVENTSOURCE says in which folder it is:

    npm install eventsource@4.1.1
    EVENTSOURCE=$PWD tests/system/run eventsource.py
"""

import json
import os
import re
import subprocess
import threading
from pathlib import Path

import pytest

from harness import gcs, slow, wait_until
from test_events import every_event, until

FOLDER = Path(os.environ["EVENTSOURCE"]).resolve()
SCRIPT = Path(__file__).with_suffix(".mjs")


class Follower:
    """What the package made of the stream so far, each thing as the script printed it."""

    def __init__(self, daemon, query):
        document = daemon.client().get("/v1/openapi.json").json
        types = document["components"]["schemas"]["Event"]["properties"]["type"]["enum"]
        self.heard = []
        self.process = subprocess.Popen(
            ["node", SCRIPT, FOLDER, f"http://127.0.0.1:{daemon.port}/v1/events{query}", *types,
             "bookmark", "gone"],
            stdout=subprocess.PIPE, text=True,
            env={**os.environ, "MIXPORT_TOKEN": daemon.tokens["read"].secret})
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.heard.append(json.loads(line))

    def all(self, member):
        return [thing for thing in self.heard if member in thing]

    def events(self):
        return [thing["data"] for thing in self.all("type") if thing["type"] != "bookmark"]

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.reader.join()
        self.process.stdout.close()


@pytest.fixture
def follow(daemon):
    followers = []

    def start(query=""):
        followers.append(Follower(daemon, query))
        return followers[-1]

    yield start
    for follower in followers:
        follower.close()


def restart_at_the_same_port(daemon):
    daemon.configure("daemon", listen=f"127.0.0.1:{daemon.port}")
    assert daemon.stop() == 0
    daemon.launch()
    wait_until(lambda: re.search(r"(?m)\bready$", daemon.log()), 30, "ready")


def test_it_hears_every_event_once_over_a_restart(daemon, follow):
    api = daemon.client()
    api.create(gcs(), wait=30)
    until(api, "job.succeeded")
    follower = follow()
    before = every_event(api)
    wait_until(lambda: len(follower.events()) >= len(before), what="what was")
    restart_at_the_same_port(daemon)
    wait_until(lambda: any(event["type"] == "daemon.started" for event in
                           follower.events()[len(before):]), 20, "it came back")
    api.create(gcs("another"), wait=30)
    until(api, "job.succeeded", since=before[-1]["id"])
    everything = every_event(api)
    wait_until(lambda: len(follower.events()) >= len(everything), what="what came")
    assert follower.events()[:len(everything)] == everything
    for thing in follower.all("type"):
        assert (thing["type"], thing["id"]) == (thing["data"]["type"], thing["data"]["id"])
    assert follower.all("asked")[0]["asked"] is None
    assert {thing["retry"] for thing in follower.all("retry")} == {3000}
    assert follower.all("fault") == []


def test_it_comes_back_after_three_seconds_with_the_last_id(daemon, follow):
    follower = follow("?since=now")
    wait_until(lambda: follower.all("open"), what="a stream")
    daemon.client().post("/v1/reload", {})
    heard = wait_until(follower.events, what="the reload")
    restart_at_the_same_port(daemon)
    wait_until(lambda: len(follower.all("open")) == 2, 20, "it came back")
    lost, back = follower.all("error")[0], follower.all("open")[1]
    assert not lost["closed"] and back["open"] - lost["error"] >= 2900
    assert follower.all("asked")[-1]["asked"] == heard[-1]["id"]
    wait_until(lambda: len(follower.events()) > 1)
    assert follower.events()[1]["type"] == "daemon.started"


def number_of(event_id):
    return int(event_id.rpartition("_")[2])


def test_it_takes_over_a_bookmark(daemon, follow):
    """Which comes after a minute in which all was hidden."""
    follower = follow("?since=now&type=history.gap")
    wait_until(lambda: follower.all("open"), what="a stream")
    daemon.client().post("/v1/reload", {})
    hidden = every_event(daemon.client())[-1]["id"]
    bookmark, = wait_until(lambda: follower.all("type"), 90, "a bookmark")
    assert bookmark["type"] == "bookmark" and bookmark["data"] == {"id": bookmark["id"]}
    assert number_of(bookmark["id"]) >= number_of(hidden)
    restart_at_the_same_port(daemon)
    wait_until(lambda: len(follower.all("open")) == 2, 20, "it came back")
    assert follower.all("asked")[-1]["asked"] == bookmark["id"]
    assert follower.events() == []


def test_a_position_of_another_feed_ends_it(daemon, follow):
    follower = follow("?since=evt_abcdefgh_5")
    wait_until(lambda: follower.all("error"), what="an error")
    error, = follower.all("error")
    assert error["closed"] and error["code"] == 410
    assert follower.process.wait(slow(10)) == 0, "nothing is left to be waited for"

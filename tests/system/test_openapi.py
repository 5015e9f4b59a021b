"""The description of the API, as it is served."""

import json
import os
from pathlib import Path

import pytest

from harness import Daemon

SOURCE = Path(os.environ.get("srcdir", "../..")) / "src" / "api" / "openapi.json"


@pytest.fixture(scope="module")
def daemon(shared_sim):
    with Daemon(shared_sim) as daemon:
        yield daemon


def test_the_beginning_of_the_api_names_its_description(api):
    index = api.get("/v1").json
    assert index["openapi"] == "/v1/openapi.json"
    description = api.get(index["openapi"]).json
    assert description["openapi"] == "3.1.0"
    assert description["info"]["version"] == index["version"]


def test_the_description_comes_byte_for_byte_as_it_was_written(daemon):
    served = daemon.client("read").get("/v1/openapi.json")
    assert served.status == 200 and served.headers["Content-Type"] == "application/json"
    assert served.body == SOURCE.read_bytes()
    json.loads(served.body)


def test_the_description_is_not_sent_twice(api):
    etag = api.get("/v1/openapi.json").headers["ETag"]
    again = api.get("/v1/openapi.json", headers={"If-None-Match": etag})
    assert again.status == 304 and again.body == b"" and again.headers["ETag"] == etag
    other = api.get("/v1/openapi.json", headers={"If-None-Match": 'W/"other"'})
    assert other.status == 200
    head = api.head("/v1/openapi.json")
    assert head.status == 200 and head.body == b""
    assert head.headers["ETag"] == etag
    assert int(head.headers["Content-Length"]) == SOURCE.stat().st_size


def test_who_may_not_read_learns_nothing_of_it(daemon):
    assert daemon.client(None).get("/v1/openapi.json").status == 401
    assert daemon.over_health().get("/v1/openapi.json").status == 404

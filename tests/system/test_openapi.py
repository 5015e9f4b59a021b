"""The description of the API, as it is served, and held against what each operation refuses.

That every answer of every test is described is looked at in harness.py."""

import json

import pytest

from description import DESCRIPTION, SOURCE
from harness import PROJECT_ID, Daemon

ABSENT = {"project": "demo", "project_id": str(PROJECT_ID), "connector_id": "absent",
          "operation_id": "op_absent", "job_id": "job_absent"}
BELOW = {"read": None, "manage": "read", "admin": "manage"}


@pytest.fixture(scope="module")
def daemon(shared_sim):
    with Daemon(shared_sim) as daemon:
        yield daemon


class Operation:
    """One of the document, with what is a reference there taken in."""

    def __init__(self, method, path, item, described):
        self.method = method.upper()
        self.path = path
        self.target = path.format(**ABSENT)
        self.id = described["operationId"]
        self.security = described["security"]
        self.scope = self.security[0]["token"][0] if self.security else None
        self.responses = described["responses"]
        self.body = described.get("requestBody")
        parameters = described.get("parameters", []) + item.get("parameters", [])
        self.parameters = [DESCRIPTION.resolved(parameter) for parameter in parameters]
        self.query = [p for p in self.parameters if p["in"] == "query"]

    def ask(self, client, query=None, target=None, **options):
        """With a body that is none of a connector's: nothing goes to Mixpanel."""
        if self.body and "body" not in options:
            options["body"] = {}
        return client.request(self.method, target or self.target, query, **options)


def operations():
    for path, item in DESCRIPTION.document["paths"].items():
        for method, described in item.items():
            if method != "parameters":
                yield Operation(method, path, item, described)


EVERY = pytest.mark.parametrize("operation", list(operations()),
                                ids=lambda operation: operation.id)


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


# What each operation refuses, as it is described


@EVERY
def test_an_operation_is_for_those_who_may(daemon, operation):
    answer = operation.ask(daemon.client(None))
    assert (answer.status == 401) == ("401" in operation.responses)
    if operation.scope:
        below = BELOW[operation.scope]
        assert operation.ask(daemon.client(below)).status == (403 if below else 401)
    assert operation.ask(daemon.client(), headers={"Origin": "http://localhost"}).status == 403


@EVERY
def test_an_operation_has_the_parameters_that_are_described(api, operation):
    answer = operation.ask(api, {"undescribed": "1"})
    assert answer.status == 400 and "unknown-parameter" in answer.text
    for parameter in operation.query:
        answer = operation.ask(api, [(parameter["name"], "1"), (parameter["name"], "1")])
        assert answer.status == 400 and answer.code == "invalid-parameter"


@EVERY
def test_an_operation_takes_the_body_that_is_described(api, operation):
    if operation.body is None:
        assert operation.ask(api, body={}).status == 413
        return
    most = operation.body["x-mixport-max-body"]
    assert operation.ask(api, body=" " * (most + 1)).status == 413
    assert operation.ask(api, body=" " * most).status != 413
    answer = operation.ask(api, headers={"Content-Type": "text/plain"})
    assert (answer.status == 415) == ("*/*" not in operation.body["content"])


@EVERY
def test_what_an_operation_does_not_find_is_described(api, operation):
    for name in ABSENT:
        if "{" + name + "}" not in operation.path:
            continue
        other = "1" if name == "project_id" else "absent"
        answer = operation.ask(api, target=operation.path.format(**{**ABSENT, name: other}))
        last = operation.path.rpartition("{")[2].startswith(name)
        assert answer.status == 404 or (last and operation.method == "DELETE"), answer


@EVERY
def test_an_operation_that_has_an_etag_says_when_nothing_changed(api, operation):
    answer = operation.ask(api, headers={"If-None-Match": "*"})
    if answer.status < 400:
        assert (answer.status == 304) == ("304" in operation.responses)


def bounds(schema):
    """Of a number: the values that are just taken, and those that are just not."""
    return ([schema["minimum"], schema["maximum"]],
            [schema["minimum"] - 1, schema["maximum"] + 1, "", "x", "1.0"])


def values(parameter):
    """Those that are taken, and some that are not; ([], []) of a parameter that takes any."""
    schema = parameter["schema"]
    if schema["type"] == "integer":
        return bounds(schema)
    if schema["type"] == "boolean":
        return ["true", "false"], ["", "1", "True"]
    if schema["type"] == "array":
        words = schema["items"]["enum"]
        return [*words, ",".join(words)], ["undescribed", f"{words[0]},undescribed"]
    if "enum" in schema:
        return schema["enum"], ["undescribed"]
    if "minLength" in schema:
        return (["x" * schema["minLength"], "x" * schema["maxLength"]],
                ["x" * (schema["minLength"] - 1), "x" * (schema["maxLength"] + 1)])
    return [], []


def faults_of(answer, name):
    return [fault["detail"] for fault in answer.json.get("errors", [])
            if fault.get("parameter") == name]


@EVERY
def test_parameters_take_the_values_that_are_described_and_no_other(api, operation):
    for parameter in operation.query:
        name = parameter["name"]
        good, bad = values(parameter)
        for value in good:
            answer = operation.ask(api, {name: value})
            assert answer.status != 400, (name, value, answer)
        for value in bad:
            answer = operation.ask(api, {name: value})
            assert answer.code == "invalid-parameter" and faults_of(answer, name), (name, value)


@EVERY
def test_words_of_parameters_are_those_that_a_refusal_lists(api, operation):
    for parameter in operation.query:
        schema = parameter["schema"]
        words = schema.get("items", schema).get("enum")
        if words:
            fault, = faults_of(operation.ask(api, {parameter["name"]: "undescribed"}),
                               parameter["name"])
            listed = fault.partition(": ")[2].rstrip(".")
            assert listed.split(", ") == words


# The document itself


@EVERY
def test_what_has_an_etag_can_be_asked_whether_it_changed(operation):
    names = {parameter["name"] for parameter in operation.parameters}
    tagged = any("ETag" in response.get("headers", {}) for status, response in
                 operation.responses.items() if status.startswith("2"))
    assert ("If-None-Match" in names) == ("304" in operation.responses) == tagged


def objects_in(value, path=""):
    """Every schema of an object, with where it is."""
    if isinstance(value, dict):
        kind = value.get("type")
        if kind == "object" or isinstance(kind, list) and "object" in kind:
            yield path, value
        for name, inner in value.items():
            yield from objects_in(inner, f"{path}/{name}")
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from objects_in(inner, f"{path}/{number}")


def test_an_object_is_closed_or_says_that_it_is_open_and_why():
    objects = list(objects_in(DESCRIPTION.document))
    assert len(objects) > 40
    for path, schema in objects:
        if "properties" not in schema and "maxProperties" not in schema:
            assert schema.get("additionalProperties") is True, path
        if "additionalProperties" in schema:
            assert "Open" in schema["description"], path

"""What src/api/openapi.json says, and how answers are held against it.

Each answer is looked up by method, path, status and content type; one that is not described there is
wrong, and so is one with a member that is not. The document leaves its objects open, because members
may be added; held against it they are closed, as by `unevaluatedProperties: false`, but for those that
say `additionalProperties: true`: in these Mixpanel's own members, or a caller's, pass through.
"""

import copy
import json
import re
from pathlib import Path

from jsonschema import Draft202012Validator

SOURCE = Path(__file__).resolve().parents[2] / "src" / "api" / "openapi.json"
HEADERS = ("ETag", "Location", "Retry-After", "Allow", "WWW-Authenticate", "X-Request-Id")


def without_nulls(value):
    """A body as it is checked: a member that is null counts as absent."""
    if isinstance(value, dict):
        return {name: without_nulls(v) for name, v in value.items() if v is not None}
    return value


def media_type(headers):
    return headers.get("Content-Type", "").partition(";")[0]


def where(fault):
    return "".join(f"/{step}" for step in fault.absolute_path) or "the whole"


class Description:
    def __init__(self, document):
        self.document = document
        self.validators = {}
        self.remembered = set()
        self.operations = [
            (re.compile(self.pattern(path)), method.upper(), operation)
            for path, item in document["paths"].items()
            for method, operation in item.items() if method != "parameters"]
        self.elsewhere = document["x-mixport-elsewhere"]

    @staticmethod
    def pattern(path):
        """Mixpanel's own paths are served with a slash at the end, too."""
        slash = "/?" if path.startswith("/api/app/") else ""
        return re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path)) + slash

    def resolved(self, value):
        if "$ref" not in value:
            return value
        found = self.document
        for name in value["$ref"].removeprefix("#/").split("/"):
            found = found[name]
        return found

    # Schemas: every $ref and allOf is taken in, so that an object's members stand in one place,
    # where `additionalProperties` does what `unevaluatedProperties` would, many times faster.

    def flat(self, schema):
        """The schema in one piece, as deep as the object's own members."""
        parts = [self.resolved(schema)] if "$ref" in schema else []
        own = {name: value for name, value in schema.items() if name not in ("$ref", "allOf")}
        if not parts and "allOf" not in schema:
            return own
        whole = {}
        for part in [*(self.flat(part) for part in parts + schema.get("allOf", [])), own]:
            self.take_in(whole, part)
        return whole

    @staticmethod
    def take_in(whole, part):
        for name, value in part.items():
            if name == "properties":
                properties = whole.setdefault("properties", {})
                for member, schema in value.items():
                    properties[member] = {"allOf": [properties[member], schema]} \
                        if member in properties else schema
            elif name == "required":
                whole["required"] = whole.get("required", []) + value
            elif name == "enum" and name in whole:
                whole["enum"] = [word for word in whole["enum"] if word in value]
            elif name in ("title", "description", "examples") or not whole.get(name):
                whole[name] = value
            else:
                assert whole.setdefault(name, value) == value, f"two of {name}"

    def closed(self, schema, whole=True):
        """`whole`: not a branch of another schema that has members, too."""
        if not isinstance(schema, dict):
            return schema
        schema = self.flat(schema)
        properties = schema.get("properties")
        if properties is not None:
            schema["properties"] = {n: self.closed(s) for n, s in properties.items()}
        for name in ("items", "additionalProperties"):
            if name in schema:
                schema[name] = self.closed(schema[name])
        for name in ("oneOf", "anyOf"):
            if name in schema:
                schema[name] = [self.closed(s, properties is None) for s in schema[name]]
        if whole and properties is not None:
            schema.setdefault("additionalProperties", False)
        return schema

    def validator(self, schema):
        key = id(schema)
        if key not in self.validators:
            closed = self.closed(copy.deepcopy(schema))
            Draft202012Validator.check_schema(closed)
            self.validators[key] = Draft202012Validator(closed)
        return self.validators[key]

    def assert_valid(self, schema, value, what):
        fault = next(self.validator(schema).iter_errors(value), None)
        assert fault is None, f"{what}: {where(fault)}: {fault.message[:500]}"

    # Answers

    def operation(self, method, target, health):
        """The one that is meant, None for none. `health`: on the listener for nothing else."""
        path = target.partition("?")[0]
        for pattern, has, operation in self.operations:
            if pattern.fullmatch(path) and has == ("GET" if method == "HEAD" else method):
                return operation if not health or "servers" in operation else None
        return None

    def responses_to(self, method, target, health):
        operation = self.operation(method, target, health)
        return (operation or self.elsewhere)["responses"]

    def check(self, method, target, status, headers, body, health=False):
        what = f"{method} {target[:200]}: {status} as {headers.get('Content-Type')}"
        if self.is_library(status, headers):
            return
        responses = self.responses_to(method, target, health)
        response = responses.get(str(status), responses.get("default"))
        assert response, f"{what} is not described"
        self.check_response(what, self.resolved(response), status, headers,
                            None if method == "HEAD" else body)

    def is_library(self, status, headers):
        """Whether it is the HTTP library that could not read the request and answered itself."""
        return status in self.elsewhere["library"]["statuses"] and \
            "X-Request-Id" not in headers and "Content-Type" not in headers

    def check_response(self, what, response, status, headers, body):
        content = response.get("content")
        self.check_headers(what, response, headers)
        if content is None:
            assert not body, f"{what} has a body"
            return
        assert media_type(headers) in content, f"{what} is not described"
        if body is None:
            return
        if "json" not in media_type(headers):
            body.decode()
            return
        schema = content[media_type(headers)]["schema"]
        key = (id(schema), hash(body))
        if key in self.remembered:
            return  # it came before
        value = json.loads(body)
        self.assert_valid(schema, value, what)
        if media_type(headers) == "application/problem+json":
            self.check_problem(what, status, headers, value)
        else:
            self.remembered.add(key)

    def check_headers(self, what, response, headers):
        described = {name: self.resolved(header)
                     for name, header in response.get("headers", {}).items()}
        for name in HEADERS:
            values = headers.get_all(name, [])
            header = described.get(name)
            assert header or not values, f"{what} has a header {name} that is not described"
            assert values or not header or not header["required"], f"{what} has no header {name}"
            for value in values:
                number = header["schema"]["type"] == "integer" and value.isdigit()
                self.assert_valid(header["schema"], int(value) if number else value,
                                  f"{what}, header {name}")
        assert headers.get_all("X-Content-Type-Options") == ["nosniff"], what
        assert headers.get_all("Cache-Control") == ["no-cache" if "ETag" in headers
                                                    else "no-store"], what

    @staticmethod
    def check_problem(what, status, headers, problem):
        assert problem["status"] == status, f"{what}: the problem says {problem['status']}"
        assert problem["type"].endswith("/" + problem["code"]), f"{what}: {problem['type']}"
        assert problem["request_id"] == headers["X-Request-Id"], what

    def check_any(self, status, headers, body):
        """Of an answer to nobody knows what: some operation, or none, has it."""
        faults = []
        if self.is_library(status, headers):
            return
        for responses in [*(o["responses"] for *_, o in self.operations),
                          self.elsewhere["responses"]]:
            response = responses.get(str(status), responses.get("default"))
            try:
                assert response, f"{status} is not described"
                self.check_response(f"{status}", self.resolved(response), status, headers, body)
                return
            except AssertionError as fault:
                faults.append(str(fault))
        raise AssertionError("described nowhere: " + "\n".join(sorted(set(faults))))

    # Requests

    def check_request(self, method, target, body, status, code):
        """The body of one that was taken, or was none of a connector's, by what came of it."""
        operation = self.operation(method, target, False)
        request = (operation or {}).get("requestBody")
        if not request or not body or not (status < 300 or code == "invalid-connector"):
            return
        schema, = (media["schema"] for media in request["content"].values())
        if not schema:
            return
        valid = self.validator(schema).is_valid(without_nulls(json.loads(body)))
        assert valid == (status < 300), \
            f"{method} {target}: {status}, but the body is {'' if valid else 'not '}as described"


DESCRIPTION = Description(json.loads(SOURCE.read_text()))

# What was wrong with any answer, so that a test that catches exceptions, or asks from a thread of
# its own, does not pass over it.
complaints = []


def hold(check, *arguments):
    try:
        getattr(DESCRIPTION, check)(*arguments)
    except AssertionError as fault:
        complaints.append(str(fault))
        raise

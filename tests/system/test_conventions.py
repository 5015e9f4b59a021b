"""What holds for every answer: api.md's conventions."""

import json
import re

import pytest

from harness import Daemon, Sim, gcs, parse, wait_until


@pytest.fixture(scope="module")
def sim():
    with Sim("--connectors", "12", "--jobs", "2") as sim:
        yield sim


@pytest.fixture(scope="module")
def daemon(sim):
    with Daemon(sim) as daemon:
        api = daemon.client()
        wait_until(lambda: len(api.get("/v1/jobs").json["data"]) == 24, what="all jobs are there")
        yield daemon


@pytest.fixture(scope="module")
def one(daemon):
    """Ids of a connector and of a job of it."""
    job = daemon.client().get("/v1/jobs", {"limit": 1}).json["data"][0]
    return {"connector_id": job["connector_id"], "job_id": job["job_id"]}


LISTS = ["/v1/projects", "/v1/connectors", "/v1/projects/demo/connectors", "/v1/operations",
         "/v1/jobs", "/v1/projects/demo/connectors/{connector_id}/jobs", "/v1/jobs/{job_id}/snapshots"]
RECORDS = ["/v1/projects/demo", "/v1/projects/demo/connectors/{connector_id}", "/v1/jobs/{job_id}"]
OTHERS = ["/v1/health", "/healthz", "/readyz", "/metrics"]
READABLE = LISTS + RECORDS + OTHERS

MISTAKES = [
    ("GET", "/v1/projects/nowhere", 404, "project-not-found"),
    ("GET", "/v1/projects/nowhere/connectors", 404, "project-not-found"),
    ("GET", "/v1/projects/42", 404, "project-not-found"),
    ("GET", "/v1/projects/demo/connectors/nothing", 404, None),
    ("GET", "/v1/projects/demo/connectors/nothing/jobs", 404, None),
    ("GET", "/v1/jobs/job_nothing", 404, None),
    ("GET", "/v1/jobs/job_nothing/snapshots", 404, None),
    ("GET", "/v1/operations/op_nothing", 404, None),
    ("DELETE", "/v1/projects/demo/connectors/nothing", 404, None),
    ("GET", "/v1/nothing", 404, None),
    ("GET", "/", 404, None),
    ("GET", "/v1/projects/demo?colour=red", 400, "unknown-parameter"),
    ("GET", "/v1/jobs?limit=many", 400, "invalid-parameter"),
    ("GET", "/v1/jobs?cursor=!!!", 400, "invalid-cursor"),
    ("PUT", "/v1/jobs", 405, None),
    ("PATCH", "/v1/projects/demo", 405, None),
]


@pytest.mark.parametrize("method, path, status, code", MISTAKES)
def test_mistakes_have_their_status_and_code(api, method, path, status, code):
    answer = api.request(method, path)
    assert answer.status == status
    assert code in (None, answer.json["code"])


@pytest.mark.parametrize("method, path, status, code", MISTAKES)
def test_problem_documents_have_every_member(api, method, path, status, code):
    answer = api.request(method, path)
    problem = answer.json
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert re.fullmatch("[a-z0-9]+(-[a-z0-9]+)*", problem["code"])
    assert problem["type"] == "https://mixport.invalid/problems/" + problem["code"]
    assert problem["status"] == status
    assert problem["title"] and isinstance(problem["title"], str)
    assert problem["detail"] and isinstance(problem["detail"], str)
    assert problem["request_id"] == answer.headers["X-Request-Id"]


@pytest.mark.parametrize("path", LISTS + RECORDS)
def test_an_unknown_parameter_is_named(api, one, path):
    answer = api.get(path.format(**one), {"colour": "red"})
    assert (answer.status, answer.code) == (400, "unknown-parameter")
    assert answer.json["errors"][0]["parameter"] == "colour"


@pytest.mark.parametrize("path, name, value", [
    ("/v1/jobs", "limit", "0"),
    ("/v1/jobs", "limit", "501"),
    ("/v1/jobs", "limit", "-1"),
    ("/v1/jobs", "limit", "1.5"),
    ("/v1/jobs", "limit", ""),
    ("/v1/jobs", "limit", "99999999999999999999"),
    ("/v1/jobs", "status", "happy"),
    ("/v1/jobs", "since", "yesterday"),
    ("/v1/projects/demo/connectors", "limit", "many"),
    ("/v1/projects/demo/connectors", "sort", "colour"),
    ("/v1/projects/demo/connectors", "state", "gone"),
    ("/v1/projects/demo/connectors", "kind", "gcsImport"),
    ("/v1/connectors", "kind", ""),
    ("/v1/connectors", "id_prefix", "abc"),
    ("/v1/jobs", "id_prefix", 65 * "a"),
    ("/v1/projects/demo/connectors/{connector_id}/jobs", "id_prefix", "job_ 1"),
    ("/v1/operations", "id_prefix", "op_\u00e4"),
    ("/v1/operations", "kind", "update"),
    ("/v1/operations", "state", "happy"),
    ("/v1/jobs/{job_id}", "wait", "61"),
    ("/v1/jobs/{job_id}", "wait", "-1"),
    ("/v1/jobs/{job_id}", "until", "noon"),
    ("/v1/projects/demo/connectors/{connector_id}", "max_age", "-1"),
    ("/v1/projects/demo/connectors/{connector_id}", "max_age", "old"),
])
def test_an_invalid_parameter_is_named(api, one, path, name, value):
    answer = api.get(path.format(**one), {name: value})
    assert (answer.status, answer.code) == (400, "invalid-parameter")
    assert answer.json["errors"][0]["parameter"] == name


def test_a_repeated_parameter_is_refused(api):
    answer = api.get("/v1/jobs?limit=1&limit=2")
    assert (answer.status, answer.code) == (400, "invalid-parameter")
    assert answer.json["errors"][0]["parameter"] == "limit"


@pytest.mark.parametrize("method, path, allowed", [
    ("DELETE", "/v1/projects", {"GET", "HEAD"}),
    ("PUT", "/v1/projects/demo/connectors", {"GET", "HEAD", "POST"}),
    ("PATCH", "/v1/projects/demo/connectors/{connector_id}", {"GET", "HEAD", "DELETE"}),
    ("GET", "/v1/projects/demo/refresh", {"POST"}),
    ("GET", "/v1/projects/demo/connectors/{connector_id}/refresh", {"POST"}),
    ("POST", "/v1/jobs/{job_id}", {"GET", "HEAD"}),
    ("POST", "/metrics", {"GET", "HEAD"}),
    ("POST", "/healthz", {"GET", "HEAD"}),
])
def test_a_wrong_method_is_405_with_allow(api, one, method, path, allowed):
    answer = api.request(method, path.format(**one))
    assert answer.status == 405
    assert set(answer.headers["Allow"].replace(" ", "").split(",")) >= allowed


@pytest.mark.parametrize("path", READABLE)
def test_head_is_get_without_a_body(api, one, path):
    path = path.format(**one)
    head, get = api.head(path), api.get(path)
    assert (head.status, head.body) == (get.status, b"")
    assert head.headers["Content-Type"] == get.headers["Content-Type"]


@pytest.mark.parametrize("path", READABLE + ["/v1/nothing"])
def test_every_answer_has_a_request_id_and_nosniff(api, one, path):
    answer = api.get(path.format(**one))
    assert re.fullmatch("[A-Za-z0-9._-]{1,128}", answer.headers["X-Request-Id"])
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("sent", ["a", "Trace-1.2_3", "x" * 128])
def test_a_valid_request_id_is_kept(api, sent):
    assert api.get("/v1/projects", headers={"X-Request-Id": sent}).headers["X-Request-Id"] == sent


@pytest.mark.parametrize("sent", ["", "x" * 129, "with space", "semi;colon", "\xfc"])
def test_an_invalid_request_id_is_replaced(api, sent):
    answer = api.get("/v1/projects", headers={"X-Request-Id": sent})
    assert answer.status == 200
    assert answer.headers["X-Request-Id"] != sent
    assert re.fullmatch("[A-Za-z0-9._-]{1,128}", answer.headers["X-Request-Id"])


def test_request_ids_differ(api):
    ids = {api.get("/v1/projects").headers["X-Request-Id"] for _ in range(20)}
    assert len(ids) == 20


@pytest.mark.parametrize("path", [path for path in LISTS if "operations" not in path] + RECORDS)
def test_an_answer_with_an_etag_may_be_kept_but_not_used_unasked(api, one, path):
    answer = api.get(path.format(**one))
    assert answer.headers["ETag"].startswith('W/"')
    assert answer.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("path", ["/v1/health", "/healthz", "/readyz", "/v1/nothing"])
def test_an_answer_without_an_etag_is_not_stored(api, path):
    answer = api.get(path)
    assert answer.headers["ETag"] is None
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", LISTS + RECORDS + ["/v1/health", "/healthz", "/readyz"])
def test_json_is_labelled_so(api, one, path):
    assert api.get(path.format(**one)).headers["Content-Type"].split(";")[0] == "application/json"


@pytest.mark.parametrize("path", LISTS)
def test_a_list_has_the_envelope(api, one, path):
    answer = api.get(path.format(**one))
    assert answer.status == 200
    assert set(answer.json) >= {"data", "has_more", "next_cursor"}
    assert isinstance(answer.json["data"], list)
    assert answer.json["has_more"] is False and answer.json["next_cursor"] is None


@pytest.mark.parametrize("path", LISTS + RECORDS)
def test_there_are_no_cors_headers(api, one, path):
    names = [name.lower() for name in api.get(path.format(**one)).headers]
    assert not [name for name in names if name.startswith("access-control-")]


# Bodies


CREATE = "/v1/projects/demo/connectors?validate_only=true"


def post(api, body, **headers):
    return api.post(CREATE, body, headers={k.replace("_", "-"): v for k, v in headers.items()})


@pytest.mark.parametrize("content_type", [
    "application/json", "application/json; charset=utf-8", "Application/JSON",
    "application/json;charset=UTF-8"])
def test_json_bodies_are_taken(api, content_type):
    assert post(api, gcs("taken"), Content_Type=content_type).status == 200


@pytest.mark.parametrize("content_type", [
    "text/plain", "application/x-www-form-urlencoded", "application/jsonp",
    "application/merge-patch+json", "multipart/form-data; boundary=x", None])
def test_bodies_of_other_types_are_415(api, content_type):
    answer = post(api, gcs("taken"), Content_Type=content_type)
    assert (answer.status, answer.code) == (415, "unsupported-media-type")


@pytest.mark.parametrize("coding, status", [
    ("identity", 200), ("gzip", 415), ("deflate, identity", 415), ("", 415)])
def test_a_body_is_taken_as_it_is(api, coding, status):
    assert post(api, gcs("taken"), Content_Encoding=coding).status == status


@pytest.mark.parametrize("body", [
    "", "{", "nonsense", '{"a":1}x', "{'a':1}", '{"a":NaN}', '{"a":1,}', b'{"a":"\xff"}',
    '{"a":"\\ud800"}', '\ufeff{}'])
def test_a_body_that_is_not_json_is_refused(api, body):
    answer = post(api, body)
    assert (answer.status, answer.code) == (400, "invalid-json")


@pytest.mark.parametrize("body", [
    '{"label":"a","label":"b"}',
    '{"connector_properties":{"gcs_bucket":"a","gcs_bucket":"a"}}',
    '{"label":"a","l\\u0061bel":"b"}'])
def test_duplicate_members_are_refused(api, body):
    answer = post(api, body)
    assert (answer.status, answer.code) == (400, "invalid-json")


def nested(depth):
    return '{"connector_properties":' + "[" * (depth - 1) + "]" * (depth - 1) + "}"


@pytest.mark.parametrize("depth, status", [(63, 422), (66, 400), (30000, 400)])
def test_depth_is_limited(api, depth, status):
    assert post(api, nested(depth)).status == status


def test_a_body_of_64_kib_is_taken(api):
    body = json.dumps(gcs("taken"))
    assert post(api, body + " " * (65536 - len(body))).status == 200


def test_a_longer_body_is_413(api):
    body = json.dumps(gcs("taken"))
    answer = post(api, body + " " * (65537 - len(body)))
    assert (answer.status, answer.code) == (413, "body-too-large")


def head_of_create(api, *lines):
    token = api.authorization()["Authorization"]
    return "\r\n".join([f"POST {CREATE} HTTP/1.1", "Host: localhost", f"Authorization: {token}",
                        "Content-Type: application/json", "Connection: close", *lines, "", ""]).encode()


@pytest.mark.parametrize("lines", [
    ["Content-Length: 65537"], ["Content-Length: 999999999999"],
    ["Content-Length: 70000", "Expect: 100-continue"]])
def test_a_long_body_is_refused_before_it_is_read(api, lines):
    answer = parse(api.raw(head_of_create(api, *lines)))
    assert (answer.status, answer.code) == (413, "body-too-large")


@pytest.mark.parametrize("coding", ["chunked", "gzip, chunked", "identity", "\tChunked"])
@pytest.mark.parametrize("size", [0, 1, 400])
def test_a_body_with_a_transfer_encoding_is_411_and_the_end(api, coding, size):
    """No Content-Length, no body: what follows is not read as a request, either."""
    chunk = b"1000\r\n" + b" " * 4096 + b"\r\n"
    sent = head_of_create(api, "Transfer-Encoding: " + coding) + chunk * size + b"0\r\n\r\n"
    data = api.raw(sent + b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    answer = parse(data)
    assert (answer.status, answer.code) == (411, "length-required")
    assert answer.headers["connection"].lower() == "close"
    assert data.count(b"HTTP/1.1 ") == 1


# Paging


@pytest.mark.parametrize("path", ["/v1/connectors", "/v1/projects/demo/connectors", "/v1/jobs"])
@pytest.mark.parametrize("limit", [1, 5, 12])
def test_pages_make_up_the_whole(api, path, limit):
    name = "job_id" if path == "/v1/jobs" else "connector_id"
    assert [r[name] for r in api.every(path, {"limit": limit})] == \
        [r[name] for r in api.get(path).json["data"]]


def test_pages_hold_no_more_than_the_limit(api):
    page = api.get("/v1/jobs", {"limit": 7}).json
    assert len(page["data"]) == 7
    assert page["has_more"] is True and isinstance(page["next_cursor"], str)


def test_a_limit_of_all_there_is_has_no_more(api):
    page = api.get("/v1/jobs", {"limit": 24}).json
    assert page["has_more"] is False and page["next_cursor"] is None


@pytest.mark.parametrize("cursor", ["", "x", "AAAA", "%25", "a" * 4000, "../../etc/passwd"])
@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/connectors", "/v1/projects/demo/connectors",
                                  "/v1/operations"])
def test_a_made_up_cursor_is_refused(api, path, cursor):
    answer = api.get(f"{path}?cursor={cursor}")
    assert (answer.status, answer.code) == (400, "invalid-cursor")
    assert answer.json["errors"][0]["parameter"] == "cursor"


def test_a_cursor_of_another_list_is_refused(api):
    cursor = api.get("/v1/jobs", {"limit": 1}).json["next_cursor"]
    answer = api.get("/v1/projects/demo/connectors", {"cursor": cursor})
    assert (answer.status, answer.code) == (400, "invalid-cursor")


# ETags


@pytest.mark.parametrize("path", LISTS + RECORDS)
def test_a_known_etag_gives_304_without_a_body(api, one, path):
    path = path.format(**one)
    etag = api.get(path).headers["ETag"]
    answer = api.get(path, headers={"If-None-Match": etag})
    assert (answer.status, answer.body) == (304, b"")
    assert answer.headers["ETag"] == etag


@pytest.mark.parametrize("given", ['W/"x", {}', "*", "{strong}"])
def test_every_form_of_if_none_match_is_understood(api, given):
    etag = api.get("/v1/jobs").headers["ETag"]
    given = given.replace("{strong}", etag.removeprefix("W/")).replace("{}", etag)
    assert api.get("/v1/jobs", headers={"If-None-Match": given}).status == 304


def test_another_etag_gives_the_whole(api):
    assert api.get("/v1/jobs", headers={"If-None-Match": 'W/"other"'}).status == 200


# The connection


def test_a_connection_serves_one_request_after_another(api):
    connection = api.connection()
    try:
        for _ in range(3):
            connection.request("GET", "/v1/projects", headers=api.authorization())
            answer = connection.getresponse()
            assert answer.status == 200
            answer.read()
            assert not answer.will_close
    finally:
        connection.close()


@pytest.mark.parametrize("data", [
    b"nonsense\r\n\r\n", b"GET /healthz HTTP/9.9\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00",
    b"GET  \r\n\r\n", b"GET /healthz HTTP/1.1\r\nContent-Length: x\r\n\r\n"])
def test_garbage_does_not_hurt(api, data):
    with api.socket() as raw:
        raw.sendall(data)
        assert api.get("/healthz").status == 200


@pytest.mark.parametrize("path", [
    "/v1/projects/%00", "/v1/projects/%ff", "/v1/projects/..%2f..", "/v1/projects/%",
    "/v1/projects/" + "x" * 3000, "/v1/jobs/%22", "//v1/projects", "/v1/projects//connectors"])
def test_a_strange_path_is_not_found_or_bad(api, path):
    answer = api.get(path)
    assert answer.status in (400, 404, 414)
    assert answer.code

"""Where a request begins and ends: each of these heads, byte for byte, on each listener.

Behind every one stands a second request. It is answered only where the first one is whole and
beyond doubt; nobody's idea of the two must differ from ours."""

import json
import os
import re
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

import pytest

from harness import Client, Daemon, Sim, read_all, receive_all, wait_until

LISTENERS = ["tcp", "unix", "health"]

# What is expected: the statuses that are answered, in order. SERVED is both requests.
SERVED = [200, 200]

HEAD = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-A: b\r\n\r\n"
SECOND = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: second\r\n\r\n"


def get(*lines, target="/healthz", method="GET", version="HTTP/1.1", host="localhost"):
    lines = ([f"Host: {host}"] if host is not None else []) + list(lines)
    return "\r\n".join([f"{method} {target} {version}", *lines, "", ""]).encode("latin-1")


def rows():
    """Each row: its name, its bytes, and the statuses that come."""
    yield "plain", HEAD, SERVED
    yield from inserted()
    yield from first_lines()
    yield from fields()
    yield from lengths()
    yield from sizes()


PLACES = {
    "in the method": b"G|ET /healthz",
    "after the method": b"GET| /healthz",
    "before the target": b"GET |/healthz",
    "in the target": b"GET /heal|thz",
    "after the target": b"GET /healthz| HTTP",
    "in the version": b"HTTP/|1.1",
    "after the version": b"HTTP/1.1|\r\nHost",
    "in a name": b"Ho|st:",
    "after a name": b"Host|:",
    "before a value": b":| localhost",
    "in a value": b"local|host",
    "after a value": b"localhost|\r\n",
    "before a field": b"\r\n|X-A",
    "in the last value": b"X-A: b|",
    "before the empty line": b"b\r\n|\r\n",
    "in the empty line": b"b\r\n\r|\n",
}
BYTES = {"NUL": b"\0", "CR": b"\r", "LF": b"\n", "SOH": b"\x01", "DEL": b"\x7f"}


def inserted():
    """A byte that belongs nowhere, everywhere."""
    for place, text in PLACES.items():
        before, after = text.split(b"|")
        assert HEAD.count(before + after) == 1, place
        for name, byte in BYTES.items():
            yield (f"{name} {place}", HEAD.replace(before + after, before + byte + after),
                   INSERTED.get(f"{name} {place}", [400]))


# The library hangs up on a first line without a blank, and passes over an empty line before it.
INSERTED = {"LF in the method": [], "LF after the method": [], "LF in the empty line": SERVED}


def first_lines():
    for name, data, expected in [
        ("an empty line before", b"\r\n" + HEAD, SERVED),
        ("a bare LF before", b"\n" + HEAD, SERVED),
        ("a NUL line before", b"\0\r\n" + HEAD, SERVED),
        ("a blank before", b" " + HEAD, []),
        ("no target", b"GET HTTP/1.1\r\nHost: localhost\r\n\r\n", [400]),
        ("a method alone", b"GET\r\nHost: localhost\r\n\r\n", []),
        ("a method and a blank", b"GET \r\nHost: localhost\r\n\r\n", [400]),
        ("no version", b"GET /healthz\r\nHost: localhost\r\n\r\n", [400]),
        ("two blanks before the target", get(method="GET "), [400]),
        ("two blanks before the version", get(version=" HTTP/1.1"), [400]),
        ("a blank after the version", get(version="HTTP/1.1 "), [400]),
        ("a blank in the target", get(target="/healthz x"), [400]),
        ("a tab for a blank", b"GET\t/healthz\tHTTP/1.1\r\nHost: localhost\r\n\r\n", []),
        ("version 0.9", get(version="HTTP/0.9"), [505]),
        ("version 1.2", get(version="HTTP/1.2"), SERVED),
        ("version 2.0", get(version="HTTP/2.0"), [505]),
        ("version in lower case", get(version="http/1.1"), [400]),
        ("version with a letter", get(version="HTTP/1.x"), [400]),
        ("version without a digit", get(version="HTTP/1"), [400]),
        ("HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [505]),
        ("a TLS hello", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\r\n\r\n", []),
        ("a relative target", get(target="healthz"), [400]),
        ("an asterisk", get(target="*", method="OPTIONS"), [400]),
        ("an authority", get(target="localhost:80", method="CONNECT"), [400]),
        ("a fragment", get(target="/healthz#x"), [400]),
        ("%00", get(target="/healthz%00"), [400]),
        ("a broken escape", get(target="/healthz%zz"), [400]),
        ("half an escape", get(target="/healthz%4"), [400]),
        ("a target of 8 bits", get(target="/healthz\xff"), [400]),
        ("a long target", get(target="/" + "x" * 5000), [414]),
        ("a longer target", get(target="/" + "x" * 20000), [414]),
    ]:
        yield name, data, expected


def fields():
    for name, data, expected in [
        ("no host", get(host=None), [400]),
        ("two hosts", get("Host: localhost"), [400]),
        ("a fold", get("X-A: b", " c"), [400]),
        ("a fold by a tab", get("X-A: b", "\tc"), [400]),
        ("a fold at the end", get("X-A: b", " "), [400]),
        ("a fold at once", b"GET /healthz HTTP/1.1\r\n Host: localhost\r\n\r\n", [400]),
        ("a line without a colon", get("X-A"), [400]),
        ("a line without a name", get(": b"), [400]),
        ("a blank in a name", get("X A: b"), [400]),
        ("an 8-bit name", get("X-\xe9: b"), [400]),
        ("an 8-bit value", get("X-A: \xe9"), SERVED),
        ("an empty value", get("X-A:"), SERVED),
        ("blanks about a value", get("X-A: \t b \t "), SERVED),
        ("no blank before a value", get("X-A:b"), SERVED),
        ("all lines end in LF", HEAD.replace(b"\r\n", b"\n"), [400]),
        ("all lines end in CR", HEAD.replace(b"\r\n", b"\r"), [400]),
        ("a head too long", get("X-A: " + "x" * 20000), [431]),
        ("too many fields", get(*(f"X-{n}: {n}" for n in range(3000))), [431]),
        ("an expectation without a body", get("Expect: 100-continue"), [400]),
        ("an expectation of a body of 0", get("Expect: 100-Continue", "Content-Length: 0"), [400]),
        ("an expectation of HTTP/1.0", get("Expect: 100-continue", version="HTTP/1.0"), [200]),
        ("an unknown expectation", get("Expect: nonsense"), SERVED),
        ("an upgrade", get("Connection: Upgrade", "Upgrade: websocket"), SERVED),
        ("HTTP/1.0 without a host", get(version="HTTP/1.0", host=None), [200]),
    ]:
        yield name, data, expected


def lengths():
    for name, text in [
        ("of nothing", ""), ("of a sign", "+0"), ("negative", "-1"), ("hexadecimal", "0x0"),
        ("a list", "0, 0"), ("a fraction", "0.0"), ("two words", "0 0"), ("a letter", "1a"),
        ("a quote", '"0"')]:
        yield f"a length {name}", get(f"Content-Length: {text}"), [400]
    yield "a length too large", get("Content-Length: 99999999999999999999999"), [413]
    for power in (18, 19):
        yield f"a length of 10^{power}", get(f"Content-Length: 1{'0' * power}"), [413]
    for power in (63, 64):
        yield f"a length of 2^{power} - 1", get(f"Content-Length: {2 ** power - 1}"), [413]
        yield f"a length of 2^{power}", get(f"Content-Length: {2 ** power}"), [413]
    yield "a length of zeros", get("Content-Length: 000"), SERVED
    yield "a length of 0", get("Content-Length: 0"), SERVED
    yield "two lengths", get("Content-Length: 0", "Content-Length: 0"), [400]
    yield "two lengths that differ", get("Content-Length: 0", "Content-Length: 5"), [400]
    yield "a bad length and a good one", get("Content-Length: x", "Content-Length: 0"), [400]
    yield "a good length and a bad one", get("Content-Length: 0", "Content-Length: x"), [400]
    yield "a length too large and another", get(
        "Content-Length: 99999999999999999999999", "Content-Length: 0"), [413]
    for name, lines in {
        "chunked": ["Transfer-Encoding: chunked"],
        "chunked in capitals": ["TRANSFER-ENCODING: CHUNKED"],
        "identity": ["Transfer-Encoding: identity"],
        "gzip": ["Transfer-Encoding: gzip, chunked"],
        "none": ["Transfer-Encoding:"],
        "xchunked": ["Transfer-Encoding: xchunked"],
        "two": ["Transfer-Encoding: chunked", "Transfer-Encoding: identity"],
        "and a length": ["Transfer-Encoding: chunked", "Content-Length: 5"],
        "after a length": ["Content-Length: 5", "Transfer-Encoding: chunked"],
    }.items():
        yield f"an encoding, {name}", get(*lines) + b"0\r\n\r\n", [411]


def sizes():
    """Beside its head, its records and its cookies there must be room for an answer."""
    yield "a cookie", get("Cookie: a=b; c=d"), SERVED
    for count, expected in [(30, SERVED), (100, [431]), (167, [431]), (1000, [431]), (2900, [431])]:
        yield f"{count} cookies", get("Cookie: " + "a=b;" * count), expected
    for size, expected in [(2000, SERVED), (5980, [431]), (8100, [431]), (12000, [431])]:
        yield f"a cookie of {size}", get("Cookie: a=" + "x" * size), expected
    yield "a cookie and a bad length", get("Cookie: a=" + "x" * 9000, "Content-Length: x"), [431]
    for count, expected in [(70, SERVED), (90, [431]), (130, [431]), (174, [431])]:
        yield f"{count} fields", get(*["A:b"] * count), expected
    for size, expected in [(8000, SERVED), (11740, SERVED), (13200, [431]), (15000, [431])]:
        yield f"a field of {size}", get("X-A: " + "x" * size), expected


ROWS = {name: (data, expected) for name, data, expected in rows()}


def read_answers(data):
    """Every head and body in what a connection said, to the last byte."""
    found = []
    while data:
        match = re.match(rb"HTTP/1\.[01] (\d{3}) [^\r\n]*\r\n(.*?\r\n)\r\n", data, re.S)
        assert match, data[:200]
        fields = {}
        for line in match[2].decode("latin-1").split("\r\n")[:-1]:
            name, value = line.split(": ", 1)
            fields[name.lower()] = value
        end = match.end() + int(fields.get("content-length", 0))
        found.append((int(match[1]), fields, data[match.end():end]))
        data = data[end:]
    return found


@pytest.fixture(scope="module")
def shared():
    with Sim("--connectors", "1") as sim, Daemon(sim) as daemon:
        yield daemon


# What only libmicrohttpd sees, it answers with a page of its own: pinned here, row by row.
LIBRARY = {
    *(f"{byte} {place}" for byte in BYTES for place in ("in the version", "after the version")),
    *(f"{byte} {place}" for byte in ("NUL", "LF") for place in ("in a name", "after a name")),
    *(f"LF {place}" for place in ("before the target", "in the target", "after the target",
                                  "in a value")),
    *(f"{byte} {place}" for byte in ("CR", "SOH", "DEL")
      for place in ("before the empty line", "in the empty line")),
    "NUL in the empty line", "no target", "a method and a blank", "no version",
    "a blank after the version", "version 0.9", "version 2.0", "version in lower case",
    "version with a letter", "version without a digit", "HTTP/2 preface", "a longer target",
    "a line without a colon", "a head too long", "too many fields",
}
LIBRARY -= {"LF after the version"}


def check_refusal(name, status, fields, body):
    assert fields["connection"] == "close"
    if name in LIBRARY:
        assert "x-request-id" not in fields, "pinned as the library's, but it is ours"
        return
    problem = json.loads(body)
    assert abs((parsedate_to_datetime(fields["date"]) - datetime.now(timezone.utc)).total_seconds()) < 60
    assert fields["content-type"] == "application/problem+json"
    assert problem["status"] == status
    assert problem["request_id"] == fields["x-request-id"]
    assert fields["cache-control"] == "no-store" and fields["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("via", LISTENERS)
@pytest.mark.parametrize("name", ROWS)
def test_a_head_is_answered_once_and_nothing_behind_it_slips_through(shared, via, name):
    data, expected = ROWS[name]
    client = shared.client() if via == "tcp" else Client(shared, via=via)
    answers = read_answers(client.raw(data + SECOND, shutdown=True))
    assert [status for status, _, _ in answers] == expected
    for status, fields, body in answers:
        if status >= 400:
            check_refusal(name, status, fields, body)
    served = [fields["x-request-id"] for status, fields, _ in answers if status == 200]
    assert served.count("second") == (1 if expected == SERVED else 0)


def executed(shared, data):
    """What came, and whether it is carried out: a reload is logged, and answered."""
    return [status for status, _, _ in read_answers(shared.over_unix().raw(data, shutdown=False))]


@pytest.mark.parametrize("line", ["one field", "fields", "cookie", "cookies"])
def test_no_head_is_near_enough_the_limit_to_get_no_answer(shared, line):
    """Each size up to the end of the memory, in small steps, is answered by one head."""
    make, sizes = {
        "one field": (lambda n: ["X-A: " + "x" * n], range(10500, 16500, 53)),
        "fields": (lambda n: ["A:b"] * n, range(60, 320, 2)),
        "cookie": (lambda n: ["Cookie: a=" + "x" * n], range(3000, 8500, 61)),
        "cookies": (lambda n: ["Cookie: " + "a=b;" * n], range(20, 260, 2)),
    }[line]
    for size in sizes:
        data = get("Connection: close", *make(size), target="/v1/projects")
        statuses = executed(shared, data)
        assert statuses in ([200], [431]), size


def test_what_is_piped_behind_leaves_room_for_each_answer(shared):
    for count in (0, 20, 40, 60, 70):
        data = get(*["A:b"] * count) + get() * 200 + get("Connection: close")
        assert executed(shared, data) == [200] * 202, count
    assert executed(shared, get(*["A:b"] * 90) + get() * 200) == [431]


def test_one_that_does_not_read_takes_no_other_ones_refusal(shared):
    """Stuck in a refusal of the library's, it looks like the one that is refused now."""
    stuck = []
    for count in range(60, 420, 2):
        raw = shared.over_unix().socket()
        raw.sendall(get(target="/healthz") * count + get("X-A"))
        stuck.append(raw)
    for line in ("Content-Length: x", "Cookie: " + "a=b;" * 2000):
        for _ in range(8):
            (status, fields, _), = read_answers(shared.over_unix().raw(get(line), shutdown=True))
            assert status in (400, 431) and "x-request-id" in fields
    for raw in stuck:
        raw.close()


@pytest.mark.parametrize("via", LISTENERS)
@pytest.mark.parametrize("line, status", [
    ("Content-Length: x", 400), ("Content-Length: " + "9" * 30, 413),
    ("Cookie: a=" + "x" * 9000, 431), ("Cookie: " + "a=b;" * 1000, 431), ("X-A: " + "x" * 14000, 431),
    ("Transfer-Encoding: chunked", 411), ("Expect: 100-continue", 400)])
def test_a_refused_head_has_no_body(shared, via, line, status):
    client = shared.client() if via == "tcp" else Client(shared, via=via)
    with client.socket() as raw:
        raw.sendall(get(line, method="HEAD") + SECOND)
        answer = receive_all(raw)
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert answer.index(b"\r\n\r\n") == len(answer) - 4


def test_there_are_more_than_a_hundred():
    assert len(ROWS) >= 100
    assert LIBRARY <= set(ROWS)


def test_a_refused_length_keeps_the_id_of_its_request(shared):
    for text in ("x", "9" * 30):
        data = get(f"Content-Length: {text}", "X-Request-Id: mine")
        (_, fields, _), = read_answers(shared.client().raw(data, shutdown=True))
        assert fields["x-request-id"] == "mine"


def test_a_refused_length_ends_no_other_connection(shared):
    """Which of the connections is meant is found out, not guessed."""
    begun = [shared.client().socket() for _ in range(20)]
    for number, raw in enumerate(begun):
        raw.sendall(get(f"X-Request-Id: kept-{number}")[:-2])
    for text in ("x", "9" * 30):
        client = shared.client()
        statuses = [status for status, _, _ in read_answers(
            client.raw(get(f"Content-Length: {text}"), shutdown=True))]
        assert statuses in ([400], [413])
    for number, raw in enumerate(begun):
        raw.sendall(b"Connection: close\r\n\r\n")
        (status, fields, _), = read_answers(read_all(raw))
        assert status == 200 and fields["x-request-id"] == f"kept-{number}"
        raw.close()


def test_what_the_library_refuses_is_counted(shared):
    def refused():
        text = shared.over_health().get("/metrics").text
        return [int(float(re.search(rf"^mixport_{name} (\S+)$", text, re.M)[1])) for name in (
            "http_library_refusals_total", r'http_problems_total\{code="bad-request"\}')]
    library, ours = refused()
    shared.client().raw(get("X-A"), shutdown=True)
    shared.client().raw(get("Content-Length: x"), shutdown=True)
    assert refused() == [library + 1, ours + 1]


def refuse(shared, via, length):
    """One that has announced a body, and read all that it is told."""
    client = shared.client() if via == "tcp" else Client(shared, via=via)
    raw = client.socket()
    raw.sendall(get(f"Content-Length: {length}", target="/none", method="POST"))
    (status, fields, _), = read_answers(receive_all(raw))
    assert status == (401 if via == "tcp" else 404) and fields["connection"] == "close"
    return raw


def is_cut(raw):
    try:
        raw.send(b"x")
    except OSError:
        return True
    return False


@pytest.mark.parametrize("via", LISTENERS)
def test_a_refused_client_may_send_its_body_to_the_end(shared, via):
    """Many send it in a second piece, and one that cannot does not look for an answer."""
    with refuse(shared, via, 1000000) as raw:
        for _ in range(100):
            raw.sendall(b"x" * 10000)


@pytest.mark.parametrize("via", LISTENERS)
def test_a_refused_client_that_stays_is_cut(shared, via):
    with refuse(shared, via, 1000) as raw:
        wait_until(lambda: is_cut(raw), 10, "the end", interval=0.1)


def test_a_refused_client_that_sends_without_end_is_cut(shared):
    with refuse(shared, "unix", 100000000) as raw, pytest.raises(OSError):
        raw.sendall(b"x" * 100000000)


def test_refused_clients_hold_few_descriptors(shared):
    def held():
        return len(os.listdir(f"/proc/{shared.pid}/fd"))
    before = held()
    refused = [refuse(shared, "tcp", 1000) for _ in range(100)]
    assert held() <= before + 40
    wait_until(lambda: held() <= before + 4, 10, "their end")
    for raw in refused:
        raw.close()

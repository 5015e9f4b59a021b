"""What mixportctl makes of a daemon that tells what needs attention."""

import json
import re

import pytest

from ctl import Answering, Ctl, answer

TIME = "2026-07-28T10:00:00Z"
CONNECTOR = "14cf8bfe-4baa-4c6a-9f7e-1f7a7bd1e001"


def reason(severity, code, detail, connector_id=CONNECTOR, cause=None, project="demo"):
    return {"code": code, "severity": severity, "since": TIME, "detail": detail, "cause": cause,
            "advice": "Do something.", "job_id": None, "project": project,
            "subject": {"kind": "connector", "id": connector_id}}


class Attentive:
    """A daemon of two projects, as far as it is asked here."""

    def __init__(self):
        self.reasons = []
        self.status = "ok"

    def count(self, project=None):
        of = [r["severity"] for r in self.reasons if project in (None, r["project"])]
        return {"critical": of.count("critical"), "warning": of.count("warning")}

    def project(self, name):
        return {"project": name, "project_id": 1, "region": "us", "connectors": 1,
                "jobs_active": 0, "upstream": {"state": "ok"}, "attention": self.count(name),
                "sync": {"synced_at": TIME, "stale": False, "error": None},
                "list_interval_seconds": 1e9}

    def connector(self):
        return {"connector_id": CONNECTOR, "project": "demo", "state": "present", "status": "active",
                "attention": [r for r in self.reasons if r["subject"]["id"] == CONNECTOR],
                "sync": {"synced_at": TIME, "stale": False, "error": None}}

    def __call__(self, method, target):
        path, _, query = target.partition("?")
        query = dict(pair.split("=") for pair in query.split("&") if pair)
        if path == "/readyz":
            return answer('{"status":"ready","reasons":[]}')
        if path == "/v1/health":
            return answer(json.dumps({
                "status": self.status, "version": "0.1.0", "uptime_seconds": 1, "operations_unknown": 0,
                "attention": self.count(), "store": {},
                "projects": [self.project("demo"), self.project("other")]}))
        if path.startswith("/v1/projects/"):
            return answer(json.dumps(self.project(path.rsplit("/", 1)[1])))
        listed = {"/v1/projects": [self.project("demo"), self.project("other")],
                  "/v1/connectors": [self.connector()] if "job_status" not in query else [],
                  "/v1/attention": [r for r in self.reasons
                                    if query.get("project") in (None, r["project"])]}[path]
        page = listed[:int(query["limit"])]
        return answer(json.dumps({"data": page, "has_more": False, "next_cursor": None}))


@pytest.fixture
def attentive():
    return Attentive()


@pytest.fixture
def ctl(attentive, daemon):
    with Answering(attentive) as other:
        yield Ctl(daemon, MIXPORT_URL=other.url, MIXPORT_TOKEN="mxp_0123456789")


def check(ctl, *words, code):
    return ctl("check", "--max-list-age", "36500d", *words, code=code).out


def test_the_worst_reason_and_how_many_there_are(attentive, ctl):
    assert check(ctl, code=0).startswith("MIXPORT OK - ")
    attentive.reasons = [reason("warning", "many-dropped", "7 % dropped")]
    assert re.match(r"MIXPORT WARNING - demo 14cf8bfe many-dropped: 7 % dropped \| "
                    r"critical=0;;0;0 warning=1;0;;0 ", check(ctl, code=1))
    attentive.reasons.insert(0, reason("critical", "failing", "the last 4 jobs failed"))
    assert re.match(r"MIXPORT CRITICAL - demo 14cf8bfe failing: the last 4 jobs failed "
                    r"\(\+1 more\) \| critical=1;;0;0 warning=1;0;;0 ", check(ctl, code=2))


def test_of_one_project_its_own_reasons_count(attentive, ctl):
    attentive.reasons = [reason("critical", "failing", "it failed", project="other"),
                         reason("warning", "paused", "it is paused")]
    assert check(ctl, "-p", "demo", code=1).startswith(
        "MIXPORT WARNING - demo 14cf8bfe paused: it is paused | critical=0;;0;0 warning=1;0;;0")


def test_of_one_connector_its_own_reasons_count(attentive, ctl):
    attentive.reasons = [reason("critical", "failing", "it failed", connector_id="feedfeed"),
                         reason("warning", "paused", "it is paused")]
    assert check(ctl, "--connector", CONNECTOR, code=1).startswith(
        "MIXPORT WARNING - demo 14cf8bfe paused: it is paused | critical=0;;0;0 warning=1;0;;0")


def test_the_status_shows_what_needs_attention(attentive, ctl):
    attentive.reasons = [
        reason("critical", "failing", "the last 4 jobs failed", cause="bucket-permission"),
        reason("warning", "many-dropped", "7 % dropped", project="other")]
    out = ctl.on_terminal("--color", "never", columns=120).out
    assert re.search(r"\ncritical +demo +14cf8bfe +failing +the last 4 jobs failed "
                     r"\(bucket-permission\)\n", out), out
    assert re.search(r"\nwarning +other +14cf8bfe +many-dropped +7 % dropped\n", out)
    assert re.search(r"\ndemo .* 1 critical\n", out) and re.search(r"\nother .* 1 warning\n", out)
    assert [r["code"] for r in json.loads(ctl("status", "-j").out)["attention"]] == \
        ["failing", "many-dropped"]


def test_a_connector_shows_what_is_open_of_it(attentive, ctl):
    attentive.reasons = [reason("critical", "failing", "the last 4 jobs failed")]
    out = ctl("show", CONNECTOR).out
    assert re.search(r"\nattention +critical\n +failing: the last 4 jobs failed\n +Do something\.\n",
                     out), out


def test_no_word_of_whoever_answers_is_obeyed_by_the_terminal(attentive, ctl):
    attentive.status = "odd\x1b[2J"
    attentive.reasons = [reason("\x1b[1m", "\x1b[2m", "\x1b[3m", cause="\x1b[4m")]
    for words in (["status"], ["show", CONNECTOR], ["health"]):
        out = ctl(*words).out
        assert "\x1b" not in out and "\\x1b" in out, out
    assert "\x1b" not in ctl("check", code=None).out
    for word in ("detail", "advice", "code"):
        attentive.reasons[0][word] = "\x1b[31mred"
    out = ctl.on_terminal("attention", "--color", "never").out
    assert "\x1b" not in out and out.count("\\x1b[31mred") == 3, out


def test_what_needs_attention_is_listed(attentive, ctl):
    assert ctl("attention").err == "nothing needs attention\n"
    attentive.reasons = [reason("critical", "failing", "the last 4 jobs failed"),
                         reason("warning", "paused", "it is paused", project="other")]
    lines = ctl("attention").lines
    assert lines[0].split() == ["SEVERITY", "PROJECT", "SUBJECT", "CODE", "SINCE", "DETAIL"]
    assert re.fullmatch(rf"critical +demo +{CONNECTOR} +failing +{TIME} +the last 4 jobs failed. "
                        "Do something.", lines[1])
    assert ctl("attention", "-q", "-p", "other").out == CONNECTOR + "\n"
    assert [r["code"] for r in json.loads(ctl("attention", "-j").out)] == ["failing", "paused"]


def test_a_terminal_shows_the_whole_advice_however_narrow(attentive, ctl):
    attentive.reasons = [reason("critical", "failing", "the last 4 jobs failed"),
                         reason("warning", "paused", "it is paused", project="other")]
    out = ctl.on_terminal("attention", "--color", "never", columns=40).out
    assert re.fullmatch(r"critical  demo  14cf8bfe  failing  \d+[dh]\n"
                        r"  the last 4 jobs failed\n  Do something\.\n\n"
                        r"warning  other  14cf8bfe  paused  \d+[dh]\n"
                        r"  it is paused\n  Do something\.\n", out), out
    assert ctl.on_terminal("attention", "--wide", "--color", "never").lines == ctl("attention").lines


def test_where_nothing_needs_attention_the_dash_has_no_colour(attentive, ctl):
    row = ctl.on_terminal("projects").lines[1]
    assert row.startswith("demo") and row.endswith("  -")
    attentive.reasons = [reason("warning", "paused", "it is paused")]
    assert ctl.on_terminal("projects").lines[1].endswith("\x1b[33m1 warning\x1b[0m")

"""mixportctl reads: which records, whose bytes, in which form."""

import json
import re

import pytest

from ctl import Answering, Ctl, answer
from harness import DEMO_AND_OTHER, OTHER_PROJECT_ID, PROJECT_ID, slow, wait_until

ENTRY = ('{"connector_id":"c-0001","label":"","connector_type":"gcsImport",\n'
         ' "connector_properties":{"gcs_bucket":"b","gcs_prefix":"p/","weight":0.50,"big":1e3},\n'
         ' "category_properties":{"data_format":"mixpanel_event"},"created_at":"2020-09-17T02:17:49Z"}')


@pytest.fixture
def ctl(daemon):
    return Ctl(daemon)


def known(api, count, project="demo"):
    wait_until(lambda: api.project(project)["connectors"] == count, what=f"{count} connectors")


@pytest.fixture
def two(start_sim, start_daemon):
    """A simulator and a daemon with two projects."""
    sim = start_sim(projects=(PROJECT_ID, OTHER_PROJECT_ID))
    return sim, start_daemon(sim, projects=DEMO_AND_OTHER)


# Whose bytes


def test_a_record_is_printed_as_the_api_sent_it(sim, api, ctl):
    sim.put(connector_id="c-0001", text=ENTRY, job=False)
    known(api, 1)
    out = ctl("show", "c-0001", "--json").out
    assert '"weight":0.50,"big":1e3' in out
    record = api.connectors().json["data"][0]
    assert {**json.loads(out), "sync": None} == {**record, "sync": None}


def test_an_array_holds_the_records_as_the_api_sent_them(sim, api, ctl):
    sim.put(connector_id="c-0001", text=ENTRY, job=False)
    sim.put(2, job=False)
    known(api, 3)
    out = ctl("list", "--json").out
    assert '"weight":0.50,"big":1e3' in out
    assert [r["connector_id"] for r in json.loads(out)] == \
        [r["connector_id"] for r in api.connectors().json["data"]]


def test_a_record_a_line_is_one_line_whatever_breaks_it_has(sim, api, ctl):
    sim.put(connector_id="c-0001", text=ENTRY.replace('{"gcs_bucket"', '{\n\r\n"gcs_bucket"'),
            job=False)
    sim.put(1, job=False)
    known(api, 2)
    lines = ctl("list", "--jsonl").lines
    assert len(lines) == 2 and all(json.loads(line)["connector_id"] for line in lines)
    assert any("0.50" in line for line in lines)


def test_an_empty_list_is_an_empty_array_and_a_remark_for_people(ctl):
    assert json.loads(ctl("list", "--json").out) == []
    assert ctl("list", "--jsonl").out == ""
    for command, none in (("list", "no connectors"), ("jobs", "no jobs"),
                          ("operations", "no operations")):
        done = ctl(command)
        assert (done.out, done.err) == ("", none + "\n")


# Which records


def test_all_pages_are_read(start_sim, start_daemon):
    daemon = start_daemon(start_sim("--connectors", "1203"))
    ctl = Ctl(daemon)
    known(daemon.client(), 1203)
    ids = ctl("list", "-q").lines
    assert len(ids) == len(set(ids)) == 1203
    assert [r["connector_id"] for r in json.loads(ctl("list", "-j").out)] == ids
    assert len(ctl("list").lines) == 1204


def test_jobs_are_twenty_unless_said(start_sim, start_daemon):
    daemon = start_daemon(start_sim("--connectors", "3", "--jobs", "30"))
    daemon.client().refresh()
    ctl = Ctl(daemon)
    assert len(ctl("jobs", "-q").lines) == 20
    assert len(json.loads(ctl("jobs", "--json").out)) == 20
    assert len(ctl("jobs", "-q", "-n", "600").lines) == 90
    newest = [r["job_id"] for r in daemon.client().get("/v1/jobs?limit=5").json["data"]]
    assert ctl("jobs", "-n", "5", "-q").lines == newest


def test_filters_reach_the_api(sim, api, ctl):
    good, bad = sim.put(2, job=False)
    sim.put(connector={"label": "named one"}, job=False)
    sim.add_job(good, queued_ms=0, running_ms=0)
    sim.add_job(bad, queued_ms=0, running_ms=0, fail="permissions")
    wait_until(lambda: ctl("list", "--job-status", "failed", "-q").lines == [bad])
    assert ctl("list", "--job-status", "succeeded", "-q").lines == [good]
    assert len(ctl("list", "--label", "named one", "-q").lines) == 1
    assert len(ctl("list", "--type", "gcsImport", "-q").lines) == 3
    assert ctl("list", "--type", "s3Import", "-q").lines == []
    assert len(ctl("list", "--format", "mixpanel_event", "--kind", "cloud_import", "-q").lines) == 3
    assert ctl("list", "--state", "deleted", "-q").lines == []
    assert ctl("list", "--sort", "-created_at", "-q").lines == \
        ctl("list", "-q").lines[::-1]
    assert len(ctl("jobs", "--status", "failed,succeeded", "-q").lines) == 2
    assert len(ctl("jobs", bad[:8], "-q").lines) == 1
    assert ctl("jobs", "--since", "2099-01-01", "-q").lines == []


def test_commands_that_read_take_all_projects(two):
    sim, daemon = two
    ctl = Ctl(daemon)
    sim.put(2, project=PROJECT_ID, job=False)
    sim.put(1, project=OTHER_PROJECT_ID, job=False)
    known(daemon.client(), 2)
    known(daemon.client(), 1, "other")
    assert len(ctl("list", "-q").lines) == 3
    assert len(ctl("-p", "demo", "list", "-q").lines) == 2
    assert len(ctl("list", "-q", "-p", str(OTHER_PROJECT_ID)).lines) == 1
    assert ctl("projects", "-q").lines == ["demo", "other"]
    assert ctl("projects", "-q", "-p", "other").lines == ["other"]
    assert [p["project"] for p in json.loads(ctl("projects", "-j", "-p", "other").out)] == ["other"]


def test_a_token_for_one_project_sees_that_one(two, tmp_path):
    _, daemon = two
    file = tmp_path / "token"
    file.write_text(daemon.tokens["limited"].secret + "\n")
    file.chmod(0o600)
    ctl = Ctl(daemon, MIXPORT_URL=f"http://127.0.0.1:{daemon.port}", MIXPORT_TOKEN_FILE=file)
    assert ctl("projects", "-q").lines == ["demo"]
    assert "[project-not-found]" in ctl("list", "-p", "other", code=4).err


# What a name means


@pytest.fixture
def named(sim, api):
    for connector_id in ("14cf8bfe-4baa-4c6a-9f7e-1f7a7bd1e001",
                         "14cf0a11-9c02-4c6a-9f7e-1f7a7bd1e002", "feed", "feed-more"):
        sim.put(connector_id=connector_id, job=False)
    sim.put(connector_id="aaaa-1", connector={"label": "team/a b"}, job=False)
    sim.put(connector_id="bbbb-1", connector={"label": "twice"}, job=False)
    sim.put(connector_id="bbbb-2", connector={"label": "twice"}, job=False)
    known(api, 7)


def test_a_beginning_is_enough_where_one_fits(named, ctl):
    assert ctl("show", "14cf8", "-q").out == "14cf8bfe-4baa-4c6a-9f7e-1f7a7bd1e001\n"
    assert ctl("show", "demo/14cf8", "-q").out == "14cf8bfe-4baa-4c6a-9f7e-1f7a7bd1e001\n"
    assert ctl("-p", "demo", "show", "aaaa", "-q").out == "aaaa-1\n"


def test_several_that_fit_are_named(named, ctl):
    err = ctl("show", "14cf", code=4).err
    assert err in ('mixportctl: "14cf" fits 2 connectors: 14cf8bfe-4baa…, 14cf0a11-9c02…\n',
                   'mixportctl: "14cf" fits 2 connectors: 14cf0a11-9c02…, 14cf8bfe-4baa…\n')
    assert 'fits 2 connectors' in ctl("show", "label:twice", code=4).err


def test_a_whole_id_wins_also_when_it_begins_another(named, ctl):
    assert ctl("show", "feed", "-q").out == "feed\n"


def test_a_label_is_the_rest_of_the_word(named, ctl):
    assert ctl("show", "label:team/a b", "-q").out == "aaaa-1\n"
    assert ctl("show", "demo/label:team/a b", "-q").out == "aaaa-1\n"
    assert "has the label" in ctl("show", "label:team", code=4).err


def test_a_deleted_one_is_found_by_its_whole_id_only(sim, api, named, ctl):
    sim.remove("aaaa-1")
    wait_until(lambda: api.connector("aaaa-1").json["state"] == "deleted", what="it is deleted")
    assert ctl("show", "aaaa-1", "-q").out == "aaaa-1\n"
    assert "deleted" in ctl("show", "aaaa", code=4).err


def test_jobs_and_operations_are_found_by_eight_characters(sim, api, ctl):
    connector_id, = sim.put(1)
    job_id = wait_until(lambda: ctl("jobs", "-q").out.strip(), what="a job")
    assert ctl("show", job_id[:8], "-q").out == job_id + "\n"
    assert json.loads(ctl("show", job_id, "--json").out)["connector_id"] == connector_id
    assert ctl("show", job_id[:7], code=64).err == \
        f'mixportctl: "{job_id[:7]}" is too short for an id: 8 characters or more\n'
    assert "no job begins" in ctl("show", "job_nosuchjob", code=4).err
    api.remove(connector_id)
    operation = ctl("operations", "-q").out.strip()
    assert operation.startswith("op_")
    assert ctl("show", operation[:8], "-q").out == operation + "\n"
    assert json.loads(ctl("show", operation, "--json").out)["kind"] == "delete"
    assert ctl("operations", "--kind", "create", "-q").lines == []


def test_one_id_in_two_projects_needs_the_project(two, ctl):
    """Mixpanel does not do that, but two of its projects could."""
    records = [{"connector_id": "same-id", "project": project, "state": "present"}
               for project in ("demo", "other")]
    page = json.dumps({"data": records, "has_more": False, "next_cursor": None})
    with Answering(answer(page)) as both:
        err = ctl("show", "same-id", "--url", both.url, code=4,
                  env={"MIXPORT_TOKEN": "mxp_0123456789"}).err
    assert err == 'mixportctl: "same-id" is in 2 projects: demo, other; -p PROJECT\n'
    assert "name different projects" in ctl("show", "other/same-id", "-p", "demo", code=64).err


def test_the_history_of_a_job_is_its_snapshots(sim, api, ctl):
    connector_id, = sim.put(job=False)
    sim.verbatim_job(connector_id, status="running", start_time="1600309069", progress=0.25)
    job_id = wait_until(lambda: ctl("jobs", "-q").out.strip(), what="a job")
    sim.alter_job(connector_id, job={"progress": 0.5})
    wait_until(lambda: len(ctl("show", job_id, "--history").rows) == 2, what="two snapshots")
    snapshots = json.loads(ctl("show", job_id, "--history", "--json").out)
    assert [s["progress"] for s in snapshots] == [0.25, 0.5]
    ctl("show", connector_id, "--history", code=64)


# For people


def test_tables_have_whole_ids_and_times_where_nobody_looks(sim, api, ctl):
    connector_id, = sim.put(1)
    wait_until(lambda: ctl("jobs", "-q").out, what="a job")
    head, row = ctl("list").lines
    assert re.split(" {2,}", head)[:4] == ["ID", "PROJECT", "STATUS", "JOB"]
    assert row.split()[0] == connector_id
    assert re.search(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", row)
    assert "\x1b" not in row and "…" not in row


def test_a_record_is_shown_by_its_facts(sim, api, ctl):
    connector_id, = sim.put(1, connector={"label": "shop"})
    wait_until(lambda: ctl("jobs", "-q").out, what="a job")
    facts = dict(re.split(r"\s+", line, maxsplit=1) for line in ctl("show", connector_id).lines)
    assert facts["connector"] == connector_id
    assert facts["label"] == "shop"
    assert facts["source"].startswith("gs://")
    assert facts["state"] == "present"


def test_what_a_label_hides_is_shown_escaped(sim, api, ctl):
    label = "a\x1b[31mred\x07\u202egnp\u009b\\n\nb\u2603"
    sim.put(connector={"label": label}, job=False)
    known(api, 1)
    shown = "a\\x1b[31mred\\x07\\xe2\\x80\\xaegnp\\xc2\\x9b\\x5cn\\x0ab\u2603"
    for out in (ctl("list").out, ctl("show", ctl("list", "-q").out.strip()).out):
        assert shown in out
        assert not set(out) & {"\x1b", "\x07", "\u202e", "\u009b", "\\n"}
    assert json.loads(ctl("list", "-j").out)[0]["label"] == label
    assert shown in ctl("show", "label:" + label + "x", code=4).err.replace("bx", "b")


def test_the_status_is_one_screen(start_sim, start_daemon):
    daemon = start_daemon(start_sim("--connectors", "3", "--jobs", "2", "--active", "1"))
    api = daemon.client()
    api.refresh()
    ctl = Ctl(daemon)
    out = ctl().out
    assert re.match(r"mixportd \S+   up \d+\w.*   " + re.escape(str(daemon.socket)) +
                    r"   database \d+ KiB, \d+ \w+ free\n\nPROJECT +UPSTREAM +LIST", out), out
    assert re.search(r"\ndemo +ok +\S+ +3 +1 ", out), out
    assert re.search(r"\nrunning +demo +\S+ +gs://\S+ +\d+ % .* events\n", out), out
    whole = json.loads(ctl("status", "--json").out)
    assert whole["health"]["status"] == "ok"
    assert [p["project"] for p in whole["projects"]] == ["demo"]
    assert [r["latest_job"]["status"] for r in whole["running"]] == ["running"]
    assert len(ctl("status", "--jsonl").lines) == 1
    assert ctl("status", "-q").out == ""


def test_health_is_0_whatever_it_says(sim, api, ctl):
    sim.fault("status", count=-1, status=401)
    wait_until(lambda: json.loads(ctl("health", "--json").out)["status"] == "degraded")
    assert "status        degraded" in ctl("health").out


def test_ten_thousand_connectors_are_listed_within_a_second(start_sim, start_daemon):
    """The time of the fastest of a few: others use the machine too."""
    import time
    daemon = start_daemon(start_sim("--connectors", "10000"),
                          config={"project demo": {"list_interval": "1h", "idle_interval": "1h",
                                                   "status_interval": "1h"}})
    ctl = Ctl(daemon)
    wait_until(lambda: daemon.client().project()["connectors"] == 10000, 60, "all are known")

    def seconds():
        began = time.monotonic()
        assert len(ctl("list").lines) == 10001
        return time.monotonic() - began

    wait_until(lambda: seconds() < slow(1), 60, "the list in less than a second")

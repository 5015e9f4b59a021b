"""mixportctl follows what happens: wait, watch, create --wait."""

import json
import os
import pty
import re
import shutil
import signal
import subprocess

import pytest

from ctl import MIXPORTCTL, Ctl
from harness import SLOW, slow, wait_until

RUNNING = {"status": "running", "start_time": "1600309069", "progress": 0.25}
COMPLETE = {"status": "success", "start_time": "1600309069", "end_time": "1600309290",
            "progress": 1, "connector_properties": {"num_events_imported": 662938,
                                                    "num_events_dropped": 663,
                                                    "num_files_imported": 1}}
FAILED = {"status": "failed", "start_time": "1600309069", "end_time": "1600309290",
          "error": {"code": "invalid_permissions_gcs", "message": "no access"}}


@pytest.fixture
def ctl(daemon):
    return Ctl(daemon)


@pytest.fixture
def connector_id(sim, api):
    connector_id, = sim.put(1, job=False)
    wait_until(lambda: api.project()["connectors"] == 1, what="it is known")
    return connector_id


def job_of(ctl):
    return wait_until(lambda: ctl("jobs", "-q").out.strip(), what="a job")


@pytest.fixture
def job_id(sim, ctl, connector_id):
    """A job that runs until it is told otherwise."""
    sim.verbatim_job(connector_id, **RUNNING)
    return job_of(ctl)


class Running:
    """A mixportctl that runs on its own; its lines are read from files."""

    def __init__(self, ctl, folder, *arguments):
        self.out_file, self.err_file = folder / "out", folder / "err"
        self.ctl = ctl
        with open(self.out_file, "wb") as out, open(self.err_file, "wb") as err:
            self.process = subprocess.Popen([MIXPORTCTL, *map(str, arguments)], env=ctl.env,
                                            stdin=subprocess.DEVNULL, stdout=out, stderr=err)

    @property
    def out(self):
        return self.out_file.read_text()

    @property
    def err(self):
        return self.err_file.read_text()

    def until(self, condition, what=None):
        """Waits until it holds of what it has printed."""
        return wait_until(lambda: condition(self.out, self.err), 20, what or "what is printed")

    def ends(self, code):
        ended = self.process.wait(slow(30))
        self.ctl.daemon.assert_no_secret((self.out + self.err).encode(), "what it printed")
        assert ended == code, (ended, self.out, self.err)
        return self

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)
        return self.ends(130)


@pytest.fixture
def start(ctl, tmp_path):
    """Starts one that is ended with the test."""
    running = []

    def begin(*arguments):
        folder = tmp_path / str(len(running))
        folder.mkdir()
        running.append(Running(ctl, folder, *arguments))
        return running[-1]

    yield begin
    for one in running:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()


def waits(one):
    """Once it has asked for what comes next."""
    one.until(lambda out, err: "/v1/events?since=evt" in err, "it waits")
    return one


# wait


def test_a_job_that_succeeds_is_0(sim, start, connector_id, job_id):
    one = start("wait", job_id)
    one.until(lambda out, err: f"{job_id}  running\n" in err)
    sim.alter_job(connector_id, job=COMPLETE)
    one.ends(0)
    assert one.out == f"{job_id}  succeeded  3m41s  662,938 imported, 663 dropped, 1 file\n"
    assert one.err == f"{job_id}  running\n{job_id}  succeeded\n"


def test_a_job_that_is_over_is_told_at_once(sim, ctl, connector_id, job_id):
    sim.alter_job(connector_id, job=COMPLETE)
    wait_until(lambda: ctl("jobs", "--status", "succeeded", "-q").out, what="it is over")
    assert ctl("wait", job_id[:8]).out.startswith(f"{job_id}  succeeded  ")
    assert ctl("wait", connector_id).out.startswith(f"{job_id}  succeeded  ")
    assert json.loads(ctl("wait", job_id, "--json").out)["job_id"] == job_id
    assert ctl("wait", job_id, "-q").out == job_id + "\n"


@pytest.mark.parametrize("change,said", [
    (FAILED, "failed  3m41s  invalid_permissions_gcs: no access"),
    ({**FAILED, "status": "cancelled", "error": {"message": "2 GB"}}, "cancelled  3m41s  2 GB"),
])
def test_a_job_that_ends_badly_is_2(sim, start, connector_id, job_id, change, said):
    one = start("wait", connector_id[:8])
    one.until(lambda out, err: f"{job_id}  running\n" in err)
    sim.alter_job(connector_id, job=change)
    assert one.ends(2).out == f"{job_id}  {said}\n"


def test_a_job_that_vanishes_is_2(sim, start, connector_id, job_id):
    one = start("wait", job_id)
    one.until(lambda out, err: f"{job_id}  running\n" in err)
    sim.drop_job(connector_id)
    assert one.ends(2).out.startswith(f"{job_id}  gone")


def test_a_connector_waits_for_its_first_job(sim, start, connector_id):
    one = waits(start("wait", connector_id, "-v"))
    sim.verbatim_job(connector_id, **COMPLETE)
    assert "succeeded" in one.ends(0).out


def test_a_connector_that_is_deleted_meanwhile_is_2(sim, start, connector_id):
    one = waits(start("wait", connector_id, "-v"))
    sim.remove(connector_id)
    assert f"connector {connector_id} is deleted" in one.ends(2).err


def test_success_goes_on_past_jobs_that_failed(sim, ctl, start, connector_id):
    sim.verbatim_job(connector_id, **FAILED)
    first = job_of(ctl)
    one = waits(start("wait", connector_id, "--for", "success", "-v"))
    sim.verbatim_job(connector_id, **{**COMPLETE, "start_time": "1600400000",
                                      "end_time": "1600400001"})
    out = one.ends(0).out
    assert "  succeeded  1s" in out and first not in out


def test_changed_is_any_event_of_it(sim, start, connector_id, job_id):
    one = waits(start("wait", connector_id, "--for", "changed", "-v"))
    sim.alter_job(connector_id, job={"progress": 0.5})
    assert "job.updated" in one.ends(0).out
    one = waits(start("wait", job_id, "--for", "changed", "-v", "--json"))
    sim.alter_job(connector_id, job={"progress": 0.75})
    assert json.loads(one.ends(0).out)["type"] == "job.updated"


def test_that_the_time_is_up_is_3(ctl, job_id, connector_id):
    assert "the time is up" in ctl("wait", job_id, "--timeout", "1s", code=3).err
    assert "--for is done" in ctl("wait", job_id, "--for", "ever", code=64).err


def test_a_daemon_that_is_killed_is_waited_for(sim, daemon, start, connector_id, job_id):
    one = waits(start("wait", job_id, "-v"))
    daemon.kill()
    one.until(lambda out, err: "< nothing" in err, "it has lost the daemon")
    sim.alter_job(connector_id, job=COMPLETE)
    daemon.start()
    assert f"{job_id}  succeeded" in one.ends(0).out


def test_a_database_put_back_costs_a_look_at_the_record(sim, daemon, start, connector_id, tmp_path):
    """Whose feed has another name: the position is gone."""
    daemon.stop()
    copy = tmp_path / "copy"
    shutil.copy(daemon.folder / "mixportd.db", copy)
    daemon.start()
    one = waits(start("wait", connector_id, "-v"))
    daemon.stop()
    # Beside the other one, so that it is another file.
    shutil.copy(copy, daemon.folder / "put-back")
    (daemon.folder / "put-back").rename(daemon.folder / "mixportd.db")
    daemon.start()
    one.until(lambda out, err: "< 410 " in err, "the position is gone")
    sim.verbatim_job(connector_id, **COMPLETE)
    assert "succeeded" in one.ends(0).out


def test_where_no_daemon_is_nothing_is_waited_for(ctl):
    ctl("wait", "feedfeed", "--socket", "/nowhere", code=69)
    ctl("watch", "--socket", "/nowhere", code=69)


CREATE = ["create", "gs://bucket/events/", "--format", "mixpanel_event"]


def unknown(sim, ctl):
    sim.fault("drop-after", "create")
    sim.fault("status", "list", count=-1)
    err = ctl(*CREATE, code=5).err
    return re.search(r"follow it: mixportctl wait (op_\w+)\n", err)[1]


def test_an_operation_that_turns_out_well_is_0(sim, ctl, start):
    operation = unknown(sim, ctl)
    one = waits(start("wait", operation, "-v"))
    sim.no_faults()
    assert one.ends(0).out == f"{operation}  succeeded  {sim.created()[0]}\n"


def test_an_operation_that_is_refused_is_2(sim, ctl):
    sim.refuse("create", 400)
    ctl(*CREATE, code=6)
    operation = ctl("operations", "-q").out.strip()
    assert ctl("wait", operation, code=2).out.startswith(f"{operation}  rejected  ")


def test_an_operation_that_nobody_can_tell_of_is_5_with_what_to_type(sim, start_daemon):
    ctl = Ctl(start_daemon(sim, config={"project demo": {"write_timeout": "500ms"}}))
    sim.fault("drop-before", "create")
    ctl(*CREATE, code=5)
    operation = ctl("operations", "-q").out.strip()
    done = ctl("wait", operation, "--timeout", "30s", code=5)
    assert f"mixportctl resolve {operation} --created REF|--not-created --reason TEXT" in done.err
    assert done.out.startswith(f"{operation}  unknown")


# create --wait


def test_a_create_waits_for_its_first_job(sim, ctl):
    sim.settings(queued_ms=200, running_ms=300)
    lines = ctl(*CREATE, "--wait").lines
    assert lines[0] == f"created {sim.created()[0]}"
    assert re.match(r"job_\w+  succeeded  ", lines[1]) and len(lines) == 2


def test_a_create_whose_first_job_fails_is_2(sim, ctl):
    sim.settings(queued_ms=100, running_ms=100)
    done = ctl("create", "gs://bucket/fail/permissions", "--format", "mixpanel_event", "--wait",
               "-j", code=2)
    assert json.loads(done.out)["connector_id"] == sim.created()[0]


@pytest.mark.parametrize("columns", [80, 120])
def test_a_bar_shows_how_it_gets_on(sim, ctl, columns):
    sim.settings(queued_ms=200, running_ms=1500)
    out = ctl.on_terminal(*CREATE, "--wait", columns=columns).out
    bars = re.findall(r"\r(job_\w{10}…  running  \[(#*)(\.*)\] +(\d+) %[^\r\x1b]*)", out)
    assert len(bars) > 2, out
    for line, done, left, percent in bars:
        assert len(done + left) == 40 and len(line) < columns
        assert abs(len(done) - int(percent) * 40 / 100) <= 1
    assert len(bars) <= 4 * (2 * SLOW + 4)
    assert re.search(r"\r\x1b\[Kjob_\w{26}  (\x1b\[32m)?succeeded", out)


def test_a_dumb_terminal_gets_lines(sim, ctl):
    sim.settings(queued_ms=100, running_ms=300)
    out = ctl.on_terminal(*CREATE, "--wait", env={"TERM": "dumb"}).out
    assert "\x1b" not in out and "  running\n" in out


# watch


def test_each_event_is_a_line(sim, ctl, start, connector_id, job_id):
    one = start("watch", "--since", "oldest")
    one.until(lambda out, err: "job.created" in out)
    sim.alter_job(connector_id, job=FAILED)
    one.until(lambda out, err: "job.failed" in out)
    line, = [line for line in one.interrupt().out.splitlines() if "job.failed" in line]
    assert re.fullmatch(rf"\d{{4}}-\d\d-\d\dT\S+Z  job\.failed  demo  {connector_id}  {job_id}  "
                        r"invalid_permissions_gcs: no access", line), line


def test_a_job_that_has_not_begun_has_no_figures(sim, start, connector_id):
    one = start("watch", "--since", "oldest", "--type", "job.*")
    sim.add_job(connector_id, queued_ms=60000)
    one.until(lambda out, err: "job.created" in out)
    line, = one.interrupt().out.splitlines()
    assert re.fullmatch(rf"\S+  job\.created  demo  {connector_id}  job_\w+  queued", line), line


def test_json_is_the_bytes_of_the_events(api, start, job_id):
    text = api.get("/v1/events?since=oldest").text
    count = len(json.loads(text)["data"])
    for form in ("--json", "--jsonl"):
        one = start("watch", "--since", "oldest", form)
        one.until(lambda out, err: out.count("\n") >= count)
        lines = one.interrupt().out.splitlines()
        assert all(line in text for line in lines[:count])


def test_it_begins_now_unless_said(sim, start, connector_id, job_id):
    one = waits(start("watch", "-v", "-q"))
    sim.alter_job(connector_id, job={"progress": 0.5})
    one.until(lambda out, err: out)
    assert re.fullmatch(r"(evt_[0-9a-z]{8}_\d+\n)+", one.interrupt().out)


def test_what_is_watched_can_be_chosen(sim, ctl, start, connector_id, job_id):
    other, = sim.put(1, job=False)
    wait_until(lambda: len(ctl("list", "-q").lines) == 2, what="both are known")
    one = start("watch", connector_id, "--since", "oldest", "--type", "job.*,connector.created")
    one.until(lambda out, err: "job.created" in out)
    out = one.interrupt().out
    assert other not in out and "history" not in out and "connector.created" in out
    assert "mixportctl: --type: " in ctl("watch", "--type", "odd", code=6).err
    ctl("watch", "--since", "whenever", code=6)


def test_it_goes_on_when_the_daemon_restarts(sim, daemon, start, connector_id, job_id):
    one = waits(start("watch", "--type", "daemon.started,job.updated", "-v"))
    daemon.restart()
    one.until(lambda out, err: "daemon.started" in out)
    sim.alter_job(connector_id, job={"progress": 0.5})
    one.until(lambda out, err: "job.updated" in out)
    assert one.interrupt().out.count("daemon.started") == 1


def test_a_terminal_gets_short_lines(ctl, job_id):
    master, slave = pty.openpty()
    process = subprocess.Popen([MIXPORTCTL, "watch", "--since", "oldest", "--type", "job.*"],
                               env={**ctl.env, "NO_COLOR": "1"}, stdin=slave, stdout=slave,
                               stderr=slave)
    os.close(slave)
    text = os.read(master, 4096).decode()
    process.kill()
    process.wait()
    os.close(master)
    assert re.match(rf"\d\d:\d\d:\d\dZ  job\.\w+  demo  \S{{8}}  {job_id[:10]}…  ", text), text


# watch --state


def ids(text):
    return [json.loads(line)["id"] for line in text.splitlines()]


def test_a_state_is_gone_on_from(sim, start, tmp_path, connector_id, job_id):
    state = tmp_path / "state"
    state.write_text("")
    words = ["watch", "--state", state, "--since", "oldest", "--json"]
    one = start(*words)
    one.until(lambda out, err: "job.created" in out and
              state.read_text() == ids(out)[-1] + "\n", "the position")
    first = ids(one.interrupt().out)
    assert state.read_text() == first[-1] + "\n"
    sim.alter_job(connector_id, job={"progress": 0.5})
    one = start(*words)
    one.until(lambda out, err: "job.updated" in out)
    second = ids(one.interrupt().out)
    assert not set(first) & set(second)
    numbers = [int(event.rsplit("_", 1)[1]) for event in first + second]
    assert numbers == list(range(1, len(numbers) + 1))
    left = {p.name for p in tmp_path.iterdir() if p.name.startswith("state")}
    assert left <= {"state", "state.lock", "state.new"}


def test_a_position_is_there_before_the_first_event(start, tmp_path, ctl):
    state = tmp_path / "state"
    one = start("watch", "--state", state, "--type", "job.failed")
    wait_until(state.exists, what="the position")
    assert re.fullmatch(r"evt_[0-9a-z]{8}_\d+\n", state.read_text())
    one.interrupt()


def test_garbage_in_a_state_is_74(ctl, tmp_path):
    state = tmp_path / "state"
    for text in ("nonsense\n", "evt_abcdefgh_\n", "now\n"):
        state.write_text(text)
        assert "does not hold the id of an event" in ctl("watch", "--state", state, code=74).err
        assert state.read_text() == text
    ctl("watch", "--state", "/nowhere/state", code=74)


def test_there_is_one_watcher_for_each_state(ctl, start, tmp_path):
    state = tmp_path / "state"
    start("watch", "--state", state)
    wait_until(state.exists, what="the position")
    assert "another watcher has it" in ctl("watch", "--state", state, code=74).err


def test_a_position_that_is_gone_is_1_and_stays_in_the_file(ctl, tmp_path):
    state = tmp_path / "state"
    state.write_text("evt_aaaaaaaa_5\n")
    err = ctl("watch", "--state", state, code=1).err
    assert "[cursor-gone]" in err and "--since oldest" in err
    assert state.read_text() == "evt_aaaaaaaa_5\n"


# watch --exec

PROGRAM = """#!/bin/sh
{{ cat; echo "$MIXPORT_EVENT_TYPE $MIXPORT_EVENT_ID $MIXPORT_EVENT_PROJECT" \\
    "${{MIXPORT_EVENT_CONNECTOR_ID-none}}" "${{MIXPORT_EVENT_JOB_ID-none}}"; }} >>{out}
{then}
"""


@pytest.fixture
def program(tmp_path):
    """Makes a program that writes down what it was given."""
    out = tmp_path / "given"
    out.write_text("")

    def make(then="exit 0"):
        path = tmp_path / "program"
        path.write_text(PROGRAM.format(out=out, then=then))
        path.chmod(0o755)
        return path, out

    return make


def test_a_program_is_run_for_each_event(start, program, connector_id, job_id):
    path, out = program()
    one = start("watch", "--since", "oldest", "--exec", path)
    wait_until(lambda: "job.created" in out.read_text(), what="the job's event")
    assert one.interrupt().out == ""
    lines = out.read_text().splitlines()
    for document, told in zip(lines[::2], lines[1::2]):
        event = json.loads(document)
        assert told == " ".join([event["type"], event["id"], event["project"] or "",
                                 event["connector_id"] or "none", event["job_id"] or "none"])


def test_a_program_gets_the_environment_but_no_token(daemon, ctl, start, program, tmp_path):
    path, _ = program(then=f"env >{tmp_path}/env; exit 0")
    ctl.env.pop("MIXPORT_SOCKET")
    ctl.env.update(MIXPORT_TOKEN=daemon.tokens["read"].secret, ELSE="kept",
                   MIXPORT_URL=f"http://127.0.0.1:{daemon.port}")
    start("watch", "--since", "oldest", "--exec", path)
    wait_until(lambda: (tmp_path / "env").exists() and
               "MIXPORT_EVENT_ID=" in (tmp_path / "env").read_text(), what="it was run")
    given = (tmp_path / "env").read_text().splitlines()
    assert "ELSE=kept" in given and f"MIXPORT_URL=http://127.0.0.1:{daemon.port}" in given
    assert not [line for line in given if line.startswith("MIXPORT_TOKEN=")]


def test_a_program_that_fails_is_tried_again_and_holds_the_position(start, program, tmp_path):
    state = tmp_path / "state"
    path, out = program(then=f"test -e {tmp_path}/good")
    one = start("watch", "--since", "oldest", "--state", state, "--exec", path)
    one.until(lambda _, err: "ended with 1 for evt_" in err and "again in 1s" in err)
    one.until(lambda _, err: "again in 5s" in err)
    assert out.read_text().count("daemon.started evt_") == 2 and not state.exists()
    (tmp_path / "good").write_text("")
    wait_until(lambda: "upstream.changed" in out.read_text(), 20, "the next event")
    assert out.read_text().count("daemon.started evt_") == 3
    wait_until(lambda: state.exists() and state.read_text() != "", what="the position")
    one.interrupt()


def test_failures_are_skipped_when_told(start, program, tmp_path):
    state = tmp_path / "state"
    path, out = program(then="exit 3")
    one = start("watch", "--since", "oldest", "--state", state, "--exec", path, "--skip-failures")
    wait_until(lambda: "upstream.changed" in out.read_text(), what="the next event")
    wait_until(state.exists, what="the position")
    assert "ended with 3 for evt_" in one.interrupt().err and "skipped" in one.err


@pytest.mark.parametrize("name", ["/nowhere/program", "no-such-program-here", ""])
def test_a_program_that_is_not_there_is_64(ctl, name):
    assert f"--exec {name}: " in ctl("watch", "--exec", name, code=64).err


def test_a_name_is_looked_for_in_the_path(start, tmp_path, ctl, program):
    path, out = program()
    ctl.env["PATH"] = f"{tmp_path}:{ctl.env['PATH']}"
    start("watch", "--since", "oldest", "--exec", "program")
    wait_until(lambda: "upstream.changed" in out.read_text(), what="an event")

"""tools/demo, as README.md has its reader start it, but with what is built already."""

import os
import re
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest

from ctl import environment, on_terminal
from harness import BUILD, SANITIZER, slow, wait_until

DEMO = Path(os.environ["srcdir"]) / "tools" / "demo"

# Each takes the usual ports when they are free.
pytestmark = pytest.mark.xdist_group("demo")


@pytest.fixture
def folder():
    with tempfile.TemporaryDirectory(prefix="demo-") as folder:
        yield Path(folder)
        assert not os.listdir(folder), "files are left"


def demo_environment(folder):
    return environment(folder, TMPDIR=folder, builddir=BUILD)


def started_by(session, folder):
    """The processes of a session, and those that have to do with a folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            fields = (path / "stat").read_text().rsplit(")", 1)[1].split()
            words = (path / "cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):  # it has just ended
            continue
        if fields[0] != "Z" and (int(fields[3]) == session or str(folder).encode() in words):
            found.append(words.replace(b"\0", b" ").decode())
    return found


def start(folder, *options):
    return subprocess.Popen([DEMO, *options], env=demo_environment(folder), stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                            start_new_session=True)


def answer_to(out, command):
    """What stands between a command, given by how it begins, and the next."""
    assert f"\n$ {command}" in out, out
    return re.split(r"\n\$ |\n== ", out.split(f"\n$ {command}", 1)[1])[0]


def assert_all_is_gone(process, folder):
    wait_until(lambda: not started_by(process.pid, folder), what="no process is left")


def test_it_tells_its_story_within_a_minute_and_leaves_nothing(folder):
    process = start(folder, "--once")
    out, _ = process.communicate(timeout=slow(60))
    assert process.returncode == 0 and not SANITIZER.search(out), out
    assert_all_is_gone(process, folder)

    followed = answer_to(out, "mixportctl create gs://demo-bucket/exports/")
    import_id = re.search(r"\ncreated (\S+)\n", followed)[1]
    assert re.search(r"\njob_\w+  succeeded  \d+s  [\d,]+ imported, [\d,]+ dropped, \d+ files\n",
                     followed), followed
    again = out.split("\n$ mixportctl create gs://demo-bucket/exports/")[2]
    assert f"{import_id} imports the same already" in again and "(exit status 6)" in again

    failing = answer_to(out, "mixportctl create gs://demo-bucket/fail")
    failing_id = re.search(r"\ncreated (\S+)\n", failing)[1]
    assert re.search(r"\njob_\w+  failed  \d+s  invalid_permissions_gcs: ", failing)
    assert "(exit status 2)" in failing

    for event, of in (("connector.created", import_id), ("job.succeeded", import_id),
                      ("connector.created", failing_id), ("job.failed", failing_id),
                      ("attention.raised", failing_id), ("connector.deleted", import_id)):
        assert re.search(rf"\nwatch \| \S+  {event}  demo  {of}  ", out), (event, out)

    status = out.split("\n$ mixportctl\n")[2]
    assert re.search(rf"\nwarning  demo  {failing_id}  failing  .*\(bucket-permission\)\n", status)
    assert failing_id in answer_to(out, "mixportctl attention")
    assert "Let Mixpanel's service account read the bucket" in answer_to(out, "mixportctl attention")

    assert "\nHTTP 200" in answer_to(out, "curl http://localhost/v1/attention")
    first, second = re.findall(r"\nHTTP (\d+), ETag: (.*)", out.split("over TCP with a token")[1])
    assert (first[0], second[0]) == ("200", "304") and first[1] == second[1]
    assert '"type":"connector.deleted"' in out.split("(now the call that waits is answered)")[1]


def test_on_a_terminal_there_is_a_bar_and_no_line_of_the_watch_is_wider(folder):
    done = on_terminal([DEMO, "--once"], demo_environment(folder), columns=80)
    assert done.code == 0, done
    assert re.search(r"  running  \[#+\.+\]  \d+ %", done.out)
    told = re.findall(r"watch \| .*", done.out)
    assert any("  job.failed  " in line for line in told) and max(map(len, told)) <= 80, told


@pytest.mark.parametrize("moment", ["queued", "all of it runs on"])
def test_a_ctrl_c_ends_all_that_it_started(folder, moment):
    process = start(folder)
    out = ""
    while moment not in out:
        line = process.stdout.readline()
        assert line, out
        out += line
    os.killpg(process.pid, signal.SIGINT)
    out += process.communicate(timeout=slow(20))[0]
    assert process.returncode == (130 if moment == "queued" else 0), out
    assert_all_is_gone(process, folder)


def test_it_says_how_it_is_called(folder):
    for words, status, said in ((["--help"], 0, "tools/demo [--once]"), (["--twice"], 64, "usage: ")):
        process = start(folder, *words)
        assert said in process.communicate(timeout=slow(10))[0] and process.returncode == status

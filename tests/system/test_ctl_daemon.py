"""mixportctl looks after the daemon: check, doctor, tokens."""

import os
import re
import subprocess

import pytest

from ctl import MIXPORTCTL, Answering, Ctl, answer, environment
from harness import DEMO_AND_OTHER, OTHER_PROJECT_ID, PROJECT_ID, slow, wait_until

FIGURES = r" \| critical=0;;0;0 warning=0;0;;0 oldest_list=\d+s;900;2700;0\n"
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root edits the tokens")


@pytest.fixture
def ctl(daemon):
    return Ctl(daemon)


# check


def test_a_daemon_that_is_well_is_ok(ctl):
    out = ctl("check").out
    assert re.fullmatch(r"MIXPORT OK - 1 project, the oldest list \d+s" + FIGURES, out), out
    assert ctl("check", "-p", "demo").out.startswith("MIXPORT OK - ")
    assert ctl("check", "-p", str(PROJECT_ID)).out.startswith("MIXPORT OK - ")


def test_a_degraded_daemon_is_a_warning(sim, ctl):
    sim.refuse("list", 401, count=-1)
    wait_until(lambda: ctl("check", code=None).code == 1, what="a warning")
    assert re.fullmatch(r"MIXPORT WARNING - Mixpanel is unauthorized for demo" + FIGURES,
                        ctl("check", code=1).out)


def test_an_old_list_is_a_warning_and_a_very_old_one_critical(start_sim, start_daemon):
    """Its age against the greater of what is allowed and three intervals."""
    daemon = start_daemon(start_sim(), config={"project demo": {"list_interval": "1s"}})
    ctl = Ctl(daemon)
    words = ["check", "--max-list-age", "500ms"]
    daemon.sim.fault("hang", "list", count=-1)

    def listed(code):
        """How long ago it was when the check first said so."""
        done = wait_until(lambda: (done := ctl(*words, code=None)).code == code and done, 30,
                          f"exit status {code}", interval=0.2)
        return int(re.match(r"MIXPORT \w+ - demo was listed (\d+)s ago", done.out)[1])

    assert ctl(*words).out.startswith("MIXPORT OK")
    assert listed(1) >= 3
    assert listed(2) >= 9
    assert ctl("check", "--max-list-age", "1h").out.startswith("MIXPORT OK")


def test_a_daemon_that_is_not_ready_is_critical(start_sim, start_daemon):
    sim = start_sim()
    sim.fault("hang", "list", count=-1)
    ctl = Ctl(start_daemon(sim, ready=False))
    out = ctl("check", code=2).out
    assert out.startswith("MIXPORT CRITICAL - not ready: ") and "more)" in out


def test_another_projects_trouble_is_still_the_daemons(start_sim, start_daemon):
    sim = start_sim(projects=(PROJECT_ID, OTHER_PROJECT_ID))
    ctl = Ctl(start_daemon(sim, projects=DEMO_AND_OTHER))
    sim.fault("status", "list", count=-1, project=OTHER_PROJECT_ID, status=401)
    wait_until(lambda: "unauthorized for other" in ctl("check", code=None).out)
    assert ctl("check", "-p", "demo", code=1).out.startswith(
        "MIXPORT WARNING - the daemon is degraded |")


@pytest.mark.parametrize("words,said", [
    (["--socket", "/nowhere"], "/nowhere: there is no such file; is the daemon on?"),
    (["-p", "nix"], "there is no project nix"),
    (["--connector", "ffff"], 'there is no connector "ffff" to be found'),
    (["--statsu"], "wrong usage; mixportctl help check"),
    (["--max-list-age", "5"], "--max-list-age is a duration, such as 15m"),
    (["--json"], "wrong usage; mixportctl help check"),
    (["--url", "http://192.0.2.1"], "the daemon cannot be asked; standard error says why"),
])
def test_whatever_cannot_be_told_is_unknown(ctl, words, said):
    assert ctl("check", *words, code=3).out == f"MIXPORT UNKNOWN - {said}\n"


def test_a_caller_without_a_right_and_silence_are_unknown(daemon, ctl):
    url = f"http://127.0.0.1:{daemon.port}"
    env = {"MIXPORT_TOKEN": "mxp_of-nobody"}
    out = ctl("check", "--url", url, env=env, code=3).out
    assert out == f"MIXPORT UNKNOWN - {url}: this caller is not allowed to ask\n"
    with Answering(None) as silent:
        out = ctl("check", "--url", silent.url, "--max-time", "300ms", env=env, code=3).out
    assert out == f"MIXPORT UNKNOWN - {silent.url}: the time for an answer is up\n"
    with Answering(answer("<html>", "text/html")) as other:
        out = ctl("check", "--url", other.url, env=env, code=3).out
    assert out == f"MIXPORT UNKNOWN - {other.url} did not answer like mixportd\n"


def test_a_bar_is_kept_for_the_figures(ctl):
    out = ctl("check", "--connector", "a|b|c|d", code=3).out
    assert out == 'MIXPORT UNKNOWN - there is no connector "a/b/c/d" to be found\n'


# doctor


def test_doctor_looks_at_everything_in_order(ctl):
    lines = ctl("doctor").lines
    assert [line.split()[1] for line in lines] == [
        "configuration", "socket", "connection", "version", "ready", "upstream", "list",
        "database", "clock", "reload", "operations"]
    assert all(line.startswith("ok ") for line in lines[1:])
    assert f"{ctl.daemon.socket}, mode 0660, group " in lines[1]
    assert f"as uid:{os.geteuid()}, with the scope admin" in lines[2]


def test_doctor_goes_on_after_a_failure(sim, ctl):
    sim.refuse("list", 401, count=-1)
    wait_until(lambda: "FAIL" in ctl("doctor", code=None).out, what="a failure")
    out = ctl("doctor", code=1).out
    assert re.search(r"\nFAIL +upstream +demo: Mixpanel does not accept the service account", out)
    assert "mixportctl reload" in out and "\nok    operations" in out


def test_doctor_says_what_to_type_where_no_daemon_is(ctl):
    out = ctl("doctor", "--socket", "/nowhere", code=1).out
    assert re.search(r"\nFAIL +socket +/nowhere: .*; systemctl start mixportd.service\n", out)
    assert re.search(r"\nFAIL +connection +/nowhere: there is no such file", out)


@pytest.mark.parametrize("name,scope", [("read", "read"), ("manage", "manage"),
                                        ("admin", "admin"),
                                        ("limited", "manage, limited to some projects")])
def test_doctor_tells_whom_the_daemon_takes_the_caller_for(daemon, name, scope):
    ctl = Ctl(daemon, MIXPORT_URL=f"http://127.0.0.1:{daemon.port}",
              MIXPORT_TOKEN=daemon.tokens[name].secret)
    assert f"as {name} (the token in MIXPORT_TOKEN), with the scope {scope}\n" in \
        ctl("doctor").out
    assert daemon.client().get("/v1/audit").json["data"] == []


def test_doctor_tells_a_token_that_is_not_good(daemon, tmp_path):
    file = tmp_path / "token"
    file.write_text("mxp_of-nobody")
    file.chmod(0o644)
    ctl = Ctl(daemon, MIXPORT_URL=f"http://127.0.0.1:{daemon.port}", MIXPORT_TOKEN_FILE=file)
    assert "FAIL" in ctl("doctor", code=1).out
    file.chmod(0o600)
    assert re.search(r"FAIL +connection +not allowed: a token is needed", ctl("doctor", code=1).out)


def test_doctor_tells_a_reload_that_was_refused(daemon, ctl):
    daemon.expect_error("")
    daemon.configure("daemon", log_level="loud")
    ctl("reload", code=78)
    assert re.search(r"\nwarn +reload +the last one changed nothing: .*log_level", ctl("doctor").out)


def test_doctor_tells_operations_that_nobody_knows(sim, ctl):
    sim.fault("status", "list", count=-1)
    sim.fault("drop-after", "create")
    ctl("create", "gs://b/p", "--format", "mixpanel_event", code=5)
    assert re.search(r"\nwarn +operations +the outcome of 1 is unknown; mixportctl operations",
                     ctl("doctor", code=None).out)


# Tokens


class Tokens:
    """The tokens file of a daemon, edited with mixportctl."""

    def __init__(self, daemon):
        self.ctl = Ctl(daemon)
        self.daemon = daemon
        self.file = daemon.folder / "tokens"

    def __call__(self, *words, **options):
        return self.ctl("token", *words, "-c", self.daemon.file, **options)

    def new(self, name, *words, scope="read", project="*", **options):
        return self("new", name, "--scope", scope, "--project", project, *words, **options)

    def works(self, token):
        """Whether the daemon takes it over TCP."""
        url = f"http://127.0.0.1:{self.daemon.port}"
        done = self.ctl("projects", "--url", url, env={"MIXPORT_TOKEN": token.strip()}, code=None)
        assert done.code in (0, 77), done
        return done.code == 0


@pytest.fixture
def tokens(daemon):
    return Tokens(daemon)


@needs_root
def test_a_new_token_is_shown_once_and_holds_at_once(tokens):
    token = tokens.new("reports").out
    assert re.fullmatch(r"mxp_[0-9a-f]{48}\n", token)
    assert token.strip() not in tokens.file.read_text()
    assert tokens.works(token)
    assert tokens.new("more").out != token


@needs_root
def test_a_token_is_revoked_at_once(tokens):
    token = tokens.new("reports").out
    assert tokens("revoke", "reports").out == "revoked reports\n"
    assert not tokens.works(token)
    assert tokens("revoke", "reports", code=64).err == \
        'mixportctl: there is no token "reports"\n'


@needs_root
def test_what_else_stands_in_the_file_stays(tokens):
    text = "# ours\n\n" + tokens.file.read_text().rstrip("\n")
    tokens.file.write_text(text)
    tokens.file.chmod(0o640)
    os.chown(tokens.file, 0, 12345)
    tokens.new("reports")
    lines = tokens.file.read_text().splitlines()
    assert "\n".join(lines[:-1]) == text and lines[-1].startswith("reports:read:*:")
    tokens("revoke", "reports")
    assert tokens.file.read_text() == text + "\n"
    status = tokens.file.stat()
    assert (status.st_mode & 0o7777, status.st_gid) == (0o640, 12345)
    assert [p.name for p in tokens.daemon.folder.glob("tokens*")] == ["tokens"]


@needs_root
def test_a_link_to_the_file_stays_a_link(tokens):
    real = tokens.daemon.folder / "real-tokens"
    tokens.file.rename(real)
    tokens.file.symlink_to(real)
    tokens.new("reports")
    assert tokens.file.is_symlink() and "reports:" in real.read_text()


@needs_root
def test_a_file_that_was_not_there_is_made_for_the_daemon_alone(tokens):
    tokens.file.unlink()
    tokens.new("reports")
    assert tokens.file.stat().st_mode & 0o7777 in (0o600, 0o640)
    assert tokens("list", "-q").lines == ["reports"]


def test_tokens_are_listed(tokens):
    assert tokens("list", "-q").lines == ["admin", "manage", "read", "limited"]
    assert tokens("list").rows[-1] == ["limited", "manage", "demo"]
    assert '{"name":"limited","scope":"manage","projects":["demo"]}' in tokens("list", "-j").out
    assert len(tokens("list", "--jsonl").lines) == 4


@needs_root
@pytest.mark.parametrize("words,said", [
    (["--scope", "read", "--project", "nix"], 'has no project "nix"'),
    (["--scope", "all", "--project", "*"], "--scope: read, manage or admin"),
    (["--project", "*"], "--scope: read, manage or admin"),
    (["--scope", "read"], "--project PROJECT"),
])
def test_a_new_token_needs_a_scope_and_projects_there_are(tokens, words, said):
    before = tokens.file.read_text()
    assert said in tokens("new", "reports", *words, code=64).err
    assert tokens.file.read_text() == before


@needs_root
@pytest.mark.parametrize("name", ["a b", "a:b", "", "#a", "x" * 65, "a\nb"])
def test_a_name_is_one_that_the_daemon_takes(tokens, name):
    assert "the name of a token is" in tokens.new(name, code=64).err


@needs_root
def test_a_name_is_not_used_twice(tokens):
    assert tokens.new("read", code=64).err == 'mixportctl: there is a token "read" already\n'


@needs_root
def test_a_daemon_that_is_off_takes_it_when_it_starts(tokens):
    tokens.daemon.stop()
    done = tokens.new("reports")
    assert "the daemon is off; it reads" in done.err
    tokens.daemon.launch()
    ports = wait_until(lambda: tokens.daemon.listening(2), 30, "listening")[1]
    tokens.daemon.port = ports[0]
    assert tokens.works(done.out)


@needs_root
def test_a_reload_that_is_refused_puts_the_old_file_back(tokens):
    before = tokens.file.read_text()
    tokens.daemon.expect_error("")
    tokens.daemon.configure("daemon", database=tokens.daemon.folder / "another.db")
    done = tokens.new("reports", code=78)
    assert "mxp_" not in done.out + done.err
    assert tokens.file.read_text() == before and "is as it was" in done.err


@needs_root
def test_without_a_reload_the_daemon_is_not_told(tokens):
    token = tokens.new("reports", "--no-reload").out
    assert not tokens.works(token)
    tokens.ctl("reload")
    assert tokens.works(token)


@needs_root
def test_a_file_with_faults_is_left_alone(tokens):
    tokens.file.write_text("nonsense\n")
    done = tokens.new("reports", code=78)
    assert f"{tokens.file}:1: " in done.err
    assert tokens.file.read_text() == "nonsense\n"


@needs_root
def test_those_who_edit_at_once_take_turns(tokens):
    names = [f"name-{number}" for number in range(8)]
    running = [tokens.ctl.start("token", "new", name, "--scope", "read", "--project", "*", "-c",
                                tokens.daemon.file) for name in names]
    for process in running:
        out, err = process.communicate(timeout=slow(60))
        assert process.returncode == 0, err
    assert set(tokens("list", "-q").lines) >= set(names)


@needs_root
def test_only_root_edits_the_tokens(tokens):
    for words in (["new", "a", "--scope", "read", "--project", "*"], ["revoke", "read"]):
        done = subprocess.run([MIXPORTCTL, "token", *words, "-c", tokens.daemon.file], cwd="/",
                              user=65534, group=65534, extra_groups=[], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=slow(60),
                              env=environment("/"))
        assert done.returncode == 64 and "only root" in done.stderr, done


def test_a_configuration_that_is_not_there_is_78(ctl):
    assert "-c CONFIG names another" in ctl("token", "list", "-c", "/nowhere", code=78).err


def test_a_second_word_is_needed(ctl):
    assert ctl("token", code=64).err == \
        "mixportctl: token needs a second word: new, list, revoke; mixportctl help token\n"
    ctl("token", "nwe", code=64)

"""mixportctl finds the daemon, says what is wrong, and ends with the status that scripts rely on."""

import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest

from ctl import MIXPORTCTL, Answering, Ctl, answer, environment
from harness import LEAK_CHECKED, TOKENS, slow, wait_until


@pytest.fixture
def alone(tmp_path):
    """mixportctl where there is no daemon."""

    def run(*arguments, code=0, **env):
        done = subprocess.run([MIXPORTCTL, *map(str, arguments)], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              env=environment(tmp_path, **env), timeout=slow(60))
        assert code is None or done.returncode == code, done
        return done.stdout, done.stderr

    return run


@pytest.fixture
def ctl(daemon):
    return Ctl(daemon)


def test_it_is_linked_with_little():
    needed = subprocess.run(["objdump", "-p", MIXPORTCTL], stdout=subprocess.PIPE, text=True,
                            check=True).stdout
    assert "libcurl" in needed
    for library in ("microhttpd", "sqlite", "systemd"):
        assert library not in needed


# What was typed


@pytest.mark.parametrize("arguments,said", [
    (["lst"], 'there is no command "lst"; did you mean list?'),
    (["xyzzy"], 'there is no command "xyzzy"; mixportctl help lists those there are'),
    (["list", "--statsu", "x"], "list has no option --statsu; mixportctl help list"),
    (["list", "--statsu=x"], "list has no option --statsu; mixportctl help list"),
    (["list", "-x"], "list has no option -x; mixportctl help list"),
    (["list", "--status"], "list --status needs a value: STATUS"),
    (["list", "--json=1"], "list --json takes no value"),
    (["list", "--json", "-q"], "--json, --jsonl and -q exclude each other"),
    (["list", "-p", "a", "-p", "b"], "--project is given twice"),
    (["list", "--status", "failed"],
     "--status is what Mixpanel says of a connector: active, stopped, paused. "
     "For jobs: --job-status failed"),
    (["list", "more"], 'list: "more" is one argument too many; mixportctl help list'),
    (["show"], "show needs REF|JOB|OP; mixportctl help show"),
    (["show", "14"], '"14" is too short for an id: 4 characters or more'),
    (["show", "/14cf"], '"/14cf" names no project before the slash'),
    (["jobs", "job_12345678"], '"job_12345678" is no connector but one of the jobs'),
    (["jobs", "-n", "0"], '-n is a number from 1 up, not "0"'),
    (["list", "--color", "red"], "--color is auto, always or never"),
    (["list", "--max-time", "5"],
     '"5" is no duration: a number and ms, s, m, h or d, such as 90s'),
    (["list", "--max-time", "0s"],
     '"0s" is no duration: a number and ms, s, m, h or d, such as 90s'),
    (["list", "--socket", "/a", "--url", "http://127.0.0.1"],
     "--socket and --url: one of them, for they may lead to different daemons"),
    (["list", "--url", "http://192.0.2.1:6973"],
     "http://192.0.2.1:6973: the daemon is asked on this host only, such as "
     "http://127.0.0.1:6973"),
    (["list", "--url", "https://127.0.0.1:6973"],
     "https://127.0.0.1:6973: the daemon is asked on this host only, such as "
     "http://127.0.0.1:6973"),
    (["list", "--url", "http://127.0.0.1:6973/v1"],
     "http://127.0.0.1:6973/v1: there is nothing behind the port"),
    (["api", "v1"], '"v1" is no path: it begins with a slash'),
    (["api", "get", "/v1"], '"get" is no method, such as GET or POST'),
    (["help", "lst"], 'there is no command "lst"; mixportctl help lists those there are'),
])
def test_what_cannot_be_right_asks_nobody(alone, arguments, said):
    assert alone(*arguments, code=64) == ("", f"mixportctl: {said}\n")


def test_a_secret_in_a_url_is_not_repeated(alone):
    _, err = alone("list", "--url", "http://me:mxp_1234@127.0.0.1", code=64)
    assert "--token-file" in err and "mxp_" not in err


TOKEN = TOKENS[0].secret


@pytest.mark.parametrize("words", [
    ["list", "--token-file", TOKEN], ["list", "--url", TOKEN], ["list", "--socket", TOKEN * 3],
    ["show", TOKEN], ["show", f"x{TOKEN}/y"], [TOKEN], ["help", TOKEN], ["list", f"--{TOKEN}"],
    ["list", "-n", TOKEN], ["api", TOKEN], ["api", TOKEN, "/v1"], ["-v", "api", f"/{TOKEN}"],
    ["watch", "--exec", TOKEN]])
@pytest.mark.parametrize("env", [{}, {"MIXPORT_TOKEN_FILE": TOKEN}, {"MIXPORT_URL": TOKEN}])
def test_a_token_in_the_wrong_place_is_not_repeated(alone, words, env):
    out, err = alone(*words, code=None, **env)
    assert err and TOKEN[4:] not in out + err


def test_a_token_for_its_file_is_told(alone):
    for words, env in ((["--token-file", TOKEN], {}), ([], {"MIXPORT_TOKEN_FILE": TOKEN})):
        _, err = alone("list", "--url", "http://127.0.0.1:1", *words, code=78, **env)
        assert "the token itself is given where its file is wanted" in err


def most_core():
    resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)


@pytest.mark.parametrize("number", [signal.SIGQUIT, signal.SIGSEGV])
def test_a_crash_leaves_no_core_with_the_token(ctl, tmp_path, number):
    with Answering(None) as silent:
        process = ctl.start("list", "--url", silent.url, cwd=tmp_path, preexec_fn=most_core)
        try:
            # Not earlier: a sanitizer that is still preparing itself never ends from a signal.
            wait_until(lambda: silent.requests, what="it has asked")
            process.send_signal(number)
            ended = wait_until(lambda: os.waitid(os.P_PID, process.pid,
                                                 os.WEXITED | os.WNOWAIT | os.WNOHANG),
                               what="its end")
        finally:
            process.kill()
            process.communicate()
    # A sanitizer that catches the signal ends it by itself.
    assert ended.si_code != os.CLD_DUMPED


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_its_memory_is_closed_to_its_own_user(tmp_path):
    if LEAK_CHECKED:
        pytest.skip("a build with a leak checker stays dumpable, for it attaches as a debugger does")
    with tempfile.TemporaryDirectory(prefix="mixport-") as folder, Answering(None) as silent:
        os.chmod(folder, 0o755)
        program = shutil.copy(MIXPORTCTL, folder)
        process = subprocess.Popen([program, "list", "--url", silent.url], cwd="/", user=54321, group=54321, extra_groups=[],
                                   env=environment(tmp_path, MIXPORT_TOKEN=TOKEN))
        try:
            wait_until(lambda: silent.requests, what="it has asked")
            assert os.stat(f"/proc/{process.pid}").st_uid == 54321
            assert os.stat(f"/proc/{process.pid}/mem").st_uid == 0
        finally:
            process.kill()
            process.wait()


def test_options_stand_before_and_after_the_command(ctl, sim, api):
    sim.put(2, job=False)
    wait_until(lambda: api.project()["connectors"] == 2, what="both are known")
    for words in (["-q", "list", "-p", "demo"], ["--project=demo", "list", "-q"],
                  ["-pdemo", "-q", "list"], ["list", "-qp", "demo"],
                  ["--sort", "created_at", "list", "-q"], ["list", "-q", "--"]):
        assert len(ctl(*words).lines) == 2
    assert len(ctl("list", "-q", env={"POSIXLY_CORRECT": "1"}).lines) == 2
    assert "Sources" not in ctl("list", "--json").err


def test_the_version_and_help_need_no_daemon(alone):
    out, _ = alone("--version")
    assert out.startswith("mixportctl ")
    for words in (["help"], ["--help"], ["-h"]):
        out, _ = alone(*words)
        assert out.startswith("usage: mixportctl ") and "\n  list " in out
    for words in (["help", "list"], ["list", "-h"], ["list", "--help"]):
        out, _ = alone(*words)
        assert out.startswith("usage: mixportctl list [--type TYPE]")


# Where it asks


def test_the_options_win_over_the_environment(daemon, alone):
    for env in ({"MIXPORT_SOCKET": "/nowhere"}, {"MIXPORT_URL": "http://127.0.0.1:1"},
                {"MIXPORT_SOCKET": "/nowhere", "MIXPORT_URL": "http://127.0.0.1:1"}):
        alone("list", "--socket", daemon.socket, **env)
    _, err = alone("list", code=64, MIXPORT_SOCKET="/a", MIXPORT_URL="http://127.0.0.1:1")
    assert err.startswith("mixportctl: MIXPORT_SOCKET and MIXPORT_URL: one of them")


@pytest.fixture
def token_file(daemon, tmp_path):
    file = tmp_path / "token-of-mine"
    file.write_text(daemon.tokens["read"].secret + "\n")
    file.chmod(0o600)
    return file


def test_a_token_comes_from_the_first_place_that_has_one(daemon, alone, token_file, tmp_path):
    url = f"http://127.0.0.1:{daemon.port}"
    home = tmp_path / ".config" / "mixport"
    home.mkdir(parents=True)
    (home / "token").write_text("mxp_of-nobody\n")
    (home / "token").chmod(0o600)
    secret = daemon.tokens["read"].secret
    alone("list", "--url", url, "--token-file", token_file, MIXPORT_TOKEN_FILE="/nowhere",
          MIXPORT_TOKEN="mxp_of-nobody")
    alone("list", "--url", url, MIXPORT_TOKEN_FILE=token_file, MIXPORT_TOKEN="mxp_of-nobody")
    alone("list", "--url", url, MIXPORT_TOKEN=secret)
    _, err = alone("list", "--url", url, code=77)
    assert err == f"mixportctl: the token in {home}/token is not known to the daemon " \
                  "[unauthorized]\n"
    other = tmp_path / "xdg" / "mixport"
    other.mkdir(parents=True)
    (other / "token").write_text(secret)
    (other / "token").chmod(0o600)
    alone("list", "--url", url, XDG_CONFIG_HOME=tmp_path / "xdg")


def test_without_a_token_it_says_how_to_give_one(daemon, alone):
    _, err = alone("list", "--url", f"http://127.0.0.1:{daemon.port}", code=77)
    assert "--token-file FILE" in err and "[unauthorized]" in err


def test_a_token_that_is_not_known_is_told_by_its_file(daemon, alone, token_file):
    token_file.write_text("mxp_of-nobody")
    _, err = alone("list", "--url", f"http://127.0.0.1:{daemon.port}", "--token-file", token_file,
                   code=77)
    assert f"the token in {token_file} is not known to the daemon" in err
    assert "mxp_" not in err


def test_a_token_is_at_hand_so_it_asks_over_tcp(alone, token_file):
    _, err = alone("list", "-v", "--token-file", token_file, code=None)
    assert "on http://127.0.0.1:6973\n" in err


def test_without_anything_it_asks_on_the_usual_socket(alone):
    if os.path.exists("/etc/mixportd/mixportd.conf"):
        pytest.skip("this machine has a configuration of its own")
    _, err = alone("list", "-v", code=None)
    assert "on /run/mixportd/api.sock\n" in err


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_token_file_that_others_may_read_is_refused(daemon, alone, token_file, mode):
    token_file.chmod(mode)
    _, err = alone("list", "--url", f"http://127.0.0.1:{daemon.port}", "--token-file", token_file,
                   code=78)
    assert f"chmod 600 {token_file}" in err


@pytest.mark.parametrize("text", ["", "\n", "two words", "a\nb", "caf\u00e9", "x" * 300])
def test_a_token_file_holds_one_token_and_nothing_else(daemon, alone, token_file, text):
    token_file.write_text(text)
    _, err = alone("list", "--url", f"http://127.0.0.1:{daemon.port}", "--token-file", token_file,
                   code=78)
    assert str(token_file) in err


def test_a_token_file_that_is_named_must_be_there(daemon, alone):
    for words, env in ((["--token-file", "/nowhere"], {}), ([], {"MIXPORT_TOKEN_FILE": "/nowhere"})):
        _, err = alone("list", *words, code=78, **env)
        assert err == "mixportctl: /nowhere, the token file, is not there\n"


def test_on_a_socket_no_token_is_looked_for(daemon, alone):
    alone("list", "--socket", daemon.socket, "--token-file", "/nowhere")
    alone("list", MIXPORT_SOCKET=daemon.socket, MIXPORT_TOKEN_FILE="/nowhere")


def test_proxies_and_netrc_are_ignored(daemon, alone, token_file, tmp_path):
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login a password b\n")
    with Answering(answer("{}")) as other:
        alone("list", "--url", f"http://127.0.0.1:{daemon.port}", "--token-file", token_file,
              http_proxy=other.url, HTTP_PROXY=other.url, all_proxy=other.url)
        assert other.requests == []


def test_verbose_shows_the_requests_and_no_token(daemon, alone, token_file):
    out, err = alone("list", "-v", "--url", f"http://127.0.0.1:{daemon.port}", "--token-file",
                     token_file)
    assert f"> GET /v1/connectors?limit=500 on http://127.0.0.1:{daemon.port}\n" \
        "< 200 application/json, " in err
    assert "mxp_" not in out + err and "earer" not in err


# Who does not answer


def test_nobody_there_is_69(alone, tmp_path):
    path = tmp_path / "api.sock"
    _, err = alone("list", "--socket", path, code=69)
    assert err == f"mixportctl: {path}: there is no such file; is the daemon on?\n"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as left:
        left.bind(str(path))
    _, err = alone("list", "--socket", path, code=69)
    assert err == f"mixportctl: {path}: nobody answers; is the daemon on?\n"


def stand_in_line(path):
    """Callers of a socket that nobody takes, as many as it holds."""
    line = []
    while True:
        caller = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        caller.setblocking(False)
        try:
            caller.connect(str(path))
        except BlockingIOError:
            caller.close()
            return line
        line.append(caller)


def test_it_waits_in_line_where_many_call(tmp_path):
    path = tmp_path / "api.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen(0)
        before = stand_in_line(path)
        process = subprocess.Popen([MIXPORTCTL, "health", "--json", "--socket", path],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   env=environment(tmp_path))
        wait_until(lambda: process.poll() is not None or "nanosleep" in
                   Path(f"/proc/{process.pid}/wchan").read_text(), what="it stands in line")
        listener.settimeout(slow(10))
        for caller in before:
            listener.accept()[0].close()
            caller.close()
        connection, _ = listener.accept()
        connection.recv(65536)
        connection.sendall(answer("{}"))
        connection.close()
    out, err = process.communicate(timeout=slow(10))
    assert (process.returncode, out, err) == (0, "{}\n", "")


def test_it_does_not_stand_in_line_for_ever(alone, tmp_path):
    path = tmp_path / "api.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen(0)
        before = stand_in_line(path)
        _, err = alone("health", "--socket", path, "--max-time", "200ms", code=3)
        for caller in before:
            caller.close()
    assert err == f"mixportctl: {path}: the time for an answer is up\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="takes another user")
def test_a_socket_for_others_is_77(daemon):
    daemon.socket.chmod(0o660)
    done = subprocess.run([MIXPORTCTL, "list", "--socket", daemon.socket], user=65534, group=65534,
                          extra_groups=[], cwd="/", stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=slow(60),
                          env=environment("/"))
    assert done.returncode == 77
    assert done.stderr == f"mixportctl: {daemon.socket}: it is for root and the group " \
                          f"{daemon.socket.group()}, the socket's\n"


def test_what_is_no_mixportd_is_told_by_its_answer(alone):
    env = {"MIXPORT_TOKEN": "mxp_0123456789"}
    for data, said in ((answer("<html>", "text/html; charset=utf-8"), "(text/html)"),
                       (answer("{", "application/json"), "did not answer like mixportd"),
                       (answer("{}", "application/json"), "did not answer like mixportd")):
        with Answering(data) as other:
            _, err = alone("list", "--url", other.url, code=1, **env)
        assert err.startswith(f"mixportctl: {other.url} did not answer like mixportd")
        assert said in err and "is this the right address?" in err


def test_silence_is_3_when_the_time_is_up(alone):
    with Answering(None) as silent:
        _, err = alone("list", "--url", silent.url, "--max-time", "300ms", code=3,
                       MIXPORT_TOKEN="mxp_0123456789")
    assert "the time for an answer is up" in err


def test_a_connection_that_ends_early_is_69(alone):
    for data in (b"", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"):
        with Answering(data) as other:
            _, err = alone("list", "--url", other.url, code=69, MIXPORT_TOKEN="mxp_0123456789")
        assert "the connection ended before the answer" in err


def test_a_scope_that_does_not_suffice_is_77(daemon, alone, token_file):
    _, err = alone("reload", "--url", f"http://127.0.0.1:{daemon.port}", "--token-file", token_file,
                   code=77)
    assert "[insufficient-scope]" in err


def test_a_value_the_daemon_does_not_take_is_6(ctl):
    err = ctl("list", "--job-status", "odd", code=6).err
    assert "[invalid-parameter]" in err
    assert "mixportctl: --job-status: One of these is needed: queued, " in err
    assert "mixportctl: --since: " in ctl("jobs", "--since", "odd", code=6).err


def test_output_that_cannot_be_written_is_74(daemon, ctl, sim, api):
    sim.put(1, job=False)
    wait_until(lambda: api.project()["connectors"] == 1, what="it is known")
    for words in (["list"], ["list", "--json"], ["health"], ["--version"], ["api", "/v1"]):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([MIXPORTCTL, *words], env=ctl.env, stdin=subprocess.DEVNULL,
                                  stdout=full, stderr=subprocess.PIPE, text=True,
                                  timeout=slow(60))
        assert done.returncode == 74, (words, done)
        assert "standard output cannot be written" in done.stderr


def test_control_c_is_130(alone, tmp_path):
    with Answering(None) as silent:
        process = subprocess.Popen([MIXPORTCTL, "list", "--url", silent.url],
                                   env=environment(tmp_path, MIXPORT_TOKEN="mxp_0123456789"),
                                   stdin=subprocess.DEVNULL)
        wait_until(lambda: silent.requests, what="the request")
        process.send_signal(2)
        assert process.wait(slow(10)) == 130


# Single calls


def test_any_call_is_answered_with_the_body_as_it_came(ctl):
    assert ctl("api", "/v1").out == ctl.daemon.over_unix().get("/v1").text
    assert ctl("api", "GET", "/metrics").out.startswith("# HELP")
    assert ctl("api", "HEAD", "/v1").out == ""
    done = ctl("api", "/v1/nothing", code=1)
    assert '"code":"not-found"' in done.out and "404" in done.err
    assert ctl("api", "/v1/reload", "-d", "{}").out.startswith('{"reloaded":true')
    assert ctl("api", "POST", "/v1/reload", "-d", "-", stdin="{}").out.startswith("{")
    assert '"code":"method-not-allowed"' in ctl("api", "DELETE", "/v1", code=1).out


def test_a_body_comes_from_a_file(ctl, tmp_path):
    file = tmp_path / "body"
    file.write_text("{}")
    assert ctl("api", "/v1/reload", "-d", f"@{file}").out.startswith("{")
    assert "cannot be read" in ctl("api", "/v1/reload", "-d", "@/nowhere", code=74).err


def test_a_reload_tells_each_fault(ctl, daemon):
    assert ctl("reload").out == "reloaded\n"
    daemon.configure("daemon", log_level="loud", max_connections="none")
    done = ctl("reload", code=78)
    assert "[configuration-invalid]" in done.err
    assert done.err.count(f"mixportctl: {daemon.file}:") == 2
    daemon.expect_error("")


# The manual


def test_the_manual_has_the_usage_of_every_command(alone):
    """As `help` prints it, which is made from the table that the parser works by."""
    page = Path(os.environ["srcdir"]) / "man" / "mixportctl.1"
    shown = subprocess.run(["mandoc", "-T", "ascii", "-O", "width=900", page],
                           stdout=subprocess.PIPE, text=True, check=True).stdout
    manual = " ".join(re.sub(".\b", "", shown).split())
    overview, _ = alone("help")
    commands = [line.split("  ")[1].split(" [")[0].strip() for line in
                overview.split("commands:\n")[1].split("\n\n")[0].splitlines()]
    assert len(commands) > 5
    for command in commands:
        name = " ".join(word for word in command.split() if word.islower() and word.isalpha())
        usage = alone("help", *name.split())[0].splitlines()[0]
        assert usage.startswith("usage: mixportctl " + name)
        assert usage.removeprefix("usage: mixportctl ") in manual, name
    for line in overview.split("options of every command:\n")[1].split("\n\n")[0].splitlines():
        assert line[2:].strip().split("  ")[0] in manual

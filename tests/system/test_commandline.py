"""The command line and the configuration file: what is printed, and the exit code."""

import os
import re
import stat
import subprocess
from pathlib import Path

import pytest

from harness import MIXPORTD, PROJECT_ID, Token, slow

CONFIGURATION = 78
USAGE = 64


def mixportd(*arguments, **options):
    return subprocess.run([MIXPORTD, *map(str, arguments)], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          errors="surrogateescape", timeout=slow(20), **options)


def said(done):
    return done.stdout + done.stderr


@pytest.fixture
def folder(tmp_path):
    tmp_path.chmod(0o755)
    credential = tmp_path / "credential"
    credential.write_text("demo-service-account:demo-secret\n")
    credential.chmod(0o600)
    return tmp_path


def good(folder, daemon="", project="", more=""):
    """The text of a good configuration, with lines added to its sections."""
    return (f"[daemon]\nsocket = {folder}/api.sock\ndatabase = {folder}/mixportd.db\n"
            f"tokens = {folder}/tokens\n{daemon}"
            f"[project demo]\nproject_id = {PROJECT_ID}\nregion = us\n"
            f"credential = {folder}/credential\n{project}{more}")


def check(folder, text, **options):
    file = folder / "mixportd.conf"
    if isinstance(text, bytes):
        file.write_bytes(text)
    else:
        file.write_text(text)
    return file, mixportd("-c", file, "--check-config", **options)


COUNT = r"(\d+) faults?(, \d+ warnings?)?(, \d+ projects?)?(, seen as the user mixportd)?"


def told(file, done):
    """What a check printed above the count of it, which is right."""
    *lines, last = said(done).splitlines()
    match = re.fullmatch(re.escape(str(file)) + ": " + COUNT, last)
    assert match, f"not the count: {last!r}"
    assert (int(match[1]) > 0) == (done.returncode == CONFIGURATION)
    assert bool(match[3]) == (done.returncode == 0)
    return lines


def faults(file, done):
    """{line: what is wrong}, after a check that each line printed has the form of a fault."""
    found = {}
    for line in told(file, done):
        match = re.fullmatch(re.escape(str(file)) + r":(?:(\d+):)? (.+)", line)
        assert match, f"not FILE:LINE: what is wrong: {line!r}"
        found[int(match[1] or 0)] = match[2]
    return found


# Options


def test_version():
    done = mixportd("--version")
    assert done.returncode == 0
    assert re.fullmatch(r"mixportd \d+\.\d+\.\d+\S*\n", done.stdout)
    assert done.stderr == ""


def test_help_names_every_option():
    done = mixportd("--help")
    assert done.returncode == 0
    assert done.stderr == ""
    for option in ("-c", "--check-config", "--dump-config", "--reload", "--version", "--help"):
        assert option in done.stdout


def test_help_names_the_default_file():
    assert "/etc/mixportd/mixportd.conf" in mixportd("--help").stdout


@pytest.mark.parametrize("arguments", [
    ["--colour"], ["-x"], ["-c"], ["extra"], ["--check-config=yes"], ["--version", "extra"],
    ["-c", "/nonexistent", "extra"], ["--", "extra"], [""]])
def test_a_wrong_command_line_is_64(arguments):
    done = mixportd(*arguments)
    assert done.returncode == USAGE
    assert done.stdout == ""
    assert "usage" in done.stderr.lower()


def test_the_wrong_option_is_named():
    assert "colour" in mixportd("--colour").stderr


def test_the_default_file_is_the_one_in_etc():
    if os.path.exists("/etc/mixportd/mixportd.conf"):
        pytest.skip("this machine has a configuration of its own")
    done = mixportd("--check-config")
    assert done.returncode == CONFIGURATION
    assert "/etc/mixportd/mixportd.conf" in said(done)


# Files


@pytest.mark.parametrize("option", ["--check-config", "--dump-config", None])
def test_a_missing_file_is_78_with_its_name(tmp_path, option):
    file = tmp_path / "missing.conf"
    done = mixportd("-c", file, *filter(None, [option]))
    assert done.returncode == CONFIGURATION
    assert str(file) in said(done)


def test_a_folder_instead_of_a_file_is_78(tmp_path):
    done = mixportd("-c", tmp_path, "--check-config")
    assert done.returncode == CONFIGURATION
    assert str(tmp_path) in said(done)


@pytest.mark.parametrize("kind", ["fifo", "/dev/zero", "/dev/null"])
def test_what_is_not_a_regular_file_is_78_at_once(tmp_path, kind):
    file = tmp_path / "odd.conf"
    if kind == "fifo":
        os.mkfifo(file)
    else:
        file.symlink_to(kind)
    assert mixportd("-c", file, "--check-config").returncode == CONFIGURATION


def test_a_huge_file_is_78(folder):
    file = folder / "mixportd.conf"
    with open(file, "wb") as opened:
        opened.truncate(1 << 33)
    assert mixportd("-c", file, "--check-config").returncode == CONFIGURATION


def test_a_relative_path_is_taken(folder):
    (folder / "mine.conf").write_text(good(folder))
    assert mixportd("-c", "mine.conf", "--check-config", cwd=folder).returncode == 0


# --check-config: good


def test_a_good_configuration_is_0_and_says_so(folder):
    file, done = check(folder, good(folder))
    assert (done.returncode, said(done)) == (0, f"{file}: 0 faults, 1 project\n")


def test_the_last_line_counts_what_is_wrong(folder):
    file, done = check(folder, good(folder, daemon="colour = red\nlog_level = loud\n"))
    assert said(done).splitlines()[-1] == f"{file}: 2 faults"
    file, done = check(folder, good(folder, daemon="colour = red\n"))
    assert said(done).splitlines()[-1] == f"{file}: 1 fault"


def test_the_last_line_counts_warnings_too(folder):
    file, done = check(folder, "")
    assert said(done).splitlines()[-1].startswith(f"{file}: 0 faults, 1 warning, 0 projects")


def test_checking_touches_nothing(folder):
    check(folder, good(folder))
    assert {path.name for path in folder.iterdir()} == {"credential", "mixportd.conf"}


@pytest.mark.parametrize("daemon", [
    "listen =\n", "health_listen =\n", "listen = [::1]:6973\n", "listen = 127.0.0.1:0\n",
    "listen = 127.8.9.10:1\n", "socket_mode = 0600\n", "log_level = debug\n",
    "max_connections = 5000\n", "request_timeout = 100ms\n", "hosts = localhost\n",
    "requests_per_second =\n", "requests_per_second = 1\n", "requests_per_second = 1000000\n",
    "hosts = localhost, mixport.example, [::1]\n"])
def test_good_daemon_keys_are_taken(folder, daemon):
    file, done = check(folder, good(folder, daemon))
    assert (done.returncode, told(file, done)) == (0, [])


@pytest.mark.parametrize("project", [
    "list_interval = 100ms\n", "idle_interval = 7d\n", "active_interval = 2h\n",
    "rate_limit = 1\n", "rate_limit = 1000000\n", "max_concurrent = 1\n", "timeout = 10m\n",
    "base_url =\n", "base_url = http://127.0.0.1:8080/api/app\n",
    "base_url = http://[::1]:8080/api/app\n", "base_url = http://localhost:1\n",
    "base_url = https://mixpanel.example/api/app\n"])
def test_good_project_keys_are_taken(folder, project):
    file, done = check(folder, good(folder, project=project))
    assert (done.returncode, told(file, done)) == (0, [])


@pytest.mark.parametrize("more", [
    "[access]\nadmin = root, 12345\nmanage = @root\nread = @4242\n",
    "[access]\nadmin =\nread =\n",
    "[retention]\njobs_max_age = 400d\njobs_max_count = 10\noperations_max_age = 1d\n",
    "[attention]\nfailing_critical = 1\nsuccess_within = 25h\nstalled_after = 100ms\n",
    "; a comment\n\n# another\n\n", "[project other]\nproject_id = 5\nregion = eu\n"
    "credential = {folder}/credential\n"])
def test_good_sections_are_taken(folder, more):
    file, done = check(folder, good(folder, more=more.format(folder=folder)))
    assert (done.returncode, told(file, done)) == (0, [])


def test_comments_after_values_are_taken(folder):
    text = good(folder).replace("region = us", "region = us   ; required: us, eu, in")
    file, done = check(folder, text)
    assert (done.returncode, told(file, done)) == (0, [])


def test_the_example_is_good(folder):
    example = Path(os.environ.get("srcdir", Path(__file__).parents[2])) / "etc/mixportd.conf"
    text = re.sub(r"(?m)^#(?=\[project|\w+ *=)", "", example.read_text())
    text = text.replace("@mixport", "@root").replace("= demo ", f"= {folder}/credential ")
    text = text.replace("/etc/mixportd/tokens", f"{folder}/tokens")
    file, done = check(folder, text)
    assert (done.returncode, told(file, done)) == (0, [])


# --check-config: bad

BAD_DAEMON = [
    "colour = red", "listen = 0.0.0.0:6973", "listen = 192.168.1.1:6973", "listen = [::]:6973",
    "listen = localhost:6973", "listen = 127.0.0.1", "listen = 127.0.0.1:65536",
    "listen = 127.0.0.1:-1", "listen = 127.0.0.1:69x", "health_listen = 10.0.0.1:1",
    "socket_mode = 0999", "socket_mode = 7777777", "socket_mode = rw", "log_level = loud",
    "log_level =", "max_connections = 0", "max_connections = -1", "max_connections = 1e3",
    "max_connections = 99999999999999999999", "request_timeout = 0", "request_timeout = 15",
    "request_timeout = 99ms", "request_timeout = 1.5s", "request_timeout = -1s",
    "request_timeout = 15 parsecs", "request_timeout = 99999999999999d",
    "requests_per_second = 0", "requests_per_second = 1000001", "requests_per_second = ten",
    "hosts = a host/with:slash", "database =", "no equals sign", "= nothing",
]


@pytest.mark.parametrize("line", BAD_DAEMON)
def test_a_bad_line_is_named_with_its_number(folder, line):
    file, done = check(folder, good(folder, daemon=line + "\n"))
    assert done.returncode == CONFIGURATION
    assert list(faults(file, done)) == [5]


BAD_PROJECT = [
    "colour = red", "list_interval = 0", "list_interval = 0s", "list_interval = 99ms",
    "active_interval = soon", "idle_interval =", "rate_limit = 0", "rate_limit = 1000001",
    "rate_limit = 60/min", "max_concurrent = 0", "timeout = 0", "timeout = 1ms",
    "base_url = http://mixpanel.com/api/app", "base_url = ftp://127.0.0.1/",
    "base_url = http://127.0.0.1.example.com/", "base_url = http://127.0.0.1@example.com/",
    "base_url = http://user:secret@127.0.0.1/", "base_url = https://", "base_url = nonsense",
    "base_url = http://0.0.0.0/", "base_url = https://mixpanel.com/api?x=1",
    "base_url = https://mixpanel.com/api#x", "project_id = 5", "region = us",
]


@pytest.mark.parametrize("line", BAD_PROJECT)
def test_a_bad_line_of_a_project_is_named_with_its_number(folder, line):
    file, done = check(folder, good(folder, project=line + "\n"))
    assert done.returncode == CONFIGURATION
    assert list(faults(file, done)) == [9]


@pytest.mark.parametrize("line", [
    "project_id = 0", "project_id = -5", "project_id = demo", "project_id =",
    "project_id = 99999999999999999999", "project_id = 12345678901234567x"])
def test_a_bad_project_id_is_named_with_its_number(folder, line):
    file, done = check(folder, good(folder).replace(f"project_id = {PROJECT_ID}", line))
    assert done.returncode == CONFIGURATION
    assert list(faults(file, done)) == [6]


@pytest.mark.parametrize("section", [
    "[colours]", "[daemon2]", "[project]", "[project ]", "[project a/b]", "[project demo",
    "[DAEMON]", "[access", "[]", "[project two words]", "[project 123]"])
def test_a_bad_section_is_named_with_its_number(folder, section):
    file, done = check(folder, good(folder, more=section + "\n"))
    assert done.returncode == CONFIGURATION
    assert min(faults(file, done)) == 9


@pytest.mark.parametrize("line", [
    "admin = nobody-of-this-name", "read = @nogroup-of-this-name", "manage = @",
    "admin = 99999999999", "write = root", "admin = -1"])
def test_a_bad_line_of_access_is_named_with_its_number(folder, line):
    file, done = check(folder, good(folder, more=f"[access]\n{line}\n"))
    assert done.returncode == CONFIGURATION
    assert list(faults(file, done)) == [10]


def test_a_fault_says_what_is_allowed(folder):
    file, done = check(folder, good(folder, daemon="log_level = loud\n"))
    fault = faults(file, done)[5]
    assert "log_level" in fault and "loud" in fault
    for allowed in ("error", "warning", "info", "debug"):
        assert allowed in fault


def test_the_region_says_what_is_allowed(folder):
    file, done = check(folder, good(folder).replace("region = us", "region = moon"))
    fault = faults(file, done)[7]
    assert "moon" in fault and re.search(r"us\b.*eu\b.*in\b", fault)


@pytest.mark.parametrize("key", ["project_id", "region", "credential"])
def test_a_missing_required_key_is_named_with_its_section(folder, key):
    text = re.sub(rf"(?m)^{key} = .*\n", "", good(folder))
    file, done = check(folder, text)
    assert done.returncode == CONFIGURATION
    found = faults(file, done)
    assert list(found) == [5]
    assert key in found[5]


def test_all_faults_are_told_at_once(folder):
    lines = good(folder).splitlines()
    wrong = {2: "socket_mode = 0999", 3: "listen = 0.0.0.0:1", 5: "[project demo]",
             7: "region = moon", 8: "credential = /nonexistent/credential",
             9: "list_interval = 1ms", 10: "rate_limit = 0", 11: "colour = red",
             12: "[strange]", 13: "[access]", 14: "admin = nobody-of-this-name"}
    lines += [""] * (14 - len(lines))
    for number, line in wrong.items():
        lines[number - 1] = line
    file, done = check(folder, "\n".join(lines) + "\n")
    assert done.returncode == CONFIGURATION
    assert set(faults(file, done)) == set(wrong) - {5, 13}


def test_starting_tells_all_faults_too(folder):
    text = good(folder, daemon="colour = red\nlog_level = loud\n")
    file, _ = check(folder, text)
    done = mixportd("-c", file)
    assert done.returncode == CONFIGURATION
    assert f"{file}:5: " in done.stderr and f"{file}:6: " in done.stderr


def test_what_a_fault_quotes_is_escaped_once_in_print_and_in_the_log(folder):
    odd = folder / "a\x1b[31m\\b\nc"
    file, done = check(folder, good(folder).replace("region = us", "region = moon\\x"))
    told = next(line for line in said(done).splitlines() if "region" in line)
    assert '"moon\\\\x"' in told
    assert "<3>" + told + "\n" in mixportd("-c", file).stderr
    done, start = mixportd("-c", odd, "--check-config"), mixportd("-c", odd)
    shown = f"{folder}/a\\x1b[31m\\\\b\\nc: there is no such file"
    assert done.stdout.startswith(shown)
    assert start.stderr.startswith("<3>" + shown)


def test_starting_tells_faults_with_priorities(folder):
    file, _ = check(folder, good(folder, daemon="colour = red\nlog_level = loud\n"))
    for line in mixportd("-c", file).stderr.splitlines():
        assert re.match("<[0-7]>", line), line


@pytest.mark.parametrize("length", [199, 200, 250, 5000, 200000])
def test_a_long_line_is_refused_with_its_number(folder, length):
    text = good(folder, daemon="; " + "x" * length + "\n", project="colour = red\n")
    file, done = check(folder, text)
    found = faults(file, done)
    assert done.returncode == CONFIGURATION
    assert 10 in found
    assert set(found) <= {5, 10}


def test_the_tail_of_a_long_line_is_not_a_line(folder):
    text = good(folder, daemon="; " + "x" * 197 + "\n" "; " + "y" * 196 + "listen = 0.0.0.0:1\n")
    file, done = check(folder, text)
    assert "0.0.0.0" not in said(done)
    assert set(faults(file, done)) <= {5, 6}


def test_an_indented_line_is_refused_with_its_number(folder):
    file, done = check(folder, good(folder, daemon="log_level = info\n  max_connections = 5\n"))
    assert done.returncode == CONFIGURATION
    assert list(faults(file, done)) == [6]


@pytest.mark.parametrize("byte", [b"\0", b"\x1b[31m", b"\x07", b"\xff"])
def test_control_characters_are_refused_and_not_printed(folder, byte):
    text = good(folder).encode().replace(b"region = us", b"region = " + byte + b"us")
    file, done = check(folder, text)
    assert done.returncode == CONFIGURATION
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f\udc80-\udcff]", said(done))


@pytest.mark.parametrize("newline", ["\r\n", "\r"])
def test_foreign_line_ends_are_taken_or_refused_with_a_number(folder, newline):
    file, done = check(folder, good(folder).replace("\n", newline).encode())
    assert done.returncode == (CONFIGURATION if faults(file, done) else 0)


def test_a_byte_order_mark_is_taken_or_refused_with_a_number(folder):
    file, done = check(folder, b"\xef\xbb\xbf" + good(folder).encode())
    assert done.returncode == (CONFIGURATION if faults(file, done) else 0)
    assert set(faults(file, done)) <= {1}


@pytest.mark.parametrize("again", ["log_level = info\nlog_level = debug\n"])
def test_a_key_given_twice_is_refused(folder, again):
    file, done = check(folder, good(folder, daemon=again))
    assert done.returncode == CONFIGURATION
    assert list(faults(file, done)) == [6]


def test_a_project_given_twice_is_refused(folder):
    file, done = check(folder, good(folder, more="[project demo]\n"))
    assert done.returncode == CONFIGURATION
    assert 9 in faults(file, done)


def test_two_projects_of_one_id_are_refused(folder):
    more = f"[project other]\nproject_id = {PROJECT_ID}\nregion = us\n" \
           f"credential = {folder}/credential\n"
    file, done = check(folder, good(folder, more=more))
    assert done.returncode == CONFIGURATION
    assert len(told(file, done)) == 1


def test_no_configuration_at_all_is_good_or_says_why(folder):
    file, done = check(folder, "")
    assert done.returncode in (0, CONFIGURATION)
    faults(file, done)


# What the configuration names


def test_a_name_is_looked_up_in_the_credentials_directory(folder):
    text = good(folder).replace(f"{folder}/credential", "credential")
    file, done = check(folder, text, env={**os.environ, "CREDENTIALS_DIRECTORY": str(folder)})
    assert (done.returncode, told(file, done)) == (0, [])


def test_without_the_credentials_directory_the_name_is_told(folder):
    text = good(folder).replace(f"{folder}/credential", "some-credential")
    env = {k: v for k, v in os.environ.items() if k != "CREDENTIALS_DIRECTORY"}
    _, done = check(folder, text, env=env)
    assert done.returncode == CONFIGURATION
    assert "some-credential" in said(done)


@pytest.mark.parametrize("name", ["..", ".", "..\\x"])
def test_a_name_does_not_lead_out_of_the_credentials_directory(folder, name):
    text = good(folder).replace(f"{folder}/credential", name)
    _, done = check(folder, text, env={**os.environ, "CREDENTIALS_DIRECTORY": str(folder)})
    assert done.returncode == CONFIGURATION


def test_a_credential_in_the_configuration_is_refused_and_not_printed(folder):
    text = good(folder).replace(f"{folder}/credential", "someone:very-secret")
    file, done = check(folder, text)
    assert done.returncode == CONFIGURATION
    assert "very-secret" not in said(done)
    assert list(faults(file, done)) == [8]


@pytest.mark.parametrize("line", [
    "nonsense", "a:b", "name:lord:*:" + "0" * 64, "name:read:*:" + "0" * 63,
    "name:read:*:" + "g" * 64, ":read:*:" + "0" * 64, "name:read:nowhere:" + "0" * 64 + ":x",
    "na me:read:*:" + "0" * 64, "name:read:*:mxp_secret-in-clear"])
def test_a_bad_line_of_the_tokens_is_named_and_not_quoted(folder, line):
    tokens = folder / "tokens"
    tokens.write_text(Token("good", "read").line() + "# a comment\n" + line + "\n")
    _, done = check(folder, good(folder))
    assert done.returncode == CONFIGURATION
    assert f"{tokens}:3: " in said(done)
    assert line not in said(done) and "mxp_secret" not in said(done)


# --dump-config


def dump(folder, text):
    file, checked = check(folder, text)
    assert checked.returncode == 0, said(checked)
    done = mixportd("-c", file, "--dump-config")
    assert done.returncode == 0, said(done)
    return done.stdout


def pairs(text):
    """{(section, key): value} of a configuration."""
    found, section = {}, None
    for line in text.splitlines():
        line = re.sub(r"(^|\s)[;#].*", "", line).strip()
        if line.startswith("["):
            section = line[1:-1]
        elif line:
            key, _, value = line.partition("=")
            found[section, key.strip()] = value.strip()
    return found


def test_the_dump_has_every_key(folder):
    found = pairs(dump(folder, good(folder)))
    for section, keys in {
            "daemon": "socket socket_mode listen health_listen database tokens hosts log_level "
                      "max_connections request_timeout requests_per_second",
            "retention": "jobs_max_age jobs_max_count operations_max_age operations_max_count "
                         "events_max_age events_max_count audit_max_age audit_max_count",
            "attention": "failing_critical never_succeeded_after success_within queued_after "
                         "running_after stalled_after keep_for dropped_percent upstream_after "
                         "clear_after operation_after",
            "project demo": "project_id region credential base_url list_interval "
                            "active_interval idle_interval rate_limit max_concurrent timeout",
    }.items():
        for key in keys.split():
            assert (section, key) in found


def test_the_dump_shows_the_documented_defaults(folder):
    found = pairs(dump(folder, good(folder)))
    for section, key, value in [
            ("daemon", "listen", "127.0.0.1:6973"), ("daemon", "health_listen", "127.0.0.1:6974"),
            ("daemon", "socket_mode", "0660"), ("daemon", "log_level", "info"),
            ("daemon", "max_connections", "1024"), ("daemon", "request_timeout", "15s"),
            ("daemon", "requests_per_second", ""),
            ("retention", "jobs_max_age", "400d"), ("retention", "jobs_max_count", "1000"),
            ("retention", "operations_max_age", "400d"),
            ("retention", "operations_max_count", "100000"), ("retention", "audit_max_age", "400d"),
            ("retention", "events_max_age", "14d"), ("retention", "events_max_count", "100000"),
            ("retention", "audit_max_count", "100000"), ("access", "admin", "root"),
            ("attention", "failing_critical", "3"), ("attention", "success_within", ""),
            ("attention", "queued_after", "30m"), ("attention", "running_after", "6h"),
            ("attention", "keep_for", "7d"), ("attention", "dropped_percent", "5"),
            ("project demo", "rate_limit", "60"), ("project demo", "max_concurrent", "4")]:
        assert found[section, key] == value
    assert found["daemon", "hosts"].replace(",", " ").split() == ["localhost", "127.0.0.1", "[::1]"]
    assert found["project demo", "list_interval"] in ("60s", "1m")
    assert found["project demo", "idle_interval"] in ("600s", "10m")


def test_the_dump_loads_again_and_dumps_the_same(folder):
    text = good(folder, "listen =\nlog_level = debug\nhosts = [::1], a.example\n",
                "timeout = 1500ms\nbase_url = http://127.0.0.1:1/x\n",
                "[access]\nadmin = root, 77\nread = @88\n"
                "[retention]\njobs_max_count = 0\n[attention]\nsuccess_within = 90s\n")
    first = dump(folder, text)
    assert dump(folder, first) == first


def test_the_dump_keeps_what_was_given(folder):
    found = pairs(dump(folder, good(folder, "listen =\n", "timeout = 1500ms\n")))
    assert found["daemon", "listen"] == ""
    assert found["project demo", "timeout"] == "1500ms"
    assert found["project demo", "region"] == "us"


def test_the_dump_tells_no_secret(folder):
    token = Token("someone", "admin")
    (folder / "tokens").write_text(token.line())
    text = dump(folder, good(folder))
    assert "demo-secret" not in text and "demo-service-account" not in text
    assert token.secret not in text


def test_the_dump_of_a_bad_configuration_is_78(folder):
    file, _ = check(folder, good(folder, daemon="colour = red\n"))
    done = mixportd("-c", file, "--dump-config")
    assert done.returncode == CONFIGURATION
    assert f"{file}:5: " in said(done)


@pytest.mark.parametrize("option", ["--dump-config", "--version", "--help"])
def test_output_that_cannot_be_written_is_not_a_success(folder, option):
    if not (os.path.exists("/dev/full") and stat.S_ISCHR(os.stat("/dev/full").st_mode)):
        pytest.skip("there is no /dev/full")
    file, _ = check(folder, good(folder))
    with open("/dev/full", "w") as full:
        done = subprocess.run([MIXPORTD, "-c", file, option], stdin=subprocess.DEVNULL,
                              stdout=full, stderr=subprocess.DEVNULL, timeout=slow(20))
    assert done.returncode == 1

"""Starting: what is refused, with which exit code, and what is left untouched."""

import os
import shutil
import socket
import sqlite3
import stat
import subprocess

import pytest

from harness import MIXPORTD, Token, can_mount, gcs, parse, read_all, slow, wait_until

FAILED, CONFIGURATION, STORAGE, UNAVAILABLE = 1, 78, 74, 69

# A user and a group that own nothing else.
UID, GID, STRANGER = 54321, 54321, 54322

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@pytest.fixture
def stopped(start_daemon, sim):
    """A daemon with its files, not yet started."""
    daemon = start_daemon(sim, run=False)
    daemon.write_files()
    return daemon


def refused(daemon):
    """Starts it; (exit code, log) once it has ended by itself."""
    daemon.launch()
    code = daemon.wait_end()
    return code, daemon.log()


def as_user(daemon, own=("credential", "tokens")):
    """Has it run as another user: in a folder of root's, with a state folder of its own."""
    daemon.program = daemon.folder / "mixportd"
    shutil.copy(MIXPORTD, daemon.program)
    state = daemon.folder / "state"
    state.mkdir(mode=0o700)
    daemon.socket = state / "api.sock"
    daemon.configure("daemon", socket=daemon.socket, database=state / "mixportd.db")
    for path in (state, *(daemon.folder / name for name in own)):
        os.chown(path, UID, GID)
    daemon.spawn = {"user": UID, "group": GID, "extra_groups": []}
    return daemon


def start(daemon):
    """As Daemon.start, but leaves its files as they are."""
    write, daemon.write_files = daemon.write_files, lambda: None
    try:
        return daemon.start()
    finally:
        daemon.write_files = write


# Credentials


def test_a_missing_credential_is_78_with_its_name(stopped):
    (stopped.folder / "credential").unlink()
    code, log = refused(stopped)
    assert code == CONFIGURATION
    assert f"{stopped.folder}/credential" in log


def test_a_credential_missing_from_its_directory_is_78_with_its_name(stopped):
    stopped.spawn = {"env": {**os.environ, "CREDENTIALS_DIRECTORY": str(stopped.folder)}}
    stopped.configure("project demo", credential="some-name")
    code, log = refused(stopped)
    assert code == CONFIGURATION
    assert "some-name" in log


def test_a_credential_from_its_directory_is_taken(stopped, sim):
    stopped.spawn = {"env": {**os.environ, "CREDENTIALS_DIRECTORY": str(stopped.folder)}}
    stopped.configure("project demo", credential="credential")
    start(stopped)
    assert stopped.client().connectors().status == 200


@needs_root
@pytest.mark.parametrize("mode, uid, gid", [
    (0o644, 0, 0), (0o604, 0, 0), (0o602, 0, 0), (0o640, 0, GID), (0o620, 0, GID),
    (0o600, STRANGER, 0), (0o400, STRANGER, STRANGER)])
def test_a_loose_credential_is_78_with_its_name(stopped, mode, uid, gid):
    path = stopped.folder / "credential"
    os.chown(path, uid, gid)
    path.chmod(mode)
    code, log = refused(stopped)
    assert code == CONFIGURATION
    assert str(path) in log


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_tight_credential_is_taken(stopped, mode):
    (stopped.folder / "credential").chmod(mode)
    start(stopped)


@needs_root
def test_a_credential_of_its_user_is_taken(stopped):
    start(as_user(stopped))
    assert stopped.client().connectors().status == 200


@needs_root
def test_a_credential_it_may_not_read_is_78_with_its_name(stopped):
    code, log = refused(as_user(stopped, own=("tokens",)))
    assert code == CONFIGURATION
    assert f"{stopped.folder}/credential" in log


@needs_root
def test_a_credential_of_root_that_others_read_is_78_for_a_user_too(stopped):
    as_user(stopped, own=("tokens",))
    (stopped.folder / "credential").chmod(0o644)
    code, log = refused(stopped)
    assert code == CONFIGURATION
    assert f"{stopped.folder}/credential" in log


def move_credential(daemon, *folders):
    """Puts the credential into folders below its own; the path of the first."""
    folder = daemon.folder
    for name in folders:
        folder = folder / name
        folder.mkdir(mode=0o700)
    target = folder / "credential"
    (daemon.folder / "credential").rename(target)
    daemon.configure("project demo", credential=target)
    return daemon.folder / folders[0]


@pytest.mark.parametrize("mode", [0o777, 0o702, 0o722])
@pytest.mark.parametrize("below", [["a"], ["a", "b"], ["a", "b", "c"]])
def test_a_loose_folder_above_a_credential_is_78_with_its_name(stopped, below, mode):
    loose = move_credential(stopped, *below)
    loose.chmod(mode)
    code, log = refused(stopped)
    assert code == CONFIGURATION
    assert str(loose) in log


@needs_root
def test_a_folder_that_a_group_writes_is_78_with_its_name(stopped):
    loose = move_credential(stopped, "a")
    os.chown(loose, 0, GID)
    loose.chmod(0o770)
    code, log = refused(stopped)
    assert code == CONFIGURATION
    assert str(loose) in log


@needs_root
def test_a_folder_of_a_stranger_is_78_with_its_name(stopped):
    loose = move_credential(stopped, "a")
    os.chown(loose, STRANGER, STRANGER)
    code, log = refused(stopped)
    assert code == CONFIGURATION
    assert str(loose) in log


def test_a_readable_folder_is_taken(stopped):
    move_credential(stopped, "a", "b").chmod(0o755)
    start(stopped)


def test_a_link_into_a_loose_folder_is_78(stopped):
    loose = move_credential(stopped, "a")
    link = stopped.folder / "link"
    link.symlink_to(loose / "credential")
    loose.chmod(0o777)
    stopped.configure("project demo", credential=link)
    assert refused(stopped)[0] == CONFIGURATION


def test_a_link_in_a_loose_folder_is_78(stopped):
    loose = stopped.folder / "loose"
    loose.mkdir()
    (loose / "link").symlink_to(stopped.folder / "credential")
    loose.chmod(0o777)
    stopped.configure("project demo", credential=loose / "link")
    assert refused(stopped)[0] == CONFIGURATION


@pytest.mark.parametrize("text", [
    "", "\n", "very-secret", "very-secret\n", ":very-secret\n", "very-secret:\n",
    "a:very-secret\nb:very-secret\n", "a:very-secret\0\n", "a:very-secret\x1b\n",
    "a:" + "very-secret" * 10000 + "\n"])
def test_a_malformed_credential_is_78_and_not_told(stopped, text):
    stopped.write_secret("credential", text)
    code, log = refused(stopped)
    assert code == CONFIGURATION
    assert f"{stopped.folder}/credential" in log
    assert "very-secret" not in log


@pytest.mark.parametrize("kind", ["folder", "fifo", "socket", "endless"])
def test_a_credential_that_is_not_a_file_is_78_at_once(stopped, kind):
    path = stopped.folder / "credential"
    path.unlink()
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path, 0o600)
    elif kind == "endless":
        path.symlink_to("/dev/zero")
    else:
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(str(path))
    code, log = refused(stopped)
    assert code == CONFIGURATION
    assert str(path) in log


@pytest.mark.parametrize("secret", ["with:colons:in", "blanks  in it", "ümläut-€", "p%ss'\"\\"])
def test_an_odd_secret_is_sent_as_it_is(start_daemon, start_sim, secret):
    pair = "odd-account:" + secret
    sim = start_sim("--user", pair)
    daemon = start_daemon(sim, credential=pair)
    assert daemon.client().project()["upstream"]["state"] == "ok"


# As the service is installed


needs_mounts = pytest.mark.skipif(not can_mount(), reason="needs root that may mount")


class Machine:
    """A machine of its own as far as /etc goes: with the user mixportd, and the configuration and
    a credential called demo where the service has them."""

    def __init__(self, etc):
        self.etc = etc
        self.folder = etc / "mixportd" / "credentials"
        self.credential = self.folder / "demo"
        self.folder.mkdir(parents=True)
        self.users = {"root": (0, 0), "mixportd": (UID, GID), "alice": (STRANGER, STRANGER)}
        self.members = {"root": "", "mixportd": "mixportd,root,gone", "alice": ""}
        self.write("nsswitch.conf", "passwd: files\ngroup: files\n")
        self.write("mixportd/mixportd.conf",
                   "[daemon]\nsocket =\nlisten =\nhealth_listen =\ndatabase = /nowhere/x.db\n"
                   f"[project demo]\nproject_id = 5\nregion = us\ncredential = demo\n")
        self.credential.write_text("account:very-secret\n")
        for path in (self.folder, self.credential):
            os.chown(path, 0, GID)
        self.folder.chmod(0o750)
        self.credential.chmod(0o640)
        etc.chmod(0o755)

    def write(self, name, text):
        path = self.etc / name
        path.write_text(text)
        path.chmod(0o644)

    def run(self, *arguments, user=None):
        """mixportd there, as root or another user."""
        self.write("passwd", "".join(f"{name}:x:{uid}:{gid}::/:/bin/sh\n"
                                     for name, (uid, gid) in self.users.items()))
        self.write("group", "".join(f"{name}:x:{self.users[name][0]}:{members}\n"
                                    for name, members in self.members.items()))
        become = [] if user is None else [
            "setpriv", f"--reuid={self.users[user][0]}", f"--regid={self.users[user][1]}",
            "--clear-groups", "--"]
        env = {k: v for k, v in os.environ.items() if k != "CREDENTIALS_DIRECTORY"}
        return subprocess.run(
            ["unshare", "-m", "sh", "-ec", 'mount --bind "$0" /etc; exec "$@"', self.etc,
             *become, self.program(), *arguments], stdin=subprocess.DEVNULL, env=env,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=30)

    def program(self):
        """Where every user finds it."""
        path = self.etc / "mixportd.program"
        if not path.exists():
            shutil.copy(MIXPORTD, path)
        return "/etc/mixportd.program"


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path / "etc")


def verdict(machine):
    """What --check-config says as root, once it is certain that the start says the same."""
    checks = [machine.run("--check-config", user=user) for user in (None, "mixportd")]
    assert checks[0].stdout == checks[1].stdout[:-1] + ", seen as the user mixportd\n"
    start = machine.run(user="mixportd")
    assert "very-secret" not in checks[0].stdout + start.stderr
    if start.returncode == STORAGE:  # the configuration was taken, the database is not there
        assert {check.returncode for check in checks} == {0}, checks[0].stdout
        return None
    assert {start.returncode, *(check.returncode for check in checks)} == {CONFIGURATION}
    fault = checks[0].stdout.splitlines()[0]
    assert fault in start.stderr
    return fault


@needs_mounts
def test_a_credential_of_the_daemons_group_is_taken(machine):
    assert verdict(machine) is None


@needs_mounts
def test_a_credential_by_its_path_is_taken(machine):
    config = machine.etc / "mixportd" / "mixportd.conf"
    config.write_text(config.read_text().replace(
        "= demo", "= /etc/mixportd/credentials/../credentials/demo"))
    assert verdict(machine) is None


@needs_mounts
@pytest.mark.parametrize("which", ["a member", "a primary group"])
def test_a_group_with_others_in_it_may_not_read_a_credential(machine, which):
    if which == "a member":
        machine.members["mixportd"] += ",alice"
    else:
        machine.users["alice"] = (STRANGER, GID)
    fault = verdict(machine)
    assert "/etc/mixportd/credentials/demo may be read by its group" in fault


@needs_mounts
@pytest.mark.parametrize("mode, gid", [
    (0o600, 0), (0o640, 0), (0o640, STRANGER), (0o644, 0), (0o642, GID), (0o660, STRANGER)])
def test_a_check_by_root_refuses_what_the_start_refuses(machine, mode, gid):
    os.chown(machine.credential, 0, gid)
    machine.credential.chmod(mode)
    assert "/etc/mixportd/credentials/demo" in verdict(machine)


@needs_mounts
@pytest.mark.parametrize("mode, gid", [(0o700, 0), (0o750, 0), (0o757, GID)])
def test_a_check_by_root_looks_into_the_folder_as_the_start_does(machine, mode, gid):
    os.chown(machine.folder, 0, gid)
    machine.folder.chmod(mode)
    assert "/etc/mixportd/credentials" in verdict(machine)


@needs_mounts
def test_whose_eyes_could_not_see_is_told(machine):
    os.chown(machine.credential, 0, 0)
    assert "user mixportd may not read /etc/mixportd/credentials/demo" in verdict(machine)


@needs_mounts
def test_a_check_by_root_reads_the_configuration_as_the_start_does(machine):
    (machine.etc / "mixportd" / "mixportd.conf").chmod(0o600)
    assert "/etc/mixportd/mixportd.conf" in verdict(machine)


@needs_mounts
def test_a_check_by_root_is_root_where_there_is_no_such_user(machine):
    del machine.users["mixportd"], machine.members["mixportd"]
    os.chown(machine.credential, 0, 0)
    machine.credential.chmod(0o600)
    assert machine.run("--check-config").returncode == 0


# Tokens


@needs_root
@pytest.mark.parametrize("mode, uid, gid", [
    (0o666, 0, 0), (0o602, 0, 0), (0o620, 0, GID), (0o600, STRANGER, STRANGER)])
def test_a_loose_tokens_file_is_78_with_its_name(stopped, mode, uid, gid):
    path = stopped.folder / "tokens"
    os.chown(path, uid, gid)
    path.chmod(mode)
    code, log = refused(stopped)
    assert code == CONFIGURATION
    assert str(path) in log


def test_tokens_in_a_loose_folder_are_78(stopped):
    loose = stopped.folder / "loose"
    loose.mkdir()
    (stopped.folder / "tokens").rename(loose / "tokens")
    loose.chmod(0o777)
    stopped.configure("daemon", tokens=loose / "tokens")
    code, log = refused(stopped)
    assert code == CONFIGURATION
    assert str(loose) in log


def test_without_tokens_tcp_answers_401_to_all_but_health(stopped):
    (stopped.folder / "tokens").unlink()
    start(stopped)
    api = stopped.client("admin")
    assert api.get("/v1/projects").status == 401
    assert api.get("/healthz").status == 200


def test_without_tokens_the_socket_serves(stopped):
    (stopped.folder / "tokens").unlink()
    start(stopped)
    assert stopped.over_unix().get("/v1/projects").status == 200


# Listeners


@pytest.mark.parametrize("key", ["listen", "health_listen"])
@pytest.mark.parametrize("address", ["127.0.0.1", "[::1]"])
def test_a_port_in_use_is_69_with_the_address(stopped, key, address):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as taken:
        try:
            taken.bind((address.strip("[]"), 0))
        except OSError as fault:
            pytest.skip(f"this machine has no {address}: {fault}")
        taken.listen()
        where = f"{address}:{taken.getsockname()[1]}"
        stopped.configure("daemon", **{key: where})
        code, log = refused(stopped)
    assert code == UNAVAILABLE
    assert where in log


def test_a_port_just_left_is_taken_again(stopped):
    """SO_REUSEADDR: connections of the one before may linger."""
    start(stopped)
    stopped.configure("daemon", listen=f"127.0.0.1:{stopped.port}")
    with stopped.client().socket() as open_connection:
        open_connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert open_connection.recv(100)
        assert stopped.stop() == 0
    # The port of the first was the kernel's choice; the second must get just that.
    stopped.launch()
    wait_until(lambda: stopped.client().get("/readyz").status == 200 if connects(stopped)
               else stopped.assert_runs(), what="serving on the same port")


def connects(daemon):
    try:
        daemon.client().socket(1).close()
        return True
    except OSError:
        return False


def test_a_socket_in_use_is_69_with_its_path(stopped):
    with socket.socket(socket.AF_UNIX) as taken:
        taken.bind(str(stopped.socket))
        taken.listen()
        code, log = refused(stopped)
        assert code == UNAVAILABLE
        assert str(stopped.socket) in log
        with socket.socket(socket.AF_UNIX) as probe:
            probe.connect(str(stopped.socket))


@pytest.mark.parametrize("kind", ["file", "folder", "link"])
def test_what_is_not_a_socket_is_left_alone(stopped, kind):
    path = stopped.socket
    if kind == "file":
        path.write_text("precious")
    elif kind == "folder":
        path.mkdir()
    else:
        (stopped.folder / "precious").write_text("precious")
        path.symlink_to("precious")
    before = path.lstat()
    code, log = refused(stopped)
    assert code == UNAVAILABLE
    assert str(path) in log
    assert (path.lstat().st_ino, path.lstat().st_mode) == (before.st_ino, before.st_mode)
    assert kind == "folder" or path.read_text() == "precious"


def test_a_stale_socket_is_replaced(stopped):
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(stopped.socket))
    start(stopped)
    assert stopped.over_unix().get("/v1/projects").status == 200


def test_the_socket_of_a_killed_daemon_is_replaced(daemon):
    daemon.kill()
    assert daemon.socket.exists()
    daemon.start()
    assert daemon.over_unix().get("/v1/projects").status == 200


def test_a_socket_in_a_missing_folder_is_69_with_its_path(stopped):
    path = stopped.folder / "missing" / "api.sock"
    stopped.configure("daemon", socket=path)
    code, log = refused(stopped)
    assert code == UNAVAILABLE
    assert str(path) in log


def test_a_socket_path_that_is_too_long_is_78_with_its_line(stopped):
    stopped.configure("daemon", socket="/tmp/" + "x" * 150)
    code, log = refused(stopped)
    assert code == CONFIGURATION
    assert f"{stopped.file}:2: " in log


@pytest.mark.parametrize("umask", [0, 0o22, 0o77, 0o777])
def test_the_socket_has_mode_0660_whatever_the_umask(stopped, umask):
    """As a user who is held to the modes of the files it makes."""
    if os.geteuid() == 0:
        as_user(stopped)
    stopped.spawn["umask"] = umask
    start(stopped)
    assert stat.S_IMODE(stopped.socket.stat().st_mode) == 0o660


@pytest.mark.parametrize("mode", ["0600", "0666", "0606"])
def test_the_socket_has_the_mode_it_is_given(stopped, mode):
    stopped.configure("daemon", socket_mode=mode)
    start(stopped)
    assert stat.S_IMODE(stopped.socket.stat().st_mode) == int(mode, 8)


@needs_root
def test_the_socket_has_the_group_of_the_daemon(stopped):
    start(as_user(stopped))
    status = stopped.socket.stat()
    assert (status.st_uid, status.st_gid) == (UID, GID)


def test_a_clean_stop_takes_the_socket_away(daemon):
    assert daemon.stop() == 0
    assert not daemon.socket.exists()


def test_a_refused_start_leaves_no_socket(stopped):
    (stopped.folder / "mixportd.db").write_bytes(b"damaged" * 1000)
    assert refused(stopped)[0] == STORAGE
    assert not stopped.socket.exists()


# The database


def database(daemon):
    return daemon.folder / "mixportd.db"


def used_database(daemon):
    """Runs it once, and leaves a database of one file."""
    start(daemon)
    daemon.client().create(gcs())
    assert daemon.stop() == 0
    with sqlite3.connect(database(daemon)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def assert_refused_untouched(daemon):
    before = database(daemon).read_bytes()
    code, log = refused(daemon)
    assert code == STORAGE, log
    assert str(database(daemon)) in log
    assert database(daemon).read_bytes() == before


@pytest.mark.parametrize("damage", ["garbage", "text", "short", "header", "pages", "schema"])
def test_a_damaged_database_is_74_and_untouched(stopped, damage):
    path = database(stopped)
    if damage in ("header", "pages", "schema"):
        used_database(stopped)
    if damage == "garbage":
        path.write_bytes(bytes(range(256)) * 64)
    elif damage == "text":
        path.write_text("not a database\n")
    elif damage == "short":
        path.write_bytes(b"SQLite format 3\0")
    else:
        data = bytearray(path.read_bytes())
        if damage == "header":
            data[:100] = b"\xff" * 100
        elif damage == "schema":
            data[100:4096] = b"\xff" * 3996
        else:
            for page in range(1, len(data) // 4096):
                data[page * 4096:page * 4096 + 64] = b"\xff" * 64
        path.write_bytes(data)
    assert_refused_untouched(stopped)


def test_a_database_cut_short_is_74_and_untouched(stopped):
    used_database(stopped)
    data = database(stopped).read_bytes()
    database(stopped).write_bytes(data[:len(data) // 2])
    assert_refused_untouched(stopped)


def test_a_foreign_database_is_74_and_untouched(stopped):
    connection = sqlite3.connect(database(stopped))
    connection.execute("CREATE TABLE songs (name TEXT)")
    connection.execute("INSERT INTO songs VALUES ('one')")
    connection.commit()
    connection.close()
    assert_refused_untouched(stopped)


def test_a_foreign_database_in_wal_mode_keeps_its_wal(stopped):
    connection = sqlite3.connect(database(stopped))
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("CREATE TABLE songs (name TEXT)")
    connection.commit()
    try:
        assert_refused_untouched(stopped)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    finally:
        connection.close()


def test_a_newer_schema_is_74_and_untouched(stopped):
    used_database(stopped)
    connection = sqlite3.connect(database(stopped))
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    assert version > 0, "the schema's version is not where this test looks"
    connection.execute(f"PRAGMA user_version = {version + 1}")
    connection.commit()
    connection.close()
    assert_refused_untouched(stopped)


def test_an_empty_file_is_not_taken_for_a_new_database(stopped):
    """It is what a lost disk leaves behind; operations would be forgotten in silence."""
    database(stopped).touch()
    assert_refused_untouched(stopped)


@pytest.mark.parametrize("delay_ms", range(0, 60, 4))
def test_a_kill_during_the_first_start_leaves_nothing_in_the_way(stopped, delay_ms):
    stopped.launch()
    with pytest.raises(subprocess.TimeoutExpired):
        stopped.process.wait(delay_ms / 1000)
    stopped.kill()
    start(stopped)
    assert stopped.client().connectors().status == 200


def test_a_second_daemon_on_the_same_database_is_refused(start_daemon, sim, daemon):
    second = start_daemon(sim, run=False,
                          config={"daemon": {"database": database(daemon)}})
    second.write_files()
    code, log = refused(second)
    assert code == STORAGE
    assert str(database(daemon)) in log


def test_the_first_serves_on_when_a_second_was_refused(start_daemon, sim, daemon, api):
    second = start_daemon(sim, run=False,
                          config={"daemon": {"database": database(daemon)}})
    second.write_files()
    refused(second)
    assert api.create(gcs()).status == 201


@pytest.mark.parametrize("name", ["link", "hard"])
def test_a_second_daemon_by_another_name_is_refused(start_daemon, sim, daemon, name):
    second = start_daemon(sim, run=False)
    other = second.folder / "other.db"
    if name == "link":
        other.symlink_to(database(daemon))
    else:
        os.link(database(daemon), other)
    second.configure("daemon", database=other)
    second.write_files()
    assert refused(second)[0] == STORAGE


def test_a_missing_folder_of_the_database_is_74_with_its_name(stopped):
    path = stopped.folder / "missing" / "mixportd.db"
    stopped.configure("daemon", database=path)
    code, log = refused(stopped)
    assert code == STORAGE
    assert str(path) in log


@needs_root
def test_an_unwritable_folder_of_the_database_is_74_with_its_name(stopped):
    as_user(stopped)
    path = stopped.folder / "mixportd.db"
    stopped.configure("daemon", database=path)
    code, log = refused(stopped)
    assert code == STORAGE
    assert str(path) in log


def test_a_folder_instead_of_the_database_is_74_with_its_name(stopped):
    database(stopped).mkdir()
    code, log = refused(stopped)
    assert code == STORAGE
    assert str(database(stopped)) in log


@pytest.mark.parametrize("umask", [0, 0o22])
def test_nobody_else_reads_the_database(stopped, umask):
    stopped.spawn = {"umask": umask}
    start(stopped)
    stopped.client().create(gcs())
    for path in stopped.folder.glob("mixportd.db*"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o007 == 0, path


# The process


@pytest.mark.parametrize("closed", ["0<&-", "1>&-", "2>&-", "0<&- 1>&- 2>&-"])
def test_it_runs_with_standard_descriptors_closed(stopped, closed):
    """Or the database becomes standard error, and the log is written into it."""
    stopped.prefix = ["/bin/sh", "-c", f'exec "$@" {closed}', "sh"]
    stopped.launch()
    api = stopped.over_unix()
    wait_until(lambda: stopped.socket.exists() and api.get("/readyz").status == 200, what="ready")
    assert api.create(gcs()).status == 201
    assert stopped.stop() == 0
    connection = sqlite3.connect(database(stopped))
    try:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    finally:
        connection.close()


def test_it_stays_in_the_foreground(daemon):
    children = subprocess.run(["/bin/sh", "-c", f"cat /proc/{daemon.pid}/task/*/children"],
                              stdout=subprocess.PIPE, text=True, check=True).stdout
    assert children.split() == []
    assert daemon.process.poll() is None


def test_every_line_of_the_log_has_a_priority(daemon):
    lines = daemon.log().splitlines()
    assert lines
    assert [line for line in lines if not (line[0] == "<" and line[1] in "01234567"
                                           and line[2] == ">")] == []


def test_standard_error_that_is_gone_does_not_hurt(stopped):
    reader, writer = os.pipe()
    os.close(reader)
    stopped.spawn = {"stderr": writer}
    stopped.launch()
    os.close(writer)
    api = stopped.over_unix()
    wait_until(lambda: stopped.socket.exists() and api.get("/readyz").status == 200, what="ready")
    assert stopped.stop() == 0


# What it finds from last time


def create_in_flight(daemon, sim):
    """A create that upstream has received and not answered; its operation."""
    answer = daemon.client().create(gcs(label="in flight"), wait=0)
    assert answer.status == 202, answer
    wait_until(lambda: sim.stats()["received"]["create"] == 1, what="the create has arrived")
    return answer.json["operation_id"]


def test_a_create_that_was_being_sent_is_unknown_after_a_kill(daemon, sim):
    sim.fault("hang", "create")
    operation = create_in_flight(daemon, sim)
    daemon.kill()
    daemon.start()
    assert daemon.client().operation(operation).json["state"] == "unknown"


def test_a_create_that_was_being_sent_is_not_sent_again(daemon, sim):
    sim.fault("hang", "create")
    create_in_flight(daemon, sim)
    daemon.kill()
    daemon.start()
    lists = sim.received("list")
    wait_until(lambda: sim.received("list") > lists + 5, what="a few listings later")
    assert sim.received("create") == 1


def test_a_create_that_was_carried_out_is_found_after_a_kill(daemon, sim):
    sim.fault("hang", "create", executed=True)
    operation = create_in_flight(daemon, sim)
    daemon.kill()
    daemon.start()
    found = wait_until(lambda: daemon.client().operation(operation, wait=20).json, what="found")
    assert (found["state"], found["connector_id"]) == ("succeeded", sim.created()[0])


def test_a_delete_that_was_being_sent_is_done_after_a_kill(daemon, sim):
    api = daemon.client()
    connector = api.create(gcs()).json["connector_id"]
    sim.fault("hang", "delete")
    answer = api.remove(connector, wait=0)
    assert answer.status == 202
    wait_until(lambda: sim.received("delete") == 1, what="the delete has arrived")
    daemon.kill()
    daemon.start()
    wait_until(lambda: daemon.client().operation(answer.json["operation_id"]).json["state"]
               == "succeeded", 30, "the delete is done")
    assert sim.executed("delete") == 1


def test_a_planned_create_goes_out_after_a_kill(daemon, sim):
    sim.fault("retry-after", "create", retry_after=2)
    operation = create_in_flight(daemon, sim)
    wait_until(lambda: daemon.client().operation(operation).json["state"] == "planned",
               what="planned again")
    daemon.kill()
    daemon.start()
    wait_until(lambda: daemon.client().operation(operation).json["state"] == "succeeded", 30,
               "the create is done")
    assert sim.executed("create") == 1


def test_what_was_known_is_served_before_mixpanel_answers(daemon, sim):
    api = daemon.client()
    connector = api.create(gcs(label="kept")).json["connector_id"]
    daemon.kill()
    sim.stop()
    daemon.start()
    assert daemon.client().connector(connector).json["label"] == "kept"


def test_operations_are_kept(daemon):
    api = daemon.client()
    api.create(gcs(), key="once")
    before = api.every("/v1/operations")
    daemon.kill()
    daemon.start()
    assert daemon.client().every("/v1/operations") == before


def test_a_token_of_the_tokens_file_is_taken_with_comments_around(start_daemon, sim):
    token = Token("alone", "read")
    daemon = start_daemon(sim, run=False, tokens=(token,))
    daemon.write_files()
    daemon.write_secret("tokens", "# first\n\n" + token.line() + "; last\n")
    start(daemon)
    assert daemon.client("alone").get("/v1/projects").status == 200


# Sockets that systemd passes


@pytest.fixture
def passing(stopped):
    """Passes the daemon listening sockets, as passing("tcp", "tcp"); the sockets."""
    made = []

    def give(*names, listening=True):
        for name in names:
            one = socket.socket(socket.AF_UNIX if name == "api" else socket.AF_INET)
            one.bind(str(stopped.folder / f"passed-{len(made)}") if name == "api"
                     else ("127.0.0.1", 0))
            if listening:
                one.listen(16)
            made.append(one)
        stopped.pass_sockets(list(zip(names, made)))
        return made

    yield give
    for one in made:
        one.close()


def status_at(passed, target, token=None):
    """The status that a socket's listener answers with."""
    credentials = f"Authorization: Bearer {token.secret}\r\n" if token else ""
    with socket.socket(passed.family) as raw:
        raw.settimeout(slow(10))
        raw.connect(passed.getsockname())
        raw.sendall(f"GET {target} HTTP/1.1\r\nHost: localhost\r\n{credentials}"
                    "Connection: close\r\n\r\n".encode())
        return parse(read_all(raw)).status


def test_every_socket_of_a_name_is_served(stopped, passing):
    passed = passing("tcp", "health", "api", "tcp", "health", "api", "tcp")
    stopped.launch()
    admin = stopped.tokens["admin"]
    for one in passed[0], passed[3], passed[6]:
        assert status_at(one, "/v1/projects", admin) == 200
        assert status_at(one, "/v1/projects") == 401
    for one in passed[1], passed[4]:
        assert status_at(one, "/metrics") == 200
        assert status_at(one, "/v1/projects", admin) == 404
    for one in passed[2], passed[5]:
        assert status_at(one, "/v1/projects") == 200
    assert stopped.stop() == 0
    for one in passed:
        with socket.socket(one.family) as raw:  # it still takes clients
            raw.connect(one.getsockname())


def test_sockets_that_are_too_many_are_69(stopped, passing):
    passing(*["tcp"] * 17)
    code, log = refused(stopped)
    assert code == UNAVAILABLE
    assert "more than 16 sockets" in log


def test_a_passed_socket_that_does_not_listen_is_69_with_its_name(stopped, passing):
    passing("tcp", listening=False)
    code, log = refused(stopped)
    assert code == UNAVAILABLE
    assert 'the socket "tcp" that systemd passed does not listen' in log


def test_a_passed_socket_of_the_wrong_family_is_69_with_its_name(stopped, passing):
    (tcp,) = passing("tcp")
    stopped.pass_sockets([("api", tcp)])
    code, log = refused(stopped)
    assert code == UNAVAILABLE
    assert 'the socket "api" that systemd passed is not a UNIX socket' in log


def test_a_passed_socket_of_another_name_is_said(stopped, passing):
    (tcp,) = passing("tcp")
    stopped.pass_sockets([("web", tcp)])
    start(stopped)
    assert 'a socket named "web", which is none of api, tcp, health' in stopped.log()


@pytest.mark.parametrize("suffix", ["", "-wal"])
def test_nothing_is_acknowledged_into_a_file_that_is_gone(stopped, suffix):
    start(stopped)
    stopped.expect_error("removed or replaced")
    api = stopped.client()
    assert api.create(gcs("kept")).status == 201
    os.rename(f"{database(stopped)}{suffix}", f"{database(stopped)}.aside")
    try:
        answer = api.create(gcs("lost"), wait=10)
        assert answer.status not in (201, 202), answer
    except OSError:
        pass  # it has ended already
    assert stopped.wait_end() == STORAGE
    os.rename(f"{database(stopped)}.aside", f"{database(stopped)}{suffix}")
    start(stopped)
    # The other one was written into what is back again, so it may be carried out, once.
    names = [c["connector_properties"]["gcs_bucket"]
             for c in stopped.client().connectors().json["data"]]
    assert "kept" in names and len(names) == len(set(names)) and set(names) <= {"kept", "lost"}


def test_a_log_missing_after_a_crash_is_74(stopped):
    start(stopped)
    assert stopped.client().create(gcs("kept")).status == 201
    stopped.kill()
    log = database(stopped).with_name("mixportd.db-wal")
    os.rename(log, log.with_name("aside"))
    code, text = refused(stopped)
    assert code == STORAGE and "mixportd.db-wal is gone" in text
    os.rename(log.with_name("aside"), log)
    start(stopped)
    assert len(stopped.client().connectors().json["data"]) == 1

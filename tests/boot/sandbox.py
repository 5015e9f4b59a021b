"""The system tests with each daemon in the sandbox of the installed service. For tests/boot/inside.

systemd itself makes the sandbox. From the lines of mixportd.service, but for those in NOT_KEPT and
with those in ADDED, it starts tests/boot/holder, and that starts the daemons, which inherit all of
it. The tests run tests/boot/stand-in for mixportd; it asks the holder of its user.

Under the service a refused system call is an error that the daemon may get over. Here it is its
end: the filters that systemd made are read back from the holder, and put on once more with SIGSYS
in the place of errors. So no test passes in which a call was refused, but for what EXPECTED names.
"""

import contextlib
import ctypes
import errno
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
from pathlib import Path

HERE = Path(__file__).parent
TREE = HERE.parents[1]
FOLDER = Path("/srv/mixport")
TESTS, NOTES, BUILD = FOLDER / "tests", FOLDER / "notes", FOLDER / "build"
OUTPUT = Path("/results/system-tests.log")
PATIENCE = 1500

# What of the service's unit cannot hold for a test, and why.
NOT_KEPT = {
    "ExecStart": "the holder is started, and starts the daemon",
    "ExecReload": "the tests ask for a reload themselves",
    "Sockets": "the tests pass sockets of their own",
    "Restart": "a holder that ends is a fault",
    "WatchdogSec": "the tests look at the daemon's signs of life, and the holder gives none",
    "User": "a daemon is the user that its test makes it: root, or one of OTHERS",
    "Group": "the same",
    "StateDirectory": "each daemon has a folder of its own",
    "RuntimeDirectory": "the same",
}

# What it has more than the service, and why.
ADDED = {
    f"ReadWritePaths={TESTS}": "the tests' folders are here, and not where the service has its",
    f"BindReadOnlyPaths={FOLDER}/passwd:/etc/passwd":
        "the user mixportd is not in it: --check-config, run by root, would become that user",
}
ADDED_FOR_ROOT = {
    "SupplementaryGroups=mixport": "the user mixportd is a member of it by itself",
}

# The users besides root as whom tests start the daemon.
OTHERS = (1, 54321)

# Tests that start a daemon outside, and why. They are run nevertheless.
MOUNTS = "it makes mounts for its daemon, and a sandbox that is there before does not have them"
OUTSIDE = {
    "test_startup.py::test_a_credential_of_the_daemons_group_is_taken": MOUNTS,
    "test_startup.py::test_a_credential_by_its_path_is_taken": MOUNTS,
    "test_startup.py::test_a_group_with_others_in_it_may_not_read_a_credential": MOUNTS,
    "test_startup.py::test_a_check_by_root_refuses_what_the_start_refuses": MOUNTS,
    "test_startup.py::test_a_check_by_root_looks_into_the_folder_as_the_start_does": MOUNTS,
    "test_startup.py::test_whose_eyes_could_not_see_is_told": MOUNTS,
    "test_startup.py::test_a_check_by_root_reads_the_configuration_as_the_start_does": MOUNTS,
    "test_startup.py::test_a_check_by_root_is_root_where_there_is_no_such_user": MOUNTS,
    "test_reload.py::test_the_option_finds_the_usual_socket_when_no_other_is_known": MOUNTS,
    "test_audit.py::test_no_path_forges_an_entry_of_the_journal": MOUNTS,
}

# Calls that are refused and may be, as (number, first argument), and why. Besides, what is refused
# with ENOSYS is no more than missing: the C library tries clone3(2) and then takes clone(2).
SYS_SOCKET = {"x86_64": 41, "aarch64": 198}[os.uname().machine]
EXPECTED = {
    (SYS_SOCKET, socket.AF_NETLINK):
        "getaddrinfo(3) sorts several addresses by those of the machine, or else without them",
}

# A test that ends the daemon as a refused call would, and why.
SENDS_SIGSYS = {
    "test_attacker.py::test_a_crash_leaves_no_core": "it is one of the signals that make a core",
}


# Filters of system calls ----------------------------------------------------------------------


PTRACE_DETACH, PTRACE_SEIZE, PTRACE_INTERRUPT = 17, 0x4206, 0x4207
PTRACE_SECCOMP_GET_FILTER = 0x420c
ANY_KIND_OF_CHILD = 0x40000000  # __WALL
LOAD_WORD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
ACTION, VALUE = 0xffff0000, 0x0000ffff
KILL_PROCESS, GIVE_ERROR, ALLOW = 0x80000000, 0x00050000, 0x7fff0000
NUMBER, FIRST_ARGUMENT = 0, 16  # where they are in struct seccomp_data


def ptrace(request, pid, address=None, data=None):
    call = ctypes.CDLL(None, use_errno=True).ptrace
    call.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    call.restype = ctypes.c_long
    result = call(request, pid, address, data)
    if result < 0:
        raise OSError(ctypes.get_errno(), f"ptrace: {os.strerror(ctypes.get_errno())}")
    return result


def filters_of(pid):
    """The filters that a process is under, each as its instructions (code, true, false, value)."""
    filters = []
    ptrace(PTRACE_SEIZE, pid)
    ptrace(PTRACE_INTERRUPT, pid)
    os.waitpid(pid, ANY_KIND_OF_CHILD)
    try:
        while True:
            count = ptrace(PTRACE_SECCOMP_GET_FILTER, pid, len(filters))
            data = ctypes.create_string_buffer(8 * count)
            ptrace(PTRACE_SECCOMP_GET_FILTER, pid, len(filters), data)
            filters.append(list(struct.iter_unpack("HBBI", data.raw)))
    except FileNotFoundError:  # these were all
        return filters
    finally:
        ptrace(PTRACE_DETACH, pid)


def is_refusal(code, value):
    return code == RETURN and value & ACTION == GIVE_ERROR and value & VALUE != errno.ENOSYS


def made_deadly(instructions):
    """The same filter with an end for errors, but for the expected ones."""
    expected = []
    for number, argument in EXPECTED:
        expected += [(LOAD_WORD, 0, 0, NUMBER), (JUMP_IF_EQUAL, 0, 3, number),
                     (LOAD_WORD, 0, 0, FIRST_ARGUMENT), (JUMP_IF_EQUAL, 0, 1, argument),
                     (RETURN, 0, 0, ALLOW)]
    return expected + [(code, true, false, KILL_PROCESS if is_refusal(code, value) else value)
                       for code, true, false, value in instructions]


def packed(filters):
    """As tests/boot/holder reads them."""
    return b"".join(struct.pack("H", len(instructions)) +
                    b"".join(struct.pack("HBBI", *instruction) for instruction in instructions)
                    for instructions in filters)


# The sandbox ----------------------------------------------------------------------------------


def call(*command, **options):
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE, **options).stdout


def lines_of_service():
    """Of its unit with all drop-ins."""
    section = None
    for line in call("systemctl", "cat", "mixportd.service").replace("\\\n", " ").splitlines():
        if line.startswith("["):
            section = line
        elif section == "[Service]" and re.match(r"\w+\s*=", line):
            yield line


def unit_of_holder(user):
    kept = [line for line in lines_of_service() if re.match(r"\w+", line)[0] not in NOT_KEPT]
    added = [*ADDED, *(ADDED_FOR_ROOT if user == 0 else ())]
    return "\n".join(["[Service]", *kept, *added, f"User={user}", f"Group={user}",
                      f"ExecStart={FOLDER}/holder {TESTS}/holder-{user}"]) + "\n"


def main_pid(unit):
    return int(call("systemctl", "show", "--value", "--property=MainPID", unit))


UNITS = Path("/run/systemd/system")


def start_holder(user):
    """The holder's pid. Its filters are not deadly yet."""
    name = f"mixport-holder-{user}.service"
    (UNITS / name).write_text(unit_of_holder(user))
    call("systemctl", "daemon-reload")
    call("systemctl", "start", name)
    return main_pid(name)


def make_deadly(user, filters):
    with socket.socket(socket.AF_UNIX) as holder:
        holder.connect(f"{TESTS}/holder-{user}")
        holder.sendall(packed(map(made_deadly, filters)))
        holder.shutdown(socket.SHUT_WR)
        assert holder.recv(1) == b""  # it has put them on


def make_folders():
    (BUILD / "src").mkdir(parents=True)
    shutil.copytree(TREE / "tests/sim", BUILD / "tests/sim")
    shutil.copy(TREE / "src/mixportctl", BUILD / "src")
    for path in (BUILD / "src/mixportd", BUILD / "src/python3"):
        shutil.copy(HERE / "stand-in", path)
        path.chmod(0o755)
    shutil.copy(HERE / "holder", FOLDER)
    (FOLDER / "holder").chmod(0o755)
    (FOLDER / "mounts").write_text(os.readlink("/proc/self/ns/mnt"))
    (FOLDER / "passwd").write_text("".join(
        line for line in open("/etc/passwd") if not line.startswith("mixportd:")))
    for folder in (TESTS, NOTES):
        folder.mkdir()
        folder.chmod(0o1777)
    for name in ("held", "not-held", "refused"):
        forget(name)


def make_others():
    """systemd wants to find whom it starts something as."""
    for user in OTHERS:
        with contextlib.suppress(subprocess.CalledProcessError):
            call("groupadd", "--gid", str(user), f"other{user}", stderr=subprocess.DEVNULL)
            call("useradd", "--uid", str(user), "--gid", str(user), "--no-create-home",
                 f"other{user}", stderr=subprocess.DEVNULL)


def set_up():
    make_folders()
    make_others()
    service = main_pid("mixportd.service")
    for user in (0, *OTHERS):
        holder, filters = start_holder(user), filters_of(service)
        assert filters_of(holder) == filters, "the filters of system calls are not the service's"
        for what in (status_of, limits_of, mounts_of):
            assert what(holder) == what(service), f"{what(holder)}\nbut {what(service)}"
        make_deadly(user, filters)
    assert_it_refuses()
    (FOLDER / "set-up").touch()


def take_down():
    for unit in UNITS.glob("mixport-holder-*.service"):
        call("systemctl", "stop", unit.name)
        unit.unlink()
    call("systemctl", "daemon-reload")
    shutil.rmtree(FOLDER)
    for user in OTHERS:
        if f"other{user}:" in Path("/etc/passwd").read_text():
            call("userdel", f"other{user}", stderr=subprocess.DEVNULL)


# What a process is held by


def status_of(pid):
    text = Path(f"/proc/{pid}/status").read_text()
    return re.findall(r"(?m)^(?:Cap.*|NoNewPrivs.*|Seccomp.*|Umask.*)$", text)


def limits_of(pid):
    return Path(f"/proc/{pid}/limits").read_text().splitlines()


# Those that only one of them has: ADDED, and StateDirectory= and RuntimeDirectory=.
OWN_MOUNTS = {str(TESTS), "/etc/passwd", "/var/lib/mixportd", "/run/mixportd"}


def mounts_of(pid):
    """What is mounted where, as it is seen, and how."""
    mounts = {}
    for line in Path(f"/proc/{pid}/mountinfo").read_text().splitlines():
        _, _, _, _, point, options, *_ = line.split()
        mounts[point] = options
    return {point: options for point, options in mounts.items() if point not in OWN_MOUNTS}


TRIES = {
    "import os; os.setpriority(0, 0, 1)": -signal.SIGSYS,
    "import socket; socket.socket(socket.AF_PACKET)": -signal.SIGSYS,
    "import errno, socket\n"
    "try: socket.socket(socket.AF_NETLINK)\n"
    "except OSError as e: exit(e.errno)": errno.EAFNOSUPPORT,
    "try: open('/srv/new', 'w')\n"
    "except OSError as e: exit(e.errno)": errno.EROFS,
    f"open('{TESTS}/new', 'w')": 0,
    "import os\n"
    "try: os.listdir('/root')\n"
    "except OSError as e: exit(e.errno)": errno.EACCES,
}


def assert_it_refuses():
    """What the tests find refused, or not, is told apart."""
    for code, status in TRIES.items():
        found = subprocess.run([BUILD / "src/python3", "-c", code], stderr=subprocess.DEVNULL)
        assert found.returncode == status, f"{code}: {found.returncode}"
    killed = [status for status in TRIES.values() if status == -signal.SIGSYS]
    assert len(notes("refused")) == len(killed), notes("refused")
    forget("refused")
    forget("held")


# The tests ------------------------------------------------------------------------------------


def forget(name):
    path = NOTES / name
    path.write_text("")
    path.chmod(0o666)


def notes(name, folder=NOTES):
    path = folder / name
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def run_tests(build, notes_in, *arguments, **more):
    """The exit status of tests/system/run."""
    notes_in.mkdir(exist_ok=True)
    environment = {**os.environ, "builddir": str(build), "srcdir": str(TREE), "TMPDIR": str(TESTS),
                   "PYTHONPATH": str(HERE), "MIXPORT_NOTES": str(notes_in), **more}
    with open(OUTPUT, "ab") as out:
        return subprocess.run([TREE / "tests/system/run", "-p", "watcher", *arguments],
                              env=environment, stdin=subprocess.DEVNULL, stdout=out,
                              stderr=subprocess.STDOUT, timeout=PATIENCE).returncode


def outcomes():
    """How each test ended, the last time that it was run: passed, failed or skipped."""
    ended = {}
    for test, when, outcome in notes("ended"):
        if when == "setup" or outcome != "passed":
            ended[test] = outcome
    return ended


def function_of(test):
    return re.split(r"\[| \(", test)[0]


def assert_none(tests, what):
    some = "\n".join(sorted(tests)[:12])
    assert not tests, f"{len(tests)} {what} (see {OUTPUT.name}), such as:\n{some}"


def logged_only_here():
    """The lines about a refusal that the same tests do not make a daemon log outside.

    Returns them, and how many others there are."""
    here = {tuple(line) for line in notes("logged")}
    if not here:
        return set(), 0
    outside = NOTES / "outside"
    run_tests(TREE, outside, *sorted({test for test, _ in here}))
    there = {tuple(line) for line in notes("logged", outside)}
    return {f"{test}: {line}" for test, line in here - there}, len(here & there)


def run_system_tests():
    """Returns what came of it, in figures."""
    assert (FOLDER / "set-up").exists(), "there is no sandbox"
    status = run_tests(BUILD, NOTES, MIXPORT_STANDS_IN="1")
    ended, held, not_held = outcomes(), notes("held"), notes("not-held")
    assert_none({test for test, *_ in notes("refused") if function_of(test) not in SENDS_SIGSYS},
                "tests had a call refused")
    assert_none({test for test, outcome in ended.items() if outcome == "failed"}, "tests failed")
    assert_none({test for test, outcome in ended.items() if outcome == "skipped"},
                "tests were skipped")
    assert status == 0 and ended and held, f"tests/system/run: {status}"
    assert {function_of(test) for test, *_ in not_held} == OUTSIDE.keys()
    refusals, others = logged_only_here()
    assert_none(refusals, "lines about a refusal are logged in the sandbox only")
    outside = {test for test in ended if function_of(test) in OUTSIDE}
    return (f"{len(ended) - len(outside)} tests ran in it and {len(outside)} outside, "
            f"{len(held)} processes were started in it, 0 calls were refused, "
            f"{others} lines about a refusal are the same outside")

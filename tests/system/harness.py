"""What the system tests stand on: the simulated Mixpanel, the daemon, and clients of both.

Nothing here knows the daemon's code. It starts the binaries as an operator would, in a folder of
its own, on ports the system chooses, and talks to them over HTTP. Nothing sleeps for a fixed
time: `wait_until` asks again until something holds.
"""

import base64
import contextlib
import email
import hashlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import quote, quote_plus, urlencode

from description import hold

SLOW = float(os.environ.get("MIXPORT_SLOW", "1"))
BUILD = Path(os.environ.get("builddir", ".")).resolve()
MIXPORTD = BUILD / "src" / "mixportd"
MIXPANEL_SIM = BUILD / "tests" / "sim" / "mixpanel-sim"

# Built with AddressSanitizer, which brings a leak checker.
LEAK_CHECKED = MIXPORTD.exists() and b"__asan_init" in MIXPORTD.read_bytes()

# Set where MIXPORTD is a program that stands in for the daemon, and bears a name with its pid.
STANDS_IN = "MIXPORT_STANDS_IN" in os.environ

PROJECT_ID = 123456789
OTHER_PROJECT_ID = 987654321
# Escapes, and encodings for URLs, change what is in it.
USER = 'demo-service-account:Zk3+Qm/9x=L%p"7\\é2'

SANITIZER = re.compile(r"Sanitizer|runtime error:")
LISTENING = re.compile(r"listening on (?:127\.0\.0\.1|\[::1\]):\d+(?:, port (\d+))?")


def slow(seconds):
    """A time-out, stretched when the binaries are slow ones."""
    return seconds * SLOW


def wait_until(condition, timeout=10, what=None, interval=0.02):
    """Asks until the condition's value is true, and returns that value."""
    end = time.monotonic() + slow(timeout)
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= end:
            raise AssertionError(f"not within {slow(timeout):g} s: {what or condition.__name__}, "
                                 f"last seen {value!r}")
        time.sleep(interval)


def stays(condition, seconds=0.6):
    """True when the condition holds each time it is asked during so many seconds."""
    end = time.monotonic() + slow(seconds)
    while time.monotonic() < end:
        if not condition():
            return False
        time.sleep(0.02)
    return True


def can_mount():
    """Whether a program can be given mounts of its own, by unshare -m."""
    return os.geteuid() == 0 and subprocess.run(["unshare", "-m", "true"]).returncode == 0


def control_group():
    """The folder of the group that this program is in, among those that systemd looks at."""
    root = Path("/sys/fs/cgroup")
    own = [line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().splitlines()]
    for folder, hierarchy in ((root / "unified", ""), (root, ""), (root / "systemd", "name=systemd")):
        if (folder / "cgroup.procs").exists():
            return folder / next(path for _, name, path in own if name == hierarchy).lstrip("/")
    return root


def can_group():
    """Whether a control group can be made in this program's."""
    return os.geteuid() == 0 and os.access(control_group() / "cgroup.procs", os.W_OK)


# Secrets --------------------------------------------------------------------------------------


def forms_of(secret):
    """The forms in which a secret could come out: as it is, escaped, encoded."""
    raw = secret.encode()
    quoted = [quote(secret, safe=""), quote(secret), quote_plus(secret)]
    quoted += [re.sub("%..", lambda code: code[0].lower(), text) for text in quoted]
    escaped = [json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]]
    escaped += [text.replace("/", "\\/") for text in escaped]
    escaped += [json.dumps(text)[1:-1] for text in escaped]
    found = {raw, raw.hex().encode(), raw.hex().upper().encode(),
             "".join(f"\\u{ord(c):04x}" for c in secret).encode(),
             "".join(f"\\u{ord(c):04X}" for c in secret).encode(),
             b"".join(b"%%%02x" % byte for byte in raw),
             b"".join(b"%%%02X" % byte for byte in raw)}
    found.update(text.encode() for text in quoted + escaped)
    for before in range(3):
        # With other bytes before it and behind, of which nothing is known.
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            text = encode(b"\0" * before + raw)
            found.add(text[-(-before * 8 // 6):(before + len(raw)) * 8 // 6])
    return found


def assert_no_secret(data, secrets, where):
    for secret in secrets:
        for form in forms_of(secret):
            at = data.find(form)
            assert at < 0, f"a secret in {where}, as {form!r}: {data[max(0, at - 100):at + 100]!r}"


# Clients --------------------------------------------------------------------------------------


def code_of(headers, body):
    """The code of a problem, in our shape; None of anything else."""
    if not headers.get("Content-Type", "").startswith("application/problem+json"):
        return None
    return json.loads(body)["code"]


class Answer:
    """One HTTP answer. `headers` finds names whatever their case."""

    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def text(self):
        return self.body.decode()

    @property
    def code(self):
        return code_of(self.headers, self.body)

    @property
    def faults(self):
        """What a problem document points at: a set of (pointer or parameter, code)."""
        return {(e.get("pointer", e.get("parameter")), e["code"])
                for e in self.json.get("errors", [])}

    def __repr__(self):
        return f"<{self.status} {self.body[:400]!r}>"


class HeldResponse(http.client.HTTPResponse):
    """One that is held against the description of the API once it is read in one piece."""

    asked = None  # method, target and body of the request, and whether it was for health alone

    def read(self, amt=None):
        data = super().read(amt)
        if amt is None:
            method, target, body, health = self.asked
            hold("check", method, target, self.status, self.headers, data, health)
            if body and self.status < 500:
                hold("check_request", method, target, body, self.status, code_of(self.headers, data))
        return data


class Connection(http.client.HTTPConnection):
    response_class = HeldResponse
    health = False

    def request(self, method, url, body=None, headers=None, **options):
        self.asked = (method, url, body, self.health)
        super().request(method, url, body=body, headers=headers or {}, **options)

    def getresponse(self):
        response = super().getresponse()
        response.asked = self.asked
        return response


def connect_unix(path, timeout):
    """A connected socket. Where many stand in line it waits for a place, as one with a timeout of
    Python's would not."""
    raw = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", int(timeout), 0))
    try:
        raw.connect(str(path))
    except BaseException:
        raw.close()
        raise
    raw.settimeout(timeout)
    return raw


class UnixConnection(Connection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.path = str(path)

    def connect(self):
        self.sock = connect_unix(self.path, self.timeout)


class Client:
    """Speaks to one listener of a daemon: `via` is tcp, unix or health.

    Each call is a connection of its own, so that a daemon may be restarted between two. The
    token is that of a client in the tokens file, by name; None sends none.
    """

    def __init__(self, daemon, token=None, via="tcp", timeout=75):
        self.daemon = daemon
        self.token = token
        self.via = via
        self.timeout = slow(timeout)

    def connection(self, timeout=None):
        timeout = timeout or self.timeout
        if self.via == "unix":
            return UnixConnection(self.daemon.socket, timeout)
        connection = Connection("127.0.0.1", self.port(), timeout=timeout)
        connection.health = self.via == "health"
        return connection

    def port(self):
        return self.daemon.health_port if self.via == "health" else self.daemon.port

    def socket(self, timeout=30, narrow=False):
        """A connected raw socket; over TCP a narrow one has next to no room for what comes."""
        if self.via == "unix":
            return connect_unix(self.daemon.socket, slow(timeout))
        raw = socket.socket()
        raw.settimeout(slow(timeout))
        if narrow:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.connect(("127.0.0.1", self.port()))
        return raw

    def authorization(self):
        if self.token is None:
            return {}
        return {"Authorization": "Bearer " + self.daemon.tokens[self.token].secret}

    def request(self, method, path, query=None, body=None, headers=None, **json_members):
        """`body`: bytes or text as they are, anything else as JSON. `query`: a dict or pairs.

        A header of None is not sent."""
        if query:
            path += ("&" if "?" in path else "?") + urlencode(query)
        sent = self.authorization()
        if json_members:
            body = json_members
        if body is not None:
            if isinstance(body, str):
                body = body.encode()
            elif not isinstance(body, bytes):
                body = json.dumps(body).encode()
            sent["Content-Type"] = "application/json"
        sent.update(headers or {})
        sent = {name: value for name, value in sent.items() if value is not None}
        connection = self.connection()
        try:
            connection.request(method, path, body=body, headers=sent)
            answer = connection.getresponse()
            data = answer.read()
            self.daemon.assert_no_secret(bytes(answer.headers) + data, f"{method} {path}")
            return Answer(answer.status, answer.headers, data)
        finally:
            connection.close()

    def get(self, path, query=None, **options):
        return self.request("GET", path, query, **options)

    def head(self, path, query=None, **options):
        return self.request("HEAD", path, query, **options)

    def post(self, path, body=None, query=None, **options):
        return self.request("POST", path, query, body=body, **options)

    def delete(self, path, query=None, **options):
        return self.request("DELETE", path, query, **options)

    def raw(self, data, timeout=30, shutdown=False):
        """Sends bytes as they are and returns all bytes until the other side closes."""
        with self.socket(timeout) as raw:
            try:
                raw.sendall(data)
                if shutdown:
                    raw.shutdown(socket.SHUT_WR)
            except OSError:  # it has hung up already; what it said is still to be read
                pass
            answer = read_all(raw)
            self.daemon.assert_no_secret(answer, "an answer")
            return answer

    # The same few calls, again and again, by name.

    def connectors(self, project="demo", **query):
        return self.get(f"/v1/projects/{project}/connectors", query)

    def connector(self, connector_id, project="demo", **query):
        return self.get(f"/v1/projects/{project}/connectors/{connector_id}", query)

    def create(self, body, project="demo", key=None, **query):
        headers = {"Idempotency-Key": key} if key is not None else None
        return self.post(f"/v1/projects/{project}/connectors", body, query, headers=headers)

    def remove(self, connector_id, project="demo", **query):
        return self.delete(f"/v1/projects/{project}/connectors/{connector_id}", query)

    def jobs_of(self, connector_id, project="demo", **query):
        return self.get(f"/v1/projects/{project}/connectors/{connector_id}/jobs", query)

    def job(self, job_id, **query):
        return self.get(f"/v1/jobs/{job_id}", query)

    def operation(self, operation_id, **query):
        return self.get(f"/v1/operations/{operation_id}", query)

    def project(self, project="demo"):
        return self.get(f"/v1/projects/{project}").json

    def refresh(self, project="demo", wait=30):
        """Everything anew from Mixpanel, and done."""
        answer = self.post(f"/v1/projects/{project}/refresh", query={"wait": wait})
        assert answer.status == 200, answer
        return answer.json

    def every(self, path, query=None):
        """All records of a list, page after page."""
        query = dict(query or {})
        records = []
        while True:
            page = self.get(path, query)
            assert page.status == 200, page
            records += page.json["data"]
            if not page.json["has_more"]:
                return records
            query["cursor"] = page.json["next_cursor"]


def receive_all(raw):
    data = b""
    while True:
        try:
            piece = raw.recv(65536)
        except ConnectionResetError:
            return data
        if not piece:
            return data
        data += piece


def read_all(raw):
    """What a daemon says until it closes. Nobody asks for HEAD in this way."""
    data = receive_all(raw)
    for answer in whole_answers(data):
        hold("check_any", answer.status, answer.headers, answer.body)
    return data


def whole_answers(data):
    """As far as they tell their length and are there, to the last byte."""
    while data.startswith(b"HTTP/1.") and b"\r\n\r\n" in data:
        answer = parse(data)
        length = int(answer.headers.get("Content-Length", -1))
        if answer.status in (204, 304):
            length = 0
        if not 0 <= length <= len(answer.body):
            return
        data = answer.body[length:]
        answer.body = answer.body[:length]
        yield answer


def parse(data):
    """The first answer in some raw bytes."""
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    headers = http.client.HTTPMessage()
    for line in lines[1:]:
        name, _, value = line.partition(":")
        headers[name] = value.strip()
    return Answer(int(lines[0].split()[1]), headers, body)


def basic(name, secret):
    return "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()


AS_PEER = """
import http.client, json, socket, sys
path, method, target = sys.argv[1:]
c = http.client.HTTPConnection("localhost", timeout=30)
c.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
try:
    c.sock.connect(path)
except OSError as e:
    print(json.dumps([0, str(e), None]))
    sys.exit()
c.request(method, target)
a = c.getresponse()
print(json.dumps([a.status, a.read().decode(), str(a.headers)]))
"""


@contextlib.contextmanager
def user(number):
    """What connects meanwhile is this user's. Needs root."""
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(number)
    os.seteuid(number)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)


def as_peer(daemon, uid, gid, groups=(), method="GET", target="/v1/projects"):
    """A request over the UNIX socket from another user; (status, text). Needs root.

    Status 0: the connection was refused."""
    done = subprocess.run([sys.executable, "-c", AS_PEER, str(daemon.socket), method, target],
                          user=uid, group=gid, extra_groups=list(groups), cwd="/",
                          stdout=subprocess.PIPE, timeout=slow(60), check=True)
    status, text, head = json.loads(done.stdout)
    if status:
        hold("check", method, target, status, email.message_from_string(head), text.encode())
    return status, text


# Processes ------------------------------------------------------------------------------------


class Process(subprocess.Popen):
    """The daemon's process: its signals reach it, also where another stands in for it.

    What stands in ends as the daemon ends, or becomes it, where it cannot stand in."""

    def find_daemon(self):
        name = re.fullmatch(r"for (\d+)\n", Path(f"/proc/{self.pid}/comm").read_text())
        if name:
            return int(name[1])
        return self.pid if Path(os.readlink(f"/proc/{self.pid}/exe")).name == "mixportd" else None

    def pid_of_daemon(self):
        return wait_until(self.find_daemon, 30, "its pid") if STANDS_IN else self.pid

    def send_signal(self, number):
        if not STANDS_IN:
            super().send_signal(number)
        elif self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid_of_daemon(), number)


def end_process(process, number, timeout):
    """Sends a signal and waits; the exit code, or None when it did not end and was killed."""
    process.send_signal(number)
    try:
        return process.wait(timeout=slow(timeout))
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return None


class Sim:
    """The simulated Mixpanel. See tests/sim/README.md for what the controls mean."""

    def __init__(self, *options, projects=(PROJECT_ID,)):
        self.options = list(options)
        if "--user" not in options:
            self.options += ["--user", USER]
        for project in projects:
            self.options += ["--project", str(project)]
        self.process = None
        self.port = 0

    def __enter__(self):
        return self.start()

    def __exit__(self, *exception):
        self.stop()

    @property
    def base_url(self):
        return f"http://127.0.0.1:{self.port}/api/app"

    def start(self):
        """Starts it, on the port it had before when it runs a second time."""
        self.process = subprocess.Popen(
            [MIXPANEL_SIM, "--listen", f"127.0.0.1:{self.port}", *self.options],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        assert line.startswith("listening on "), f"the simulator did not start: {line!r}"
        self.port = int(line.rsplit(":", 1)[1])
        return self

    def stop(self):
        if self.process is None:
            return
        process, self.process = self.process, None
        end_process(process, signal.SIGTERM, 10)
        process.stdout.close()

    def control(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=slow(30))
        try:
            connection.request(method, "/sim/" + path, None if body is None else json.dumps(body))
            answer = connection.getresponse()
            text = answer.read()
            assert answer.status == 200, f"the simulator refused {method} {path}: {text!r}"
            return json.loads(text)
        finally:
            connection.close()

    def stats(self, requests=False, since=0):
        return self.control("GET", f"stats?since={since}" if requests else "stats?requests=0")

    def requests(self, endpoint=None):
        """The log, of one endpoint or of all."""
        return [r for r in self.stats(requests=True)["requests"]
                if endpoint in (None, r["endpoint"])]

    def received(self, endpoint):
        return self.stats()["received"][endpoint]

    def executed(self, endpoint):
        return self.stats()["executed"][endpoint]

    def created(self):
        return self.stats()["created"]

    def forget_stats(self):
        self.control("DELETE", "stats")

    def fault(self, action, endpoint="any", count=1, **members):
        """The next `count` calls of the endpoint are struck; -1: all until `no_faults`."""
        return self.control("POST", "faults", {"action": action, "endpoint": endpoint,
                                               "count": count, **members})

    def refuse(self, endpoint, status, count=1, **members):
        """A fault of nothing but a status."""
        return self.fault("status", endpoint, count, status=status, **members)

    def no_faults(self):
        self.control("DELETE", "faults")

    def faults(self):
        return self.control("GET", "faults")

    def settings(self, **changes):
        return self.control("POST", "settings", changes)

    def advance(self, seconds):
        self.control("POST", "clock", {"advance_ms": int(seconds * 1000)})

    def connectors(self):
        return self.control("GET", "connectors")

    def put(self, count=1, **members):
        """Connectors made behind the API's back; their ids."""
        answer = self.control("POST", "connectors", {"action": "put", "count": count, **members})
        return answer["connector_ids"]

    def alter(self, connector_id, connector=None, **members):
        if connector is not None:
            members["connector"] = connector
        self.control("POST", "connectors",
                     {"action": "alter", "connector_id": connector_id, **members})

    def remove(self, connector_id=None, **members):
        what = {"all": True} if connector_id is None else {"connector_id": connector_id}
        self.control("POST", "connectors", {"action": "remove", **what, **members})

    def jobs(self, action, connector_id, **members):
        return self.control("POST", "jobs",
                            {"action": action, "connector_id": connector_id, **members})

    def add_job(self, connector_id, **members):
        return self.jobs("add", connector_id, **members)

    def verbatim_job(self, connector_id, **job):
        return self.jobs("add", connector_id, verbatim=True, job=job)

    def alter_job(self, connector_id, index=0, job=None, **members):
        if job is not None:
            members["job"] = job
        return self.jobs("alter", connector_id, index=index, **members)

    def drop_job(self, connector_id, index=0):
        return self.jobs("drop", connector_id, index=index)

    def replace_history(self, connector_id, history):
        return self.jobs("replace", connector_id, history=history)


class Token:
    """A line of the tokens file."""

    def __init__(self, name, scope, projects="*"):
        self.name = name
        self.scope = scope
        self.projects = projects
        self.secret = "mxp_" + hashlib.sha256(f"secret of {name}".encode()).hexdigest()[:40]

    def line(self):
        digest = hashlib.sha256(self.secret.encode()).hexdigest()
        return f"{self.name}:{self.scope}:{self.projects}:{digest}\n"


TOKENS = (Token("admin", "admin"), Token("manage", "manage"), Token("read", "read"),
          Token("limited", "manage", "demo"))

ACTIVATE = """
import os, sys
count = int(sys.argv[1])
fds = [int(n) for n in sys.argv[2:2 + count]]
high = [os.dup(fd) for fd in fds]
while min(high) < 3 + count:
    high = [os.dup(fd) for fd in high]
for number, fd in enumerate(high):
    os.dup2(fd, 3 + number, inheritable=True)
os.environ.update(LISTEN_FDS=str(count), LISTEN_PID=str(os.getpid()),
                  LISTEN_FDNAMES=os.environ["NAMES"])
os.execve(sys.argv[2 + count], sys.argv[2 + count:], os.environ)
"""

DEMO = {"demo": PROJECT_ID}
DEMO_AND_OTHER = {"demo": PROJECT_ID, "other": OTHER_PROJECT_ID}


class Daemon:
    """A daemon with its folder, configuration, credentials and tokens.

    `config` overrides the configuration, as {section: {key: value}}; a key of None is left out,
    and so is a section. `"project demo"` is the section of a project. `projects` says which
    projects there are, as {name: id}. Changing `config` later and calling `reload` or `restart`
    puts it in force.
    """

    alive = []

    def __init__(self, sim, config=None, projects=None, tokens=TOKENS, credential=USER):
        self.sim = sim
        self.config = config or {}
        self.projects = projects or DEMO
        self.tokens = {token.name: token for token in tokens}
        self.credential = credential
        # Not pytest's folder: the path of a UNIX socket is at most 107 bytes.
        self.folder = Path(tempfile.mkdtemp(prefix="mixport-"))
        self.folder.chmod(0o711)
        self.socket = self.folder / "api.sock"
        self.file = self.folder / "mixportd.conf"
        self.process = None
        self.port = self.health_port = None
        self.starts = 0
        self.log_path = None
        self.expected_errors = []
        self.arguments = []
        self.program = MIXPORTD
        self.prefix = []  # a program that runs it, with its arguments
        self.spawn = {}  # more for Popen: user, env, preexec_fn, pass_fds
        Daemon.alive.append(self)

    def __enter__(self):
        return self.start()

    def __exit__(self, *exception):
        self.close()

    # The files it reads

    def settings(self):
        sections = {"daemon": {
            "socket": self.socket, "listen": "127.0.0.1:0", "health_listen": "127.0.0.1:0",
            "database": self.folder / "mixportd.db", "tokens": self.folder / "tokens",
            "log_level": "debug"}}
        for name, number in self.projects.items():
            sections["project " + name] = {
                "project_id": number, "region": "us",
                "credential": self.folder / "credential", "base_url": self.sim.base_url,
                "list_interval": "200ms", "active_interval": "100ms", "idle_interval": "500ms",
                "settle_time": "200ms",
                "rate_limit": 60000}
        for section, changes in self.config.items():
            if changes is None:
                sections.pop(section, None)
            else:
                sections.setdefault(section, {}).update(changes)
        return sections

    def write_config(self):
        lines = []
        for section, keys in self.settings().items():
            lines.append(f"[{section}]")
            lines += [f"{key} = {value}" for key, value in keys.items() if value is not None]
        self.file.write_text("\n".join(lines) + "\n")

    def write_secret(self, name, text):
        path = self.folder / name
        path.write_text(text)
        path.chmod(0o600)
        return path

    def write_files(self):
        self.write_secret("credential", self.credential + "\n")
        self.write_secret("tokens", "".join(token.line() for token in self.tokens.values()))
        self.write_config()

    def configure(self, section, **keys):
        """Changes some keys of the configuration; in force after reload or restart."""
        self.config.setdefault(section, {}).update(keys)
        self.write_config()

    # Its life

    def launch(self):
        """Starts the process and no more."""
        self.starts += 1
        self.log_path = self.folder / f"stderr-{self.starts}"
        with open(self.log_path, "ab") as log:  # a test may add to it
            self.process = Process(
                [*self.prefix, self.program, "-c", self.file, *self.arguments],
                **{"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": log,
                   "cwd": self.folder, **self.spawn})

    @property
    def pid(self):
        return self.process.pid_of_daemon()

    def pass_sockets(self, sockets):
        """From now on it is started with these pairs of a name and a socket, as by systemd."""
        fds = [made.fileno() for _, made in sockets]
        self.prefix = [sys.executable, "-c", ACTIVATE, str(len(fds)), *map(str, fds)]
        self.spawn = {"pass_fds": fds,
                      "env": {**os.environ, "NAMES": ":".join(name for name, _ in sockets)}}

    def start(self, ready=True):
        """Starts it; returns once it serves, and by default once it is ready."""
        self.write_files()
        self.launch()
        wanted = [key for key in ("listen", "health_listen") if self.settings()["daemon"][key]]
        found = wait_until(lambda: self.listening(len(wanted)), 30, "listening",
                           interval=0.01)
        ports = dict(zip(wanted, found[1]))
        self.port = ports.get("listen")
        self.health_port = ports.get("health_listen")
        if self.settings()["daemon"]["socket"]:
            wait_until(lambda: f"listening on {self.socket}\n" in self.log(), 30,
                       "listening on the UNIX socket", interval=0.01)
        if ready:
            self.wait_ready()
        return self

    def wait_end(self, timeout=10):
        """Waits until it ends by itself, and returns the exit code; its errors are expected."""
        self.expect_error("")
        process, self.process = self.process, None
        try:
            return process.wait(slow(timeout))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"it did not end by itself:\n{self.log()}") from None

    def listening(self, count):
        """(True, ports) once so many TCP listeners have told their ports."""
        log = self.log()
        self.assert_runs(log)
        ports = [int(port) for port in LISTENING.findall(log) if port]
        return len(ports) >= count and (True, ports)

    def assert_runs(self, log=None):
        code = self.process.poll()
        if code is not None:
            self.process = None
            raise AssertionError(f"the daemon ended with {code}:\n{log or self.log()}")

    def wait_ready(self):
        client = Client(self, via="health" if self.health_port else "unix")
        wait_until(lambda: client.get("/readyz").status == 200, 30, "ready", interval=0.01)

    def reload(self):
        """SIGHUP, and waits until the daemon has logged what came of it; what it logged."""
        before = len(self.log())
        self.process.send_signal(signal.SIGHUP)
        wait_until(lambda: re.search(r"(reload|stays as it was).*\n", self.log()[before:]), 10,
                   "a line about the reload")
        return self.log()[before:]

    # What it keeps to itself

    def assert_no_secret(self, data, where):
        secrets = [token.secret for token in self.tokens.values()]
        _, colon, secret = self.credential.partition(":")
        assert_no_secret(data, secrets + [secret] if colon and secret else secrets, where)

    def assert_nothing_leaked(self):
        """Neither the log, nor the database and its copies, nor what anybody may see of it."""
        for path in self.folder.rglob("*"):
            if not path.is_file():
                continue
            data = path.read_bytes()
            if path.name.startswith("stderr-") or data.startswith(b"SQLite format 3") or \
                    path.name.endswith(("-wal", "-shm")):
                self.assert_no_secret(data, path.name)
        if self.process is not None:
            for path in self.shown_by_proc():
                try:
                    data = os.readlink(path).encode() if path.is_symlink() else path.read_bytes()
                except OSError:
                    continue
                # The tests' own: what they are called may hold a secret they use.
                data = b"\0".join(entry for entry in data.split(b"\0")
                                  if not entry.startswith(b"PYTEST_CURRENT_TEST="))
                self.assert_no_secret(data, path)

    def shown_by_proc(self):
        """What /proc shows of the process, but for its memory, which holds them."""
        top = Path(f"/proc/{self.pid}")
        memory = {"mem", "pagemap", "clear_refs"}
        try:
            return [path for path in [*top.iterdir(), *top.glob("fd/*"), *top.glob("fdinfo/*"),
                                      *top.glob("task/*/comm")]
                    if path.name not in memory and (path.is_symlink() or path.is_file())]
        except OSError:
            return []

    def kill(self):
        """SIGKILL: no chance to tidy up."""
        self.process.kill()
        self.process.wait()
        self.process = None

    def stop(self, number=signal.SIGTERM):
        """Ends it; the exit code, None when it had to be killed."""
        process, self.process = self.process, None
        return end_process(process, number, 10)

    def restart(self, ready=True):
        """Stops it with SIGTERM, when it runs, and starts it again: new ports."""
        if self.process is not None:
            code = self.stop()
            assert code == 0, f"it did not end with 0 on SIGTERM but {code}"
        return self.start(ready)

    # What it says

    def log(self):
        """Standard error since the last start."""
        return self.log_path.read_text(errors="replace") if self.log_path else ""

    def whole_log(self):
        return "".join(path.read_text(errors="replace")
                       for path in sorted(self.folder.glob("stderr-*")))

    def expect_error(self, pattern):
        """Declares ERROR lines that this test provokes."""
        self.expected_errors.append(pattern)

    def assert_log_is_clean(self):
        log = self.whole_log()
        assert not SANITIZER.search(log), log
        errors = [line for line in log.splitlines() if re.match(r"<[0-3]>", line)
                  and not any(re.search(p, line) for p in self.expected_errors)]
        assert not errors, "errors in the log:\n" + "\n".join(errors)

    def close(self):
        """The end of a test: it stops cleanly, and nothing went wrong unnoticed."""
        try:
            if self.process is not None:
                early = self.process.poll()
                assert early is None, f"it ended by itself with {early}:\n{self.log()}"
                self.assert_nothing_leaked()
                code = self.stop()
                assert code == 0, f"SIGTERM did not end it with 0 in time but {code}"
            self.assert_log_is_clean()
            self.assert_nothing_leaked()
        finally:
            Daemon.alive.remove(self)
            if self.process is not None:
                self.kill()
            shutil.rmtree(self.folder, ignore_errors=True)

    # Those who call it

    def client(self, token="admin", **options):
        return Client(self, token, **options)

    def over_unix(self, **options):
        return Client(self, None, via="unix", **options)

    def over_health(self, **options):
        return Client(self, None, via="health", **options)


# Bodies ---------------------------------------------------------------------------------------


def gcs(bucket="bucket", prefix="events/", **members):
    """The body of a good create."""
    return {"connector_type": "gcsImport",
            "connector_properties": {"gcs_bucket": bucket, "gcs_prefix": prefix},
            "category_properties": {"data_format": "mixpanel_event", "compression": "gzip"},
            **members}


def s3(bucket="bucket", prefix="events/", region="us-east-1", **members):
    return {"connector_type": "s3Import",
            "connector_properties": {"s3_bucket": bucket, "s3_prefix": prefix,
                                     "s3_region": region,
                                     "s3_role": "arn:aws:iam::123456789012:role/import"},
            "category_properties": {"data_format": "mixpanel_event", "compression": "none"},
            **members}

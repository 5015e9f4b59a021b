"""The monitoring kit, with the programs that it is for: Prometheus scrapes a daemon, and what the rules
and the board ask for is there."""

import json
import re
import shutil
import signal
import subprocess
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

from ctl import MIXPORTCTL, environment
from harness import Daemon, end_process, slow, wait_until
from test_metrics import families, metrics_of, over

# One Prometheus for all of them.
pytestmark = pytest.mark.xdist_group("monitoring")

KIT = Path(__file__).parents[2] / "monitoring"
LISTENING = re.compile(r'msg="Listening on" address=127\.0\.0\.1:(\d+)')

SCRAPES = """
global:
  scrape_interval: 1s
  evaluation_interval: 1s
rule_files: ['{kit}/mixport-alerts.yml']
scrape_configs:
  - job_name: mixport
    static_configs: [{{targets: ['127.0.0.1:{daemon.health_port}'], labels: {{way: health}}}}]
  - job_name: bearer
    authorization: {{credentials_file: '{folder}/token'}}
    static_configs: [{{targets: ['127.0.0.1:{daemon.port}'], labels: {{way: bearer}}}}]
  - job_name: basic
    basic_auth: {{username: read, password_file: '{folder}/token'}}
    static_configs: [{{targets: ['127.0.0.1:{daemon.port}'], labels: {{way: basic}}}}]
  - job_name: nobody
    static_configs: [{{targets: ['127.0.0.1:{daemon.port}'], labels: {{way: nobody}}}}]
"""


class Prometheus:
    """One that scrapes a daemon in each way, with the alerts of the kit."""

    def __init__(self, daemon, folder):
        self.folder = folder
        self.log = folder / "log"
        (folder / "token").write_text(daemon.tokens["read"].secret)
        (folder / "prometheus.yml").write_text(SCRAPES.format(kit=KIT, daemon=daemon, folder=folder))
        self.process = None
        self.port = None

    def __enter__(self):
        program = shutil.which("prometheus")
        assert program, "apt-get install prometheus"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [program, f"--config.file={self.folder}/prometheus.yml",
                 f"--storage.tsdb.path={self.folder}/data", "--web.listen-address=127.0.0.1:0"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, cwd=self.folder)
        try:
            self.port = wait_until(self.listening, 30, "Prometheus listens")[1]
        except AssertionError:
            self.__exit__()
            raise AssertionError(self.log.read_text()) from None
        return self

    def __exit__(self, *exception):
        end_process(self.process, signal.SIGTERM, 20)

    def listening(self):
        assert self.process.poll() is None
        return LISTENING.search(self.log.read_text())

    def ask(self, path, **query):
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        try:
            with urllib.request.urlopen(url, timeout=slow(30)) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            if error.code == 503:  # it is not ready yet
                return {}
            raise AssertionError(f"{query}: {error.read()}") from None

    def query(self, expression):
        """[(labels, value)]"""
        return [(sample["metric"], float(sample["value"][1]))
                for sample in self.ask("query", query=expression).get("result", [])]

    def ups(self):
        return {labels["way"]: value for labels, value in self.query("up")}


@pytest.fixture(scope="module")
def daemon(shared_sim):
    """One with connectors and a job that succeeded, so that nothing is absent."""
    [connector_id] = shared_sim.put(1, job=False)
    shared_sim.verbatim_job(connector_id, **over(seconds=60))
    with Daemon(shared_sim) as daemon:
        yield daemon


@pytest.fixture(scope="module")
def prometheus(daemon, tmp_path_factory):
    wait_until(lambda: "\nmixport_last_success_timestamp_seconds{" in metrics_of(daemon), 20,
               "the job that succeeded")
    with Prometheus(daemon, tmp_path_factory.mktemp("prometheus")) as prometheus:
        wait_until(lambda: prometheus.ups() == {"health": 1, "bearer": 1, "basic": 1, "nobody": 0},
                   30, "each target was scraped, with a token or where none is needed")
        yield prometheus


@pytest.mark.parametrize("way", ["health", "bearer", "basic"])
def test_prometheus_has_the_samples(prometheus, daemon, way):
    [(labels, value)] = prometheus.query(f'mixport_build_info{{way="{way}"}}')
    assert value == 1 and f'version="{labels["version"]}"' in metrics_of(daemon)
    [(_, value)] = prometheus.query(f'sum(mixport_connectors{{way="{way}",project="demo"}})')
    assert value == 1


def test_what_the_unix_socket_serves_is_the_same(daemon):
    assert families(daemon.over_unix().get("/metrics").text) == families(metrics_of(daemon))


# What the kit asks for


def expressions_of_rules():
    text = re.sub(r"\n {10,}", " ", (KIT / "mixport-alerts.yml").read_text())
    return re.findall(r"^ *expr: (?:>- )?(.+)$", text, re.M)


def board():
    return json.loads((KIT / "mixport-grafana.json").read_text())


def panels():
    return [panel for panel in board()["panels"] if panel["type"] != "row"]


def expressions_of_board():
    return [target["expr"] for panel in panels() for target in panel["targets"]]


# What may stand in an expression besides the names of metrics, of labels and of functions.
NO_NAMES = re.compile(r'"[^"]*"|\{[^}]*\}|\[[^]]*\]|'
                      r'\b(?:by|without|on|ignoring|group_left|group_right) *\([^)]*\)|'
                      r'\b\w+(?= *\()|\b\w+(?= by \()|\b(?:and|or|unless|bool|offset)\b')


def names_in(expression):
    return set(re.findall(r"\b[a-z_:][\w:]*", NO_NAMES.sub(" ", expression)))


def all_names():
    variables = [re.fullmatch(r"label_values\((\w+), \w+\)", variable["query"]["query"])[1]
                 for variable in board()["templating"]["list"] if variable["type"] == "query"]
    return {*variables, *(name for expression in expressions_of_rules() + expressions_of_board()
                          for name in names_in(expression))}


def test_every_metric_of_the_kit_is_there(prometheus, daemon):
    """As Prometheus has them, with `up`, which is its own, and those parts of a histogram."""
    wanted = all_names()
    assert {"up", "mixport_store_writable", "mixport_job_duration_seconds_bucket",
            "process_open_fds", "mixport_project_loaded"} <= wanted
    assert not {"project", "le", "sum", "rate", "and"} & wanted
    there = set(prometheus.ask("label/__name__/values"))
    assert wanted <= there, sorted(wanted - there)
    told = set(re.findall(r"^(\w+)", metrics_of(daemon), re.M))
    assert wanted - {"up"} <= told


def filled_in(expression):
    return expression.replace("$project", "demo")


@pytest.mark.parametrize("expression", expressions_of_rules() + expressions_of_board())
def test_prometheus_understands_every_expression(prometheus, expression):
    assert prometheus.ask("query", query=filled_in(expression))["resultType"] in ("vector", "scalar")


def test_prometheus_has_the_alerts_and_none_fires(prometheus):
    [group] = prometheus.ask("rules")["groups"]
    rules = wait_until(lambda: (found := prometheus.ask("rules")["groups"][0]["rules"])
                       and all(rule["health"] == "ok" for rule in found) and found, 20, "evaluated")
    assert group["name"] == "mixport" and len(rules) == len(expressions_of_rules())
    assert {rule["name"] for rule in rules if rule["state"] == "firing"} == set()


# The board


def test_the_board_has_its_rows():
    assert [panel["title"] for panel in board()["panels"] if panel["type"] == "row"] == [
        "Now", "Imports", "Daemon"]


def test_the_board_can_be_imported():
    found = board()
    assert found["id"] is None and found["uid"] == "mixport" and found["schemaVersion"] >= 36
    numbers = [panel["id"] for panel in found["panels"]]
    assert len(set(numbers)) == len(numbers)
    taken = set()
    for panel in found["panels"]:
        place = panel["gridPos"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"])
                 for y in range(place["y"], place["y"] + place["h"])}
        assert place["x"] + place["w"] <= 24 and not cells & taken, panel["title"]
        taken |= cells


def test_the_board_asks_the_datasource_that_is_chosen():
    names = {variable["name"]: variable for variable in board()["templating"]["list"]}
    assert names["datasource"]["type"] == "datasource"
    assert names["datasource"]["query"] == "prometheus"
    chosen = {"type": "prometheus", "uid": "${datasource}"}
    asking = [names["project"], *panels(), *(t for panel in panels() for t in panel["targets"])]
    assert all(asks["datasource"] == chosen for asks in asking)
    variables = set(re.findall(r"\$\{?(\w+)", json.dumps(board())))
    assert variables - {"__all"} == set(names)


# The plugin


NAGIOS = re.findall(r"define command \{\n\tcommand_name\t(\w+)\n\tcommand_line\t(.*)\n\}\n",
                    (KIT / "mixport-nagios.cfg").read_text())


def run_plugin(daemon, command):
    assert command[0] == "/usr/bin/mixportctl"
    return subprocess.run([MIXPORTCTL, *command[1:]], stdout=subprocess.PIPE, text=True,
                          env=environment(daemon.folder, MIXPORT_SOCKET=daemon.socket),
                          timeout=slow(30), check=False)


@pytest.mark.parametrize("name, line", NAGIOS)
def test_the_commands_for_nagios_run(daemon, name, line):
    arguments = {"list": ["demo", "30m"], "connector": ["demo", daemon.client().every(
        "/v1/connectors")[0]["connector_id"]], "project": ["demo"]}.get(name.split("_")[-1], [])
    for number, value in enumerate(arguments, 1):
        line = line.replace(f"$ARG{number}$", value)
    assert "$" not in line
    done = run_plugin(daemon, line.split())
    assert (done.returncode, done.stdout.split(" ")[:2]) == (0, ["MIXPORT", "OK"]), done


def test_the_command_for_icinga_runs_with_each_of_its_arguments(daemon, prometheus):
    text = (KIT / "mixport-icinga2.conf").read_text()
    command = json.loads(re.search(r"command = (\[.*\])", text)[1])
    values = {"project": "demo", "max-list-age": "30m",
              "connector": daemon.client().every("/v1/connectors")[0]["connector_id"]}
    by_socket = {"socket": str(daemon.socket)}
    by_tcp = {"url": f"http://127.0.0.1:{daemon.port}", "token-file": str(daemon.folder / "mine")}
    daemon.write_secret("mine", daemon.tokens["read"].secret)
    assert {*values, *by_socket, *by_tcp} == set(re.findall(r'"--([\w-]+)" = \{', text))
    for way in (by_socket, by_tcp):
        given = [word for name, value in {**values, **way}.items() for word in ("--" + name, value)]
        done = subprocess.run(
            [MIXPORTCTL, *command[1:], *given], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, env=environment(daemon.folder), timeout=slow(30), check=False)
        assert (done.returncode, done.stdout.split(" ")[:2]) == (0, ["MIXPORT", "OK"]), done


# The last, because the daemon needs attention from here on


def test_imports_that_fail_get_as_far_as_the_alert(prometheus, shared_sim):
    [connector_id] = shared_sim.put(1, job=False)
    for hour in range(3):
        shared_sim.verbatim_job(connector_id, **over("failed", 3600 * hour + 60,
                                                     start=f"2026-07-01T{hour:02}:00:00Z"))
    alert = '{alertname="MixportAttentionCritical",project="demo",code="failing",way="health"}'
    [(labels, _)] = wait_until(lambda: prometheus.query("ALERTS" + alert), 30, "the alert")
    # It fires when that has been so for a minute.
    assert (labels["alertstate"], labels["severity"]) == ("pending", "critical")

"""Metrics: the format, what is counted of connectors and jobs, and who sees what."""

import re
import shutil
import subprocess
import time

import pytest

from harness import DEMO_AND_OTHER, OTHER_PROJECT_ID, PROJECT_ID, slow, stays, wait_until

SAMPLE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\.)*"'
                    r',?)*\})? (NaN|[+-]?Inf|[-+0-9.eE]+)( -?\d+)?')
LABEL = re.compile(r'(\w+)="([^"]*)"')
BOUNDS = ["10", "60", "300", "900", "3600", "14400", "43200", "+Inf"]
DAY = "2026-07-01T"


def metrics_of(daemon):
    return daemon.over_health().get("/metrics").text


class Metrics:
    """The samples of one moment: metrics("jobs_ended_total", status="failed")."""

    def __init__(self, daemon):
        self.text = metrics_of(daemon)
        self.samples = {}
        for line in self.text.splitlines():
            if line and not line.startswith("#"):
                name, labels, number = SAMPLE.fullmatch(line).groups()[:3]
                self.samples[name, frozenset(LABEL.findall(labels or ""))] = float(number)

    def __call__(self, name, **labels):
        """None where there is no such sample. Of a project it is demo unless said."""
        for more in ({"project": "demo", **labels}, labels):
            found = self.samples.get((name, frozenset(more.items())))
            if found is not None:
                return found
        return None

    def all(self, name, label, **labels):
        """{value of the label: number} of a family."""
        wanted = {"project": "demo", **labels}.items()
        return {dict(found)[label]: number for (family, found), number in self.samples.items()
                if family == name and wanted <= set(found)}

    def buckets(self):
        found = self.all("mixport_job_duration_seconds_bucket", "le")
        return [found[bound] for bound in BOUNDS]


def wait_metrics(daemon, condition, what):
    return wait_until(lambda: (now := Metrics(daemon)) and condition(now) and now, 20, what)


# The format


@pytest.fixture(scope="module")
def shared_daemon(shared_api):
    return shared_api.daemon


def test_metrics_are_prometheus_text(shared_daemon):
    answer = shared_daemon.over_health().get("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert answer.text.endswith("\n")
    for line in answer.text.splitlines():
        assert line == "" or line.startswith("# ") or SAMPLE.fullmatch(line), line


def families(text):
    return re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M)


def test_metrics_have_our_prefix_and_a_type_each(shared_daemon):
    text = metrics_of(shared_daemon)
    found = dict(families(text))
    assert found
    assert len(found) == len(families(text)), "a family has two TYPE lines"
    for name in re.findall(r"^([a-z]\w*)", text, re.M):
        base = re.sub(r"_(bucket|sum|count)$", "", name)
        assert name.startswith(("mixport_", "process_"))
        assert name in found or found.get(base) in ("histogram", "summary"), name


def test_no_metric_is_told_twice(shared_daemon):
    text = metrics_of(shared_daemon)
    series = [line.rsplit(" ", 1)[0] for line in text.splitlines() if line[:1] not in ("", "#")]
    assert len(series) == len(set(series))


def test_bounds_are_told_in_their_short_form(shared_daemon):
    now = Metrics(shared_daemon)
    assert [le for le in now.all("mixport_job_duration_seconds_bucket", "le")] == BOUNDS
    bounds = re.findall(r'http_request_duration_seconds_bucket\{le="(.*)"\}', now.text)
    assert bounds == ["0.0001", "0.0005", "0.001", "0.0025", "0.005", "0.01", "0.05", "0.25", "1",
                      "+Inf"]


def test_promtool_finds_no_fault(shared_daemon):
    assert shutil.which("promtool"), "apt-get install prometheus"
    done = subprocess.run(["promtool", "check", "metrics"], input=metrics_of(shared_daemon),
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=slow(30), check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_process_is_told_of_as_others_are(shared_daemon):
    now = Metrics(shared_daemon)
    assert 0 < time.time() - now("process_start_time_seconds") < slow(600)
    assert 0 <= now("process_cpu_seconds_total") < slow(600)
    assert 1024 * 1024 < now("process_resident_memory_bytes") < 1024 ** 4
    assert 10 < now("process_open_fds") < now("process_max_fds")
    again = Metrics(shared_daemon)
    assert again("process_start_time_seconds") == now("process_start_time_seconds")
    assert again("process_cpu_seconds_total") >= now("process_cpu_seconds_total")


# From the start


def test_what_has_known_labels_is_there_from_the_start(start_daemon, sim):
    sim.fault("status", "list", -1)
    now = Metrics(start_daemon(sim, ready=False))
    nothing = {"mixport_connectors": ("status", ["active", "stopped", "paused", "unknown"]),
               "mixport_jobs_active": ("status", ["queued", "running", "paused", "unknown"]),
               "mixport_jobs_ended_total": ("status", ["succeeded", "failed", "cancelled"])}
    for name, (label, values) in nothing.items():
        assert now.all(name, label) == dict.fromkeys(values, 0), name
    assert now.buckets() == [0] * len(BOUNDS)
    for name in ("job_duration_seconds_sum", "job_duration_seconds_count", "connectors_stale",
                 "imported_events_total", "dropped_events_total", "imported_bytes_total"):
        assert now("mixport_" + name) == 0, name
    assert now("mixport_config_last_reload_successful") == 1
    assert time.time() - now("mixport_credential_loaded_timestamp_seconds") < slow(600)


def test_a_time_that_never_was_is_absent(start_daemon, sim):
    sim.fault("status", "list", -1)
    daemon = start_daemon(sim, ready=False)
    now = Metrics(daemon)
    assert now("mixport_list_synced_timestamp_seconds") is None
    assert now("mixport_last_success_timestamp_seconds") is None
    sim.no_faults()
    now = wait_metrics(daemon, lambda now: now("mixport_list_synced_timestamp_seconds"), "listed")
    assert time.time() - now("mixport_list_synced_timestamp_seconds") < slow(60)
    assert now("mixport_last_success_timestamp_seconds") is None


# Connectors


def test_connectors_are_counted_by_status(sim, daemon):
    sim.settings(list_status="real")
    for status in ("active", "active", "paused", "stopped", "hibernating", None):
        sim.put(connector={"status": status})
    expected = {"active": 2, "paused": 1, "stopped": 1, "unknown": 2}
    wait_metrics(daemon, lambda now: now.all("mixport_connectors", "status") == expected,
                 "each with its status")
    for connector in sim.connectors():
        sim.remove(connector["connector_id"])
    wait_metrics(daemon, lambda now: sum(now.all("mixport_connectors", "status").values()) == 0,
                 "those deleted are not counted")


def test_connectors_are_stale_when_their_records_are(sim, daemon):
    sim.put(3)
    wait_metrics(daemon, lambda now: sum(now.all("mixport_connectors", "status").values()) == 3
                 and now("mixport_connectors_stale") == 0, "three, none stale")
    sim.stop()
    now = wait_metrics(daemon, lambda now: now("mixport_connectors_stale") == 3, "all stale")
    assert now("mixport_upstream_state", state="unreachable") == 1


# Jobs


def over(status="success", seconds=0, start=DAY + "00:00:00Z", **stats):
    end = f"2026-07-{1 + seconds // 86400:02}T" + time.strftime("%H:%M:%SZ", time.gmtime(seconds))
    return {"status": status, "start_time": start, "end_time": end, "progress": 1,
            "connector_properties": stats}


@pytest.fixture
def connector(sim, daemon, api):
    """One whose history was read, and was empty."""
    [connector_id] = sim.put(1, job=False)
    loaded(api, connector_id)
    return connector_id


def loaded(api, connector_id):
    return wait_until(lambda: api.get("/v1/events", {
        "type": "history.loaded", "connector_id": connector_id}).json["data"], 20,
        "its history was read")


def test_a_first_history_counts_in_no_counter(sim, daemon, api):
    [connector_id] = sim.put(1, job=False)
    for status in ("success", "failed", "cancelled"):
        sim.verbatim_job(connector_id, **over(status, 60, num_events_imported=100))
    # Read again and again, and after a restart.
    restarted = False
    while True:
        loaded(api, connector_id)
        wait_until(lambda: len(api.jobs_of(connector_id).json["data"]) == 3, 20, "all read")
        now = Metrics(daemon)
        assert set(now.all("mixport_jobs_ended_total", "status").values()) == {0}
        assert now.buckets() == [0] * len(BOUNDS)
        assert now("mixport_imported_events_total") == 0
        # It is a success all the same.
        assert now("mixport_last_success_timestamp_seconds") == 1782864060
        if restarted:
            break
        daemon.restart()
        restarted = True
        api = daemon.client()
    sim.verbatim_job(connector_id, **over("failed", 3600, start=DAY + "00:30:00Z",
                                          num_events_imported=7))
    now = wait_metrics(daemon, lambda now: now("mixport_jobs_ended_total", status="failed") == 1,
                       "what comes after it counts")
    assert now("mixport_imported_events_total") == 7


def test_a_job_counts_when_it_ends(sim, daemon, connector):
    sim.add_job(connector, queued_ms=600000, running_ms=1)
    wait_metrics(daemon, lambda now: now("mixport_jobs_active", status="queued") == 1, "queued")
    sim.alter_job(connector, 0, {"status": "running", "start_time": DAY + "00:00:00Z",
                                 "connector_properties": {"num_events_imported": 5}})
    wait_metrics(daemon, lambda now: now("mixport_jobs_active", status="running") == 1, "running")
    sim.alter_job(connector, 0, {"status": "hibernating"})
    now = wait_metrics(daemon, lambda now: now("mixport_jobs_active", status="unknown") == 1,
                       "a status that is not known")
    assert now("mixport_imported_events_total") == 0
    sim.alter_job(connector, 0, over("success", 90, num_events_imported=1000, size_imported=5000,
                                     num_events_dropped=3))
    now = wait_metrics(daemon, lambda now: now("mixport_jobs_ended_total", status="succeeded") == 1,
                       "ended")
    assert set(now.all("mixport_jobs_active", "status").values()) == {0}
    assert [now("mixport_" + name) for name in (
        "imported_events_total", "dropped_events_total", "imported_bytes_total")] == [1000, 3, 5000]
    assert now.buckets() == [0, 0, 1, 1, 1, 1, 1, 1]
    assert now("mixport_job_duration_seconds_sum") == 90
    assert now("mixport_job_duration_seconds_count") == 1
    assert now("mixport_last_success_timestamp_seconds") == 1782864090


def test_a_correction_adds_what_is_more_and_takes_nothing_back(sim, daemon, api, connector):
    sim.verbatim_job(connector, **over("failed", 30, num_events_imported=100))
    wait_metrics(daemon, lambda now: now("mixport_imported_events_total") == 100, "ended")
    for status, imported, expected in (("failed", 40, 100), ("success", 130, 130)):
        sim.alter_job(connector, 0, over(status, 600, num_events_imported=imported))
        wait_until(lambda want=imported: api.jobs_of(connector).json["data"][0]["stats"]
                   .get("num_events_imported") == want, 20, "corrected")
        now = Metrics(daemon)
        assert now("mixport_imported_events_total") == expected
        assert now.all("mixport_jobs_ended_total", "status") == {
            "succeeded": 0, "failed": 1, "cancelled": 0}
        assert now.buckets() == [0, 1, 1, 1, 1, 1, 1, 1]


def test_a_bucket_holds_what_took_just_as_long_as_its_bound(sim, daemon, connector):
    bounds = [int(bound) for bound in BOUNDS[:-1]]
    for bound in bounds:
        sim.verbatim_job(connector, **over(seconds=bound))
        sim.verbatim_job(connector, **over(seconds=bound + 1))
    now = wait_metrics(daemon, lambda now: now("mixport_job_duration_seconds_count") == 14, "all")
    assert now.buckets() == [1, 3, 5, 7, 9, 11, 13, 14]
    assert now("mixport_job_duration_seconds_sum") == 2 * sum(bounds) + 7


def test_counters_begin_anew_with_the_daemon(sim, daemon, connector):
    sim.verbatim_job(connector, **over("failed", 30, num_events_imported=100))
    wait_metrics(daemon, lambda now: now("mixport_imported_events_total") == 100, "ended")
    daemon.restart()
    assert stays(lambda: Metrics(daemon)("mixport_imported_events_total") == 0)


# Projects and reloads


def test_each_project_has_its_own_and_a_limited_token_sees_no_other(start_sim, start_daemon):
    sim = start_sim(projects=DEMO_AND_OTHER.values())
    daemon = start_daemon(sim, projects={"demo": PROJECT_ID})
    assert 'project="other"' not in metrics_of(daemon)
    daemon.projects = DEMO_AND_OTHER
    daemon.write_config()
    daemon.reload()
    now = wait_metrics(daemon, lambda now: now("mixport_project_loaded", project="other") == 1,
                       "a project that came by a reload")
    assert now("mixport_jobs_ended_total", project="other", status="failed") == 0
    [connector_id] = sim.put(1, job=False, project=OTHER_PROJECT_ID)
    loaded(daemon.client(), connector_id)
    sim.add_job(connector_id, verbatim=True, project=OTHER_PROJECT_ID,
                job=over("failed", 30, num_events_imported=100))
    now = wait_metrics(daemon, lambda now: now("mixport_jobs_ended_total", project="other",
                                               status="failed") == 1, "counted")
    assert now("mixport_imported_events_total", project="other") == 100
    assert now("mixport_imported_events_total") == 0
    limited = daemon.client("limited").get("/metrics").text
    samples = [line for line in limited.splitlines() if not line.startswith("#")]
    assert samples and all('project="demo"' in line for line in samples)


def test_a_reload_that_is_refused_is_told_until_one_takes(daemon):
    name = "mixport_config_last_reload_successful"
    assert Metrics(daemon)(name) == 1
    daemon.expect_error("")
    daemon.configure("daemon", log_level="nonsense")
    daemon.reload()
    wait_metrics(daemon, lambda now: now(name) == 0, "refused")
    daemon.configure("daemon", log_level="debug")
    daemon.reload()
    wait_metrics(daemon, lambda now: now(name) == 1, "taken")


def test_a_credential_that_is_read_anew_is_told(daemon):
    name = "mixport_credential_loaded_timestamp_seconds"
    before = Metrics(daemon)(name)
    daemon.reload()
    wait_metrics(daemon, lambda now: now(name) > before, "read again")


def test_who_asks_without_end_is_given_the_same_again(daemon):
    """Each answer that is made anew has counted one request more."""
    ask = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"
    last = ask.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    data = daemon.over_health().raw(ask * 199 + last)
    counts = re.findall(rb'^mixport_http_requests_total{listener="health"} (\d+)', data, re.M)
    assert len(counts) == 200 and len(set(counts)) <= 100

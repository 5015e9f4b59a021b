"""Fixtures: a simulator and a daemon for each test.

A module whose tests only read shares one pair, by fixtures of the same names and module scope:

    @pytest.fixture(scope="module")
    def daemon(sim):
        with Daemon(sim) as daemon:
            yield daemon

Tests that touch nothing but a connector of their own share a pair too: `shared_sim`, `shared_api`.
"""

import signal

import pytest

from description import complaints
from harness import Client, Daemon, Sim, slow

# What waits for its end without a limit ends all the same.
LONGEST = 300


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item):
    def expire(number, frame):
        raise TimeoutError(f"{item.name} did not end within {slow(LONGEST):g} s")

    before = signal.signal(signal.SIGALRM, expire)
    signal.alarm(int(slow(LONGEST)))
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows what its daemons logged."""
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        for daemon in Daemon.alive:
            report.sections.append(("the daemon's log", daemon.whole_log()[-6000:]))


@pytest.fixture(autouse=True)
def described_answers():
    """Every answer of the test is as the API is described."""
    yield
    found = list(complaints)
    complaints.clear()
    assert not found, "\n".join(found)


@pytest.fixture
def start_sim():
    """Starts a simulator with options of its own: start_sim("--connectors", "3")."""
    running = []

    def start(*options, **members):
        sim = Sim(*options, **members)
        running.append(sim)
        return sim.start()

    yield start
    for sim in running:
        sim.stop()


@pytest.fixture
def start_daemon():
    """Starts a daemon before a simulator: start_daemon(sim, config={...}, ready=False)."""
    running = []

    def start(sim, ready=True, run=True, **members):
        daemon = Daemon(sim, **members)
        running.append(daemon)
        return daemon.start(ready) if run else daemon

    yield start
    faults = []
    for daemon in running:
        try:
            daemon.close()
        except AssertionError as fault:
            faults.append(fault)
    if faults:
        raise faults[0]


@pytest.fixture
def sim(start_sim):
    return start_sim()


@pytest.fixture
def daemon(start_daemon, sim):
    return start_daemon(sim)


@pytest.fixture
def api(daemon) -> Client:
    """The administrator, over TCP."""
    return daemon.client()


@pytest.fixture(scope="module")
def shared_sim():
    with Sim() as sim:
        yield sim


@pytest.fixture(scope="module")
def shared_api(shared_sim):
    with Daemon(shared_sim) as daemon:
        yield daemon.client()

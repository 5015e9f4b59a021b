"""mixportctl on a terminal: wide and narrow, dumb, without colour."""

import re

import pytest

from ctl import Ctl
from harness import Daemon, Sim

COLOR = re.compile("\x1b\\[[0-9]*m")


@pytest.fixture(scope="module")
def sim():
    with Sim("--connectors", "3", "--jobs", "2", "--active", "1") as sim:
        yield sim


@pytest.fixture(scope="module")
def daemon(sim):
    with Daemon(sim) as daemon:
        daemon.client().refresh()
        yield daemon


@pytest.fixture
def ctl(daemon):
    return Ctl(daemon)


@pytest.mark.parametrize("command", ["list", "jobs"])
@pytest.mark.parametrize("columns", [80, 200])
def test_no_line_is_wider_than_the_terminal(ctl, command, columns):
    lines = [COLOR.sub("", line) for line in ctl.on_terminal(command, columns=columns).lines]
    assert len(lines) > 3 and max(map(len, lines)) <= columns


def test_on_a_narrow_terminal_the_last_column_is_cut(ctl):
    wide = [COLOR.sub("", line) for line in ctl.on_terminal("list", columns=200).lines]
    at = wide[0].index("SOURCE")
    narrow = [COLOR.sub("", line) for line in ctl.on_terminal("list", columns=at + 6).lines]
    assert narrow[1] == wide[1][:at + 5] + "…" and len(wide[1]) > len(narrow[1])
    narrow = [COLOR.sub("", line) for line in ctl.on_terminal("list", columns=40).lines]
    assert narrow[1] == wide[1][:at] + "…"


def test_ids_and_ages_are_short(ctl):
    whole = ctl("list", "-q").lines
    rows = [COLOR.sub("", line) for line in ctl.on_terminal("list").lines[1:]]
    assert [row.split()[0] for row in rows] == [connector_id[:8] for connector_id in whole]
    assert re.search(r" \d+[smhd] ", rows[0])
    job_ids = ctl("jobs", "-q").lines
    rows = [COLOR.sub("", line) for line in ctl.on_terminal("jobs").lines[1:]]
    assert [row.split()[0] for row in rows] == [job_id[:8] for job_id in job_ids]


def test_wide_is_as_elsewhere(ctl):
    lines = [COLOR.sub("", line) for line in ctl.on_terminal("list", "--wide").lines]
    assert lines == ctl("list").lines


def test_colours_are_for_terminals_that_want_them(ctl):
    assert "\x1b[36mrunning\x1b[0m" in ctl.on_terminal("list").out
    assert "\x1b" not in ctl.on_terminal("list", env={"NO_COLOR": "1"}).out
    assert "\x1b" in ctl.on_terminal("list", env={"NO_COLOR": ""}).out
    assert "\x1b" not in ctl.on_terminal("list", env={"TERM": "dumb"}).out
    assert "\x1b" not in ctl.on_terminal("list", "--color", "never").out
    assert "\x1b" in ctl.on_terminal("list", "--color=always", env={"TERM": "dumb"}).out
    assert "\x1b" in ctl("list", "--color", "always").out
    assert "\x1b" not in ctl("list").out


def without_ages(text):
    """They go on, and one may have got a digit more."""
    return re.sub(r"\d+[smhd] *", "T ", text)


def test_a_colour_never_says_what_a_word_does_not(ctl):
    for command in (["list"], ["jobs"], ["projects"], ["status"]):
        plain = ctl.on_terminal(*command, "--color", "never").out
        assert without_ages(COLOR.sub("", ctl.on_terminal(*command).out)) == without_ages(plain)

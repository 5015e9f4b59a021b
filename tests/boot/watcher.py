"""A plugin of pytest for sandbox.py. In the folder that MIXPORT_NOTES names it writes down how each
test ended, and the lines that daemons logged about a refusal."""

import json
import os
import re
from pathlib import Path

NOTES = Path(os.environ["MIXPORT_NOTES"])
REFUSAL = re.compile(r"not permitted|ermission denied|ead-?only|Address family not supported|"
                     r"Function not implemented|unable to open")
CHANGING = re.compile(r"mixport-\w+|/pytest-\d+/\S*|\d+")  # from one run to the next


def name_of(test):
    """Without the group that xdist adds."""
    return re.sub(r"@\w+$", "", test)


def note(name, *what):
    with open(NOTES / name, "a") as file:
        file.write(json.dumps(what) + "\n")


def pytest_collection_finish():
    """Once the harness can be found."""
    from harness import Daemon
    close = Daemon.close

    def close_and_note(daemon):
        test = name_of(os.environ["PYTEST_CURRENT_TEST"].rpartition(" ")[0])
        for line in daemon.whole_log().splitlines():
            if REFUSAL.search(line):
                note("logged", test, CHANGING.sub("*", line))
        close(daemon)

    Daemon.close = close_and_note


def pytest_runtest_logreport(report):
    """Only in the process that all others report to."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        note("ended", name_of(report.nodeid), report.when, report.outcome)

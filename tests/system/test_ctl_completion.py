"""Completions of mixportctl, in the shells themselves."""

import os
import pty
import select
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from ctl import MIXPORTCTL, Answering, Ctl
from harness import slow, wait_until

FILES = {"bash": "bash/mixportctl", "zsh": "zsh/_mixportctl", "fish": "fish/mixportctl.fish"}


def file_of(shell):
    return Path(os.environ["srcdir"]) / "completions" / FILES[shell]


@pytest.fixture
def ctl(daemon):
    ctl = Ctl(daemon)
    ctl.env["PATH"] = f"{MIXPORTCTL.parent}:{ctl.env['PATH']}"
    return ctl


@pytest.mark.parametrize("shell", FILES)
def test_the_files_are_what_the_program_prints(ctl, shell):
    """When it fails: mixportctl completion SHELL > completions/SHELL/..."""
    assert ctl("completion", shell).out == file_of(shell).read_text()


def test_completion_is_for_three_shells(ctl):
    assert "bash, zsh or fish" in ctl("completion", "tcsh", code=64).err


BASH = """
source "$1"
shift
COMP_WORDS=("$@")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_mixportctl mixportctl "${COMP_WORDS[COMP_CWORD]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


def in_bash(ctl, line):
    # = is a word of its own there, as in COMP_WORDBREAKS.
    words = line.replace("=", " = ").split(" ")
    done = subprocess.run(["bash", "--norc", "--noprofile", "-c", BASH, "bash", file_of("bash"),
                           *words], env=ctl.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=slow(30), check=True)
    assert done.stderr == ""
    return set(done.stdout.split())


def in_fish(ctl, line):
    done = subprocess.run(["fish", "--no-config", "-c", 'source $argv[1]; complete -C "$argv[2]"',
                           file_of("fish"), line], env=ctl.env, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=slow(30), check=True)
    assert done.stderr == ""
    found = {entry.split("\t")[0] for entry in done.stdout.splitlines()}
    # It gives the option with the value.
    return {entry.partition("=")[2] if line.split(" ")[-1].count("=") else entry
            for entry in found}


# Every match goes through compadd, so that is where they are written down.
ZSH = """
autoload -U compinit
compinit -u -D
source {file}
compadd() {{
    local -a __matched
    [[ " $*" == *" -"[OAD]" "* ]] || {{
        builtin compadd -A __matched "$@"
        print -l -- $__matched >>{out}
    }}
    builtin compadd "$@"
}}
capture() {{
    zle complete-word
    print END >>{out}
}}
zle -N capture
bindkey '^X' capture
"""


def in_zsh(ctl, line, folder):
    """On a terminal, for there is no other way to ask it."""
    setup, out = folder / "setup.zsh", folder / "found"
    setup.write_text(ZSH.format(file=file_of("zsh"), out=out))
    out.write_text("")
    process, master = pty.fork()
    if process == 0:
        os.execvpe("zsh", ["zsh", "-f", "-i"], {**ctl.env, "ZDOTDIR": str(folder), "TERM": "dumb"})

    def ended():
        while select.select([master], [], [], 0)[0]:
            os.read(master, 65536)
        return out.read_text().endswith("END\n")

    try:
        os.write(master, f"source {setup}\n".encode() + line.encode() + b"\x18")
        wait_until(ended, 30, "what zsh finds")
    finally:
        os.close(master)
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
    return set(out.read_text().split())


@pytest.fixture(params=FILES)
def complete(request, ctl, tmp_path):
    """Asks one of the shells what could stand where a line ends."""
    shell = request.param
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    if shell == "zsh":
        return lambda line: in_zsh(ctl, line, tmp_path)
    return lambda line: (in_bash if shell == "bash" else in_fish)(ctl, line)


def test_commands(complete):
    assert {"list", "jobs", "token", "status"} <= complete("mixportctl ")
    assert {"projects"} <= complete("mixportctl pro")
    assert {"new", "list", "revoke"} <= complete("mixportctl token ")
    assert {"create", "delete"} <= complete("mixportctl -p demo help ")


def test_options(complete):
    found = complete("mixportctl list --")
    assert {"--status", "--job-status", "--json", "--socket"} <= \
        {word.rstrip("=") for word in found}
    assert not found & {"--remap", "--remap="}
    assert {"--scope"} <= {word.rstrip("=") for word in complete("mixportctl token new --s")}


def test_values(complete):
    assert {"active", "stopped", "paused"} <= complete("mixportctl list --status ")
    assert {"gcsImport"} <= complete("mixportctl -q list --type g")
    assert {"always", "auto", "never"} <= complete("mixportctl --color ")
    assert {"always"} <= complete("mixportctl list --color=al")
    assert {"bash", "fish"} <= complete("mixportctl completion ")


def test_ids_are_those_of_the_daemon(sim, api, ctl, complete):
    sim.put(connector_id="feed-0001", job=False)
    sim.put(connector_id="feed-0002", job=False)
    sim.put(connector_id="other-01", job=False)
    wait_until(lambda: api.project()["connectors"] == 3, what="all are known")
    found = complete("mixportctl show feed")
    assert {"feed-0001", "feed-0002"} <= found and "other-01" not in found
    assert {"feed-0001", "other-01"} <= complete("mixportctl -q delete ")
    assert {"demo"} <= complete("mixportctl list -p ")


# The hidden command


def test_ids_complete_by_kind(sim, api, ctl):
    connector_id, = sim.put(1)
    job_id = wait_until(lambda: ctl("jobs", "-q").out, what="a job")
    assert ctl("__complete", "connectors", connector_id[:2]).lines == [connector_id]
    assert ctl("__complete", "connectors", connector_id[:9]).lines == [connector_id]
    assert ctl("__complete", "connectors", "zz").lines == []
    assert ctl("__complete", "jobs", "job_").out == job_id
    assert ctl("__complete", "projects").lines == ["demo"]
    api.remove(connector_id)
    assert ctl("__complete", "operations", "op_").out == ctl("operations", "-q").out


def test_it_is_silent_and_soon_over_when_it_cannot_be(ctl):
    for words in (["--socket", "/nowhere"], ["--url", "http://192.0.2.1"]):
        done = ctl("__complete", "connectors", *words)
        assert (done.out, done.err) == ("", "")
    assert ctl("__complete", "nonsense").out == ""
    with Answering(None) as silent:
        began = time.monotonic()
        done = ctl("__complete", "jobs", "--url", silent.url, env={"MIXPORT_TOKEN": "mxp_123456"})
        assert (done.out, done.err) == ("", "") and time.monotonic() - began < slow(3)

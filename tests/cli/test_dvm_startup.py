"""The command starts lean: what a call does not need is not loaded."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("docker", "rich", "pexpect", "requests", "pluggy", "concurrent.futures", "asyncio")


def loaded_after(*arguments: str) -> set[str]:
    """The modules of a process that ran ``dvm`` with these arguments, in this very interpreter's environment."""
    script = (
        "import sys\n"
        "from dvm_runtimes.cli import main\n"
        f"code = main({list(arguments)!r})\n"
        "assert code == 0, code\n"
        "print('\\n'.join(sys.modules), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    return set(done.stderr.split())


@pytest.mark.parametrize("arguments", [("--version",), ("--help",), ()], ids=["version", "help", "nothing"])
def test_nothing_heavy_is_loaded(arguments: tuple[str, ...]) -> None:
    modules = loaded_after(*arguments)

    assert "click" in modules  # the list is the real one
    assert modules.isdisjoint(HEAVY)
    commands = {name for name in modules if name.startswith("dvm_runtimes.cli.commands")}
    assert commands == set()


@pytest.mark.parametrize("command", ["up", "exec", "ls", "gc", "doctor"])
def test_the_help_of_a_command_loads_no_engine(command: str) -> None:
    assert loaded_after(command, "--help").isdisjoint({"docker", "rich", "pexpect", "requests"})


def test_version_is_one_line_and_the_package_s() -> None:
    from dvm_runtimes import __version__

    done = subprocess.run(
        [sys.executable, "-m", "dvm_runtimes.cli", "--version"], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == f"dvm {__version__}\n"
    assert done.stderr == ""

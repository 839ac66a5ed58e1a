"""The command starts lean: what a call does not need is not loaded."""

from __future__ import annotations

import contextlib
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

HEAVY = {
    *("docker", "rich", "pexpect", "requests", "asyncio", "subprocess"),
    *("pluggy", "importlib.metadata", "concurrent.futures", "logging", "tempfile", "tomllib"),
    *("tarfile", "secrets", "dvm_runtimes.waiting"),
}
"""What takes long to load, and no short call needs."""


class SilentEngine(socketserver.StreamRequestHandler):
    """A Docker Engine without containers."""

    def handle(self) -> None:
        while request := self.rfile.readline():
            while self.rfile.readline().strip():
                pass
            body = b"OK" if b"_ping" in request else b"[]"
            head = "HTTP/1.1 200 OK\r\nServer: Docker/26.1.5 (linux)\r\nApi-Version: 1.45\r\nOstype: linux\r\n"
            self.wfile.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)


@contextlib.contextmanager
def silent_engine(socket: Path) -> Iterator[str]:
    """The address of an engine that lists no containers."""
    with socketserver.ThreadingUnixStreamServer(str(socket), SilentEngine) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"unix://{socket}"
        finally:
            server.shutdown()
            thread.join()


def loaded_after(*arguments: str, **env: str) -> set[str]:
    """The modules of a process that ran ``dvm`` with these arguments, without this interpreter's own start-up files."""
    script = (
        "import sys\n"
        "from dvm_runtimes.cli import main\n"
        f"code = main({list(arguments)!r})\n"
        "assert code == 0, code\n"
        "print('\\n'.join(sys.modules), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(done.stderr.split())


@pytest.mark.parametrize("arguments", [("--version",), ("--help",), ()], ids=["version", "help", "nothing"])
def test_nothing_heavy_is_loaded(arguments: tuple[str, ...]) -> None:
    modules = loaded_after(*arguments)

    assert "click" in modules  # the list is the real one
    assert not modules & HEAVY
    commands = {name for name in modules if name.startswith("dvm_runtimes.cli.commands")}
    assert commands == set()


@pytest.mark.parametrize("command", ["up", "exec", "ls", "gc", "doctor"])
def test_the_help_of_a_command_loads_no_engine(command: str) -> None:
    assert not loaded_after(command, "--help") & HEAVY


@pytest.mark.parametrize("arguments", [("ls",), ("ls", "--json"), ("stop", "--all")], ids=" ".join)
def test_a_short_call_loads_what_it_needs(arguments: tuple[str, ...], tmp_path: Path) -> None:
    with silent_engine(tmp_path / "docker.sock") as address:
        modules = loaded_after(*arguments, "--runtime", "docker", DOCKER_HOST=address, HOME=str(tmp_path))

    assert "dvm_runtimes.engines.docker_api.engine" in modules
    assert not modules & HEAVY
    # Providers of other platforms are loaded, since the address may be theirs; their drivers are not.
    assert not modules & {f"dvm_runtimes.engines.{kind}.engine" for kind in ("nerdctl", "podman", "mock")}


def test_version_is_one_line_and_the_package_s() -> None:
    from dvm_runtimes import __version__

    done = subprocess.run(
        [sys.executable, "-m", "dvm_runtimes.cli", "--version"], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == f"dvm {__version__}\n"
    assert done.stderr == ""

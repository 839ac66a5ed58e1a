"""Uses each installed distribution once, on the mock: ``python smoke.py VERSION`` in an empty folder."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path

LIMIT = 60.0
"""Seconds for each program."""
TEST = """
def test_a_workspace(dvm_workspace):
    assert dvm_workspace.exec(["echo", "hello"]).stdout == b"hello\\n"
"""


def run(*argv: str) -> str:
    """The standard output of a program that must end well."""
    done = subprocess.run(argv, capture_output=True, text=True, timeout=LIMIT, check=False)
    if done.returncode != 0:
        sys.exit(f"smoke: {' '.join(argv)}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def library() -> None:
    """A workspace runs a command."""
    from dvm_runtimes import StartOptions, create_runtime

    with create_runtime("mock") as runtime:
        workspace = runtime.start_workspace(StartOptions(image_name="mock:latest", workspace_name="smoke"))
        assert runtime.exec_in_workspace(workspace, ["echo", "hello"]).stdout == b"hello\n"


def command(version: str) -> None:
    """The command has this version and finds the mock."""
    assert version in run("dvm", "--version")
    assert any(platform["type"] == "mock" for platform in json.loads(run("dvm", "platforms", "--json")))


def server() -> None:
    """The server answers a command, and ends when its input does."""
    process = subprocess.Popen(["dvm-server", "--runtime", "mock"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    watchdog = threading.Timer(LIMIT, process.kill)
    watchdog.start()
    try:
        assert process.stdin
        assert process.stdout
        listing = {"command": "dvm.workspace.list", "arguments": [{}]}
        for message in (
            {"id": 1, "method": "initialize", "params": {"capabilities": {}, "processId": None, "rootUri": None}},
            {"method": "initialized", "params": {}},
            {"id": 2, "method": "workspace/executeCommand", "params": listing},
        ):
            body = json.dumps({"jsonrpc": "2.0", **message}).encode()
            process.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        process.stdin.flush()
        answer: dict[str, object] = {}
        while answer.get("id") != 2:
            header = process.stdout.readline()
            process.stdout.readline()
            answer = json.loads(process.stdout.read(int(header.split()[1])))
        assert answer.get("result") == [], answer
        process.stdin.close()
        process.wait()
    finally:
        watchdog.cancel()
        process.kill()
        process.wait()


def plugin() -> None:
    """A test gets a workspace."""
    Path("test_smoke.py").write_text(TEST)
    said = run(sys.executable, "-m", "pytest", "--dvm-runtime", "mock", "--dvm-image", "mock:latest", "test_smoke.py")
    assert "1 passed" in said, said


if __name__ == "__main__":
    library()
    command(sys.argv[1])
    server()
    plugin()
    print("smoke: library, dvm, dvm-server and pytest-dvm work")

"""Streams of bytes and arguments of commands that no good client sends, made by hypothesis.

Run `python -m tests.server.fuzzing --inputs 100000` for the long form; the
tests run a short one. An example is a burst for the server, with variants of
it, or an argument of commands; after each the server must answer a good
request, and at the end it must have no more threads, files and memory than a
server needs.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import time
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.server.wire_client import ON_MOCK, WireClient, serving

# Not exit and not shutdown: that these end the server is no crash. Not what
# asks this machine's real engines, or the user's own context.
METHODS = [
    "initialize",
    "initialized",
    "workspace/executeCommand",
    "$/cancelRequest",
    "$/setTrace",
    "window/workDoneProgress/cancel",
    "workspace/didChangeWorkspaceFolders",
    "textDocument/didOpen",
    "textDocument/hover",
    "",
]
COMMANDS = [
    "dvm.image.build",
    "dvm.workspace.start",
    "dvm.workspace.stop",
    "dvm.workspace.restart",
    "dvm.workspace.remove",
    "dvm.workspace.status",
    "dvm.workspace.find",
    "dvm.workspace.list",
    "dvm.workspace.stopAll",
    "dvm.workspace.exec",
    "dvm.workspace.logs",
    "dvm.workspace.attach",
]
MEMBERS = [
    "imageName",
    "workspaceName",
    "appName",
    "appPath",
    "containerName",
    "workingDir",
    "command",
    "entrypoint",
    "env",
    "envFile",
    "mounts",
    "ports",
    "networkMode",
    "extraHosts",
    "cpus",
    "memory",
    "pidsLimit",
    "shmSize",
    "uid",
    "gid",
    "labels",
    "readOnlyRoot",
    "capAdd",
    "securityOpt",
    "privileged",
    "platform",
    "pull",
    "onDrift",
    "ready",
    "owner",
    "ttl",
    "folder",
    "workspace",
    "grace",
    "force",
    "volumes",
    "tail",
    "since",
    "input",
    "inputEncoding",
    "stream",
    "shell",
    "loginShell",
    "timeout",
    "buildArgs",
    "target",
    "noCache",
    "secrets",
    "ssh",
    "dockerfile",
    "buildContext",
    "tags",
    "nobody",
]

texts = st.text(max_size=20) | st.sampled_from(
    [
        "dev",
        "mock:latest",
        "/workspace",
        "../..",
        "~",
        "file:///x",
        "a\0b",
        "${HOME}",
        "512m",
        "-1",
        "\ud800",
        "x" * 5000,
    ]
)
numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([0, -1, 2**31, 1e300])
scalars = st.none() | st.booleans() | numbers | texts
# Nothing that starts and stays, and nothing that takes its time.
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
typed = st.one_of(
    st.just({"imageName": "mock:latest", "workspaceName": "dev"}),
    st.fixed_dictionaries({"workspace": st.just("dev"), "command": st.lists(texts, max_size=3)}),
    st.fixed_dictionaries({"type": texts, "pattern": texts, "port": scalars}),
)
arguments = st.dictionaries(st.sampled_from(MEMBERS), anything | typed, max_size=6) | anything | typed
several_commands = st.lists(st.sampled_from(COMMANDS), min_size=1, unique=True)

messages = st.fixed_dictionaries(
    {"jsonrpc": st.just("2.0") | scalars, "method": st.sampled_from(METHODS) | scalars},
    optional={"id": anything, "params": anything, "result": anything, "error": anything},
)
bodies = st.one_of(
    messages.map(lambda message: json.dumps(message).encode()),
    anything.map(lambda value: json.dumps(value).encode()),
    st.binary(max_size=200),
)
lengths = st.one_of(st.integers(-5, 5), st.integers())


@st.composite
def frames(draw: st.DrawFn) -> bytes:
    """A frame, right or wrong."""
    body = draw(bodies)
    kind = draw(st.integers(0, 5))
    if kind <= 2:
        return b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
    if kind == 3:
        return b"Content-Length: %d\r\n\r\n%b" % (len(body) + draw(lengths), body)
    if kind == 4:
        name = draw(st.sampled_from([b"content-length", b"Content-Length", b"Content-Type", b"X", b"", b"\xff"]))
        end = draw(st.sampled_from([b"\r\n\r\n", b"\n\n", b"\r\n", b"\n", b""]))
        return name + draw(st.sampled_from([b":", b": ", b"", b" : "])) + draw(st.binary(max_size=30)) + end + body
    return draw(st.binary(max_size=300))


bursts = st.lists(frames(), min_size=1, max_size=6).map(b"".join)


def changed(data: bytes, chance: random.Random) -> bytes:
    """``data`` with some of its bytes changed, left out or doubled."""
    work = bytearray(data)
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(work) + 1)
        kind = chance.randrange(4)
        if kind == 0:
            work[at : at + 1] = bytes([chance.randrange(256)])
        elif kind == 1:
            del work[at : at + chance.randint(1, 20)]
        elif kind == 2:
            work[at:at] = work[at : at + chance.randint(1, 20)]
        else:
            work[at:at] = chance.choice([b"\r\n", b"\n\n", b"{", b'"', b"Content-Length: 7\r\n\r\n", b"\xff"])
    return bytes(work)


MOST_MEMORY = 300_000
"""Kilobytes: a body of 64 MiB in three forms, what the mock remembers of every call, and the allocator's arenas."""

MOST_FILES = 80
MOST_THREADS = 165
"""The hundred that run commands stay for the next ones; fifty terminals may be offered."""


class Fuzzer:
    """One server that gets every example.

    Args:
        client: of a server that is initialised.
        variants: how many times a burst is sent again with some bytes changed: far cheaper than a new one.
    """

    def __init__(self, client: WireClient, variants: int = 9) -> None:
        self._client = client
        self._variants = variants
        self._number = 0
        self.inputs = 0

    def burst(self, data: bytes, chance: random.Random) -> None:
        """Send bytes and variants of them; whatever becomes of them, a good request gets its answer."""
        for variant in (data, *(changed(data, chance) for _ in range(self._variants))):
            self.inputs += 1
            self._client.send_bytes(variant)
        self._alive()

    def command(self, names: list[str], argument: Any) -> None:
        """Run commands with one argument; each answers, with a result or with an error of the right kind."""
        self.inputs += len(names)
        requests = {self._client.begin_command(name, argument): name for name in names}
        probe = self._client.begin_command("dvm.workspace.list")
        assert isinstance(self._client.answer(probe), list)
        for request in requests:
            self._client.notify("$/cancelRequest", {"id": request})
        for request, name in requests.items():
            error = self._client.outcome(request)
            if error is not None:
                # -32603 would be a defect of ours.
                assert error.code in (-32600, -32602, -32800, -32803), f"{name} {argument!r}: {error}"
                assert {"kind", "platform", "operation", "hint"} <= error.data.keys()
        self._client.kept.clear()

    def _alive(self) -> None:
        """Of two good requests, the second gets its answer.

        The first may end what was sent before: a header block whose beginning alone had come.
        """
        for _ in range(2):
            self._number += 1
            probe = f"probe {self._number}"
            request = {"jsonrpc": "2.0", "id": probe, "method": "workspace/executeCommand"}
            self._client.send({**request, "params": {"command": "usage"}})
        assert self._client.answer(probe)
        self._client.kept.clear()

    def look(self) -> str:
        """What the server uses now, which must not be too much; in words."""
        usage = self._client.command("usage")
        told = ", ".join(f"{value} {name}" for name, value in usage.items())
        assert usage["kB"] < MOST_MEMORY, told
        assert usage["files"] < MOST_FILES, told
        assert usage["threads"] < MOST_THREADS, told
        return told


def fuzz(fuzzer: Fuzzer, examples: int) -> None:
    """Run so many examples: half of them bursts, half of them commands."""
    options = settings(
        max_examples=examples // 2,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )

    @options
    @given(bursts, st.randoms(use_true_random=False))
    def with_bursts(data: bytes, chance: random.Random) -> None:
        fuzzer.burst(data, chance)

    @options
    @given(several_commands, arguments)
    def with_commands(names: list[str], argument: Any) -> None:
        fuzzer.command(names, argument)

    with_commands()
    with_bursts()


def main() -> int:
    """The long form: rounds of 400 examples, and what the server uses after each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=100_000)
    wanted = parser.parse_args().inputs
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as home, serving(*ON_MOCK, env={**os.environ, "HOME": home}) as client:
        fuzzer = Fuzzer(client, variants=99)
        while fuzzer.inputs < wanted:
            fuzz(fuzzer, 400)
            client.command("mock", {"do": "reset"})
            print(f"{fuzzer.inputs} inputs in {time.monotonic() - began:.0f} s; {fuzzer.look()}", flush=True)
        code = client.end()
    print(f"ended with {code}")
    return code


if __name__ == "__main__":
    sys.exit(main())

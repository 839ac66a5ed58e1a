"""Logs: what the main process wrote, byte for byte, as far back and as long as is asked for."""

from __future__ import annotations

import datetime
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest

from dvm_runtimes.errors import InvalidOptionError, OperationCancelledError, OperationTimeoutError
from dvm_runtimes.operation import CancelToken
from dvm_runtimes.runtime import ContainerRuntime

from .case import LIMIT, Bench, ConformanceCase, assert_typed

LINES = b"one\ntwo\nthree\nfour\nfive\n"


class LogConformance(ConformanceCase):
    """The output of the main process, and of nothing else."""

    def writing(self, bench: Bench, script: str) -> str:
        """A workspace whose main process runs a script, and then stays."""
        return bench.start(command=["sh", "-c", f"{script}; sleep infinity"])

    @pytest.fixture
    def writer(self, bench: Bench) -> str:
        """A workspace that has written `LINES`."""
        workspace = self.writing(bench, "for word in one two three four five; do echo $word; done")
        bench.await_log(workspace, b"five\n")
        return workspace

    def read(self, runtime: ContainerRuntime, workspace: str, **options: Any) -> bytes:
        """All that the logs give."""
        return b"".join(runtime.workspace_logs(workspace, timeout=LIMIT, **options))

    def test_logs_with_a_tail(self, runtime: ContainerRuntime, writer: str) -> None:
        """So many last lines; all of them without a number."""
        assert self.read(runtime, writer) == LINES
        assert self.read(runtime, writer, tail=2) == b"four\nfive\n"
        assert self.read(runtime, writer, tail=1) == b"five\n"
        assert self.read(runtime, writer, tail=0) == b""
        assert self.read(runtime, writer, tail=100) == LINES

    def test_logs_since_a_time(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """What was written from then on; as seconds or as a time with a zone."""
        path = bench.path()
        workspace = self.writing(bench, f"echo before; while [ ! -e {path} ]; do sleep 0.02; done; echo after")
        bench.await_log(workspace, b"before\n")
        moment = time.time()
        bench.sh(workspace, f"touch {path}")
        bench.await_log(workspace, b"after\n")
        assert self.read(runtime, workspace, since=moment) == b"after\n"
        zoned = datetime.datetime.fromtimestamp(moment, datetime.UTC)
        assert self.read(runtime, workspace, since=zoned) == b"after\n"
        assert self.read(runtime, workspace, since=0) == b"before\nafter\n"
        assert self.read(runtime, workspace, since=moment + 3600) == b""
        assert self.read(runtime, workspace, since=0, tail=1) == b"after\n"

    @pytest.mark.parametrize(
        "options",
        [
            {"tail": -1},
            {"tail": "all"},
            {"tail": True},
            {"since": -1},
            {"since": "yesterday"},
            {"since": float("nan")},
            {"since": datetime.datetime(2026, 1, 1)},
        ],
    )
    def test_logs_refuse_what_is_no_number(
        self, runtime: ContainerRuntime, workspace: str, options: dict[str, Any]
    ) -> None:
        """Refused by the call itself, not by the first piece."""
        with pytest.raises(InvalidOptionError, match=next(iter(options))):
            runtime.workspace_logs(workspace, **options)

    def test_logs_give_every_byte(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """Long lines, bytes that are no text, both streams: all is there, each stream in its order."""
        raw = b"raw \xff\0\xfe\r\n" if runtime.capabilities.binary_logs else "raw \ufffd\0\ufffd\r\n".encode()
        path = bench.path()
        script = (
            f"while [ ! -e {path} ]; do sleep 0.02; done; "
            "printf 'raw \\377\\000\\376\\r\\n'; head -c 100000 /dev/zero; echo; "
            "for n in 1 2 3; do echo error $n >&2; done; echo end"
        )
        workspace = bench.start(command=["sh", "-c", script])
        bench.let_end(workspace, path)
        read = self.read(runtime, workspace, follow=True)
        # Between the two streams no engine keeps the order: one may break into a long line of the other.
        errors = re.compile(rb"error \d\n")
        assert errors.findall(read) == [b"error 1\n", b"error 2\n", b"error 3\n"]
        assert errors.sub(b"", read) == raw + bytes(100_000) + b"\nend\n"
        assert self.read(runtime, workspace) == read

    def test_logs_of_much_output(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """Hundreds of thousands of lines are followed to their end."""
        workspace = self.writing(bench, "seq 1 200000; echo end")
        read = bench.await_log(workspace, b"end\n")
        assert read == b"".join(b"%d\n" % number for number in range(1, 200_001)) + b"end\n"

    # Following

    def test_logs_follow_until_the_end(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """What comes later is given as it comes; the container's end is the end, and the log stays."""
        path = bench.path()
        script = f"echo ready; while [ ! -e {path} ]; do sleep 0.02; done; echo last; printf unfinished"
        workspace = bench.start(command=["sh", "-c", script])
        read = b""
        for piece in runtime.workspace_logs(workspace, follow=True, timeout=LIMIT):
            read += piece
            if read == b"ready\n":
                bench.let_end(workspace, path)
        assert read == b"ready\nlast\nunfinished"
        assert self.read(runtime, workspace) == read
        assert self.read(runtime, workspace, follow=True) == read

    def test_logs_follow_from_the_tail(self, runtime: ContainerRuntime, bench: Bench, writer: str) -> None:
        """Following begins where ``tail`` says."""
        with closing(self.follow(runtime, writer, tail=1)) as pieces:
            assert next(pieces) == b"five\n"

    def follow(self, runtime: ContainerRuntime, workspace: str, **options: Any) -> Any:
        """An iterator that can be closed."""
        pieces: Iterator[bytes] = runtime.workspace_logs(workspace, follow=True, **options)
        return pieces

    def test_logs_stop_when_they_are_closed(self, runtime: ContainerRuntime, bench: Bench, writer: str) -> None:
        """Closing the iterator ends it quietly; the workspace goes on."""
        pieces = self.follow(runtime, writer, timeout=LIMIT)
        assert next(pieces)
        pieces.close()
        assert list(pieces) == []
        assert self.read(runtime, writer) == LINES

    def test_logs_stop_when_they_are_cancelled(self, runtime: ContainerRuntime, writer: str) -> None:
        """``cancel`` ends a wait for what does not come."""
        cancel = CancelToken()
        with pytest.raises(OperationCancelledError) as caught:  # noqa: PT012 -- it is the loop that raises
            for _ in runtime.workspace_logs(writer, follow=True, timeout=LIMIT, cancel=cancel):
                cancel.set()
        assert_typed(caught.value, runtime, "workspace_logs", hint=False)

    def test_logs_stop_when_time_is_up(self, runtime: ContainerRuntime, writer: str) -> None:
        """``timeout`` ends it too."""
        with pytest.raises(OperationTimeoutError) as caught:
            list(runtime.workspace_logs(writer, follow=True, timeout=2))
        assert_typed(caught.value, runtime, "workspace_logs")

    def test_logs_have_many_followers(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """Each gets everything."""
        path = bench.path()
        workspace = bench.start(command=["sh", "-c", f"while [ ! -e {path} ]; do sleep 0.02; done; seq 1 1000"])
        with ThreadPoolExecutor(8) as pool:
            reads = [pool.submit(self.read, runtime, workspace, follow=True) for _ in range(8)]
            bench.let_end(workspace, path)
            wanted = b"".join(b"%d\n" % number for number in range(1, 1001))
            assert [read.result(LIMIT) for read in reads] == [wanted] * 8

    # Over the workspace's life

    def test_logs_outlive_the_run(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """A stopped workspace still tells; a second run adds to it; commands run in it do not."""
        options = bench.options(command=["sh", "-c", "echo run; sleep infinity"])
        workspace = runtime.start_workspace(options)
        bench.await_log(workspace, b"run\n")
        bench.sh(workspace, "echo not in the log")
        runtime.stop_workspace(workspace)
        assert self.read(runtime, workspace) == b"run\n"
        runtime.start_workspace(options)
        bench.await_log(workspace, b"run\nrun\n")

"""dvm-server on the mock, with one command that does nothing and one that fills the engine."""

import os
import sys
from typing import Any

from dvm_server.protocol.process import take_stdio

reading, writing = take_stdio()

from dvm_server.app import DvmServer  # noqa: E402
from dvm_server.log_setup import configure_logging  # noqa: E402 - the pipes are taken first, as dvm-server does it
from dvm_server.protocol.work import Work  # noqa: E402

configure_logging("", "info")
server = DvmServer("mock")


@server.command("bench.nothing")
def nothing(argument: Any) -> None:
    """Answer null."""


@server.command("bench.fill")
@server.thread()
def fill(work: Work) -> int:
    """Put so many stopped workspaces on the engine."""
    count = int(work.argument["count"])
    with server.selection.use(work.cancel) as runtime:
        for number in range(count):
            name = f"w{number:04}"
            labels = {
                "io.devopsmaestro.managed": "true",
                "io.devopsmaestro.app": "bench",
                "io.devopsmaestro.workspace": name,
                "io.devopsmaestro.image": "mock:latest",
                "io.devopsmaestro.spec": "0" * 32,
            }
            runtime.mock.create_unstarted(f"dvm-bench-{name}", labels)  # type: ignore[attr-defined]
    return count


if __name__ == "__main__":
    code = server.serve(reading, writing)
    sys.stderr.flush()
    os._exit(code)

"""dvm-server on a mock engine, with a command through which a test does things to that engine from outside."""

from __future__ import annotations

import atexit
import os
import sys
from pathlib import Path
from typing import Any

from dvm_runtimes.errors import EngineError
from dvm_server.app import DvmServer
from dvm_server.log_setup import configure_logging
from dvm_server.protocol.process import take_stdio
from dvm_server.protocol.work import Work


def main() -> int:
    pipes = take_stdio()
    configure_logging(os.environ.get("TEST_LOG_FILE", ""), "debug")
    server = DvmServer("mock:tests")

    @server.command("mock")
    @server.thread()
    def mock(work: Work) -> Any:
        """``{"do": name, "with": [...], "named": {...}}``: a method of `MockControls`."""
        from dvm_runtimes.engines.mock import MockRuntime

        argument = work.argument
        controls = MockRuntime("tests").mock
        if argument["do"] == "calls":
            return [call.method for call in controls.calls]
        if argument["do"] == "fail_next":
            return controls.fail_next(argument["with"][0], EngineError("told to fail", detail=argument["with"][1]))
        result = getattr(controls, argument["do"])(*argument.get("with", []), **argument.get("named", {}))
        return result if isinstance(result, str | int | bool | list) else None

    @server.command("usage")
    def usage(argument: Any) -> dict[str, int]:
        """What this process uses: memory, open files, threads."""
        if sys.platform != "linux":
            return {"kB": 0, "files": 0, "threads": 0}
        status = Path("/proc/self/status").read_text(encoding="ascii")
        told = dict(line.split(":", 1) for line in status.splitlines())
        files = len(list(Path("/proc/self/fd").iterdir()))
        return {"kB": int(told["VmRSS"].split()[0]), "files": files, "threads": int(told["Threads"])}

    code = server.serve(*pipes)
    atexit._run_exitfuncs()
    return code


if __name__ == "__main__":
    os._exit(main())

"""The base layer with commands that tests need: quick, slow, deaf, noisy and failing ones."""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from dvm_server.log_setup import configure_logging
from dvm_server.protocol.errors import REQUEST_FAILED, RequestError
from dvm_server.protocol.process import take_stdio
from dvm_server.protocol.server import CommandServer
from dvm_server.protocol.work import RunOnThread, Work

server = CommandServer("plain", "1")
log: list[str] = []


@server.command("echo")
def echo(argument: Any) -> Any:
    return argument


@server.command("pid")
def pid(argument: Any) -> int:
    return os.getpid()


@server.command("log")
def show_log(argument: Any) -> list[str]:
    return log


@server.command("until-cancelled")
@server.thread()
def until_cancelled(work: Work) -> Any:
    """Run until it is cancelled; cleaning up takes no time."""
    log.append(f"began {work.argument}")
    work.progress.begin("Waiting")
    work.cancel.wait()
    log.append(f"cancelled {work.argument}")
    raise RequestError(-32800, "cancelled")


@server.command("deaf")
@server.thread()
def deaf(work: Work) -> None:
    """Run for ever, whatever is asked of it."""
    log.append("deaf began")
    threading.Event().wait()


@server.command("steps")
@server.thread()
def steps(work: Work) -> str:
    """Show some steps."""
    work.progress.begin("Working")
    for number in range(1, 4):
        work.progress.report(f"Step {number}", 25 * number)
    return "done"


@server.command("later")
def later(argument: Any) -> RunOnThread:
    return RunOnThread(lambda work: threading.current_thread().name.split("_")[0])


@server.command("result")
@server.thread()
def result(work: Work) -> Any:
    """Results that JSON does not have."""
    loop: list[Any] = []
    loop.append(loop)
    return {"set": {1}, "bytes": b"x", "path": Path("/"), "nan": float("nan"), "loop": loop}[work.argument]


@server.command("result-on-loop")
def result_on_loop(argument: Any) -> Any:
    return {1}


@server.command("fail")
@server.thread()
def fail(work: Work) -> None:
    raise RuntimeError(f"a secret: {work.argument}")


@server.command("fail-on-loop")
def fail_on_loop(argument: Any) -> None:
    raise RuntimeError(f"a secret: {argument}")


@server.command("leave")
@server.thread()
def leave(work: Work) -> None:
    raise SystemExit(3)


@server.command("refuse")
@server.thread()
def refuse(work: Work) -> None:
    raise RequestError(REQUEST_FAILED, "refused", {"kind": "test", "platform": "", "operation": "", "hint": "do not"})


@server.command("noise")
@server.thread()
def noise(work: Work) -> str:
    """Write to standard output in each way there is, and let a child read standard input."""
    print("printed")
    os.write(1, b"written\n")
    child = subprocess.run([sys.executable, "-c", "import sys; print(sys.stdin.read())"], timeout=60, check=True)
    return f"child ended with {child.returncode}"


@server.command("big")
@server.thread()
def big(work: Work) -> str:
    return "x" * int(work.argument)


@server.command("big-on-loop")
def big_on_loop(argument: Any) -> str:
    return "x" * int(argument)


@server.command("counts")
def counts(argument: Any) -> dict[str, int]:
    """What would grow if something leaked."""
    dispatcher = server._dispatcher
    assert dispatcher is not None
    status = Path("/proc/self/status").read_text(encoding="ascii") if sys.platform == "linux" else "VmRSS: 0 kB"
    resident = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return {
        "pending": dispatcher.pending,
        "tokens": len(dispatcher._by_token),
        "bytes": dispatcher._pending_bytes,
        "outgoing": len(server.outgoing),
        "kilobytes": int(resident.split()[1]),
    }


@server.command("ask")
def ask(argument: Any) -> None:
    """Ask the client something; the answer goes to the log."""
    server.request_client("test/question", {}, lambda result, error: log.append(f"{result!r} {error!r}"))


@server.command("typed")
def typed(argument: Any) -> None:
    """Use pygls' own way to the client."""
    from lsprotocol import types

    server.window_log_message(types.LogMessageParams(types.MessageType.Info, "typed"))
    future = server.protocol.send_request("test/question", None, callback=lambda result: log.append(f"back {result}"))
    future.add_done_callback(lambda done: log.append(f"failed {done.exception() is not None}"))


@server.feature("test/feature")
def feature(params: Any) -> Any:
    if params == {"fail": True}:
        raise RuntimeError("a secret")
    return {"took": params}


@server.feature("test/told")
def told(params: Any) -> None:
    if "fail" in params:
        raise RuntimeError("a secret")
    log.append(f"told {params}")


@server.command("folders")
def folders(argument: Any) -> dict[str, str]:
    return server.client.folders


if __name__ == "__main__":
    pipes = take_stdio()
    configure_logging(os.environ.get("TEST_LOG_FILE", ""), "debug")
    code = server.serve(*pipes)
    atexit._run_exitfuncs()
    os._exit(code)

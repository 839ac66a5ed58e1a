"""``dvm-server`` and ``python -m dvm_server``."""

from __future__ import annotations

import atexit
import os
import sys
from typing import NoReturn

from . import __version__


def main() -> NoReturn:
    """Serve one editor over standard input and output until it goes."""
    options = _options()
    from .protocol.stdio import take_stdio

    try:
        reading, writing = take_stdio()
    except OSError:
        sys.exit("dvm-server: standard input and output are needed: an editor starts this and speaks to it")
    from .logs import begin
    from .memory import share_one_heap

    share_one_heap()
    begin(options["log_file"], options["log_level"])
    from .app import DvmServer
    from .commands import register_all

    server = DvmServer(options["runtime"])
    register_all(server)
    code = server.serve(reading, writing)
    # Threads may still wait for an engine; the interpreter's own end would wait for them.
    atexit._run_exitfuncs()
    os._exit(code)


def _options() -> dict[str, str]:
    # argparse is loaded for those who ask for something: most editors ask for nothing.
    given = sys.argv[1:]
    if given in ([], ["--stdio"]):
        return {"runtime": "auto", "log_file": "", "log_level": "info"}
    import argparse

    parser = argparse.ArgumentParser(
        prog="dvm-server",
        description="Container workspaces for an editor: JSON-RPC (LSP's base protocol) over standard input/output.",
    )
    parser.add_argument("--version", action="version", version=f"dvm-server {__version__}")
    parser.add_argument("--stdio", action="store_true", help="the default and only way; some editors always say so")
    parser.add_argument("--runtime", default="auto", metavar="NAME", help="as for dvm: docker, colima:work, ...")
    parser.add_argument("--log-file", default="", metavar="FILE", help="append a log that holds no secrets")
    parser.add_argument(
        "--log-level", default="info", choices=["debug", "info", "warning"], help="how much of it  [default: info]"
    )
    # vscode-languageclient says so, in this very form.
    parser.add_argument("--clientProcessId", dest="client", help=argparse.SUPPRESS)
    return vars(parser.parse_args(given))


if __name__ == "__main__":
    main()

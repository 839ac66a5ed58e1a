"""``dvm-server`` and ``python -m dvm_server``."""

from __future__ import annotations

import atexit
import os
import sys
from typing import NoReturn

from . import __version__

_LEVELS = ["debug", "info", "warning"]
_DEFAULTS = {"runtime": "auto", "log_file": "", "log_level": "info", "client": ""}
# The last one comes from vscode-languageclient.
_NAMES = {"--runtime": "runtime", "--log-file": "log_file", "--log-level": "log_level", "--clientProcessId": "client"}


def main() -> NoReturn:
    """Serve one editor over standard input and output until it ends."""
    options = _options()
    from dvm_server.protocol.process import take_stdio

    try:
        reading, writing = take_stdio()
    except OSError:
        sys.exit("dvm-server: standard input and output are closed; an editor starts this program and talks to it")
    from .log_setup import configure_logging
    from .memory import share_one_heap

    share_one_heap()
    configure_logging(options["log_file"], options["log_level"])
    from .app import DvmServer

    server = DvmServer(options["runtime"])
    code = server.serve(reading, writing)
    # The interpreter's own exit would wait for threads that wait for an engine.
    atexit._run_exitfuncs()
    os._exit(code)


def _options() -> dict[str, str]:
    argv = sys.argv[1:]
    options = parse_fast(argv)
    return parse_full(argv) if options is None else options


def parse_fast(argv: list[str]) -> dict[str, str] | None:
    """The options without argparse, whose import takes a tenth of the start; None for whatever is not plain."""
    options = dict(_DEFAULTS)
    arguments = iter(argv)
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if argument == "--stdio":
            continue
        if name not in _NAMES:
            return None
        options[_NAMES[name]] = value if equals else next(arguments, "")
        if options[_NAMES[name]][:1] in ("", "-"):
            return None
    return options if options["log_level"] in _LEVELS else None


def parse_full(argv: list[str]) -> dict[str, str]:
    """The options through argparse, which prints help and errors and exits."""
    import argparse

    parser = argparse.ArgumentParser(
        prog="dvm-server",
        description="Container workspaces for an editor: JSON-RPC (LSP's base protocol) over standard input/output.",
    )
    parser.add_argument("--version", action="version", version=f"dvm-server {__version__}")
    parser.add_argument("--stdio", action="store_true", help="use standard input and output (always the case)")
    parser.add_argument(
        "--runtime", default="auto", metavar="NAME", help="as for dvm: docker, colima:work  [default: auto]"
    )
    parser.add_argument("--log-file", default="", metavar="FILE", help="append the log to FILE; it contains no secrets")
    parser.add_argument("--log-level", default="info", choices=_LEVELS, help="detail of the log  [default: info]")
    parser.add_argument("--clientProcessId", dest="client", help=argparse.SUPPRESS)
    return vars(parser.parse_args(argv))


if __name__ == "__main__":
    main()

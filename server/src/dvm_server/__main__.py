"""``dvm-server`` and ``python -m dvm_server``."""

from __future__ import annotations

import atexit
import os
import sys
from typing import NoReturn

from . import __version__

_LEVELS = ["debug", "info", "warning"]
_DEFAULTS = {"runtime": "auto", "log_file": "", "log_level": "info", "client": ""}
# vscode-languageclient gives the last one, in this very form.
_NAMES = {"--runtime": "runtime", "--log-file": "log_file", "--log-level": "log_level", "--clientProcessId": "client"}


def main() -> NoReturn:
    """Serve one editor over standard input and output until it goes."""
    options = _options()
    from dvm_server.protocol.stdio import take_stdio

    try:
        reading, writing = take_stdio()
    except OSError:
        sys.exit("dvm-server: standard input and output are needed: an editor starts this and speaks to it")
    from .logs import begin
    from .memory import share_one_heap

    share_one_heap()
    begin(options["log_file"], options["log_level"])
    from .app import DvmServer

    server = DvmServer(options["runtime"])
    code = server.serve(reading, writing)
    # Threads may still wait for an engine; the interpreter's own end would wait for them.
    atexit._run_exitfuncs()
    os._exit(code)


def _options() -> dict[str, str]:
    given = sys.argv[1:]
    plain = _plain(given)
    return _explained(given) if plain is None else plain


def _plain(given: list[str]) -> dict[str, str] | None:
    """The options, if each is of a form that editors use; without argparse, whose loading is a tenth of the start."""
    options = dict(_DEFAULTS)
    words = iter(given)
    for word in words:
        name, equals, value = word.partition("=")
        if word == "--stdio":
            continue
        if name not in _NAMES:
            return None
        options[_NAMES[name]] = value if equals else next(words, "")
        if options[_NAMES[name]][:1] in ("", "-"):
            return None
    return options if options["log_level"] in _LEVELS else None


def _explained(given: list[str]) -> dict[str, str]:
    """The options, or the end of the program with help or with what is wrong."""
    import argparse

    parser = argparse.ArgumentParser(
        prog="dvm-server",
        description="Container workspaces for an editor: JSON-RPC (LSP's base protocol) over standard input/output.",
    )
    parser.add_argument("--version", action="version", version=f"dvm-server {__version__}")
    parser.add_argument("--stdio", action="store_true", help="the default and only way; some editors always say so")
    parser.add_argument("--runtime", default="auto", metavar="NAME", help="as for dvm: docker, colima:work, ...")
    parser.add_argument("--log-file", default="", metavar="FILE", help="append a log that holds no secrets")
    parser.add_argument("--log-level", default="info", choices=_LEVELS, help="how much of it  [default: info]")
    parser.add_argument("--clientProcessId", dest="client", help=argparse.SUPPRESS)
    return vars(parser.parse_args(given))


if __name__ == "__main__":
    main()

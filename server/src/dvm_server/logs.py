"""The server's log: for a bug report, so without anything that could be a secret.

Messages are made of names, IDs, kinds of errors and times. Arguments, results
and the texts of foreign errors never reach a logger of ours; the loggers of
libraries, which do not keep to that, are not heard.
"""

from __future__ import annotations

import logging
import sys

_FORMAT = "%(asctime)s.%(msecs)03d %(process)d %(levelname)s %(name)s: %(message)s"


def begin(file: str, level: str) -> None:
    """Log to ``file``, if there is one, and warnings to standard error.

    A file that cannot be written is told of on standard error; the server works without.
    """
    ours = logging.getLogger("dvm_server")
    ours.propagate = False
    ours.setLevel(level.upper())
    # pygls writes whole messages to its log, and asyncio the arguments of callbacks.
    logging.getLogger().handlers[:] = [logging.NullHandler()]
    logging.getLogger("pygls").setLevel(logging.CRITICAL)
    stream = logging.StreamHandler(sys.stderr)
    stream.setLevel(logging.WARNING)
    stream.setFormatter(logging.Formatter("dvm-server: %(message)s"))
    ours.addHandler(stream)
    if not file:
        return
    try:
        handler = logging.FileHandler(file, encoding="utf-8")
    except OSError as error:
        ours.warning("the log file cannot be written: %s", error.strerror)
        return
    handler.setFormatter(logging.Formatter(_FORMAT, "%Y-%m-%dT%H:%M:%S"))
    ours.addHandler(handler)

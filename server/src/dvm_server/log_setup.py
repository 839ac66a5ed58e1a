"""The server's log, which users attach to bug reports: names, IDs, kinds of errors and times.

Arguments, results and the texts of other libraries' errors are never logged; the loggers of libraries are silenced.
"""

from __future__ import annotations

import logging
import sys

_FORMAT = "%(asctime)s.%(msecs)03d %(process)d %(levelname)s %(name)s: %(message)s"


def configure_logging(file: str, level: str) -> None:
    """Log to ``file``, if it is not empty, and warnings to standard error.

    A file that cannot be written is reported on standard error, and the server runs without it.
    """
    ours = logging.getLogger("dvm_server")
    ours.propagate = False
    ours.setLevel(level.upper())
    # pygls logs whole messages, and asyncio the arguments of callbacks.
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

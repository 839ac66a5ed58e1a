"""What a workspace's main process wrote."""

from __future__ import annotations

import datetime
import time
from collections.abc import Iterator

from dvm_runtimes.engines.base import Engine
from dvm_runtimes.errors import InvalidOptionError
from dvm_runtimes.operation import Operation


def read_logs(
    engine: Engine, op: Operation, container: str, tail: int | None, since: float | None, follow: bool
) -> Iterator[bytes]:
    """The output in pieces; ``op`` is entered when the first one is asked for, and ends with the iterator."""
    with op:
        logs = engine.logs(op, container, tail=tail, since=since, follow=follow)
        try:
            for _, data in logs:
                yield data
        finally:
            close = getattr(logs, "close", None)
            if close is not None:
                close()


def check_tail(tail: int | None) -> None:
    """Refuse what is no number of lines.

    Raises:
        InvalidOptionError: naming ``tail``.
    """
    if tail is not None and (isinstance(tail, bool) or not isinstance(tail, int) or tail < 0):
        raise InvalidOptionError("tail", tail, "must be a number of lines, 0 or more")


def to_epoch(since: float | datetime.datetime | None) -> float | None:
    """``since`` in seconds since the epoch.

    Raises:
        InvalidOptionError: a time without a zone, or no time.
    """
    if since is None:
        return None
    if isinstance(since, datetime.datetime):
        if since.tzinfo is None:
            raise InvalidOptionError("since", since.isoformat(), "needs a time zone")
        return since.timestamp()
    if isinstance(since, bool) or not isinstance(since, int | float) or not 0 <= since <= time.time() * 1000:
        raise InvalidOptionError("since", since, "must be seconds since the epoch, or a time with a zone")
    return float(since)

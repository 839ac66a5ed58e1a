"""What of a log with whole-second stamps was not given yet."""

from __future__ import annotations

import pytest

from dvm_runtimes.engines.base import STDERR, STDOUT
from dvm_runtimes.engines.docker_api.logs import LogRange, Message
from dvm_runtimes.engines.podman.following import Unread

ONE, TWO = 1_700_000_000, 1_700_000_001
STAMPS = {ONE: b"2023-11-14T22:13:20Z", TWO: b"2023-11-14T22:13:21Z"}


def lines(second: int, *texts: bytes, stream: int = STDOUT) -> list[Message]:
    return [(stream, STAMPS[second] + b" " + text) for text in texts]


def taken(unread: Unread, found: list[Message]) -> list[bytes]:
    return [text for _, text in unread.take(found)]


def test_what_was_given_is_not_given_again() -> None:
    unread = Unread(LogRange(None, None))
    assert taken(unread, lines(ONE, b"a\n", b"a\n")) == [b"a\n", b"a\n"]
    assert unread.query()["since"] == str(ONE)
    # The same text in the same second is another line all the same.
    assert taken(unread, lines(ONE, b"a\n", b"a\n", b"a\n")) == [b"a\n"]
    assert taken(unread, lines(ONE, b"a\n", b"a\n", b"a\n") + lines(TWO, b"b\n")) == [b"b\n"]
    assert unread.query()["since"] == str(TWO)
    assert taken(unread, lines(TWO, b"b\n")) == []


def test_nothing_is_found_and_nothing_is_forgotten() -> None:
    unread = Unread(LogRange(None, None))
    assert taken(unread, lines(ONE, b"a\n")) == [b"a\n"]
    assert taken(unread, []) == []
    assert taken(unread, lines(ONE, b"a\n", b"b\n")) == [b"b\n"]


def test_both_streams_count_together() -> None:
    unread = Unread(LogRange(None, None))
    both = lines(ONE, b"out\n") + lines(ONE, b"err\n", stream=STDERR)
    assert list(unread.take(both)) == [(STDOUT, b"out\n"), (STDERR, b"err\n")]
    assert list(unread.take([*both, *lines(ONE, b"more\n", stream=STDERR)])) == [(STDERR, b"more\n")]


@pytest.mark.parametrize(("tail", "given"), [(0, []), (1, [b"c\n"]), (9, [b"a\n", b"b\n", b"c\n"])])
def test_the_tail_is_of_what_is_there_at_first(tail: int, given: list[bytes]) -> None:
    unread = Unread(LogRange(tail, None))
    assert unread.query()["tail"] == "all"
    first = lines(ONE, b"a\n", b"b\n", b"c\n")
    assert taken(unread, first) == given
    assert taken(unread, first + lines(TWO, b"d\n", b"e\n")) == [b"d\n", b"e\n"]


def test_nothing_older_is_asked_for_than_was_wanted() -> None:
    unread = Unread(LogRange(None, ONE + 0.5))
    assert float(unread.query()["since"]) == ONE + 0.5
    assert taken(unread, lines(ONE, b"a\n")) == [b"a\n"]
    assert float(unread.query()["since"]) == ONE + 0.5
    assert taken(unread, lines(ONE, b"a\n") + lines(TWO, b"b\n")) == [b"b\n"]
    assert unread.query()["since"] == str(TWO)


def test_a_log_that_was_cut_begins_anew() -> None:
    unread = Unread(LogRange(None, None))
    assert taken(unread, lines(ONE, b"a\n", b"b\n")) == [b"a\n", b"b\n"]
    assert taken(unread, lines(TWO, b"c\n")) == [b"c\n"]

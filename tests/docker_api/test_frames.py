"""Framed streams, time-stamped logs and lost newlines, in any portions."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dvm_runtimes.engines.base import STDERR, STDOUT
from dvm_runtimes.engines.docker_api.frames import FrameError, Frames, messages, plain, split
from dvm_runtimes.engines.docker_api.logs import CUT, repair_newlines, to_the_end


def frame(stream: int, payload: bytes) -> bytes:
    return struct.pack(">BxxxI", stream, len(payload)) + payload


def portions(data: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


frames_of = st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(max_size=300)), max_size=12)


@given(frames_of, st.integers(1, 400))
def test_every_byte_of_each_stream_in_its_order(sent: list[tuple[int, bytes]], size: int) -> None:
    data = b"".join(frame(stream, payload) for stream, payload in sent)
    got = list(split(portions(data, size)))
    for stream in (STDOUT, STDERR):
        assert b"".join(piece for of, piece in got if of == stream) == b"".join(p for s, p in sent if s == stream)


@given(frames_of, st.integers(1, 400))
def test_a_frame_of_a_log_is_a_message(sent: list[tuple[int, bytes]], size: int) -> None:
    data = b"".join(frame(stream, payload) for stream, payload in sent)
    assert list(messages(portions(data, size))) == sent


def test_parts_of_a_frame_are_not_held_back() -> None:
    frames = Frames()
    assert list(frames.feed(frame(1, b"abcdef")[:11])) == [(STDOUT, b"abc")]
    assert frames.torn
    assert list(frames.feed(b"def")) == [(STDOUT, b"def")]
    assert not frames.torn


def test_what_is_no_frame_is_refused() -> None:
    for read in (split, messages):
        with pytest.raises(FrameError, match="72"):
            list(read([b"HTTP/1.1 400 Bad"]))


def test_the_engines_own_trouble_is_an_error_output() -> None:
    assert list(split([frame(3, b"trouble")])) == [(STDERR, b"trouble")]


def test_a_terminal_has_one_stream() -> None:
    assert list(plain([b"a", b"b"])) == [(STDOUT, b"a"), (STDOUT, b"b")]


# Followed logs


def stamped(stream: int, stamp: int, text: bytes) -> bytes:
    return frame(stream, b"2026-01-01T00:00:00.%09dZ %s" % (stamp, text))


def test_what_a_followed_log_left_out_is_given_once() -> None:
    everything = [
        stamped(1, 1, b"a\n"),
        stamped(2, 2, b"b\n"),
        stamped(1, 3, b"c\n"),
        stamped(1, 3, b"c\n"),
        stamped(1, 3, b"d\n"),
        stamped(2, 4, b"e"),
    ]
    asked: list[str] = []

    def rest_since(stamp: str) -> list[bytes]:
        asked.append(stamp)
        return everything[1:]

    got = list(to_the_end(everything[:4], rest_since, from_start=True))
    assert got == [(1, b"a\n"), (2, b"b\n"), (1, b"c\n"), (1, b"c\n"), (1, b"d\n"), (2, b"e")]
    assert asked == ["2026-01-01T00:00:00.000000002Z"]


def test_a_stream_that_was_silent_so_far_is_given_too() -> None:
    got = list(
        to_the_end([stamped(1, 5, b"a\n")], lambda _: [stamped(1, 5, b"a\n"), stamped(2, 6, b"b\n")], from_start=False)
    )
    assert got == [(1, b"a\n"), (2, b"b\n")]


def test_nothing_old_is_given_when_only_the_new_was_asked_for() -> None:
    assert list(to_the_end([], lambda _: [stamped(1, 1, b"old\n")], from_start=False)) == []
    assert list(to_the_end([], lambda _: [stamped(1, 1, b"all\n")], from_start=True)) == [(1, b"all\n")]


# Newlines that old engines lose


def test_a_lost_newline_is_put_back_behind_a_line_that_was_cut() -> None:
    cut = b"x" * CUT
    assert list(repair_newlines([(1, cut), (1, b"end"), (2, b"other\n"), (1, b"next\n")])) == [
        (1, cut),
        (1, b"end"),
        (2, b"other\n"),
        (1, b"\n"),
        (1, b"next\n"),
    ]


def test_a_line_that_fills_its_messages_has_its_newline_too() -> None:
    assert list(repair_newlines([(1, b"x" * CUT), (1, b""), (1, b"next\n")])) == [
        (1, b"x" * CUT),
        (1, b"\n"),
        (1, b"next\n"),
    ]


def test_an_unfinished_last_line_stays_unfinished() -> None:
    assert list(repair_newlines([(1, b"a\n"), (1, b"unfinished")])) == [(1, b"a\n"), (1, b"unfinished")]

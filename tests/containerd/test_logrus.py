"""nerdctl's last line and the command's standard error are told apart, however they come."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dvm_runtimes.engines.nerdctl.logrus import (
    LONGEST_MESSAGE,
    LastLine,
    exec_exit_code,
    parse_messages,
    reason,
    split_last_message,
)

LINE = b'time="2026-11-23T22:47:46Z" level=fatal msg="exec failed with exit code 7"\n'


def passed(pieces: list[bytes], *, failed: bool) -> tuple[bytes, str]:
    line = LastLine()
    given_on = b"".join(line.feed(piece) for piece in pieces)
    rest, words = line.finish(failed=failed)
    return given_on + rest, words


def cut(data: bytes, at: list[int]) -> list[bytes]:
    places = sorted({min(place, len(data)) for place in at})
    return [data[a:b] for a, b in zip([0, *places], [*places, len(data)], strict=True)]


@given(
    st.lists(
        st.sampled_from([b"t", b"time=", b'time="', b'" level=fatal msg="', b"\n", b'"', LINE, b"\xff\0", b"x" * 50])
    ),
    st.lists(st.integers(0, 400), max_size=6),
)
def test_whatever_a_command_writes_its_own_bytes_are_given_and_no_others(parts: list[bytes], at: list[int]) -> None:
    own = b"".join(parts)
    assert passed(cut(own + LINE, at), failed=True) == (own, "exec failed with exit code 7")
    assert passed(cut(own + LINE, at), failed=False) == (own + LINE, "")


def test_what_cannot_be_nerdctls_is_given_at_once() -> None:
    line = LastLine()
    assert line.feed(b"prompt> ") == b"prompt> "
    assert line.feed(b"tim") == b""
    assert line.feed(b"id\n") == b"timid\n"
    assert line.feed(LINE) == b""
    assert line.feed(b"more\n") == LINE + b"more\n"


def test_a_line_without_end_is_not_held_back_for_ever() -> None:
    line = LastLine()
    endless = b'time="1" level=fatal msg="' + b"x" * LONGEST_MESSAGE
    assert line.feed(endless) == endless


def test_a_message_may_quote_another() -> None:
    quoted = b'time="2026-11-23T22:47:46Z" level=fatal msg="it said time=\\"1\\" level=fatal msg=\\"x\\""\n'
    assert split_last_message(b"own" + quoted) == (b"own", 'it said time="1" level=fatal msg="x"')


@pytest.mark.parametrize(
    ("stderr", "words"),
    [
        (
            'time="1" level=warning msg="w"\ntime="1" level=fatal msg="1 errors:\\nno such container: x"\n',
            "1 errors:\nno such container: x",
        ),
        ('time="1" level=error msg="e" error="why"\n', "e: why"),
        ("\x1b[31mFATA\x1b[0m[0000] exec failed with exit code 5                 \r\n", "exec failed with exit code 5"),
        ("sudo: nerdctl: command not found\n", "sudo: nerdctl: command not found"),
        ("", ""),
    ],
)
def test_why_it_failed(stderr: str, words: str) -> None:
    assert reason(stderr) == words


def test_levels() -> None:
    assert [one.level for one in parse_messages('time="1" level=info msg="a"\nx\ntime="2" level=error msg="b"')] == [
        "info",
        "error",
    ]


def test_only_an_exit_code_is_one() -> None:
    assert exec_exit_code("exec failed with exit code 137") == 137
    assert exec_exit_code("no such container x") is None

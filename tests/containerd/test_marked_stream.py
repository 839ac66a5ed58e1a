"""A call's own bytes are told apart from all that a login shell, ssh and Colima add, however they are cut."""

from __future__ import annotations

import base64

from hypothesis import given
from hypothesis import strategies as st
from tests.containerd.test_logrus import cut

from dvm_runtimes.engines.nerdctl.argv import ContainerEnv
from dvm_runtimes.engines.nerdctl.marked_stream import MarkedStream
from dvm_runtimes.engines.nerdctl.remote import preamble
from dvm_runtimes.engines.nerdctl.transport import Call

MARK = "0123456789abcdef"
BEGIN = b"\x1e0123456789abcdef\n"
COLIMA = b'time="2026-11-23T22:58:36Z" level=fatal msg="exit status 7"\n'

parts = st.lists(st.sampled_from([b"\x1e", b"\x1e01", b"\n", b"x", BEGIN[:-1] + b"!", COLIMA, b"\0\xff"]))
places = st.lists(st.integers(0, 300), max_size=6)


def own_of(frame: MarkedStream, pieces: list[bytes]) -> bytes:
    return b"".join(frame.feed(piece) for piece in pieces) + frame.finish()


@given(
    st.sampled_from([b"", b"Welcome!\n", COLIMA, b"\x1e\n"]),
    st.lists(st.sampled_from([b"\x1e", b"\n", b"x", COLIMA])),
    places,
)
def test_a_stream_begins_at_its_mark(noise: bytes, own: list[bytes], at: list[int]) -> None:
    frame = MarkedStream(MARK, ends=False)
    assert own_of(frame, cut(noise + BEGIN + b"".join(own), at)) == b"".join(own)
    assert frame.begun
    assert frame.noise == noise.decode().strip()


@given(st.lists(st.sampled_from([b"\x1e", b"\x1e01", b"\n", b"x", COLIMA])), places)
def test_a_stream_ends_where_the_far_side_says_so(own: list[bytes], at: list[int]) -> None:
    frame = MarkedStream(MARK, ends=True)
    whole = b"Warning\n" + BEGIN + b"".join(own) + b"\x1e0123456789abcdef 7\n" + COLIMA
    assert own_of(frame, cut(whole, at)) == b"".join(own)
    assert frame.code == 7
    assert "exit status 7" in frame.noise


def test_what_the_program_said_of_itself_in_a_terminal() -> None:
    frame = MarkedStream(MARK, ends=True)
    said = base64.b64encode(b"FATA")
    assert own_of(frame, [BEGIN + b"$ exit\r\n\x1e0123456789abcdef 1 " + said + b"\n"]) == b"$ exit\r\n"
    assert (frame.code, frame.stderr) == (1, b"FATA")


def test_a_connection_that_broke_has_told_no_code() -> None:
    frame = MarkedStream(MARK, ends=True)
    assert own_of(frame, [BEGIN + b"half\x1e01"]) == b"half\x1e01"
    assert frame.code is None


def test_a_call_that_never_began_leaves_what_was_said_instead() -> None:
    frame = MarkedStream(MARK, ends=True)
    assert own_of(frame, [b'time="1" level=fatal msg="colima not running"\n']) == b""
    assert not frame.begun
    assert "colima not running" in frame.noise


def test_much_noise_is_not_kept() -> None:
    frame = MarkedStream(MARK, ends=True)
    for _ in range(100):
        frame.feed(b"x" * 10_000)
    assert len(frame.noise) < 100_000


def test_secrets_and_long_words_are_in_the_given_line_alone() -> None:
    call = Call(
        command=("nerdctl", "create"),
        operands=("image",),
        env=ContainerEnv(b"A=hidden\n", {"B": "two\nlines"}),
        mark=MARK,
    )
    line = preamble(call, arguments=False).decode()
    assert line.endswith("\n")
    assert line.count("\n") == 1
    assert [base64.b64decode(item.partition(":")[2] or item[1:]) for item in line.split()[1:]] == [
        b"A=hidden\n",
        b"two\nlines",
    ]
    assert "hidden" not in " ".join(call.argv("/dev/fd/3"))
    long = preamble(call, arguments=True).decode().split()
    assert [base64.b64decode(item[1:]).decode() for item in long if item.startswith("@")] == call.argv("/dev/fd/3")

"""Where a stream of bytes is cut, whatever is in it and however it arrives."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.server.fuzzing import bursts

from dvm_runtimes.jsonrpc.frames import MAX_HEADER, FrameDecoder, MalformedFrame, encode_frame
from dvm_server.protocol.errors import PARSE_ERROR
from dvm_server.protocol.messages import Refused, decode

GOOD = encode_frame(b'{"jsonrpc":"2.0","id":1,"method":"x"}')


def read(decoder: FrameDecoder, data: bytes) -> list[bytes | MalformedFrame]:
    """What comes out, with the reader's rule that a body of no sense is given back."""
    items = []
    for item in decoder.feed(data):
        items.append(item)
        if isinstance(item, bytes):
            message = decode(item)
            if isinstance(message, Refused) and message.error.code == PARSE_ERROR:
                decoder.unread(item)
    return items


def bodies(items: list[bytes | MalformedFrame]) -> list[bytes]:
    return [item for item in items if isinstance(item, bytes)]


@given(st.lists(st.text(max_size=300), max_size=5), st.lists(st.integers(1, 400), max_size=20))
def test_frames_come_out_however_the_bytes_arrive(texts: list[str], sizes: list[int]) -> None:
    sent = [json.dumps(text).encode() for text in texts]
    stream = b"".join(map(encode_frame, sent))
    decoder, came = FrameDecoder(), []
    for size in [*sizes, len(stream)]:
        came += read(decoder, stream[:size])
        stream = stream[size:]
    assert came == sent


@given(bursts)
def test_after_anything_a_message_comes_out(data: bytes) -> None:
    decoder = FrameDecoder()
    read(decoder, data)
    # The first may be the rest of what was sent before, as a body or as a header block; the second is not.
    assert any(GOOD.endswith(body) for body in bodies(read(decoder, GOOD + GOOD)))


@pytest.mark.parametrize("claimed", [60, 10_000, 64 * 1024 * 1024])
def test_a_length_that_is_too_large_costs_its_own_message_and_no_wait(claimed: int) -> None:
    decoder = FrameDecoder()
    assert read(decoder, b"Content-Length: %d\r\n\r\n" % claimed + b'{"a":1}') == []
    first, second = read(decoder, GOOD)
    assert isinstance(first, MalformedFrame)
    assert GOOD.endswith(second if isinstance(second, bytes) else b"?")


def test_blank_lines_inside_a_message_are_its_own() -> None:
    body = b'{\r\n\r\n"Content-Length: 5\\n\\n":\n\n\n1}'
    decoder = FrameDecoder()
    assert list(itertools.chain.from_iterable(read(decoder, encode_frame(body)[at : at + 1]) for at in range(100))) == [
        body
    ]


def test_a_header_block_that_is_too_long_is_told_of_once() -> None:
    decoder = FrameDecoder()
    items = itertools.islice(
        decoder.feed(b"Content-Length: 2\r\nX: " + b"y" * 2 * MAX_HEADER + b"\r\n\r\n{}" + GOOD), 10
    )
    told, came = items
    assert isinstance(told, MalformedFrame)
    assert GOOD.endswith(came if isinstance(came, bytes) else b"?")


@pytest.mark.parametrize(
    "hostile",
    [
        b"Content-Length: 60000000\r\n\r\n",
        b"Content-Length: 60000000\r\n\r\n{",
        b"Content-Length: 5\n",
        b"Content-Length: 5\nA: b\n",
        b"\n",
        b"Content-Length: 300000\r\n\r\n[\n\n",
    ],
)
def test_the_work_grows_with_the_bytes_and_not_faster(hostile: bytes) -> None:
    # With a look at everything for each of its pieces this would take hours.
    decoder = FrameDecoder()
    stream = hostile * (4 * 1024 * 1024 // len(hostile))
    for at in range(0, len(stream), 256 * 1024):
        read(decoder, stream[at : at + 256 * 1024])
    assert any(GOOD.endswith(body) for body in bodies(read(decoder, GOOD + GOOD)))

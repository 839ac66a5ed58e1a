"""Packets on the relay's socket: a kind, a length and bytes."""

from __future__ import annotations

import socket
import struct
import threading

_HEAD = struct.Struct("!cI")
_LONGEST = 1024 * 1024

HELLO = b"h"
"""To the server, as the first packet: JSON with ``tty``, ``rows``, ``columns`` and ``term``."""
INPUT, END_OF_INPUT, RESIZE, KILL = b"i", b"e", b"r", b"k"
"""To the server; RESIZE contains rows and columns as `SIZE`."""
STDOUT, STDERR = b"o", b"E"
"""To the terminal: output of the shell."""
EXIT, FAILURE = b"x", b"f"
"""To the terminal, as the last packet: the exit code in decimal, or a readable line."""
SIZE = struct.Struct("!HH")


class PacketSocket:
    """One end of a connection; one thread reads, any thread writes."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._stream = connection.makefile("rb")
        self._lock = threading.Lock()

    def send(self, kind: bytes, data: bytes = b"") -> None:
        """Send a packet.

        Raises:
            OSError: the other end has closed.
        """
        with self._lock:
            self._socket.sendall(_HEAD.pack(kind, len(data)) + data)

    def receive(self) -> tuple[bytes, bytes] | None:
        """The next packet; None when the other end has closed."""
        try:
            head = self._stream.read(_HEAD.size)
            if len(head) < _HEAD.size:
                return None
            kind, length = _HEAD.unpack(head)
            data = self._stream.read(length) if length <= _LONGEST else b""
        except (OSError, ValueError):
            return None  # shut down by `abort`, or closed
        return (kind, data) if len(data) == length else None

    def abort(self) -> None:
        """Unblock `send` and `receive` in other threads."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # closed already

    def close(self) -> None:
        """Close the connection."""
        self._stream.close()
        self._socket.close()

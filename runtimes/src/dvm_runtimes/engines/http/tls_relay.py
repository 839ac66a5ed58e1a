"""TLS for a connection that two threads use at once and whose two directions end apart.

Python's TLS sockets can do neither: OpenSSL forbids a read and a write at the
same time, and their end is the end of both directions. So one thread does the
TLS, and the session has a plain socket to it.
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import threading

from .connection import Connection, cut

_PIECE = 256 * 1024
_ENDS = 5.0


class TlsRelay(Connection):
    """A plain socket whose other end is a thread that speaks TLS with the engine.

    Args:
        remote: connected to the engine; blocking until the handshake is done.
        context: the rules of trust.
        host: the name that the certificate must have.

    Raises:
        OSError: no agreement on TLS.
    """

    def __init__(self, remote: socket.socket, context: ssl.SSLContext, host: str) -> None:
        self._remote = remote
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self._why: BaseException | None = None
        self._shake()
        ours, self._local = socket.socketpair()
        super().__init__(ours)
        self._remote.setblocking(False)
        self._local.setblocking(False)
        self._thread = threading.Thread(target=self._run, name="dvm-tls", daemon=True)
        self._thread.start()

    def cut(self) -> None:
        super().cut()
        cut(self._remote)

    def close(self) -> None:
        self.cut()
        self._thread.join(_ENDS)
        super().close()

    def explain(self) -> BaseException | None:
        return self._why

    def _shake(self) -> None:
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self._remote.sendall(self._outgoing.read())
                data = self._remote.recv(_PIECE)
                if not data:
                    raise EOFError("the connection ended during the TLS handshake") from None
                self._incoming.write(data)
            else:
                self._remote.sendall(self._outgoing.read())
                return

    def _run(self) -> None:
        try:
            _Pump(self._remote, self._local, self._tls, self._incoming, self._outgoing).run()
        except (OSError, EOFError) as error:
            self._why = error
        finally:
            for sock in (self._remote, self._local):
                with contextlib.suppress(OSError):
                    sock.close()


class _Pump:
    """Carries bytes both ways until the engine has ended its direction."""

    def __init__(
        self,
        remote: socket.socket,
        local: socket.socket,
        tls: ssl.SSLObject,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
    ) -> None:
        self._remote, self._local, self._tls = remote, local, tls
        self._incoming, self._outgoing = incoming, outgoing
        self._to_remote = b""
        self._to_local = b""
        self._local_open = True
        self._remote_open = True

    def run(self) -> None:
        self._decrypt()  # what came with the handshake
        while self._remote_open or self._to_local:
            reads: list[socket.socket] = []
            writes: list[socket.socket] = []
            # Nothing is read for which there is no room: whoever is slow holds the other up, as on one connection.
            if self._remote_open and not self._to_local:
                reads.append(self._remote)
            if self._local_open and not self._to_remote:
                reads.append(self._local)
            if self._to_remote:
                writes.append(self._remote)
            if self._to_local:
                writes.append(self._local)
            readable, writable = _wait(reads, writes)
            if self._local in writable:
                self._to_local = self._to_local[self._local.send(self._to_local) :]
            if self._remote in readable:
                self._receive()
            if self._local in readable:
                self._take()
            if self._remote in writable:
                self._to_remote = self._to_remote[self._remote.send(self._to_remote) :]
            self._collect()
        with contextlib.suppress(OSError):
            self._local.shutdown(socket.SHUT_WR)

    def _receive(self) -> None:
        data = self._remote.recv(_PIECE)
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()
            self._remote_open = False
        self._decrypt()

    def _decrypt(self) -> None:
        pieces = [self._to_local]
        try:
            while piece := self._tls.read(_PIECE):
                pieces.append(piece)
            self._remote_open = False
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self._remote_open = False
        except ssl.SSLEOFError:
            # Many engines close the connection without TLS's own farewell.
            self._remote_open = False
        finally:
            self._to_local = b"".join(pieces)

    def _take(self) -> None:
        data = self._local.recv(_PIECE)
        if data:
            self._tls.write(data)
            return
        self._local_open = False
        # TLS's farewell ends our direction alone. All that had come was read, so it cannot fail on that.
        with contextlib.suppress(ssl.SSLWantReadError):
            self._tls.unwrap()

    def _collect(self) -> None:
        if self._outgoing.pending:
            self._to_remote += self._outgoing.read()


def _wait(reads: list[socket.socket], writes: list[socket.socket]) -> tuple[list[socket.socket], list[socket.socket]]:
    """Wait without a limit until one of these can go on; without select's own limit on numbers of files."""
    poll = select.poll()
    by_number: dict[int, socket.socket] = {}
    interest: dict[int, int] = {}
    for sockets, event in ((reads, select.POLLIN), (writes, select.POLLOUT)):
        for sock in sockets:
            by_number[sock.fileno()] = sock
            interest[sock.fileno()] = interest.get(sock.fileno(), 0) | event
    for number, events in interest.items():
        poll.register(number, events)
    readable, writable = [], []
    for number, events in poll.poll():
        ended = events & (select.POLLHUP | select.POLLERR)
        if interest[number] & select.POLLIN and (events & select.POLLIN or ended):
            readable.append(by_number[number])
        if interest[number] & select.POLLOUT and (events & select.POLLOUT or ended):
            writable.append(by_number[number])
    return readable, writable

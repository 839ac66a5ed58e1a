"""The server's side of the relay: opens the shell when the terminal connects, and copies its streams."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path

from dvm_runtimes.engines.base import STDERR, ExecSession
from dvm_runtimes.errors import DvmError, EngineError
from dvm_runtimes.operation import Operation
from dvm_runtimes.options import AttachOptions
from dvm_runtimes.runtime import ContainerRuntime
from dvm_runtimes.workspaces.shells import shell_spec

from . import packets, socket_folders
from .packets import PacketSocket

_OFFER_LIMIT = 60.0
"""Seconds after which an offer expires."""

MAX_OPEN = 50
"""Offers that may wait for their terminal; each has a thread and a socket."""

_slots = threading.BoundedSemaphore(MAX_OPEN)


def offer(runtime: ContainerRuntime, container: str, options: AttachOptions) -> str:
    """Offer a shell in ``container``; the path of the socket that its terminal joins.

    Only this user can reach the socket. It accepts one connection and is then removed.

    Raises:
        EngineError: `MAX_OPEN` offers wait for their terminal.
    """
    if not _slots.acquire(blocking=False):
        raise EngineError(
            f"{MAX_OPEN} terminals were requested and not opened",
            hint=f"Open one of them, or wait {_OFFER_LIMIT:.0f} seconds.",
            platform=runtime.platform_name,
            operation="attach_to_workspace",
        )
    folder = socket_folders.make_folder()
    listening = socket.socket(socket.AF_UNIX)
    path = folder / "socket"
    try:
        listening.bind(os.fspath(path))
    except OSError:  # the path of the temporary folder is too long for a socket
        listening.close()
        _withdraw(folder)
        raise
    listening.listen(1)
    listening.settimeout(_OFFER_LIMIT)
    threading.Thread(
        target=_serve, args=(listening, folder, runtime, container, options), name="dvm-terminal", daemon=True
    ).start()
    return os.fspath(path)


def _withdraw(folder: Path) -> None:
    _slots.release()
    socket_folders.remove_folder(folder)


def _serve(
    listening: socket.socket, folder: Path, runtime: ContainerRuntime, container: str, options: AttachOptions
) -> None:
    try:
        with listening:
            connection, _ = listening.accept()
    except OSError:
        return  # the offer has expired
    finally:
        _withdraw(folder)
    connection.settimeout(None)
    terminal = PacketSocket(connection)
    with contextlib.closing(terminal), contextlib.suppress(OSError):  # the terminal may be closed at any time
        try:
            _run(terminal, runtime, container, options)
        except DvmError as error:
            terminal.send(packets.FAILURE, str(error).encode())


def _run(terminal: PacketSocket, runtime: ContainerRuntime, container: str, options: AttachOptions) -> None:
    first = terminal.receive()
    if first is None or first[0] != packets.HELLO:
        return
    hello = json.loads(first[1])
    env = {**({"TERM": hello["term"]} if hello["tty"] and hello["term"] else {}), **options.env}
    size = (int(hello["rows"]), int(hello["columns"]))
    spec = shell_spec(dataclasses.replace(options, env=env), tty=hello["tty"], size=size)
    with Operation("attach_to_workspace", platform=runtime.platform_name) as op:
        session = runtime.engine.exec_start(op, container, spec)
        try:
            threading.Thread(target=_copy_input, args=(terminal, session), name="dvm-terminal-in", daemon=True).start()
            while (packet := session.read()) is not None:
                stream, data = packet
                terminal.send(packets.STDERR if stream == STDERR else packets.STDOUT, data)
            terminal.send(packets.EXIT, b"%d" % session.wait())
        finally:
            session.kill()
            session.close()


def _copy_input(terminal: PacketSocket, session: ExecSession) -> None:
    """Copy the terminal's input; a closed terminal ends the shell, as a hang-up does."""
    handlers: dict[bytes, Callable[[bytes], object]] = {
        packets.INPUT: session.write,
        packets.END_OF_INPUT: lambda _: session.close_stdin(),
        packets.RESIZE: lambda data: session.resize(*packets.SIZE.unpack(data)),
        packets.KILL: lambda _: session.kill(),
    }
    with contextlib.suppress(DvmError):  # raised in the thread that reads too
        while (packet := terminal.receive()) is not None:
            kind, data = packet
            if kind in handlers:
                handlers[kind](data)
    session.kill()
    session.abort()

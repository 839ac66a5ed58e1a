"""The server's side: opens the shell when the terminal's program calls, and carries its bytes."""

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

from . import folders, pieces
from .pieces import Pieces

_PATIENCE = 60.0
"""Seconds that a terminal has to be opened; after that the offer is gone."""

MAX_OPEN = 50
"""Offers that may wait for their terminal: each has a thread and a socket."""

_room = threading.BoundedSemaphore(MAX_OPEN)


def offer(runtime: ContainerRuntime, container: str, options: AttachOptions) -> str:
    """Offer one shell in ``container``; the path of the socket that its terminal joins.

    Only this user can reach it, it takes one caller, and it goes with it.

    Raises:
        EngineError: too many are offered and not opened.
    """
    if not _room.acquire(blocking=False):
        raise EngineError(
            f"{MAX_OPEN} terminals were asked for and not opened",
            hint=f"Open one of them, or wait {_PATIENCE:.0f} seconds.",
            platform=runtime.platform_name,
            operation="attach_to_workspace",
        )
    folder = folders.make()
    listening = socket.socket(socket.AF_UNIX)
    path = folder / "socket"
    try:
        listening.bind(os.fspath(path))
    except OSError:  # a folder for temporary files whose path is longer than a socket's may be
        listening.close()
        _withdraw(folder)
        raise
    listening.listen(1)
    listening.settimeout(_PATIENCE)
    threading.Thread(
        target=_serve, args=(listening, folder, runtime, container, options), name="dvm-terminal", daemon=True
    ).start()
    return os.fspath(path)


def _withdraw(folder: Path) -> None:
    _room.release()
    folders.remove(folder)


def _serve(
    listening: socket.socket, folder: Path, runtime: ContainerRuntime, container: str, options: AttachOptions
) -> None:
    try:
        with listening:
            connection, _ = listening.accept()
    except OSError:
        return  # nobody came
    finally:
        _withdraw(folder)
    connection.settimeout(None)
    terminal = Pieces(connection)
    with contextlib.closing(terminal), contextlib.suppress(OSError):  # the terminal may be closed at any time
        try:
            _run(terminal, runtime, container, options)
        except DvmError as error:
            terminal.send(pieces.FAILURE, str(error).encode())


def _run(terminal: Pieces, runtime: ContainerRuntime, container: str, options: AttachOptions) -> None:
    hello = terminal.receive()
    if hello is None or hello[0] != pieces.HELLO:
        return
    said = json.loads(hello[1])
    env = {**({"TERM": said["term"]} if said["tty"] and said["term"] else {}), **options.env}
    spec = shell_spec(
        dataclasses.replace(options, env=env), tty=said["tty"], size=(int(said["rows"]), int(said["columns"]))
    )
    with Operation("attach_to_workspace", platform=runtime.platform_name) as op:
        session = runtime.engine.exec_start(op, container, spec)
        try:
            threading.Thread(target=_carry_in, args=(terminal, session), name="dvm-terminal-in", daemon=True).start()
            while (piece := session.read()) is not None:
                stream, data = piece
                terminal.send(pieces.STDERR if stream == STDERR else pieces.STDOUT, data)
            terminal.send(pieces.EXIT, b"%d" % session.wait())
        finally:
            session.kill()
            session.close()


def _carry_in(terminal: Pieces, session: ExecSession) -> None:
    """Pass on what is typed; a terminal that is gone ends the shell, as a hang-up does."""
    take: dict[bytes, Callable[[bytes], object]] = {
        pieces.INPUT: session.write,
        pieces.END_OF_INPUT: lambda _: session.close_stdin(),
        pieces.RESIZE: lambda data: session.resize(*pieces.SIZE.unpack(data)),
        pieces.KILL: lambda _: session.kill(),
    }
    with contextlib.suppress(DvmError):  # told by the thread that reads
        while (piece := terminal.receive()) is not None:
            kind, data = piece
            if kind in take:
                take[kind](data)
    session.kill()
    session.abort()

"""The two pipes to the client, taken away from everybody else in this process.

A child process that inherits standard input eats the client's next message; a
child that holds standard output keeps the client from seeing the end of the
server; and a stray ``print`` anywhere breaks the stream for good.
"""

from __future__ import annotations

import io
import os
import sys


def take_stdio() -> tuple[int, int]:
    """Move standard input and output to two private descriptors and return them.

    From then on descriptor 0 reads nothing and descriptor 1 is standard error,
    in this process and in every child. The new ones are not inherited.

    Raises:
        OSError: this process was started without standard input or output.
    """
    reading = os.dup(0)
    writing = os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    try:
        os.dup2(2, 1)
    except OSError:  # started without standard error
        sink = os.open(os.devnull, os.O_WRONLY)
        os.dup2(sink, 1)
        os.close(sink)
    if sys.platform == "win32":
        import msvcrt

        # Text mode would turn line feeds into pairs and stop at Ctrl-Z.
        msvcrt.setmode(reading, os.O_BINARY)
        msvcrt.setmode(writing, os.O_BINARY)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # What is printed is seen at once, also when the process ends without writing its buffers.
        sys.stdout.reconfigure(line_buffering=True)
    return reading, writing

"""The commands, one file for each subject; each has ``register(server)``.

They are thin: take the argument apart, call the runtime, say the result in
JSON. What they need of `dvm_runtimes` is imported when they run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import context, doctor, execute, images, lifecycle, logs, platforms, queries, runtimes, start, terminal

if TYPE_CHECKING:
    from dvm_server.app import DvmServer


def register_all(server: DvmServer) -> None:
    """Give ``server`` every command there is."""
    for subject in (platforms, runtimes, images, start, lifecycle, queries, execute, logs, terminal, context, doctor):
        subject.register(server)

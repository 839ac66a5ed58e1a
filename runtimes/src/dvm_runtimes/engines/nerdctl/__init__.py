"""containerd, driven through nerdctl: on this machine, or in a virtual machine of it.

What is imported here stays light; the engine is loaded when a runtime is made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .profile import NAMESPACE, NerdctlHints, NerdctlProfile

if TYPE_CHECKING:
    from dvm_runtimes.runtime import ContainerRuntime

    from .transport import Transport

__all__ = ["NAMESPACE", "NerdctlHints", "NerdctlProfile", "connect"]

ANSWER_LIMIT = 60.0
"""Seconds for the first answer."""


def connect(
    transport: Transport, profile: NerdctlProfile, timeout: float | None = None, *, ask: bool = True
) -> ContainerRuntime:
    """The runtime over ``transport``, once containerd itself has answered.

    Args:
        transport: the connection to nerdctl.
        profile: names and hints of the platform.
        timeout: seconds for the first answer; None for `ANSWER_LIMIT`.
        ask: whether to wait for this answer at all.

    Raises:
        RuntimeUnavailableError: it does not answer.
        UnsupportedError: its nerdctl is too old.
    """
    from dvm_runtimes.operation import Operation
    from dvm_runtimes.runtime import ContainerRuntime

    from .engine import NerdctlEngine

    engine = NerdctlEngine(transport, profile)
    if not ask:
        return ContainerRuntime(engine)
    try:
        limit = ANSWER_LIMIT if timeout is None else timeout
        with Operation("create_runtime", timeout=limit, platform=profile.platform_name) as op:
            engine.version(op)
    except BaseException:
        engine.close()
        raise
    return ContainerRuntime(engine)

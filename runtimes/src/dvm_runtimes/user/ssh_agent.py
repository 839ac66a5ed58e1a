"""The socket of this user's SSH agent, at a path that stays the same from login to login."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from .folders import state_folder


def agent_socket() -> str:
    """The path to mount; empty when ``SSH_AUTH_SOCK`` names no agent.

    A workspace keeps the path of a mount for its life, but the agent has another path after each login. So the path is
    that of a symbolic link in the user's state folder, which this call points to the agent of now; engines follow it
    whenever they start the container.
    """
    agent = os.environ.get("SSH_AUTH_SOCK", "")
    if not agent:
        return ""
    link = state_folder() / "ssh-agent.sock"
    if _target(link) != agent:
        link.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = link.with_name(f"ssh-agent.{secrets.token_hex(4)}")
        new.symlink_to(agent)
        new.replace(link)
    return os.fspath(link)


def _target(link: Path) -> str:
    with contextlib.suppress(OSError):
        return os.fspath(link.readlink())
    return ""

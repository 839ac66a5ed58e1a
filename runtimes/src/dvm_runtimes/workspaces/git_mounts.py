"""Mounts that make git work inside: the user's configuration, and the repository of a linked worktree."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

GIT_CONFIG = "/run/dvm/gitconfig"
KNOWN_HOSTS = "/run/dvm/known_hosts"


class GitMount(NamedTuple):
    """A path of this machine and its place in the workspace."""

    source: Path
    destination: str


def user_mounts(home: Path) -> tuple[list[GitMount], dict[str, str]]:
    """The user's git configuration and known hosts, to be mounted read-only, and the variables that name them.

    Private keys and the credential store stay outside: the SSH agent signs for the keys.
    """
    mounts, env = [], {}
    config = next((path for path in (home / ".gitconfig", home / ".config/git/config") if path.is_file()), None)
    if config is not None:
        mounts.append(GitMount(config, GIT_CONFIG))
        env["GIT_CONFIG_GLOBAL"] = GIT_CONFIG
    known = home / ".ssh/known_hosts"
    if known.is_file():
        mounts.append(GitMount(known, KNOWN_HOSTS))
        env["GIT_SSH_COMMAND"] = f"ssh -o UserKnownHostsFile={KNOWN_HOSTS}"
    return mounts, env


def worktree_mount(folder: Path, destination: str) -> GitMount | None:
    """The repository of a linked worktree, which its ``.git`` file names; None if the folder is none.

    A folder may come from anybody, so the repository has to name the folder as its worktree as well.

    Args:
        folder: the project's folder, without symbolic links.
        destination: where it is mounted.
    """
    try:
        named = _after(folder / ".git", "gitdir:")
        private = (folder / named).resolve(strict=True)
        common = (private / _after(private / "commondir")).resolve(strict=True)
        if (private / _after(private / "gitdir")).resolve(strict=True) != folder / ".git":
            return None
    except (OSError, ValueError):
        return None
    if private.parent != common / "worktrees" or not (common / "HEAD").is_file():
        return None
    # Git follows the path in the file, which is absolute or starts at the folder.
    inside = os.path.normpath(os.path.join(destination, named))
    return GitMount(common, os.path.dirname(os.path.dirname(inside)))


def _after(file: Path, prefix: str = "") -> str:
    """The rest of a file of one line."""
    line = file.read_text(encoding="utf-8").rstrip("\n")
    if not line.startswith(prefix) or "\n" in line or "\0" in line:
        raise ValueError(f"{file} does not begin with {prefix!r}")
    return line.removeprefix(prefix).strip()

"""Typed errors for nerdctl's messages, with the platform's hints."""

from __future__ import annotations

import re

from dvm_runtimes.errors import (
    DvmError,
    EngineError,
    ExecError,
    ImageNotFoundError,
    NameConflictError,
    PathNotFoundError,
    RuntimeUnavailableError,
    UnsupportedError,
    WorkspaceNotFoundError,
    WorkspaceNotRunningError,
)

from .profile import NerdctlProfile

_NO_CONTAINER = re.compile(r"no such container|no such object|container .* in namespace .*: not found")
_NO_IMAGE = re.compile(r"no such image|image not available")
_NO_PERMISSION = re.compile(r"permission denied|rootless containerd not running|a password is required")
_NO_ENGINE = re.compile(
    r"cannot access containerd socket|failed to dial|connection refused|connection error|context deadline exceeded"
    r"|error reading server preface|transport is closing|Unavailable desc|code = Unavailable|EOF$",
)
_NOT_RUNNING = re.compile(
    r"cannot exec in a (\w+) state|is not running|no running task|task \S+ not found|process \S+ not found"
)
_TAKEN_NAME = re.compile(r"is already used by ID")
_LOST_MOUNT = re.compile(r"error mounting \"|failed to fulfil mount request|bind source path|mount source")
_TAKEN_PORT = re.compile(r"port is already allocated|address already in use")
_NO_COMMAND = re.compile(r"no such file or directory|executable file not found|not found in \$PATH")
_NO_PULL = re.compile(
    r"failed to resolve reference|not found|pull access denied|authorization failed|no match for platform"
)


def failure(message: str, profile: NerdctlProfile, operation: str, subject: str = "") -> DvmError:
    """The typed error for nerdctl's message about a failed step on ``subject``.

    Args:
        message: nerdctl's own.
        operation: the public method.
        subject: the container, image or path; for the text.
    """
    hints = profile.hints
    facts = {"platform": profile.platform_name, "operation": operation, "detail": message}
    about = f" {subject!r}" if subject else ""
    if _NO_CONTAINER.search(message):
        return WorkspaceNotFoundError(
            f"there is no container{about} any more", hint="`dvm ls` lists the workspaces.", **facts
        )
    if _NO_IMAGE.search(message):
        return ImageNotFoundError(
            f"there is no image{about} on {profile.platform_name}",
            hint="Build it with `dvm build`, or let it be pulled with `pull=missing`.",
            **facts,
        )
    if _TAKEN_NAME.search(message):
        return NameConflictError(
            f"the container name{about} is taken", hint="Choose another name, or remove that container.", **facts
        )
    if _NOT_RUNNING.search(message):
        return WorkspaceNotRunningError(
            f"container{about} is not running", hint="`dvm start` starts it again.", **facts
        )
    if _TAKEN_PORT.search(message):
        return EngineError(f"a port on the host is taken: {message}", hint=hints.port, **facts)
    if _LOST_MOUNT.search(message) and "no such file or directory" in message:
        return EngineError(f"a mounted folder is not there any more: {message}", hint=hints.mount, **facts)
    return _unusable(message, profile, operation) or EngineError(
        f"{profile.platform_name} refused: {message or 'no message'}",
        hint=f"Run `dvm doctor` to check {profile.platform_name}.",
        **facts,
    )


def _unusable(message: str, profile: NerdctlProfile, operation: str) -> DvmError | None:
    """The error if the message says that the engine cannot be used at all; else None."""
    hints = profile.hints
    facts = {"platform": profile.platform_name, "operation": operation, "detail": message}
    if "cannot access containerd socket" in message and "no such file" in message:
        return RuntimeUnavailableError(
            f"{profile.platform_name} is not running: there is no socket of containerd", hint=hints.start, **facts
        )
    if _NO_PERMISSION.search(message):
        return RuntimeUnavailableError(
            f"{profile.platform_name} refuses access to this user", hint=hints.permission, **facts
        )
    if re.search(r"buildkit|buildctl", message) and re.search(r"no such file|not found|connect|running", message):
        return RuntimeUnavailableError(
            f"BuildKit does not answer on {profile.platform_name}", hint=hints.build, **facts
        )
    if _NO_ENGINE.search(message):
        return RuntimeUnavailableError(f"{profile.platform_name} does not answer", hint=hints.start, **facts)
    if re.search(r"unknown flag|unknown subcommand|unknown command|unknown shorthand", message):
        return UnsupportedError(f"this nerdctl is too old: {message}", hint=hints.upgrade, **facts)
    if re.search(r"nerdctl: (command )?not found", message) or re.search(r"sudo: nerdctl: command not found", message):
        return missing_nerdctl(profile, operation, message)
    return None


def missing_nerdctl(profile: NerdctlProfile, operation: str, message: str) -> RuntimeUnavailableError:
    """The error for a missing nerdctl."""
    return RuntimeUnavailableError(
        f"there is no nerdctl for {profile.platform_name}",
        hint=profile.hints.install,
        platform=profile.platform_name,
        operation=operation,
        detail=message,
    )


def pull_failure(message: str, profile: NerdctlProfile, operation: str, name: str) -> DvmError:
    """The typed error for a pull that failed."""
    if unusable := _unusable(message, profile, operation) if "containerd socket" in message else None:
        return unusable
    if _NO_PULL.search(message) or "failed to do request" in message:
        return ImageNotFoundError(
            f"no registry has the image {name!r}, or it refuses access",
            hint=profile.hints.login,
            platform=profile.platform_name,
            operation=operation,
            detail=message,
        )
    return failure(message, profile, operation, name)


def exec_failure(message: str, profile: NerdctlProfile, operation: str, command: str) -> DvmError:
    """The typed error for a command that could not be started."""
    if "exec: " in message or "OCI runtime exec failed" in message or "chdir to cwd" in message:
        missing = bool(_NO_COMMAND.search(message)) and "chdir to cwd" not in message
        what = "is not in the workspace" if missing else "cannot be started in the workspace"
        return ExecError(
            f"the command {command!r} {what}",
            exit_code=127 if missing else 126,
            hint="Check its name and PATH inside, and the working folder.",
            platform=profile.platform_name,
            operation=operation,
            detail=message,
        )
    return failure(message, profile, operation, "")


def path_failure(message: str, profile: NerdctlProfile, operation: str, path: str) -> DvmError:
    """The typed error for a copy that failed."""
    if re.search(
        r"source does not exist|no such file or directory|destination (parent|directory|dir)|must exist", message
    ):
        return PathNotFoundError(
            f"the workspace has no {path!r}",
            hint="List the folder with `dvm exec`.",
            platform=profile.platform_name,
            operation=operation,
            detail=message,
        )
    return failure(message, profile, operation, path)

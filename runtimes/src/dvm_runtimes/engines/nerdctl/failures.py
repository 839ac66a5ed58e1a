"""nerdctl's words as typed errors, with what to do about each on this platform."""

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
_TAKEN_PORT = re.compile(r"port is already allocated|address already in use")
_NO_COMMAND = re.compile(r"no such file or directory|executable file not found|not found in \$PATH")
_NO_PULL = re.compile(
    r"failed to resolve reference|not found|pull access denied|authorization failed|no match for platform"
)


def failure(words: str, profile: NerdctlProfile, operation: str, subject: str = "") -> DvmError:
    """The typed error for what nerdctl said when a step on ``subject`` failed.

    Args:
        words: nerdctl's own, one message.
        operation: the public method.
        subject: the container, image or path that the step was about; for the text.
    """
    hints = profile.hints
    facts = {"platform": profile.platform_name, "operation": operation, "detail": words}
    about = f" {subject!r}" if subject else ""
    if _NO_CONTAINER.search(words):
        return WorkspaceNotFoundError(
            f"there is no container{about} any more", hint="`dvm ls` lists the workspaces.", **facts
        )
    if _NO_IMAGE.search(words):
        return ImageNotFoundError(
            f"there is no image{about} on {profile.platform_name}",
            hint="Build it with `dvm build`, or let it be pulled with `pull=missing`.",
            **facts,
        )
    if _TAKEN_NAME.search(words):
        return NameConflictError(
            f"the container name{about} is taken", hint="Choose another name, or remove that container.", **facts
        )
    if _NOT_RUNNING.search(words):
        return WorkspaceNotRunningError(
            f"container{about} is not running", hint="`dvm start` starts it again.", **facts
        )
    if _TAKEN_PORT.search(words):
        return EngineError(f"a port on the host is taken: {words}", hint=hints.port, **facts)
    return _unusable(words, profile, operation) or EngineError(
        f"{profile.platform_name} refused: {words or 'without a word'}",
        hint=f"{profile.platform_name}'s own words are above; `dvm doctor` tells whether it is well.",
        **facts,
    )


def _unusable(words: str, profile: NerdctlProfile, operation: str) -> DvmError | None:
    """The error where nothing at all can be done; None if the words are about something else."""
    hints = profile.hints
    facts = {"platform": profile.platform_name, "operation": operation, "detail": words}
    if "cannot access containerd socket" in words and "no such file" in words:
        return RuntimeUnavailableError(
            f"{profile.platform_name} is not running: there is no socket of containerd", hint=hints.start, **facts
        )
    if _NO_PERMISSION.search(words):
        return RuntimeUnavailableError(
            f"{profile.platform_name} is there, but you may not use it", hint=hints.permission, **facts
        )
    if re.search(r"buildkit|buildctl", words) and re.search(r"no such file|not found|connect|running", words):
        return RuntimeUnavailableError(
            f"BuildKit does not answer on {profile.platform_name}", hint=hints.build, **facts
        )
    if _NO_ENGINE.search(words):
        return RuntimeUnavailableError(f"{profile.platform_name} does not answer", hint=hints.start, **facts)
    if re.search(r"unknown flag|unknown subcommand|unknown command|unknown shorthand", words):
        return UnsupportedError(f"this nerdctl is too old: {words}", hint=hints.upgrade, **facts)
    if re.search(r"nerdctl: (command )?not found", words) or re.search(r"sudo: nerdctl: command not found", words):
        return missing_nerdctl(profile, operation, words)
    return None


def missing_nerdctl(profile: NerdctlProfile, operation: str, words: str) -> RuntimeUnavailableError:
    """The error where there is no nerdctl to run."""
    return RuntimeUnavailableError(
        f"there is no nerdctl for {profile.platform_name}",
        hint=profile.hints.install,
        platform=profile.platform_name,
        operation=operation,
        detail=words,
    )


def pull_failure(words: str, profile: NerdctlProfile, operation: str, name: str) -> DvmError:
    """The typed error for a pull that failed."""
    if unusable := _unusable(words, profile, operation) if "containerd socket" in words else None:
        return unusable
    if _NO_PULL.search(words) or "failed to do request" in words:
        return ImageNotFoundError(
            f"no registry gives the image {name!r}",
            hint=profile.hints.login,
            platform=profile.platform_name,
            operation=operation,
            detail=words,
        )
    return failure(words, profile, operation, name)


def exec_failure(words: str, profile: NerdctlProfile, operation: str, command: str) -> DvmError:
    """The typed error for a command that could not be started at all."""
    if "exec: " in words or "OCI runtime exec failed" in words or "chdir to cwd" in words:
        missing = bool(_NO_COMMAND.search(words)) and "chdir to cwd" not in words
        what = "is not in the workspace" if missing else "cannot be started in the workspace"
        return ExecError(
            f"the command {command!r} {what}",
            exit_code=127 if missing else 126,
            hint="Check its name and PATH inside, and the working folder.",
            platform=profile.platform_name,
            operation=operation,
            detail=words,
        )
    return failure(words, profile, operation, "")


def path_failure(words: str, profile: NerdctlProfile, operation: str, path: str) -> DvmError:
    """The typed error for a copy that failed."""
    if re.search(
        r"source does not exist|no such file or directory|destination (parent|directory|dir)|must exist", words
    ):
        return PathNotFoundError(
            f"there is nothing at {path!r} in the workspace",
            hint="Look for it with `dvm exec`.",
            platform=profile.platform_name,
            operation=operation,
            detail=words,
        )
    return failure(words, profile, operation, path)

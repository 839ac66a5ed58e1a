"""Typed errors, with a hint for this platform, for error responses and for engines that cannot be reached.

The API gives a status and a message. Where a status stands for several
things, the message decides; those matched here are quoted from moby's
``daemon/`` and are the same in Podman's compatible API unless noted.
"""

from __future__ import annotations

import errno
import os
import re
import socket
import ssl
from typing import Any

from dvm_runtimes.engines.http.api_error import ApiError, ProtocolError
from dvm_runtimes.engines.http.endpoint import Endpoint
from dvm_runtimes.engines.specs import MissingInitError
from dvm_runtimes.errors import (
    DvmError,
    EngineError,
    ImageNotFoundError,
    InvalidOptionError,
    NameConflictError,
    PathNotFoundError,
    RuntimeUnavailableError,
    UnsupportedError,
    WorkspaceNotFoundError,
    WorkspaceNotRunningError,
)

from .profile import DockerProfile

_NAME_TAKEN = re.compile(r"name .* is already (?:in use|reserved)|already in use by", re.IGNORECASE)
_NOT_RUNNING = re.compile(
    r"is not running|is paused|is restarting|is not paused|container state improper|can only (?:create|kill|exec)",
    re.IGNORECASE,
)
_NO_IMAGE = re.compile(r"no such image|image not known|manifest unknown|unable to find a match", re.IGNORECASE)
_NO_PATH = re.compile(
    r"could not find the file|no such file or directory|could not be found on container", re.IGNORECASE
)
_NO_BIND = re.compile(r"bind source path does not exist: *(.*)|statfs (\S+?): no such file", re.IGNORECASE)
_PORT_TAKEN = re.compile(r"port is already allocated|address already in use", re.IGNORECASE)
_NO_INIT = re.compile(r'docker-init|catatonit|container-init|"tini"')
_NO_SPACE = re.compile(r"no space left on device|disk quota exceeded", re.IGNORECASE)
_RUNS = re.compile(r"cannot remove .*(?:running|paused|restarting)|You cannot remove a|without force", re.IGNORECASE)
_NO_PLATFORM = re.compile(r"does not match the specified platform|no matching manifest", re.IGNORECASE)
_READ_ONLY = re.compile(r"rootfs is marked read-only|read-only file system", re.IGNORECASE)


class SshError(ConnectionError):
    """ssh ended before the engine answered; the text is ssh's own."""


class ErrorMapping:
    """Makes the errors of one engine.

    Args:
        profile: has the platform's name and hints.
    """

    def __init__(self, profile: DockerProfile) -> None:
        self._profile = profile
        self.init_is_missing = False
        """Whether the engine has said that it has no init program."""

    def make(self, kind: type[DvmError], message: str, operation: str, hint: str = "", detail: str = "") -> DvmError:
        """An error of that kind, with what is known here."""
        if issubclass(kind, InvalidOptionError):
            raise TypeError("an option's error names its field")
        return kind(message, hint=hint, platform=self._profile.platform_name, operation=operation, detail=detail)

    def from_response(self, error: ApiError, operation: str, subject: str = "") -> DvmError:
        """The typed error for an error response.

        Args:
            error: the client's.
            operation: the public method.
            subject: the name of the container or image that the request was about.
        """
        return self.from_message(error.status, error.message, operation, subject)

    def from_message(self, status: int, message: str, operation: str, subject: str = "") -> DvmError:
        """The same, for a status and a message; status 0 where a stream carried the message."""
        text = " ".join(message.split())
        hints = self._profile.hints

        def made(kind: type[DvmError], problem: str, hint: str) -> DvmError:
            return self.make(kind, problem, operation, hint, message)

        if _NO_SPACE.search(text):
            return made(EngineError, f"the disk of {self._profile.platform_name} is full", hints.disk)
        if _NO_INIT.search(text) and ("not found" in text or "no such file" in text):
            self.init_is_missing = True
            return made(MissingInitError, f"{self._profile.platform_name} has no init program", hints.init)
        if match := _NO_BIND.search(text):
            path = (match.group(1) or match.group(2) or "").strip()
            return self._bad_mount(path, operation, message)
        if _PORT_TAKEN.search(text):
            return made(
                EngineError,
                f"a port that should be published is taken: {_short(text)}",
                "Choose another host port, or leave it out: the engine takes a free one.",
            )
        if _NO_PLATFORM.search(text):
            return made(ImageNotFoundError, f"there is no image {subject!r} for that platform", hints.login)
        if status == 409 or _NAME_TAKEN.search(text) or _NOT_RUNNING.search(text):
            return self._conflict(text, operation, subject, message)
        if status == 404 or _NO_IMAGE.search(text):
            return self._missing(text, operation, subject, message)
        if _READ_ONLY.search(text):
            return made(
                EngineError, f"the file system cannot be written: {_short(text)}", "Choose a folder that is mounted."
            )
        if status == 403:
            return made(EngineError, f"the engine does not allow it: {_short(text)}", "Ask whoever runs the engine.")
        if status == 501:
            return made(UnsupportedError, f"the engine cannot do it: {_short(text)}", "Choose another runtime.")
        return made(
            EngineError,
            f"the engine refused: {_short(text)}" if status and status < 500 else f"the engine failed: {_short(text)}",
            "Check the options; `dvm doctor` shows the state of the engine.",
        )

    def _conflict(self, text: str, operation: str, subject: str, message: str) -> DvmError:
        if _NAME_TAKEN.search(text):
            return self.make(
                NameConflictError,
                f"the container name {subject!r} is already in use" if subject else _short(text),
                operation,
                "Choose another name, or remove that container.",
                message,
            )
        if _RUNS.search(text):
            return self.make(
                EngineError,
                f"container {subject[:64]!r} runs and cannot be removed",
                operation,
                "Stop it first, or remove it with `force`.",
                message,
            )
        if _NOT_RUNNING.search(text):
            return self.make(
                WorkspaceNotRunningError,
                f"the container is not running: {_short(text)}",
                operation,
                "`dvm start` starts it again.",
                message,
            )
        return self.make(
            EngineError,
            f"the engine refused: {_short(text)}",
            operation,
            "Something else uses it, or changes it at the same time; try again.",
            message,
        )

    def _missing(self, text: str, operation: str, subject: str, message: str) -> DvmError:
        if _NO_PATH.search(text):
            return self.make(
                PathNotFoundError,
                f"there is nothing at {subject!r} in the container" if subject else _short(text),
                operation,
                "Look for it with `dvm exec`.",
                message,
            )
        if _NO_IMAGE.search(text):
            return self.make(
                ImageNotFoundError,
                f"there is no image {subject!r} on {self._profile.platform_name}",
                operation,
                "Build it with `dvm build`, or pull it.",
                message,
            )
        if "network" in text:
            return self.make(
                EngineError, _short(text), operation, "Create the network first, or leave network_mode out.", message
            )
        return self.make(
            WorkspaceNotFoundError,
            f"no container {subject[:64]!r} on {self._profile.platform_name}",
            operation,
            "`dvm ls` lists the workspaces.",
            message,
        )

    def _bad_mount(self, path: str, operation: str, message: str) -> DvmError:
        error = InvalidOptionError(
            "mounts.source",
            path,
            f"the host of {self._profile.platform_name} has no such path",
            hint=self._profile.hints.bind,
            operation=operation,
        )
        error.platform, error.detail = self._profile.platform_name, message
        return error


def _short(text: str, limit: int = 300) -> str:
    return text if len(text) <= limit else f"{text[: limit - 3]}..."


def stream_error(message: Any) -> str:
    """The error message in an object of a progress stream; empty when it is no error."""
    if not isinstance(message, dict) or not ("error" in message or "errorDetail" in message):
        return ""
    detail = message.get("errorDetail")
    text = (detail.get("message") if isinstance(detail, dict) else "") or message.get("error")
    return str(text or "it failed without a reason")


def unavailable(
    error: BaseException, endpoint: Endpoint, profile: DockerProfile, *, operation: str = ""
) -> RuntimeUnavailableError:
    """The typed error for an engine that cannot be reached, or closed the connection.

    Args:
        error: of the system, TLS or ssh.
    """
    problem, hint = _explain(error, endpoint, profile)
    return RuntimeUnavailableError(
        f"{profile.platform_name} {problem}",
        hint=hint,
        platform=profile.platform_name,
        operation=operation,
        detail=_text_of(error),
    )


def _explain(error: BaseException, endpoint: Endpoint, profile: DockerProfile) -> tuple[str, str]:
    hints = profile.hints
    where = endpoint.path if endpoint.scheme == "unix" else str(endpoint)
    number = error.errno if isinstance(error, OSError) else None
    if isinstance(error, ProtocolError):
        return f"is not what answers at {where}: {error}", "Check the address."
    if isinstance(error, SshError):
        return f"cannot be reached through ssh: {error}", (
            f"Check that `ssh {endpoint.host} docker version` works without a password."
        )
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"at {where} shows a certificate that is not trusted: {error.verify_message}", (
            "Check DOCKER_CERT_PATH and the name in the certificate."
        )
    if isinstance(error, ssl.SSLError):
        return f"at {where} does not agree on TLS: {_text_of(error)}", "Check the port and DOCKER_TLS_VERIFY."
    if isinstance(error, socket.gaierror):
        return f"cannot be found: the host name {endpoint.host!r} is not known", "Check the address."
    if number in (errno.EACCES, errno.EPERM):
        return f"is there, but you may not use its socket {where}", hints.permission
    if number in (errno.ENOENT, errno.ENOTDIR):
        return f"is not running: there is no socket at {where}", hints.start
    if number in (errno.ECONNREFUSED, errno.ENOTSOCK):
        return f"is not running: nothing listens at {where}", hints.start
    if number in (errno.ECONNRESET, errno.EPIPE) or isinstance(error, EOFError):
        return "went away in the middle of the call", hints.start
    if isinstance(error, TimeoutError):
        return f"does not answer at {where}", hints.start
    return f"cannot be reached at {where}: {_text_of(error)}", hints.start


def _text_of(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror and not isinstance(error, ssl.SSLError | socket.gaierror):
        return os.strerror(error.errno) if error.errno else error.strerror
    return str(error) or type(error).__name__

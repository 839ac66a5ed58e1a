"""Why an engine does not answer, told apart, with what to do about each."""

from __future__ import annotations

import errno
import os
import socket
import ssl

from dvm_runtimes.engines.http.api_error import NotAnEngineError, SshError
from dvm_runtimes.engines.http.endpoint import Endpoint
from dvm_runtimes.errors import RuntimeUnavailableError

from .profile import DockerProfile


def unavailable(
    error: BaseException, endpoint: Endpoint, profile: DockerProfile, *, operation: str = ""
) -> RuntimeUnavailableError:
    """The typed error for a failure to reach or to keep the engine.

    Args:
        error: what the system, TLS or ssh said.
    """
    problem, hint = _explain(error, endpoint, profile)
    return RuntimeUnavailableError(
        f"{profile.platform_name} {problem}",
        hint=hint,
        platform=profile.platform_name,
        operation=operation,
        detail=_words(error),
    )


def _explain(error: BaseException, endpoint: Endpoint, profile: DockerProfile) -> tuple[str, str]:
    hints = profile.hints
    where = endpoint.path if endpoint.scheme == "unix" else str(endpoint)
    number = error.errno if isinstance(error, OSError) else None
    if isinstance(error, NotAnEngineError):
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
        return f"at {where} does not agree on TLS: {_words(error)}", "Check the port and DOCKER_TLS_VERIFY."
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
    return f"cannot be reached at {where}: {_words(error)}", hints.start


def _words(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror and not isinstance(error, ssl.SSLError | socket.gaierror):
        return os.strerror(error.errno) if error.errno else error.strerror
    return str(error) or type(error).__name__

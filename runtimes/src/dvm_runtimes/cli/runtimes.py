"""Open the runtime that a command uses, or every runtime that answers."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TypeVar

from dvm_runtimes.errors import DvmError, RuntimeUnavailableError
from dvm_runtimes.infos import Platform
from dvm_runtimes.operation import CancelToken
from dvm_runtimes.runtime import ContainerRuntime

from .error_report import warn
from .invocation import Invocation
from .signals import cancelling

Result = TypeVar("Result")

ALL = "all"


@contextlib.contextmanager
def open_runtime(invocation: Invocation, runtime: str | None) -> Iterator[tuple[ContainerRuntime, CancelToken]]:
    """The runtime of ``--runtime``, else the default one, and the token that Ctrl-C sets."""
    from dvm_runtimes.discovery.factory import create_runtime

    with create_runtime(runtime or "auto", ask=False) as chosen, cancelling(invocation) as cancel:
        yield chosen, cancel


def query_runtimes(
    invocation: Invocation, runtime: str | None, ask: Callable[[ContainerRuntime, CancelToken], list[Result]]
) -> list[Result]:
    """Call ``ask`` for the runtime, or with ``all`` for every reachable one in parallel, and join the results.

    With ``all``, an engine that fails is reported as a warning.

    Raises:
        RuntimeUnavailableError: no engine is reachable.
    """
    if runtime != ALL:
        with open_runtime(invocation, runtime) as (chosen, cancel):
            return ask(chosen, cancel)
    from concurrent.futures import ThreadPoolExecutor

    from dvm_runtimes.discovery.detection import detect_platforms
    from dvm_runtimes.discovery.probing import PATIENT
    from dvm_runtimes.plugins import providers

    known = providers()
    found = detect_platforms(timeout=PATIENT)
    platforms = [one for one in found if one.reachable and known[one.type].automatic]
    if not platforms:
        raise RuntimeUnavailableError(
            "no container platform answers here", hint="`dvm doctor` shows what was found and how to fix it."
        )
    with cancelling(invocation) as cancel, ThreadPoolExecutor(len(platforms), thread_name_prefix="dvm-ask") as pool:
        answers = list(pool.map(lambda platform: _ask(platform, ask, cancel), platforms))
    failed = [answer for answer in answers if isinstance(answer, DvmError)]
    if failed and (len(failed) == len(answers) or cancel.is_set()):
        raise failed[0]
    for error in failed:
        warn(error, invocation)
    return [result for answer in answers if not isinstance(answer, DvmError) for result in answer]


def _ask(
    platform: Platform, ask: Callable[[ContainerRuntime, CancelToken], list[Result]], cancel: CancelToken
) -> list[Result] | DvmError:
    from dvm_runtimes.discovery.factory import create_runtime

    try:
        with create_runtime(platform.selector or platform.type, ask=False) as runtime:
            return ask(runtime, cancel)
    except DvmError as error:
        return error

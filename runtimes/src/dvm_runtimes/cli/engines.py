"""The engine, or the engines, that a command speaks to."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TypeVar

from dvm_runtimes.errors import DvmError, RuntimeUnavailableError
from dvm_runtimes.infos import Platform
from dvm_runtimes.operation import CancelToken
from dvm_runtimes.runtime import ContainerRuntime

from .failures import warn
from .interrupts import cancelling
from .invocation import Invocation

Result = TypeVar("Result")

ALL = "all"


@contextlib.contextmanager
def engine(invocation: Invocation, runtime: str | None) -> Iterator[tuple[ContainerRuntime, CancelToken]]:
    """The runtime that was asked for, or the usual one, and the token that Ctrl-C sets."""
    from dvm_runtimes.discovery.factory import create_runtime

    with create_runtime(runtime or "auto") as chosen, cancelling(invocation) as cancel:
        yield chosen, cancel


def on_each(
    invocation: Invocation, runtime: str | None, ask: Callable[[ContainerRuntime, CancelToken], list[Result]]
) -> list[Result]:
    """What ``ask`` finds on the runtime, or with ``all`` on every reachable one, at the same time.

    An engine that fails meanwhile is warned of, and does not hide the others.

    Raises:
        RuntimeUnavailableError: none is reachable.
    """
    if runtime != ALL:
        with engine(invocation, runtime) as (chosen, cancel):
            return ask(chosen, cancel)
    from concurrent.futures import ThreadPoolExecutor

    from dvm_runtimes.discovery.detection import detect_platforms
    from dvm_runtimes.discovery.probing import PATIENT
    from dvm_runtimes.plugins import providers

    # What nothing chooses by itself and is always there, the mock, would only be one more empty list.
    known = providers()
    found = detect_platforms(timeout=PATIENT)
    platforms = [one for one in found if one.reachable and known[one.type].automatic]
    if not platforms:
        raise RuntimeUnavailableError(
            "no container platform answers here", hint="`dvm doctor` tells what was found and what fixes it."
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
        with create_runtime(platform.selector or platform.type) as runtime:
            return ask(runtime, cancel)
    except DvmError as error:
        return error

"""`Run`: the engines and resources of one pytest process."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

from dvm_runtimes.errors import DvmError, RuntimeUnavailableError, UnsupportedError
from dvm_runtimes.operation import CancelToken

from .records import Records, agreed
from .settings import AUTO, Settings

if TYPE_CHECKING:
    from dvm_runtimes.runtime import ContainerRuntime

    from .run_identity import RunIdentity
    from .supply import Supply

T = TypeVar("T")

_THREADS = 3
FORKED_RUN = "this process is a fork of the test run, whose threads and connections it does not have"


class Run:
    """The engines of this process, each connected once.

    Args:
        settings: the user's settings.
        place: the identity of the run and of this process.
    """

    def __init__(self, settings: Settings, place: RunIdentity) -> None:
        self.settings = settings
        self.place = place
        self.cancel = CancelToken()
        self.records = Records(place, keep=settings.keep)
        self.background = ThreadPoolExecutor(_THREADS, thread_name_prefix="pytest-dvm")
        self.ending = False
        """Whether the last test is over: its resources are removed with the rest, see `hand_over`."""
        self._under_way: set[Future[Any]] = set()
        self._supplies: dict[str, Supply | DvmError] = {}
        self._lock = threading.Lock()
        self._pid = os.getpid()

    def supply(self, name: str) -> Supply:
        """The supply of workspaces on a runtime.

        Raises:
            DvmError: the runtime is not available; the same error for each call.
        """
        if os.getpid() != self._pid:
            # Before the lock, which another thread may have held during the fork.
            raise DvmError(FORKED_RUN, hint="Run the tests that use workspaces without --forked.")
        with self._lock:
            if name not in self._supplies:
                try:
                    self._supplies[name] = self._create(name)
                except DvmError as error:
                    self._supplies[name] = error
            found = self._supplies[name]
        if isinstance(found, DvmError):
            raise found.with_traceback(None)
        return found

    def _create(self, name: str) -> Supply:
        # The reaper starts on another processor while this one imports the drivers.
        begun = self.submit(lambda: self.records.own)
        from dvm_runtimes.discovery.factory import create_runtime

        from .supply import Supply

        runtime = create_runtime(name)
        begun.result()
        return Supply(self, name, runtime)

    def submit(self, do: Callable[..., T], *args: Any) -> Future[T]:
        """Call it in a background thread."""
        future = self.background.submit(do, *args)
        self._under_way.add(future)
        future.add_done_callback(self._under_way.discard)
        return future

    def connect(self, name: str) -> None:
        """Connect to a runtime in the background."""
        self.submit(self.supply_if_any, name)

    def supply_if_any(self, name: str) -> Supply | None:
        """The same as `supply`, or None on an error, which the first test reports."""
        try:
            return self.supply(name)
        except DvmError:
            return None

    def supply_of(self, runtime: ContainerRuntime) -> Supply:
        """The supply of a runtime."""
        return next(one for one in self._supplies.values() if not isinstance(one, DvmError) and one.runtime is runtime)

    def reachable(self) -> tuple[str, ...]:
        """The runtimes of ``--dvm-runtime=all``, the same in all processes of the run."""
        # xdist requires that all workers collect the same tests.
        return agreed(self.records.shared, reachable_runtimes) if self.place.shared else reachable_runtimes()

    def describe(self, name: str) -> str:
        """One line that names the runtime and its version, or says why there is none."""
        try:
            runtime = self.supply(name).runtime
            return f"{runtime.platform_name} {runtime.version()} ({runtime.platform_type}, {runtime.endpoint})"
        except DvmError as error:
            return f"{name}: {error}"

    def described(self, names: Iterable[str] = ()) -> list[str]:
        """A line for each available runtime: of ``names``, by default of those that were used."""
        lines = []
        for name in names or list(self._supplies):
            try:
                runtime = self.supply(name).runtime
                version = runtime.version()
            except DvmError:
                continue
            lines.append(f"dvm: {runtime.platform_name} {version} ({runtime.platform_type}, {runtime.endpoint})")
        return lines

    def hand_over(self) -> None:
        """Let the reaper remove what is left while pytest writes its report; `close` waits for it."""
        # Background work may still write to the ledger.
        if os.getpid() == self._pid and not self._under_way:
            self.records.hand_over()

    def close(self) -> None:
        """End background work and remove what is left."""
        if os.getpid() != self._pid:
            return  # a fork: the resources are the parent's
        self.cancel.set()
        self.background.shutdown(wait=True, cancel_futures=True)
        supplies = [one for one in self._supplies.values() if not isinstance(one, DvmError)]
        for supply in supplies:
            supply.close()
        self.records.close()
        for supply in supplies:
            supply.runtime.close()


def unavailable(error: DvmError) -> bool:
    """Whether the error means that there is no engine to use."""
    return isinstance(error, RuntimeUnavailableError | UnsupportedError)


def reachable_runtimes() -> tuple[str, ...]:
    """The engines that answer now; ``auto`` if none does."""
    from dvm_runtimes.discovery.detection import detect_platforms
    from dvm_runtimes.discovery.probing import PATIENT
    from dvm_runtimes.discovery.provider import NEVER

    # With time for a busy engine, whose tests would be left out silently.
    platforms = detect_platforms(timeout=PATIENT)
    found = [one.selector or one.type for one in platforms if one.reachable and one.rank < NEVER]
    return tuple(dict.fromkeys(found)) or (AUTO,)

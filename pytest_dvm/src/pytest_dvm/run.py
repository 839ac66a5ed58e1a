"""`Run`: what one pytest process has of engines, from the first fixture that asks to the end."""

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

    from .run_identity import Place
    from .supply import Supply

T = TypeVar("T")

_THREADS = 3
FORKED_RUN = "this process is a fork of the test run, whose threads and connections it does not have"


class Run:
    """The engines of this process, each asked for once.

    Args:
        settings: the user's.
        place: which run this process is part of, and which part.
    """

    def __init__(self, settings: Settings, place: Place) -> None:
        self.settings = settings
        self.place = place
        self.cancel = CancelToken()
        self.records = Records(place, keep=settings.keep)
        self.background = ThreadPoolExecutor(_THREADS, thread_name_prefix="pytest-dvm")
        self.ending = False
        """Whether the last test is over: what it had is removed with all the rest, see `hand_over`."""
        self._under_way: set[Future[Any]] = set()
        self._supplies: dict[str, Supply | DvmError] = {}
        self._lock = threading.Lock()
        self._pid = os.getpid()

    def supply(self, name: str) -> Supply:
        """What gives workspaces on the runtime of that name.

        Raises:
            DvmError: it cannot be had; the same each time, and asked only once.
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
        # Its small process starts while all the rest is loaded: on another processor, which the engine will need soon.
        begun = self.submit(lambda: self.records.own)
        from dvm_runtimes.discovery.factory import create_runtime

        from .supply import Supply

        runtime = create_runtime(name)
        begun.result()
        return Supply(self, name, runtime)

    def submit(self, do: Callable[..., T], *args: Any) -> Future[T]:
        """Do it behind the tests' back."""
        future = self.background.submit(do, *args)
        self._under_way.add(future)
        future.add_done_callback(self._under_way.discard)
        return future

    def connect(self, name: str) -> None:
        """Begin to look for that runtime, behind the tests' back; who needs it waits for it."""
        self.submit(self.supply_if_any, name)

    def supply_if_any(self, name: str) -> Supply | None:
        """The same as `supply`; None if there is no engine, which the first test that asks is told."""
        try:
            return self.supply(name)
        except DvmError:
            return None

    def supply_of(self, runtime: ContainerRuntime) -> Supply:
        """The supply whose runtime this is."""
        return next(one for one in self._supplies.values() if not isinstance(one, DvmError) and one.runtime is runtime)

    def reachable(self) -> tuple[str, ...]:
        """What ``--dvm-runtime=all`` stands for in this run: the same in all of its processes."""
        # xdist wants each worker to collect the same tests.
        return agreed(self.records.shared, reachable_runtimes) if self.place.shared else reachable_runtimes()

    def describe(self, name: str) -> str:
        """One line that names the runtime and its version, or says why there is none."""
        try:
            runtime = self.supply(name).runtime
            return f"{runtime.platform_name} {runtime.version()} ({runtime.platform_type}, {runtime.endpoint})"
        except DvmError as error:
            return f"{name}: {error}"

    def described(self, names: Iterable[str] = ()) -> list[str]:
        """A line for each of these runtimes, by default for those that were used; none for one that cannot be had.

        That is told where it matters: by the tests that need it.
        """
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
        """Let what is left be removed by another process, while this one writes its report; `close` waits for it."""
        # What is under way here may yet write into the ledger.
        if os.getpid() == self._pid and not self._under_way:
            self.records.hand_over()

    def close(self) -> None:
        """End what is under way and remove what is left."""
        if os.getpid() != self._pid:
            return  # a fork of the process that these things belong to
        self.cancel.set()
        self.background.shutdown(wait=True, cancel_futures=True)
        supplies = [one for one in self._supplies.values() if not isinstance(one, DvmError)]
        for supply in supplies:
            supply.close()
        self.records.close()
        for supply in supplies:
            supply.runtime.close()


def unavailable(error: DvmError) -> bool:
    """Whether this says that there is no engine, rather than that something is wrong."""
    return isinstance(error, RuntimeUnavailableError | UnsupportedError)


def reachable_runtimes() -> tuple[str, ...]:
    """What ``--dvm-runtime=all`` stands for on this machine, now; ``auto`` if nothing answers."""
    from dvm_runtimes.discovery.detection import detect_platforms
    from dvm_runtimes.discovery.probing import PATIENT
    from dvm_runtimes.discovery.provider import NEVER

    # A busy engine must not be left out: its tests would go missing without a word.
    platforms = detect_platforms(timeout=PATIENT)
    found = [one.selector or one.type for one in platforms if one.reachable and one.rank < NEVER]
    return tuple(dict.fromkeys(found)) or (AUTO,)

"""Many at once: threads share a runtime, runtimes and processes share an engine."""

from __future__ import annotations

import contextlib
import multiprocessing
import pickle
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import pytest

from dvm_runtimes.errors import DvmError
from dvm_runtimes.infos import WorkspaceStatus
from dvm_runtimes.options import StartOptions
from dvm_runtimes.runtime import ContainerRuntime
from dvm_runtimes.validation.naming import OWNER

from .case import LIMIT, Bench, ConformanceCase

RACERS = 6


def start_elsewhere(new_runtime: Callable[[], ContainerRuntime], options: StartOptions) -> str:
    """A start by a runtime of its own, in whatever process this runs."""
    with new_runtime() as runtime:
        return runtime.start_workspace(options, timeout=LIMIT)


class ParallelConformance(ConformanceCase):
    """One name is one container, whoever else asks for it at the same time."""

    def assert_one(self, runtime: ContainerRuntime, bench: Bench, started: list[str]) -> None:
        """All got the same workspace, which runs; no other one is left."""
        assert len(set(started)) == 1
        (info,) = runtime.list_workspaces({OWNER: bench.owner})
        assert (info.id, info.status) == (started[0], WorkspaceStatus.RUNNING)

    def race(self, racers: list[Callable[[], str]]) -> list[str]:
        """What each gave; they begin at the same moment."""
        gate = threading.Barrier(len(racers))

        def run(racer: Callable[[], str]) -> str:
            gate.wait(LIMIT)
            return racer()

        with ThreadPoolExecutor(len(racers)) as pool:
            return list(pool.map(run, racers, timeout=LIMIT * 2))

    def test_threads_race_for_one_name(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """One container, and every thread gets its ID."""
        options = bench.options()
        started = self.race([lambda: runtime.start_workspace(options, timeout=LIMIT)] * RACERS)
        self.assert_one(runtime, bench, started)

    def test_runtimes_race_for_one_name(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """Runtimes that know nothing of each other agree too."""
        options = bench.options()
        new_runtime = bench.subject.new_runtime
        started = self.race([lambda: start_elsewhere(new_runtime, options)] * RACERS)
        self.assert_one(runtime, bench, started)

    def test_runtimes_race_to_bring_one_back(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """A stopped workspace is started once, and kept."""
        options = bench.options()
        workspace = runtime.start_workspace(options)
        runtime.stop_workspace(workspace)
        new_runtime = bench.subject.new_runtime
        started = self.race([lambda: start_elsewhere(new_runtime, options)] * RACERS)
        assert started == [workspace] * RACERS
        self.assert_one(runtime, bench, started)

    def test_runtimes_race_to_replace_one(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """Several see the drift; there is one new workspace in the end, and none of the old one's or of the losers'."""
        name = bench.name()
        old = bench.start(workspace_name=name, env={"WHICH": "old"})
        options = bench.options(workspace_name=name, env={"WHICH": "new"})
        new_runtime = bench.subject.new_runtime
        started = self.race([lambda: start_elsewhere(new_runtime, options)] * 3)
        assert old not in started
        (info,) = runtime.list_workspaces({OWNER: bench.owner})
        assert (info.name, info.status) == (options.name, WorkspaceStatus.RUNNING)
        assert info.id in started
        assert bench.sh(info.id, "printenv WHICH") == "new\n"

    def test_processes_race_for_one_name(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """So do runtimes in processes of their own."""
        new_runtime = bench.subject.new_runtime
        try:
            pickle.dumps(new_runtime)
        except (AttributeError, TypeError, pickle.PicklingError):
            pytest.skip(f"{runtime.platform_name}: it cannot be reached from another process")
        options = bench.options()
        given = {name: getattr(options, name) for name in ("image_name", "workspace_name", "owner")}
        with ProcessPoolExecutor(3, mp_context=multiprocessing.get_context("spawn")) as pool:
            waiting = [pool.submit(start_with, new_runtime, given) for _ in range(3)]
            started = [one.result(LIMIT * 2) for one in waiting]
        self.assert_one(runtime, bench, started)

    def test_threads_share_one_runtime(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """Whole lives side by side; nothing of one shows in another."""

        def life(number: int) -> str:
            options = bench.options(env={"NUMBER": str(number)})
            workspace = runtime.start_workspace(options, timeout=LIMIT)
            said = bench.sh(workspace, "printenv NUMBER")
            assert bench.info(workspace).status is WorkspaceStatus.RUNNING
            runtime.stop_workspace(workspace, timeout=LIMIT)
            runtime.remove_workspace(workspace, timeout=LIMIT)
            return said

        with ThreadPoolExecutor(RACERS) as pool:
            said = list(pool.map(life, range(RACERS), timeout=LIMIT * 2))
        assert said == [f"{number}\n" for number in range(RACERS)]
        assert bench.names_left() == []

    def test_a_start_and_its_removal_race(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """Somebody removes what is being started, again and again: there is a workspace or an error, and no rest."""
        options = bench.options()
        over = threading.Event()

        def remove() -> None:
            while not over.is_set():
                bench.subject.outside.remove(options.name)

        remover = threading.Thread(target=remove, daemon=True)
        remover.start()
        try:
            for _ in range(5):
                with contextlib.suppress(DvmError):  # typed, and nothing else
                    runtime.start_workspace(options, timeout=LIMIT)
        finally:
            over.set()
            remover.join(LIMIT)
        assert bench.names_left() in ([], [options.name])


def start_with(new_runtime: Callable[[], ContainerRuntime], given: dict[str, str]) -> str:
    """A start in another process, of options given by name."""
    return start_elsewhere(new_runtime, StartOptions(**given))  # type: ignore[arg-type]

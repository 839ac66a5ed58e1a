"""The limits of one call: its time, its cancel event, and how blocked work is cut short."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

import pytest

from dvm_runtimes import CancelToken, EngineError, OperationCancelledError, OperationTimeoutError
from dvm_runtimes.errors import DvmError
from dvm_runtimes.operation import Operation

LIMIT = 60.0


def blocked(op: Operation) -> None:
    """Work that only an abort ends; its own error is what the call sees."""
    cut = threading.Event()
    with op.aborting(cut.set):
        assert cut.wait(LIMIT)
    raise OSError("the socket was shut down")


def test_time_that_passes_cuts_the_work() -> None:
    op = Operation("build_image", timeout=0.05, platform="Docker")
    op.step = "step 2"
    message = r"build_image did not finish within 0\.05 s while step 2"
    with pytest.raises(OperationTimeoutError, match=message) as caught, op:
        blocked(op)
    assert isinstance(caught.value, TimeoutError)
    assert (caught.value.platform, caught.value.operation, caught.value.detail) == (
        "Docker",
        "build_image",
        "",
    )
    assert isinstance(caught.value.__cause__, OSError)


@pytest.mark.parametrize("kind", [threading.Event, CancelToken])
def test_a_cancel_cuts_the_work(kind: Callable[[], threading.Event]) -> None:
    cancel = kind()
    canceller = threading.Timer(0.05, cancel.set)
    canceller.start()
    with (
        pytest.raises(OperationCancelledError, match="pull_image was cancelled"),
        Operation("pull_image", cancel=cancel) as op,
    ):
        blocked(op)
    canceller.join()


@pytest.mark.parametrize("kind", [threading.Event, CancelToken])
def test_a_cancel_that_came_before(kind: Callable[[], threading.Event]) -> None:
    cancel = kind()
    cancel.set()
    with Operation("version", cancel=cancel) as op:
        assert op.aborted
        with pytest.raises(OperationCancelledError):
            op.check()
        with pytest.raises(OperationCancelledError), op.aborting(lambda: None):
            raise AssertionError("never begun")


@pytest.mark.parametrize("timeout", [0, -1])
def test_no_time_at_all(timeout: float) -> None:
    with Operation("version", timeout=timeout) as op:
        assert op.aborted
        assert op.remaining() == 0
        with pytest.raises(OperationTimeoutError):
            op.check()


def test_work_in_time_is_left_alone() -> None:
    cancel = CancelToken()
    cuts: list[int] = []
    with Operation("version", timeout=LIMIT, cancel=cancel) as op:
        with op.aborting(lambda: cuts.append(1)):
            op.check()
        assert 0 < (op.remaining() or 0) <= LIMIT
    cancel.set()
    assert cuts == []
    with Operation("version") as op:
        assert op.remaining() is None


def test_a_cut_happens_once_for_each_and_not_after_its_block() -> None:
    cuts: list[str] = []
    cancel = CancelToken()
    with Operation("version", cancel=cancel) as op:
        with op.aborting(lambda: cuts.append("before")):
            pass
        with op.aborting(lambda: cuts.append("outer")), op.aborting(lambda: cuts.append("inner")):
            cancel.set()
            cancel.set()
    assert cuts == ["outer", "inner"]


def test_waiting_ends_by_the_event_the_time_or_the_cut() -> None:
    event = threading.Event()
    with Operation("version") as op:
        assert not op.wait(threading.Event(), 0.01)
        event.set()
        assert op.wait(event, LIMIT)
    cancel = CancelToken()
    timer = threading.Timer(0.05, cancel.set)
    timer.start()
    with Operation("version", cancel=cancel) as op, pytest.raises(OperationCancelledError):
        op.wait(threading.Event(), LIMIT)
    timer.join()


def test_suspended_time_does_not_count() -> None:
    with Operation("start_workspace", timeout=LIMIT) as op:
        before = op.deadline
        with op.suspended():
            threading.Event().wait(0.2)
        assert before is not None
        assert op.deadline is not None
        assert op.deadline >= before + 0.2


def test_an_error_learns_which_call_it_belongs_to() -> None:
    with pytest.raises(EngineError) as caught, Operation("stop_workspace", platform="Podman"):
        raise EngineError("lost")
    assert (caught.value.operation, caught.value.platform) == ("stop_workspace", "Podman")
    with pytest.raises(EngineError) as caught, Operation("stop_workspace", platform="Podman"):
        raise EngineError("lost", operation="version", platform="Docker")
    assert (caught.value.operation, caught.value.platform) == ("version", "Docker")


def test_a_cut_keeps_the_log_lines_of_what_it_cut() -> None:
    error: DvmError = EngineError("lost", logs="last words")
    with pytest.raises(OperationTimeoutError) as caught, Operation("start_workspace", timeout=0):
        raise error
    assert caught.value.logs == "last words"


def test_a_cut_does_not_hide_another_kind_of_end() -> None:
    with pytest.raises(KeyboardInterrupt), Operation("version", timeout=0):
        raise KeyboardInterrupt


def test_many_operations_at_once() -> None:
    ended: list[str] = []

    def run(seconds: float) -> None:
        try:
            with Operation("version", timeout=seconds) as op:
                blocked(op)
        except OperationTimeoutError:
            ended.append("timeout")

    threads = [threading.Thread(target=run, args=(0.01 * number,)) for number in range(1, 40)]
    for _ in range(200):  # ended ones do not pile up
        with Operation("version", timeout=LIMIT):
            pass
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT)
    assert ended == ["timeout"] * len(threads)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_the_watchdog_works_in_a_forked_child() -> None:
    with Operation("version", timeout=LIMIT):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                with Operation("version", timeout=0.05) as op:
                    blocked(op)
            except OperationTimeoutError:
                code = 0
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0


def test_what_cannot_be_interrupted_is_left_behind() -> None:
    cancel, free, discarded = CancelToken(), threading.Event(), threading.Event()

    def stubborn() -> str:
        cancel.set()
        assert free.wait(LIMIT)
        return "late"

    with pytest.raises(OperationCancelledError), Operation("search", cancel=cancel) as op:
        op.run(stubborn, lambda late: discarded.set())
    free.set()
    assert discarded.wait(LIMIT)


def test_what_ends_in_time_gives_its_result_or_its_own_error() -> None:
    with Operation("search", timeout=LIMIT) as op:
        assert op.run(lambda: 5) == 5
        with pytest.raises(ZeroDivisionError):
            op.run(lambda: 1 // 0)

"""Cleaning up after a failed call: in order, behind a limit that has passed, and recorded where it did not happen."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from dvm_runtimes.cleanup.ledger import ledgers_folder, left
from dvm_runtimes.engines.base import Engine
from dvm_runtimes.errors import EngineError, OperationTimeoutError
from dvm_runtimes.operation import Operation
from dvm_runtimes.workspaces import undo as undoing
from dvm_runtimes.workspaces.undo import Undo

LIMIT = 60.0


class Acme:
    """What `Undo` needs of an engine."""

    platform_type = platform_name = "acme"
    endpoint = "acme://here"

    def removal(self) -> Mapping[str, Any]:
        return {}


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(undoing, "_LATE", 0.05)


@pytest.fixture
def late() -> Iterator[Operation]:
    """A call whose limit has passed."""
    op = Operation("start_workspace", timeout=0.0)
    with op:
        with pytest.raises(OperationTimeoutError):
            op.check()
        yield op


def recorded() -> list[str]:
    return [one.name for file in ledgers_folder().glob("*.ledger") for one in left(file)]


def test_a_late_caller_goes_on_and_the_ledger_has_what_is_left(late: Operation) -> None:
    engine_answers, removed = threading.Event(), threading.Event()
    undo, order = Undo(cast(Engine, Acme()), late), []

    def remove(op: Operation) -> None:
        engine_answers.wait(LIMIT)
        order.append("remove")

    def restore(op: Operation) -> None:
        order.append("restore")
        removed.set()

    error = OperationTimeoutError("late")
    undo.run(remove, removes="a" * 64, error=error)
    undo.run(restore)
    assert recorded() == ["a" * 64]
    assert "dvm gc" in error.hint
    engine_answers.set()
    assert removed.wait(LIMIT)
    undo.close()

    assert order == ["remove", "restore"], "the second needs what the first gives up"
    assert recorded() == []


def test_a_step_that_fails_is_recorded() -> None:
    error = EngineError("it broke")

    def fail(op: Operation) -> None:
        raise EngineError("no")

    with Operation("start_workspace") as op:
        undo = Undo(cast(Engine, Acme()), op)
        undo.run(fail, removes="b" * 64, error=error)
        undo.run(lambda op: None, removes="c" * 64, error=error)
        undo.close()

    assert recorded() == ["b" * 64]
    assert error.hint == f"Container {'b' * 12} is still there; it is removed in the background, or by `dvm gc`."

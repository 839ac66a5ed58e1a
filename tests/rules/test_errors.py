"""Errors say what happened and what to do, to people and to programs."""

from __future__ import annotations

import inspect
import json
import pickle

import pytest

from dvm_runtimes import errors
from dvm_runtimes.errors import DvmError, ExecError, InvalidOptionError

CLASSES = [kind for _, kind in inspect.getmembers(errors, inspect.isclass)]
KINDS = [kind for kind in CLASSES if issubclass(kind, DvmError) and kind is not DvmError]


def made(kind: type[DvmError]) -> DvmError:
    facts = {"platform": "Docker", "operation": "version", "hint": "Start it.", "detail": "EOF", "logs": "a\nb"}
    if kind is InvalidOptionError:
        error: DvmError = InvalidOptionError("memory", "lots", "write a size", hint="Start it.", operation="version")
        error.platform, error.detail, error.logs = "Docker", "EOF", "a\nb"
        return error
    return kind("it is gone", **facts)


def test_every_kind_has_a_word_of_its_own() -> None:
    words = [kind.kind for kind in KINDS]
    assert len(set(words)) == len(words) == 14
    assert DvmError.kind not in words


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_survives_pickling(kind: type[DvmError]) -> None:
    error = made(kind)
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind
    assert (str(again), again.to_dict(), again.__dict__) == (str(error), error.to_dict(), error.__dict__)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_json(kind: type[DvmError]) -> None:
    data = json.loads(json.dumps(made(kind).to_dict()))
    assert data["kind"] == kind.kind
    assert {name: data[name] for name in ("platform", "operation", "hint", "detail", "logs")} == {
        "platform": "Docker",
        "operation": "version",
        "hint": "Start it.",
        "detail": "EOF",
        "logs": "a\nb",
    }


def test_text_is_one_line() -> None:
    error = DvmError("it is\n  gone.", hint="Start\nit.")
    assert str(error) == "it is gone. Start it."
    assert str(DvmError("gone")) == "gone"
    assert "detail" not in DvmError("gone").to_dict()


def test_standard_errors_catch_their_own() -> None:
    assert issubclass(errors.InvalidOptionError, ValueError)
    assert issubclass(errors.OperationTimeoutError, TimeoutError)
    assert issubclass(errors.PathNotFoundError, errors.EngineError)


def test_an_invalid_option_names_its_field_and_value() -> None:
    error = InvalidOptionError("mounts[1].source", "x" * 500, "is missing", hint="Make it.")
    assert str(error).startswith("mounts[1].source='xxx")
    assert "...: is missing. Make it." in str(error)
    assert len(str(error)) < 200
    assert error.to_dict()["field"] == "mounts[1].source"


def test_an_exec_error_has_the_shells_code() -> None:
    assert ExecError("no").exit_code == 126
    assert pickle.loads(pickle.dumps(ExecError("no", exit_code=127))).exit_code == 127

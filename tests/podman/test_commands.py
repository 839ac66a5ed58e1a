"""Commands on a real Podman: what a shell around them must not change."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from tests.engines.subjects import subject_on

from dvm_runtimes.errors import ExecError
from dvm_runtimes.options import ExecOptions, StartOptions

if TYPE_CHECKING:
    from tests.engines.fixtures import Engines

    from dvm_runtimes.runtime import ContainerRuntime
    from dvm_runtimes.testing import Subject

LIMIT = 120.0


@pytest.fixture(scope="module", params=["podman", "podman-5.4"])
def subject(engines: Engines, request: pytest.FixtureRequest) -> Iterator[Subject]:
    with subject_on(engines.get(request.param)) as subject:
        yield subject


@pytest.fixture(scope="module")
def runtime(subject: Subject) -> ContainerRuntime:
    return subject.runtime


@pytest.fixture(scope="module")
def workspace(subject: Subject, runtime: ContainerRuntime) -> Iterator[str]:
    options = StartOptions(image_name=subject.image, workspace_name=f"podman-{secrets.token_hex(5)}")
    made = runtime.start_workspace(options, timeout=LIMIT)
    yield made
    runtime.remove_workspace(made, force=True, timeout=LIMIT)


@pytest.mark.parametrize(("command", "code"), [("no-such-program", 127), ("/etc/passwd", 126)])
def test_a_command_with_an_input_that_cannot_be_started(
    runtime: ContainerRuntime, workspace: str, command: str, code: int
) -> None:
    with pytest.raises(ExecError, match=command) as caught:
        runtime.exec_in_workspace(workspace, [command], ExecOptions(input=bytes(1 << 20)), timeout=LIMIT)
    assert caught.value.exit_code == code
    assert caught.value.detail.startswith("sh: ")


def test_words_and_exit_code_with_an_input(runtime: ContainerRuntime, workspace: str) -> None:
    script = 'cat; printf "%s|" "$@"; exit 127'
    words = ["sh", "-c", script, "sh", "two words", "$HOME", ""]
    result = runtime.exec_in_workspace(workspace, words, ExecOptions(input=b"in:", env={"A": "1"}), timeout=LIMIT)
    assert (result.exit_code, result.stdout, result.stderr) == (127, b"in:two words|$HOME||", b"")


def test_a_command_with_an_input_in_a_folder_that_is_not_there(runtime: ContainerRuntime, workspace: str) -> None:
    options = ExecOptions(input=b"in", working_dir="/no/such/folder")
    with pytest.raises(ExecError, match="'cat' could not be started"):
        runtime.exec_in_workspace(workspace, ["cat"], options, timeout=LIMIT)

"""The public names of the plugin, for type annotations."""

from __future__ import annotations

import pytest

import pytest_dvm
from pytest_dvm.factory import WorkspaceFactory
from pytest_dvm.workspace import Workspace


def test_names_are_loaded_when_they_are_used() -> None:
    assert pytest_dvm.Workspace is Workspace
    assert pytest_dvm.WorkspaceFactory is WorkspaceFactory
    assert all(getattr(pytest_dvm, name).__name__ == name for name in pytest_dvm.__all__)


def test_a_name_that_is_not_there() -> None:
    with pytest.raises(AttributeError, match="'pytest_dvm' has no attribute 'Nothing'"):
        _ = pytest_dvm.Nothing

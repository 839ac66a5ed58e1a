"""What the tests of this project share."""

from __future__ import annotations

import pytest

from pytest_dvm import Workspace


@pytest.fixture(scope="session")
def store(dvm_session_workspace: Workspace) -> Workspace:
    """A store that every test of the run shares."""
    dvm_session_workspace.exec("mkdir -p /tmp/store")
    return dvm_session_workspace

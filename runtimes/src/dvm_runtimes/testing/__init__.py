"""The conformance suite: what every runtime does, whatever engine is beneath it.

A runtime of your own passes it with one test module: a fixture ``subject``
that says what is tested, and one import that brings every test.

.. code-block:: python

    import pytest
    from dvm_runtimes.testing import *
    from dvm_runtimes.testing import Subject
    from dvm_runtimes.testing.mock import mock_subject


    @pytest.fixture(scope="module")
    def subject(tmp_path_factory):
        # Your own Subject here: its runtime, its images, and an Outside.
        with mock_subject(tmp_path_factory.mktemp("host")) as subject:
            yield subject

What an engine cannot do, its ``capabilities`` say; the tests of it are then
skipped with the engine's own reason. Each part is a class of its own, so that
one that matters can be run alone: ``pytest -k TestExec``.

The suite needs pytest, which this distribution does not install.
"""

from __future__ import annotations

import pkgutil

import pytest

pytest.register_assert_rewrite(*(f"{__name__}.{part.name}" for part in pkgutil.iter_modules(__path__)))

# After the registration, or a failing assert would tell nothing of its values.
from .builds import BuildConformance as TestBuild  # noqa: E402
from .confinement import ConfinementConformance as TestConfinement  # noqa: E402
from .copying import CopyConformance as TestCopy  # noqa: E402
from .drift import DriftConformance as TestDrift  # noqa: E402
from .ending import EndConformance as TestEnd  # noqa: E402
from .events import EventConformance as TestEvent  # noqa: E402
from .exec import ExecConformance as TestExec  # noqa: E402
from .failing import FailureConformance as TestFailure  # noqa: E402
from .finding import FindConformance as TestFind  # noqa: E402
from .images import ImageConformance as TestImage  # noqa: E402
from .logs import LogConformance as TestLog  # noqa: E402
from .mounts import MountConformance as TestMount  # noqa: E402
from .naming import NamingConformance as TestNaming  # noqa: E402
from .parallel import ParallelConformance as TestParallel  # noqa: E402
from .ports import PortConformance as TestPort  # noqa: E402
from .sessions import SessionConformance as TestSession  # noqa: E402
from .starting import StartConformance as TestStart  # noqa: E402
from .statuses import StatusConformance as TestStatus  # noqa: E402
from .subject import Outside, Subject  # noqa: E402
from .terminals import TerminalConformance as TestTerminal  # noqa: E402
from .waits import WaitConformance as TestWait  # noqa: E402

__all__ = [
    "Outside",
    "Subject",
    "TestBuild",
    "TestConfinement",
    "TestCopy",
    "TestDrift",
    "TestEnd",
    "TestEvent",
    "TestExec",
    "TestFailure",
    "TestFind",
    "TestImage",
    "TestLog",
    "TestMount",
    "TestNaming",
    "TestParallel",
    "TestPort",
    "TestSession",
    "TestStart",
    "TestStatus",
    "TestTerminal",
    "TestWait",
]

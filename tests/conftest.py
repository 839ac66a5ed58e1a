"""What every test has: real engines, and the table of their use."""

import contextlib
import os
import signal
import threading
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings
from tests.engines import namespaces
from tests.engines.registry import CHOOSES_AN_ENGINE

# Here, before there is any thread. Where it can't be done, each kind of engine says so.
with contextlib.suppress(OSError):
    namespaces.enter()

# No test is failed by a clock: this machine may be busy.
settings.register_profile("dvm", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("dvm")

# Whatever is started in the background of a shell ignores SIGINT (POSIX, "Asynchronous Lists"), and so would every
# program that a test starts and interrupts.
# nohup does the same with SIGHUP.
if threading.current_thread() is threading.main_thread():
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)

pytest_plugins = [
    "tests.engines.fixtures",
    "tests.engines.selection",
    "tests.engines.spreading",
    "tests.engines.summary",
]
collect_ignore = ["outside_project"]
"""A project of its own, which a test runs where it is installed."""


@pytest.fixture(scope="session", autouse=True)
def nothing_of_the_users(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A home without settings, contexts and sockets, and no variable that leads to an engine of the user's."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in filter(CHOOSES_AN_ENGINE.fullmatch, list(os.environ)):
            patch.delenv(name)
        for name, folder in (("HOME", home), ("XDG_RUNTIME_DIR", home / "run")):
            folder.mkdir(mode=0o700, exist_ok=True)
            patch.setenv(name, str(folder))
        yield

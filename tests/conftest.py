"""What every test has: real engines, and the table of their use."""

import signal
import threading
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

# No test is failed by a clock: this machine may be busy.
settings.register_profile("dvm", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("dvm")

# Whatever is started in the background of a shell ignores SIGINT (POSIX, "Asynchronous Lists"), and so would every
# program that a test starts and interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN and threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, signal.default_int_handler)

pytest_plugins = [
    "tests.engines.fixtures",
    "tests.engines.selection",
    "tests.engines.spreading",
    "tests.engines.summary",
]
collect_ignore = ["outside_project"]
"""A project of its own, which a test runs where it is installed."""


@pytest.fixture(scope="session", autouse=True)
def settings_of_dockers_client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Docker's client reads contexts from its folder of settings, and writes to it when it builds: not the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DOCKER_CONFIG", str(tmp_path_factory.mktemp("docker-client")))
        yield

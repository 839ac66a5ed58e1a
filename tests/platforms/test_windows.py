"""Windows itself, outside WSL: everything imports, and the mock works."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import sys
import pexpect  # which has another half for Windows
for name in ("fcntl", "termios", "tty", "pty", "resource", "grp", "pwd"):
    sys.modules[name] = None  # an import of it fails, as there

import importlib
import pkgutil
import dvm_runtimes

for module in pkgutil.walk_packages(dvm_runtimes.__path__, "dvm_runtimes."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)

from dvm_runtimes.discovery.provider import Machine
here = Machine.this()
Machine.this = classmethod(lambda cls: here._replace(system="windows"))

from dvm_runtimes import StartOptions, UnsupportedError, create_runtime
with create_runtime("mock") as runtime:
    workspace = runtime.start_workspace(StartOptions(image_name="mock:latest", workspace_name="dev"))
    assert runtime.exec_in_workspace(workspace, ["echo", "hello"]).stdout == b"hello\\n"
try:
    create_runtime("docker")
except UnsupportedError as error:
    print(error)
"""


def test_everything_imports_and_the_mock_works() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=120, check=False)

    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1
    assert done.stdout.startswith("docker cannot be driven from Windows itself. Run this inside WSL")

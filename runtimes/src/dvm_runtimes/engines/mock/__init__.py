"""An engine in memory, for tests and for trying things out: as Docker in all that can be seen, and at once.

>>> from dvm_runtimes import StartOptions, create_runtime
>>> with create_runtime("mock") as runtime:
...     workspace = runtime.start_workspace(StartOptions(image_name="mock:latest", workspace_name="dev"))
...     runtime.mock.kill(workspace)
...     print(runtime.get_workspace_status(workspace))
exited

Its images run a small shell and a few programs of its own; anything else is
scripted with `MockControls.script_exec`. ``create_runtime("mock")`` gives a
fresh engine each time; ``create_runtime("mock:NAME")`` shares the engine of
that name within one process. Nothing outlives the process.
"""

from __future__ import annotations

from .controls import MockControls
from .engine import MockEngine
from .faults import Call
from .runtime import MockRuntime

__all__ = ["Call", "MockControls", "MockEngine", "MockRuntime"]

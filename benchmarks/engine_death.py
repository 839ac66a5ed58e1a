"""How long a call goes on when its engine is killed in its middle, for each kind of call, on real engines.

The target is an error within 2 s. The engines are those of the tests:
``python benchmarks/engine_death.py docker podman-5.4``.
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.docker_api import dying
from tests.engines.registry import RunningEngine, every_kind
from tests.engines.subjects import runtime_on

from dvm_runtimes.errors import DvmError, RuntimeUnavailableError

KINDS = ("docker", "docker-28.5", "docker-tls", "podman", "podman-5.4")
TARGET = 2.0


def seconds(engine: RunningEngine, call: dying.Call) -> float:
    """From the kill to the error; infinite if that is not the right one."""
    began = threading.Event()
    ended: list[DvmError] = []
    which = engine.kind.which or engine.kind.runtime
    with tempfile.TemporaryDirectory() as folder, runtime_on(which, engine.machine()) as runtime:
        thread = dying.begin(call, dying.scene(runtime, engine.image, Path(folder), began.set), ended)
        assert began.wait(dying.LIMIT)
        killed = time.perf_counter()
        engine.kill()
        thread.join(dying.LIMIT)
        passed = time.perf_counter() - killed
        engine.start()
    return passed if [type(error) for error in ended] == [RuntimeUnavailableError] else float("inf")


def main() -> int:
    worst = 0.0
    for kind in sys.argv[1:] or KINDS:
        engine = every_kind()[kind].start()
        try:
            print(f"  {kind} {engine.version}")
            for call in dying.CALLS:
                passed = seconds(engine, call)
                worst = max(worst, passed)
                print(f"    {call.__name__:20} {1000 * passed:8.0f} ms", flush=True)
        finally:
            engine.end()
    print(f"  worst {worst:.2f} s; target {TARGET:g} s")
    return 0 if worst <= TARGET else 1


if __name__ == "__main__":
    sys.exit(main())

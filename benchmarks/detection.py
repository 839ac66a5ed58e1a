"""How long it takes to look for platforms: with none, with ten that answer, and with ten that hang.

The target of the last is 200 ms; the first two are shown beside the time that
a bare connection to each of the same sockets takes.
"""

from __future__ import annotations

import socket
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.platforms.made_up import PLACES, MadeUp

from dvm_runtimes.discovery.detection import detect_platforms
from dvm_runtimes.plugins import providers

ROUNDS = 15
TARGET = 0.2


def median(work: Callable[[], object]) -> float:
    """Seconds."""
    times = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


def connect_to_each(made: MadeUp) -> None:
    for place in PLACES:
        with socket.socket(socket.AF_UNIX) as bare:
            bare.connect(str(made.path(place)))


def main() -> int:
    providers()  # loading them is not looking
    with MadeUp() as empty:
        print(f"  nothing there        {1000 * median(lambda: detect_platforms(empty.machine)):7.1f} ms")
    with MadeUp() as live:
        for place in PLACES:
            live.live(place)
        answered = median(lambda: detect_platforms(live.machine))
        bare = median(lambda: connect_to_each(live))
        print(f"  ten that answer      {1000 * answered:7.1f} ms   ten bare connections {1000 * bare:.1f} ms")
    with MadeUp() as hanging:
        for place in PLACES:
            hanging.hanging(place)
        hung = median(lambda: detect_platforms(hanging.machine))
    print(f"  ten that hang        {1000 * hung:7.1f} ms   target {1000 * TARGET:.0f} ms")
    return 0 if hung <= TARGET else 1


if __name__ == "__main__":
    sys.exit(main())

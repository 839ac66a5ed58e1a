"""What keeps the server small does not change what its libraries do."""

from __future__ import annotations

import threading

from dvm_server import memory


def test_the_heap_is_usable_after_every_measure() -> None:
    memory.share_one_heap()
    memory.forget_generated_source()
    made: list[bytes] = []
    threads = [threading.Thread(target=lambda: made.append(bytes(1_000_000))) for _ in range(4)]
    for thread in threads:
        thread.start()
    memory.trim_heap()
    for thread in threads:
        thread.join()
    assert [len(one) for one in made] == [1_000_000] * 4

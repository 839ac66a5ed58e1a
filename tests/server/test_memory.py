"""What keeps the server small does not change what its libraries do."""

from __future__ import annotations

import subprocess
import sys
import threading

from dvm_server import memory

LEAN = """
import sys
from dvm_server import memory

with memory.no_guessing_of_charsets():
    import docker.errors
assert not any(name.startswith(("charset_normalizer", "chardet")) for name in sys.modules)

import charset_normalizer
import requests

answer = requests.Response()
answer._content = "naïve".encode()
assert answer.text == "naïve"
answer._content = b'{"a": "\\xc3\\xaf"}'
assert answer.json() == {"a": "ï"}
"""


def test_requests_works_without_its_guesses_and_others_have_them_later() -> None:
    # With warnings as errors: requests warns where it finds none of them.
    ran = subprocess.run([sys.executable, "-W", "error", "-c", LEAN], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


def test_what_was_loaded_before_stays() -> None:
    import charset_normalizer

    with memory.no_guessing_of_charsets():
        assert sys.modules["charset_normalizer"] is charset_normalizer
    assert sys.modules["charset_normalizer"] is charset_normalizer


def test_the_heap_is_usable_after_every_measure() -> None:
    memory.share_one_heap()
    memory.forget_generated_source()
    made: list[bytes] = []
    threads = [threading.Thread(target=lambda: made.append(bytes(1_000_000))) for _ in range(4)]
    for thread in threads:
        thread.start()
    memory.give_back()
    for thread in threads:
        thread.join()
    assert [len(one) for one in made] == [1_000_000] * 4

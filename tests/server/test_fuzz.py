"""The short form of the fuzz run."""

from __future__ import annotations

import os
from pathlib import Path

from tests.server.fuzzing import Fuzzer, fuzz
from tests.server.wire_client import ON_MOCK, serving


def test_nothing_that_is_sent_ends_the_server_or_silences_it(tmp_path: Path) -> None:
    with serving(*ON_MOCK, env={**os.environ, "HOME": str(tmp_path)}) as client:
        fuzzer = Fuzzer(client)
        fuzz(fuzzer, 200)
        fuzzer.look()
        assert client.end() == 0

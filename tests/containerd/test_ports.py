"""Whether a port of this machine is free for a start."""

from __future__ import annotations

import os
import socket
from typing import Any

import pytest

from dvm_runtimes.engines.nerdctl import NerdctlProfile, ports
from dvm_runtimes.errors import EngineError
from dvm_runtimes.operation import Operation
from dvm_runtimes.options import Port

HERE = NerdctlProfile()
IN_A_VM = NerdctlProfile(host_path=lambda path, field: os.fspath(path))


def test_one_that_the_virtual_machine_still_has_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    waits = []
    with socket.create_server(("127.0.0.1", 0)) as held, Operation("start_workspace", timeout=None) as op:

        def released(*_: Any) -> bool:
            held.close()
            waits.append(True)
            return False

        port = Port(80, host=held.getsockname()[1])
        monkeypatch.setattr(Operation, "wait", released)
        ports.refuse_taken([Port(81), port], IN_A_VM, op)
    assert waits == [True]


@pytest.mark.parametrize("profile", [HERE, IN_A_VM])
def test_one_that_stays_taken_is_refused(profile: NerdctlProfile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "RELEASE_LIMIT", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as held, Operation("start_workspace", timeout=None) as op:
        number = held.getsockname()[1]
        with pytest.raises(EngineError, match=f"port {number} of 127.0.0.1 is taken"):
            ports.refuse_taken([Port(80, host=number)], profile, op)

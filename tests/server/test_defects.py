"""One test for each defect of stock pygls that the base layer closes, on a real server process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from tests.server.wire_client import COMMANDS_ONLY, PATIENCE, RequestFailed, WireClient, framed, serving


@pytest.fixture
def client() -> Iterator[WireClient]:
    with serving(*COMMANDS_ONLY) as client:
        yield client


@pytest.fixture(scope="module")
def lasting() -> Iterator[WireClient]:
    """One server for all that must not end it."""
    with serving(*COMMANDS_ONLY) as client:
        yield client


def wait_for_log(client: WireClient, line: str) -> None:
    """Ask for the server's log until it has ``line``; each round trip gives the threads their turn."""
    for _ in range(100_000):
        if line in client.command("log"):
            return
    raise AssertionError(f"no {line!r} in {client.command('log')}")


def test_d1_cancelling_a_command_stops_it(client: WireClient) -> None:
    request = client.begin_command("until-cancelled", "it")
    wait_for_log(client, "began it")
    client.notify("$/cancelRequest", {"id": request})
    assert client.error(request).code == -32800
    assert client.command("log") == ["began it", "cancelled it"]


def test_d2_many_busy_commands_leave_the_reader_free(client: WireClient) -> None:
    busy = [client.begin_command("until-cancelled", number) for number in range(50)]
    assert client.command("echo", "still there") == "still there"
    for request in busy:
        client.notify("$/cancelRequest", {"id": request})
    assert {client.error(request).code for request in busy} == {-32800}


def test_d3_nothing_of_a_request_stays(client: WireClient) -> None:
    def many(count: int) -> dict[str, int]:
        """Requests of each kind, notifications and cancelled ones."""
        sent = []
        for number in range(count):
            sent.append(client.begin_command("echo", number))
            sent.append(client.begin_command("steps", workDoneToken=f"t{number}"))
            client.notify("$/cancelRequest", {"id": f"unknown {number}"})
            client.notify("textDocument/didChange", {"contentChanges": []})
            if len(sent) >= 100:
                for request in sent:
                    client.answer(request)
                sent.clear()
                client.kept.clear()
        for request in sent:
            client.answer(request)
        client.kept.clear()
        counts: dict[str, int] = client.command("counts")
        return counts

    many(1000)  # threads, caches and the allocator's arenas
    before = many(1000)
    after = many(4000)
    assert (after["pending"], after["tokens"], after["bytes"], after["outgoing"]) == (0, 0, 0, 0)
    # Stock pygls keeps about 5 kB of each: 40 MB here.
    assert after["kilobytes"] - before["kilobytes"] < 8_000


def test_d4_shutdown_while_commands_run_answers_null(client: WireClient) -> None:
    busy = [client.begin_command("until-cancelled", number) for number in range(8)]
    shutdown = client.begin("shutdown", None)
    assert client.answer(shutdown) is None
    # They were stopped first, and got their answers first.
    assert {client.error(request).code for request in busy} == {-32800}


def test_d4_a_command_that_does_not_stop_holds_no_shutdown_up(client: WireClient) -> None:
    client.begin_command("deaf")
    wait_for_log(client, "deaf began")
    assert client.request("shutdown", None) is None
    client.notify("exit", None)
    assert client.wait() == 0


@pytest.mark.parametrize(("shut_down", "code"), [(True, 0), (False, 1)])
def test_d5_the_exit_code_is_the_specifications(client: WireClient, shut_down: bool, code: int) -> None:
    if shut_down:
        client.request("shutdown", None)
    client.notify("exit", None)
    assert client.wait() == code


@pytest.mark.parametrize("kind", ["set", "bytes", "path", "nan", "loop"])
def test_d7_a_result_that_json_does_not_have_is_an_error(lasting: WireClient, kind: str) -> None:
    assert lasting.failure("result", kind).code == -32603
    assert lasting.command("echo", "next") == "next"


def test_d7_on_the_loop_too(lasting: WireClient) -> None:
    assert lasting.failure("result-on-loop").code == -32603


def test_d8_an_argument_may_look_like_a_message(lasting: WireClient) -> None:
    argument = {"jsonrpc": "2.0", "id": 1, "method": "exit", "inner": {"jsonrpc": "2.0", "result": 1}}
    assert lasting.command("echo", argument) == argument


def test_d10_the_end_of_input_ends_the_server_while_commands_run(client: WireClient) -> None:
    client.begin_command("until-cancelled", "it")
    wait_for_log(client, "began it")
    client.close_input()
    assert client.wait() == 1


def test_d10_even_if_a_command_does_not_stop(client: WireClient) -> None:
    client.begin_command("deaf")
    wait_for_log(client, "deaf began")
    client.close_input()
    assert client.wait() == 1


def test_d11_nothing_runs_before_initialize() -> None:
    with serving(*COMMANDS_ONLY, initialize=False) as client:
        assert client.failure("echo").code == -32002
        client.notify("test/told", {"early": True})
        client.initialize()
        assert client.command("log") == []
        with pytest.raises(RequestFailed) as caught:
            client.initialize()
        assert caught.value.code == -32600


def test_d11_after_shutdown_every_request_is_refused(client: WireClient) -> None:
    client.request("shutdown", None)
    assert client.failure("echo").code == -32600
    assert client.error(client.begin("shutdown", None)).code == -32600
    client.notify("exit", None)
    assert client.wait() == 0


# The others


def test_a_deep_argument_gets_an_answer(lasting: WireClient) -> None:
    deep = b'{"a":' * 900 + b"1" + b"}" * 900
    body = b'{"jsonrpc":"2.0","id":3,"method":"workspace/executeCommand","params":{"command":"echo","arguments":[%b]}}'
    lasting.send_bytes(b"Content-Length: %d\r\n\r\n%b" % (len(body % deep), body % deep))
    assert lasting.error(3).code == -32600
    shallow = {"a": {"b": [[[[1]]]]}}
    assert lasting.command("echo", shallow) == shallow


def test_an_id_in_use_is_refused_and_both_get_an_answer(lasting: WireClient) -> None:
    params = {"command": "until-cancelled"}
    for _ in range(2):
        lasting.send({"jsonrpc": "2.0", "id": "same", "method": "workspace/executeCommand", "params": params})
    assert lasting.error("same").code == -32600
    lasting.notify("$/cancelRequest", {"id": "same"})
    assert lasting.error("same").code == -32800


def test_the_ids_1_and_text_1_are_two(lasting: WireClient) -> None:
    for identifier in (1000, "1000"):
        params = {"command": "until-cancelled", "arguments": [identifier]}
        lasting.send({"jsonrpc": "2.0", "id": identifier, "method": "workspace/executeCommand", "params": params})
    lasting.notify("$/cancelRequest", {"id": "1000"})
    assert lasting.error("1000").code == -32800
    lasting.notify("$/cancelRequest", {"id": 1000.0})
    lasting.notify("$/cancelRequest", {"id": [1000]})
    lasting.notify("$/cancelRequest", {"id": 1000})
    assert lasting.error(1000).code == -32800


def test_a_broken_output_ends_the_server() -> None:
    ours, theirs = os.pipe()
    server = subprocess.Popen([sys.executable, *COMMANDS_ONLY], stdin=subprocess.PIPE, stdout=theirs)
    try:
        assert server.stdin is not None
        os.close(theirs)
        server.stdin.write(framed({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"capabilities": {}}}))
        server.stdin.flush()
        assert os.read(ours, 65536)
        os.close(ours)
        server.stdin.write(framed({"jsonrpc": "2.0", "id": 2, "method": "nobody"}))
        server.stdin.flush()
        assert server.wait(PATIENCE) == 1
    finally:
        server.kill()
        server.communicate()


def test_a_client_that_stops_reading_blocks_nothing(client: WireClient) -> None:
    client.stop_reading()
    for _ in range(30):
        client.begin_command("big", 1_000_000)
    client.begin_command("until-cancelled", "it")
    client.notify("exit", None)
    assert client.process.wait(PATIENCE) == 1


def test_a_client_that_reads_late_gets_everything(lasting: WireClient) -> None:
    lasting.stop_reading()
    requests = [lasting.begin_command("big-on-loop", 500_000) for _ in range(60)]
    requests += [lasting.begin_command("big", 500_000) for _ in range(60)]
    lasting.go_on_reading()
    assert all(len(lasting.answer(request)) == 500_000 for request in requests)


def test_nobody_else_reads_the_input_or_writes_the_output(client: WireClient) -> None:
    request = client.begin_command("noise")
    others = [client.begin_command("echo", number) for number in range(100)]
    assert client.answer(request) == "child ended with 0"
    assert [client.answer(other) for other in others] == list(range(100))
    assert client.end() == 0
    assert b"printed" in client.stderr
    assert b"written" in client.stderr


def test_errors_tell_no_secret_and_show_no_trace(client: WireClient) -> None:
    for command in ("fail", "fail-on-loop"):
        error = client.failure(command, "hunter2")
        assert error.code == -32603
        assert "hunter2" not in repr(error.data) + error.message
        assert "Traceback" not in repr(error.data)
    assert client.error(client.begin("test/feature", {"fail": True})).code == -32603
    client.notify("test/told", {"fail": True})
    assert client.command("echo", "next") == "next"
    client.end()
    assert b"hunter2" not in client.stderr
    assert b"Traceback" not in client.stderr


def test_a_command_that_wants_to_leave_only_fails(lasting: WireClient) -> None:
    assert lasting.failure("leave").code == -32603
    assert lasting.command("echo", "next") == "next"


def test_an_error_of_a_commands_own_arrives_unchanged(lasting: WireClient) -> None:
    error = lasting.failure("refuse")
    assert (error.code, error.message, error.data["hint"]) == (-32803, "refused", "do not")


def test_a_burst_of_ten_thousand_requests_is_answered(lasting: WireClient) -> None:
    burst = b"".join(
        framed(
            {
                "jsonrpc": "2.0",
                "id": f"b{number}",
                "method": "workspace/executeCommand",
                "params": {"command": "echo" if number % 2 else "later", "arguments": [number]},
            }
        )
        for number in range(10_000)
    )
    lasting.send_bytes(burst)
    answers: dict[Any, Any] = {}
    while len(answers) < 10_000:
        message = lasting.receive()
        answers[message["id"]] = message["result"]
    assert answers["b9999"] == 9999
    assert answers["b0"] == "dvm-command"
    assert lasting.command("counts")["pending"] == 0


def test_more_than_ten_thousand_that_wait_are_refused(client: WireClient) -> None:
    requests = [client.begin_command("until-cancelled") for _ in range(10_005)]
    refused = [client.error(request) for request in requests[10_000:]]
    assert {error.code for error in refused} == {-32803}
    assert client.command("echo", "still there") == "still there"
    for request in requests:
        client.notify("$/cancelRequest", {"id": request})
    assert {client.error(request).code for request in requests[:10_000]} == {-32800}


def test_half_a_message_then_silence_and_the_rest(client: WireClient) -> None:
    message = framed({"jsonrpc": "2.0", "id": "slow", "method": "nobody"})
    for byte in message:
        client.send_bytes(bytes([byte]))
    assert client.error("slow").code == -32601
    client.send_bytes(b"Content-Length: 100\r\n\r\n{")
    client.close_input()
    assert client.wait() == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_it_in_order(client: WireClient, number: signal.Signals) -> None:
    request = client.begin_command("until-cancelled", "it")
    wait_for_log(client, "began it")
    client.process.send_signal(number)
    assert client.error(request).code == -32800
    assert client.wait() == 128 + number

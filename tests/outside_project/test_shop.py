"""A shop with a till, a store and customers, each in a container."""

from __future__ import annotations

from pathlib import Path

import pytest

from dvm_runtimes import ContainerRuntime, LogLine, StartOptions
from pytest_dvm import AsyncWorkspace, Workspace, WorkspaceFactory

TILL = """#!/bin/sh
total=0
while read -r price; do total=$((total + price)); done
echo "$CURRENCY $total"
"""


@pytest.mark.dvm(env={"CURRENCY": "EUR"}, files={"/workspace/till": TILL})
@pytest.mark.parametrize("prices", [(1, 2, 3), (10,)])
def test_the_till_adds_up(dvm_workspace: Workspace, prices: tuple[int, ...]) -> None:
    receipt = dvm_workspace.exec(["/workspace/till"], input="".join(f"{price}\n" for price in prices))

    assert receipt.exit_code == 0, receipt.stderr
    assert receipt.stdout.decode() == f"EUR {sum(prices)}\n"
    # Not seen by the next one.
    dvm_workspace.exec("echo sold >> /tmp/log")
    assert dvm_workspace.exec("cat /tmp/log").stdout == b"sold\n"


@pytest.mark.parametrize("customer", ["ada", "bob"])
def test_goods_stay_in_the_store(store: Workspace, customer: str) -> None:
    store.exec(f"touch /tmp/store/{customer}")

    assert customer.encode() in store.exec("ls /tmp/store").stdout


@pytest.mark.dvm(command=["sh", "-c", "echo open; sleep 1000"], ready=LogLine("open"))
def test_the_shop_is_open(dvm_workspace: Workspace, tmp_path: Path) -> None:
    assert dvm_workspace.logs() == "open\n"
    (tmp_path / "goods").mkdir()
    (tmp_path / "goods" / "apple").write_text("red")
    dvm_workspace.copy_to(tmp_path / "goods", "/tmp/goods")
    assert dvm_workspace.copy_from("/tmp/goods/apple", tmp_path / "back").read_text() == "red"
    with dvm_workspace.terminal() as terminal:
        terminal.sendline("cat /tmp/goods/apple")
        terminal.expect("red")


def test_two_shops(dvm_workspace_factory: WorkspaceFactory, dvm_runtime: ContainerRuntime) -> None:
    one, other = dvm_workspace_factory(), dvm_workspace_factory()

    assert one.id != other.id
    assert {one.name, other.name} <= {info.name for info in dvm_runtime.list_workspaces()}


def test_one_of_our_own(dvm_runtime: ContainerRuntime, pytestconfig: pytest.Config) -> None:
    image = pytestconfig.getoption("--dvm-image") or pytestconfig.getini("dvm_image")
    workspace = dvm_runtime.start_workspace(StartOptions(image_name=image, workspace_name="outside-own"))

    assert dvm_runtime.get_workspace_status(workspace) == "running"


async def ask(workspace: AsyncWorkspace) -> bytes:
    return (await workspace.exec("echo hello")).stdout


def test_from_asyncio(dvm_workspace: Workspace) -> None:
    import asyncio

    assert asyncio.run(ask(dvm_workspace.aio)) == b"hello\n"

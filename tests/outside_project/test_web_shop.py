"""The shop on the web: an image of the project's own, which serves the project's folder at a port."""

from __future__ import annotations

import urllib.request
from pathlib import Path

import pytest

from dvm_runtimes import TcpPort
from pytest_dvm import Workspace, WorkspaceFactory

GOODS = Path(__file__).parent / "goods"


@pytest.fixture
def shop(dvm_workspace_factory: WorkspaceFactory, pytestconfig: pytest.Config) -> Workspace:
    base = pytestconfig.getoption("--dvm-image") or pytestconfig.getini("dvm_image")
    return dvm_workspace_factory(
        build={"app_path": "web", "build_args": {"BASE": base}},
        command=["open"],
        env={"PORT": "8080"},
        mounts=[".:/shop:ro"],
        ports=[8080],
        ready=TcpPort(8080),
    )


def test_the_goods_are_on_the_web(shop: Workspace) -> None:
    address = shop.port(8080)
    with urllib.request.urlopen(f"http://{address.host}:{address.port}/apple", timeout=60) as answer:
        assert answer.read() == (GOODS / "apple").read_bytes()

    assert shop.exec(["cat", "/shop/goods/apple"]).stdout == (GOODS / "apple").read_bytes()
    assert shop.exec("echo $PORT").stdout == b"8080\n"
    assert shop.logs() == "open on port 8080\n"

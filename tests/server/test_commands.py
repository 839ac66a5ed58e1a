"""Every command, driven by pytest-lsp's client on the real server process with the mock engine."""

from __future__ import annotations

import asyncio
import base64
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_lsp
from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.protocol import default_converter
from pytest_lsp import ClientServerConfig, LanguageClient
from pytest_lsp.client import register_lsp_features
from tests.server.wire_client import PATIENCE

from dvm_runtimes.folders.identity import FolderIdentity
from dvm_runtimes.user.host_id import host_id

COMMANDS = {
    "dvm.platform.list",
    "dvm.runtime.info",
    "dvm.runtime.select",
    "dvm.image.build",
    "dvm.workspace.start",
    "dvm.workspace.stop",
    "dvm.workspace.restart",
    "dvm.workspace.remove",
    "dvm.workspace.status",
    "dvm.workspace.find",
    "dvm.workspace.list",
    "dvm.workspace.stopAll",
    "dvm.workspace.exec",
    "dvm.workspace.logs",
    "dvm.workspace.attach",
    "dvm.folder.identity",
    "dvm.context.get",
    "dvm.context.set",
    "dvm.doctor",
}
DEV = {"imageName": "mock:latest", "workspaceName": "dev"}


pytestmark = pytest.mark.asyncio


class DvmClient(LanguageClient):
    """pytest-lsp's client, which also keeps our own notifications."""

    def __init__(self) -> None:
        super().__init__(converter_factory=default_converter)
        register_lsp_features(self)
        self.told: list[tuple[str, Any]] = []
        self.server: types.ServerCapabilities = types.ServerCapabilities()
        for method in ("workspaceChanged", "runtimeChanged", "output", "logs"):
            self._keep(f"dvm/{method}")
        self._keep("experimental/serverStatus")

    def _keep(self, method: str) -> None:
        self.feature(method)(lambda params: self.told.append((method, plain(params))))


def plain(value: Any) -> Any:
    """pygls gives untyped parameters as nested named tuples."""
    if hasattr(value, "_asdict"):
        return {key: plain(one) for key, one in value._asdict().items()}
    return [plain(one) for one in value] if isinstance(value, list) else value


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server finds neither a context nor a configuration of this user's."""
    for name in ("DVM_RUNTIME", "DVM_PLATFORM", "CONTAINER_RUNTIME", "DVM_APP", "DVM_WORKSPACE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    host_id.cache_clear()  # on a machine without an ID of its own, it is kept among the state


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "My Shop"
    folder.mkdir()
    return folder


@pytest_lsp.fixture(  # type: ignore[untyped-decorator]
    config=ClientServerConfig(
        server_command=[sys.executable, "-m", "dvm_server", "--runtime", "mock"], client_factory=DvmClient
    )
)
async def client(lsp_client: DvmClient, project: Path) -> AsyncIterator[None]:
    result = await lsp_client.initialize_session(
        types.InitializeParams(
            capabilities=types.ClientCapabilities(experimental={"serverStatusNotification": True}),
            workspace_folders=[types.WorkspaceFolder(uri=project.as_uri(), name="shop")],
            initialization_options={"image": "mock:latest"},
        )
    )
    lsp_client.server = result.capabilities
    yield
    await lsp_client.shutdown_session()


async def run(client: DvmClient, command: str, argument: Any = None) -> Any:
    params = types.ExecuteCommandParams(command, None if argument is None else [argument])
    return plain(await asyncio.wait_for(client.workspace_execute_command_async(params), PATIENCE))


class Failure:
    """An error answer."""

    def __init__(self, error: JsonRpcException) -> None:
        self.code, self.message = error.code, error.message
        self.data: Any = error.data


async def failure(client: DvmClient, command: str, argument: Any = None) -> Failure:
    with pytest.raises(JsonRpcException) as caught:
        await run(client, command, argument)
    return Failure(caught.value)


async def told(client: DvmClient, method: str) -> Any:
    """The next notification of that method."""
    async with asyncio.timeout(PATIENCE):
        while not (found := [one for one in client.told if one[0] == method]):
            await run(client, "dvm.context.get")
    client.told.remove(found[0])
    return found[0][1]


async def test_what_the_server_says_of_itself(client: DvmClient) -> None:
    provider = client.server.execute_command_provider
    assert provider is not None
    assert set(provider.commands) == COMMANDS
    assert provider.work_done_progress is True
    assert client.server.text_document_sync is None


async def test_the_life_of_a_workspace(client: DvmClient) -> None:
    started = await run(client, "dvm.workspace.start", DEV)
    assert (started["status"], started["workspace"], started["runtime"]) == ("running", "dev", "mock")
    assert await run(client, "dvm.workspace.start", DEV) == started
    causes = [(await told(client, "dvm/workspaceChanged"))["cause"] for _ in range(2)]
    assert causes == ["created", "started"]
    assert [one["id"] for one in await run(client, "dvm.workspace.list")] == [started["id"]]
    for reference in ("dev", started["id"], started["id"][:12], started["name"]):
        assert (await run(client, "dvm.workspace.status", {"workspace": reference}))["id"] == started["id"]
        assert (await run(client, "dvm.workspace.find", {"workspace": reference}))["id"] == started["id"]
    stopped = await run(client, "dvm.workspace.stop", {"workspace": "dev", "grace": 1})
    assert (stopped["status"], stopped["exitCode"]) == ("exited", 143)
    assert (await run(client, "dvm.workspace.status", {"workspace": "dev"}))["status"] == "exited"
    restarted = await run(client, "dvm.workspace.restart", {"workspace": "dev"})
    assert (restarted["status"], restarted["id"]) == ("running", started["id"])
    assert await run(client, "dvm.workspace.stopAll", {"grace": 1}) == {"stopped": ["dvm-dev"], "failed": {}}
    again = await run(client, "dvm.workspace.start", {"workspace": "dev"})
    assert (again["status"], again["id"]) == ("running", started["id"])
    assert (await failure(client, "dvm.workspace.remove", {"workspace": "dev"})).code == -32803
    removed = await run(client, "dvm.workspace.remove", {"workspace": "dev", "force": True, "volumes": True})
    assert removed["status"] == "not_found"
    assert await run(client, "dvm.workspace.find", {"workspace": "dev"}) is None
    missing = await run(client, "dvm.workspace.status", {"workspace": "dev"})
    assert (missing["status"], missing["id"], missing["name"]) == ("not_found", "", "dev")


async def test_the_folder_is_enough(client: DvmClient, project: Path) -> None:
    assert (await run(client, "dvm.workspace.status"))["status"] == "not_found"
    assert await run(client, "dvm.workspace.find") is None
    error = await failure(client, "dvm.workspace.stop")
    assert error.data["kind"] == "workspace_not_found"
    started = await run(client, "dvm.workspace.start")
    assert (started["workspace"], started["image"]) == ("my-shop", "mock:latest")
    (project / "file").write_text("seen")
    result = await run(client, "dvm.workspace.exec", {"command": ["cat", "/workspace/file"]})
    assert result == {"exitCode": 0, "stdout": "seen", "stderr": "", "encoding": "utf-8"}
    assert (await run(client, "dvm.workspace.status"))["id"] == started["id"]
    assert (await run(client, "dvm.workspace.stop"))["status"] == "exited"
    assert (await run(client, "dvm.workspace.start"))["id"] == started["id"]
    assert (await run(client, "dvm.workspace.restart"))["id"] == started["id"]
    assert await run(client, "dvm.workspace.logs") == {"text": ""}
    assert (await run(client, "dvm.workspace.remove", {"force": True}))["id"] == started["id"]


async def test_two_folders_of_one_name_have_each_their_own(client: DvmClient, tmp_path: Path) -> None:
    folders = [tmp_path / name / "api" for name in ("a", "b")]
    ids = set()
    for folder in folders:
        folder.mkdir(parents=True)
        started = await run(client, "dvm.workspace.start", {"folder": folder.as_uri()})
        ids.add(started["id"])
        assert started["folder"] == str(folder)
        assert started["workspace"] == "api"
    assert len(ids) == 2
    for folder in folders:
        found = await run(client, "dvm.workspace.find", {"folder": str(folder)})
        assert found["folder"] == str(folder)


async def test_a_folder_is_built_from_its_dockerfile(client: DvmClient, tmp_path: Path) -> None:
    folder = tmp_path / "built"
    folder.mkdir()
    (folder / "Dockerfile").write_text("FROM mock:latest\nRUN echo made > /made\n")
    image = await run(client, "dvm.image.build", {"folder": "../built", "tags": ["other:1"]})
    assert image["tags"]
    assert "env" not in image
    name = FolderIdentity.of(folder).image_name
    started = await run(client, "dvm.workspace.start", {"folder": str(folder), "imageName": name})
    assert started["image"] == name
    result = await run(client, "dvm.workspace.exec", {"workspace": "built", "command": ["cat", "/made"]})
    assert result["stdout"] == "made\n"


async def test_options_of_every_kind(client: DvmClient, project: Path) -> None:
    (project / "vars").write_text("FROM_FILE=yes\n")
    options = {
        **DEV,
        "appName": "shop",
        "env": {"KEY": "value"},
        "envFile": "vars",
        "mounts": [
            {"type": "volume", "source": "cache", "destination": "/cache"},
            {"type": "tmpfs", "destination": "/x"},
        ],
        "ports": [{"container": 8080}],
        "memory": "512m",
        "pidsLimit": 100,
        "labels": {"team": "a"},
        "command": ["sh", "-c", "echo ready; sleep infinity"],
        "ready": {"type": "log", "pattern": "ready"},
        "timeout": 60,
        "cpus": None,
    }
    started = await run(client, "dvm.workspace.start", options)
    assert started["ports"]["8080/tcp"]["host"] == "127.0.0.1"
    assert started["labels"]["team"] == "a"
    shown = await run(client, "dvm.workspace.exec", {"workspace": "dev", "command": ["env"], "env": {"ONCE": "1"}})
    assert {"KEY=value", "FROM_FILE=yes", "ONCE=1"} <= set(shown["stdout"].splitlines())
    assert await run(client, "dvm.workspace.logs", {"workspace": "dev", "tail": 1}) == {"text": "ready\n"}


async def test_exec_gives_streams_apart_and_the_commands_own_exit_code(client: DvmClient) -> None:
    await run(client, "dvm.workspace.start", DEV)
    command = ["sh", "-c", "cat; echo höh >&2; exit 7"]
    text = await run(client, "dvm.workspace.exec", {"workspace": "dev", "command": command, "input": "ünd"})
    assert text == {"exitCode": 7, "stdout": "ünd", "stderr": "höh\n", "encoding": "utf-8"}
    binary = base64.b64encode(b"\xff\x00").decode()
    given = {"workspace": "dev", "command": ["cat"], "input": binary, "inputEncoding": "base64"}
    assert await run(client, "dvm.workspace.exec", given) == {
        "exitCode": 0,
        "stdout": binary,
        "stderr": "",
        "encoding": "base64",
    }
    error = await failure(client, "dvm.workspace.exec", {"workspace": "dev", "command": ["no-such-program"]})
    assert error.data["kind"] == "exec_failed"


async def test_exec_can_stream(client: DvmClient) -> None:
    await run(client, "dvm.workspace.start", DEV)
    command = ["sh", "-c", "echo one; echo two >&2"]
    result = await run(client, "dvm.workspace.exec", {"workspace": "dev", "command": command, "stream": True})
    assert (result["exitCode"], result["stdout"], result["stderr"]) == (0, "", "")
    shown = [await told(client, "dvm/output") for _ in range(2)]
    assert {(one["stream"], one["text"]) for one in shown} == {("stdout", "one\n"), ("stderr", "two\n")}


async def test_logs_can_be_followed_to_the_end(client: DvmClient) -> None:
    command = ["sh", "-c", "echo first; read line < /dev/null; sleep infinity"]
    await run(client, "dvm.workspace.start", {**DEV, "command": command, "ready": {"type": "log", "pattern": "first"}})
    following = asyncio.ensure_future(run(client, "dvm.workspace.logs", {"workspace": "dev", "follow": True}))
    assert (await told(client, "dvm/logs"))["text"] == "first\n"
    await run(client, "dvm.workspace.stop", {"workspace": "dev", "grace": 0})
    assert await following == {"text": ""}


async def test_attach_gives_what_a_terminal_runs_and_no_secret_in_it(client: DvmClient, project: Path) -> None:
    await run(client, "dvm.workspace.start", DEV)
    plan = await run(
        client,
        "dvm.workspace.attach",
        {
            "workspace": "dev",
            "shell": "/bin/sh",
            "loginShell": False,
            "env": {"TOKEN": "hunter2"},
            "uid": 7,
            "gid": 8,
            "workingDir": "/tmp",
            "command": ["ls", "-l"],
        },
    )
    assert plan["program"] == sys.executable
    assert plan["env"]["TOKEN"] == "hunter2"
    assert plan["cwd"] == str(project)
    assert "hunter2" not in repr(plan["args"])
    error = await failure(client, "dvm.workspace.attach", {"workspace": "nobody"})
    assert error.data["kind"] == "workspace_not_found"
    await run(client, "dvm.workspace.stop", {"workspace": "dev", "grace": 0})
    error = await failure(client, "dvm.workspace.attach", {"workspace": "dev"})
    assert error.data["kind"] == "workspace_not_running"


async def test_platforms_and_runtimes(client: DvmClient) -> None:
    platforms = await run(client, "dvm.platform.list")
    assert {"type", "name", "endpoint", "reachable", "version", "active", "hint", "selector"} <= platforms[0].keys()
    assert "mock" in [one["selector"] for one in platforms]
    info = await run(client, "dvm.runtime.info")
    assert (info["runtime"], info["runtimeType"], info["platformName"]) == ("mock", "mock", "Mock")
    assert (await run(client, "dvm.runtime.info", {"runtime": "mock:other"}))["platformName"] == "Mock (other)"
    await run(client, "dvm.workspace.start", DEV)
    selected = await run(client, "dvm.runtime.select", {"runtime": "mock:other"})
    assert selected["platformName"] == "Mock (other)"
    assert [(await told(client, "dvm/runtimeChanged"))["platformName"] for _ in range(2)] == ["Mock", "Mock (other)"]
    assert await run(client, "dvm.workspace.list") == []
    error = await failure(client, "dvm.runtime.select", {"runtime": "dokcer"})
    assert "docker" in error.message
    assert (await run(client, "dvm.runtime.info"))["platformName"] == "Mock (other)"


async def test_the_status_for_other_editors_status_lines(client: DvmClient) -> None:
    assert await told(client, "experimental/serverStatus") == {
        "health": "ok",
        "quiescent": False,
        "message": "Looking for a container engine",
    }
    assert await told(client, "experimental/serverStatus") == {
        "health": "ok",
        "quiescent": True,
        "message": "Mock mock",
    }


async def test_the_context(client: DvmClient, tmp_path: Path) -> None:
    assert await run(client, "dvm.context.get") == {"app": "", "workspace": ""}
    assert await run(client, "dvm.context.set", {"app": "shop"}) == {"app": "shop", "workspace": ""}
    assert await run(client, "dvm.context.set", {"workspace": "dev"}) == {"app": "shop", "workspace": "dev"}
    assert await run(client, "dvm.context.get") == {"app": "shop", "workspace": "dev"}
    assert (await failure(client, "dvm.context.set", {"app": 5})).data["field"] == "app"
    elsewhere = {"folder": str(tmp_path / "elsewhere")}
    error = await failure(client, "dvm.workspace.stop", elsewhere)
    assert "the active workspace 'dev' does not exist" in error.message
    await run(client, "dvm.workspace.start", {**DEV, "appName": "shop"})
    assert (await run(client, "dvm.workspace.stop", {**elsewhere, "grace": 0}))["workspace"] == "dev"


async def test_the_doctor(client: DvmClient) -> None:
    report = await run(client, "dvm.doctor")
    assert isinstance(report, dict)
    assert not [key for key in report if "_" in key]


async def test_errors_have_the_members_of_the_contract_and_no_secret(client: DvmClient) -> None:
    given = {"imageName": "nobody/has:this", "workspaceName": "d", "pull": "never", "env": {"TOKEN": "hunter2"}}
    error = await failure(client, "dvm.workspace.start", given)
    assert error.data["kind"] == "image_not_found"
    assert error.data["platform"] == "Mock"
    assert error.data["operation"] == "start_workspace"
    assert error.data["hint"]
    command = ["sh", "-c", "echo $TOKEN; exit 1"]
    never = {"type": "log", "pattern": "never"}
    given = {**DEV, "command": command, "env": {"TOKEN": "hunter2"}, "ready": never}
    error = await failure(client, "dvm.workspace.start", given)
    assert error.data["kind"] == "workspace_not_running"
    assert error.data["logs"] == "***"
    assert "hunter2" not in repr(error.data) + error.message

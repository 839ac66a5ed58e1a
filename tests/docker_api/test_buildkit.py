"""Builds with BuildKit: a real ``docker buildx``, and what is refused where there is none."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.engines.debian_tree import TRIXIE

from dvm_runtimes.builds.context import Sources
from dvm_runtimes.engines.docker_api import DockerProfile, Endpoint, Tls
from dvm_runtimes.engines.docker_api.buildkit import BuildTool, argv, environment, find_tool
from dvm_runtimes.engines.docker_api.buildkit_progress import Vertexes
from dvm_runtimes.engines.docker_api.builds import BuildLog
from dvm_runtimes.engines.docker_api.engine import DockerEngine
from dvm_runtimes.errors import BuildError, ImageNotFoundError, OperationCancelledError, UnsupportedError
from dvm_runtimes.infos import ImageInfo, ProgressEvent
from dvm_runtimes.operation import CancelToken
from dvm_runtimes.options import BuildOptions
from dvm_runtimes.runtime import ContainerRuntime

from .conftest import LIMIT, Start

if TYPE_CHECKING:
    from tests.engines.fixtures import Engines
    from tests.engines.registry import RunningEngine

BUILDX = TRIXIE.path / "usr/libexec/docker/cli-plugins/docker-buildx"


@pytest.fixture
def buildx(engines: Engines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's Docker folder with the real buildx of Debian 13 in it."""
    engines.get("docker-26.1")  # is of the same system: without it, this test is skipped for the same reason
    plugins = tmp_path / "docker" / "cli-plugins"
    plugins.mkdir(parents=True)
    (plugins / "docker-buildx").symlink_to(BUILDX)
    monkeypatch.setenv("DOCKER_CONFIG", str(plugins.parent))
    return plugins.parent


@pytest.fixture
def no_tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without any client of BuildKit."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "none"))
    monkeypatch.setenv("PATH", str(tmp_path / "none"))
    if find_tool() is not None:
        pytest.skip("this machine has docker buildx in a folder of the system")


@pytest.fixture
def image(runtime: ContainerRuntime) -> Iterator[str]:
    name = f"dvm-test/built-{secrets.token_hex(4)}:1"
    yield name
    try:
        runtime.remove_image(name, force=True)
    except ImageNotFoundError:
        pass  # the build failed, as it should


def context(folder: Path, dockerfile: str, **files: str) -> Path:
    made = folder / "context"
    made.mkdir()
    for name, text in {"Dockerfile": dockerfile, **files}.items():
        (made / name).write_text(text)
    return made


def build(runtime: ContainerRuntime, heard: list[ProgressEvent] | None = None, **options: Any) -> ImageInfo:
    return runtime.build_image(BuildOptions(**options), heard.append if heard is not None else None, timeout=LIMIT)


def test_new_syntax_builds(
    buildx: Path, runtime: ContainerRuntime, docker_engine: RunningEngine, start: Start, image: str, tmp_path: Path
) -> None:
    """A cache mount, a bind mount, and a secret that stays out of the image, the words and the events."""
    word = f"hidden-{secrets.token_hex(8)}"
    (tmp_path / "se,cret").write_text(word)
    folder = context(
        tmp_path,
        f"FROM {docker_engine.image}\n"
        "RUN --mount=type=cache,target=/cache echo kept > /cache/file && cp /cache/file /from-cache\n"
        "RUN --mount=type=bind,source=given,target=/given cat /given > /from-bind\n"
        "RUN --mount=type=secret,id=token wc -c < /run/secrets/token > /length\n",
        given="text\n",
    )
    heard: list[ProgressEvent] = []
    build(runtime, heard, image_name=image, app_path=folder, secrets={"token": tmp_path / "se,cret"})
    workspace = start(image_name=image)
    shown = runtime.exec_in_workspace(workspace, ["cat", "/from-cache", "/from-bind", "/length"], timeout=LIMIT)
    assert shown.stdout.decode() == f"kept\ntext\n{len(word)}\n"
    assert [event.current for event in heard if event.current and not event.message] == [1, 2, 3, 4]
    assert word not in str(heard)


def test_it_builds_on_an_engine_behind_tls(buildx: Path, engines: Engines, image: str, tmp_path: Path) -> None:
    """Certificates stay on our side of a socket of our own."""
    engine = engines.get("docker-tls")
    tls = Tls.folder(engine.environment()["DOCKER_CERT_PATH"])
    folder = context(tmp_path, f"FROM {engine.image}\nRUN --mount=type=cache,target=/c echo done > /file\n")
    with ContainerRuntime(DockerEngine(Endpoint.parse(engine.endpoint, tls=tls), DockerProfile())) as runtime:
        assert build(runtime, image_name=image, app_path=folder).id.startswith("sha256:")
        runtime.remove_image(image)


def test_a_failure_has_its_step_and_its_last_words(
    buildx: Path, runtime: ContainerRuntime, docker_engine: RunningEngine, image: str, tmp_path: Path
) -> None:
    folder = context(tmp_path, f"FROM {docker_engine.image}\nARG KEY\nRUN echo said $KEY; exit 4\n")
    with pytest.raises(BuildError, match="exit code: 4") as caught:
        build(runtime, image_name=image, app_path=folder, build_args={"KEY": "hunter2"})
    assert "said ***" in caught.value.logs
    assert "hunter2" not in str(caught.value.to_dict())


def test_cancelling_ends_the_engines_work(
    buildx: Path, runtime: ContainerRuntime, docker_engine: RunningEngine, image: str, tmp_path: Path
) -> None:
    mark = secrets.token_hex(8)
    folder = context(tmp_path, f"FROM {docker_engine.image}\nRUN echo began {mark}; sleep 600; echo {mark}\n")
    cancel = CancelToken()

    def hear(event: ProgressEvent) -> None:
        if event.message.startswith("began"):
            cancel.set()

    with pytest.raises(OperationCancelledError):
        runtime.build_image(BuildOptions(image_name=image, app_path=folder), hear, timeout=LIMIT, cancel=cancel)
    assert not runtime.image_exists(image)
    # The engine ends the step's process before it answers the command, which has ended by now or is killed.
    assert not [path for path in Path("/proc").glob("[0-9]*/cmdline") if mark in words_of(path)]


def words_of(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def test_what_the_classic_builder_cannot_do_is_refused_by_name(
    no_tool: None, runtime: ContainerRuntime, docker_engine: RunningEngine, image: str, tmp_path: Path
) -> None:
    """Before anything is sent."""
    folder = context(tmp_path, f"FROM {docker_engine.image}\nRUN --mount=type=cache,target=/x true\n", token="x")
    with pytest.raises(UnsupportedError, match=r"RUN --mount \(line 2\), build secrets, SSH agents") as caught:
        build(runtime, image_name=image, app_path=folder, secrets={"t": folder / "token"}, ssh=["default"])
    assert "buildx" in caught.value.hint


def test_the_classic_builder_is_the_last_resort(
    no_tool: None, runtime: ContainerRuntime, docker_engine: RunningEngine, image: str, tmp_path: Path
) -> None:
    heard: list[ProgressEvent] = []
    folder = context(tmp_path, f"FROM {docker_engine.image}\nRUN echo classic\n")
    build(runtime, heard, image_name=image, app_path=folder)
    assert [event.step for event in heard if not event.message][1] == "Step 2/3 : RUN echo classic"


def test_no_value_of_an_argument_is_among_the_words(tmp_path: Path) -> None:
    options = BuildOptions(
        image_name="a:1",
        tags=["b:1"],
        app_path=tmp_path,
        build_args={"KEY": "hunter2", "PATH": "/x"},
        secrets={"s": tmp_path / "a,b"},
        ssh=["default"],
        target="t",
        platform="linux/arm64",
        no_cache=True,
        pull=True,
    )
    tool = BuildTool(("docker-buildx", "build"), "rawjson", ("--load",))
    words = argv(tool, options, Sources.of(options), {"l": "v"}, tmp_path / "id")
    assert "hunter2" not in " ".join(words)
    assert words[-2:] == ["--", str(tmp_path)]
    assert f'id=s,"src={tmp_path}/a,b"' in words
    assert {"--no-cache", "--pull", "--load", "KEY", "PATH=/x", "linux/arm64", "default"} <= set(words)
    given = environment(options, "unix:///x", tmp_path)
    assert (given["KEY"], given["DOCKER_HOST"]) == ("hunter2", "unix:///x")
    assert given.get("PATH") == os.environ.get("PATH")


def test_plain_progress_makes_the_same_events() -> None:
    """As older commands write it."""
    heard: list[ProgressEvent] = []
    vertexes = Vertexes(BuildLog(heard.append))
    lines = [
        "#1 [internal] load build definition from Dockerfile",
        "#1 transferring dockerfile: 2B done",
        "#1 DONE 0.0s",
        "",
        "#2 [base 1/2] FROM x",
        "#2 CACHED",
        "#3 [2/2] RUN make",
        "#3 0.201 one",
        "#3 0.3 two",
        "#3 ERROR: exit code: 2",
        "------",
        " > [2/2] RUN make:",
    ]
    assert [line for line in lines if not vertexes.take_plain(line)] == []
    vertexes.finish()
    assert not vertexes.take_plain("ERROR: failed to solve")
    assert [(event.step, event.message) for event in heard] == [
        ("Step 1/2 : FROM x (stage base)", ""),
        ("Step 2/2 : RUN make", ""),
        ("Step 2/2 : RUN make", "one"),
        ("Step 2/2 : RUN make", "two"),
    ]
    assert vertexes.failure == "exit code: 2"


def test_lines_that_are_no_progress_are_told_apart() -> None:
    vertexes = Vertexes(BuildLog(lambda event: None))
    assert not vertexes.take_json("ERROR: no builder")
    assert not vertexes.take_json("[1]")
    assert vertexes.take_json('{"logs": [{"vertex": "x", "data": "!"}]}')


def test_a_tool_is_found_by_its_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """buildx before Docker's own command, and that only where it has BuildKit within."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")

    def program(path: Path, says: str) -> None:
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\necho '{says}'\n")
        path.chmod(0o755)

    program(tmp_path / "cli-plugins/docker-buildx", "github.com/docker/buildx v0.12.1 x")
    found = find_tool()
    assert found is not None
    assert (found.command[0], found.progress) == (str(tmp_path / "cli-plugins/docker-buildx"), "plain")
    program(tmp_path / "old/docker-buildx", "github.com/docker/buildx v0.30.0 x")
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "none"))
    monkeypatch.setenv("PATH", f"{tmp_path / 'old'}:/bin:/usr/bin")
    found = find_tool()
    assert found is not None
    assert (found.command[0], found.progress) == (str(tmp_path / "old/docker-buildx"), "rawjson")


def test_dockers_command_with_buildkit_within(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_tool: None) -> None:
    for version, able in (("20.10.24", True), ("28.2.2", False)):
        folder = tmp_path / version
        folder.mkdir()
        (folder / "docker").write_text(f"#!/bin/sh\necho 'Docker version {version}, build 1'\n")
        (folder / "docker").chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:/bin:/usr/bin")
        found = find_tool()
        assert (found is not None and found.command[1] == "build") is able

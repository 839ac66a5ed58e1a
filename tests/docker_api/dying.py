"""Calls that are in the middle of something when their engine dies, each a function that says when it is there."""

from __future__ import annotations

import os
import secrets
import select
import socket
import tarfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from dvm_runtimes.errors import DvmError
from dvm_runtimes.operation import Operation
from dvm_runtimes.options import BuildOptions, ExecOptions, Mount, StartOptions
from dvm_runtimes.runtime import ContainerRuntime
from dvm_runtimes.waiting import LogLine

LIMIT = 60.0


@dataclass(frozen=True)
class Scene:
    """What a call is made with.

    Attributes:
        runtime: on the engine that dies.
        image: an image of that engine.
        workspace: one that runs, and has written a line.
        folder: an empty one.
        began: to be called when the call is in its middle.
    """

    runtime: ContainerRuntime
    image: str
    workspace: str
    folder: Path
    began: Callable[[], None]


def run_command(scene: Scene) -> None:
    options = ExecOptions(on_stdout=lambda piece: scene.began())
    command = ["sh", "-c", "echo began; sleep 600"]
    scene.runtime.exec_in_workspace(scene.workspace, command, options, timeout=LIMIT)


def type_in_a_terminal(scene: Scene) -> None:
    with scene.runtime.open_terminal(scene.workspace, timeout=LIMIT) as terminal:
        terminal.sendline("echo be''gan; sleep 600")
        terminal.expect("began", timeout=LIMIT)
        scene.began()
        terminal.wait(LIMIT)
        if terminal.error is not None:
            raise terminal.error


def follow_log(scene: Scene) -> None:
    for _ in scene.runtime.workspace_logs(scene.workspace, follow=True, timeout=LIMIT):
        scene.began()


def wait_until_ready(scene: Scene) -> None:
    options = StartOptions(image_name=scene.image, workspace_name=new_name(), ready=LogLine("^never$"))
    scene.runtime.start_workspace(
        options, lambda event: scene.began() if "Waiting" in event.step else None, timeout=LIMIT
    )


def stop(scene: Scene) -> None:
    told = scene.folder / "told"
    os.mkfifo(told)
    # Not by its log: Podman 4.3 keeps whoever asks for it waiting until the stop is over.
    script = "trap 'echo no > /told/told' TERM; echo ready; while true; do sleep 1; done"
    options = StartOptions(
        image_name=scene.image,
        workspace_name=new_name(),
        command=["sh", "-c", script],
        mounts=[Mount(str(scene.folder), "/told")],
        ready=LogLine("^ready$"),
    )
    stubborn = scene.runtime.start_workspace(options, timeout=LIMIT)
    heard = os.open(told, os.O_RDONLY | os.O_NONBLOCK)

    def tell() -> None:
        if select.select([heard], [], [], LIMIT)[0]:
            scene.began()

    listener = threading.Thread(target=tell)
    listener.start()
    try:
        scene.runtime.stop_workspace(stubborn, grace=60, timeout=LIMIT)
    finally:
        listener.join(LIMIT)
        os.close(heard)


def copy_in(scene: Scene) -> None:
    def endless() -> Iterator[bytes]:
        member = tarfile.TarInfo("big")
        member.size = 1 << 40
        yield member.tobuf()
        while True:
            yield bytes(65536)
            scene.began()

    engine = scene.runtime.engine
    with Operation("copy_to_workspace", timeout=LIMIT, platform=engine.platform_name) as op:
        engine.put_archive(op, scene.workspace, "/tmp", endless())


def copy_out(scene: Scene) -> None:
    # A file without an end of its own: whatever is read, there is more.
    scene.runtime.exec_in_workspace(scene.workspace, ["truncate", "-s", "64G", "/big"], timeout=LIMIT)
    engine = scene.runtime.engine
    with Operation("copy_from_workspace", timeout=LIMIT, platform=engine.platform_name) as op:
        for _ in engine.get_archive(op, scene.workspace, "/big"):
            scene.began()


def build(scene: Scene) -> None:
    (scene.folder / "Dockerfile").write_text(f"FROM {scene.image}\nRUN echo began; sleep 600\n")
    options = BuildOptions(image_name="dvm-test/dies:1", app_path=scene.folder, no_cache=True)
    scene.runtime.build_image(options, lambda event: scene.began() if event.message == "began" else None, timeout=LIMIT)


def pull(scene: Scene) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:

        def accept() -> None:
            with silent.accept()[0] as connection:
                connection.recv(1)
                scene.began()
                over.wait(LIMIT)

        over = threading.Event()
        registry = threading.Thread(target=accept)
        registry.start()
        try:
            scene.runtime.pull_image(f"127.0.0.1:{silent.getsockname()[1]}/dvm-test/dies:1", timeout=LIMIT)
        finally:
            over.set()
            registry.join(LIMIT)


def new_name() -> str:
    """A name for a workspace that nothing else has."""
    return f"dies-{secrets.token_hex(4)}"


Call = Callable[[Scene], None]
CALLS: tuple[Call, ...] = (
    run_command,
    type_in_a_terminal,
    follow_log,
    wait_until_ready,
    stop,
    copy_in,
    copy_out,
    build,
    pull,
)


def scene(runtime: ContainerRuntime, image: str, folder: Path, began: Callable[[], None]) -> Scene:
    """A scene with a new workspace."""
    options = StartOptions(
        image_name=image, workspace_name=new_name(), command=["sh", "-c", "echo hello; exec sleep 600"]
    )
    return Scene(runtime, image, runtime.start_workspace(options, timeout=LIMIT), folder, began)


def begin(call: Call, scene: Scene, ended: list[DvmError]) -> threading.Thread:
    """Begin the call in a thread of its own, which adds its typed error to ``ended``."""

    def run() -> None:
        try:
            call(scene)
        except DvmError as error:
            ended.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread

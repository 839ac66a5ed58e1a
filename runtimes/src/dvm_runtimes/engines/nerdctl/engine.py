"""`NerdctlEngine`: containerd, driven through the nerdctl command, wherever that runs."""

from __future__ import annotations

import contextlib
import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from dvm_runtimes.cleanup.leftovers import Leftovers
from dvm_runtimes.engines.base import STDOUT, Container, ContainerSpec, Engine, ExecSession, ExecSpec, Progress
from dvm_runtimes.engines.specs import MissingInitError
from dvm_runtimes.errors import (
    DvmError,
    EngineError,
    ExecError,
    NameConflictError,
    WorkspaceNotFoundError,
)
from dvm_runtimes.infos import Capabilities, ImageInfo, WorkspaceStatus
from dvm_runtimes.operation import QUICK, Operation
from dvm_runtimes.options import BuildOptions, Port
from dvm_runtimes.validation.naming import MANAGED

from . import argv, json_output, scripts
from .archives import Archives
from .argv import container_env
from .build import build
from .client import NerdctlClient, limited
from .events import NerdctlEvents
from .images import Images
from .json_output import check_version
from .logs import LogRecords, flags, read
from .logs import follow as follow_log
from .ports import await_forwarded, refuse_taken, with_host_ports
from .profile import NerdctlProfile
from .sessions import NerdctlSession
from .transport import Call, Transport

_REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


class NerdctlEngine(Engine):
    """Workspaces in one namespace of one containerd.

    Args:
        transport: the way to nerdctl.
        profile: what the platform is called and what to tell its users.
    """

    runtime_type = "nerdctl"

    def __init__(self, transport: Transport, profile: NerdctlProfile) -> None:
        self.platform_type = profile.platform_type
        self.platform_name = profile.platform_name
        self.endpoint = profile.endpoint
        self.profile = profile
        self.one_look = profile.in_vm
        # A try starts programs, in a virtual machine through ssh.
        self.longest_pause = 30.0 if profile.in_vm else 5.0
        self._transport = transport
        self._client = NerdctlClient(transport, profile, Leftovers(self))
        self._archives = Archives(self._client)
        self._images = Images(self._client)
        self._names: dict[str, str] = {}
        self._ports: dict[str, tuple[Port, ...]] = {}
        self._new: set[str] = set()
        self._init: str | None = None
        self._init_is_missing = False

    @property
    def capabilities(self) -> Capabilities:
        reasons = {
            "init": f"it has no init program. {self.profile.hints.init}",
            "binary_logs": "nerdctl keeps its logs as JSON",
            "health_checks": "nerdctl does not run health checks",
            "resource_limits": "rootless containerd ignores limits without delegated cgroups",
            "ssh_agent": "the virtual machine has no socket of this machine's agent",
        }
        return Capabilities(
            binary_logs=False,
            health_checks=False,
            resource_limits=not self.profile.rootless,
            ssh_agent=not self.profile.in_vm,
            init=not self._init_is_missing,
            reasons=reasons,
        )

    def version(self, op: Operation) -> str:
        answer = self._client.ok(op, self._client.query("version", "--format", argv.EVERYTHING))
        return check_version(answer.decode(errors="replace"), self.profile, op.name)

    def close(self) -> None:
        self._client.close()

    def default_user(self) -> tuple[int, int] | None:
        if self.profile.rootless:
            return (0, 0)  # only root inside may write this user's files
        return (1000, 1000) if self.profile.in_vm else super().default_user()

    def host_path(self, path: Path, field: str) -> str:
        translate = self.profile.host_path
        return super().host_path(path, field) if translate is None else translate(path, field)

    def ssh_agent_socket(self) -> str:
        return "" if self.profile.in_vm else super().ssh_agent_socket()

    def removal(self) -> Mapping[str, Any]:
        nerdctl, command = self._transport.nerdctl, self._transport.command
        return {
            "call": command(("sh", "-c", scripts.END_COMMAND, "dvm", "{name}")),
            "container": command(("sh", "-c", scripts.REMOVE, "dvm", "{name}", "--force --volumes", *nerdctl)),
            "image": command(("sh", "-c", scripts.REMOVE_IMAGE, "dvm", "{name}", *nerdctl)),
            "volume": command(("sh", "-c", scripts.REMOVE_VOLUME, "dvm", "{name}", *nerdctl)),
            "network": command(("sh", "-c", scripts.REMOVE_NETWORK, "dvm", "{name}", *nerdctl)),
        }

    # Containers

    def list_containers(self, op: Operation, labels: Mapping[str, str]) -> list[Container]:
        # Only the managed label is a filter of nerdctl, which splits filters at commas.
        filter_ = f"label={MANAGED}" if MANAGED in labels else ""
        text = self._client.ok(op, self._client.script(scripts.LIST, filter_, reads=True))
        found = [self._known(one) for one in json_output.containers(text.decode(errors="replace"))]
        return [one for one in found if all(_has(one, key, value) for key, value in labels.items())]

    def inspect_container(self, op: Operation, reference: str) -> Container | None:
        if not _REFERENCE.fullmatch(reference):
            return None  # no valid name or ID: nerdctl could take it for a flag
        outcome = self._client.run(op, self._client.script(scripts.INSPECT, reference, reads=True))
        if outcome.code:
            error = self._client.failed(op, outcome.message, reference)
            if isinstance(error, WorkspaceNotFoundError) or "multiple IDs found" in outcome.message:
                return None
            raise error
        found = json_output.containers(outcome.stdout.decode(errors="replace"))
        exact = [one for one in found if reference in (one.id, one.name)]
        matching = exact or [one for one in found if one.id.startswith(reference)]
        return self._known(matching[0]) if len(matching) == 1 else None

    def _known(self, container: Container) -> Container:
        self._names[container.id] = container.name
        return container

    def create_container(self, op: Operation, spec: ContainerSpec) -> str:
        if spec.network_aliases:
            raise self._unsupported(op, "has no network aliases")
        if path := argv.unmountable(spec.mounts):
            raise self._unsupported(op, f"cannot mount {path!r}, a path with a comma or colon")
        spec = dataclasses.replace(spec, ports=self._host_ports(op, spec.ports))
        env = container_env(spec.env)
        command: Sequence[str] = ()
        if spec.entrypoint == () and not spec.command:
            image = self.inspect_image(op, spec.image)
            command = image.command if image is not None else ()
        args, operands = argv.create(spec, init=self._find_init(op) if spec.init else "", image_command=command)
        call = self._client.nerdctl(args, operands, env)
        outcome = self._client.run(op, call)
        if outcome.code and "port is already allocated" in outcome.message:
            # The container to be replaced may still hold the port. nerdctl checks ports in its own network namespace,
            # and `create` needs no network: `start` checks the port again.
            outcome = self._client.run(op, dataclasses.replace(call, command=("unshare", "--net", *call.command)))
        if outcome.code:
            raise self._client.failed(op, outcome.message, spec.name)
        made = outcome.stdout.decode().strip()
        self._ports[made] = spec.ports
        self._new.add(made)
        return made

    def _host_ports(self, op: Operation, ports: Sequence[Port]) -> tuple[Port, ...]:
        try:
            return with_host_ports(ports)
        except OSError as error:
            raise EngineError(
                f"a port cannot be published: {error.strerror}",
                hint=self.profile.hints.port,
                platform=self.platform_name,
                operation=op.name,
                detail=str(error),
            ) from error

    def _find_init(self, op: Operation) -> str:
        if self._init is None:
            call = Call(command=("sh", "-c", scripts.FIND_INIT, "dvm"), reads=True)
            self._init = self._client.ok(op, call).decode().strip()
        if not self._init:
            self._init = None  # it may be installed later
            self._init_is_missing = True
            raise MissingInitError(
                f"{self.platform_name} has no init program for PID 1",
                hint=self.profile.hints.init,
                platform=self.platform_name,
                operation=op.name,
            )
        return self._init

    def start_container(self, op: Operation, container: str) -> None:
        ports = self._ports.get(container, ())
        if container in self._new:
            refuse_taken(ports, self.profile, op)
        # A container that exited by itself keeps its ports reserved: only a new one is checked.
        self._client.ok(op, self._client.script(scripts.START, container), container)
        self._new.discard(container)
        if self.profile.in_vm and ports:
            found = self.inspect_container(op, container)
            await_forwarded(found.ports if found else {}, self.profile, op)

    def stop_container(self, op: Operation, container: str, grace: float) -> None:
        self._client.ok(op, self._client.script(scripts.STOP, container, str(max(0, round(grace)))), container)

    def resume_container(self, op: Operation, container: str) -> None:
        outcome = self._client.run(op, self._client.nerdctl(("unpause", container)))
        if outcome.code and "is not paused" not in outcome.message:
            raise self._client.failed(op, outcome.message, container)

    def remove_container(self, op: Operation, container: str, *, force: bool, volumes: bool) -> None:
        flags = [*(["--force"] if force else []), *(["--volumes"] if volumes else [])]
        outcome = self._client.run(op, self._client.script(scripts.REMOVE, container, " ".join(flags)))
        if outcome.code:
            if "in running status" in outcome.message or "in paused status" in outcome.message:
                raise EngineError(
                    f"container {container[:12]!r} is running",
                    hint="Stop it first, or remove it with `force`.",
                    platform=self.platform_name,
                    operation=op.name,
                    detail=outcome.message,
                )
            error = self._client.failed(op, outcome.message, container)
            if not isinstance(error, WorkspaceNotFoundError):
                raise error
        self._names.pop(container, None)
        self._ports.pop(container, None)
        self._new.discard(container)

    def rename_container(self, op: Operation, container: str, name: str) -> None:
        outcome = self._client.run(op, self._client.script(scripts.RENAME, container, name))
        if outcome.code:
            if "already" in outcome.message and "used" in outcome.message:
                raise NameConflictError(
                    f"the container name {name!r} is taken",
                    hint="Choose another name, or remove that container.",
                    platform=self.platform_name,
                    operation=op.name,
                    detail=outcome.message,
                )
            raise self._client.failed(op, outcome.message, container)

    def wait_container(self, op: Operation, container: str) -> int:
        outcome = self._client.run(op, self._client.query("wait", container))
        code = outcome.stdout.strip()
        if outcome.code == 0 and code.isdigit():
            return int(code)
        found = self.inspect_container(op, container)
        if found is None:
            raise self._client.failed(op, f"no such container {container}", container)
        if found.status in (WorkspaceStatus.RUNNING, WorkspaceStatus.PAUSED):
            raise self._client.failed(op, outcome.message, container)
        return found.exit_code or 0

    # Inside

    def exec_start(self, op: Operation, container: str, spec: ExecSpec) -> ExecSession:
        if argv.too_long(spec.command):
            raise ExecError(
                f"an argument of {spec.command[0][:60]!r} is longer than Linux allows, {argv.LONGEST_ARGUMENT} bytes",
                exit_code=126,
                hint="Pass long text on standard input.",
                platform=self.platform_name,
                operation=op.name,
            )
        args, operands = argv.exec_(container, spec)
        call = self._client.nerdctl(args, operands)
        if spec.stdin and not spec.tty:
            call = dataclasses.replace(call, command=("sh", "-c", scripts.EXEC, "dvm", *call.command))
        call = dataclasses.replace(
            call,
            env=container_env({**spec.env, scripts.EXEC_VARIABLE: call.mark}),
            stdin=spec.stdin,
            size=spec.size if spec.tty else None,
        )
        return NerdctlSession(self._client, op, limited(call, op) if not spec.tty else call, spec.command[0])

    def logs(
        self, op: Operation, container: str, *, tail: int | None, since: float | None, follow: bool
    ) -> Iterator[tuple[int, bytes]]:
        if tail == 0:
            if not follow:
                return
            # nerdctl treats 0 as all.
            import time

            tail, since = None, max(since or 0.0, time.time())
        if follow:
            found = follow_log(self._client, op, container, tail, since)
        else:
            found = read(self._client, op, (*flags(tail, since, follow=False), container), LogRecords(since))
        with contextlib.closing(found):
            for data in found:
                yield STDOUT, data

    def events(self, op: Operation) -> NerdctlEvents:
        def look_up(container: str) -> str | None:
            with Operation("watch_workspaces", timeout=QUICK, platform=self.platform_name) as look:
                try:
                    found = self.inspect_container(look, container)
                except DvmError:
                    return None  # the watch looks for itself and reports the error
            return found.name if found else None

        return NerdctlEvents(self._client, op, dict(self._names), look_up)

    def put_archive(self, op: Operation, container: str, path: str, tar: Iterable[bytes]) -> None:
        self._archives.put(op, container, path, tar)

    def get_archive(self, op: Operation, container: str, path: str) -> Iterator[bytes]:
        return self._archives.get(op, container, path)

    def path_kind(self, op: Operation, container: str, path: str) -> str | None:
        answer = self._archives.kind_inside(op, container, path)
        if answer is None:
            # The container is stopped, or has no shell.
            return super().path_kind(op, container, path)
        return answer or None

    def changed_paths(self, op: Operation, container: str) -> frozenset[str]:
        text = self._client.ok(op, self._client.query("diff", container), container)
        lines = text.decode(errors="surrogateescape").splitlines()
        return frozenset(line[2:] for line in lines if line[:2] in ("A ", "C ", "D "))

    # Networks

    def create_network(self, op: Operation, name: str, labels: Mapping[str, str]) -> None:
        flags = [arg for key, value in labels.items() for arg in ("--label", f"{key}={value}")]
        outcome = self._client.run(op, self._client.nerdctl(("network", "create", *flags, name)))
        if outcome.code and "already exists" in outcome.message:
            raise NameConflictError(
                f"the network {name!r} already exists",
                hint="Choose another name.",
                platform=self.platform_name,
                operation=op.name,
                detail=outcome.message,
            )
        if outcome.code:
            raise self._client.failed(op, outcome.message, name)

    def remove_network(self, op: Operation, name: str) -> None:
        self._client.ok(op, self._client.script(scripts.REMOVE_NETWORK, name), name)

    def remove_volume(self, op: Operation, name: str) -> None:
        self._client.ok(op, self._client.script(scripts.REMOVE_VOLUME, name), name)

    # Images

    def inspect_image(self, op: Operation, name: str) -> ImageInfo | None:
        return self._images.inspect(op, name)

    def list_images(self, op: Operation) -> list[ImageInfo]:
        return self._images.all(op)

    def pull_image(self, op: Operation, name: str, platform: str, progress: Progress) -> None:
        self._images.pull(op, name, platform, progress)

    def remove_image(self, op: Operation, name: str, *, force: bool) -> None:
        self._images.remove(op, name, force=force)

    def build_image(self, op: Operation, options: BuildOptions, labels: Mapping[str, str], progress: Progress) -> str:
        build(self._client, op, options, labels, progress, endpoint=self.endpoint)
        made = self.inspect_image(op, options.image_name)
        if made is None:
            raise EngineError(
                f"{options.image_name!r} was built, but is not in the namespace {self.profile.namespace!r}",
                hint=self.profile.hints.build,
                platform=self.platform_name,
                operation=op.name,
            )
        return made.id


def _has(container: Container, key: str, value: str) -> bool:
    return key in container.labels and value in ("", container.labels[key])

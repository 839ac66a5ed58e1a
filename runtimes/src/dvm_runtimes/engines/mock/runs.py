"""One run of a container, from its start until its main process has ended, and its health checks."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from dvm_runtimes.builds.dockerfile import HealthCheck
from dvm_runtimes.engines.base import STDERR, STDOUT, ContainerSpec
from dvm_runtimes.infos import EventKind

from . import procfs
from .handles import OpenFile, null_file
from .images import PATH
from .launching import CommandProblem, prepare
from .network import Network, PortTakenError
from .nodes import MemoryFile
from .processes import Body, KilledError, Process
from .table import ProcessTable
from .tree import Tree
from .users import resolve

if TYPE_CHECKING:
    from .containers import MockContainer
    from .world import World

_LONGEST_OUTPUT = 4096
"""Bytes of a health check's output that are kept, as Docker keeps them."""
_NETWORKS = ("", "bridge", "default", "host", "none")


class Init(Process):
    """The first process: it waits for the main one, and passes signals on to it."""

    main: Process

    def signal(self, number: int) -> None:
        self.main.signal(number)


class Run:
    """A run.

    Raises:
        PortTakenError, CommandProblem, UnknownUserError, OSError: it cannot begin, and nothing of it is left.
    """

    def __init__(self, container: MockContainer, world: World) -> None:
        spec = container.spec
        if spec.network_mode not in (*_NETWORKS, *world.networks):
            raise PortTakenError(f"network {spec.network_mode} not found")
        self.over = False
        self.stopping = False
        """Somebody asked for its end, so the engine does not start it again."""
        self._container = container
        self._world = world
        self._health: HealthMonitor | None = None
        network = Network(world.lock, spec.network_mode, spec.ports)
        self.table = ProcessTable(world.lock, network, world.faults.answer, spec.pids_limit)
        try:
            self.tree = container.mounted(self._mount_system)
            self._body = self._prepare()
        except BaseException:
            self.table.collapse()
            raise

    def _mount_system(self, tree: Tree) -> None:
        spec = self._container.spec
        tree.mount("/dev", procfs.devices())
        tree.mount("/proc", procfs.proc(self.table, spec))
        tree.mount("/sys", procfs.limits(spec), read_only=True)
        # These three are files of their own, so that they can be written under a read-only root too.
        tree.mount("/etc/hostname", MemoryFile(f"{self._container.id[:12]}\n".encode()))
        tree.mount("/etc/hosts", MemoryFile(_hosts(spec, self._container.id[:12]).encode()))
        tree.mount("/etc/resolv.conf", MemoryFile(b"nameserver 127.0.0.11\n"))

    def _prepare(self) -> Body:
        container = self._container
        argv = main_command(container)
        dying = self._world.faults.take_death()
        if container.spec.init:
            init = Init(self.table, self.tree, ["/sbin/docker-init", "--", *argv])
            self.table.admit(init)
            init.main = self.main = Process(self.table, self.tree, argv, parent=init)
            self.table.admit(self.main)
            self.first: Process = init
        else:
            self.first = self.main = Process(self.table, self.tree, argv)
            self.table.admit(self.main)
        main = self.main
        main.session = main.group = main.pid
        dress(container, main, container.spec.user)
        # The init belongs to the workspace's user too, as runc starts it, so that user may send it signals.
        self.first.who, self.first.env = main.who, main.env
        main.cwd = container.working_dir
        main.files = {
            0: null_file(),
            STDOUT: container.journal.writer(STDOUT),
            STDERR: container.journal.writer(STDERR),
        }
        if dying is not None:
            return dying
        return prepare(main, argv, scripted=False)

    def begin(self) -> None:
        """Let the main process run."""
        container = self._container
        self.main.on_end.append(lambda status: container.ended(self, status))
        self.main.start(self._body)
        if container.image.health is not None:
            self._health = HealthMonitor(container, self, container.image.health)

    def close(self) -> None:
        """End everything that still runs in it."""
        self.over = True
        self.table.collapse()
        if self._health is not None:
            self._health.close()


def main_command(container: MockContainer) -> list[str]:
    """The argv of the main process: the spec's, or the image's where the spec leaves them open.

    The rule is Docker's (daemon/commit.go, ``merge``): the image's command
    goes with the image's entrypoint; an entrypoint of one's own drops both.
    """
    spec, image = container.spec, container.image
    entrypoint, command = spec.entrypoint or (), spec.command or ()
    if not entrypoint:
        command = command or image.command
        if spec.entrypoint is None:
            entrypoint = image.entrypoint
    argv = [*entrypoint, *command]
    if not argv:
        raise CommandProblem("no command specified", 127)
    return argv


def dress(container: MockContainer, process: Process, user: str) -> None:
    """Give a process the container's environment and a user."""
    process.who, home = resolve(process.tree, user or container.image.user)
    process.env = {
        "PATH": PATH,
        "HOSTNAME": container.id[:12],
        **container.image.env,
        **container.spec.env,
    }
    process.env.setdefault("HOME", home)


def _hosts(spec: ContainerSpec, hostname: str) -> str:
    lines = ["127.0.0.1\tlocalhost", "::1\tlocalhost ip6-localhost ip6-loopback", f"172.17.0.2\t{hostname}"]
    for name, address in spec.extra_hosts.items():
        lines.append(f"{'172.17.0.1' if address == 'host-gateway' else address}\t{name}")
    return "\n".join(lines) + "\n"


class HealthMonitor:
    """Watches over one run's health, in a thread that ends with it."""

    def __init__(self, container: MockContainer, run: Run, check: HealthCheck) -> None:
        self._container = container
        self._run = run
        self._check = check
        self._over = threading.Event()
        container.health = "starting"
        self._thread = threading.Thread(target=self._watch, name="mock-health", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop watching."""
        self._over.set()

    def _watch(self) -> None:
        failures = 0
        began = time.monotonic()
        while not self._over.wait(self._check.interval):
            output = bytearray()
            code = self._probe(output)
            said = " ".join(output.decode(errors="replace").split())
            self._container.health_output = f"exit code {code}" + (f": {said}" if said else "")
            if code == 0:
                failures = 0
                self._say("healthy")
            elif time.monotonic() - began >= self._check.start_period or self._container.health != "starting":
                failures += 1
                if failures >= self._check.retries:
                    self._say("unhealthy")

    def _say(self, health: str) -> None:
        world = self._container.world
        with world.lock:
            if self._container.run is self._run and self._container.health != health:
                self._container.health = health
                world.publish(EventKind.HEALTH, self._container)
                world.changed.notify_all()

    def _probe(self, output: bytearray) -> int:
        run = self._run
        process = Process(run.table, run.tree, list(self._check.command))

        def write(_: Process, data: bytes) -> None:
            output.extend(data[: _LONGEST_OUTPUT - len(output)])

        try:
            dress(self._container, process, self._container.spec.user)
            process.cwd = self._container.working_dir
            body = prepare(process, process.argv)
            with run.table.lock:
                run.table.admit(process)
            process.session = process.group = process.pid
            process.files = {0: null_file(), **{number: OpenFile(write=write) for number in (1, 2)}}
            process.start(body)
        except (CommandProblem, KilledError, OSError):
            return 1
        with run.table.lock:
            ended = run.table.changed.wait_for(lambda: process.status is not None, self._check.timeout)
        if not ended:
            run.table.kill_session(process.session)
            return 1
        return process.status or 0

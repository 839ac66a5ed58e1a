"""Docker Engine as this machine's packages have it, run by an ordinary user, who exists for this engine alone."""

from __future__ import annotations

from pathlib import Path

from tests.engines.docker_api import started
from tests.engines.keeping import Kept, Process
from tests.engines.kinds import docker
from tests.engines.kinds.podman_rootless import DEVICES
from tests.engines.ordinary_user import UID, make
from tests.engines.registry import EngineKind, RunningEngine, Share

SCRIPT = Path("/usr/share/docker.io/contrib/dockerd-rootless.sh")
"""What starts a ``dockerd`` in namespaces of the user's; Debian has it in no folder of programs."""

PROGRAMS = {
    **docker.PROGRAMS,
    "rootlesskit": "rootlesskit",
    "newuidmap": "uidmap",
    "slirp4netns": "slirp4netns",
    "setpriv": "util-linux",
}


class RootlessDocker(EngineKind):
    name = "docker-rootless"
    runtime = "docker"
    programs = PROGRAMS
    mount_owner = UID  # root inside is who runs the engine
    reaches_loopback = False  # its network is slirp4netns's
    order = 15
    suite = Share(("TestMount", "TestPort", "TestConfinement"), "another user, in namespaces of that user's")

    def why_not_here(self) -> str:
        absent = [str(path) for path in (*map(Path, DEVICES), SCRIPT) if not path.exists()]
        return super().why_not_here() or (f"this machine has no {' and no '.join(absent)}" if absent else "")

    def run(self, folder: Path) -> RunningEngine:
        user = make(folder)
        socket = user.runtime_folder / "docker.sock"
        settings = user.home / "daemon.json"
        settings.write_text("{}")
        options = (f"--host=unix://{socket}", f"--data-root={user.home}/data", f"--config-file={settings}")
        # The network is the namespaces' own: its bridge and its rules for ports are none of this machine's.
        network = {
            "DOCKERD_ROOTLESS_ROOTLESSKIT_NET": "slirp4netns",
            "DOCKERD_ROOTLESS_ROOTLESSKIT_PORT_DRIVER": "builtin",
        }
        process = Process(
            (*user.become, str(SCRIPT), *options),
            ready=("http", str(socket)),
            # RootlessKit leaves a folder of its state in the temporary one.
            env={**user.environment, **network, "TMPDIR": str(user.own(user.home / "tmp", 0o700))},
        )
        kept = Kept(folder, [process], docker.PRIVATE, overlaid=("/etc",), opened=DEVICES)
        environment = docker.client_environment(folder, f"unix://{socket}")
        return started(self, kept, socket, environment, host_folder=user.own(folder / "shared"))


KINDS: list[EngineKind] = [RootlessDocker()]

"""Podman as this machine's packages have it, as an ordinary user, who exists for this engine alone."""

from __future__ import annotations

from pathlib import Path

from tests.engines.docker_api import started
from tests.engines.keeping import Kept, Process
from tests.engines.kinds import podman
from tests.engines.ordinary_user import UID, make
from tests.engines.registry import EngineKind, RunningEngine, Share

PROGRAMS = {
    **podman.PROGRAMS,
    "newuidmap": "uidmap",
    "slirp4netns": "slirp4netns",
    "fuse-overlayfs": "fuse-overlayfs",
    "setpriv": "util-linux",
}

# What a login on a desktop has opened for its user.
DEVICES = ("/dev/fuse", "/dev/net/tun")

# Without the network of root's own making.
_SETTINGS = podman.SETTINGS.partition("[network]")[0]


class RootlessPodman(EngineKind):
    name = "podman-rootless"
    runtime = "podman"
    programs = PROGRAMS
    order = 21
    suite = Share(("TestMount", "TestPort", "TestConfinement"), "another user, in namespaces of that user's")
    mount_owner = UID  # who runs the engine, and is kept inside

    def why_not_here(self) -> str:
        absent = [path for path in DEVICES if not Path(path).exists()]
        return super().why_not_here() or (f"this machine has no {' and no '.join(absent)}" if absent else "")

    def run(self, folder: Path) -> RunningEngine:
        user = make(folder)
        socket = user.runtime_folder / "podman" / "podman.sock"
        user.own(socket.parent)
        argv = (*user.become, "podman", "system", "service", "--time=0", f"unix://{socket}")
        env = {**user.environment, **podman.environment(user.home, _SETTINGS)}
        process = Process(argv, ready=("http", str(socket)), env=env)
        kept = Kept(folder, [process], podman.PRIVATE, overlaid=("/etc",), opened=DEVICES)
        return started(
            self, kept, socket, {"CONTAINER_HOST": f"unix://{socket}"}, host_folder=user.own(folder / "shared")
        )


KINDS: list[EngineKind] = [RootlessPodman()]

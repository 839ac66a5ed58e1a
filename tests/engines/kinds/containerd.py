"""containerd as this machine's packages have it, with BuildKit and a nerdctl of its own configuration."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

from tests.engines import base_image, buildkit, cni
from tests.engines.bridges import make_bridge
from tests.engines.keeping import Kept, Process
from tests.engines.kinds import docker
from tests.engines.nerdctl_outside import NerdctlOutside
from tests.engines.registry import EngineKind, RunningEngine, Share
from tests.engines.stand_ins import nerdctl as nerdctl_stand_in
from tests.engines.stand_ins.buildkit_images import BUILDCTL

PROGRAMS = {
    "containerd": "containerd",
    "ctr": "containerd",
    "runc": "runc",
    "docker-proxy": "docker.io",
    "iptables": "iptables",
    "nsenter": "util-linux",
    "tini-static": "tini",
}
NAMESPACE = "devopsmaestro"

PRIVATE = ("/run",)
OVERLAID = ("/var/lib",)

# nerdctl's own name for its default network.
_NETWORK_ID = "17f29b073143d8cd97b5bbe492bdeffec1c5fee55cc1fe2112c8b9335f8b6121"

_CONTAINERD = """\
version = 2
root = "{folder}/root"
state = "{folder}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "{folder}/containerd.sock"
[plugins."io.containerd.runtime.v1.linux"]
  no_shim = false
"""

_NERDCTL = """\
address = "{folder}/containerd.sock"
namespace = "{namespace}"
data_root = "{folder}/nerdctl"
cni_path = "{plugins}"
cni_netconfpath = "{folder}/networks"
cgroup_manager = "cgroupfs"
"""


def program() -> str:
    """The real nerdctl: what ``DVM_TEST_NERDCTL`` names, else the one on PATH; empty where there is none."""
    return os.environ.get("DVM_TEST_NERDCTL") or shutil.which("nerdctl") or ""


class Containerd(EngineKind):
    name = "containerd"
    runtime = "containerd"
    programs = PROGRAMS
    order = 60
    suite = Share(
        ("TestExec", "TestTerminal", "TestStatus"),
        "another protocol: what of nerdctl's answers is the least like the Docker API's",
    )

    def packages(self) -> list[str]:
        plugins = [] if (cni.PLUGINS / "bridge").exists() else [cni.PACKAGE]
        return sorted({*super().packages(), *plugins})

    def why_not_here(self) -> str:
        if reason := super().why_not_here():
            return reason
        if not (cni.PLUGINS / "bridge").exists():
            return f"not installed: {cni.PACKAGE}; as root on Debian, `make test` installs them"
        return ""

    def why_not_yet(self) -> str:
        # The stand-in builds with the BuildKit that Docker has.
        return buildkit.why_not() if program() else ""

    def prepare(self) -> None:
        if program():
            buildkit.make()

    def unreachable(self, engine: RunningEngine) -> tuple[str, dict[str, str]]:
        return "containerd", {"address": f"{engine.folder}/nobody.sock"}

    def run(self, folder: Path) -> RunningEngine:
        return start(self, folder, program()) if program() else start_stand_in(self, folder)


def start(kind: EngineKind, folder: Path, nerdctl: str) -> RunningEngine:
    """Start containerd and BuildKit in ``folder``, and put the images on them."""
    wrapper = configure(folder, nerdctl)
    bridge = make_bridge()
    labels = {"nerdctl/default-network": "true"}
    file = folder / "networks" / "nerdctl-bridge.conflist"
    cni.write_network(file, bridge, "bridge", nerdctlID=_NETWORK_ID, nerdctlLabels=labels)
    kept = Kept(folder, processes(folder), PRIVATE, overlaid=OVERLAID, bridge=bridge)
    return started(kind, kept, [str(wrapper)], f"unix://{folder}/containerd.sock", environment(folder))


def start_stand_in(kind: EngineKind, folder: Path) -> RunningEngine:
    """Start a Docker Engine in ``folder``, with the stand-in of nerdctl before it."""
    socket = folder / "containerd.sock"
    (folder / "none.json").write_text("{}")
    bridge = make_bridge()
    process = Process((*docker.arguments(folder, socket), *docker.network(bridge)), ready=("http", str(socket)))
    kept = Kept(folder, [process], docker.PRIVATE, bridge=bridge)
    wrapper = folder / "bin" / "nerdctl"
    wrapper.parent.mkdir()
    for program_, script in ((wrapper, stand_in_script(socket)), (wrapper.with_name("buildctl"), BUILDCTL)):
        program_.write_text(script)
        program_.chmod(0o755)
    return started(kind, kept, [str(wrapper)], f"unix://{socket}", environment(folder), way="stand-in of nerdctl")


def stand_in_script(socket: Path) -> str:
    """A ``nerdctl`` that is the stand-in, over the Docker Engine at that socket."""
    return f'#!/bin/sh\nexec {sys.executable} -I {nerdctl_stand_in.__file__} {socket} "$@"\n'


def started(
    kind: EngineKind,
    kept: Kept,
    nerdctl: list[str],
    endpoint: str,
    environment: dict[str, str],
    *,
    way: str = "real nerdctl",
    host_folder: Path | None = None,
) -> RunningEngine:
    """Start what is kept, put the images on it and say what it is; nothing is left of it if that fails.

    Args:
        nerdctl: the words with which the tests themselves reach it.
        endpoint, environment, host_folder: as in `RunningEngine`.
        way: what DVM reaches it through, for the table.
    """
    try:
        pids = kept.start()
        outside = NerdctlOutside(nerdctl)
        for name, extra in ((base_image.IMAGE, {}), (base_image.OTHER_IMAGE, {"etc/other": "another image\n"})):
            outside.run("load", stdin=base_image.saved(name, **extra))
        answer = json.loads(outside.run("version", "--format", "{{json .}}"))
        daemon = next(one["Version"] for one in answer["Server"]["Components"] if one["Name"] == "containerd")
    except BaseException:
        kept.end()
        raise
    return RunningEngine(
        kind,
        kept,
        endpoint=endpoint,
        version=f"{daemon.partition('~')[0]}, {way} {answer['Client']['Version']}",
        outside=outside,
        pid=pids[0],
        environment=environment,
        host_folder=host_folder,
    )


def environment(folder: Path) -> dict[str, str]:
    """What leads a process to this containerd alone."""
    return {
        "CONTAINERD_ADDRESS": f"{folder}/containerd.sock",
        "CONTAINERD_NAMESPACE": NAMESPACE,
        "PATH": f"{folder}/bin:{os.environ['PATH']}",
    }


def configure_containerd(folder: Path) -> None:
    """Write containerd's configuration."""
    (folder / "containerd.toml").write_text(_CONTAINERD.format(folder=folder))


def configure(folder: Path, nerdctl: str) -> Path:
    """Write the configurations, and a ``nerdctl`` that works where the keeper has mounted things; its path."""
    configure_containerd(folder)
    (folder / "nerdctl.toml").write_text(_NERDCTL.format(folder=folder, plugins=cni.PLUGINS, namespace=NAMESPACE))
    wrapper = folder / "bin" / "nerdctl"
    wrapper.parent.mkdir()
    wrapper.write_text(
        "#!/bin/sh\n"
        f"export NERDCTL_TOML={folder}/nerdctl.toml BUILDKIT_HOST=unix://{folder}/buildkitd.sock\n"
        f'export PATH={buildkit.folder()}:"$PATH"\n'
        f'exec nsenter --target "$(cat {folder}/containerd.pid)" --mount -- {nerdctl} "$@"\n'
    )
    wrapper.chmod(0o755)
    client = wrapper.with_name("buildctl")
    client.write_text(f'#!/bin/sh\nexec {buildkit.folder()}/buildctl --addr unix://{folder}/buildkitd.sock "$@"\n')
    client.chmod(0o755)
    return wrapper


def processes(folder: Path) -> list[Process]:
    """containerd and BuildKit, each with everything of its own in ``folder``."""
    script = 'echo $$ > "$1/containerd.pid"; exec containerd --config "$1/containerd.toml"'
    containerd = Process(("sh", "-c", script, "sh", str(folder)), ready=("socket", f"{folder}/containerd.sock"))
    return [containerd, buildkitd(folder)]


def buildkitd(folder: Path, enter: tuple[str, ...] = (), *, namespace: str = NAMESPACE) -> Process:
    """BuildKit, whose images are in the namespace of the workspaces, or in another one.

    Args:
        enter: words that run it where containerd's mounts are.
        namespace: where BuildKit works.
    """
    (folder / "none.toml").write_text("")
    argv = (
        *enter,
        str(buildkit.folder() / "buildkitd"),
        f"--addr=unix://{folder}/buildkitd.sock",
        f"--root={folder}/buildkit",
        f"--config={folder}/none.toml",
        "--oci-worker=false",
        "--containerd-worker=true",
        f"--containerd-worker-addr={folder}/containerd.sock",
        f"--containerd-worker-namespace={namespace}",
        "--containerd-worker-net=host",
    )
    return Process(argv, ready=("socket", f"{folder}/buildkitd.sock"))


KINDS: list[EngineKind] = [Containerd()]

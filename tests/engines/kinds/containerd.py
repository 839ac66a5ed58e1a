"""containerd as this machine's packages have it, with BuildKit and a nerdctl of its own configuration."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.engines import base_image, buildkit, cni_ports
from tests.engines.keeper import BRIDGE, SUBNET
from tests.engines.keeping import Kept, Process
from tests.engines.nerdctl_outside import NerdctlOutside
from tests.engines.registry import EngineKind, RunningEngine

PROGRAMS = {
    "containerd": "containerd",
    "ctr": "containerd",
    "runc": "runc",
    "docker-proxy": "docker.io",
    "nsenter": "util-linux",
    "tini-static": "tini",
}
PLUGINS = "/usr/lib/cni"
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

# containerd and what it runs have a network of their own: nerdctl holds a published port's socket itself, so the
# machine's own has to be free for the proxy. The two are joined by the keeper's bridge.
_NETWORK = """\
folder=$1 bridge=$2
echo $$ > "$folder/containerd.pid"
ln -sf "/proc/$PPID/ns/net" "$folder/host-network"
ip link set lo up
ip link add uplink type veth peer name "${bridge}u" netns "$PPID"
nsenter --net="$folder/host-network" ip link set "${bridge}u" master "$bridge" up
ip link add nerdctl0 type bridge
ip link set nerdctl0 up
ip link set uplink master nerdctl0 up
exec containerd --config "$folder/containerd.toml"
"""

_NERDCTL = """\
address = "{folder}/containerd.sock"
namespace = "{namespace}"
data_root = "{folder}/nerdctl"
cni_path = "{folder}/plugins"
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

    def packages(self) -> list[str]:
        plugins = [] if Path(PLUGINS, "bridge").exists() else ["containernetworking-plugins"]
        return sorted({*super().packages(), *plugins})

    def why_not_here(self) -> str:
        if reason := super().why_not_here():
            return reason
        if not Path(PLUGINS, "bridge").exists():
            return "not installed: containernetworking-plugins; as root on Debian, `make test` installs them"
        return "" if program() else "no nerdctl on PATH or in DVM_TEST_NERDCTL; no package has it"

    def why_not_yet(self) -> str:
        return buildkit.why_not()

    def prepare(self) -> None:
        buildkit.make()

    def run(self, folder: Path) -> RunningEngine:
        return start(self, folder, program())


def start(kind: EngineKind, folder: Path, nerdctl: str) -> RunningEngine:
    """Start containerd and BuildKit in ``folder``, and put the images on them."""
    wrapper = configure(folder, nerdctl)
    kept = Kept(folder, processes(folder), PRIVATE, overlaid=OVERLAID, bridge=True, templates=(network(folder),))
    try:
        pids = kept.start()
        outside = NerdctlOutside([str(wrapper)])
        for name, extra in ((base_image.IMAGE, {}), (base_image.OTHER_IMAGE, {"etc/other": "another image\n"})):
            outside.run("load", stdin=base_image.saved(name, **extra))
        version = subprocess.run(
            [str(wrapper), "version", "--format", "{{.Client.Version}}"], capture_output=True, text=True, check=True
        ).stdout.strip()
        daemon = subprocess.run(["containerd", "--version"], capture_output=True, text=True, check=True).stdout.split()[
            2
        ]
    except BaseException:
        kept.end()
        raise
    return RunningEngine(
        kind,
        kept,
        endpoint=f"unix://{folder}/containerd.sock",
        version=f"{daemon.partition('~')[0]}, real nerdctl {version}",
        outside=outside,
        pid=pids[0],
        environment=environment(folder),
    )


def environment(folder: Path) -> dict[str, str]:
    """What leads a process to this containerd alone."""
    return {
        "CONTAINERD_ADDRESS": f"{folder}/containerd.sock",
        "CONTAINERD_NAMESPACE": NAMESPACE,
        "PATH": f"{folder}/bin:{os.environ['PATH']}",
    }


def configure(folder: Path, nerdctl: str) -> Path:
    """Write the configurations, and a ``nerdctl`` that works where the keeper has mounted things; its path."""
    (folder / "containerd.toml").write_text(_CONTAINERD.format(folder=folder))
    (folder / "nerdctl.toml").write_text(_NERDCTL.format(folder=folder, namespace=NAMESPACE))
    wrapper = folder / "bin" / "nerdctl"
    wrapper.parent.mkdir()
    wrapper.write_text(
        "#!/bin/sh\n"
        f"export NERDCTL_TOML={folder}/nerdctl.toml BUILDKIT_HOST=unix://{folder}/buildkitd.sock\n"
        f'export PATH={buildkit.folder()}:"$PATH"\n'
        f'exec nsenter --target "$(cat {folder}/containerd.pid)" --mount --net -- {nerdctl} "$@"\n'
    )
    wrapper.chmod(0o755)
    return wrapper


def processes(folder: Path) -> list[Process]:
    """containerd and BuildKit, each with everything of its own in ``folder``."""
    containerd = ("unshare", "--net", "sh", "-e", "-c", _NETWORK, "sh", str(folder), BRIDGE)
    build = (
        str(buildkit.folder() / "buildkitd"),
        f"--addr=unix://{folder}/buildkitd.sock",
        f"--root={folder}/buildkit",
        f"--config={folder}/none.toml",
        "--oci-worker=false",
        "--containerd-worker=true",
        f"--containerd-worker-addr={folder}/containerd.sock",
        f"--containerd-worker-namespace={NAMESPACE}",
        "--containerd-worker-net=host",
    )
    (folder / "none.toml").write_text("")
    return [
        Process(containerd, ready=("socket", f"{folder}/containerd.sock")),
        Process(build, ready=("socket", f"{folder}/buildkitd.sock")),
    ]


def network(folder: Path) -> Path:
    """nerdctl's default network, with the keeper's bridge and without a firewall rule; its file, to be filled in."""
    plugins, networks = folder / "plugins", folder / "networks"
    plugins.mkdir()
    networks.mkdir()
    for plugin in Path(PLUGINS).iterdir():
        (plugins / plugin.name).symlink_to(plugin)
    (plugins / "portmap").unlink()
    (plugins / "portmap").write_text(
        f"#!/bin/sh\nexec {sys.executable} -I {cni_ports.__file__} {folder}/ports {folder}/host-network\n"
    )
    (plugins / "portmap").chmod(0o755)
    addresses = {"type": "host-local", "ranges": [[{"subnet": SUBNET}]], "routes": [{"dst": "0.0.0.0/0"}]}
    bridge = {"type": "bridge", "bridge": "nerdctl0", "isGateway": False, "ipMasq": False, "ipam": addresses}
    ports = {"type": "portmap", "capabilities": {"portMappings": True}}
    described = {
        "cniVersion": "0.4.0",
        "name": "bridge",
        "nerdctlID": _NETWORK_ID,
        "nerdctlLabels": {"nerdctl/default-network": "true"},
        "plugins": [bridge, ports],
    }
    written = networks / "nerdctl-bridge.conflist"
    written.write_text(json.dumps(described))
    return written


KINDS: list[EngineKind] = [Containerd()]

"""Colima with a profile that runs containerd: a real nerdctl behind a stand-in of the ``colima`` executable alone."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
from pathlib import Path

from tests.engines import buildkit, cni, forwarder, lima
from tests.engines.keeping import Kept, Process, overlay
from tests.engines.kinds import containerd, docker
from tests.engines.registry import RunningEngine, Share
from tests.engines.stand_ins import buildkit_images
from tests.engines.stand_ins import colima as stand_in

PROFILE = "default"
STOPPED = "stopped"
"""Another profile, whose virtual machine does not run."""

# Lima and nerdctl do everything in the virtual machine as root through sudo, whose settings were recorded.
_SUDO = """\
#!/bin/sh
[ "$1" != -n ] || shift
exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root USER=root LOGNAME=root \\
    SHELL=/bin/bash ${TERM:+"TERM=$TERM"} "$@"
"""

_NERDCTL = """\
#!/bin/sh
export NERDCTL_TOML={folder}/nerdctl.toml BUILDKIT_HOST=unix://{folder}/buildkitd.sock PATH="{folder}/programs:$PATH"
exec {folder}/programs/nerdctl "$@"
"""

_BUILDCTL = """\
#!/bin/sh
exec {folder}/programs/buildctl --addr unix://{folder}/buildkitd.sock "$@"
"""

_TOML = """\
address = "{folder}/containerd.sock"
namespace = "default"
data_root = "{folder}/nerdctl"
cni_path = "{plugins}"
cni_netconfpath = "{folder}/networks"
cgroup_manager = "cgroupfs"
"""

# The "virtual machine": a network of its own, and of this machine's folders only the home that Colima shares. What
# else lies beside the engine's folder (``/tmp``) is not there.
_MACHINE = """\
folder=$1 parent=$(dirname "$1")
echo $$ > "$folder/containerd.pid"
mount --make-rprivate /
{set_aside}
mount -t tmpfs -o mode=1777 tmpfs "$parent"
{bring_back}
ip link set lo up
# Of the tests, whose folders are not there.
unset XDG_RUNTIME_DIR
shift
exec "$@"
"""

_ENTER = 'unset XDG_RUNTIME_DIR; exec nsenter --target "$(cat {folder}/containerd.pid)" --mount --net -- "$@"'


class ColimaContainerd(containerd.Containerd):
    name = "colima-containerd"
    runtime = "colima"
    programs = containerd.PROGRAMS | lima.PROGRAMS
    order = 61
    suite = Share(("TestStatus",), "nerdctl behind ssh: a smoke set; tests/containerd has what goes through ssh")
    mount_owner = 1000  # the user of a workspace in a VM: no file sharing is between it and this host

    def unreachable(self, engine: RunningEngine) -> tuple[str, dict[str, str]]:
        return f"colima:{STOPPED}", {}

    def beside(self, engine: RunningEngine, program: str) -> str:
        script = engine.folder / "beside"
        write_program(script, f'#!/bin/sh\nexec {shlex.join(enter(engine.folder))} {program} "$@"\n')
        return str(script)

    def run(self, folder: Path) -> RunningEngine:
        home = folder / "home"
        nerdctl = containerd.program()
        configure(folder, home, nerdctl)
        socket = folder / "containerd.sock"
        if nerdctl:
            engine = ["containerd", "--config", f"{folder}/containerd.toml"]
        else:
            engine = docker.arguments(folder, socket)
        machine = Process(
            ("unshare", "--net", "--mount", "sh", "-e", "-c", machine_script(folder), "sh", str(folder), *engine),
            ready=("socket", str(socket)),
        )
        ports = Process(
            (sys.executable, "-I", forwarder.__file__, f"{folder}/containerd.pid", f"{folder}/forwarder.sock"),
            ready=("socket", f"{folder}/forwarder.sock"),
        )
        builder = (
            [containerd.buildkitd(folder, tuple(enter(folder)), namespace=buildkit_images.NAMESPACE)] if nerdctl else []
        )
        kept = Kept(
            folder,
            [machine, *builder, ports, lima.server(folder, home, enter(folder))],
            containerd.PRIVATE,
            overlaid=(*containerd.OVERLAID, "/usr/local"),
        )
        return containerd.started(
            self,
            kept,
            [*enter(folder), "nerdctl", "--namespace", containerd.NAMESPACE],
            f"unix://{home}/.colima/{PROFILE}/containerd.sock",
            {"HOME": str(home), "PATH": f"{folder}/bin:{os.environ['PATH']}"},
            way=f"stand-in of colima, {'real nerdctl' if nerdctl else 'stand-in of nerdctl'}",
            host_folder=home / "work",
        )


def machine_script(folder: Path) -> str:
    """What makes the virtual machine around the engine of ``folder``."""
    kept = [folder, *(path for path in _interpreter() if path.is_relative_to(folder.parent))]
    aside = {f"/run/kept/{number}": shlex.quote(str(path)) for number, path in enumerate(kept)}
    return _MACHINE.format(
        set_aside="\n".join(f"mkdir -p {place}; mount --rbind {path} {place}" for place, path in aside.items()),
        bring_back="\n".join(f"mkdir -p {path}; mount --move {place} {path}" for place, path in aside.items()),
    )


def _interpreter() -> list[Path]:
    """What the stand-in of nerdctl needs in there: this checkout, and its Python; none lies in another."""
    wanted = sorted({Path(__file__).parents[3], Path(sys.prefix), Path(sys.base_prefix)})
    return [path for path in wanted if not any(path != one and path.is_relative_to(one) for one in wanted)]


def enter(folder: Path) -> list[str]:
    """The words with which a program is run in the virtual machine."""
    return ["sh", "-c", _ENTER.format(folder=folder), "sh"]


def configure(folder: Path, home: Path, nerdctl: str) -> None:
    """Write Colima's home, its command, and what is in the virtual machine."""
    profiles = {PROFILE: "Running", STOPPED: "Stopped"}
    for name in profiles:
        settings = home / ".colima" / name
        settings.mkdir(parents=True)
        (settings / "colima.yaml").write_text("cpu: 2\nruntime: containerd\nmounts: []\n")
        (settings / "containerd.sock").symlink_to(folder / "containerd.sock")
    described = {
        name: {"status": status, "home": str(home), "enter": enter(folder)} for name, status in profiles.items()
    }
    (folder / "vm.json").write_text(json.dumps({"profiles": described}))
    write_program(folder / "bin" / "colima", f'#!/bin/sh\nexec {sys.executable} -I {stand_in.__file__} {folder} "$@"\n')
    programs = overlay(folder, "/usr/local") / "bin"
    write_program(programs / "sudo", _SUDO)
    if not nerdctl:
        (folder / "none.json").write_text("{}")
        write_program(programs / "nerdctl", containerd.stand_in_script(folder / "containerd.sock"))
        write_program(programs / "buildctl", buildkit_images.BUILDCTL)
        return
    containerd.configure_containerd(folder)
    (folder / "nerdctl.toml").write_text(_TOML.format(folder=folder, plugins=cni.PLUGINS))
    # Copied, since the place that they are at may not be there in the virtual machine.
    (folder / "programs").mkdir()
    shutil.copy(nerdctl, folder / "programs" / "nerdctl")
    shutil.copy(buildkit.folder() / "buildctl", folder / "programs" / "buildctl")
    write_program(programs / "nerdctl", _NERDCTL.format(folder=folder))
    write_program(programs / "buildctl", _BUILDCTL.format(folder=folder))


def write_program(path: Path, text: str) -> None:
    """A script that can be run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


KINDS = [ColimaContainerd()]

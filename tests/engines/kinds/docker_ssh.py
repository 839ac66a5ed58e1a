"""Docker Engine behind ``ssh://``: an OpenSSH server of its own on loopback, with keys made for it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from tests.engines.bridges import make_bridge
from tests.engines.docker_api import loopback_address, started
from tests.engines.keeping import Kept, Process
from tests.engines.kinds import docker
from tests.engines.registry import STREAMS, EngineKind, RunningEngine

PORT = 2222
PROGRAMS = {**docker.PROGRAMS, "docker": "docker.io", "sshd": "openssh-server", "ssh": "openssh-client"}

_SERVER = """\
ListenAddress {address}
Port {port}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/client_key.pub
PidFile none
# A test's key lies in a folder that everybody may enter.
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin prohibit-password
# Each request of a runtime may be a connection of its own, and many come at once.
MaxStartups 200
MaxSessions 200
# A home of its own: what root has bash do at its start (an sshd's shell reads ~/.bashrc) is none of the tests'.
SetEnv PATH={path} HOME={folder}/client
"""

_CLIENT = """\
IdentityFile {folder}/client_key
IdentitiesOnly yes
UserKnownHostsFile {folder}/known_hosts
GlobalKnownHostsFile none
StrictHostKeyChecking yes
"""


class DockerSsh(EngineKind):
    name = "docker-ssh"
    runtime = "docker"
    programs = PROGRAMS
    order = 14
    suite = STREAMS
    needed_variables = ("PATH",)  # its ssh knows the key

    def run(self, folder: Path) -> RunningEngine:
        address = loopback_address()
        socket = folder / "docker.sock"
        (folder / "none.json").write_text("{}")
        bridge = make_bridge()
        engine = Process((*docker.arguments(folder, socket), *docker.network(bridge)), ready=("http", str(socket)))
        kept = Kept(folder, [engine, server(folder, address)], docker.PRIVATE, bridge=bridge)
        endpoint = f"ssh://root@{address}:{PORT}{socket}"
        environment = {**docker.client_environment(folder, endpoint), "PATH": client_path(folder)}
        return started(self, kept, socket, environment, endpoint=endpoint)


def server(folder: Path, address: str) -> Process:
    """An ``sshd`` whose only user is whoever has the key in ``folder``."""
    for key in ("host_key", "client_key"):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / key)], check=True, capture_output=True
        )
    public = (folder / "host_key.pub").read_text()
    (folder / "known_hosts").write_text(f"[{address}]:{PORT} {public}")
    settings = folder / "sshd_config"
    path = f"{os.environ['PATH']}:/usr/local/sbin:/usr/sbin:/sbin"
    settings.write_text(_SERVER.format(folder=folder, address=address, port=PORT, path=path))
    daemon = shutil.which("sshd", path=path) or "/usr/sbin/sshd"
    # /run, where it wants a folder to give up its rights in, is the keeper's own.
    start = f"mkdir -p /run/sshd && exec {daemon} -D -e -f {settings}"
    return Process(("/bin/sh", "-c", start), ready=("tcp", f"{address}:{PORT}"))


def client_path(folder: Path) -> str:
    """A PATH whose ``ssh`` knows the key and the server; root's own settings for ssh stay as they are."""
    (folder / "ssh_config").write_text(_CLIENT.format(folder=folder))
    programs = folder / "bin"
    programs.mkdir()
    script = programs / "ssh"
    script.write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F {folder}/ssh_config "$@"\n')
    script.chmod(0o755)
    return f"{programs}{os.pathsep}{os.environ['PATH']}"


KINDS: list[EngineKind] = [DockerSsh()]

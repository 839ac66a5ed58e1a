"""What Lima has of a virtual machine: an OpenSSH server in it, and the one connection to it that is kept open here."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.engines.keeping import Process

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAMS = {"sshd": "openssh-server", "ssh": "openssh-client"}
HOST = "lima-colima"
LIMIT = 60.0

_SERVER = """\
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host_key
AuthorizedKeysFile {user}.pub
PidFile none
# A test's key lies in a folder that everybody may enter.
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin prohibit-password
SetEnv PATH=/usr/local/bin:/usr/bin:/bin HOME={home}
"""

# Word for word as Lima writes it.
_CLIENT = """\
Host {host}
  IdentityFile "{user}"
  StrictHostKeyChecking no
  UserKnownHostsFile /dev/null
  NoHostAuthenticationForLocalhost yes
  PreferredAuthentications publickey
  Compression no
  BatchMode yes
  IdentitiesOnly yes
  GSSAPIAuthentication no
  Ciphers "^aes128-gcm@openssh.com,aes256-gcm@openssh.com"
  User root
  ControlMaster auto
  ControlPath "{instance}/ssh.sock"
  ControlPersist yes
  Hostname 127.0.0.1
  Port {port}
"""


def instance(home: Path) -> Path:
    """Lima's folder of Colima's default profile, below a home."""
    return home / ".colima" / "_lima" / "colima"


def server(folder: Path, home: Path, enter: Sequence[str]) -> Process:
    """The server in the virtual machine, which has the same port here; Lima's files of it are written.

    Args:
        folder: the engine's.
        home: of Colima's user.
        enter: the words with which a program is run in the virtual machine.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    place, user = instance(home), instance(home).parent / "_config" / "user"
    place.mkdir(parents=True)
    user.parent.mkdir()
    for key in (folder / "host_key", user):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True, capture_output=True)
    settings = folder / "sshd_config"
    settings.write_text(_SERVER.format(port=port, folder=folder, user=user, home=home))
    (place / "ssh.config").write_text(_CLIENT.format(host=HOST, user=user, instance=place, port=port))
    daemon = shutil.which("sshd") or "/usr/sbin/sshd"
    start = f"mkdir -p /run/sshd && exec {daemon} -D -e -f {settings}"
    return Process((*enter, "/bin/sh", "-c", start), ready=("tcp", f"127.0.0.1:{port}"))


@contextmanager
def kept_connection(home: Path) -> Iterator[int]:
    """Keeps the connection open; the process that does."""
    ssh = ("ssh", "-F", str(instance(home) / "ssh.config"))
    _quietly(*ssh, "-M", "-N", "-f", HOST)
    said = subprocess.run([*ssh, "-O", "check", HOST], capture_output=True, text=True, timeout=LIMIT, check=True)
    found = re.search(r"pid=(\d+)", said.stderr)
    assert found, said
    try:
        yield int(found[1])
    finally:
        # There is none where a test has killed it; its socket is there.
        if _quietly(*ssh, "-O", "exit", HOST):
            (instance(home) / "ssh.sock").unlink(missing_ok=True)


def _quietly(*argv: str) -> int:
    """The exit code of a program that gets none of our streams, for what it leaves in the background."""
    nothing = subprocess.DEVNULL
    return subprocess.run(argv, stdin=nothing, stdout=nothing, stderr=nothing, timeout=LIMIT, check=False).returncode

"""The image that the demo builds: a static busybox on ``scratch``, so that no registry is needed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

IMAGE = "dvm-demo:latest"

_FROM_SCRATCH = """\
FROM scratch
COPY busybox /bin/busybox
RUN ["/bin/busybox", "mkdir", "-p", "/etc", "/root", "/tmp", "/workspace"]
RUN ["/bin/busybox", "--install", "-s", "/bin"]
"""

_FROM_REGISTRY = """\
FROM busybox
RUN mkdir -p /workspace
"""

_FROM_MOCK = """\
FROM mock
RUN mkdir -p /workspace
"""


def write(folder: Path, *, mock: bool) -> str:
    """Write the Dockerfile and the files that it copies into a folder; a sentence that names the base."""
    if mock:
        (folder / "Dockerfile").write_text(_FROM_MOCK)
        return "The base is the mock's own image, in memory."
    if busybox := find_busybox(folder):
        shutil.copy(busybox, folder / "busybox")
        (folder / "Dockerfile").write_text(_FROM_SCRATCH)
        return "The image holds a static busybox and nothing else; no registry is asked."
    (folder / "Dockerfile").write_text(_FROM_REGISTRY)
    return "There is no static busybox on this machine, so the base is the registry's busybox image."


def find_busybox(folder: Path) -> Path | None:
    """A static Linux busybox: this machine's own, or the one in Debian's package, which needs no installing."""
    installed = shutil.which("busybox")
    if installed and is_static(Path(installed)):
        return Path(installed)
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        return None
    for argv in (["apt-get", "-qq", "download", "busybox-static"], ["sh", "-c", "dpkg-deb -x busybox-static_*.deb ."]):
        if subprocess.run(argv, cwd=folder, capture_output=True, check=False).returncode:
            return None  # no network, or no list of packages; there is another way
    return next((path for path in (folder / "bin/busybox", folder / "usr/bin/busybox") if path.exists()), None)


def is_static(program: Path) -> bool:
    """Whether it is a Linux program that needs no library: an ELF file that names no loader."""
    beginning = program.read_bytes()[:4096]
    return beginning.startswith(b"\x7fELF") and b"/ld-" not in beginning and b"ld-musl" not in beginning

"""The image that the tests run in: the static busybox of this machine, made without a registry."""

from __future__ import annotations

import functools
import hashlib
import io
import json
import platform
import shutil
import subprocess
import tarfile
from pathlib import Path

from .http_over_socket import ask

IMAGE = "dvm-test/base:1"
OTHER_IMAGE = "dvm-test/other:1"

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
_CREATED = "2026-01-01T00:00:00Z"
_FOLDERS = {"bin": 0o755, "etc": 0o755, "root": 0o700, "tmp": 0o1777, "var": 0o755, "home": 0o755}
_FILES = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\ndev:x:1000:1000:dev:/home/dev:/bin/sh\n",
    "etc/group": "root:x:0:\ndev:x:1000:\n",
}


# Debian's busybox has no applet of that name.
_PRINTENV = """\
#!/bin/sh
eval "[ -n \\"\\${$1+set}\\" ] && printf '%s\\n' \\"\\${$1}\\""
"""


def why_not() -> str:
    """The reason why the image cannot be made here; empty when it can."""
    return "" if shutil.which("busybox") else "busybox is not installed"


def load(socket_path: str) -> None:
    """Put both images on the engine: `IMAGE`, and `OTHER_IMAGE`, which differs by one file."""
    ask(socket_path, "POST", "/images/load", saved(IMAGE), quiet="1")
    ask(socket_path, "POST", "/images/load", saved(OTHER_IMAGE, **{"etc/other": "another image\n"}), quiet="1")


def saved(name: str, **extra: str) -> bytes:
    """An image of that name as ``docker save`` writes it, which every engine can load."""
    layer = archive(**extra)
    described = json.dumps(config_of(layer)).encode()
    file = f"{hashlib.sha256(described).hexdigest()}.json"
    manifest = [{"Config": file, "RepoTags": [name], "Layers": ["layer/layer.tar"]}]
    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode="w") as tar:
        _add(tar, "layer", tarfile.DIRTYPE, 0o755)
        _add(tar, "layer/layer.tar", tarfile.REGTYPE, 0o644, layer)
        _add(tar, file, tarfile.REGTYPE, 0o644, described)
        _add(tar, "manifest.json", tarfile.REGTYPE, 0o644, json.dumps(manifest).encode())
    return output.getvalue()


def config_of(layer: bytes) -> dict[str, object]:
    """The configuration of an image with this one layer."""
    return {
        "architecture": _ARCHITECTURES.get(platform.machine(), platform.machine()),
        "os": "linux",
        "config": {"Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"], "Cmd": ["/bin/sh"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
        "created": _CREATED,
        # Without the time Podman does not know its own layers again.
        "history": [{"created": _CREATED, "created_by": "the tests of DVM"}],
    }


def archive(**extra: str) -> bytes:
    """The root file system as a tar, with these files besides."""
    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode="w") as tar:
        for path, mode in _FOLDERS.items():
            _add(tar, path, tarfile.DIRTYPE, mode)
        _add(tar, "home/dev", tarfile.DIRTYPE, 0o755, owner=1000)
        for path, text in {**_FILES, **extra}.items():
            _add(tar, path, tarfile.REGTYPE, 0o644, text.encode())
        _add(tar, "bin/printenv", tarfile.REGTYPE, 0o755, _PRINTENV.encode())
        program, applets = _busybox()
        _add(tar, "bin/busybox", tarfile.REGTYPE, 0o755, program)
        for applet in applets:
            _add(tar, f"bin/{applet}", tarfile.SYMTYPE, 0o777, link="/bin/busybox")
    return output.getvalue()


def _add(
    tar: tarfile.TarFile, path: str, kind: bytes, mode: int, data: bytes = b"", *, link: str = "", owner: int = 0
) -> None:
    member = tarfile.TarInfo(path)
    member.type, member.mode, member.size, member.linkname = kind, mode, len(data), link
    member.uid = member.gid = owner
    tar.addfile(member, io.BytesIO(data))


@functools.cache
def _busybox() -> tuple[bytes, tuple[str, ...]]:
    found = shutil.which("busybox")
    assert found is not None, why_not()
    listed = subprocess.run([found, "--list"], capture_output=True, text=True, check=True)
    return Path(found).read_bytes(), tuple(
        name for name in listed.stdout.split() if name not in ("busybox", "printenv")
    )

"""An image registry on loopback, which engines trust without TLS: Debian's ``docker-registry``."""

from __future__ import annotations

import gzip
import hashlib
import http.client
import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dvm_runtimes.testing.case import LIMIT

from . import base_image

_CONFIG = """\
version: 0.1
storage: {{filesystem: {{rootdirectory: {folder}/data}}}}
http: {{addr: "127.0.0.1:0"}}
"""
_AUTH = "auth: {{htpasswd: {{realm: tests, path: {users}}}}}\n"
_TYPES = "application/vnd.docker."
_MANIFEST = _TYPES + "distribution.manifest.v2+json"


@contextmanager
def image_registry(program: str, folder: Path, users: Path | None = None) -> Iterator[str]:
    """A registry with its files in ``folder``; its address.

    Args:
        program: the path of ``docker-registry``.
        users: the passwords of those who may use it, as ``htpasswd`` writes them; everybody without.
    """
    written = folder / "config.yml"
    written.write_text(_CONFIG.format(folder=folder) + (_AUTH.format(users=users) if users else ""))
    process = subprocess.Popen(
        [program, "serve", str(written)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if "listening on" in line:
            break
    # Nobody else reads what it goes on to write.
    drain = threading.Thread(target=process.stdout.read)
    drain.start()
    try:
        assert said, "the registry did not start"
        assert "listening on" in said[-1], "the registry did not start: " + "".join(said)
        port = said[-1].partition("listening on 127.0.0.1:")[2].split('"')[0].split(",")[0]
        yield f"127.0.0.1:{int(port)}"
    finally:
        process.terminate()
        process.wait(LIMIT)
        drain.join(LIMIT)
        process.stdout.close()


def put_image(address: str, name: str, tag: str) -> str:
    """Put an image of the tests' own there, which differs from those on the engines; its whole name."""
    layer = base_image.archive(**{"etc/pulled": f"{name}:{tag}\n"})
    config = json.dumps(base_image.config_of(layer)).encode()
    packed = gzip.compress(layer, compresslevel=1, mtime=0)
    manifest = {
        "schemaVersion": 2,
        "mediaType": _MANIFEST,
        "config": _uploaded(address, name, config, "container.image.v1+json"),
        "layers": [_uploaded(address, name, packed, "image.rootfs.diff.tar.gzip")],
    }
    _ask(address, "PUT", f"/v2/{name}/manifests/{tag}", json.dumps(manifest).encode(), _MANIFEST)
    return f"{address}/{name}:{tag}"


def _uploaded(address: str, name: str, blob: bytes, kind: str) -> dict[str, object]:
    digest = f"sha256:{hashlib.sha256(blob).hexdigest()}"
    place = _ask(address, "POST", f"/v2/{name}/blobs/uploads/", b"")
    _, _, path = place.partition(address)
    _ask(address, "PUT", f"{path}&digest={digest}", blob)
    return {"mediaType": _TYPES + kind, "size": len(blob), "digest": digest}


def _ask(address: str, method: str, path: str, body: bytes, kind: str = "application/octet-stream") -> str:
    """One request; where its answer says to go on."""
    connection = http.client.HTTPConnection(address, timeout=LIMIT)
    try:
        connection.request(method, path, body, {"Content-Type": kind})
        answer = connection.getresponse()
        text = answer.read()
    finally:
        connection.close()
    assert answer.status < 300, f"{method} {path}: {answer.status} {text!r}"
    return answer.getheader("Location", "")

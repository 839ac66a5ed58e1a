"""Removes what a dead process left on an engine: paths of the API, and a command for engines behind TLS or ssh.

    python -m dvm_runtimes.engines.docker_api.remove_orphan ENDPOINT KIND NAME

ENDPOINT is what `as_text` gives. It succeeds when there is no such thing.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dvm_runtimes.engines.http.endpoint import Endpoint, Tls

PATHS = {
    "container": "/containers/{name}?force=1&v=1",
    "volume": "/volumes/{name}",
    "network": "/networks/{name}",
    "image": "/images/{name}?force=1",
}
"""What is deleted; a container goes with its anonymous volumes."""

LOOK = "/containers/{name}/json"
"""A path that exists once a container has been made. Podman 4 applies a DELETE during the creation to the files on its
disk, and is left with a container that it can neither list nor leave out of its lists."""

LIMIT = 30.0


def removal(endpoint: Endpoint) -> Mapping[str, Any]:
    """See `Engine.removal`."""
    if endpoint.scheme == "unix":
        return {"socket": endpoint.path, "look": LOOK, **PATHS}
    text = as_text(endpoint)
    return {kind: [sys.executable, "-m", __name__, text, kind, "{name}"] for kind in PATHS}


def as_text(endpoint: Endpoint) -> str:
    """All of an endpoint, as one word of a command; it holds no secrets, only the paths of files that do."""
    return json.dumps({**endpoint._asdict(), "tls": endpoint.tls and endpoint.tls._asdict()}, default=os.fspath)


def from_text(text: str) -> Endpoint:
    """What `as_text` was given.

    >>> from_text(as_text(Endpoint.parse("tcp://10.0.0.7"))).port
    2375
    """
    data = json.loads(text)
    tls = data.pop("tls")
    if tls is not None:
        files = {key: None if tls[key] is None else Path(tls[key]) for key in ("ca", "cert", "key")}
        tls = Tls(**files, verify=tls["verify"], server_name=tls.get("server_name", ""))
    return Endpoint(**{**data, "ssh_options": tuple(data["ssh_options"]), "tls": tls})


def remove(endpoint: Endpoint, kind: str, name: str) -> bool:
    """Remove one thing; whether it is certainly gone."""
    from dvm_runtimes.engines.http.api_error import ApiError
    from dvm_runtimes.operation import Operation

    from .api import DockerApi
    from .profile import DockerProfile

    api = DockerApi(endpoint, DockerProfile())
    try:
        with Operation("remove", timeout=LIMIT) as op, api.calling(op):
            api.client.call("DELETE", PATHS[kind].replace("{name}", name))
    except ApiError as error:
        return error.status == 404
    finally:
        api.close()
    return True


if __name__ == "__main__":
    sys.exit(0 if remove(from_text(sys.argv[1]), *sys.argv[2:4]) else 1)

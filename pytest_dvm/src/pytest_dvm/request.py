"""The workspace that a test requests: markers and keyword arguments as options."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from dvm_runtimes.errors import InvalidOptionError
from dvm_runtimes.options import BuildOptions, Mount, Port, StartOptions
from dvm_runtimes.user.home import expand_home

from .settings import Settings

SHORT = {"image": "image_name", "network": "network_mode"}
"""Keywords with a shorter name than in `StartOptions`."""
_OURS = ("container_name", "workspace_name", "owner", "ttl", "on_drift")
_MAPPINGS = ("env", "files", "labels", "extra_hosts")
_BUILD_PATHS = ("app_path", "build_context", "dockerfile")
_LISTS = ("mounts", "ports", "cap_add", "security_opt")
_PLACEHOLDER = "image-to-be-built"
KEYWORDS = frozenset(
    {
        "build",
        "files",
        "keep_volumes",
        *SHORT,
        *(one.name for one in dataclasses.fields(StartOptions) if one.name not in _OURS),
    }
)


class WorkspaceRequest(NamedTuple):
    """A kind of workspace.

    Attributes:
        options: the start options; names are set later.
        build: the build of its image; None if it has an image.
        files: path inside to content, or to a file or folder of this machine.
        keep_volumes: named volumes keep their names and outlive the run, instead of being the workspace's own.
        key: equal for equal requests, in every process of a run.
    """

    options: StartOptions
    build: BuildOptions | None = None
    files: Mapping[str, bytes | Path] = MappingProxyType({})
    keep_volumes: bool = False
    key: str = ""

    @property
    def alone(self) -> bool:
        """Whether two of them cannot exist at the same time."""
        return any(port.host is not None for port in self.options.ports)

    @property
    def resettable(self) -> bool:
        """Whether its whole state is in its files and processes, so that it can be reset.

        False with a main process of the user's, with mounts and networks, and with additional rights.
        """
        options = self.options
        return (
            options.command is None
            and options.entrypoint is None
            and options.app_path is None
            and not options.mounts
            and not options.network_mode
            and not options.cap_add
            and not options.security_opt
            and not options.privileged
            and not options.ssh_agent_forwarding
            and not options.git_credentials
        )


def merge(keywords: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Merge keywords, the nearest first: the nearest wins; env and files are merged.

    >>> merge([{"env": {"A": "1"}}, {"image": "debian:12", "env": {"A": "0", "B": "2"}}])
    {'image': 'debian:12', 'env': {'A': '1', 'B': '2'}}
    """
    merged: dict[str, Any] = {}
    for one in reversed(list(keywords)):
        for name, value in one.items():
            joined = name in ("env", "files") and isinstance(value, Mapping) and isinstance(merged.get(name), Mapping)
            merged[name] = {**merged[name], **value} if joined else value
    return merged


def parse_request(keywords: Mapping[str, Any], settings: Settings, folder: Path) -> WorkspaceRequest:
    """Parse the keywords of a marker or of ``dvm_workspace_factory``.

    Args:
        keywords: the keywords.
        settings: the settings of the run, with the default image.
        folder: where relative paths start.

    Raises:
        InvalidOptionError: an unknown keyword or an invalid value.
    """
    given = dict(keywords)
    for name, value in given.items():
        if name not in KEYWORDS:
            raise InvalidOptionError("mark.dvm", name, f"unknown keyword; there are {', '.join(sorted(KEYWORDS))}")
        if name in _MAPPINGS and not isinstance(value, Mapping | None):
            raise InvalidOptionError(name, value, "must be a dict")
        if name in _LISTS and (isinstance(value, str) or not isinstance(value, Iterable | None)):
            raise InvalidOptionError(name, value, "must be a list")
    for name in ("app_path", "env_file"):
        if given.get(name) is not None:
            given[name] = folder / expand_home(os.fspath(given[name]), name)
    build = _build(given.pop("build", None), folder)
    files = _files(given.pop("files", None) or {}, folder)
    keep_volumes = given.pop("keep_volumes", False)
    if not isinstance(keep_volumes, bool):
        raise InvalidOptionError("keep_volumes", keep_volumes, "must be True or False")
    for short, long in SHORT.items():
        if short in given:
            given[long] = given.pop(short)
    given.setdefault("image_name", settings.image)
    if build is not None:
        given["image_name"] = _PLACEHOLDER
    if not given["image_name"]:
        raise InvalidOptionError(
            "image",
            "",
            "the workspace needs an image",
            hint='Write @pytest.mark.dvm(image="debian:12"), or set dvm_image or --dvm-image.',
        )
    given["ports"] = tuple(port if isinstance(port, Port) else Port(port) for port in given.get("ports") or ())
    given["mounts"] = tuple(_mount(mount, folder) for mount in given.get("mounts") or ())
    options = StartOptions(container_name="dvm-test", **given)
    return WorkspaceRequest(
        options, build, files, keep_volumes, _key({**given, "keep_volumes": keep_volumes}, build, files)
    )


def _build(build: object, folder: Path) -> BuildOptions | None:
    if build is None:
        return None
    if isinstance(build, str | os.PathLike):
        return BuildOptions(image_name=_PLACEHOLDER, app_path=folder / expand_home(os.fspath(build), "build"))
    if isinstance(build, BuildOptions):
        build = {one.name: getattr(build, one.name) for one in dataclasses.fields(build)}
    if isinstance(build, Mapping):
        unknown = build.keys() - {one.name for one in dataclasses.fields(BuildOptions)}
        if unknown:
            raise InvalidOptionError("build", min(unknown), "is no field of BuildOptions")
        paths = {key: folder / build[key] for key in _BUILD_PATHS if build.get(key) is not None}
        secrets = {key: folder / path for key, path in (build.get("secrets") or {}).items()}
        return BuildOptions(**{"image_name": _PLACEHOLDER, **build, **paths, "secrets": secrets})
    raise InvalidOptionError("build", build, "give a folder, BuildOptions, or a dict of their fields")


def _files(files: Mapping[str, Any], folder: Path) -> dict[str, bytes | Path]:
    found: dict[str, bytes | Path] = {}
    for place, content in files.items():
        if not place.startswith("/") or place.endswith("/"):
            raise InvalidOptionError("files", place, "must be an absolute path in the workspace")
        if isinstance(content, str):
            found[place] = content.encode()
        elif isinstance(content, bytes):
            found[place] = content
        elif isinstance(content, os.PathLike):
            source = folder / expand_home(os.fspath(content), "files")
            if not source.exists():
                raise InvalidOptionError(f"files[{place!r}]", str(source), "there is no such file or folder")
            found[place] = source
        else:
            raise InvalidOptionError(f"files[{place!r}]", type(content).__name__, "give str, bytes or a Path")
    return found


def _mount(mount: object, folder: Path) -> Mount:
    if isinstance(mount, Mount):
        return dataclasses.replace(mount, source=str(folder / mount.source)) if mount.type == "bind" else mount
    if not isinstance(mount, str):
        raise InvalidOptionError("mounts", mount, 'give a Mount, or "source:/destination[:ro]"')
    source, colon, rest = mount.partition(":")
    destination, _, mode = rest.partition(":")
    if not colon or mode not in ("", "ro", "rw"):
        raise InvalidOptionError("mounts", mount, 'write it as "source:/destination" or "source:/destination:ro"')
    named = "/" not in source and not source.startswith(".")
    place = source if named else os.fspath(folder / expand_home(source, "mounts"))
    return Mount(place, destination, "volume" if named else "bind", read_only=mode == "ro")


def _key(given: Mapping[str, Any], build: BuildOptions | None, files: Mapping[str, bytes | Path]) -> str:
    parts: list[Any] = [sorted((name, _plain(value)) for name, value in given.items()), repr(build), _plain(files)]
    if build is not None:
        parts.append(_plain(build.build_args))
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return sorted((key, _plain(item)) for key, item in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_plain(item) for item in value]
    return value

"""Between camelCase JSON and the options and infos of `dvm_runtimes`. Pure: no engine, no files.

Wrong JSON raises `InvalidOptionError` with the member's JSON name. Values of mappings are never quoted: they may be
secrets.
"""

from __future__ import annotations

import dataclasses
import functools
import os
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from dvm_runtimes.errors import InvalidOptionError

if typing.TYPE_CHECKING:
    from dvm_runtimes.infos import ImageInfo, Platform, StopAllResult, WorkspaceInfo
    from dvm_runtimes.user.context import Context
    from dvm_runtimes.waiting import WaitStrategy

Options = TypeVar("Options")
PathResolver = Callable[[str, str], str]
"""Makes a path absolute; the second argument is the member, for errors."""


def unchanged(path: str, _field: str) -> str:
    """The path as it is."""
    return path


_PATHS = {
    "StartOptions": ("app_path", "env_file"),
    "BuildOptions": ("app_path", "dockerfile", "build_context"),
}


def camel(name: str) -> str:
    """A Python name in camelCase.

    >>> camel("exit_code")
    'exitCode'
    """
    first, *rest = name.split("_")
    return first + "".join(word[:1].upper() + word[1:] for word in rest)


def camel_field(field: str) -> str:
    """The path of a member in camelCase; keys in brackets are unchanged.

    >>> camel_field("mounts[0].read_only")
    'mounts[0].readOnly'
    """
    path, bracket, rest = field.partition("[")
    after, closing, tail = rest.partition("]")
    named = ".".join(camel(part) for part in path.split("."))
    return named + bracket + after + closing + (camel_field(tail) if tail else "")


# From JSON


def members(cls: type) -> list[str]:
    """The JSON members of an options class.

    >>> from dvm_runtimes.options import Mount
    >>> members(Mount)
    ['source', 'destination', 'type', 'readOnly']
    """
    return list(_schema(cls))


def decode(cls: type[Options], data: Mapping[str, Any], path: PathResolver = unchanged, prefix: str = "") -> Options:
    """Decode options.

    Args:
        cls: a dataclass of `dvm_runtimes.options`.
        data: a JSON object; null members count as left out.
        path: makes the paths in it absolute.
        prefix: the path of the object itself, for errors.

    Raises:
        InvalidOptionError: with the member and the problem.

    >>> from dvm_runtimes.options import Port
    >>> decode(Port, {"container": 80, "hostIp": "::1"}).host_ip
    '::1'
    """
    schema: dict[str, tuple[str, Any]] = _schema(typing.cast(Any, cls))
    values: dict[str, Any] = {}
    for key, value in data.items():
        if key not in schema:
            raise unknown_member(prefix + key, key, schema)
        name, hint = schema[key]
        if value is not None:
            values[name] = _value(hint, value, prefix + key, path)
    for name in _PATHS.get(cls.__name__, ()):
        if values.get(name):
            values[name] = path(values[name], prefix + camel(name))
    if cls.__name__ == "Mount" and values.get("type", "bind") == "bind" and values.get("source"):
        values["source"] = path(values["source"], f"{prefix}source")
    if cls.__name__ == "BuildOptions" and "secrets" in values:
        values["secrets"] = {key: path(value, f"secrets[{key!r}]") for key, value in values["secrets"].items()}
    for key, (name, _) in schema.items():
        if name not in values and _is_required(typing.cast(Any, cls), name):
            raise InvalidOptionError(prefix + key, None, "is required")
    try:
        return cls(**values)
    except InvalidOptionError as error:
        raise rename_field(error, prefix) from None
    except TypeError:
        # A value of a type that the option's own checks do not expect.
        raise InvalidOptionError(prefix.rstrip(".") or cls.__name__, "...", "has a member of a wrong type") from None


def rename_field(error: InvalidOptionError, prefix: str = "") -> InvalidOptionError:
    """The same error with the member's JSON name."""
    # Errors of Mount and Port have fields like "mounts.source"; the prefix has the index.
    field = error.field.partition(".")[2] or error.field if prefix else error.field
    return InvalidOptionError(
        prefix + camel_field(field), error.value, error.problem, hint=error.hint, operation=error.operation
    )


def unknown_member(field: str, key: str, known: typing.Iterable[str]) -> InvalidOptionError:
    """The error for an unknown member."""
    import difflib

    close = difflib.get_close_matches(key, known, 1)
    maybe = f"; did you mean {close[0]!r}?" if close else ""
    return InvalidOptionError(field[:200], "...", f"is not a member of the argument{maybe}")


@functools.cache
def _schema(cls: Any) -> dict[str, tuple[str, Any]]:
    """JSON name to the field's name and type, without callbacks."""
    from dvm_runtimes.waiting import WaitStrategy

    hints = typing.get_type_hints(cls, localns={"WaitStrategy": WaitStrategy})
    schema = {}
    for field in dataclasses.fields(cls):
        hint = hints[field.name]
        if not any(typing.get_origin(part) is Callable for part in _parts(hint)):
            schema[camel(field.name)] = (field.name, hint)
    return schema


def _parts(hint: Any) -> tuple[Any, ...]:
    return typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)


@functools.cache
def _is_required(cls: Any, name: str) -> bool:
    field = next(field for field in dataclasses.fields(cls) if field.name == name)
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _value(hint: Any, value: Any, field: str, path: PathResolver) -> Any:
    problem = ""
    for part in _parts(hint):
        if part is type(None):
            continue
        origin = typing.get_origin(part)
        if part is str or part is os.PathLike or origin is os.PathLike or origin is typing.Literal:
            if isinstance(value, str):
                return value
            problem = problem or "must be a string"
        elif part is bool:
            if isinstance(value, bool):
                return value
            problem = problem or "must be true or false"
        elif part is int:
            if type(value) is int:
                return value
            problem = "must be a string or a whole number" if problem else "must be a whole number"
        elif part is float:
            if type(value) in (int, float):
                return value
            problem = problem or "must be a number"
        elif origin is not None and issubclass(origin, Mapping):
            return _mapping(typing.get_args(part)[1], value, field, path)
        elif origin is not None and issubclass(origin, Sequence):
            return _sequence(typing.get_args(part)[0], value, field, path)
        elif dataclasses.is_dataclass(part):
            if isinstance(value, dict):
                return decode(typing.cast(type, part), value, path, f"{field}.")
            problem = "must be an object"
        else:
            return _wait_strategy(value, field)
    raise InvalidOptionError(field, value, problem)


def _sequence(hint: Any, value: Any, field: str, path: PathResolver) -> list[Any]:
    if not isinstance(value, list):
        raise InvalidOptionError(field, value, "must be an array")
    return [_value(hint, one, f"{field}[{index}]", path) for index, one in enumerate(value)]


def _mapping(hint: Any, value: Any, field: str, path: PathResolver) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidOptionError(field, "...", "must be an object")
    for key, one in value.items():
        if not isinstance(one, str):
            raise InvalidOptionError(f"{field}[{key[:100]!r}]", "...", "must be a string")
    return dict(value)


def _wait_strategy(value: Any, field: str) -> WaitStrategy:
    from dvm_runtimes import waiting

    kinds: dict[str, type[WaitStrategy]] = {
        "running": waiting.Running,
        "log": waiting.LogLine,
        "tcp": waiting.TcpPort,
        "http": waiting.Http,
        "healthy": waiting.HealthCheck,
        "command": waiting.Command,
    }
    kind = value.get("type") if isinstance(value, dict) else None
    if not isinstance(kind, str) or kind not in kinds:
        wrong = kind if isinstance(value, dict) else value
        raise InvalidOptionError(f"{field}.type", wrong, "must be one of " + ", ".join(kinds))
    return decode(kinds[kind], {key: one for key, one in value.items() if key != "type"}, prefix=f"{field}.")


# To JSON


def workspace(info: WorkspaceInfo) -> dict[str, Any]:
    """A workspace as JSON."""
    return {
        "id": info.id,
        "name": info.name,
        "status": str(info.status),
        "image": info.image,
        "app": info.app,
        "workspace": info.workspace,
        "ecosystem": info.ecosystem,
        "domain": info.domain,
        "system": info.system,
        "folder": info.folder,
        "labels": dict(info.labels),
        "runtime": info.runtime,
        "created": info.created,
        "started": info.started,
        "exitCode": info.exit_code,
        "ports": {key: {"host": port.host, "port": port.port} for key, port in info.ports.items()},
    }


def workspaces(infos: Sequence[WorkspaceInfo]) -> list[dict[str, Any]]:
    """Workspaces, by name."""
    return [workspace(info) for info in infos]


def workspace_or_null(info: WorkspaceInfo | None) -> dict[str, Any] | None:
    """A workspace, or null."""
    return None if info is None else workspace(info)


def image(info: ImageInfo) -> dict[str, Any]:
    """An image as JSON, without its environment, which may contain secrets."""
    return {
        "id": info.id,
        "tags": list(info.tags),
        "size": info.size,
        "created": info.created,
        "labels": dict(info.labels),
        "entrypoint": list(info.entrypoint),
        "command": list(info.command),
        "user": info.user,
        "workingDir": info.working_dir,
    }


def platforms(infos: Sequence[Platform]) -> list[dict[str, Any]]:
    """Platforms, in the order of ``auto``."""
    return [{camel(key): value for key, value in info.to_dict().items()} for info in infos]


def to_dict(value: Context | StopAllResult) -> dict[str, Any]:
    """Data whose keys are the same in JSON."""
    return dict(value.to_dict())


def deep_camel(value: Any) -> Any:
    """Data with every key in camelCase; not for data with keys of the user's."""
    if isinstance(value, Mapping):
        return {camel(str(key)): deep_camel(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [deep_camel(one) for one in value]
    return value

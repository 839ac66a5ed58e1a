"""The JSON object that is the argument of a command."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

from dvm_runtimes.errors import InvalidOptionError
from dvm_runtimes.validation.text import is_unicode

from . import json_codec

Options = TypeVar("Options")


class Arguments:
    """Takes the members of an argument one by one; `done` refuses those that are left.

    Args:
        value: what the client sent; None counts as ``{}``.
        folder: the client's folder, the base of relative paths; None when it has none open.

    Raises:
        InvalidOptionError: it is not an object, or holds text that UTF-8 cannot encode.
    """

    def __init__(self, value: Any, folder: str | None = None) -> None:
        if value is None:
            value = {}
        if not isinstance(value, dict):
            raise InvalidOptionError("arguments[0]", value, "must be an object")
        self._given: dict[str, Any] = {key: one for key, one in value.items() if one is not None}
        for key, one in self._given.items():
            if not _is_unicode([key, one]):
                field = key if is_unicode(key) else "arguments[0]"
                raise InvalidOptionError(field, "...", "contains a lone surrogate")
        self._left = dict(self._given)
        self._known: list[str] = []
        self._own_folder = folder

    def __contains__(self, name: str) -> bool:
        return name in self._given

    def text(self, name: str, default: str = "") -> str:
        """A string."""
        value = self._take(name, default)
        if not isinstance(value, str):
            raise InvalidOptionError(name, value, "must be a string")
        return value

    def flag(self, name: str) -> bool:
        """A boolean; false when left out."""
        value = self._take(name, False)
        if not isinstance(value, bool):
            raise InvalidOptionError(name, value, "must be true or false")
        return value

    def number(self, name: str, default: float | None, *, floor: float = 0) -> float | None:
        """A number, not below ``floor``."""
        value = self._take(name, default)
        if value is not None and (type(value) not in (int, float) or not floor <= value < 1e15):
            raise InvalidOptionError(name, value, f"must be a number, {floor:g} or more")
        return value  # type: ignore[no-any-return]

    def count(self, name: str) -> int | None:
        """A whole number, 0 or more; None when left out."""
        value = self._take(name, None)
        if value is not None and (type(value) is not int or not 0 <= value < 2**53):
            raise InvalidOptionError(name, value, "must be a whole number, 0 or more")
        return value

    def argv(self, name: str) -> list[str]:
        """A command line: an array of strings, at least one."""
        value = self._take(name, None)
        if not isinstance(value, list) or not value:
            raise InvalidOptionError(name, value, 'must be an array of strings, such as ["make", "test"]')
        for argument in value:
            if not isinstance(argument, str) or "\0" in argument:
                raise InvalidOptionError(name, argument, "every argument must be a string without NUL")
        return value

    def timeout(self) -> float | None:
        """``timeout`` in seconds; None when left out."""
        return self.number("timeout", None, floor=0.001)

    @property
    def members(self) -> frozenset[str]:
        """The names of all members that were given."""
        return frozenset(self._given)

    @property
    def folder(self) -> str | None:
        """The absolute path of the member ``folder``, a path or a ``file:`` URI; else the client's folder."""
        given = self.text("folder")
        return self._absolute(given, "folder") if given else self._own_folder

    def options(self, cls: type[Options], **defaults: Any) -> Options:
        """All members that are left, as options; ``defaults`` by JSON names."""
        left, self._left = self._left, {}
        merged = {**defaults, **left}
        for key in merged:
            if key not in json_codec.members(cls):
                raise json_codec.unknown_member(key, key, [*json_codec.members(cls), *self._known])
        return json_codec.decode(cls, merged, self._absolute)

    def some(self, cls: type[Options], names: Iterable[str], **defaults: Any) -> Options:
        """The members of these JSON names, as options."""
        taken = {name: value for name in names if (value := self._take(name, None)) is not None}
        return json_codec.decode(cls, {**defaults, **taken}, self._absolute)

    def done(self) -> None:
        """Check that every member was taken.

        Raises:
            InvalidOptionError: the command does not know a member.
        """
        for key in self._left:
            raise json_codec.unknown_member(key, key, self._known)

    def _absolute(self, path: str, field: str) -> str:
        return absolute(path, field, self._own_folder)

    def _take(self, name: str, default: Any) -> Any:
        self._known.append(name)
        self._left.pop(name, None)
        return self._given.get(name, default)


def absolute(path: str, field: str, base: str | None) -> str:
    """The absolute path of a path or a ``file:`` URI.

    Args:
        path: what the client sent; ``~`` is expanded.
        field: the member, for errors.
        base: the folder for relative paths; None refuses them.

    Raises:
        InvalidOptionError: a URI of another scheme, or a relative path without a base.

    >>> absolute("file:///srv/my%20app", "folder", None)
    '/srv/my app'
    """
    if "\0" in path:
        raise InvalidOptionError(field, path, "contains a NUL character")
    if path.startswith("file:"):
        path = unquote(urlsplit(path).path)
    elif "://" in path:
        raise InvalidOptionError(field, path, "must be a path of this machine or a file: URI")
    try:
        whole = Path(path).expanduser()
    except RuntimeError:
        raise InvalidOptionError(field, path, "has no such home folder") from None
    if not whole.is_absolute():
        if base is None:
            raise InvalidOptionError(field, path, "is relative, and the editor has no folder open")
        whole = Path(base) / whole
    return str(whole)


def _is_unicode(value: Any) -> bool:
    r"""Whether UTF-8 can encode all its text; JSON also has lone surrogates, as in ``"\ud800"``."""
    if isinstance(value, dict):
        return all(_is_unicode(part) for pair in value.items() for part in pair)
    if isinstance(value, list):
        return all(_is_unicode(one) for one in value)
    return not isinstance(value, str) or is_unicode(value)

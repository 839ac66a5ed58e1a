"""Checks of single fields of options, and how a frozen option normalises its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from dvm_runtimes.errors import InvalidOptionError

from .text import is_text

EMPTY: Mapping[str, str] = MappingProxyType({})


def set_field(instance: object, name: str, value: object) -> None:
    object.__setattr__(instance, name, value)


def check_choice(field_name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise InvalidOptionError(field_name, value, "must be one of " + ", ".join(choices))


def check_words(field_name: str, value: Sequence[str]) -> tuple[str, ...]:
    """A command as a tuple of words; a plain string is refused, since no shell splits it.

    Raises:
        InvalidOptionError: naming the field.
    """
    if isinstance(value, str | bytes):
        raise InvalidOptionError(field_name, value, 'give a list of words, such as ["sh", "-c", "make test"]')
    words = tuple(value)
    for word in words:
        if not is_text(word):
            raise InvalidOptionError(field_name, word, "every word must be a string of valid Unicode without NUL")
    return words


def optional_words(field_name: str, value: Sequence[str] | None) -> tuple[str, ...] | None:
    return None if value is None else check_words(field_name, value)


def check_one_word(field_name: str, value: str) -> None:
    if not isinstance(value, str) or not value.isprintable() or " " in value:
        raise InvalidOptionError(field_name, value, "must be one word")


def check_container_path(field_name: str, value: str) -> str:
    if not is_text(value) or not value.startswith("/") or "\n" in value:
        raise InvalidOptionError(field_name, value, "must be an absolute path in the container")
    if len(value) > 4096:
        raise InvalidOptionError(field_name, value, "longer than 4096 characters")
    return value


def check_user_number(field_name: str, value: int | None) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**31:
        raise InvalidOptionError(field_name, value, "must be a whole number from 0 to 2147483647")


def check_instances(name: str, values: Sequence[Any], kind: type) -> tuple[Any, ...]:
    for index, value in enumerate(values):
        if not isinstance(value, kind):
            raise InvalidOptionError(f"{name}[{index}]", value, f"must be a {kind.__name__}")
    return tuple(values)

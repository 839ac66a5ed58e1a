"""Which text reaches a process word for word, on every engine."""

from __future__ import annotations


def is_text(value: object) -> bool:
    r"""Whether ``value`` is a string that can be passed on unchanged: no NUL, and nothing that UTF-8 cannot hold.

    JSON carries half of a surrogate pair, and Python makes such halves of bytes that are no UTF-8; an engine would
    put something else in their place.

    >>> is_text("tést\n"), is_text("a\0b"), is_text("\udcff"), is_text(7)
    (True, False, False, False)
    """
    return isinstance(value, str) and "\0" not in value and is_unicode(value)


def is_unicode(text: str) -> bool:
    r"""Whether UTF-8 has bytes for it.

    >>> is_unicode("tést"), is_unicode("\ud800")
    (True, False)
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True

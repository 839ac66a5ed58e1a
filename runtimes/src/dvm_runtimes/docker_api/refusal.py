"""An engine's no: a status, and its own sentence."""

from __future__ import annotations

import json


class RefusedError(Exception):
    """The engine answered that it will not, or cannot.

    Args:
        status: of HTTP, 400 or more.
        words: the engine's sentence.
    """

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status
        self.words = words


def words_in(body: bytes) -> str:
    """The sentence in the body of a refusal.

    >>> words_in(b'{"message": "no such container: db"}')
    'no such container: db'
    """
    text = body.decode(errors="replace").strip()
    try:
        # Cut where it was not read to its end, or as it came: what lies around the object is left out.
        return str(json.loads(text[text.find("{") : text.rfind("}") + 1])["message"])
    except (ValueError, KeyError, TypeError):
        return text

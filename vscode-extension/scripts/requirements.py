"""Prints the part of constraints.txt that the server needs, hashes included.

What it needs is read from the metadata of the installed packages, so that a
new dependency is in the extension without anybody thinking of it.
"""

from __future__ import annotations

import re
from importlib.metadata import requires
from pathlib import Path

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

OURS = {"dvm-runtimes", "dvm-server"}


def needed() -> set[str]:
    """The packages that a server on any platform imports, without our own."""
    # Linux and macOS alike; extras are the user's own affair.
    environment = {**default_environment(), "extra": "", "python_version": "3.11", "python_full_version": "3.11.0"}
    found: set[str] = set()
    waiting = [*OURS]
    while waiting:
        name = waiting.pop()
        for line in requires(name) or ():
            requirement = Requirement(line)
            other = canonicalize_name(requirement.name)
            if (requirement.marker is None or requirement.marker.evaluate(environment)) and other not in found | OURS:
                found.add(other)
                waiting.append(other)
    return found


def pinned(constraints: str) -> dict[str, str]:
    """Each package of constraints.txt with its whole entry."""
    entries = re.split(r"\n(?=[A-Za-z0-9])", constraints)
    return {canonicalize_name(re.split(r"[=\s;\[]", entry, maxsplit=1)[0]): entry for entry in entries}


if __name__ == "__main__":
    pins = pinned((Path(__file__).parents[2] / "constraints.txt").read_text(encoding="utf-8"))
    print("\n".join(pins[name].rstrip() for name in sorted(needed())))

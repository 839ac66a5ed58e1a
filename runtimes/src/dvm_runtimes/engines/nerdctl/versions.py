"""Which nerdctl and which containerd answer, and whether they are new enough."""

from __future__ import annotations

import re

from dvm_runtimes.errors import UnsupportedError

from .profile import NerdctlProfile
from .records import objects

OLDEST = (1, 7)
"""The oldest nerdctl that is known to work."""


def check_version(answer: str, profile: NerdctlProfile, operation: str) -> str:
    """The versions in the answer to ``nerdctl version --format '{{json .}}'``, for people.

    Raises:
        UnsupportedError: nerdctl is older than 1.7.
    """
    found = next(iter(objects(answer)), {})
    client = str((found.get("Client") or {}).get("Version") or "").removeprefix("v")
    numbers = re.match(r"(\d+)\.(\d+)", client)
    if numbers and (int(numbers[1]), int(numbers[2])) < OLDEST:
        raise UnsupportedError(
            f"nerdctl {client} is too old for {profile.platform_name}",
            hint=profile.hints.upgrade,
            platform=profile.platform_name,
            operation=operation,
        )
    parts = {part.get("Name"): part.get("Version") for part in (found.get("Server") or {}).get("Components") or ()}
    return f"containerd {parts.get('containerd') or 'unknown'}, nerdctl {client or 'unknown'}"

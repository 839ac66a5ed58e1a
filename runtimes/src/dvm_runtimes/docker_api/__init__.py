"""Every engine that speaks the Docker API, local or remote.

What is imported here stays light: platform detection uses `endpoint`,
`profile`, `ping` and `unreachable`, which need the standard library alone.
The Docker SDK is loaded by `engine`, that is, when a runtime is created.
"""

from __future__ import annotations

from .endpoint import Endpoint, Tls
from .profile import DockerProfile, Hints

__all__ = ["DockerProfile", "Endpoint", "Hints", "Tls"]

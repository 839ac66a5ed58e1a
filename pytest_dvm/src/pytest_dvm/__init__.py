"""Container workspaces as pytest fixtures, on every engine.

Nothing of this has to be imported to use the fixtures; the names are here for
type annotations, and are loaded when they are first used.
"""

from __future__ import annotations

__version__ = "0.1.0"

"""What callers ask for: frozen options, checked when they are made.

A value that no engine could take raises `InvalidOptionError` here, before any engine is called. What needs a look at
this machine's files (mount sources, env files) is checked when the option is used, still before any engine is called.
"""

from __future__ import annotations

from .build import BuildOptions
from .session import AttachOptions, ExecOptions
from .start import StartOptions
from .values import Mount, Port

__all__ = ["AttachOptions", "BuildOptions", "ExecOptions", "Mount", "Port", "StartOptions"]

"""``dvm.context.get`` and ``dvm.context.set``: this user's active app and workspace."""

from __future__ import annotations

from dvm_runtimes.user.context import Context, load_context, update_context
from dvm_server.arguments import Arguments

from .call import Call


def get_context(_call: Call, _request: None) -> Context:
    """The context."""
    return load_context()


def parse_context(arguments: Arguments) -> dict[str, str]:
    """The members ``app`` and ``workspace``; empty text clears one, what is left out stays as it is."""
    return {name: arguments.text(name) for name in ("app", "workspace") if name in arguments}


def set_context(_call: Call, changes: dict[str, str]) -> Context:
    """Change the context; the context afterwards."""
    return update_context(app=changes.get("app"), workspace=changes.get("workspace"))

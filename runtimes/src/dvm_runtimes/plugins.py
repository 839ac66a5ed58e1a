"""The platforms that DVM can drive: those of `dvm_runtimes.platforms`, and those of other packages.

Another package registers its own through an entry point of the group
``dvm_runtimes``, here in its ``pyproject.toml``:

.. code-block:: toml

    [project.entry-points.dvm_runtimes]
    acme = "acme_dvm.hooks"

The module has one hook:

.. code-block:: python

    from dvm_runtimes.plugins import hookimpl


    @hookimpl
    def dvm_platforms():
        return [AcmeProvider()]
"""

from __future__ import annotations

import importlib
import pkgutil
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from dvm_runtimes.discovery.provider import NEVER, Machine, PlatformProvider, Probe

from . import platforms

if TYPE_CHECKING:
    from importlib import metadata

    import pluggy

__all__ = [
    "NEVER",
    "BrokenPlugin",
    "Machine",
    "PlatformProvider",
    "Plugins",
    "Probe",
    "built_in",
    "find_plugins",
    "hookimpl",
    "load_plugins",
    "providers",
    "providers_for",
]

GROUP = "dvm_runtimes"

Function = TypeVar("Function", bound=Callable[..., Any])


def hookimpl(function: Function) -> Function:
    """Decorator of a plugin's function ``dvm_platforms() -> list[PlatformProvider]``."""
    import pluggy  # slow to load: only plugins need it

    return pluggy.HookimplMarker(GROUP)(function)


class Hooks:
    """The hooks that a plugin may implement."""

    def dvm_platforms(self) -> list[PlatformProvider]:  # type: ignore[empty-body]
        """The platforms of this plugin."""


class BrokenPlugin(NamedTuple):
    """A plugin that cannot be used. The others still work.

    Attributes:
        name: of the entry point, or of the platform.
        problem: the error, in one line.
    """

    name: str
    problem: str


class Plugins(NamedTuple):
    """The providers by their public names, built-in ones first, and the broken plugins."""

    providers: dict[str, PlatformProvider]
    broken: tuple[BrokenPlugin, ...]


_lock = threading.Lock()
_loaded: Plugins | None = None


def load_plugins() -> Plugins:
    """All providers and broken plugins; a process looks for them once."""
    global _loaded
    with _lock:
        if _loaded is None:
            _loaded = find_plugins()
        return _loaded


def providers() -> dict[str, PlatformProvider]:
    """Every platform's provider by its public name.

    >>> "mock" in providers()
    True
    """
    return dict(load_plugins().providers)


def providers_for(which: str) -> dict[str, PlatformProvider]:
    """The providers among which the runtime that ``which`` asks for is found.

    A built-in one is named as its file is, and then the other files need not be loaded.

    >>> list(providers_for("mock"))
    ['mock']
    """
    name = which.partition(":")[0].strip().lower()
    if _loaded is None and any(name == module.name for module in pkgutil.iter_modules(platforms.__path__)):
        found = {provider.name: provider for provider in _in_module(name)}
        if name in found:
            return {name: found[name]}
    return providers()


def find_plugins() -> Plugins:
    """All providers and broken plugins, without the cache of `load_plugins`."""
    from importlib import metadata

    found = {provider.name: provider for provider in built_in()}
    broken: list[BrokenPlugin] = []
    entries = metadata.entry_points(group=GROUP)
    if not entries:
        return Plugins(found, ())
    import pluggy

    pluggy.HookspecMarker(GROUP)(Hooks.dvm_platforms)
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(Hooks)
    for entry in entries:
        _load(manager, entry, broken)
    for implementation in manager.hook.dvm_platforms.get_hookimpls():
        _ask(implementation, found, broken)
    return Plugins(found, tuple(broken))


def built_in() -> list[PlatformProvider]:
    """The providers that come with DVM; quicker than `providers`, which asks every installed package for its own."""
    found: list[PlatformProvider] = []
    for module_info in sorted(pkgutil.iter_modules(platforms.__path__), key=lambda info: info.name):
        found += _in_module(module_info.name)
    return found


def _in_module(name: str) -> list[PlatformProvider]:
    module = importlib.import_module(f"{platforms.__name__}.{name}")
    own = (value for value in vars(module).values() if _defined_in(value, module.__name__))
    return [value() for value in own if isinstance(value, type) and issubclass(value, PlatformProvider)]


def _defined_in(value: object, module: str) -> bool:
    """Whether ``value`` comes from that module, or from one of that package."""
    return f"{getattr(value, '__module__', '')}.".startswith(f"{module}.")


def _load(manager: pluggy.PluginManager, entry: metadata.EntryPoint, broken: list[BrokenPlugin]) -> None:
    try:
        manager.register(entry.load(), entry.name)
    except Exception as error:  # noqa: BLE001 - another package's code; `dvm doctor` reports it
        broken.append(BrokenPlugin(entry.name, f"cannot be loaded: {_one_line(error)}"))


def _ask(implementation: pluggy.HookImpl, found: dict[str, PlatformProvider], broken: list[BrokenPlugin]) -> None:
    name = str(implementation.plugin_name)
    try:
        brought: list[object] = [*implementation.function()]  # type: ignore[misc]
    except Exception as error:  # noqa: BLE001 - another package's code; `dvm doctor` reports it
        broken.append(BrokenPlugin(name, f"its dvm_platforms() failed: {_one_line(error)}"))
        return
    for provider in brought:
        if not isinstance(provider, PlatformProvider):
            broken.append(BrokenPlugin(name, f"{provider!r} is no PlatformProvider"))
        elif provider.name in found:
            broken.append(BrokenPlugin(name, f"the name {provider.name!r} is taken"))
        else:
            found[provider.name] = provider


def _one_line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())

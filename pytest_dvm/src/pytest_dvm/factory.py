"""`WorkspaceFactory`: several workspaces for one test, on one network where they find each other by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from dvm_runtimes.errors import InvalidOptionError
from dvm_runtimes.validation.naming import check_container_name

if TYPE_CHECKING:
    from .async_workspace import AsyncWorkspace
    from .request import Wanted
    from .supply import Supply
    from .workspace import Workspace


class WorkspaceFactory:
    """Makes workspaces for one test; they are removed when it ends.

    Those that are given a name are on one network of this test's own, and
    reach each other by it. Those without are where the engine puts them.

    Args:
        supply: of the test's runtime.
        wanted: from keywords to what they ask for.

    Attributes:
        workspaces: those made so far.
    """

    def __init__(self, supply: Supply, wanted: Callable[[dict[str, Any]], Wanted]) -> None:
        self._supply = supply
        self._wanted = wanted
        self._network = ""
        self._volume_prefix = ""
        self._volumes: dict[str, None] = {}
        self._names: set[str] = set()
        self.workspaces: list[Workspace] = []

    def __call__(self, name: str = "", **keywords: Any) -> Workspace:
        """Start another one.

        Args:
            name: what the others on the network call it, as in ``"db"``.
            keywords: as for ``@pytest.mark.dvm``; they win over the marker's.

        Raises:
            InvalidOptionError: a keyword, or a name that is taken.
            UnsupportedError: a name, where the engine has no networks.
        """
        wanted = self._wanted(keywords)
        if name:
            check_container_name(name, "name")
            if name in self._names:
                raise InvalidOptionError("name", name, "this test has a workspace of that name already")
            self._names.add(name)
        network = self._join() if name and not wanted.options.network_mode else ""
        workspace = self._supply.make(wanted, network=network, alias=name, volumes=self._plan_volumes(wanted))
        self.workspaces.append(workspace)
        return workspace

    @property
    def aio(self) -> AsyncWorkspaceFactory:
        """The same, awaited."""
        return AsyncWorkspaceFactory(self)

    def _join(self) -> str:
        if not self._network:
            self._network = self._supply.make_network()
        return self._network

    def _plan_volumes(self, wanted: Wanted) -> str:
        """The prefix of this test's volumes, which its workspaces share by name; empty for a workspace without any."""
        from .supply import volumes_of, with_own_volumes

        if wanted.keep_volumes or not volumes_of(wanted.options):
            return ""
        self._volume_prefix = self._volume_prefix or self._supply.volume_prefix()
        volumes = volumes_of(with_own_volumes(wanted.options, self._volume_prefix))
        self._supply.plan_volumes(name for name in volumes if name not in self._volumes)
        self._volumes.update(dict.fromkeys(volumes))
        return self._volume_prefix

    def close(self, *, keep: bool = False) -> None:
        """Remove what was made, and the network; or leave it all to the user."""
        for workspace in self.workspaces:
            if keep:
                self._supply.forget(workspace.name)
            else:
                self._supply.remove(workspace.name)
        self._supply.remove_volumes(self._volumes, keep=keep)
        if self._network:
            self._supply.remove_network(self._network, keep=keep)


class AsyncWorkspaceFactory:
    """`WorkspaceFactory` for async tests: ``db = await dvm_workspace_factory("db")``."""

    def __init__(self, factory: WorkspaceFactory) -> None:
        self.sync = factory

    async def __call__(self, name: str = "", **keywords: Any) -> AsyncWorkspace:
        """Start another one; see `WorkspaceFactory`."""
        from .async_workspace import in_thread

        return (await in_thread(self.sync, name, **keywords)).aio

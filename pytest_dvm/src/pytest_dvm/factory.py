"""`WorkspaceFactory`: several workspaces for one test, on one network."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from dvm_runtimes.errors import InvalidOptionError
from dvm_runtimes.validation.naming import check_container_name

if TYPE_CHECKING:
    from .async_workspace import AsyncWorkspace
    from .request import WorkspaceRequest
    from .supply import Supply
    from .workspace import Workspace


class WorkspaceFactory:
    """Creates workspaces for one test; they are removed when it ends.

    Workspaces with a name are on one network of the test and reach each other
    by name. The others are on the engine's default network.

    Args:
        supply: the supply of the test's runtime.
        parse: keywords to the workspace that they request.

    Attributes:
        workspaces: the workspaces created so far.
    """

    def __init__(self, supply: Supply, parse: Callable[[dict[str, Any]], WorkspaceRequest]) -> None:
        self._supply = supply
        self._parse = parse
        self._network = ""
        self._volume_prefix = ""
        self._volumes: dict[str, None] = {}
        self._names: set[str] = set()
        self.workspaces: list[Workspace] = []

    def __call__(self, name: str = "", **keywords: Any) -> Workspace:
        """Create and start a workspace.

        Args:
            name: its name on the network, as in ``"db"``.
            keywords: those of ``@pytest.mark.dvm``; they override the marker's.

        Raises:
            InvalidOptionError: an invalid keyword, or a name that is taken.
            UnsupportedError: a name was given, and the engine has no networks.
        """
        request = self._parse(keywords)
        if name:
            check_container_name(name, "name")
            if name in self._names:
                raise InvalidOptionError("name", name, "this test already has a workspace of that name")
            self._names.add(name)
        network = self._join() if name and not request.options.network_mode else ""
        workspace = self._supply.make(request, network=network, alias=name, volumes=self._plan_volumes(request))
        self.workspaces.append(workspace)
        return workspace

    @property
    def aio(self) -> AsyncWorkspaceFactory:
        """The same factory, to be awaited."""
        return AsyncWorkspaceFactory(self)

    def _join(self) -> str:
        if not self._network:
            self._network = self._supply.make_network()
        return self._network

    def _plan_volumes(self, request: WorkspaceRequest) -> str:
        """The prefix of this test's volumes, which its workspaces share by name; empty for a workspace without any."""
        from .supply import volumes_of, with_own_volumes

        if request.keep_volumes or not volumes_of(request.options):
            return ""
        self._volume_prefix = self._volume_prefix or self._supply.volume_prefix()
        volumes = volumes_of(with_own_volumes(request.options, self._volume_prefix))
        self._supply.plan_volumes(name for name in volumes if name not in self._volumes)
        self._volumes.update(dict.fromkeys(volumes))
        return self._volume_prefix

    def close(self, *, keep: bool = False) -> None:
        """Remove the workspaces, their volumes and the network, or keep them."""
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
        """Create and start a workspace; see `WorkspaceFactory`."""
        from .async_workspace import in_thread

        return (await in_thread(self.sync, name, **keywords)).aio

"""`DvmServer`: the commands of `commands.table` on the runtime in use, for one client."""

from __future__ import annotations

import logging
import threading
from functools import partial
from typing import TYPE_CHECKING, Any

from dvm_server.protocol.errors import RequestError
from dvm_server.protocol.server import CommandServer
from dvm_server.protocol.work import NeedsThreadError, RunOnThread, Work

from . import __version__, memory
from .commands import COMMAND_IDS

if TYPE_CHECKING:
    from dvm_runtimes.infos import WorkspaceEvent
    from dvm_runtimes.workspaces.watching import WorkspaceWatch

    from .arguments import Arguments
    from .live_state import LiveState
    from .selection import Selection, State

log = logging.getLogger(__name__)


class DvmServer(CommandServer):
    """Workspaces for one editor.

    Args:
        runtime: the runtime to use; ``initializationOptions.runtime`` of the client takes precedence.
    """

    def __init__(self, runtime: str = "auto") -> None:
        super().__init__("dvm-server", __version__)
        self._runtime = runtime
        self.experimental = {"dvm": {"workspaceChanged": True, "runtimeChanged": True}}
        self._loading = threading.RLock()
        self._loaded = False
        self._live: LiveState | None = None
        self._selection: Selection | None = None
        for name in COMMAND_IDS:
            self.command(name)(partial(self._execute, name))

    def _execute(self, name: str, argument: Any) -> Any:
        """Run a command on the event loop while that takes no time, else on a thread."""
        if self._loaded:  # the loop must not wait for imports
            from .commands import table

            try:
                return table.execute(self, name, argument, None)
            except NeedsThreadError:
                pass
        return RunOnThread(partial(self._execute_on_thread, name))

    def _execute_on_thread(self, name: str, work: Work) -> Any:
        from .commands import table

        return table.execute(self, name, work.argument, work)

    # Life

    @property
    def default_image(self) -> str:
        """``initializationOptions.image``: the image of a folder's workspace; empty when left out."""
        return self._setting("image")

    def _setting(self, name: str) -> str:
        options = self.client.options
        value = options.get(name) if isinstance(options, dict) else None
        return value if isinstance(value, str) else ""

    def after_initialize(self) -> None:
        # Imports take longer than the answer, which the client has now.
        self._send_status("ok", quiescent=False, message="Looking for a container engine")
        threading.Thread(target=self._load, name="dvm-load", daemon=True).start()

    def _load(self) -> None:
        memory.forget_generated_source()
        self.selection.start()
        from .commands import table  # noqa: F401 - imported here so that the first command finds it loaded

        self._loaded = True

    def close(self) -> None:
        if self._selection is not None:
            self._selection.close()

    def explain(self, error: BaseException, command: str, argument: Any) -> RequestError:
        from dvm_runtimes.errors import DvmError

        from .error_responses import error_response

        if isinstance(error, DvmError):
            log.info("%s: %s", command, error.kind)
            return error_response(error, command, argument)
        return super().explain(error, command, argument)

    # For commands

    @property
    def selection(self) -> Selection:
        """The runtime in use."""
        from .selection import Selection

        with self._loading:
            if self._selection is None:
                self._selection = Selection(self._setting("runtime") or self._runtime, self)
            return self._selection

    @property
    def live(self) -> LiveState:
        """The workspaces, as the engine's events report them."""
        from .live_state import LiveState

        with self._loading:
            if self._live is None:
                self._live = LiveState()
            return self._live

    @property
    def folder(self) -> str | None:
        """The path of the client's first folder; None when it has none open."""
        from urllib.parse import unquote, urlsplit

        for uri in self.client.folders:
            if uri.startswith("file:"):
                return unquote(urlsplit(uri).path)
        return None

    def arguments(self, argument: Any) -> Arguments:
        """The argument of a command; relative paths start at the client's folder."""
        from .arguments import Arguments

        return Arguments(argument, self.folder)

    # The listener of the selection

    def runtime_changed(self, state: State) -> None:
        log.info("Runtime %s: %s", state.runtime, state.state)
        self.notify_client("dvm/runtimeChanged", state.to_dict())
        if state.state == "ready":
            self._send_status("ok", quiescent=True, message=f"{state.platform_name} {state.version}")
        else:
            self._send_status("error", quiescent=True, message=" ".join(filter(None, [state.message, state.hint])))

    def watching(self, watch: WorkspaceWatch) -> None:
        self.live.begin(watch.snapshot())

    def not_watching(self) -> None:
        self.live.pause()

    def workspace_changed(self, event: WorkspaceEvent) -> None:
        from . import json_codec

        self.live.apply(event)
        data = json_codec.workspace(event.workspace)
        self.notify_client("dvm/workspaceChanged", {"workspace": data, "cause": str(event.kind), "time": event.time})

    def _send_status(self, health: str, *, quiescent: bool, message: str) -> None:
        if self.client.can("experimental", "serverStatusNotification"):
            status = {"health": health, "quiescent": quiescent, "message": message}
            self.notify_client("experimental/serverStatus", status)

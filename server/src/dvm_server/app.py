"""`DvmServer`: the server of commands, with workspaces behind them."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from dvm_server.protocol.failures import RequestError
from dvm_server.protocol.server import CommandServer
from dvm_server.protocol.work import Work

from . import __version__, memory

if TYPE_CHECKING:
    from dvm_runtimes.infos import WorkspaceEvent, WorkspaceInfo
    from dvm_runtimes.runtime import ContainerRuntime, WorkspaceWatch

    from .arguments import Arguments
    from .live import LiveState
    from .selection import Selection, State

log = logging.getLogger(__name__)

_SHOWN_LIMIT = 0.5
"""Seconds that a command waits for the events of what it has done."""


class DvmServer(CommandServer):
    """Workspaces for one editor.

    Args:
        runtime: which one to use; the client's ``initializationOptions.runtime`` goes before it.
    """

    def __init__(self, runtime: str = "auto") -> None:
        super().__init__("dvm-server", __version__)
        self._runtime = runtime
        self.experimental = {"dvm": {"workspaceChanged": True, "runtimeChanged": True}}
        self._loading = threading.RLock()
        self._live: LiveState | None = None
        self._selection: Selection | None = None

    # Life

    @property
    def default_image(self) -> str:
        """The image for folders that say nothing themselves; empty when the client has told none."""
        return self._setting("image")

    def _setting(self, name: str) -> str:
        options = self.client.options
        value = options.get(name) if isinstance(options, dict) else None
        return value if isinstance(value, str) else ""

    def after_initialize(self) -> None:
        # Importing takes longer than answering; the client has its answer by now.
        self._send_status("ok", quiescent=False, message="Looking for a container engine")
        threading.Thread(target=self._load, name="dvm-load", daemon=True).start()

    def _load(self) -> None:
        memory.forget_generated_source()
        self.selection.start()

    def close(self) -> None:
        if self._selection is not None:
            self._selection.close()

    def explain(self, error: BaseException, command: str, argument: Any) -> RequestError:
        from dvm_runtimes.errors import DvmError

        from .failures import explain

        if isinstance(error, DvmError):
            log.info("%s: %s", command, error.kind)
            return explain(error, command, argument)
        return super().explain(error, command, argument)

    # What commands use

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
        """The workspaces, as far as events have told."""
        from .live import LiveState

        with self._loading:
            if self._live is None:
                self._live = LiveState()
            return self._live

    @property
    def folder(self) -> str | None:
        """The client's first folder, as a path; None when it has none open."""
        from urllib.parse import unquote, urlsplit

        for uri in self.client.folders:
            if uri.startswith("file:"):
                return unquote(urlsplit(uri).path)
        return None

    def arguments(self, argument: Any) -> Arguments:
        """A command's argument, with this client's folder."""
        from .arguments import Arguments

        return Arguments(argument, self.folder)

    @contextlib.contextmanager
    def runtime(self, work: Work) -> Iterator[ContainerRuntime]:
        """The runtime in use, for a command on a thread."""
        with self.selection.use(work.cancel) as runtime:
            yield runtime

    def infos(self, runtime: ContainerRuntime, work: Work) -> list[WorkspaceInfo]:
        """Every workspace: as events have told, else as the engine tells."""
        infos = self.live.infos()
        return runtime.list_workspaces(cancel=work.cancel) if infos is None else infos

    def reference(self, arguments: Arguments, runtime: ContainerRuntime, work: Work) -> str:
        """What to call the workspace that a command means; ``workspace`` and ``folder`` are taken."""
        from . import targets

        named, folder = arguments.text("workspace"), arguments.folder
        return named or targets.meant(self.infos(runtime, work), folder).id

    def shown(self, info: WorkspaceInfo) -> dict[str, Any]:
        """A workspace as clients get it, once the events have told of it what the engine has told us."""
        from . import json_codec

        self.live.await_shown(info, _SHOWN_LIMIT)
        return json_codec.workspace(info)

    # What the selection tells

    def runtime_changed(self, state: State) -> None:
        log.info("Runtime %s: %s", state.runtime, state.state)
        self.tell("dvm/runtimeChanged", state.to_dict())
        if state.state == "ready":
            self._send_status("ok", quiescent=True, message=f"{state.platform_name} {state.version}")
        else:
            self._send_status("error", quiescent=True, message=" ".join(filter(None, [state.message, state.hint])))

    def watching(self, watch: WorkspaceWatch) -> None:
        self.live.begin(watch.snapshot())

    def not_watching(self) -> None:
        self.live.pause()

    def workspace_changed(self, event: WorkspaceEvent) -> None:
        data = self.live.apply(event)
        self.tell("dvm/workspaceChanged", {"workspace": data, "cause": str(event.kind), "time": event.time})

    def _send_status(self, health: str, *, quiescent: bool, message: str) -> None:
        if self.client.can("experimental", "serverStatusNotification"):
            status = {"health": health, "quiescent": quiescent, "message": message}
            self.tell("experimental/serverStatus", status)

"""pygls' protocol object, with its ways to the client led through ours."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from cattrs import Converter
from lsprotocol import types
from pygls.protocol import LanguageServerProtocol

if TYPE_CHECKING:
    from .server import CommandServer


class CommandProtocol(LanguageServerProtocol):
    """Keeps pygls' features, commands, capabilities and workspace folders; sends nothing itself."""

    _server: CommandServer

    def __init__(self, server: CommandServer, converter: Converter) -> None:
        super().__init__(server, converter)

    def notify(self, method: str, params: Any | None = None) -> None:
        self._server.tell(method, self.plain(params))

    def send_request(
        self,
        method: str,
        params: Any | None = None,
        callback: Callable[[Any], None] | None = None,
        msg_id: str | int | None = None,
    ) -> Future[Any]:
        future: Future[Any] = Future()

        def replied(result: Any, error: Any) -> None:
            if error is not None:
                future.set_exception(RuntimeError("the client answered with an error"))
                return
            future.set_result(result)
            if callback is not None:
                callback(result)

        self._server.ask(method, self.plain(params), replied)
        return future

    def structure(self, method: str, params: Any) -> Any:
        """The typed parameters of a method of LSP.

        Raises:
            Exception: cattrs' own; they do not have the form of the specification.
        """
        message = {"jsonrpc": "2.0", "method": method, "id": 0, "params": params}
        return self._converter.structure(message, types.METHOD_TO_TYPES[method][0]).params

    def plain(self, value: Any) -> Any:
        """A typed value as JSON has it."""
        return self._converter.unstructure(value) if hasattr(value, "__attrs_attrs__") else value

    def run_builtin(self, method: str, params: Any) -> Any:
        """Do what pygls does by itself for a method, the user's own handler included, and return its result."""
        steps = self.fm.builtin_features[method](params)
        value = None
        while True:
            try:
                handler, arguments, _ = steps.send(value)
            except StopIteration as end:
                return end.value
            value = handler(*arguments)

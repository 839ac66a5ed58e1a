"""pygls' protocol object; what it sends goes through `CommandServer`."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from cattrs import Converter
from pygls.protocol import LanguageServerProtocol

if TYPE_CHECKING:
    from .server import CommandServer


class CommandProtocol(LanguageServerProtocol):
    """pygls' registries of features and commands, and its methods to notify and request."""

    _server: CommandServer

    def __init__(self, server: CommandServer, converter: Converter) -> None:
        super().__init__(server, converter)

    def notify(self, method: str, params: Any | None = None) -> None:
        self._server.notify_client(method, self.plain(params))

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
                future.set_exception(RuntimeError("the client returned an error"))
                return
            future.set_result(result)
            if callback is not None:
                callback(result)

        self._server.request_client(method, self.plain(params), replied)
        return future

    def plain(self, value: Any) -> Any:
        """A typed value as JSON."""
        return self._converter.unstructure(value) if hasattr(value, "__attrs_attrs__") else value


class LateConverter:
    """lsprotocol's converter, built at its first use: only typed messages need it, and it takes long to build."""

    def __getattr__(self, name: str) -> Any:
        from pygls.protocol import default_converter

        converter = default_converter()  # type: ignore[no-untyped-call]
        self.__dict__.update({key: getattr(converter, key) for key in ("structure", "unstructure")})
        return getattr(converter, name)

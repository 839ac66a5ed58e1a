"""A bare server on stock pygls: what dvm-server is measured beside."""

from pygls.lsp.server import LanguageServer

server = LanguageServer("peer", "1")


@server.command("bench.nothing")
def nothing() -> None:
    """Answer null."""


if __name__ == "__main__":
    server.start_io()

"""``dvm-server``: container workspaces for every editor, as JSON-RPC over standard input and output."""

__version__ = "0.1.0"

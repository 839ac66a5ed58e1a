"""JSON-RPC as language servers speak it; knows nothing of containers and uses no library."""

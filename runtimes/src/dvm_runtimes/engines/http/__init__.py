"""JSON over HTTP to an engine, on a Unix socket, TCP or TLS: every request ends with its `Operation`."""

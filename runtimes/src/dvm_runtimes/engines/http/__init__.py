"""HTTP to an engine over a Unix socket, TCP, TLS or ssh: requests that a time limit or a cancel event cuts short."""

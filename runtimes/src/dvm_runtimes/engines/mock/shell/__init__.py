"""A small POSIX shell over the mock's processes and files."""

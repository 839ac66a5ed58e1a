"""One file a sub-command; each has a ``command`` and is loaded when it is called."""

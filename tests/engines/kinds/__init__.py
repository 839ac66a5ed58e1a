"""One file for each kind of engine; each has a list ``KINDS``."""

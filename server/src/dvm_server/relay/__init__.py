"""A terminal in another process for an engine that lives in this one: a private socket, and a program that joins it.

Editors run terminals as processes of their own, which cannot see what is in
the server's memory. For engines that other processes reach, ``dvm attach``
needs none of this.
"""

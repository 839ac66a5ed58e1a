"""A terminal in another process for an engine that lives in the server: a private socket and a program that joins it.

Editors run terminals as processes of their own, which cannot reach the server's memory. Other engines are reached with
``dvm attach``.
"""

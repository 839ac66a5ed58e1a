"""A JSON-RPC server that nothing its client does can break; it knows nothing of containers.

A layer over pygls: its types, its features, its command registration, with
the reading, the writing, the running and the ending done anew.
"""

"""A robust JSON-RPC server of commands; knows nothing of containers.

A layer over pygls: types, features and the registration of commands are pygls', while reading, writing, running,
cancelling and ending are replaced.
"""

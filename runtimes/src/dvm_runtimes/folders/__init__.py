"""Folders of this host: whose workspace is whose."""

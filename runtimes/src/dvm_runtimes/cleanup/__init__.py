"""Removal of what a process leaves on an engine: recorded while it runs, removed when it has ended."""
